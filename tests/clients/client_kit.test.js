// @darkroom/client in a real browser, on a page of another origin, against the real server.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";

import { bundle, packageSource, servePage } from "./page_server.js";
import { png } from "./picture.js";
import { send, startServer } from "./server.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PASSWORD = "a long pass phrase";
const MIB = 1024 * 1024;
const PART = 8 * MIB;

let script, site, server, browser, categoryId;
before(async () => {
  script = await bundle(packageSource("client"));
  site = await servePage(script);
  server = await startServer({ settings: { CORS_ORIGINS: site.url, ADMIN_PASSWORD: PASSWORD, MAX_UPLOAD_SIZE: String(64 * MIB) } });
  browser = await chromium.launch({ executablePath, args: FLAGS });
  ({ categories: [{ id: categoryId }] } = await send(server, "{ categories { id } }"));
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await site?.stop();
});

/** A page with `kit`, and `begin`, which begins an upload and notes its states. */
async function openPage(context = browser, { token = server.token, url = server.graphql, options = {} } = {}) {
  const page = await context.newPage();
  await page.goto(site.url);
  await page.waitForFunction(() => window.kit);
  await page.evaluate(
    ({ token, url, options }) => {
      window.asked = [];
      window.darkroom = new window.kit.Darkroom({ url, token: (isRefused) => (window.asked.push(isRefused), token), ...options });
      window.begin = (bytes, name, type, details) => {
        const file = new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type, lastModified: 1 });
        const upload = window.darkroom.upload(file, details);
        window.states = [];
        upload.subscribe(() => window.states.push(upload.state));
        return (window.last = upload);
      };
      window.ended = (upload) => upload.done.then(({ id, status, variants }) => ({ id, status, variants }), ({ code, message }) => ({ code, message }));
    },
    { token, url, options },
  );
  return page;
}

/** Uploads a file in a page and gives how it ended, with the phases that it went through. */
async function upload(page, bytes, name = "drawing.png", type = "image/png", details = {}) {
  const begun = { bytes: bytes.toString("base64"), name, type, details: { categoryId, ...details } };
  return page.evaluate(async ({ bytes, name, type, details }) => {
    const upload = window.begin(bytes, name, type, details);
    const end = await window.ended(upload);
    const phases = window.states.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1]);
    const sent = window.states.filter(({ phase }) => phase === "sending").map(({ bytesUploaded }) => bytesUploaded);
    return { end, phases, sent, last: window.states.at(-1) };
  }, begun);
}

const images = async () => (await send(server, "{ images { nodes { id status title } } }")).images.nodes;

test("the package is small", () => {
  const size = gzipSync(script, { level: 9 }).length;
  assert.ok(size <= 12 * 1024, `${size} bytes`);
});

test("a file goes by a form, and its variants are there as they are made", async () => {
  const page = await openPage();
  const picture = png(900, 600);
  const { end, phases, sent, last } = await upload(page, picture, "drawing.png", "image/png", { title: "A drawing", tags: ["one"] });
  assert.equal(end.status, "COMPLETED", JSON.stringify(end));
  assert.deepEqual(phases, ["sending", "processing", "completed"]);
  assert.equal(sent.at(-1), picture.length);
  assert.ok(last.image.variants.length >= 5 && last.image.placeholder);
  const { image } = await send(server, "query ($id: ID!) { image(id: $id) { title tags } }", { id: end.id });
  assert.deepEqual(image, { title: "A drawing", tags: ["one"] });
  await page.close();
});

test("what is wrong with a file is said, and nothing of it is left", async () => {
  const page = await openPage();
  const before = await images();
  const text = Buffer.from("not a picture at all");
  const { end: unknown, last } = await upload(page, text, "notes.txt", "text/plain");
  assert.equal(unknown.code, "UNSUPPORTED_CONTENT_TYPE");
  assert.deepEqual([last.phase, last.canRetry], ["failed", false]);
  assert.equal((await upload(page, png(8, 8), "a.jpg", "image/png")).end.code, "EXTENSION_MISMATCH");
  assert.deepEqual(await images(), before);
  const { end: disguised, phases } = await upload(page, text, "photo.jpg", "image/jpeg");
  assert.equal(disguised.code, "NOT_AN_IMAGE");
  assert.deepEqual(phases, ["sending", "processing", "failed"]);
  await page.close();
});

test("a token that is not accepted is asked for anew, once", async () => {
  const page = await openPage(browser, { token: "no such token" });
  const { end } = await upload(page, png(8, 8));
  assert.equal(end.code, "UNAUTHENTICATED");
  assert.deepEqual(await page.evaluate(() => window.asked), [false, true]);
  await page.close();
});

test("an upload goes on after the network was away", async () => {
  const context = await browser.newContext();
  const page = await openPage(context);
  await context.setOffline(true);
  const picture = png(300, 200);
  const ending = upload(page, picture);
  await page.waitForFunction(() => window.asked.length > 0);
  await context.setOffline(false);
  assert.equal((await ending).end.status, "COMPLETED");
  await context.close();
});

test("where no WebSocket gets through, the end is asked for", async () => {
  const context = await browser.newContext();
  await context.routeWebSocket(/graphql/, (socket) => socket.close({ code: 4500 }));
  const { end } = await upload(await openPage(context), png(300, 200));
  assert.equal(end.status, "COMPLETED");
  await context.close();
});

