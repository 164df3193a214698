// The console in Chromium at a quarter of the processor's speed: what the first page takes, and what a gallery of 100,000 images takes to be
// scrolled through, beside a grid of react-virtuoso with as many. Run by `make bench-console`.

import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { png } from "../tests/clients/picture.js";
import { startServer } from "../tests/clients/server.js";
import { openChromium } from "./chromium.mjs";
import { serveInFrontOf } from "./pictures.mjs";

const { DARKROOM } = process.env;
const IMAGES = Number(process.env.IMAGES ?? 100_000);
const SLOWER = 4;
const PASSWORD = "a long pass phrase";
/** In pixels: how far the page goes in one frame. 24,000 pixels, or 700 images, a second where each frame is in time. */
const STEP = 400;
const PEER = fileURLToPath(new URL("peers/grid/dist/", import.meta.url));

/** Notes what the browser tells of itself. */
function observe() {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => (window.lcp = list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true });
}

/** Scrolls for so many frames, a step in each, as far as there is something. */
const scroll = ({ frames, step }) =>
  new Promise((resolve) => {
    const next = () => {
      window.scrollBy(0, step);
      frames -= 1;
      if (frames > 0) requestAnimationFrame(next);
      else resolve();
    };
    requestAnimationFrame(next);
  });

async function openPage(url) {
  const page = await openChromium();
  await page.send("Page.enable");
  await page.send("Page.addScriptToEvaluateOnNewDocument", { source: `(${observe})()` });
  await page.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await page.send("Page.navigate", { url });
  return page;
}

/** Goes through the whole of a list; `seen` is a function in the page that says how many images were come by so far. */
async function scrollThrough(page, name, seen) {
  console.log(`| ${name} | heap, MiB | longest task, ms | tasks over 50 ms | nodes | s |`);
  console.log("|---|---|---|---|---|---|");
  await page.evaluate(() => (window.tasks.length = 0));
  const marks = [0.01, 0.1, 0.25, 0.5, 0.75, 1].map((share) => Math.floor(share * IMAGES));
  const began = performance.now();
  while (marks.length) {
    await page.evaluate(scroll, { frames: 60, step: STEP });
    const count = await page.evaluate(seen);
    if (count < marks[0]) continue;
    while (count >= marks[0]) marks.shift();
    const tasks = await page.evaluate(() => window.tasks.splice(0));
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    await page.send("HeapProfiler.collectGarbage");
    const { usedSize } = await page.send("Runtime.getHeapUsage");
    await page.evaluate(() => (window.tasks.length = 0));
    const over = tasks.filter((duration) => duration > 50);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`| ${count} | ${(usedSize / 1024 / 1024).toFixed(1)} | ${Math.round(Math.max(0, ...tasks))} | ${over.length} | ${nodes} | ${seconds} |`);
  }
}

async function consoleOf(front, folder) {
  const settings = { ADMIN_PASSWORD: PASSWORD, RATE_LIMIT_POINTS: "0", PUBLIC_URL: front.url };
  const env = { ...process.env, DATA_DIR: folder, RUST_LOG: "error", ...settings };
  execFileSync(DARKROOM, ["seed", "--images", String(IMAGES), "--owner", "admin@localhost"], { env, stdio: "ignore" });
  const server = await startServer({ program: DARKROOM, folder, settings, token: false });
  front.forward(server.url);
  const page = await openPage(front.url);
  try {
    await page.until(() => document.querySelector("input[type=password]") !== null && window.lcp > 0);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)));
    const bytes = await page.evaluate(() => {
      const all = [...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")];
      return all.reduce((sum, { transferSize }) => sum + transferSize, 0);
    });
    const lcp = () => page.evaluate(() => Math.round(window.lcp));
    console.log(`first load: ${(bytes / 1024).toFixed(1)} KiB, LCP ${await lcp()} ms at ${SLOWER} times slower`);
    await page.evaluate(() => document.querySelector("input[type=email]").focus());
    await page.send("Input.insertText", { text: "admin@localhost" });
    await page.evaluate(() => document.querySelector("input[type=password]").focus());
    await page.send("Input.insertText", { text: PASSWORD });
    await page.evaluate(() => document.querySelector("input[type=password]").form.requestSubmit());
    await page.until(() => document.querySelector("figure img") !== null);
    await page.send("Page.reload");
    await page.until(() => document.querySelector("figure img")?.complete === true && window.lcp > 0);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)));
    console.log(`gallery of ${IMAGES}, signed in: LCP ${await lcp()} ms`);
    const seen = () => Number(/\d+/.exec([...document.querySelectorAll("[role=status]")].at(-1)?.textContent ?? "")?.[0] ?? 0);
    await scrollThrough(page, "images of the console", seen);
  } finally {
    await page.close();
    await server.end();
  }
}

/** The same number of images in a grid of react-virtuoso, which knows all of them from the start. */
async function peer(front) {
  const files = createServer(({ url }, answer) => {
    const name = url === "/" ? "index.html" : url.slice(1);
    answer.setHeader("Content-Type", name.endsWith(".js") ? "text/javascript" : "text/html");
    createReadStream(path.join(PEER, path.normalize(name))).on("error", () => answer.end()).pipe(answer);
  });
  await new Promise((resolve) => files.listen(0, "127.0.0.1", resolve));
  front.forward(`http://localhost:${files.address().port}`);
  const page = await openPage(`${front.url}/#${IMAGES}`);
  try {
    await page.until(() => document.querySelector("img")?.complete);
    await scrollThrough(page, "images of react-virtuoso", () => Number(document.querySelector("[data-index]:last-child")?.dataset.index ?? -1) + 1);
  } finally {
    await page.close();
    files.closeAllConnections();
    files.close();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), "darkroom-console-"));
const front = await serveInFrontOf(png(300, 200));
try {
  await consoleOf(front, folder);
  await peer(front);
} finally {
  front.close();
  rmSync(folder, { recursive: true, force: true });
}
