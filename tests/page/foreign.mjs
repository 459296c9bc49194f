// Exports opened in speedscope, unmodified: it reads its own format and Chrome traces.
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { equal, holds, test, until } from "./harness.mjs";

const DIST = join("node_modules", "speedscope", "dist", "release");
const SITE = "http://speedscope.test";

const PROGRAM = `def leaf(n):
    return n * n

def branch(n):
    total = 0
    for i in range(n):
        total += leaf(i)
    return total

def recurse(n):
    return branch(3) if n == 0 else recurse(n - 1)

recurse(4)
`;

// The functions that speedscope shows for these bytes: [total, self, name] each.
async function table(newContext, bytes) {
  const context = await newContext();
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.route(`${SITE}/**`, (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    return name === "run.json"
      ? route.fulfill({ body: bytes, contentType: "application/json" })
      : route.fulfill({ body: readFileSync(join(DIST, name)), contentType: type(name) });
  });
  await page.goto(`${SITE}/index.html#profileURL=${SITE}/run.json`);
  await until(page, () => document.title.endsWith("- speedscope") && document.title, "a profile in speedscope");
  await page.getByText("Sandwich").click();
  await until(page, () => /Symbol Name[^]*%\)/.test(document.body.innerText), "speedscope's table");
  const cells = (await page.innerText("body"))
    .split("Symbol Name")[1]
    .split("\n")
    .map((cell) => cell.trim())
    .filter(Boolean);
  await context.close();
  equal(errors, [], "errors in speedscope");
  const rows = [];
  for (let i = 0; i + 3 <= cells.length; i += 3) rows.push(cells.slice(i, i + 3));
  return rows;
}
const UNITS = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 };
function nanoseconds(text) {
  const [, number, unit] = /^([\d.]+)(ns|µs|ms|s)/u.exec(text);
  return Number(number) * UNITS[unit];
}
const type = (name) =>
  ({ html: "text/html", js: "text/javascript", css: "text/css", wasm: "application/wasm" })[name.split(".").pop()] ??
  "application/octet-stream";

test("speedscope opens its own and the Chrome export, and shows the functions that ran", async ({
  home,
  newContext,
}) => {
  const run = home.record("app.py", PROGRAM);
  const stats = home
    .must("stats", run.id, "--json")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((object) => object.type === "function");
  const expected = stats.map((object) => object.function).sort();
  for (const name of ["leaf", "branch", "recurse"]) holds(expected.includes(name), `${name} ran`);
  for (const format of ["speedscope", "chrome"]) {
    const rows = await table(newContext, home.must("export", run.id, "--format", format));
    equal(rows.map((row) => row[2].split(" (")[0]).sort(), expected, `functions of ${format}`);
    for (const [total, own, name] of rows) {
      const counted = stats.find((object) => object.function === name.split(" (")[0]);
      for (const [shown, wanted] of [
        [total, counted.cumulative_ns],
        [own, counted.own_ns],
      ]) {
        // speedscope shows four digits; each call may be rounded to a nanosecond.
        holds(
          Math.abs(nanoseconds(shown) - wanted) <= wanted / 100 + 20,
          `${format}, ${name}: ${shown}, not ${wanted} ns`,
        );
      }
    }
  }
});
