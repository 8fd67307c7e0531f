import { defineConfig } from "vite";

const ENTRIES = ["shell", "queue", "event", "found", "manage", "card"];

// Names without a digest: the server says "no-cache", and the templates name the files.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../static/built",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rollupOptions: {
      input: Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])),
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "part-[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
});
