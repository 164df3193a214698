// What lists, searches and statistics cost as the library grows, on SQLite and on PostgreSQL: the median of requests one
// after the other, in milliseconds as the client sees them. Run by `make bench-growth`.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";

import { median } from "./measure.mjs";

const { TEST_POSTGRES, DARKROOM } = process.env;
const SIZES = (process.env.SIZES ?? "10000,100000,1000000").split(",").map(Number);
const REQUESTS = 300;
const WARMING = 20;
const OWNER = "demo@localhost";
const HALF_OF_SEED = 365 * 86_400_000;

const page = "nodes { id title fileSize createdAt category { name } } pageInfo { hasNextPage endCursor }";
const search = `query ($o: ImageOrder, $f: ImageFilter) { images(first: 20, orderBy: $o, filter: $f) { ${page} } }`;
// What the seed's descriptions have in them: each in one of so many images. And one image's filename.
const RARITIES = ["bicycle", "umbrella", "hedgehog", "rainbow", "comet"].map((word, at) => [[10, 100, 500, 2000, 10_000][at], () => word]);
RARITIES.push(["the library", (at) => `g_00${1000 + at * 7}`]);
const ORDERS = { newest: { field: "CREATED_AT" }, largest: { field: "FILE_SIZE" }, title: { field: "TITLE", direction: "ASC" } };
const SEARCHES = [
  ...Object.entries(ORDERS).map(([name, order]) => ({ name, order, filter: () => ({}) })),
  { name: "newest, of a category", order: ORDERS.newest, filter: ({ category }) => ({ categoryId: category }) },
  { name: "newest, with a tag", order: ORDERS.newest, filter: () => ({ tags: ["water"] }) },
].flatMap(({ name, order, filter }) =>
  RARITIES.map(([every, word]) => ({
    name: `search, one in ${every.toLocaleString("en")}, ${name}`,
    query: search,
    variables: (world, at) => ({ o: order, f: { search: word(at), ...filter(world) } }),
    requests: 100,
  })),
);
const counted = "query ($search: String!) { images(first: 1, filter: { search: $search }) { totalCount isTotalCountExact } }";
const OPERATIONS = [
  { name: "list of 20", query: `{ images(first: 20) { ${page} } }` },
  { name: "list with totalCount", query: `{ images(first: 20) { totalCount ${page} } }` },
  {
    name: "page in the middle, by cursor",
    query: `query ($after: String!) { images(first: 20, after: $after) { ${page} } }`,
    variables: ({ middle }) => ({ after: middle }),
  },
  {
    name: "list by title",
    query: `{ images(first: 20, orderBy: { field: TITLE, direction: ASC }) { ${page} } }`,
  },
  ...SEARCHES,
  { name: "search, two characters, none", query: search, variables: (_, at) => ({ f: { search: `q${"jxz"[at % 3]}` } }) },
  { name: "totalCount, one in 10", query: counted, variables: () => ({ search: "bicycle" }), requests: 50 },
  { name: "totalCount, one in 500", query: counted, variables: () => ({ search: "hedgehog" }), requests: 50 },
  {
    name: "one image with variants",
    query: "query ($id: ID!) { image(id: $id) { id title variants { type url } category { name } } }",
    variables: ({ ids }, at) => ({ id: ids[at % ids.length] }),
  },
  {
    name: "statistics",
    query: `{ imageStats { totalImages totalSize byCategory { category { name } count } byStatus { count }
      byDay { count } recentUploads { id } } }`,
  },
];

/** A server on a library of so many images. */
async function serve({ env, settle }, size) {
  execFileSync(DARKROOM, ["seed", "--images", String(size), "--owner", OWNER], { env, stdio: "ignore" });
  settle();
  const token = execFileSync(DARKROOM, ["token", OWNER], { env }).toString().trim();
  const server = spawn(DARKROOM, ["serve", "--no-worker"], { env, stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => server.kill());
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const line = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve));
  const url = `http://${line.split(" ").at(-1)}/graphql`;
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const send = async (query, variables) => {
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const middle = new Date(Date.now() - HALF_OF_SEED).toISOString();
  const { images } = await send(
    `query ($to: DateTime!) { images(first: 100, filter: { createdTo: $to }) { nodes { id category { id } }
      edges { cursor } } }`,
    { to: middle },
  );
  const [{ category }] = images.nodes;
  const world = { middle: images.edges[0].cursor, ids: images.nodes.map((node) => node.id), category: category.id };
  const stop = () => (server.kill(), ended);
  return { send, world, stop };
}

/** One request to each library in turn, so that whatever else the machine does, it does to all of them. */
async function measure(libraries, { query, variables, requests = REQUESTS }) {
  const times = libraries.map(() => []);
  for (let at = 0; at < requests + WARMING; at++) {
    for (const [which, { send, world }] of libraries.entries()) {
      const began = performance.now();
      await send(query, variables?.(world, at));
      if (at >= WARMING) times[which].push(performance.now() - began);
    }
  }
  return times.map((each) => median(each));
}

const folder = mkdtempSync(path.join(tmpdir(), "darkroom-growth-"));
// One user sends thousands of searches: what is measured is the search, not the limit of points.
const base = { ...process.env, BIND: "127.0.0.1:0", RUST_LOG: "error", RATE_LIMIT_POINTS: "0" };
const psql = (sql, url) => execFileSync("psql", ["-qtAX", url, "-c", sql]);

const DATABASES = {
  SQLite: (size) => ({ env: { ...base, DATA_DIR: path.join(folder, `sqlite-${size}`) }, settle() {} }),
  PostgreSQL(size) {
    const url = `${TEST_POSTGRES}/growth_${size}`;
    psql(`CREATE DATABASE growth_${size}`, `${TEST_POSTGRES}/postgres`);
    // What autovacuum would have done a while later.
    const settle = () => psql("VACUUM ANALYZE", url);
    return { env: { ...base, DATA_DIR: path.join(folder, `postgres-${size}`), DATABASE_URL: url }, settle };
  },
};

try {
  console.log(`| ms | database | ${SIZES.map((size) => size.toLocaleString("en")).join(" | ")} | last to first |`);
  console.log(`|---|---|${"---|".repeat(SIZES.length + 1)}`);
  for (const [name, database] of Object.entries(DATABASES)) {
    const libraries = [];
    for (const size of SIZES) libraries.push(await serve(database(size), size));
    for (const operation of OPERATIONS) {
      const times = await measure(libraries, operation);
      const row = [...times.map((time) => time.toFixed(2)), (times.at(-1) / times[0]).toFixed(2)];
      console.log(`| ${operation.name} | ${name} | ${row.join(" | ")} |`);
    }
    for (const library of libraries) await library.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
