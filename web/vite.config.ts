import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vite";

const source = (name: string) => fileURLToPath(new URL(`packages/${name}/src/index.ts`, import.meta.url));

/** Writes each text a second and a third time, as small as it gets: the server never compresses it. */
const precompress: Plugin = {
  name: "precompress",
  apply: "build",
  async writeBundle({ dir = "" }, bundle) {
    const texts = Object.values(bundle).filter(({ fileName }) => /^assets\/.*\.(js|css|svg)$/.test(fileName));
    const write = async (fileName: string, content: string | Uint8Array) => {
      const file = path.join(dir, fileName);
      await writeFile(`${file}.br`, await promisify(brotliCompress)(content));
      await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
    };
    await Promise.all(texts.map((file) => write(file.fileName, file.type === "chunk" ? file.code : file.source)));
  },
};

/** GraphiQL carries 34 faces of two fonts in its styles, 360 KB of them: the system's fonts do as well. */
const systemFonts: Plugin = {
  name: "system-fonts",
  enforce: "pre",
  transform(code, id) {
    if (!/graphiql\/dist\/style\.css/.test(id)) return null;
    return code.replace(/@font-face\s*\{[^}]*font-family:\s*"?(Roboto|Fira Code)[^}]*\}/g, "");
  },
};

// Everything that the pages need ends up in dist/, which the server carries in its binary.
export default defineConfig({
  plugins: [react(), systemFonts, precompress],
  resolve: { alias: { "@darkroom/client": source("client"), "@darkroom/react": source("react") } },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      input: ["console.html", "graphiql.html"],
      onLog(level, log, handle) {
        // GraphiQL's own "use no memo", which means nothing once it is bundled.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handle(level, log);
      },
    },
  },
  worker: { format: "es" },
});
