// Bundles src/ into out/index.html, app.js, app.css and icon.svg. build.cmake runs it in the build folder.
import { copyFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

mkdirSync("out", { recursive: true });
await build({
  entryPoints: { app: "src/main.tsx" },
  outdir: "out",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome100", "firefox100", "safari15.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  preserveSymlinks: true,
  legalComments: "eof",
  logLevel: "warning",
});
copyFileSync("src/index.html", "out/index.html");
copyFileSync("src/icon.svg", "out/icon.svg");
