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
const OWNER = "demo@localhost";
const HALF_OF_SEED = 365 * 86_400_000;

const page = "nodes { id title fileSize createdAt category { name } } pageInfo { hasNextPage endCursor }";
const search = `query ($search: String!) { images(first: 20, filter: { search: $search }) { ${page} } }`;
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
  { name: "search, one in the library", query: search, variables: (_, at) => ({ search: `g_00${1000 + at * 7}` }) },
  { name: "search, one in 25", query: search, variables: (_, at) => ({ search: ["arbou", "ighth", "rooft"][at % 3] }) },
  { name: "search, two characters, none", query: search, variables: (_, at) => ({ search: `q${"jxz"[at % 3]}` }) },
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

async function measure(database, size, seeded) {
  execFileSync(DARKROOM, ["seed", "--images", String(size - seeded), "--owner", OWNER], { env: database.env, stdio: "ignore" });
  database.settle();
  const token = execFileSync(DARKROOM, ["token", OWNER], { env: database.env }).toString().trim();
  const server = spawn(DARKROOM, ["serve", "--no-worker"], { env: database.env, stdio: ["ignore", "pipe", "inherit"] });
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
    "query ($to: DateTime!) { images(first: 100, filter: { createdTo: $to }) { nodes { id } edges { cursor } } }",
    { to: middle },
  );
  const world = { middle: images.edges[0].cursor, ids: images.nodes.map((node) => node.id) };
  const times = {};
  for (const { name, query, variables } of OPERATIONS) {
    const found = [];
    for (let at = 0; at < REQUESTS + 50; at++) {
      const began = performance.now();
      await send(query, variables?.(world, at));
      if (at >= 50) found.push(performance.now() - began);
    }
    times[name] = median(found);
  }
  server.kill();
  await ended;
  return times;
}

const folder = mkdtempSync(path.join(tmpdir(), "darkroom-growth-"));
const base = { ...process.env, BIND: "127.0.0.1:0", RUST_LOG: "error" };
const postgres = `${TEST_POSTGRES}/growth`;
const psql = (sql, url) => execFileSync("psql", ["-qtAX", url, "-c", sql]);
psql("CREATE DATABASE growth", `${TEST_POSTGRES}/postgres`);
const databases = [
  { name: "SQLite", env: { ...base, DATA_DIR: path.join(folder, "sqlite") }, settle() {} },
  {
    name: "PostgreSQL",
    env: { ...base, DATA_DIR: path.join(folder, "postgres"), DATABASE_URL: postgres },
    // What autovacuum would have done a while later.
    settle: () => psql("VACUUM ANALYZE", postgres),
  },
];
try {
  console.log(`| ms | database | ${SIZES.map((size) => size.toLocaleString("en")).join(" | ")} | last to first |`);
  console.log(`|---|---|${"---|".repeat(SIZES.length + 1)}`);
  for (const database of databases) {
    const results = [];
    let seeded = 0;
    for (const size of SIZES) {
      results.push(await measure(database, size, seeded));
      seeded = size;
    }
    for (const { name } of OPERATIONS) {
      const times = results.map((result) => result[name]);
      const row = [...times.map((time) => time.toFixed(2)), (times.at(-1) / times[0]).toFixed(2)];
      console.log(`| ${name} | ${database.name} | ${row.join(" | ")} |`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
