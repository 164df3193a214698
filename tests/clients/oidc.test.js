// Signing in by a real, certified provider of identities: node-oidc-provider.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import Provider from "oidc-provider";
import { send, startServer } from "./server.js";

let server, provider, folder, issuer;
/** What the provider says of its users, by the names that they sign in with. */
const people = {};
/** Changes what the provider answers, to see what is believed. */
let tamper = (token) => token;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "darkroom-oidc-"));
  const http = createServer((request, response) => handle(request, response));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${http.address().port}`;
  const file = path.join(folder, "providers.toml");
  writeFileSync(
    file,
    `[[provider]]\nname = "company"\ntitle = "Our company"\nissuer = "${issuer}"\nclient_id = "darkroom"\n` +
      `client_secret = "a secret: of both"\nscopes = ["openid", "email", "profile", "groups"]\ngroups_claim = "groups"\naudience = "urn:images"\n` +
      `[[provider]]\nname = "strict"\nissuer = "${issuer}"\nclient_id = "strict"\nclient_secret = "another secret"\ncreates_users = false\n`,
  );
  server = await startServer({ token: true, settings: { OIDC_PROVIDERS: file, ADMIN_PASSWORD: "correct horse battery staple" } });
  const redirect = (name) => `${server.url}/oidc/${name}/callback`;
  const oidc = new Provider(issuer, {
    clients: [
      { client_id: "darkroom", client_secret: "a secret: of both", redirect_uris: [redirect("company")] },
      { client_id: "strict", client_secret: "another secret", redirect_uris: [redirect("strict")] },
      // A front end that has its tokens from the provider and never signs in here.
      { client_id: "app", token_endpoint_auth_method: "none", redirect_uris: [`${server.url}/done`] },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    scopes: ["openid", "email", "profile", "groups", "offline_access"],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({
          audience,
          scope: "openid",
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    extraTokenClaims: (_, token) => people[token.accountId],
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
    cookies: { keys: ["only for a test"] },
  });
  const callback = oidc.callback();
  const handle = (request, response) => {
    if (request.url.startsWith("/token")) {
      const end = response.end.bind(response);
      response.end = (body) => {
        const answer = JSON.parse(body.toString());
        if (answer.id_token) answer.id_token = tamper(answer.id_token);
        const text = JSON.stringify(answer);
        response.setHeader("content-length", Buffer.byteLength(text));
        return end(text);
      };
    }
    return callback(request, response);
  };
  provider = http;
});

after(async () => {
  await server?.stop();
  provider?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A browser without a screen: cookies by their hosts, and redirects. */
function browser() {
  const jar = {};
  const visit = async (url, options = {}) => {
    for (let hops = 0; hops < 20; hops++) {
      const { host, pathname } = new URL(url);
      const sent = Object.values(jar[host] ?? {}).filter((cookie) => pathname.startsWith(cookie.path));
      const headers = { ...options.headers, cookie: sent.map((cookie) => cookie.pair).join("; ") };
      const answer = await fetch(url, { ...options, headers, redirect: "manual" });
      for (const line of answer.headers.getSetCookie()) {
        const [pair, ...rest] = line.split(/;\s*/);
        const at = rest.find((part) => part.toLowerCase().startsWith("path="));
        const name = pair.split("=")[0];
        jar[host] = { ...jar[host], [name]: { pair, path: at ? at.slice(5) : "/" } };
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) delete jar[host][name];
      }
      const next = answer.headers.get("location");
      if (!next) return { answer, url, body: await answer.text() };
      await answer.arrayBuffer();
      const target = new URL(next, url);
      // Nobody serves the front end here.
      if (target.pathname === "/done" || target.pathname === "/") return { answer, url: target.href, body: "" };
      url = target.href;
      options = {};
    }
    throw new Error("too many redirects");
  };
  const submit = (page, fields) => {
    const action = /action="([^"]+)"/.exec(page.body)[1].replaceAll("&amp;", "&");
    const hidden = [...page.body.matchAll(/type="hidden" name="([^"]+)" value="([^"]+)"/g)].map(([, name, value]) => [name, value]);
    return visit(new URL(action, page.url).href, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams([...hidden, ...Object.entries(fields)]).toString(),
    });
  };
  const submitUntil = async (page, fields) => {
    for (let step = 0; step < 3 && page.body.includes("<form"); step++) page = await submit(page, fields);
    return page;
  };
  const signIn = async (who, name = "company", query = `?return_to=${encodeURIComponent(server.url + "/done")}`) => {
    return submitUntil(await visit(`${server.url}/oidc/${name}/log-in${query}`), { login: who, password: "x" });
  };
  return { jar, visit, submitUntil, signIn };
}

/** Who a browser is. */
const whoIs = async (browser) => (await sessionOf(browser))?.user ?? null;

/** The session of a browser, by the refresh token in its cookie. */
async function sessionOf({ jar }) {
  const { host, origin } = new URL(server.url);
  const cookie = Object.values(jar[host] ?? {}).map(({ pair }) => pair).join("; ");
  const answer = await fetch(server.graphql, {
    method: "POST",
    headers: { "content-type": "application/json", origin, cookie },
    body: JSON.stringify({
      query: `mutation { refreshSession(input: {}) { session { accessToken user { id email displayName isEmailVerified groups { name } } } userErrors { code } } }`,
    }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined);
  return data.refreshSession.session;
}

const users = async () => {
  const env = { ...process.env, DATA_DIR: server.folder };
  const program = process.env.DARKROOM ?? new URL("../../target/debug/darkroom", import.meta.url).pathname;
  const admin = execFileSync(program, ["token", "admin@localhost"], { env }).toString().trim();
  const found = await send({ ...server, token: admin }, "{ users(first: 100) { nodes { email } } }");
  return found.users.nodes.map(({ email }) => email);
};

test("the providers are listed for a sign-in page", async () => {
  const { identityProviders } = await send({ ...server, token: "" }, "{ identityProviders { name title logInPath } }");
  assert.deepEqual(identityProviders[0], { name: "company", title: "Our company", logInPath: "/oidc/company/log-in" });
  assert.equal(identityProviders.length, 2);
});

test("somebody with a verified address has an account at first sight, and the same one ever after", async () => {
  people.carol = { email: "Carol@Example.com", email_verified: true, name: "Carol Kim" };
  const chromium = browser();
  const page = await chromium.signIn("carol");
  assert.equal(page.url, `${server.url}/done`);
  const carol = await whoIs(chromium);
  assert.deepEqual(
    { ...carol, id: undefined },
    { id: undefined, email: "carol@example.com", displayName: "Carol Kim", isEmailVerified: true, groups: [] },
  );
  people.carol.email = "carol@elsewhere.example.com";
  const other = browser();
  await other.signIn("carol");
  assert.equal((await whoIs(other)).id, carol.id, "whom the provider knows by its sub");
});

test("an account of a verified address is linked, and none of an address that is not", async () => {
  const { me } = await send(server, "{ me { id email } }");
  people.mallory = { email: me.email, email_verified: false };
  const liar = browser();
  const refused = await liar.signIn("mallory");
  assert.equal(refused.answer.status, 403);
  assert.match(refused.body, /verified/);
  assert.equal(await whoIs(liar), null);
  people.ann = { email: me.email, email_verified: true };
  const ann = browser();
  await ann.signIn("ann", "strict");
  assert.equal((await whoIs(ann)).id, me.id);
  const before = await users();
  people.stranger = { email: "stranger@example.com", email_verified: true };
  const stranger = browser();
  assert.equal((await stranger.signIn("stranger", "strict")).answer.status, 403);
  assert.deepEqual(await users(), before, "where accounts are not made, none is");
});

test("an account without a password is confirmed by a log-in of a moment ago", async () => {
  people.hal = { email: "hal@example.com", email_verified: true };
  const hal = browser();
  await hal.signIn("hal");
  const token = (await sessionOf(hal)).accessToken;
  const { beginTotp } = await send(
    { ...server, token },
    "mutation { beginTotp(input: {}) { totp { secret } userErrors { code } } }",
  );
  assert.deepEqual(beginTotp.userErrors, []);
});

test("membership follows the claim", async () => {
  const env = { ...process.env, DATA_DIR: server.folder };
  const program = process.env.DARKROOM ?? new URL("../../target/debug/darkroom", import.meta.url).pathname;
  const admin = { ...server, token: execFileSync(program, ["token", "admin@localhost"], { env }).toString().trim() };
  for (const name of ["editors", "viewers"])
    await send(admin, "mutation ($input: CreateGroupInput!) { createGroup(input: $input) { group { id } } }", { input: { name, permissions: [] } });
  people.dan = { email: "dan@example.com", email_verified: true, groups: ["editors", "viewers", "unknown"] };
  const dan = browser();
  await dan.signIn("dan");
  assert.deepEqual((await whoIs(dan)).groups, [{ name: "editors" }, { name: "viewers" }]);
  people.dan.groups = ["viewers"];
  const again = browser();
  await again.signIn("dan");
  assert.deepEqual((await whoIs(again)).groups, [{ name: "viewers" }]);
});

test("what is forged, replayed or somebody else's signs nobody in", async () => {
  people.eve = { email: "eve@example.com", email_verified: true };
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  const forgeries = {
    "alg none": (token) => `${part({ alg: "none" })}.${token.split(".")[1]}.`,
    "a changed claim": (token) => `${token.split(".")[0]}.${part({ ...claims(token), sub: "carol" })}.${token.split(".")[2]}`,
    "a symmetric key": (token) => `${part({ alg: "HS256", kid: "x" })}.${token.split(".")[1]}.AAAA`,
    nothing: () => "",
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    tamper = forge;
    const forger = browser();
    const page = await forger.signIn("eve");
    assert.equal(page.answer.status, 403, what);
    assert.equal(await whoIs(forger), null, what);
  }
  tamper = (token) => token;
  // The way back, in a browser that never went there, and once more in one that did.
  const back = await browser().visit(`${server.url}/oidc/company/callback?state=x&code=y`);
  assert.equal(back.answer.status, 403);
  assert.ok(!(await users()).includes("eve@example.com"));
});

test("an account that was there before goes to whom the provider names, and to nobody else", async () => {
  const env = { ...process.env, DATA_DIR: server.folder };
  const program = process.env.DARKROOM ?? new URL("../../target/debug/darkroom", import.meta.url).pathname;
  const admin = { ...server, token: execFileSync(program, ["token", "admin@localhost"], { env }).toString().trim() };
  const password = "chosen by somebody else";
  const create = "mutation ($input: CreateUserInput!) { createUser(input: $input) { userErrors { code } } }";
  for (const email of ["mike@example.com", "boss@example.com"]) await send(admin, create, { input: { email, password } });
  const logIn = async (email) => {
    const query = "mutation ($input: LogInInput!) { logIn(input: $input) { session { accessToken } userErrors { code } } }";
    return (await send({ ...server, token: "" }, query, { input: { email, password } })).logIn;
  };

  people.kelvin = { email: "mi\u212Ae@example.com", email_verified: true };
  const kelvin = browser();
  assert.equal((await kelvin.signIn("kelvin")).answer.status, 403, "a sign that only looks like a letter");
  assert.equal(await bearerOf((await tokensFrom("kelvin")).access_token), "UNAUTHENTICATED");

  const before = (await logIn("boss@example.com")).session.accessToken;
  people.boss = { email: "boss@example.com", email_verified: true };
  assert.equal(await bearerOf((await tokensFrom("boss")).access_token), "UNAUTHENTICATED", "a token links no account");
  const boss = browser();
  await boss.signIn("boss");
  assert.equal((await whoIs(boss)).email, "boss@example.com");
  assert.deepEqual((await logIn("boss@example.com")).userErrors, [{ code: "INVALID_CREDENTIALS" }], "whoever set it up is out");
  assert.equal(await bearerOf(before), "UNAUTHENTICATED");
  assert.equal((await bearerOf((await tokensFrom("boss")).access_token)).email, "boss@example.com");

  people.successor = { email: "boss@example.com", email_verified: true };
  const successor = browser();
  assert.equal((await successor.signIn("successor")).answer.status, 403, "an address that somebody else has now");
  const { auditLog } = await send(admin, "{ auditLog(filter: { actions: [IDENTITY_LINKED] }) { nodes { details } } }");
  assert.ok(auditLog.nodes.some(({ details }) => details.subject === "boss"));
});

test("nobody is sent to a page of somebody else's", async () => {
  for (const page of ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", ""]) {
    const answer = await fetch(`${server.url}/oidc/company/log-in?return_to=${encodeURIComponent(page)}`, { redirect: "manual" });
    assert.equal(answer.status, 400, page);
  }
  const unknown = await fetch(`${server.url}/oidc/nobody/log-in`, { redirect: "manual" });
  assert.equal(unknown.status, 403);
});

/** What a front end has from the provider after somebody signed in there. */
async function tokensFrom(who, resource = "urn:images") {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    client_id: "app",
    response_type: "code",
    scope: "openid",
    resource,
    redirect_uri: `${server.url}/done`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const { visit, submitUntil } = browser();
  const page = await submitUntil(await visit(`${issuer}/auth?${query}`), { login: who, password: "x" });
  const answer = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: "app",
      code: new URL(page.url).searchParams.get("code"),
      redirect_uri: `${server.url}/done`,
      code_verifier: verifier,
      resource,
    }),
  });
  return answer.json();
}

/** Who the server takes a bearer of a token for; the code of its refusal, otherwise. */
async function bearerOf(token) {
  const answer = await fetch(server.graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: "{ me { email groups { name } } categories { name } }" }),
  });
  const { data, errors } = await answer.json();
  return errors ? errors[0].extensions.code : data.me;
}

test("a token of the provider speaks for its user, whose account is made at first sight", async () => {
  people.fay = { email: "fay@example.com", email_verified: true, groups: ["editors"] };
  const { access_token: token, id_token: idToken } = await tokensFrom("fay");
  const all = await Promise.all(Array.from({ length: 8 }, () => bearerOf(token)));
  for (const one of all) assert.deepEqual(one, { email: "fay@example.com", groups: [{ name: "editors" }] });
  const fay = { ...server, token };
  await assert.rejects(send(fay, "{ sessions { id } }"), /FORBIDDEN/, "the account itself is changed after signing in here");
  await assert.rejects(send(fay, "mutation { logOut { userErrors { code } } }"), /FORBIDDEN/);
  people.nora = { email: "nora@example.com", email_verified: false };
  const nora = await tokensFrom("nora");
  assert.equal(await bearerOf(nora.access_token), "UNAUTHENTICATED");
  assert.ok(!(await users()).includes("nora@example.com"));

  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const [head, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const { keys } = await (await fetch(`${issuer}/jwks`)).json();
  const symmetric = `${part({ alg: "HS256", kid: keys[0].kid })}.${payload}`;
  const refused = {
    "alg none": `${part({ alg: "none" })}.${payload}.`,
    "a changed claim": `${head}.${part({ ...claims, sub: "carol" })}.${signature}`,
    "another issuer": `${head}.${part({ ...claims, iss: "https://evil.example.com" })}.${signature}`,
    "a public key as a secret": `${symmetric}.${createHmac("sha256", JSON.stringify(keys[0])).update(symmetric).digest("base64url")}`,
    "an unknown key": `${part({ ...JSON.parse(Buffer.from(head, "base64url")), kid: "unknown" })}.${payload}.${signature}`,
    "an ID token": idToken,
    "a token for somebody else": (await tokensFrom("fay", "urn:elsewhere")).access_token,
  };
  for (const [what, forged] of Object.entries(refused)) assert.equal(await bearerOf(forged), "UNAUTHENTICATED", what);
});

test("membership follows the latest token, and an older one brings nothing back", async () => {
  people.gus = { email: "gus@example.com", email_verified: true, groups: ["editors", "viewers"] };
  const older = (await tokensFrom("gus")).access_token;
  assert.deepEqual((await bearerOf(older)).groups, [{ name: "editors" }, { name: "viewers" }]);
  people.gus.groups = [];
  const iat = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).iat;
  let newer = older;
  while (iat(newer) <= iat(older)) newer = (await tokensFrom("gus")).access_token;
  assert.deepEqual((await bearerOf(newer)).groups, []);
  assert.deepEqual((await bearerOf(older)).groups, []);
});
