// What Chromium shows of each file named on stdin: a line of JSON each, with its size and its colours, averaged to at most SIDE
// pixels a side, in base64; or with an error where it shows nothing.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const SIDE = Number(process.argv[2]);
const SILENCE = 20_000;
const PAGES = 2;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

/** In the page: an `img` as people see it, which is more than decoders that are strict would give. */
const show = async ([url, side]) => {
  const image = new Image();
  const loaded = new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error("not shown"));
  });
  image.src = url;
  await loaded;
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  // A canvas has fewer pixels than a picture may have.
  const scale = Math.min(1, 2000 / Math.max(width, height));
  const [wide, high] = [width, height].map((length) => Math.max(1, Math.round(length * scale)));
  const context = new OffscreenCanvas(wide, high).getContext("2d", { colorSpace: "srgb", willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, wide, high);
  const { data } = context.getImageData(0, 0, wide, high);
  const [columns, rows] = [Math.min(side, width), Math.min(side, height)];
  const sums = new Float64Array(columns * rows * 5);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const at = (Math.floor((y * rows) / high) * columns + Math.floor((x * columns) / wide)) * 5;
      const alpha = data[(y * wide + x) * 4 + 3];
      for (let channel = 0; channel < 3; channel++) sums[at + channel] += data[(y * wide + x) * 4 + channel] * alpha;
      sums[at + 3] += alpha;
      sums[at + 4] += 1;
    }
  }
  const pixels = new Uint8Array(columns * rows * 4);
  for (let at = 0; at < columns * rows; at++) {
    const [alpha, count] = [sums[at * 5 + 3], sums[at * 5 + 4]];
    for (let channel = 0; channel < 3; channel++) pixels[at * 4 + channel] = alpha ? sums[at * 5 + channel] / alpha : 0;
    pixels[at * 4 + 3] = count ? alpha / count : 0;
  }
  let text = "";
  for (const byte of pixels) text += String.fromCharCode(byte);
  return { width, height, columns, rows, pixels: btoa(text) };
};

const files = [];
for await (const file of createInterface({ input: process.stdin })) files.push(file);
const server = createServer((request, response) => {
  if (request.url === "/") return response.writeHead(200, { "content-type": "text/html" }).end();
  const file = files[Number(request.url.slice(1))];
  if (file === undefined) return response.writeHead(404).end();
  createReadStream(file).on("error", () => response.destroy()).pipe(response.writeHead(200, { "cache-control": "no-store" }));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

let next = 0;
/** Each with a browser of its own, which some files end. */
const work = async () => {
  let browser = await launch();
  let page;
  while (next < files.length) {
    const at = next++;
    let found;
    try {
      if (!browser.isConnected()) browser = await launch();
      if (!page) await (page = await browser.newPage()).goto(`${origin}/`);
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), SILENCE).unref());
      found = await Promise.race([page.evaluate(show, [`${origin}/${at}`, SIDE]), late]);
    } catch (error) {
      found = { error: String(error.message).split("\n")[0] };
      // A page that crashed or hangs is of no further use.
      if (!found.error.includes("not shown")) {
        await page?.close().catch(() => {});
        page = undefined;
      }
    }
    console.log(JSON.stringify({ file: files[at], ...found }));
  }
  await browser.close();
};
await Promise.all(Array.from({ length: PAGES }, work));
server.close();
