// A file of 1 GiB in parts from Chromium, which is killed at half and started again: how much is sent twice, and what it takes of the server's
// memory. Run by `make bench-resume`.

import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { finished } from "node:stream/promises";

import { startServer } from "../tests/clients/server.js";

const { chromium } = createRequire(new URL("../tests/clients/", import.meta.url))("playwright-core");
const { DARKROOM, CHROMIUM = "/usr/bin/chromium" } = process.env;
const MIB = 1024 * 1024;
const SIZE = Number(process.env.SIZE ?? 1024) * MIB;
const PASSWORD = "a long pass phrase";
/** In bytes: of a comment in a JPEG file, at most. */
const COMMENT = 65_533;

const folder = mkdtempSync(path.join(tmpdir(), "darkroom-resume-"));
const server = await startServer({
  program: DARKROOM,
  token: false,
  settings: { ADMIN_PASSWORD: PASSWORD, MAX_UPLOAD_SIZE: String(SIZE) },
});
const memory = (field) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;

/** A browser with what the one before kept, signed in, on the page for uploads. */
async function open() {
  const context = await chromium.launchPersistentContext(path.join(folder, "browser"), { executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await context.newPage();
  await page.goto(`${server.url}/console/upload`);
  const email = page.getByLabel("Email address");
  const upload = page.getByRole("heading", { name: "Upload" });
  await email.or(upload).first().waitFor();
  if (await email.isVisible()) {
    await email.fill("admin@localhost");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
  }
  await upload.waitFor();
  return { context, page, row: page.locator(".uploads > li") };
}

/** A picture with comments behind its first marker, up to the size. */
async function makeFile(page) {
  const base64 = await page.evaluate(async () => {
    const blob = await new OffscreenCanvas(640, 480).getContext("2d").canvas.convertToBlob({ type: "image/jpeg" });
    return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
  });
  const picture = Buffer.from(base64, "base64");
  const file = path.join(folder, "large.jpg");
  const out = createWriteStream(file);
  out.write(picture.subarray(0, 2));
  const comment = Buffer.alloc(COMMENT + 4, 7);
  comment.writeUInt16BE(0xfffe, 0);
  comment.writeUInt16BE(COMMENT + 2, 2);
  for (let written = picture.length; written + comment.length <= SIZE; written += comment.length) {
    if (!out.write(comment)) await new Promise((resolve) => out.once("drain", resolve));
  }
  out.end(picture.subarray(2));
  await finished(out);
  return file;
}

const percent = async (row) => Number(await row.getByRole("progressbar").getAttribute("aria-valuenow"));

try {
  let { context, page, row } = await open();
  const file = await makeFile(page);
  const before = memory("VmRSS");
  let highest = before;
  const watching = setInterval(() => (highest = Math.max(highest, memory("VmRSS"))), 50);
  const began = performance.now();
  await page.locator("input[type=file]:not([webkitdirectory])").setInputFiles(file);
  await row.waitFor();
  while ((await percent(row)) < 50) await page.waitForTimeout(20);
  await context.close();
  ({ context, page, row } = await open());
  await page.locator("input[type=file]:not([webkitdirectory])").setInputFiles(file);
  let resumedAt = 0;
  while (resumedAt === 0) resumedAt = await percent(row);
  await row.getByText("Done").waitFor({ timeout: 300_000 });
  clearInterval(watching);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${SIZE / MIB} MiB: closed at 50 %, resumed at ${Math.round(resumedAt)} %, done after ${seconds} s`);
  console.log(`the server's memory: ${before.toFixed(1)} MiB before, ${highest.toFixed(1)} at most, ${(highest - before).toFixed(1)} more`);
  await context.close();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
