// The page works with a keyboard and a screen reader: axe-core reports every known problem.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { equal, test, until } from "./harness.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCRIPT =
  "def f(n):\n    if n == 3:\n        raise KeyError(n)\n    return n\nfor n in range(5):\n    try:\n        f(n)\n    except KeyError:\n        print('no', n)\n";

// The problems of the page as it is shown. In the dark only colours differ, so only they are checked.
async function wrong(page, what, scheme) {
  await page.evaluate(axe);
  const rules =
    scheme === "dark"
      ? { runOnly: { type: "rule", values: ["color-contrast"] } }
      : { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] };
  const found = await page.evaluate((options) => window.axe.run(document, options), rules);
  return found.violations.map(
    (one) =>
      `${what}: ${one.id}: ${one.nodes
        .slice(0, 3)
        .map((node) => `${node.target} ${node.failureSummary.split("\n")[1]}`)
        .join("; ")}`,
  );
}

for (const scheme of ["light", "dark"]) {
  test(`every page is accessible, ${scheme}`, async ({ home, open }) => {
    const run = home.recorded("access.py", SCRIPT);
    const page = await open();
    await page.emulateMedia({ colorScheme: scheme });
    await page.locator("tr", { hasText: run.id }).waitFor();
    const all = await wrong(page, "the list of runs", scheme);
    for (const view of [
      "",
      "/events",
      "/search?where=event%20%3D%3D%20line",
      "/files",
      "/threads",
      "/exceptions",
      "/statistics",
      "/calls",
      "/flame",
    ]) {
      await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}${view}`);
      await until(
        page,
        () =>
          !/Loading|counting …|so far …/.test(document.body.innerText) &&
          document.querySelector("main:not(.message)"),
        `the view ${view}`,
      );
      all.push(...(await wrong(page, view || "the moment", scheme)));
    }
    equal(all, [], "accessibility");
  });
}
