// GraphiQL in a real browser: nothing is fetched from another host, nothing is against the page's policy,
// and an example tab streams a subscription as it is.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { withAuthenticator } from "./authenticator.js";
import { png } from "./picture.js";
import { COMPLETE, send, startServer, ticketFor } from "./server.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const PASSWORD = "a long pass phrase";

let server;
let browser;
before(async () => {
  server = await startServer({ settings: { ADMIN_PASSWORD: PASSWORD } });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the page stays at home, and an example tab streams a subscription", async () => {
  const page = await browser.newPage();
  const elsewhere = [];
  const complaints = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (["http:", "https:", "ws:", "wss:"].includes(url.protocol) && url.origin !== server.url) {
      elsewhere.push(request.url());
    }
  });
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));

  await page.goto(`${server.url}/graphiql`);
  await page.getByLabel("Access token").fill(server.token);
  await page.getByRole("button", { name: "Use", exact: true }).click();

  const { response, open, runUntil } = tabsOf(page);
  await open("WhoAmI", "permissions");
  await runUntil("ann@example.com");

  await open("WatchMyUploads", "variantsReady");
  // The other tab's answer goes last: an event that came before that would go with it.
  await response.getByText("ann@example.com").waitFor({ state: "detached" });
  const { imageId, post } = await ticketFor(server, png(300, 200));
  await runUntil("PENDING");
  await post();
  await send(server, COMPLETE, { input: { imageId } });
  await response.getByText("COMPLETED").first().waitFor();
  await response.getByText(imageId).first().waitFor();
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
});

test("whoever opens the examples before signing in is told so, and runs them afterwards; a bad token is called one", async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/graphiql`);
  const { open, runUntil } = tabsOf(page);
  await open("AskForATicket", "requestUpload");
  await runUntil("UNAUTHENTICATED");
  await open("WatchMyUploads", "variantsReady");
  await runUntil("UNAUTHENTICATED");
  await open("AskForATicket", "requestUpload");

  await page.getByLabel("Access token").fill("nonsense");
  await page.getByRole("button", { name: "Use", exact: true }).click();
  await page.getByRole("alert").getByText("This token is not valid").waitFor();
  await open("WatchMyUploads", "variantsReady");
  await runUntil(/closed.with.event.4403/);
  await open("AskForATicket", "requestUpload");

  await page.getByLabel("Access token").fill(server.token);
  await page.getByRole("button", { name: "Use", exact: true }).click();
  await page.getByText("ann@example.com").waitFor();
  await open("AskForATicket", "requestUpload");
  await runUntil("PENDING");
  await open("WhatMayBeUploaded", "maxFileSize");
  await runUntil("general");
  await open("NewestImages", "totalCount");
  await runUntil("totalCount");
  await page.close();
});

test("somebody signs in, stays so when the page is loaded anew, and signs out", async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/graphiql`);
  const signIn = async (password) => {
    await page.getByLabel("Email address").fill("admin@localhost");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  await signIn("wrong");
  await page.getByRole("alert").getByText("The email address or the password is wrong.").waitFor();
  await signIn(PASSWORD);
  await page.getByText("admin@localhost").first().waitFor();
  const scripts = await page.evaluate(() => ({ cookie: document.cookie, kept: JSON.stringify(localStorage) }));
  assert.equal(scripts.cookie, "", "no script reads the cookie");
  assert.doesNotMatch(scripts.kept, /eyJ|refresh/, "and nothing is kept where scripts do");
  await page.reload();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.close();
});

test("somebody with a second factor is asked for its code, and a passkey needs neither", async () => {
  const { session } = await mutate("logIn", { email: "admin@localhost", password: PASSWORD }, "session { accessToken }");
  const admin = { ...server, token: session.accessToken };
  const { totp } = await mutate("beginTotp", { password: PASSWORD }, "totp { secret }", admin);
  const { recoveryCodes } = await mutate("confirmTotp", { code: codeOf(totp.secret) }, "recoveryCodes", admin);

  const page = await browser.newPage();
  await page.goto(`${server.url}/graphiql`);
  await page.getByLabel("Email address").fill("admin@localhost");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Code", { exact: true }).fill(recoveryCodes[0]);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("admin@localhost").first().waitFor();

  await withAuthenticator(page);
  const { passkeyChallenge } = await mutate("beginPasskey", { password: PASSWORD }, "passkeyChallenge { options challenge }", admin);
  const credential = await page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  }, passkeyChallenge.options);
  await mutate("addPasskey", { challenge: passkeyChallenge.challenge, credential, name: "test" }, "passkey { id }", admin);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.close();
});

/** Opens example tabs and runs them. */
function tabsOf(page) {
  const run = page.getByRole("button", { name: /execute query/i });
  const stop = page.getByRole("button", { name: /stop query/i });
  const response = page.locator(".graphiql-response");
  // GraphiQL reads a tab's operation a moment after it shows it; run before that, it runs the tab before.
  const runUntil = async (word) => {
    for (let attempt = 1; ; attempt++) {
      await run.click();
      const seen = response.getByText(word).first().waitFor({ timeout: 8000 });
      if (await seen.then(() => true, () => false)) return;
      assert.ok(attempt < 5, `${word} never came: ${await response.innerText()}`);
      if (await stop.isVisible()) await stop.click();
    }
  };
  const open = async (tab, word) => {
    await page.getByRole("tab", { name: tab }).click();
    await page.locator(".graphiql-query-editor").getByText(word).first().waitFor();
    // It is kept a moment later: a page that is loaded anew before that opens the tab a second time.
    await page.waitForFunction((tab) => {
      const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem("graphiql:tabState") ?? "{}");
      const kept = (name) => localStorage.getItem(`graphiql:${name}`) ?? "";
      const { title, query, variables } = tabs?.[activeTabIndex] ?? {};
      return title === tab && query === kept("query") && (variables ?? "") === kept("variables");
    }, tab);
  };
  return { response, open, runUntil };
}

/** Calls a mutation and gives its payload, without refusals. */
async function mutate(name, input, selection, as = { ...server, token: "" }) {
  const type = `${name[0].toUpperCase()}${name.slice(1)}Input`;
  const data = await send(as, `mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} userErrors { message } } }`, { input });
  assert.deepEqual(data[name].userErrors, []);
  return data[name];
}

/** What an app shows now for a secret in base 32: RFC 6238. */
function codeOf(secret) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
