// Formats the tree, or reports the sources that are not formatted: C and C++ with clang-format, TypeScript and .mjs
// with prettier, Python with ruff. package-lock.json fixes their versions, so that every machine agrees.
//
//     sh tests/lint/format.sh [--check] [FILE…]
//
// Without files it takes every source that git tracks or would add; in a tree without git's folder, every source.
// --check changes nothing and prints `file:1: not formatted` for each source. Exit code: 0 formatted, 1 not
// formatted, 2 failed. Recorded programs (tests/system/programs, tools/example, perf/workloads) keep their layout,
// because tests and documents name their lines.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";

const WIDTH = 118; // columns, as in .clang-format
const CLANG_FORMAT = "15"; // the major version of the program in npm's package
const KEPT = /^(tests\/system\/programs|tests\/fuzz\/corpus|tests\/daemon\/golden|tools\/example|perf\/workloads)\//;

const [root, modules, ...words] = process.argv.slice(2);
const check = words.includes("--check");
const named = words.filter((word) => !word.startsWith("--"));
const load = createRequire(join(resolve(modules), "package.json"));
const wrong = [];

function fail(message) {
  console.error(`smiley: ${message}`);
  process.exit(2);
}

function run(program, ...args) {
  const stdio = ["ignore", "pipe", "pipe"];
  return execFileSync(program, args, { encoding: "utf8", maxBuffer: 1 << 26, stdio });
}

// The files that git tracks or would add, or null when root is not the top of a git tree.
function listWithGit() {
  try {
    if (realpathSync(run("git", "-C", root, "rev-parse", "--show-toplevel").trimEnd()) !== realpathSync(root))
      return null;
    return run("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
      .split("\0")
      .filter(Boolean);
  } catch {
    return null;
  }
}

function listFolder(folder) {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder + entry.name;
    const left = entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "__pycache__";
    if (entry.isFile()) found.push(path);
    else if (entry.isDirectory() && !left && !/^build/.test(path)) found.push(...listFolder(path + "/"));
  }
  return found;
}

function listPaths() {
  if (named.length === 0) return [...new Set(listWithGit() ?? listFolder(""))];
  const missing = named.filter((path) => !existsSync(path));
  if (missing.length > 0) fail(`no such file: ${missing.join(", ")}`);
  return named.map((path) => relative(realpathSync(root), realpathSync(path)));
}

// The path of clang-format: SMILEY_CLANG_FORMAT, or the program in npm's package.
function findClangFormat() {
  const given = process.env.SMILEY_CLANG_FORMAT;
  const folder = join(load.resolve("clang-format/package.json"), "..", "bin", `${process.platform}_${process.arch}`);
  const wanted = `set SMILEY_CLANG_FORMAT to the path of a clang-format ${CLANG_FORMAT}`;
  if (!given && !existsSync(folder)) {
    fail(
      `npm's clang-format has no program for ${process.platform} ${process.arch}: ${wanted} ` +
        `(Debian: clang-format-${CLANG_FORMAT}; PyPI: clang-format==${CLANG_FORMAT}.*)`,
    );
  }
  const program = given || join(folder, "clang-format");
  let version;
  try {
    version = run(program, "--version");
  } catch (error) {
    fail(`${program} does not run (${error.message}): ${wanted}`);
  }
  if (!version.includes(`version ${CLANG_FORMAT}.`)) fail(`${program} is ${version.trim()}: ${wanted}`);
  return program;
}

// Calls format(text, path) for each path and reports or writes the result when it differs.
async function formatAll(paths, format) {
  for (const path of paths) {
    const before = readFileSync(join(root, path), "utf8");
    let after;
    try {
      after = await format(before, path);
    } catch (error) {
      fail(`cannot format ${path}: ${error.message ?? error}`);
    }
    if (before === after) continue;
    wrong.push(path);
    if (!check) writeFileSync(join(root, path), after);
  }
}

const paths = listPaths().filter((path) => !KEPT.test(path) && existsSync(join(root, path)));
const endingWith = (...endings) => paths.filter((path) => endings.some((ending) => path.endsWith(ending)));
const cpp = endingWith(".h", ".cc", ".c");
const script = endingWith(".ts", ".tsx", ".mjs");
const python = endingWith(".py", ".pyi");
const count = cpp.length + script.length + python.length;
if (count === 0 && named.length === 0) fail(`no sources in ${root}`);

if (cpp.length > 0) {
  const program = findClangFormat();
  await formatAll(cpp, (_, path) => run(program, "--style=file", join(root, path)));
}
if (script.length > 0) {
  const prettier = load("prettier");
  await formatAll(script, (text, path) => prettier.format(text, { filepath: path, printWidth: WIDTH }));
}
if (python.length > 0) {
  const { Workspace, PositionEncoding } = load("@astral-sh/ruff-wasm-nodejs");
  const workspace = new Workspace({ "line-length": WIDTH, "target-version": "py311" }, PositionEncoding.UTF16);
  await formatAll(python, (text) => workspace.format(text));
}

for (const path of wrong.sort()) console.log(check ? `${path}:1: not formatted` : path);
const summary = check
  ? `${wrong.length} of ${count} sources not formatted`
  : `${wrong.length} of ${count} sources changed`;
console.error(`smiley: ${summary}` + (check && wrong.length > 0 ? ": run sh tests/lint/format.sh" : ""));
process.exit(check && wrong.length > 0 ? 1 : 0);
