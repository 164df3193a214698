// The receiver of docs/webhooks.md, as it stands there, verifies by the library of Standard Webhooks what a real server sends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { png } from "./picture.js";
import { COMPLETE, send, startServer, ticketFor } from "./server.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** A port that nobody listens on. */
async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The receiver's process; `said` gives what it prints, line by line. */
async function startReceiver(folder, secret, port) {
  const document = readFileSync(new URL("../../docs/webhooks.md", import.meta.url), "utf8");
  const file = path.join(folder, "receiver.mjs");
  writeFileSync(file, `${document.match(/```js\n([\s\S]*?)```/)[1]}\nserver.on("listening", () => console.log("listening"));\n`);
  const env = { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port) };
  const receiver = spawn("node", [file], { env, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  const said = async () => (await lines.next()).value;
  assert.equal(await said(), "listening");
  return { said, stop: () => receiver.kill() };
}

test("the receiver of the documentation is told of a photo, and of nothing that is forged", async () => {
  const port = await freePort();
  const url = `http://localhost:${port}/darkroom`;
  const create = `mutation($url: String!) { createWebhook(input: { url: $url, kinds: [COMPLETED, DELETED] }) {
    created { secret webhook { id } } userErrors { code field message } } }`;
  const { created, userErrors } = (await send(server, create, { url })).createWebhook;
  assert.deepEqual(userErrors, []);
  // Within this folder, where the library is found.
  const folder = mkdtempSync(fileURLToPath(new URL("webhook-", import.meta.url)));
  const receiver = await startReceiver(folder, created.secret, port);
  try {
    const { imageId: image, post } = await ticketFor(server, png(300, 200));
    await post();
    await send(server, COMPLETE, { input: { imageId: image } });
    assert.equal(await receiver.said(), `image.completed ${image}`);
    await send(server, "mutation($id: ID!) { deleteImage(input: { imageId: $id }) { deletedImageId } }", { id: image });
    assert.equal(await receiver.said(), `image.deleted ${image}`);
    const forged = await fetch(url, {
      method: "POST",
      body: JSON.stringify({ type: "image.deleted", data: { imageId: image } }),
      headers: { "webhook-id": "1", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": "v1,bm8=" },
    });
    assert.equal(forged.status, 400);
  } finally {
    receiver.stop();
    rmSync(folder, { recursive: true });
  }
});