test("a large file goes in parts, is paused, and goes on where it stopped after the browser was closed", async () => {
  const profile = mkdtempSync(path.join(tmpdir(), "darkroom-profile-"));
  const picture = png(2300, 1900, 0);
  const parts = Math.ceil(picture.length / PART);
  assert.equal(parts, 2);
  const begun = { bytes: picture.toString("base64"), categoryId };
  const puts = async (page, log) => page.on("request", (request) => request.method() === "PUT" && log.push(new URL(request.url()).searchParams.get("partNumber")));
  const options = { partsFrom: 1, partsAtOnce: 1 };

  const first = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS });
  const page = await openPage(first, { options });
  const before = [];
  await puts(page, before);
  // The second part does not get through.
  await page.route(/partNumber=2/, (route) => route.abort("connectionreset"));
  const imageId = await page.evaluate(({ bytes, categoryId, part }) => {
    const upload = window.begin(bytes, "large.png", "image/png", { categoryId });
    return new Promise((resolve, reject) => upload.subscribe(() => {
      const { state } = upload;
      if (state.phase === "sending" && state.bytesUploaded >= part) resolve(state.imageId);
      if (state.phase === "failed") reject(state.error);
    }));
  }, { ...begun, part: PART });
  const paused = await page.evaluate(() => (window.last.pause(), window.last.state));
  assert.deepEqual(paused, { phase: "paused", imageId });
  await first.close();

  const second = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS });
  const again = await openPage(second, { options });
  const sent = [];
  await puts(again, sent);
  const { end } = await upload(again, picture, "large.png");
  assert.deepEqual([end.id, end.status], [imageId, "COMPLETED"], JSON.stringify(end));
  assert.deepEqual(sent, ["2"], "the first part is there");
  assert.ok(before.includes("1"));
  await second.close();
  rmSync(profile, { recursive: true, force: true });
});

test("a paused upload is resumed, and an aborted one is forgotten", async () => {
  const page = await openPage();
  const bytes = png(900, 600).toString("base64");
  const resumed = await page.evaluate(async ({ bytes, categoryId }) => {
    const upload = window.begin(bytes, "drawing.png", "image/png", { categoryId });
    upload.pause();
    const paused = upload.state.phase;
    upload.resume();
    return [paused, (await window.ended(upload)).status];
  }, { bytes, categoryId });
  assert.deepEqual(resumed, ["paused", "COMPLETED"]);

  const known = (await images()).length;
  // The file does not get through, so that there is an upload to abort.
  await page.route(/incoming|darkroom$/, (route) => (route.request().method() === "POST" && !route.request().url().includes("graphql") ? undefined : route.continue()));
  const aborted = await page.evaluate(async ({ bytes, categoryId }) => {
    const upload = window.begin(bytes, "drawing.png", "image/png", { categoryId });
    await new Promise((resolve) => upload.subscribe(() => upload.state.phase === "sending" && resolve()));
    await upload.abort();
    return [upload.state.phase, (await window.ended(upload)).code];
  }, { bytes, categoryId });
  assert.deepEqual(aborted, ["aborted", "ABORTED"]);
  assert.equal((await images()).length, known);
  await page.close();
});

test("a file goes by PUT where the storage takes no forms", async () => {
  const put = await startServer({ settings: { CORS_ORIGINS: site.url, UPLOAD_METHOD: "put" } });
  const { categories } = await send(put, "{ categories { id } }");
  const page = await openPage(browser, { token: put.token, url: put.graphql });
  const { end, phases } = await upload(page, png(300, 200), "drawing.png", "image/png", { categoryId: categories[0].id });
  assert.deepEqual([end.status, phases], ["COMPLETED", ["sending", "processing", "completed"]], JSON.stringify(end));
  await page.close();
  await put.stop();
});

test("a picture is made smaller first, where that was asked for", async () => {
  const page = await openPage();
  const { end } = await upload(page, png(900, 600), "drawing.png", "image/png", { resize: { longestSide: 300 } });
  const query = "query ($id: ID!) { image(id: $id) { width height contentType originalFilename } }";
  const { image } = await send(server, query, { id: end.id });
  assert.deepEqual(image, { width: 300, height: 200, contentType: "image/jpeg", originalFilename: "drawing.jpg" });
  await page.close();
});

test("a page signs in, goes on after it was loaded again, and signs out", async () => {
  const context = await browser.newContext();
  const page = await openPage(context);
  const email = "admin@localhost";
  const refused = await page.evaluate(
    async ({ url, email }) => {
      window.session = new window.kit.Session(url);
      return window.session.logIn(email, "wrong").catch(({ code }) => code);
    },
    { url: server.graphql, email },
  );
  assert.equal(refused, "INVALID_CREDENTIALS");
  const user = await page.evaluate(({ email, password }) => window.session.logIn(email, password), { email, password: PASSWORD });
  assert.equal(user.email, email);
  assert.match(await page.evaluate(() => window.session.token(false)), /\./);
  const again = await openPage(context);
  const resumed = await again.evaluate(async (url) => {
    window.session = new window.kit.Session(url);
    const users = await Promise.all([window.session.resume(), window.session.resume()]);
    return users.map((user) => user?.email);
  }, server.graphql);
  assert.deepEqual(resumed, [email, email]);
  await again.evaluate(() => window.session.logOut());
  assert.equal(await again.evaluate(() => window.session.resume()), null);
  await context.close();
});
