// The same variants by sharp, in every arrangement that is worth a try; which is best is measured.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

import sharp from "sharp";

sharp.cache(false);
sharp.concurrency(1);

const SIDES = { thumbnail: 150, small: 300, medium: 600, large: 1200 };
const NAMES = Object.keys(SIDES);
const encode = (image, effort) => image.webp({ quality: 85, effort }).toBuffer();
const fit = (image, name) => image.resize(SIDES[name], SIDES[name], { fit: "inside", withoutEnlargement: true });
const rawOf = async (image) => {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return () => sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
};

const ARRANGEMENTS = {
  /** Each variant from the file, which sharp decodes at a smaller scale where it can. */
  apart: async (file, effort, names) =>
    Promise.all(names.map((name) => encode(SIDES[name] ? fit(sharp(file).autoOrient(), name) : sharp(file).autoOrient(), effort))),
  /** The four from one of 1200, the full size from the file. */
  chained: async (file, effort, names) => {
    const large = names.some((name) => SIDES[name]) ? await rawOf(fit(sharp(file).autoOrient(), "large")) : undefined;
    return Promise.all(names.map((name) => {
      if (!SIDES[name]) return encode(sharp(file).autoOrient(), effort);
      return encode(name === "large" ? large() : fit(large(), name), effort);
    }));
  },
  /** Decoded once, in full. */
  once: async (file, effort, names) => {
    const whole = await rawOf(sharp(file).autoOrient());
    return Promise.all(names.map((name) => encode(SIDES[name] ? fit(whole(), name) : whole(), effort)));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { what, file, out, arrangement, effort } = JSON.parse(line);
  const bytes = readFileSync(file);
  const names = what === "four" ? NAMES : what === "full" ? ["webp"] : [...NAMES, "webp"];
  const make = () => ARRANGEMENTS[arrangement](bytes, effort, names);
  const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()];
  const made = await make();
  const { user, system } = process.cpuUsage(cpu);
  const spent = { cpu: (user + system) / 1000, wall: Number(process.hrtime.bigint() - wall) / 1e6 };
  if (out) {
    mkdirSync(out, { recursive: true });
    names.forEach((name, at) => writeFileSync(path.join(out, `${name}.webp`), made[at]));
  }
  console.log(JSON.stringify({ ...spent, sizes: names.map((name, at) => [name, made[at].length]) }));
}
