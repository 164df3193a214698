// The console in a real browser, from signing in to the trash: what its users see, hear by a screen reader, and do by keyboard.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

import { png } from "./picture.js";
import { send, startServer } from "./server.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const PASSWORD = "a long pass phrase";
/** A folder for pictures of each page, for somebody to look at. */
const { SCREENSHOTS } = process.env;

let server, browser;
before(async () => {
  server = await startServer({ settings: { ADMIN_PASSWORD: PASSWORD, TRASH_RETENTION: "86400" } });
  const create = "mutation ($input: CreateUserInput!) { createUser(input: $input) { userErrors { message } } }";
  const admin = await server.tokenOf("admin@localhost");
  await send({ ...server, token: admin }, create, { input: { email: "bob@example.com", password: PASSWORD } });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page of somebody who signs in, with all that it complains of. */
async function signedIn(email = "admin@localhost") {
  const page = await (await browser.newContext({ locale: "en" })).newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== server.url) complaints.push(`asks ${origin}`);
  });
  await page.goto(server.url);
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Images", exact: true }).waitFor();
  return { page, complaints };
}

const file = (name, buffer, mimeType = "image/png") => ({ name, mimeType, buffer });

async function isAccessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes[0].html]), [], what);
}

/** Looks at a page as it is on a desk and on a phone, by day and by night. */
async function look(page, name) {
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} px wider than ${width}`);
      // Each width and each scheme once: what is wrong in both is found in one.
      if ((width === 1280) === (colorScheme === "light")) await isAccessible(page, `${name}, ${width}, ${colorScheme}`);
      if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`) });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 844 });
}

