// Runs the cases of tests/cases/report.jsonl on a static report (report.ts). tests/daemon/report_cases.cc runs them on the
// daemon.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { holds, test } from "./harness.mjs";

const CASES = fileURLToPath(new URL("./cases/", import.meta.url));
const WHOLE = new Set(["changed", "variables", "written"]);

// Bundles the page's report and its parser of lines for node.
async function loadReportModule(folder) {
  const outfile = join(folder, "report.mjs");
  await build({
    stdin: {
      contents: 'export { collect, Report } from "./report"; export { parseLine } from "./wire_json";',
      resolveDir: "src/data",
    },
    outfile,
    bundle: true,
    format: "esm",
    preserveSymlinks: true,
  });
  return import(pathToFileURL(outfile).href);
}

// The lines that smiley-report wrote, one text a file.
function readParts(folder) {
  const names = readdirSync(join(folder, "data")).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.map((name) => {
    const script = readFileSync(join(folder, "data", name), "utf8");
    return JSON.parse(script.slice(script.indexOf(".push(") + 6, script.lastIndexOf(");")));
  });
}

// Describes the first difference between `got` and `wanted`; empty: there is none. tests/cases/README.md has the rules.
function findDifference(wanted, got, path) {
  const compare = (a, b, where) =>
    JSON.stringify(sortMembers(a)) === JSON.stringify(sortMembers(b)) ? "" : describe(a, b, where);
  const describe = (a, b, where) => `${where}: got ${JSON.stringify(b)}, not ${JSON.stringify(a)}`;
  if (Array.isArray(wanted) && Array.isArray(got)) {
    if (wanted.length !== got.length) return describe(wanted, got, path);
    for (let at = 0; at < wanted.length; at++) {
      const found = findDifference(wanted[at], got[at], `${path}[${at}]`);
      if (found) return found;
    }
    return "";
  }
  if (isObject(wanted) && isObject(got)) {
    for (const [key, value] of Object.entries(wanted)) {
      const inner = `${path}.${key}`;
      const found = WHOLE.has(key)
        ? compare(value, got[key] ?? null, inner)
        : findDifference(value, got[key] ?? null, inner);
      if (found) return found;
    }
    return "";
  }
  return compare(wanted, got, path);
}
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
// The value with its members sortMembers by name, so that texts can be compared.
function sortMembers(value) {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sortMembers(value[key])]),
  );
}

// Asks the report; the answer has the shape of a case: {"lines":[…],"end":{…}}, or {"error":"code"}.
async function askReport(report, { op, ...fields }) {
  for (const [key, value] of Object.entries(fields)) if (key.endsWith("_ns")) fields[key] = BigInt(value);
  const lines = [];
  try {
    if (op === "run") return { lines: [await report.ask(op, fields)], end: {} };
    const end = await report.stream(op, fields, (line) => lines.push(line)).done;
    return { lines, end };
  } catch (error) {
    if (!error.code) throw error;
    return { error: error.code };
  }
}

test("a report answers as the daemon does", async ({ home }) => {
  const { collect, Report, parseLine } = await loadReportModule(home.dir);
  for (const name of readdirSync(join(CASES, "runs"))) home.must("import", join(CASES, "runs", name));
  const reports = new Map(); // by run and part
  const reportOf = (run, part) => {
    const key = [run, ...part].join("\0");
    if (!reports.has(key)) {
      const folder = join(home.dir, `cases-${reports.size}`);
      home.must("report", run, "-o", folder, ...part);
      reports.set(key, new Report(collect(readParts(folder))));
    }
    return reports.get(key);
  };
  const lines = readFileSync(join(CASES, "report.jsonl"), "utf8").trim().split("\n");
  const failures = [];
  for (const line of lines) {
    const { case: name, run, ask, part = [], ...wanted } = parseLine(line);
    const found = findDifference(wanted, await askReport(reportOf(run, part), ask), "answer");
    if (found) failures.push(`${name}\n  ${line}\n  ${found}`);
  }
  holds(
    lines.length > 0 && failures.length === 0,
    `${failures.length} of ${lines.length} cases:\n${failures.join("\n")}`,
  );
});
