// Two hundred photos of 12 megapixels, queued before anybody makes them, with half a gigabyte for images: how much
// memory all processes take together at most, and that all of them are made. Run by `make bench-queue`.

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { COMPLETE, send, startServer, ticketFor } from "../tests/clients/server.js";
import { cpuOfFamily, memoryOfFamily } from "./measure.mjs";

const IMAGES = Number(process.env.IMAGES ?? 200);
const settings = { IMAGE_MEMORY_BUDGET: String(512 * 1024 * 1024), WORKERS: "16" };
const photo = readFileSync(process.argv[2]);

const quiet = await startServer({ words: ["--no-worker"] });
for (let image = 0; image < IMAGES; image++) {
  const { imageId, post } = await ticketFor(quiet, photo, "photo.jpg", "image/jpeg");
  await post();
  const { completeUpload } = await send(quiet, COMPLETE, { input: { imageId } });
  if (completeUpload.image.status !== "PROCESSING") throw new Error("not queued");
}
await quiet.end();

const began = performance.now();
const busy = await startServer({ folder: quiet.folder, settings });
const STATUS = "{ imageStats { byStatus { status count } } }";
let peak = 0;
let most = 0;
for (;;) {
  const until = performance.now() + 500;
  while (performance.now() < until) {
    const now = memoryOfFamily(busy.pid);
    peak = Math.max(peak, now);
    await sleep(10);
  }
  const { imageStats } = await send(busy, STATUS);
  const counts = Object.fromEntries(imageStats.byStatus.map(({ status, count }) => [status, count]));
  if (counts.FAILED) throw new Error(`${counts.FAILED} failed`);
  most = Math.max(most, counts.PROCESSING ?? 0);
  if (counts.COMPLETED === IMAGES) break;
}
const seconds = (performance.now() - began) / 1000;
console.log(`${IMAGES} photos, ${most} of them waiting at once: all COMPLETED in ${seconds.toFixed(1)} s,`);
console.log(`${(cpuOfFamily(busy.pid) / IMAGES).toFixed(0)} ms of CPU each, ${peak.toFixed(0)} MiB resident at most, all processes together.`);
await busy.stop();
