// The upload story in Debian's Firefox, by WebDriver BiDi: what works in one browser alone is found here.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import puppeteer from "puppeteer-core";

import { png } from "./picture.js";
import { startServer } from "./server.js";

const PASSWORD = "a long pass phrase";

let server, browser, folder;
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "darkroom-firefox-"));
  server = await startServer({ settings: { ADMIN_PASSWORD: PASSWORD, MAX_UPLOAD_SIZE: String(64 * 1024 * 1024) } });
  browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: { "intl.accept_languages": "en" },
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A file for the browser to choose. */
function file(name, content) {
  const written = path.join(folder, name);
  writeFileSync(written, content);
  return written;
}

test("pictures are uploaded, and what is none is explained", async () => {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${server.url}/console`);
  await page.locator("input[name=email]").fill("admin@localhost");
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("a ::-p-text(Upload)").click();
  const input = await page.waitForSelector("input[type=file]:not([webkitdirectory])");
  await input.uploadFile(
    file("tall.png", png(400, 800)),
    file("wide.png", png(900, 300)),
    // Large enough for several parts.
    file("large.png", png(2600, 2600, 0)),
    file("notes.jpg", "not a picture"),
  );
  const states = () => page.$$eval(".uploads > li", (rows) => rows.map(({ dataset }) => dataset.phase));
  for (let shown = await states(); !(shown.length === 4 && shown.every((phase) => /completed|failed/.test(phase))); shown = await states()) {
    await page.waitForFunction((before) => JSON.stringify([...document.querySelectorAll(".uploads > li")].map((row) => row.dataset.phase)) !== before, {}, JSON.stringify(shown));
  }
  const ends = await page.$$eval(".uploads > li", (rows) => rows.map((row) => [row.querySelector("strong").innerText, row.dataset.phase, row.querySelectorAll(".variants li").length]));
  assert.deepEqual(ends.map(([name, phase]) => [name, phase]), [["tall.png", "completed"], ["wide.png", "completed"], ["large.png", "completed"], ["notes.jpg", "failed"]]);
  assert.ok(ends.slice(0, 3).every(([, , variants]) => variants >= 4));
  assert.ok((await page.$eval(".uploads [role=alert]", (alert) => alert.innerText)).length > 20);
  await page.locator("a ::-p-text(Images)").click();
  await page.waitForFunction(() => [...document.querySelectorAll("figure img")].filter((img) => img.complete && img.naturalWidth > 0).length === 3);
  assert.deepEqual(errors, []);
});
