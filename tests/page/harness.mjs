// The harness of the page's tests: a home with its daemon, recorded runs, a browser, and the count of results.
//
// SMILEY_BIN            folder of the commands
// SMILEY_TEST_PYTHONS   interpreters, separated by colons; the first one records
// SMILEY_PAGE_OUT       folder with an app.js and app.css to test in place of the daemon's
// SMILEY_PAGE_JOBS      number of tests that run at a time (2)
import { fork, spawn, spawnSync } from "node:child_process";
import { on } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const BIN = process.env.SMILEY_BIN;
const PYTHON = (process.env.SMILEY_TEST_PYTHONS ?? "python3").split(":")[0];
const TIMEOUT = 120_000;
const SIZE = { width: 1440, height: 900 };
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

const tests = [];
export function test(sentence, body) {
  tests.push({ sentence, body });
}

export class Home {
  constructor() {
    this.dir = mkdtempSync("/tmp/smp-");
    this.env = {
      ...process.env,
      SMILEY_HOME: join(this.dir, "home"),
      PATH: `${BIN}:${process.env.PATH}`,
      LC_ALL: "C.UTF-8",
    };
    delete this.env.DISPLAY;
    this.known = new Map();
  }
  smiley(verb, ...words) {
    const done = spawnSync(join(BIN, `smiley-${verb}`), words, {
      env: this.env,
      cwd: this.dir,
      encoding: "utf8",
      timeout: TIMEOUT,
      maxBuffer: 1 << 28,
    });
    return { code: done.status, out: done.stdout, err: done.stderr };
  }
  must(verb, ...words) {
    const done = this.smiley(verb, ...words);
    if (done.code !== 0) throw new Error(`smiley-${verb} ${words.join(" ")} ended with ${done.code}: ${done.err}`);
    return done.out;
  }
  // Records a script to its end and returns the run's object.
  record(name, text, ...words) {
    writeFileSync(join(this.dir, name), text);
    const done = this.smiley("run", "--python", PYTHON, name, ...words);
    if (done.code === 125) throw new Error(`smiley-run failed: ${done.err}`);
    return JSON.parse(this.must("list", "--json", "-n", "1"));
  }
  // Records a script once for all tests of this home. A test that changes the list of runs uses record.
  recorded(name, text) {
    const key = `${name}\n${text}`;
    if (!this.known.has(key)) this.known.set(key, this.record(name, text));
    return this.known.get(key);
  }
  // Starts recording a script that runs until a line on its standard input ends it.
  startRecording(name, text) {
    writeFileSync(join(this.dir, name), text);
    const child = spawn(join(BIN, "smiley-run"), ["--python", PYTHON, name], {
      env: this.env,
      cwd: this.dir,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    return { child, ended, send: (line) => child.stdin.write(`${line}\n`) };
  }
  address(...words) {
    return JSON.parse(this.must("web", "--no-open", "--json", ...words));
  }
  end() {
    this.smiley("daemon", "stop");
    rmSync(this.dir, { recursive: true, force: true });
  }
}

// A program of three payments; the last one is refused with this message.
export const shop = (message) => `def pay(amount, basket=[]):
    basket.append(amount)
    if amount < 0:
        raise ValueError("${message}")
    return sum(basket)

total = 0
for price in (3, 4, -1):
    try:
        total = pay(price)
    except ValueError as error:
        print("refused", error)
print(total)
`;

export function equal(got, wanted, what = "") {
  const a = JSON.stringify(got),
    b = JSON.stringify(wanted);
  if (a !== b) throw new Error(`${what}: got ${a}, not ${b}`);
}
export function holds(condition, what) {
  if (!condition) throw new Error(what);
}
// Waits until a condition holds in the page; the browser polls it.
export async function until(page, question, what, ...argument) {
  try {
    await page.waitForFunction(question, argument[0], { timeout: TIMEOUT, polling: 50 });
  } catch {
    throw new Error(`${what} did not come about; the page shows: ${(await page.innerText("body")).slice(0, 1500)}`);
  }
}

export async function makeContext(browser) {
  const context = await browser.newContext({ viewport: SIZE, acceptDownloads: true });
  context.setDefaultTimeout(TIMEOUT);
  // Serves a changed page without building the daemon again.
  for (const name of process.env.SMILEY_PAGE_OUT ? ["app.js", "app.css"] : []) {
    await context.route(`**/${name}`, (route) => route.fulfill({ path: join(process.env.SMILEY_PAGE_OUT, name) }));
  }
  return context;
}

// One of several workers. It has its own home, browser and page, and runs the tests whose numbers it receives.
async function work() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  const home = new Home();
  // All tests that need no context of their own share one page: a new one takes a process and seconds.
  const complaints = [];
  const context = await makeContext(browser);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    const expected = /ERR_CONNECTION_REFUSED|WebSocket connection/.test(message.text());
    if (message.type() === "error" && !expected) complaints.push(message.text());
  });
  const open = async (...words) => {
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(SIZE);
    await page.goto("about:blank");
    await page.goto(home.address(...words).url);
    return page;
  };
  const play = async ({ sentence, body }) => {
    complaints.length = 0;
    const begun = Date.now();
    try {
      let late;
      const limit = new Promise(
        (_, fail) => (late = setTimeout(() => fail(new Error("it did not come to an end")), 2 * TIMEOUT)),
      );
      const done = body({ home, browser, complaints, open, newContext: () => makeContext(browser) });
      await Promise.race([done, limit]).finally(() => clearTimeout(late));
      equal(complaints, [], "the browser's console");
      console.log(`ok   ${sentence} (${Date.now() - begun} ms)`);
      return true;
    } catch (error) {
      console.log(`FAIL ${sentence}\n     ${error.stack ?? error}`);
      return false;
    }
  };
  process.send({ ready: true });
  for await (const [number] of on(process, "message")) {
    if (number === null) break;
    process.send({ passed: await play(tests[number]) });
  }
  await browser.close();
  home.end();
  process.disconnect();
}

