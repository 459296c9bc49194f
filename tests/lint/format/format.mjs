// Formats the tree, or reports what is not formatted: C and C++ with clang-format, TypeScript with prettier, Python with
// ruff. Their versions are those of package-lock.json, so that every machine agrees.
//
//     sh tests/lint/format.sh [--check] [FILE…]
//
// Without files: every source that git tracks. --check changes nothing, prints `file:1: not formatted` for each, and ends
// with 1 when there is one. Programs that are recorded (tests/system/programs, tools/example, perf/workloads) keep their
// layout, because tests and documents name their lines.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const WIDTH = 118; // columns, as in .clang-format
const KEPT = /^(tests\/system\/programs|tests\/fuzz\/corpus|tests\/daemon\/golden|tools\/example|perf\/workloads)\//;

const [root, modules, ...words] = process.argv.slice(2);
const check = words.includes("--check");
const named = words.filter((word) => !word.startsWith("--"));
const load = createRequire(join(resolve(modules), "package.json"));

function tracked() {
  const list = (...more) =>
    execFileSync("git", ["-C", root, "ls-files", "-z", ...more], { encoding: "utf8", maxBuffer: 1 << 26 });
  return (list() + list("--others", "--exclude-standard")).split("\0").filter(Boolean);
}

const paths = (named.length > 0 ? named : tracked()).filter(
  (path) => !KEPT.test(path) && existsSync(join(root, path)),
);
const endingWith = (...endings) => paths.filter((path) => endings.some((ending) => path.endsWith(ending)));
const wrong = [];

function settle(path, before, after) {
  if (before === after) return;
  wrong.push(path);
  if (!check) writeFileSync(join(root, path), after);
}

function formatCpp() {
  const program = load.resolve("clang-format/package.json").replace("package.json", "bin/linux_x64/clang-format");
  for (const path of endingWith(".h", ".cc", ".c")) {
    const full = join(root, path);
    const formatted = execFileSync(program, ["--style=file", full], { encoding: "utf8", maxBuffer: 1 << 24 });
    settle(path, readFileSync(full, "utf8"), formatted);
  }
}

async function formatScript() {
  const prettier = load("prettier");
  for (const path of endingWith(".ts", ".tsx", ".mjs")) {
    const before = readFileSync(join(root, path), "utf8");
    settle(path, before, await prettier.format(before, { filepath: path, printWidth: WIDTH }));
  }
}

function formatPython() {
  const { Workspace, PositionEncoding } = load("@astral-sh/ruff-wasm-nodejs");
  const settings = { "line-length": WIDTH, "target-version": "py311" };
  const workspace = new Workspace(settings, PositionEncoding.UTF16);
  for (const path of endingWith(".py", ".pyi")) {
    const before = readFileSync(join(root, path), "utf8");
    settle(path, before, workspace.format(before));
  }
}

formatCpp();
await formatScript();
formatPython();
for (const path of wrong.sort()) console.log(check ? `${path}:1: not formatted` : path);
const plural = wrong.length === 1 ? "" : "s";
console.error(
  check
    ? `smiley: ${wrong.length} source${plural} of ${paths.length} not formatted` +
        (wrong.length > 0 ? ": run sh tests/lint/format.sh" : "")
    : `smiley: ${wrong.length} source${plural} formatted`,
);
process.exit(check && wrong.length > 0 ? 1 : 0);
