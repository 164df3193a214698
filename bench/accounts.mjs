// What lists, searches and permission checks cost as users, groups and shares grow, on SQLite and on PostgreSQL: the median of
// requests one after the other, in milliseconds as the client sees them, and the server's CPU. Run by `make bench-accounts`.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";

import { cpuOf, median } from "./measure.mjs";

const { TEST_POSTGRES, DARKROOM } = process.env;
const IMAGES = process.env.IMAGES ?? "100000";
const SIZES = (process.env.SIZES ?? "100,100000").split(",").map(Number);
const REQUESTS = Number(process.env.REQUESTS ?? 1000);
const WARMING = 50;
const OWNER = "demo@localhost";
const VIEWER = "user000042@example.com";

const page = "nodes { id title createdAt category { name } }";
const one = "query ($id: ID!) { image(id: $id) { id title variants { type url } } }";
const OPERATIONS = [
  { name: "the caller alone: `me`", query: "{ me { id } }", as: "viewer" },
  { name: "list of 20 of the owner", query: `{ images(first: 20) { ${page} } }`, as: "owner" },
  {
    name: "search of the owner, one in 500",
    query: `{ images(first: 20, filter: { search: "hedgehog" }) { ${page} } }`,
    as: "owner",
  },
  { name: "one image of the owner", query: one, ids: "all", as: "owner" },
  { name: "one image, shared with the viewer", query: one, ids: "byAddress", as: "viewer" },
  { name: "one image, shared with a group of the viewer's", query: one, ids: "byGroup", as: "viewer" },
  { name: "one image, not shared with the viewer", query: one, ids: "notTheirs", as: "viewer" },
  { name: "`sharedWithMe`, 20", query: "{ sharedWithMe(first: 20) { nodes { id image { id title } } } }", as: "viewer" },
  { name: "with whom 20 images are shared", query: "{ images(first: 20) { nodes { id shares { id access } } } }", as: "owner" },
  { name: "`users` by a prefix", query: '{ users(prefix: "user00004", first: 20) { nodes { id email } } }', as: "admin" },
];

const folder = mkdtempSync(path.join(tmpdir(), "darkroom-accounts-"));
const base = { ...process.env, BIND: "127.0.0.1:0", RUST_LOG: "error", RATE_LIMIT_POINTS: "0" };
const psql = (sql, url) => execFileSync("psql", ["-qtAX", url, "-c", sql]);

const DATABASES = {
  SQLite(size) {
    const data = path.join(folder, `sqlite-${size}`);
    return { env: { ...base, DATA_DIR: data }, database: path.join(data, "darkroom.sqlite"), settle() {} };
  },
  PostgreSQL(size) {
    const url = `${TEST_POSTGRES}/accounts_${size}`;
    psql(`CREATE DATABASE accounts_${size}`, `${TEST_POSTGRES}/postgres`);
    // What autovacuum would have done a while later.
    const settle = () => psql("VACUUM ANALYZE", url);
    return { env: { ...base, DATA_DIR: path.join(folder, `pg-${size}`), DATABASE_URL: url }, database: url, settle };
  },
};

/** A server on a library with so many users. */
async function serve({ env, database, settle }, users) {
  execFileSync(DARKROOM, ["seed", "--images", IMAGES, "--owner", OWNER], { env, stdio: "ignore" });
  execFileSync("python3", ["bench/people.py", database, String(users)], { stdio: ["ignore", "ignore", "inherit"] });
  settle();
  const token = (email) => execFileSync(DARKROOM, ["token", email], { env }).toString().trim();
  const tokens = { owner: token(OWNER), viewer: token(VIEWER), admin: token("admin@localhost") };
  const server = spawn(DARKROOM, ["serve", "--no-worker"], { env, stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => server.kill());
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const line = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve));
  const url = `http://${line.split(" ").at(-1)}/graphql`;
  const send = async (as, query, variables) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${tokens[as]}` };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const { sharedWithMe } = await send("viewer", "{ sharedWithMe(first: 100) { nodes { image { id } group { id } } } }");
  const shared = (byGroup) => sharedWithMe.nodes.filter(({ group }) => !!group === byGroup).map(({ image }) => image.id);
  const { images } = await send("owner", "{ images(first: 100) { nodes { id } } }");
  const all = images.nodes.map(({ id }) => id);
  const notTheirs = [];
  for (const id of all) if (!(await send("viewer", one, { id })).image) notTheirs.push(id);
  const ids = { all, notTheirs, byAddress: shared(false), byGroup: shared(true) };
  for (const [name, some] of Object.entries(ids)) if (some.length === 0) throw new Error(`no images: ${name}`);
  return { send, ids, pid: server.pid, stop: () => (server.kill(), ended) };
}

/** Turns of requests to each library, so that whatever else the machine does, it does to all of them. */
async function measure(libraries, { query, ids, as }) {
  const times = libraries.map(() => []);
  const spent = libraries.map(() => 0);
  for (let turn = 0; turn < REQUESTS + WARMING; turn += WARMING) {
    for (const [which, { send, ids: world, pid }] of libraries.entries()) {
      const before = cpuOf(pid);
      for (let at = turn; at < turn + WARMING; at++) {
        const began = performance.now();
        await send(as, query, ids && { id: world[ids][at % world[ids].length] });
        if (turn > 0) times[which].push(performance.now() - began);
      }
      if (turn > 0) spent[which] += cpuOf(pid) - before;
    }
  }
  return libraries.map((_, which) => ({ time: median(times[which]), cpu: spent[which] / times[which].length }));
}

try {
  console.log(`${IMAGES} images; a group for every 10 users, 10 shares for each user`);
  const columns = SIZES.flatMap((size) => [`ms, ${size} users`, "CPU"]);
  console.log(`| | database | ${columns.join(" | ")} | last to first, ms | CPU |`);
  console.log(`|---|---|${"---|".repeat(columns.length + 2)}`);
  for (const [name, database] of Object.entries(DATABASES)) {
    const libraries = [];
    for (const size of SIZES) libraries.push(await serve(database(size), size));
    for (const operation of OPERATIONS) {
      const found = await measure(libraries, operation);
      const cells = found.flatMap(({ time, cpu }) => [time.toFixed(2), cpu.toFixed(2)]);
      const ratio = (what) => (found.at(-1)[what] / found[0][what]).toFixed(2);
      console.log(`| ${operation.name} | ${name} | ${cells.join(" | ")} | ${ratio("time")} | ${ratio("cpu")} |`);
    }
    for (const library of libraries) await library.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
