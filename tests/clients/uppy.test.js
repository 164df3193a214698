// @darkroom/uppy in a real browser with Uppy 5 and Uppy 6, on a page of another origin, against the real server.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { bundle, packageSource, servePage } from "./page_server.js";
import { png } from "./picture.js";
import { send, startServer } from "./server.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const MEGABYTE = 1_000_000;
/** A picture of that size at least: it is not compressed. */
const largePng = (bytes) => png(Math.ceil(Math.sqrt(bytes / 3)), Math.ceil(Math.sqrt(bytes / 3)), 0);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

let server, categoryId;
const sites = {};
before(async () => {
  for (const version of ["uppy5", "uppy6"]) {
    const alias = {
      "@uppy/core": here(`node_modules/${version}`),
      "@darkroom/client": packageSource("client"),
      "@darkroom/uppy": packageSource("uppy"),
    };
    sites[version] = await servePage(await bundle(here("uppy_page.js"), alias));
  }
  const origins = Object.values(sites).map(({ url }) => url).join(",");
  server = await startServer({ settings: { CORS_ORIGINS: origins, MAX_UPLOAD_SIZE: String(64 * MEGABYTE) } });
  ({ categories: [{ id: categoryId }] } = await send(server, "{ categories { id } }"));
});
after(async () => {
  await server?.stop();
  for (const site of Object.values(sites)) await site.stop();
});

/** A page with `uppy`, which has noted what it was told. `kept`: the folder of a browser that is closed and opened again. */
async function openPage(version, kept) {
  const context = await chromium.launchPersistentContext(kept, { executablePath, args: FLAGS });
  const page = await context.newPage();
  await page.goto(sites[version].url);
  await page.waitForFunction(() => window.kit);
  await page.evaluate(
    ({ url, token, categoryId }) => {
      const { Uppy, DarkroomUploader } = window.kit;
      window.progress = [];
      window.uppy = new Uppy().use(DarkroomUploader, { url, token: () => token, details: { categoryId }, partsFrom: 16e6 });
      window.uppy.on("upload-progress", (_file, { bytesUploaded }) => window.progress.push(bytesUploaded));
      window.add = (bytes, name) => {
        const data = new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type: "image/png", lastModified: 1 });
        return window.uppy.addFile({ name, type: "image/png", data });
      };
    },
    { url: server.graphql, token: server.token, categoryId },
  );
  return { page, context };
}

const sentTo = (requests, method) => requests.filter((request) => request === method).length;

for (const version of ["uppy5", "uppy6"]) {
  test(`${version}: 3 MB go by a form, and 40 MB in parts that are resumed in another browser session`, async () => {
    const kept = mkdtempSync(path.join(tmpdir(), "darkroom-uppy-"));
    let { page, context } = await openPage(version, kept);
    const requests = [];
    const note = (page) => page.on("request", (request) => request.url().includes("/media") && requests.push(request.method()));
    note(page);
    const small = largePng(3 * MEGABYTE).toString("base64");
    const { successful, failed } = await page.evaluate(async (bytes) => {
      window.add(bytes, "small.png");
      const { successful, failed } = await window.uppy.upload();
      return { successful: successful.map(({ response }) => response.body.status), failed: failed.map(({ error }) => error) };
    }, small);
    assert.deepEqual([successful, failed], [["COMPLETED"], []]);
    assert.deepEqual([sentTo(requests, "POST"), sentTo(requests, "PUT")], [1, 0]);

    const large = largePng(40 * MEGABYTE).toString("base64");
    let stored = 0;
    await context.route("**/media/**", (route) => (route.request().method() === "PUT" && ++stored > 2 ? undefined : route.continue()));
    await page.evaluate((bytes) => {
      window.uppy.clear();
      window.add(bytes, "large.png");
      void window.uppy.upload();
    }, large);
    const parts = async () => {
      const { images } = await send(server, '{ images(filter: { status: [UPLOADING] }) { nodes { id } } }');
      if (!images.nodes[0]) return 0;
      return (await send(server, "query ($id: ID!) { uploadedParts(imageId: $id) { size } }", { id: images.nodes[0].id })).uploadedParts.length;
    };
    while ((await parts()) < 2) await page.waitForTimeout(50);
    await context.close();

    ({ page, context } = await openPage(version, kept));
    requests.length = 0;
    note(page);
    const resumed = await page.evaluate(async (bytes) => {
      window.add(bytes, "large.png");
      const { successful } = await window.uppy.upload();
      return { status: successful.map(({ response }) => response.body.status), first: window.progress[0], last: window.progress.at(-1) };
    }, large);
    assert.deepEqual(resumed.status, ["COMPLETED"]);
    assert.ok(resumed.first >= 2 * 8 * 1024 * 1024, `it began at ${resumed.first}`);
    assert.ok(resumed.last >= 40 * MEGABYTE);
    assert.equal(sentTo(requests, "PUT"), Math.ceil(resumed.last / (8 * 1024 * 1024)) - 2, "what was there is not sent again");
    await context.close();
    rmSync(kept, { recursive: true, force: true });
  });
}
