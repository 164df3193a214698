// Each of examples/, built as its reader would, in a real browser: a picture is uploaded and is seen.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { png } from "./picture.js";
import { startServer } from "./server.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const root = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const npm = (folder, ...words) => execFileSync("npm", words, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });

let server, browser;
before(async () => {
  npm(root("web"), "run", "build", "--workspaces");
  server = await startServer();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Serves a folder of files on a port of its own, which is another origin than the server's. */
async function serve(folder) {
  const site = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = path.join(folder, pathname === "/" ? "index.html" : path.normalize(pathname));
    const content = await readFile(file).catch(() => null);
    response.writeHead(content ? 200 : 404, { "Content-Type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    response.end(content);
  });
  await new Promise((resolve) => site.listen(0, "localhost", resolve));
  const stop = () => new Promise((resolve) => { site.close(resolve); site.closeAllConnections(); });
  return { url: `http://localhost:${site.address().port}`, stop };
}

/** Next.js has a server of its own. */
async function serveNext(folder) {
  const env = { ...process.env, DARKROOM_URL: server.graphql, DARKROOM_TOKEN: server.token, NEXT_TELEMETRY_DISABLED: "1" };
  const next = spawn("node", ["node_modules/next/dist/bin/next", "start", "--port", "0"], { cwd: folder, env });
  const ended = new Promise((resolve) => next.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: next.stdout }).on("line", (line) => {
      const found = /http:\/\/localhost:\d+/.exec(line);
      if (found) resolve(found[0]);
    });
    next.once("exit", (code) => reject(new Error(`Next.js ended with ${code}`)));
  });
  return { url, stop: () => (next.kill(), ended) };
}

/** Uploads a picture on a page, and waits until one more is seen. */
async function upload(url) {
  const page = await (await browser.newContext()).newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${url}/?${new URLSearchParams({ url: server.graphql, token: server.token })}`);
  const input = page.locator("input[type=file]");
  await input.waitFor({ state: "attached" });
  // Those that are there from before have come.
  await page.waitForLoadState("networkidle");
  const before = await page.locator("img").count();
  await input.setInputFiles({ name: "lake.png", mimeType: "image/png", buffer: png(400, 300) });
  await page.locator("img").nth(before).waitFor();
  const sizes = await page.locator("img").evaluateAll((all) => Promise.all(all.map((img) => ((img.loading = "eager"), img.decode().then(() => img.naturalWidth)))));
  assert.ok(sizes.every((width) => width > 0));
  assert.deepEqual(errors, []);
  await page.context().close();
}

test("plain HTML", async () => {
  const site = await serve(root("examples/plain"));
  await upload(site.url);
  await site.stop();
});

for (const name of ["react-apollo", "urql", "relay"]) {
  test(name, async () => {
    const folder = root(`examples/${name}`);
    npm(folder, "ci", "--no-audit", "--no-fund", "--silent");
    npm(folder, "run", "build", "--silent");
    const site = await serve(path.join(folder, "dist"));
    await upload(site.url);
    await site.stop();
  });
}

test("next-app", async () => {
  const folder = root("examples/next-app");
  npm(folder, "install", "--no-audit", "--no-fund", "--silent");
  npm(folder, "run", "build", "--silent");
  const site = await serveNext(folder);
  await upload(site.url);
  await site.stop();
});
