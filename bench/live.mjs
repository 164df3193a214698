// Watchers: what one holds in memory, and what an event to all of them costs, beside GraphQL Yoga on Node and beside the
// limit, a broadcast of the same text by tokio-tungstenite. Run by `make bench-live`; with BEFORE=program that one too.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { WebSocket } from "ws";

import { cpuOf, median } from "./measure.mjs";

const { DARKROOM, BROADCAST, BEFORE } = process.env;
const WATCHERS = Number(process.env.WATCHERS ?? 1000);
const EVENTS = Number(process.env.EVENTS ?? 40);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
/** In how many groups they watch; who does not let one user have a thousand sockets is asked with sixteen. */
const GROUPS = Number(process.env.TOPICS ?? 1);
const REPORTS_EVERY = 260;
const FIELDS = "status percent variantsReady variantsTotal revision image { id status title width height variants { type url } }";
const folder = mkdtempSync(path.join(tmpdir(), "darkroom-bench-live-"));

async function start(name, command, words, env = {}) {
  const server = spawn(command, words, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once("line", resolve);
    server.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  return { name, pid: server.pid, address: line.split(" ").at(-1), end: () => server.kill() };
}

/** Anonymous memory: without the program's own pages. In KiB. */
const memory = ({ pid }) => Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

async function post(url, body, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.headers.get("content-type")?.includes("json") ? answer.json() : answer.text();
}

function refuseErrors(answer) {
  if (answer.errors || Object.values(answer.data).some(({ userErrors }) => userErrors?.length)) throw new Error(JSON.stringify(answer));
}

async function darkroom(name, program) {
  const env = {
    DATA_DIR: path.join(folder, name.replace(/\W/g, "")), BIND: "127.0.0.1:0", RUST_LOG: "error", RATE_LIMIT_POINTS: "0",
    MAX_WEBSOCKETS: "100000", MAX_SUBSCRIPTIONS: "100000", MAX_CONNECTIONS_PER_ADDRESS: "20000",
  };
  const server = await start(name, program, ["serve", "--no-worker"], env);
  const url = `http://${server.address}/graphql`;
  const users = [];
  for (let at = 0; at < GROUPS; at++) {
    const token = execFileSync(program, ["token", `u${at}@example.com`], { env: { ...process.env, ...env } }).toString().trim();
    const { data } = await post(url, { query: "{ categories { id } }" }, token);
    const input = { filename: "a.jpg", contentType: "image/jpeg", fileSize: 10_000_000, categoryId: data.categories[0].id };
    const requested = await post(url, { query: "mutation($input: RequestUploadInput!) { requestUpload(input: $input) { upload { image { id } } } }", variables: { input } }, token);
    users.push({ token, imageId: requested.data.requestUpload.upload.image.id });
  }
  const report = "mutation($input: ReportUploadProgressInput!) { reportUploadProgress(input: $input) { userErrors { code } } }";
  let bytes = 0;
  return {
    ...server,
    subscription: () => ({ query: `subscription { myUploads { ${FIELDS} } }` }),
    token: (group) => users[group].token,
    async publish() {
      bytes += 1000;
      // Reports that come sooner are not passed on.
      await sleep(REPORTS_EVERY);
      for (const { token, imageId } of users) await post(url, { query: report, variables: { input: { imageId, bytesUploaded: bytes } } }, token).then(refuseErrors);
    },
  };
}

const PROGRESS = (revision) => ({
  status: "UPLOADING", percent: revision / 10, variantsReady: 0, variantsTotal: 5, revision,
  image: { id: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", status: "UPLOADING", title: "a", width: null, height: null, variants: [] },
});

async function yoga() {
  const server = await start("graphql-yoga", process.execPath, [path.join(import.meta.dirname, "peers/yoga/server.js")]);
  let revision = 0;
  return {
    ...server,
    subscription: (group) => ({ query: `subscription { myUploads(topic: "${group}") { ${FIELDS} } }` }),
    async publish() {
      revision++;
      for (let group = 0; group < GROUPS; group++) await post(`http://${server.address}/publish/${group}`, PROGRESS(revision));
    },
  };
}

async function broadcast() {
  const server = await start("tokio-tungstenite broadcast", BROADCAST, []);
  const publisher = new WebSocket(`ws://${server.address}/graphql`, "graphql-transport-ws");
  await new Promise((resolve) => publisher.once("open", resolve));
  let revision = 0;
  return {
    ...server,
    subscription: (group) => ({ topic: String(group) }),
    async publish() {
      revision++;
      const text = JSON.stringify({ type: "next", id: "1", payload: { data: { myUploads: PROGRESS(revision) } } });
      for (let group = 0; group < GROUPS; group++) publisher.send(JSON.stringify({ type: "publish", topic: String(group), text }));
    },
  };
}

/** Opens the watchers; resolves when all were answered behind their subscription. */
async function watch(server, count, received) {
  const sockets = [];
  for (let at = 0; at < count; at++) {
    const group = at % GROUPS;
    await new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${server.address}/graphql`, "graphql-transport-ws", { perMessageDeflate: false });
      sockets.push(socket);
      const say = (message) => socket.send(JSON.stringify(message));
      socket.on("error", reject);
      socket.on("close", (code, reason) => reject(new Error(`closed with ${code} ${reason}`)));
      socket.on("open", () => say({ type: "connection_init", payload: server.token ? { token: server.token(group) } : {} }));
      socket.on("message", (text) => {
        const type = /"type":"(\w+)"/.exec(text.toString("latin1", 0, 40))?.[1];
        if (type === "next") return received();
        // Who answers none for a minute is ended.
        if (type === "ping") return say({ type: "pong" });
        if (type === "error") return reject(new Error(text.toString()));
        if (type === "connection_ack") {
          say({ type: "subscribe", id: "1", payload: server.subscription(group) });
          say({ type: "ping" });
        } else if (type === "pong") resolve();
      });
    });
  }
  return sockets;
}

async function measure(make) {
  const server = await make();
  let count = 0;
  const received = () => count++;
  const until = async (wanted) => {
    for (let tries = 0; count < wanted && tries < 3000; tries++) await sleep(2);
    if (count < wanted) throw new Error(`${server.name}: ${count} of ${wanted} events came`);
  };
  await sleep(1000);
  // What publishing costs by itself, with one watcher in each group to wait for.
  const first = await watch(server, GROUPS, received);
  await sleep(500);
  count = 0;
  const alone = await publishAll(server, until, () => count, GROUPS);
  const before = memory(server);
  const sockets = await watch(server, WATCHERS, received);
  await sleep(2500);
  const held = (memory(server) - before) / WATCHERS;
  const idle = cpuOf(server.pid);
  await sleep(5000);
  const atRest = (cpuOf(server.pid) - idle) / 5;
  count = 0;
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    count = 0;
    rounds.push(await publishAll(server, until, () => count, WATCHERS + GROUPS));
  }
  const after = (memory(server) - before) / WATCHERS;
  [...first, ...sockets].forEach((socket) => {
    socket.removeAllListeners("close");
    socket.terminate();
  });
  server.end();
  const event = median(rounds) - alone;
  return { name: server.name, held, after, atRest, event };
}

/** CPU of one event to all, in milliseconds. */
async function publishAll(server, until, _count, watchers) {
  const before = cpuOf(server.pid);
  for (let event = 1; event <= EVENTS; event++) {
    await server.publish();
    await until(event * watchers);
  }
  return (cpuOf(server.pid) - before) / EVENTS;
}

const servers = [
  ...(BEFORE ? [() => darkroom("Darkroom before", BEFORE)] : []),
  () => darkroom("Darkroom", DARKROOM),
  yoga,
  broadcast,
];
console.log(`${WATCHERS} watchers in ${GROUPS} groups, ${EVENTS} events, ${ROUNDS} rounds`);
console.log("| server | KiB a watcher | after the events | ms of CPU an event to all | ms of CPU a second at rest |");
console.log("|---|---|---|---|---|");
for (const server of servers) {
  const { name, held, after, atRest, event } = await measure(server).catch((error) => ({ name: error.message }));
  console.log(`| ${name} | ${held?.toFixed(1)} | ${after?.toFixed(1)} | ${event?.toFixed(2)} | ${atRest?.toFixed(1)} |`);
}
rmSync(folder, { recursive: true, force: true });
process.exit(0);
