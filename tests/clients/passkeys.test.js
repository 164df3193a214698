// Passkeys in a real browser, whose authenticator is a virtual one: the page does what docs/accounts.md shows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { withAuthenticator } from "./authenticator.js";
import { startServer } from "./server.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const PASSWORD = "a long pass phrase";

let server, browser;
before(async () => {
  server = await startServer({ token: false, settings: { ADMIN_PASSWORD: PASSWORD } });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a passkey is made and signs in, in place of address, password and code", async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}/healthz`);
  await withAuthenticator(page);
  const done = await page.evaluate(
    async ({ email, password }) => {
      let token = "";
      const send = async (query, input) => {
        const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
        const answer = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) });
        const { data, errors } = await answer.json();
        if (errors) throw new Error(JSON.stringify(errors));
        return Object.values(data)[0];
      };
      const signedIn = await send(
        "mutation ($input: LogInInput!) { logIn(input: $input) { session { accessToken } userErrors { message } } }",
        { email, password },
      );
      token = signedIn.session.accessToken;

      const begun = await send(
        `mutation ($input: BeginPasskeyInput!) {
          beginPasskey(input: $input) { passkeyChallenge { options challenge } userErrors { message } }
        }`,
        { password },
      );
      const creation = PublicKeyCredential.parseCreationOptionsFromJSON(begun.passkeyChallenge.options);
      const made = await navigator.credentials.create({ publicKey: creation });
      const added = await send(
        "mutation ($input: AddPasskeyInput!) { addPasskey(input: $input) { passkey { name } userErrors { message } } }",
        { challenge: begun.passkeyChallenge.challenge, credential: made.toJSON(), name: "My laptop" },
      );

      token = "";
      const asked = await send(
        "mutation { beginPasskeyLogIn { passkeyChallenge { options challenge } userErrors { message } } }",
      );
      const request = PublicKeyCredential.parseRequestOptionsFromJSON(asked.passkeyChallenge.options);
      const answer = await navigator.credentials.get({ publicKey: request });
      const session = await send(
        `mutation ($input: LogInWithPasskeyInput!) {
          logInWithPasskey(input: $input) { session { accessToken user { email } } userErrors { message } }
        }`,
        { challenge: asked.passkeyChallenge.challenge, credential: answer.toJSON(), useCookie: true },
      );
      return { added, session };
    },
    { email: "admin@localhost", password: PASSWORD },
  );
  assert.deepEqual(done.added, { passkey: { name: "My laptop" }, userErrors: [] });
  assert.deepEqual(done.session.userErrors, []);
  assert.equal(done.session.session.user.email, "admin@localhost");
  const cookies = await page.context().cookies();
  assert.ok(cookies.some((cookie) => cookie.name.includes("refresh") && cookie.httpOnly), "the refresh token is in a cookie");
});
