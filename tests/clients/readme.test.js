// The README's walk-through, as it stands there, but for the port and a picture that is made here.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { ApolloClient, InMemoryCache, gql } from "@apollo/client";

import { png } from "./picture.js";
import { ours as program, send, startServer } from "./server.js";

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

test("the example in React compiles strictly", () => {
  const [, section] = readFileSync(new URL("../../README.md", import.meta.url), "utf8").split("## One upload in React");
  const web = fileURLToPath(new URL("../../web/", import.meta.url));
  // Within web/, where the packages and React are found.
  const example = mkdtempSync(path.join(web, "packages/readme-"));
  try {
    writeFileSync(path.join(example, "example.tsx"), section.match(/```tsx\n([\s\S]*?)```/)[1]);
    const config = { extends: "../../tsconfig.json", compilerOptions: { noEmit: true }, include: ["example.tsx"] };
    writeFileSync(path.join(example, "tsconfig.json"), JSON.stringify(config));
    execFileSync("node", [path.join(web, "node_modules/typescript/bin/tsc"), "--project", example], { stdio: "inherit" });
  } finally {
    rmSync(example, { recursive: true });
  }
});

test("an upload in parts by curl works as written", async () => {
  const [, section] = readFileSync(new URL("../../docs/uploads.md", import.meta.url), "utf8").split("## In parts");
  const script = section
    .match(/```sh\n([\s\S]*?)```/)[1]
    .replaceAll("http://localhost:8000", server.url)
    .replaceAll("photo.jpg", "large.png")
    .replaceAll("image/jpeg", "image/png");
  const picture = png(1600, 1300, 0);
  assert.ok(picture.length > 5 * 1024 * 1024, "more than one part");
  writeFileSync(path.join(folder, "large.png"), picture);
  const { categories } = await send(server, "{ categories { id } }");
  const env = { ...process.env, TOKEN: server.token, CATEGORY: categories[0].id };
  const printed = execFileSync("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, env }).toString();
  assert.match(printed, /part 1: 200\npart 2: 200\n/);
  assert.match(printed, /"status":"PROCESSING"/);
});

/** The code of a section of the README, for another server. */
function codeOf(title, url) {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, section] = readme.split(`## ${title}\n`);
  return section.match(/```(?:sh|js)\n([\s\S]*?)```/)[1].replaceAll("http://localhost:8000", url);
}

test("an account by curl works as written", async () => {
  const log = path.join(folder, "server.log");
  const open = await startServer({ token: false, settings: { SIGN_UP: "open", RUST_LOG: "info", NO_COLOR: "1" }, log });
  try {
    const script = codeOf("Accounts by curl", open.url);
    const printed = execFileSync("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, timeout: 60_000 }).toString();
    assert.match(printed, /"signUp":\{"userErrors":\[\]\}/);
    assert.match(printed, /"verifyEmail":\{"user":\{"email":"ann@example.com"\},"userErrors":\[\]\}/);
    assert.match(printed, /"me":\{"email":"ann@example.com","permissions":\[\]\}/);
  } finally {
    await open.stop();
  }
});

test("users and categories are made as written", async () => {
  const own = await startServer({ token: false });
  try {
    const script = codeOf("Users, categories, and a server for others", own.url).replaceAll("target/trial/darkroom", program);
    const env = { ...process.env, DATA_DIR: own.folder };
    const printed = execFileSync("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, env, timeout: 60_000 }).toString();
    assert.match(execFileSync(program, ["user", "list"], { env }).toString(), /ann@example\.com/);
    assert.match(printed, /"createCategory":\{"category":\{"id":"[^"]+","name":"Holidays"\},"userErrors":\[\]\}/);
  } finally {
    await own.stop();
  }
});

test("Apollo's link for a page that signs in works as written", async () => {
  const settings = { ADMIN_PASSWORD: "a long pass phrase" };
  const own = await startServer({ token: false, settings });
  const module = path.join(import.meta.dirname, `.readme-link-${process.pid}.mjs`);
  const browser = fetch;
  let requests = 0;
  let cookie = "";
  try {
    writeFileSync(module, codeOf("Accounts in React", own.url));
    // What a browser adds to a page's requests.
    globalThis.fetch = async (url, options) => {
      requests += 1;
      const headers = { ...options.headers, Origin: own.url };
      if (options.credentials === "include" && cookie) headers.Cookie = cookie;
      const answer = await browser(url, { ...options, headers });
      const [kept] = answer.headers.getSetCookie();
      if (kept) cookie = kept.split(";")[0];
      return answer;
    };
    const { link, logIn, accessToken } = await import(module);
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const me = () => client.query({ query: gql("{ me { email } }"), fetchPolicy: "no-cache" });
    assert.equal((await me()).data.me, null, "nobody yet");
    assert.equal((await logIn("admin@localhost", "wrong"))[0].code, "INVALID_CREDENTIALS");
    assert.deepEqual(await logIn("admin@localhost", settings.ADMIN_PASSWORD), []);
    assert.equal((await me()).data.me.email, "admin@localhost");
    const first = await accessToken();
    // A page that was loaded anew has the cookie alone, and its many first requests refresh once.
    const reloaded = await import(`${module}?again`);
    requests = 0;
    const tokens = await Promise.all([reloaded.accessToken(), reloaded.accessToken(), reloaded.accessToken()]);
    assert.equal(requests, 1);
    assert.equal(new Set(tokens).size, 1);
    assert.ok(first && tokens[0]);
    const again = new ApolloClient({ link: reloaded.link, cache: new InMemoryCache() });
    assert.equal((await again.query({ query: gql("{ me { email } }") })).data.me.email, "admin@localhost");
  } finally {
    globalThis.fetch = browser;
    rmSync(module, { force: true });
    await own.stop();
  }
});
