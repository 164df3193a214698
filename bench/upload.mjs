// What the server costs when nobody asks, and how long a photo of 12 megapixels takes. Run by `make bench`.

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { COMPLETE, WATCH, send, startServer, ticketFor } from "../tests/clients/server.js";
import { cpuOfFamily as cpu, median, memoryOf as memory, memoryOfFamily } from "./measure.mjs";

const ROUNDS = 5;
const photo = readFileSync(process.argv[2]);
const results = { start: [], idle: [], idleCpu: [], first: [], firstCpu: [], all: [], cpu: [], peak: [] };
for (let round = 0; round < ROUNDS; round++) {
  const began = performance.now();
  const server = await startServer({ token: false });
  await fetch(`${server.url}/readyz`);
  results.start.push(performance.now() - began);
  await server.signIn();
  await sleep(1000);
  const restingCpu = cpu(server.pid);
  await sleep(5000);
  results.idle.push(memory(server.pid, "VmRSS"));
  results.idleCpu.push((cpu(server.pid) - restingCpu) / 5);

  const connectionParams = { Authorization: `Bearer ${server.token}` };
  const client = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams });
  const { imageId, post } = await ticketFor(server, photo, "photo.jpg", "image/jpeg");
  await post();
  const busyCpu = cpu(server.pid);
  let completedAt;
  let completedCpu;
  let firstAt;
  let peak = 0;
  const watching = setInterval(() => (peak = Math.max(peak, memoryOfFamily(server.pid))), 5);
  for await (const { data } of client.iterate({ query: WATCH, variables: { id: imageId } })) {
    const { variant, status, failure } = data.uploadProgress;
    if (completedAt === undefined) {
      completedAt = performance.now();
      completedCpu = cpu(server.pid);
      await send(server, COMPLETE, { input: { imageId } });
    }
    if (variant && firstAt === undefined) {
      firstAt = performance.now();
      results.firstCpu.push(cpu(server.pid) - completedCpu);
    }
    if (status === "FAILED") throw new Error(failure?.message);
  }
  results.first.push(firstAt - completedAt);
  results.all.push(performance.now() - completedAt);
  results.cpu.push(cpu(server.pid) - busyCpu);
  clearInterval(watching);
  results.peak.push(peak);
  await client.dispose();
  await server.stop();
}

const row = (what, numbers, unit) =>
  console.log(`| ${what} | ${median(numbers).toFixed(1)} ${unit} | ${Math.min(...numbers).toFixed(1)} – ${Math.max(...numbers).toFixed(1)} |`);
console.log(`| of ${ROUNDS} fresh servers | median | least – most |\n|---|---|---|`);
row("process start to the first answer of /readyz", results.start, "ms");
row("resident memory, idle", results.idle, "MiB");
row("CPU, idle, per second", results.idleCpu, "ms");
row("completeUpload to the first variant's event", results.first, "ms");
row("CPU of that, all processes", results.firstCpu, "ms");
row("completeUpload to COMPLETED", results.all, "ms");
row("CPU of the upload and of that, all processes", results.cpu, "ms");
row("peak resident memory of all processes", results.peak, "MiB");
