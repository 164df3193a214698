// How much later a watcher hears of a change on another server than on the one that made it; two servers on one PostgreSQL and one
// S3, by NOTIFY or by Redis. Run by `make bench-elsewhere`.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

import { COMPLETE, send, startServer, ticketFor } from "../tests/clients/server.js";

const require = createRequire(new URL("../tests/clients/package.json", import.meta.url));
const { createClient } = require("graphql-ws");
const { WebSocket } = require("ws");
const UPLOADS = Number(process.env.UPLOADS ?? 100);
const { DARKROOM, TEST_POSTGRES, TEST_REDIS, TEST_S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
const photo = readFileSync(process.argv[2]);
const WATCH = "subscription ($id: ID!) { uploadProgress(imageId: $id) { status revision } }";

/** When each state of an image arrives, by its revision. */
function watch(server, id) {
  const connectionParams = { Authorization: `Bearer ${server.token}` };
  const client = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams });
  const heard = new Map();
  let begun;
  const ready = new Promise((resolve) => (begun = resolve));
  const done = new Promise((resolve, reject) => {
    const next = ({ data }) => {
      heard.set(data.uploadProgress.revision, performance.now());
      begun();
    };
    client.subscribe({ query: WATCH, variables: { id } }, { next, error: reject, complete: resolve });
  });
  return { heard, ready, done: done.then(() => client.dispose()) };
}

async function measure(carrier, more) {
  const name = `elsewhere_${carrier.toLowerCase()}`;
  execFileSync("psql", [`${TEST_POSTGRES}/postgres`, "-qc", `CREATE DATABASE ${name}`]);
  const bucket = name.replace("_", "-");
  const keys = ["--user", `${AWS_ACCESS_KEY_ID}:${AWS_SECRET_ACCESS_KEY}`, "--aws-sigv4", "aws:amz:us-east-1:s3"];
  execFileSync("curl", ["-sfo", "/dev/null", "-X", "PUT", `${TEST_S3_ENDPOINT}/${bucket}`, ...keys]);
  const settings = {
    DATABASE_URL: `${TEST_POSTGRES}/${name}`,
    JWT_SECRET: "a secret that is long enough for a measurement",
    AWS_STORAGE_BUCKET_NAME: bucket,
    AWS_ENDPOINT_URL_S3: TEST_S3_ENDPOINT,
    RATE_LIMIT_POINTS: "0",
    ...more,
  };
  const here = await startServer({ program: DARKROOM, settings });
  const there = await startServer({ program: DARKROOM, settings, words: ["--no-worker"], token: false });
  there.token = here.token;
  const [late, counts] = [[], { states: 0, missing: 0 }];
  for (let at = 0; at < UPLOADS; at++) {
    const ticket = await ticketFor(here, photo, "photo.jpg", "image/jpeg");
    const [near, far] = [here, there].map((server) => watch(server, ticket.imageId));
    await Promise.all([near.ready, far.ready]);
    near.heard.clear();
    await ticket.post();
    await send(here, COMPLETE, { input: { imageId: ticket.imageId } });
    await Promise.all([near.done, far.done]);
    for (const [revision, heardAt] of near.heard) {
      counts.states += 1;
      if (far.heard.has(revision)) late.push(far.heard.get(revision) - heardAt);
      else counts.missing += 1;
    }
  }
  await there.stop();
  await here.stop();
  late.sort((one, other) => one - other);
  const [median, most, worst] = [0.5, 0.99, 1].map((share) => late[Math.floor((late.length - 1) * share)].toFixed(1));
  console.log(`| ${carrier} | ${UPLOADS} | ${counts.states} | ${counts.missing} | ${median} | ${most} | ${worst} |`);
}

console.log("| by | uploads | states after the first | not heard there | p50, ms | p99, ms | most, ms |");
console.log("|---|---|---|---|---|---|---|");
await measure("NOTIFY", {});
await measure("Redis", { REDIS_URL: TEST_REDIS });