test("who is not signed in is asked to, and told why it did not work", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/console/statistics`);
  await page.getByLabel("Email address").fill("admin@localhost");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").waitFor();
  assert.match(await page.getByRole("alert").innerText(), /password/i);
  await look(page, "sign-in");
  await page.context().close();
});

test("pictures are uploaded, found, described and moved to the trash", async () => {
  const { page, complaints } = await signedIn();
  await open(page, "Upload");
  await page.locator("input[type=file]:not([webkitdirectory])").setInputFiles([
    file("tall.png", png(400, 800)),
    file("wide.png", png(900, 300)),
    file("square.png", png(500, 500)),
    file("notes.jpg", Buffer.from("not a picture"), "image/jpeg"),
    file("huge.png", Buffer.alloc(11 * 1024 * 1024)),
  ]);
  const rows = page.getByRole("list", { name: "Uploads" }).locator("> li");
  for (const name of ["tall.png", "wide.png", "square.png"]) {
    const row = rows.filter({ hasText: name });
    await row.getByText("Done").waitFor();
    assert.ok((await row.getByRole("list", { name: "Variants" }).getByRole("listitem").count()) >= 4);
    assert.equal(await row.getByRole("progressbar").getAttribute("aria-valuenow"), "100");
  }
  await rows.filter({ hasText: "notes.jpg" }).getByRole("alert").waitFor();
  assert.match(await rows.filter({ hasText: "huge.png" }).getByRole("alert").innerText(), /bytes/);
  await look(page, "upload");

  await rows.filter({ hasText: "wide.png" }).getByRole("link", { name: "Open wide.png" }).click();
  await page.getByLabel("Title").fill("A wide hedgehog");
  await page.getByLabel("Tags, separated by commas").fill("garden, night");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByRole("heading", { name: "A wide hedgehog" }).waitFor();
  await look(page, "image");

  await open(page, "Images");
  await page.getByRole("link", { name: "tall.png" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 3);
  await look(page, "gallery");
  await page.getByRole("searchbox").fill("hedgehog");
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 1);
  await page.getByRole("link", { name: "A wide hedgehog" }).waitFor();
  await page.getByRole("searchbox").fill("");
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 3);

  await page.getByLabel("Select tall.png").focus();
  await page.keyboard.press("Space");
  await page.getByLabel("Select square.png").focus();
  await page.keyboard.press("Space");
  await page.getByText("2 selected").waitFor();
  await page.getByRole("button", { name: "Move to the trash" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("figure").length === 1);

  await open(page, "Statistics");
  await page.getByText(/images? of/).waitFor();
  await look(page, "statistics");
  assert.deepEqual(complaints, []);

  await page.reload();
  await page.getByRole("heading", { name: "Statistics" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Email address").waitFor();
  await page.context().close();
});

/** Uploads pictures in a page and waits until they are done. */
async function upload(page, ...files) {
  await open(page, "Upload");
  await page.locator("input[type=file]:not([webkitdirectory])").setInputFiles(files);
  const rows = page.getByRole("list", { name: "Uploads" }).locator("> li");
  for (const { name } of files) await rows.filter({ hasText: name }).getByText("Done").waitFor();
}

/** Goes to a page, and waits until it is there: until then the one before is shown. */
async function open(page, name) {
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

const count = (page, selector, number) => page.waitForFunction(([selector, number]) => document.querySelectorAll(selector).length === number, [selector, number]);

test("what was deleted is restored, what is shared is seen by others, and albums hold what is put into them", async () => {
  const { page, complaints } = await signedIn();
  await upload(page, file("lake.png", png(640, 480)), file("hill.png", png(480, 640)));
  await open(page, "Images");
  await page.getByRole("searchbox").fill("lake");
  await count(page, "figure", 1);
  await page.getByRole("link", { name: "lake.png" }).click();
  await page.getByRole("button", { name: "Move to the trash" }).click();
  await page.getByRole("searchbox").waitFor();
  await open(page, "Trash");
  await page.getByRole("button", { name: "Restore lake.png" }).waitFor();
  await look(page, "trash");
  await page.getByRole("button", { name: "Restore lake.png" }).click();
  await page.getByRole("button", { name: "Restore lake.png" }).waitFor({ state: "detached" });

  await open(page, "Images");
  await page.getByRole("link", { name: "lake.png" }).click();
  await page.getByRole("button", { name: "Create a link" }).click();
  const link = await page.getByRole("link", { name: /\/s\// }).getAttribute("href");
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(link);
  await stranger.locator("img").first().waitFor();
  assert.ok(await stranger.locator("img").first().evaluate((img) => img.decode().then(() => img.naturalWidth > 0)));
  await stranger.context().close();
  await page.getByRole("button", { name: "End the link" }).click();
  await page.getByRole("link", { name: /\/s\// }).waitFor({ state: "detached" });
  assert.equal((await fetch(link)).status, 404);

  await open(page, "Albums");
  await page.getByLabel("Name").fill("Summer");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Summer/ }).waitFor();
  await open(page, "Images");
  for (const name of ["lake.png", "hill.png"]) await page.getByLabel(`Select ${name}`).check();
  await page.getByLabel("Add tags, separated by commas").fill("summer");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("2 selected").waitFor({ state: "detached" });
  await page.getByLabel("Tag", { exact: true }).fill("summer");
  await count(page, "figure", 2);
  for (const name of ["lake.png", "hill.png"]) await page.getByLabel(`Select ${name}`).check();
  await look(page, "selection");
  await page.getByLabel("Add to album").selectOption("Summer");
  await page.getByText("2 selected").waitFor({ state: "detached" });
  await open(page, "Albums");
  await page.getByText("2 images").waitFor();
  await look(page, "albums");
  await open(page, "Summer");
  await count(page, "figure", 2);
  await look(page, "album");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("whoever administers has categories, groups, users, jobs and the audit log, and nobody else does", async () => {
  const { page, complaints } = await signedIn();
  await open(page, "Categories");
  const made = page.getByRole("form", { name: "Create" });
  await made.getByLabel("Name").fill("posters");
  await made.getByLabel("Largest file in megabytes").fill("5");
  await made.getByRole("button", { name: "Create" }).click();
  await page.getByRole("button", { name: "Edit posters" }).click();
  await page.getByRole("form", { name: "Save" }).getByLabel("Description").fill("For walls");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("For walls").waitFor();
  await look(page, "categories");

  await open(page, "Groups");
  await page.getByLabel("Name").fill("editors");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("group", { name: "editors" }).getByLabel("See images of everybody").check();
  await look(page, "groups");
  await open(page, "Users");
  await page.getByRole("group", { name: "Groups of ann@example.com" }).getByLabel("editors").check();
  await look(page, "users");
  await page.getByRole("button", { name: "Deactivate ann@example.com" }).click();
  await page.getByRole("alertdialog").waitFor();
  await isAccessible(page, "a question");
  await page.getByRole("button", { name: "Deactivate", exact: true }).click();
  await page.getByRole("button", { name: "Reactivate ann@example.com" }).click();
  await page.getByRole("button", { name: "Deactivate ann@example.com" }).waitFor();

  await open(page, "Jobs");
  await page.getByRole("button", { name: "Make variants again" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Make variants again" }).click();
  await page.getByRole("progressbar").waitFor();
  await look(page, "jobs");
  await open(page, "Audit log");
  await page.getByRole("cell", { name: "category created" }).waitFor();
  await look(page, "audit");
  assert.deepEqual(complaints, []);

  const other = await signedIn("bob@example.com");
  await other.page.getByRole("link", { name: "Trash" }).waitFor();
  for (const name of ["Categories", "Users", "Groups", "Jobs", "Audit log"]) {
    assert.equal(await other.page.getByRole("link", { name, exact: true }).count(), 0, name);
  }
  await other.page.goto(`${server.url}/console/audit`);
  await other.page.getByRole("alert").waitFor();
  await other.page.context().close();
  await page.context().close();
});

test("a second browser sees what happens in the first one, also after its connection was cut and its token has ended", async () => {
  const { page: first } = await signedIn();
  const { page: second } = await signedIn();
  const sockets = [];
  await second.routeWebSocket(/graphql/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await second.reload();
  await second.getByRole("searchbox").waitFor();
  await upload(first, file("comet.png", png(320, 240)));
  await second.getByRole("link", { name: "comet.png" }).waitFor();
  while (sockets.length === 0) await second.waitForTimeout(20);

  // What happens while the socket is away is there once it is back.
  const cut = sockets.length;
  await second.context().setOffline(true);
  for (const socket of sockets) await socket.close({ code: 4499 });
  await upload(first, file("meteor.png", png(240, 320)));
  await second.context().setOffline(false);
  await second.getByRole("link", { name: "meteor.png" }).waitFor();
  assert.ok(sockets.length > cut, "there is another socket");

  // A token that was refused is exchanged, unseen.
  let refused = 0;
  await second.route("**/graphql", async (route) => {
    const asked = route.request().postData() ?? "";
    if (refused++ || asked.includes("refreshSession")) return route.continue();
    await route.continue({ headers: { ...route.request().headers(), authorization: "Bearer ended" } });
  });
  await open(second, "Statistics");
  await second.getByText(/images? of/).waitFor();
  assert.ok(refused > 1);

  await open(second, "Live");
  await upload(first, file("aurora.png", png(200, 200)));
  await second.getByText("was uploaded").first().waitFor();
  await look(second, "live");
  await first.context().close();
  await second.context().close();
});

test("all of it is said in Korean, too, and arrow keys go through the gallery", async () => {
  const { page } = await signedIn();
  await upload(page, file("one.png", png(300, 200)), file("two.png", png(200, 300)));
  await open(page, "Images");
  const links = page.locator("figure a");
  await links.nth(1).waitFor();
  await links.first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await links.nth(1).evaluate((link) => link === document.activeElement), true);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await links.first().evaluate((link) => link === document.activeElement), true);
  await page.getByLabel("Language").selectOption("한국어");
  await page.getByRole("link", { name: "이미지", exact: true }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "ko");
  await look(page, "korean");
  await page.context().close();
});

test("the console can be installed", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/console`);
  const cdp = await page.context().newCDPSession(page);
  const { url, errors } = await cdp.send("Page.getAppManifest");
  assert.match(url, /\.webmanifest$/);
  assert.deepEqual(errors, []);
  const { installabilityErrors } = await cdp.send("Page.getInstallabilityErrors");
  // A browser for tests is always one that keeps nothing.
  assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito"), []);
  await page.context().close();
});

test("the page is asked for each time, its files never again, and it is small", async () => {
  const answer = await fetch(`${server.url}/console`);
  const page = await answer.text();
  assert.equal(answer.headers.get("cache-control"), "no-cache");
  assert.match(answer.headers.get("content-security-policy"), /script-src 'self'; style-src 'self';/);
  const again = await fetch(`${server.url}/console`, { headers: { "If-None-Match": answer.headers.get("etag") } });
  assert.equal(again.status, 304);
  let bytes = 0;
  for (const [, asset] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const file = await fetch(server.url + asset, { headers: { "Accept-Encoding": "br" } });
    assert.match(file.headers.get("cache-control"), /immutable/);
    bytes += Number(file.headers.get("content-length"));
  }
  assert.ok(bytes > 0 && bytes <= 200 * 1024, `the first load has ${bytes} bytes`);
});
