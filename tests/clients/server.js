// The real program on a folder of its own, for clients that were not written here.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The program under test. */
export const ours = process.env.DARKROOM ?? fileURLToPath(new URL("../../target/debug/darkroom", import.meta.url));

/**
 * Starts a server; `stop` ends it and removes its folder, `end` leaves that to the next one. Unless told otherwise,
 * somebody is signed in.
 */
export async function startServer({ token = true, words = [], settings = {}, folder, program = ours, log } = {}) {
  folder ??= mkdtempSync(path.join(tmpdir(), "darkroom-"));
  const env = { ...process.env, BIND: "127.0.0.1:0", DATA_DIR: folder, RUST_LOG: "error", ...settings };
  const server = spawn(program, ["serve", ...words], { env, stdio: ["ignore", "pipe", log ? openSync(log, "w") : "inherit"] });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  const lines = createInterface({ input: server.stdout });
  const address = await new Promise((resolve, reject) => {
    lines.once("line", (line) => resolve(line.split(" ").at(-1)));
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const port = address.split(":").at(-1);
  const started = {
    token: "",
    pid: server.pid,
    tokenOf: (email) => execFileSync(program, ["token", email], { env }).toString().trim(),
    signIn() {
      started.token = started.tokenOf("ann@example.com");
    },
    url: `http://localhost:${port}`,
    graphql: `http://localhost:${port}/graphql`,
    socket: `ws://localhost:${port}/graphql`,
    folder,
    async end() {
      server.kill("SIGTERM");
      await exited;
    },
    async stop() {
      await started.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (token) started.signIn();
  return started;
}

/** Sends an operation and gives its data. */
export async function send(server, query, variables) {
  const answer = await fetch(server.graphql, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${server.token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** A ticket for a picture, and the means to post it. */
export async function ticketFor(server, bytes, filename = "drawing.png", contentType = "image/png") {
  const { categories } = await send(server, "{ categories { id } }");
  const input = {
    filename,
    contentType,
    fileSize: bytes.length,
    categoryId: categories[0].id,
  };
  const { requestUpload } = await send(
    server,
    `mutation ($input: RequestUploadInput!) {
      requestUpload(input: $input) { upload { image { id } url fields { name value } } userErrors { code } }
    }`,
    { input },
  );
  const { image, url, fields } = requestUpload.upload;
  const post = async () => {
    const form = new FormData();
    for (const { name, value } of fields) form.append(name, value);
    form.append("file", new Blob([bytes]));
    const answer = await fetch(url, { method: "POST", body: form });
    if (answer.status !== 201) throw new Error(`the storage answered ${answer.status}: ${await answer.text()}`);
  };
  return { imageId: image.id, post };
}

export const COMPLETE = `mutation ($input: CompleteUploadInput!) {
  completeUpload(input: $input) { image { status } userErrors { code } }
}`;

export const WATCH = `subscription ($id: ID!) {
  uploadProgress(imageId: $id) {
    status revision bytesUploaded bytesTotal percent variantsReady variantsTotal
    variant { type url }
  }
}`;
