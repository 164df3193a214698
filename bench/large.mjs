// A file of 1 GiB through the server itself: how fast a form's POST to the embedded storage is, and how much memory it takes,
// beside a PUT to nginx's WebDAV module on the same disk, with the same fsync. Run by `make bench-large`.

import { execFile, spawn } from "node:child_process";
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { send, startServer } from "../tests/clients/server.js";
import { cpuOfFamily, median, memoryOf } from "./measure.mjs";

const MEBIBYTE = 1024 ** 2;
const SIZE = Number(process.env.MEBIBYTES ?? 1024) * MEBIBYTE;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const folder = mkdtempSync(path.join(tmpdir(), "darkroom-bench-large-"));

function largeFile() {
  const file = path.join(folder, "large.jpg");
  const piece = randomBytes(MEBIBYTE);
  const open = openSync(file, "w");
  for (let written = 0; written < SIZE; written += piece.length) writeSync(open, piece);
  fsyncSync(open);
  closeSync(open);
  return file;
}

function synced(file) {
  const open = openSync(file, "r");
  fsyncSync(open);
  closeSync(open);
}

const curl = (...words) => promisify(execFile)("curl", ["-sS", "--fail", "-H", "Expect:", "-o", "/dev/null", ...words]);

async function darkroom(file) {
  const server = await startServer({ settings: { MAX_UPLOAD_SIZE: String(SIZE), RATE_LIMIT_POINTS: "0" } });
  const { categories } = await send(server, "{ categories { id } }");
  const query = "mutation($input: RequestUploadInput!) { requestUpload(input: $input) { upload { url fields { name value } } userErrors { message } } }";
  return {
    name: "Darkroom, POST of a form",
    pid: server.pid,
    stop: () => server.stop(),
    async upload() {
      const input = { filename: "large.jpg", contentType: "image/jpeg", fileSize: SIZE, categoryId: categories[0].id };
      const { upload, userErrors } = (await send(server, query, { input })).requestUpload;
      if (!upload) throw new Error(JSON.stringify(userErrors));
      // The answer comes when the object is on the disk.
      return () => curl(...upload.fields.flatMap(({ name, value }) => ["-F", `${name}=${value}`]), "-F", `file=@${file};type=image/jpeg`, upload.url);
    },
  };
}

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

async function nginx(file) {
  const root = path.join(folder, "nginx");
  for (const name of ["", "files", "temp"]) mkdirSync(path.join(root, name), { recursive: true });
  const port = await freePort();
  const config = path.join(root, "nginx.conf");
  writeFileSync(config, `user root;
    daemon off; worker_processes auto; pid ${root}/pid; error_log ${root}/error.log;
    events {}
    http {
      access_log off; client_max_body_size 0; client_body_temp_path ${root}/temp;
      server { listen 127.0.0.1:${port}; root ${root}/files; location / { dav_methods PUT; } }
    }`);
  const server = spawn("nginx", ["-p", root, "-c", config], { stdio: "inherit" });
  await sleep(1000);
  return {
    name: "nginx, PUT by WebDAV, and fsync",
    pid: server.pid,
    async stop() {
      server.kill();
    },
    async upload(round) {
      const name = `${round}.jpg`;
      return async () => {
        await curl("-T", file, `http://127.0.0.1:${port}/${name}`);
        synced(path.join(root, "files", name));
      };
    },
  };
}

const file = largeFile();
console.log("| server | MiB a second | ms of CPU | MiB more at the peak |");
console.log("|---|---|---|---|");
const servers = [await darkroom(file), await nginx(file)];
const results = servers.map(() => ({ times: [], cpu: [], peaks: [] }));
for (let round = 0; round < ROUNDS; round++) {
  for (const [at, server] of servers.entries()) {
    const upload = await server.upload(round);
    writeFileSync(`/proc/${server.pid}/clear_refs`, "5");
    const [memory, cpu, began] = [memoryOf(server.pid), cpuOfFamily(server.pid), performance.now()];
    await upload();
    results[at].times.push((performance.now() - began) / 1000);
    results[at].cpu.push(cpuOfFamily(server.pid) - cpu);
    results[at].peaks.push(memoryOf(server.pid, "VmHWM") - memory);
  }
}
for (const [at, { name }] of servers.entries()) {
  const { times, cpu, peaks } = results[at];
  console.log(`| ${name} | ${Math.round(SIZE / MEBIBYTE / median(times))} | ${median(cpu)} | ${Math.round(Math.max(...peaks))} |`);
}
for (const server of servers) await server.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
