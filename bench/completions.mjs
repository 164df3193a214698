// How many small photos a second go from completeUpload to COMPLETED on one machine, and what each of them costs. Every
// program of PROGRAMS (a list with commas, oldest first) takes its turn in every round. Run by `make bench-completions`.

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { COMPLETE, send, startServer, ticketFor } from "../tests/clients/server.js";
import { cpuOf, cpuOfFamily, median } from "./measure.mjs";

const IMAGES = Number(process.env.IMAGES ?? 200);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const AT_ONCE = 16;
const PROGRAMS = (process.env.PROGRAMS ?? process.env.DARKROOM).split(",");
const photo = readFileSync(process.argv[2]);
const settings = { RATE_LIMIT_POINTS: "0", MAX_UNFINISHED_UPLOADS: "0" };

/** Does something so many times, some of them at once. */
async function times(count, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Completes photos that were posted before, and waits until all of them are made. */
async function round(program) {
  const server = await startServer({ program, settings });
  const tickets = [];
  await times(IMAGES, async () => {
    const ticket = await ticketFor(server, photo, "photo.jpg", "image/jpeg");
    await ticket.post();
    tickets.push(ticket.imageId);
  });
  const [began, family, own] = [performance.now(), cpuOfFamily(server.pid), cpuOf(server.pid)];
  await times(IMAGES, (at) => send(server, COMPLETE, { input: { imageId: tickets[at] } }));
  const accepted = performance.now() - began;
  for (let completed = 0; completed < IMAGES; ) {
    await sleep(20);
    const { imageStats } = await send(server, "{ imageStats { byStatus { status count } } }");
    const counts = Object.fromEntries(imageStats.byStatus.map(({ status, count }) => [status, count]));
    if (counts.FAILED) throw new Error(`${counts.FAILED} failed`);
    completed = counts.COMPLETED ?? 0;
  }
  const seconds = (performance.now() - began) / 1000;
  const result = {
    accepted: (IMAGES / accepted) * 1000,
    completed: IMAGES / seconds,
    all: (cpuOfFamily(server.pid) - family) / IMAGES,
    own: (cpuOf(server.pid) - own) / IMAGES,
  };
  await server.stop();
  return result;
}

const results = PROGRAMS.map(() => []);
for (let at = 0; at < ROUNDS; at++) {
  for (const [which, program] of PROGRAMS.entries()) results[which].push(await round(program));
}
console.log(`| ${IMAGES} photos of ${Math.round(photo.length / 1000)} KB | completeUpload a second | COMPLETED a second | CPU ms each | of it the server's own |`);
console.log("|---|---|---|---|---|");
for (const [which, program] of PROGRAMS.entries()) {
  const row = ["accepted", "completed", "all", "own"].map((key) => median(results[which].map((each) => each[key])).toFixed(1));
  console.log(`| ${program.split("/").at(-1)} | ${row.join(" | ")} |`);
}
