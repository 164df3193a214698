// How much one machine takes: photos a second from the ticket to COMPLETED by 1, 2 and 4 workers' processes, and tickets a second by
// one and two servers on one PostgreSQL; and where the time goes. Run by `make bench-capacity`.

import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import autocannon from "autocannon";

import { COMPLETE, send, startServer, ticketFor } from "../tests/clients/server.js";
import { cpuOfFamily } from "./measure.mjs";

const IMAGES = Number(process.env.IMAGES ?? 200);
const SECONDS = Number(process.env.SECONDS ?? 8);
const AT_ONCE = 16;
const { DARKROOM, TEST_POSTGRES, TEST_S3_ENDPOINT, POSTGRES_PID } = process.env;
const photo = readFileSync(process.argv[2]);

/** Settings for a database and a bucket of its own. */
function elsewhere(name) {
  execFileSync("psql", [`${TEST_POSTGRES}/postgres`, "-qc", `CREATE DATABASE ${name}`]);
  const settings = {
    DATABASE_URL: `${TEST_POSTGRES}/${name}`,
    JWT_SECRET: "a secret that is long enough for a measurement",
    AWS_STORAGE_BUCKET_NAME: name.replaceAll("_", "-"),
    AWS_ENDPOINT_URL_S3: TEST_S3_ENDPOINT,
    RATE_LIMIT_POINTS: "0",
    MAX_UNFINISHED_UPLOADS: "0",
    MAX_CONCURRENT_OPERATIONS: "64",
    WORKERS: "2",
  };
  execFileSync(DARKROOM, ["storage", "setup"], { env: { ...process.env, ...settings } });
  return settings;
}

/** Cores that processes keep busy, by what they are, from now until the returned function is called. */
function watch(groups) {
  const machine = () => {
    const [, user, nice, system, idle, wait] = readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).map(Number);
    return { busy: user + nice + system, all: user + nice + system + idle + wait };
  };
  const cpu = () => Object.entries(groups).map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + cpuOfFamily(Number(pid)), 0)]);
  const [began, before, all] = [performance.now(), cpu(), machine()];
  return () => {
    const took = performance.now() - began;
    const now = machine();
    const cores = cpu().map(([name, value], at) => [name, (value - before[at][1]) / took]);
    return { ...Object.fromEntries(cores), machine: (now.busy - all.busy) / (now.all - all.all) };
  };
}

const started = (folder, settings) =>
  spawn(DARKROOM, ["worker"], { env: { ...process.env, RUST_LOG: "error", DATA_DIR: folder, ...settings }, stdio: ["ignore", "ignore", "inherit"] });

async function uploads(count) {
  const settings = elsewhere(`capacity_uploads_${count}`);
  const server = await startServer({ program: DARKROOM, settings, words: ["--no-worker"] });
  const workers = Array.from({ length: count }, () => started(server.folder, settings));
  const cores = watch({ server: [server.pid], workers: workers.map(({ pid }) => pid), postgres: [POSTGRES_PID], client: [process.pid] });
  const began = performance.now();
  let next = 0;
  const client = async () => {
    while (next++ < IMAGES) {
      const ticket = await ticketFor(server, photo, "photo.jpg", "image/jpeg");
      await ticket.post();
      await send(server, COMPLETE, { input: { imageId: ticket.imageId } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  for (let completed = 0; completed < IMAGES; ) {
    await sleep(20);
    const { imageStats } = await send(server, "{ imageStats { byStatus { status count } } }");
    const counts = Object.fromEntries(imageStats.byStatus.map(({ status, count }) => [status, count]));
    if (counts.FAILED) throw new Error(`${counts.FAILED} failed`);
    completed = counts.COMPLETED ?? 0;
  }
  const rate = IMAGES / ((performance.now() - began) / 1000);
  const busy = cores();
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve))));
  await server.stop();
  return { rate, busy };
}

async function tickets(count) {
  const settings = elsewhere(`capacity_tickets_${count}`);
  const servers = [];
  for (let at = 0; at < count; at++) servers.push(await startServer({ program: DARKROOM, settings, words: ["--no-worker"] }));
  const { categories } = await send(servers[0], "{ categories { id } }");
  const query = "mutation ($input: RequestUploadInput!) { requestUpload(input: $input) { upload { url fields { name value } image { id } } userErrors { code } } }";
  const input = { filename: "a.jpg", contentType: "image/jpeg", fileSize: photo.length, categoryId: categories[0].id };
  const fire = (server) =>
    autocannon({
      url: server.graphql,
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ query, variables: { input } }),
      connections: 32 / count,
      duration: SECONDS,
      workers: 1,
    });
  await Promise.all(servers.map((server) => autocannon({ url: `${server.url}/healthz`, duration: 1 })));
  const cores = watch({ server: servers.map(({ pid }) => pid), postgres: [POSTGRES_PID], client: [process.pid] });
  const results = await Promise.all(servers.map(fire));
  const busy = cores();
  const failed = results.reduce((sum, result) => sum + result.non2xx + result.errors, 0);
  if (failed) throw new Error(`${failed} tickets failed`);
  const { imageStats } = await send(servers[0], "{ imageStats { byStatus { status count } } }");
  const pending = imageStats.byStatus.find(({ status }) => status === "PENDING").count;
  for (const server of servers) await server.stop();
  return { rate: pending / SECONDS, busy };
}

const share = (cores) => cores.toFixed(2);
console.log(`${availableParallelism()} cores; ${IMAGES} photos of ${Math.round(photo.length / 1000)} KB, ${AT_ONCE} clients; tickets for ${SECONDS} s on 32 connections`);
console.log("| | a second | cores: servers | workers | PostgreSQL | client | machine busy |");
console.log("|---|---|---|---|---|---|---|");
for (const count of [1, 2, 4]) {
  const { rate, busy } = await uploads(count);
  console.log(`| photos, ${count} × 2 images at once | ${rate.toFixed(1)} | ${share(busy.server)} | ${share(busy.workers)} | ${share(busy.postgres)} | ${share(busy.client)} | ${(busy.machine * 100).toFixed(0)} % |`);
}
for (const count of [1, 2]) {
  const { rate, busy } = await tickets(count);
  console.log(`| tickets, ${count} servers | ${rate.toFixed(0)} | ${share(busy.server)} | | ${share(busy.postgres)} | ${share(busy.client)} | ${(busy.machine * 100).toFixed(0)} % |`);
}
