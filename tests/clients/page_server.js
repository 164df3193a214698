// A page of another origin than the API's, with a package of web/ in it: what a front end is to Darkroom.

import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const web = new URL("../../web/", import.meta.url);

/** The path of a package's source in web/. */
export const packageSource = (name) => fileURLToPath(new URL(`packages/${name}/src/index.ts`, web));

/** One script of `entry` and all that it needs, as a front end's bundler makes it. `alias` says where else packages are. */
export async function bundle(entry, alias = {}) {
  const { build } = await import(new URL("node_modules/vite/dist/node/index.js", web));
  const [{ output }] = await build({
    root: fileURLToPath(web),
    configFile: false,
    logLevel: "error",
    resolve: { alias },
    build: { write: false, target: "es2022", lib: { entry, formats: ["es"] } },
  });
  return output[0].code;
}

/** Serves a page that has the script's exports as `window.kit`. */
export async function servePage(script) {
  const page = '<!doctype html><title>A front end</title><script type="module">import * as kit from "/kit.js"; window.kit = kit;</script>';
  const server = createServer((request, response) => {
    const isScript = request.url === "/kit.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : page);
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  const url = `http://localhost:${server.address().port}`;
  return { url, stop: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };
}