// Runs the tests whose sentence contains `part`, several at a time, and returns the exit code.
async function direct(part, jobs) {
  const start = Date.now();
  const wanted = tests.map((_, number) => number).filter((number) => tests[number].sentence.includes(part));
  if (!BIN || !CHROMIUM) {
    console.log(BIN ? "there is no chromium (Debian: apt-get install chromium)" : "SMILEY_BIN is not set");
    console.log(`Ran ${wanted.length} tests in 0s\n\nFAILED (failures=${wanted.length})`);
    return 1;
  }
  const left = [...wanted];
  let passed = 0;
  const ended = [];
  for (let job = 0; job < Math.min(jobs, wanted.length); job++) {
    const worker = fork(process.argv[1], [], { env: { ...process.env, SMILEY_PAGE_WORKER: "1" } });
    ended.push(new Promise((resolve) => worker.on("exit", resolve)));
    worker.on("message", (message) => {
      if (message.passed) passed++;
      if (worker.connected) worker.send(left.shift() ?? null);
    });
  }
  const codes = await Promise.all(ended);
  const failures = wanted.length - passed; // includes the tests of a worker that crashed
  if (codes.some((code) => code !== 0)) console.log(`a worker ended with ${codes}`);
  console.log(
    `Ran ${wanted.length} tests in ${((Date.now() - start) / 1000).toFixed(1)}s\n\n${failures ? `FAILED (failures=${failures})` : "OK"}`,
  );
  return failures ? 1 : 0;
}

export async function runAll() {
  if (process.env.SMILEY_PAGE_WORKER) {
    await work();
    return 0;
  }
  return direct(process.argv[2] ?? "", Number(process.env.SMILEY_PAGE_JOBS ?? 2));
}
