import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Everything that the pages need ends up in dist/, which the server carries in its binary.
export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      input: "graphiql.html",
      onwarn(warning, warn) {
        // GraphiQL's own "use no memo", which means nothing once it is bundled.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
  worker: { format: "es" },
});
