// The server beside Apollo Server 5 on the same rows of one PostgreSQL, in one run: CPU of the application and of the
// database a request, requests a second, latency, memory. And beside the limit: one statement by a bare handler.
// Run by `make bench-api`, which starts the database: TEST_POSTGRES is its URL, POSTGRES_PID its first process.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import autocannon from "autocannon";

import { cpuOf, cpuOfFamily, median, memoryOf } from "./measure.mjs";

const { TEST_POSTGRES, POSTGRES_PID, DARKROOM, BARE } = process.env;
const IMAGES = Number(process.env.IMAGES ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const CONNECTIONS = 32;
const OWNER = "demo@localhost";
const SECRET = "a secret that is long enough for a benchmark";
const folder = mkdtempSync(path.join(tmpdir(), "darkroom-bench-"));
const DATABASE_URL = `${TEST_POSTGRES}/bench`;
// One user does what hundreds do: points and operations are counted, and there are enough of them.
const enough = {
  RATE_LIMIT_POINTS: "4000000000",
  RATE_LIMIT_RESTORE: "1000000000",
  MAX_UNFINISHED_UPLOADS: "0",
  MAX_CONCURRENT_OPERATIONS: "64",
};
const env = { ...process.env, ...enough, DATABASE_URL, DATA_DIR: folder, BIND: "127.0.0.1:0", JWT_SECRET: SECRET, RUST_LOG: "error" };
const psql = (sql, url = DATABASE_URL) => execFileSync("psql", ["-qtAX", url, "-c", sql]).toString().trim();
const darkroom = (...words) => execFileSync(DARKROOM, words, { env }).toString().trim();

/** Starts a server, and learns its address from the end of its first line. */
async function start(name, command, words, more = {}) {
  const server = spawn(command, words, { env: { ...env, ...more }, stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once("line", resolve);
    server.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  return { name, pid: server.pid, url: `http://${line.split(" ").at(-1)}/graphql`, end: () => server.kill() };
}

const LIST = "nodes { id title fileSize width height status createdAt category { id name } } pageInfo { hasNextPage endCursor }";
// As Relay's compiler writes it, with a fragment for each component, and __typename everywhere, as Apollo Client adds it.
const FRAGMENTS = `query Gallery($first: Int) {
  images(first: $first) {
    edges { cursor node { __typename id ...Tile_image ...Caption_image } __typename }
    pageInfo { hasNextPage endCursor __typename }
    __typename
  }
}
fragment Tile_image on Image { id width height placeholder ...Thumbnail_image __typename }
fragment Thumbnail_image on Image { id variant(type: SMALL) { url width height __typename } __typename }
fragment Caption_image on Image { id title createdAt category { id name __typename } __typename }`;
const OPERATIONS = [
  { name: "list of 20 with category", amount: 3000, query: `{ images(first: 20) { ${LIST} } }`, bars: { app: 0.4 } },
  {
    name: "one image with variants and URLs",
    amount: 3000,
    query: "query ($id: ID!) { image(id: $id) { id title variants { type url width height fileSize } } }",
    variables: ({ ids }, at) => ({ id: ids[at % ids.length] }),
    bars: { app: 0.4 },
  },
  {
    name: "gallery of 50 with srcSet",
    amount: 300,
    query: `{ images(first: 50) { nodes {
      id title width height placeholder srcSet variant(type: SMALL) { url width height } } } }`,
    bars: { app: 0.05 },
  },
  {
    name: "page of 20 by fragments",
    amount: 1000,
    query: FRAGMENTS,
    variables: () => ({ first: 20 }),
    bars: { app: 0.4 },
  },
  {
    name: "all variants of 100",
    amount: 100,
    query: "{ images(first: 100) { nodes { id variants { type url width height fileSize } } } }",
    bars: { app: 0.05 },
  },
  {
    name: "presign with its insert",
    amount: 2000,
    query: `mutation ($input: RequestUploadInput!) { requestUpload(input: $input) {
      upload { image { id } url fields { name value } expiresAt } userErrors { code message } } }`,
    variables: ({ category }, at) => ({
      input: { filename: `photo ${at}.jpg`, contentType: "image/jpeg", fileSize: 1000 + at, categoryId: category },
    }),
    bars: { app: 0.5 },
    differs: true,
  },
  {
    name: "list of 20 with totalCount",
    amount: 1000,
    query: "{ images(first: 20) { totalCount nodes { id title } } }",
    bars: { database: 0.2 },
  },
  {
    name: "substring search, 1 of 100,000",
    amount: 200,
    query: "query ($search: String!) { images(first: 20, filter: { search: $search }) { nodes { id title } } }",
    variables: (_, at) => ({ search: `g_${String((at * 7919) % IMAGES).padStart(6, "0")}` }),
    bars: { database: 0.05 },
  },
  {
    name: "substring search, 1 of 25",
    amount: 200,
    query: "query ($search: String!) { images(first: 20, filter: { search: $search }) { nodes { id title } } }",
    variables: (_, at) => ({ search: ["arbou", "ighth", "rooft", "서울", "afé"][at % 5] }),
    bars: {},
  },
  {
    name: "statistics",
    amount: 200,
    query: `{ imageStats { totalImages totalSize byCategory { category { name } count totalSize }
      byStatus { status count totalSize } byDay { day count totalSize } recentUploads { id title } } }`,
    bars: { database: 0.02 },
  },
];

async function ask(server, token, query, variables) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const answer = await fetch(server.url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(`${server.name}: ${JSON.stringify(errors)}`);
  return data;
}

/** Answers without what may differ: cursors are opaque, URLs are signed, times have several spellings. */
function comparable(value, key) {
  if (key === "endCursor" || key === "cursor") return typeof value;
  if (key === "createdAt") return new Date(value).getTime();
  if (key === "url") return new URL(value).pathname;
  if (key === "srcSet") return value.split(", ").map((candidate) => candidate.replace(/^[a-z]+:\/\/[^/]*|\?[^ ]*/g, ""));
  if (Array.isArray(value)) return value.map((item) => comparable(item));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).toSorted().map((name) => [name, comparable(value[name], name)]));
}

async function load(server, token, operation, world, amount) {
  const bodies = Array.from({ length: 500 }, (_, at) =>
    JSON.stringify({ query: operation.query, variables: operation.variables?.(world, world.next++) }));
  let at = 0;
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const before = { app: cpuOf(server.pid), database: cpuOfFamily(Number(POSTGRES_PID)) };
  const result = await autocannon({
    url: server.url,
    connections: CONNECTIONS,
    // The end of a run is seen at the end of a sample.
    sampleInt: 20,
    // In seconds: a hundred images with their URLs take a peer long.
    timeout: 120,
    amount,
    requests: [{ method: "POST", headers, setupRequest: (request) => ({ ...request, body: bodies[at++ % bodies.length] }) }],
  });
  if (result.non2xx || result.errors) throw new Error(`${server.name}: ${result.non2xx} refused, ${result.errors} failed`);
  return {
    app: (cpuOf(server.pid) - before.app) / amount,
    database: (cpuOfFamily(Number(POSTGRES_PID)) - before.database) / amount,
    perSecond: amount / ((result.finish - result.start) / 1000),
    p50: result.latency.p50,
    p99: result.latency.p99,
  };
}

const middle = (results) =>
  Object.fromEntries(Object.keys(results[0]).map((key) => [key, median(results.map((result) => result[key]))]));

psql("CREATE DATABASE bench", `${TEST_POSTGRES}/postgres`);
const began = Date.now();
darkroom("seed", "--images", String(IMAGES), "--owner", OWNER);
console.log(`seeded ${IMAGES} images in ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
psql("VACUUM ANALYZE");
const token = darkroom("token", OWNER);
const owner = psql(`SELECT id FROM "user" WHERE email = '${OWNER}'`);
const world = {
  ids: psql("SELECT id FROM image ORDER BY md5(id::text) LIMIT 500").split("\n"),
  category: psql("SELECT id FROM category WHERE name = 'general'"),
  next: 0,
};
const ours = await start("Darkroom", DARKROOM, ["serve", "--no-worker"]);
const apollo = await start("Apollo Server", "node", [path.join(import.meta.dirname, "peers/apollo/server.js")], {
  NODE_ENV: "production",
  S3_ENDPOINT: new URL(ours.url).origin,
  S3_KEY: "darkroom",
  S3_SECRET: readFileSync(path.join(folder, "s3.secret"), "utf8").trim(),
});
const bare = await start("bare axum", BARE, [DATABASE_URL, owner]);

try {
  console.log("| operation | server | app CPU ms | database CPU ms | req/s | p50 ms | p99 ms |");
  console.log("|---|---|---|---|---|---|---|");
  const ratios = [];
  for (const operation of OPERATIONS) {
    const variables = operation.variables?.(world, 1);
    const answers = [];
    for (const server of [ours, apollo]) answers.push(comparable(await ask(server, token, operation.query, variables)));
    if (!operation.differs && JSON.stringify(answers[0]) !== JSON.stringify(answers[1])) {
      throw new Error(`${operation.name}: other answers\n${JSON.stringify(answers[0])}\n${JSON.stringify(answers[1])}`);
    }
    const results = { [ours.name]: [], [apollo.name]: [] };
    for (const server of [ours, apollo]) await load(server, token, operation, world, operation.amount / 2);
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of [ours, apollo]) {
        results[server.name].push(await load(server, token, operation, world, operation.amount));
      }
    }
    const [we, they] = [middle(results[ours.name]), middle(results[apollo.name])];
    for (const [name, result] of [[ours.name, we], [apollo.name, they]]) row(operation.name, name, result);
    ratios.push({ name: operation.name, app: we.app / they.app, database: we.database / they.database, bars: operation.bars });
  }
  const results = { [ours.name]: [], [bare.name]: [] };
  for (let round = 0; round < ROUNDS + 1; round++) {
    for (const server of [ours, bare]) {
      const result = await load(server, token, OPERATIONS[0], world, 12_000);
      if (round > 0) results[server.name].push(result);
    }
  }
  for (const server of [ours, bare]) row("the list again", server.name, middle(results[server.name]));
  console.log("\n| beside Apollo Server | app CPU | bar | database CPU | bar |\n|---|---|---|---|---|");
  for (const { name, app, database, bars } of ratios) {
    console.log(`| ${name} | ${app.toFixed(3)} | ${bars.app ?? ""} | ${database.toFixed(3)} | ${bars.database ?? ""} |`);
  }
  const limit = middle(results[ours.name]).perSecond / middle(results[bare.name]).perSecond;
  console.log(`\nThe list at ${limit.toFixed(2)} of the requests a second of bare axum (bar: 0.6).`);
  for (const server of [ours, apollo, bare]) {
    console.log(`${server.name}: ${memoryOf(server.pid).toFixed(0)} MiB resident, ${memoryOf(server.pid, "VmHWM").toFixed(0)} at its peak.`);
  }
} finally {
  for (const server of [ours, apollo, bare]) server.end();
  rmSync(folder, { recursive: true, force: true });
}

function row(operation, server, { app, database, perSecond, p50, p99 }) {
  const numbers = [app.toFixed(3), database.toFixed(3), perSecond.toFixed(0), p50.toFixed(0), p99.toFixed(0)];
  console.log(`| ${operation} | ${server} | ${numbers.join(" | ")} |`);
}
