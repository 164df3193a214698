// GraphiQL in a real browser: nothing is fetched from another host, nothing is against the page's policy,
// and an example tab streams a subscription as it is.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

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
  };
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
