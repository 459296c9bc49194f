#!/usr/bin/env node
// Measures the page against the length of a run: the synthetic producer records the run, and Chromium shows it.
//
//   node perf/page.mjs [--bin build/bin] [--jumps 40] [--slow MS] EVENTS…
//
// First view: the time from the request of the run's middle until its line, values and lanes are painted, in a new
// tab. Jump: the time from a new position in the address until its line, values and calls are painted. Memory: the
// proportional set of the tab's process, and the objects of the scripts, after all jumps and after each view that
// does not read the whole run.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const words = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = words.indexOf(name);
  return at < 0 ? otherwise : words.splice(at, 2)[1];
};
const bin = resolve(option("--bin", "build/bin"));
const jumps = Number(option("--jumps", "40"));
const slow = Number(option("--slow", "0")); // ms; prints the requests of each view and jump that took longer; 0: none
const sizes = words.length ? words.map(Number) : [1e5, 1e7];
const { chromium } = createRequire(join(bin, "../daemon/page/package.json"))("playwright-core");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const worst = (list) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * 0.95))];

// Resolves, when the next frame with the whole moment is painted, with the milliseconds since `since`.
const painted = ({ position, since }) =>
  new Promise((done) => {
    const look = () => {
      const main = document.querySelector("main.moment");
      const there =
        main?.dataset.position === position &&
        main.querySelector(".row.here") &&
        main.querySelector(".lane-name") &&
        main.querySelector(".right .v-row") &&
        main.querySelector(".tree-here");
      if (there) requestAnimationFrame(() => setTimeout(() => done(performance.now() - since)));
      else requestAnimationFrame(look);
    };
    look();
  });

// The requests of a page to its daemon: connection, and the times of request, first answer and end, in ms since
// `reset`.
function listen(page) {
  const log = {
    asked: [],
    since: performance.now(),
    reset: () => {
      log.asked = [];
      log.since = performance.now();
    },
  };
  let sockets = 0;
  page.on("websocket", (socket) => {
    const number = ++sockets,
      pending = [];
    const now = () => Math.round(performance.now() - log.since);
    log.asked.push({ op: `(connection ${number})`, at: now() });
    socket.on("framesent", ({ payload }) => {
      const { op, id, run, ...fields } = JSON.parse(payload);
      const one = { op, on: number, fields: JSON.stringify(fields).slice(0, 120), at: now(), bytes: 0 };
      pending.push(one);
      log.asked.push(one);
    });
    socket.on("framereceived", ({ payload }) => {
      for (const line of String(payload).split("\n")) {
        const head = pending[0];
        if (!head || line === "") continue;
        head.first ??= now();
        head.bytes += line.length;
        const last = line.startsWith('{"id":') && !line.includes('"stream":"');
        if (last) pending.shift().end = now();
      }
    });
    socket.on("close", () => pending.forEach((one) => (one.closed = now())));
  });
  return log;
}
function printRequests(what, took, log) {
  if (!slow || took < slow) return;
  console.error(`${what}: ${Math.round(took)} ms`);
  for (const { op, on, at, first, end, closed, bytes, fields } of log.asked) {
    console.error(
      `  ${op} on ${on}: asked ${at}, first ${first}, end ${end ?? "-"}${closed === undefined ? "" : `, left ${closed}`}, ${bytes} bytes ${fields ?? ""}`,
    );
  }
}

async function measure(events) {
  const home = mkdtempSync("/tmp/smpp-");
  const env = { ...process.env, SMILEY_HOME: home };
  const smiley = (verb, ...args) => {
    const ran = spawnSync(join(bin, `smiley-${verb}`), args, { env, encoding: "utf8", maxBuffer: 1 << 28 });
    if (ran.status !== 0) throw new Error(`smiley-${verb}: ${ran.stderr}`);
    return ran.stdout;
  };
  let browser = null;
  try {
    smiley("daemon", "start");
    const produced = spawnSync(join(bin, "smiley_test_producer"), [String(events)], { env, encoding: "utf8" });
    if (produced.status !== 0) throw new Error(`the producer: ${produced.stderr}`);
    let run = null;
    while (run?.state !== "ended") run = JSON.parse(smiley("list", "--json", "-n", "1"));
    smiley("store", "reindex", run.id); // the daemon does this by itself when it is idle
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const open = async () => {
      const page = await context.newPage();
      page.setDefaultTimeout(300_000);
      return page;
    };
    const first = await open();
    await first.goto(JSON.parse(smiley("web", "--no-open", "--json")).url);
    await first.getByRole("heading", { name: "Runs" }).waitFor();
    const address = first.url().replace(/#.*/, "");
    await first.close();
    const place = (part) => `1:${Math.max(3, Math.floor(run.events * part))}`;
    const views = [];
    for (let i = 0; i < 5; i++) {
      const page = await open();
      const log = listen(page);
      await page.goto(`${address}#/run/${run.id}/${place(0.5 + i / 100)}`, { waitUntil: "commit" });
      views.push(await page.evaluate(painted, { position: place(0.5 + i / 100), since: 0 }));
      printRequests(`view ${i}`, views[i], log);
      await page.close();
    }
    const page = await open();
    const log = listen(page);
    await page.goto(`${address}#/run/${run.id}/${place(0.5)}`);
    await page.evaluate(painted, { position: place(0.5), since: 0 });
    const times = [];
    for (let i = 0; i < jumps; i++) {
      const to = place((i * 0.618034 + 0.1) % 1); // spread over the run
      log.reset();
      times.push(
        await page.evaluate(
          `(${painted})({ position: ${JSON.stringify(to)}, since: (location.hash = ${JSON.stringify(`#/run/${run.id}/${to}`)}, performance.now()) })`,
        ),
      );
      printRequests(`jump ${i} to ${to}`, times[i], log);
    }
    await page.evaluate((id) => (location.hash = `#/run/${id}/events?thread=1&page=1000&size=100`), run.id);
    await page.locator("table.events tbody tr").nth(20).waitFor();
    await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}/${place(0.3)}`);
    await page.evaluate(painted, { position: place(0.3), since: 0 });
    const cdp = await context.newCDPSession(page);
    const heap = (await cdp.send("Runtime.getHeapUsage")).usedSize;
    const processes = (await (await browser.newBrowserCDPSession()).send("SystemInfo.getProcessInfo")).processInfo;
    const tabs = processes
      .filter((one) => one.type === "renderer")
      .map((one) => {
        const rollup = readFileSync(`/proc/${one.id}/smaps_rollup`, "utf8");
        return Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]) / 1000;
      });
    return `| ${run.events.toLocaleString("en")} | ${Math.round(middle(views))} / ${Math.round(Math.max(...views))} | ${Math.round(middle(times))} / ${Math.round(worst(times))} / ${Math.round(Math.max(...times))} | ${Math.round(
      Math.max(...tabs),
    )} | ${Math.round(heap / 1e6)} |`;
  } finally {
    await browser?.close();
    spawnSync(join(bin, "smiley-daemon"), ["stop"], { env });
    rmSync(home, { recursive: true, force: true });
  }
}

console.log(
  "| events | first view, ms (median / most) | jump, ms (median / 95th / most) | tab, MB | its objects, MB |\n|---|---|---|---|---|",
);
for (const events of sizes) console.log(await measure(events));
