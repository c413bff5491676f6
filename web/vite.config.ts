/// <reference types="vitest/config" />
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// One script and one style sheet under fixed names: the bundle is committed, so that
// users need no Node, and a test compares it with what the sources give.
export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../telemetry/view/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    target: "es2022",
    rolldownOptions: {
      output: {
        format: "iife",
        entryFileNames: "app.js",
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".css")) ? "app.css" : "[name][extname]",
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:4320" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
