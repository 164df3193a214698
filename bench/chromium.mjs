// Chromium without the network domain of its developer tools, which Playwright always has on: with it, each collection of garbage
// takes longer the more requests there were, half a second after some thousand.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { WebSocket } from "ws";

/** Opens a browser with one page of 1280 × 900; `send` calls the protocol, `evaluate` a function in the page. */
export async function openChromium(program = process.env.CHROMIUM ?? "/usr/bin/chromium") {
  const profile = mkdtempSync(path.join(tmpdir(), "chromium-"));
  const words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  const browser = spawn(program, [...words, "--window-size=1280,900", "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => browser.once("exit", resolve));
  const endpoint = await new Promise((resolve) => {
    createInterface({ input: browser.stderr }).on("line", (line) => {
      const found = /DevTools listening on (ws:\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  const pages = await (await fetch(`http://${new URL(endpoint).host}/json/list`)).json();
  const socket = new WebSocket(pages.find(({ type }) => type === "page").webSocketDebuggerUrl);
  await new Promise((resolve) => socket.once("open", resolve));
  const waiting = new Map();
  socket.on("message", (text) => {
    const { id, result, error } = JSON.parse(text);
    const { resolve, reject } = waiting.get(id) ?? {};
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
  });
  const send = (method, params = {}) =>
    new Promise((resolve, reject) => {
      const id = waiting.size + 1;
      waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ id, method, params }));
    });
  const evaluate = async (work, argument) => {
    const expression = `(${work})(${JSON.stringify(argument) ?? ""})`;
    const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const until = async (work, argument) => {
    while (!(await evaluate(work, argument).catch(() => false))) await sleep(50);
  };
  const close = async () => {
    browser.kill();
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { send, evaluate, until, close };
}
