// The console without a mouse: from signing in to signing out, by Tab, Enter, Space and arrows alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { png } from "./picture.js";
import { startServer } from "./server.js";

const PASSWORD = "a long pass phrase";
/** No page has more to go through. */
const MOST_STOPS = 80;

let server, browser;
before(async () => {
  server = await startServer({ settings: { ADMIN_PASSWORD: PASSWORD, TRASH_RETENTION: "86400" }, token: false });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the focused element is called, and whether its outline is seen. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const name = element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    return { name: name.trim(), isSeen: (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none" };
  });

/** Goes on by Tab to something of this name, which may still have to come, and does something to it. */
async function reach(page, wanted, key) {
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press("Tab");
    const { name, isSeen } = await focused(page);
    if (name !== wanted) continue;
    assert.ok(isSeen, `${wanted} does not show that it has the focus`);
    if (key) await page.keyboard.press(key);
    return;
  }
  assert.fail(`${wanted} was not reached`);
}

const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

test("everything from signing in to signing out is done by keyboard", async () => {
  const page = await (await browser.newContext({ locale: "en" })).newPage();
  await page.goto(server.url);
  await page.getByLabel("Email address").waitFor();
  await reach(page, "Email address");
  await page.keyboard.type("admin@localhost");
  await reach(page, "Password");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");

  await page.getByRole("link", { name: "Upload", exact: true }).waitFor();
  await reach(page, "Upload", "Enter");
  await heading(page, "Upload");
  const chosen = page.waitForEvent("filechooser");
  await reach(page, "Choose files", "Enter");
  const files = ["one.png", "two.png"].map((name) => ({ name, mimeType: "image/png", buffer: png(300, 200) }));
  await (await chosen).setFiles(files);
  await page.getByText("Done").nth(1).waitFor();

  await reach(page, "Open one.png", "Enter");
  await heading(page, "one.png");
  await reach(page, "Title");
  await page.keyboard.type("A hedgehog");
  await page.keyboard.press("Enter");
  await heading(page, "A hedgehog");
  await reach(page, "Create a link", "Enter");
  await page.getByRole("link", { name: /\/s\// }).waitFor();

  await reach(page, "Albums", "Enter");
  await heading(page, "Albums");
  await reach(page, "Name");
  await page.keyboard.type("Summer");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Summer/ }).waitFor();

  await reach(page, "Images", "Enter");
  await page.getByRole("link", { name: "two.png" }).waitFor();
  await reach(page, "Select two.png", "Space");
  await page.getByText("1 selected").waitFor();
  await reach(page, "Add to album");
  await page.keyboard.press("ArrowDown");
  await page.getByText("1 selected").waitFor({ state: "detached" });
  await reach(page, "A hedgehog");
  // They were uploaded at once: either may be the first.
  const names = await page.locator("figure a").evaluateAll((links) => links.map((link) => link.getAttribute("aria-label")));
  await page.keyboard.press(names[0] === "two.png" ? "ArrowLeft" : "ArrowRight");
  assert.equal((await focused(page)).name, "two.png");
  await page.keyboard.press("Enter");
  await heading(page, "two.png");
  await reach(page, "Move to the trash", "Enter");
  await page.getByRole("searchbox").waitFor();

  await reach(page, "Trash", "Enter");
  await page.getByRole("button", { name: "Restore two.png" }).waitFor();
  await reach(page, "Restore two.png", "Enter");
  await page.getByRole("button", { name: "Restore two.png" }).waitFor({ state: "detached" });
  await reach(page, "Language");
  await page.keyboard.press("ArrowDown");
  await page.getByRole("link", { name: "이미지", exact: true }).waitFor();
  await reach(page, "로그아웃", "Enter");
  await page.locator("input[type=password]").waitFor();
  await page.context().close();
});
