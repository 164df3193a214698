// The README's walk-through, as it stands there, but for the port and a picture that is made here.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { png } from "./picture.js";
import { startServer } from "./server.js";

let server;
let folder;
before(async () => {
  server = await startServer();
  folder = mkdtempSync(path.join(tmpdir(), "darkroom-readme-"));
});
after(async () => {
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test("one upload by curl works as written", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, section] = readme.split("## One upload by curl");
  const script = section
    .match(/```sh\n([\s\S]*?)```/)[1]
    .replaceAll("http://localhost:8000", server.url)
    .replaceAll("photo.jpg", "photo.png")
    .replaceAll("image/jpeg", "image/png");
  writeFileSync(path.join(folder, "photo.png"), png(1000, 700));
  const env = { ...process.env, TOKEN: server.token };
  const printed = execFileSync("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, env }).toString();
  assert.match(printed, /stored: 201/);
  assert.match(printed, /"status":"PROCESSING"/);
  assert.match(printed, /thumbnail: 200 image\/webp/);
  const { data } = JSON.parse(readFileSync(path.join(folder, "image.json"), "utf8"));
  assert.deepEqual([data.image.width, data.image.height, data.image.variants.length], [1000, 700, 5]);
  const thumbnail = readFileSync(path.join(folder, "thumbnail.webp"));
  assert.equal(thumbnail.subarray(8, 12).toString("latin1"), "WEBP");
});
