// The views of a run.
import { equal, holds, shop, test, until } from "./harness.mjs";

const SHOP = shop("negative");

test("the events of a run are a table with pages, with neighbouring lines folded", async ({ home, open }) => {
  const run = home.recorded("shop.py", SHOP);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Events" }).click();
  await page.locator("td .e-raise").first().waitFor();
  const folded = await page.locator("table.events tbody tr").count();
  await page.getByLabel("fold lines").click();
  await until(
    page,
    (was) => document.querySelectorAll("table.events tbody tr").length > was,
    "unfolded rows",
    folded,
  );
  equal(await page.locator("table.events tbody tr").count(), run.events, "a row for each event");
  await page.getByLabel("Page size").selectOption("25");
  await until(page, () => document.querySelectorAll("table.events tbody tr").length === 25, "a page of 25");
  const first = await page.locator("table.events tbody tr td").first().innerText();
  await page.getByRole("button", { name: "Later" }).click();
  await until(
    page,
    (was) => (document.querySelector("table.events tbody td")?.innerText ?? was) !== was,
    "the second page",
    first,
  );
  equal(await page.locator("table.events tbody tr td").first().innerText(), "1:26", "its first event");
  await page.goBack();
  await until(
    page,
    (was) => document.querySelector("table.events tbody td")?.innerText === was,
    "the first page again",
    first,
  );
});

const THREADS = `import threading

def step(n):
    return n + 1

def work():
    n = 0
    while n < 4000:
        n = step(n)

threads = [threading.Thread(target=work, name="worker %d" % k) for k in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
`;
const positions = (page) => page.locator("table.events tbody td:first-child").allInnerTexts();
// The order of time, as the daemon replays events.
const allEvents = (home, run, ...words) =>
  home
    .must("replay", run.id, "--json", ...words)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((one) => one.type === "event")
    .map((one) => `${one.thread}:${one.seq}`);

test("the table of events reaches the last event of all threads, with pages of any size", async ({ home, open }) => {
  const run = home.recorded("workers.py", THREADS);
  const all = allEvents(home, run);
  holds(all.length > 50_000, `${all.length} events`);
  const page = await open(run.id);
  await page.locator("main.moment").waitFor();
  for (const [size, number] of [
    [100, Math.ceil(all.length / 100)],
    [37, 1],
    [37, 700],
    [1000, 52],
    [1000, 2],
  ]) {
    await page.evaluate(
      (hash) => (location.hash = hash),
      `#/run/${run.id}/events?fold=no&size=${size}&page=${number}`,
    );
    const wanted = all.slice((number - 1) * size, number * size);
    await until(
      page,
      ([first, rows]) =>
        document.querySelector("table.events tbody td")?.innerText === first &&
        document.querySelectorAll("table.events tbody tr").length === rows,
      `page ${number} of ${size}`,
      [wanted[0], wanted.length],
    );
    equal(await positions(page), wanted, `page ${number} of ${size}`);
  }
  await page.getByRole("button", { name: "Last page" }).click();
  await until(
    page,
    (last) => [...document.querySelectorAll("table.events tbody tr")].at(-1)?.cells[0].innerText === last,
    "the last event",
    all.at(-1),
  );
});

test("a search counts and lists all results; n continues beyond the loaded ones", async ({ home, open }) => {
  const run = home.recorded("workers.py", THREADS);
  const all = allEvents(home, run, "--where", 'function == "work" and event == line');
  holds(all.length > 15_000, `${all.length} results`);
  const page = await open(run.id);
  await page.locator("main.moment").waitFor();
  await page.keyboard.press("/");
  await page.getByLabel("Expression").fill('function == "work" and event == line');
  await page.keyboard.press("Enter");
  await page.getByText(`${all.length.toLocaleString("en")} events`, { exact: true }).waitFor();
  equal(await positions(page), all.slice(0, 200), "the first page");
  const last = Math.ceil(all.length / 200);
  for (const number of [last, 27, 26]) {
    await page.getByLabel("Page", { exact: true }).fill(String(number));
    await page.keyboard.press("Enter");
    await until(
      page,
      (first) => document.querySelector("table.events tbody td")?.innerText === first,
      `page ${number}`,
      all[(number - 1) * 200],
    );
    equal(await positions(page), all.slice((number - 1) * 200, number * 200), `page ${number}`);
  }
  // Beyond the first 5,000 results and back.
  await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}/${all[4998]}`);
  for (const [key, wanted] of [
    ["n", all[4999]],
    ["n", all[5000]],
    ["N", all[4999]],
    ["N", all[4998]],
  ]) {
    await page.locator("main.moment").waitFor();
    await page.keyboard.press(key);
    await until(
      page,
      (at) => document.querySelector("main.moment")?.dataset.position === at,
      `${key} leads to ${wanted}`,
      wanted,
    );
  }
});

test("a search shows matching events, and explains what is wrong with an expression", async ({ home, open }) => {
  const run = home.recorded("shop.py", SHOP);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Search" }).click();
  await page.getByLabel("Expression").fill("function == 'pay' and event == call and amount < 0");
  await page.keyboard.press("Enter");
  await page.getByText("1 event", { exact: true }).waitFor();
  holds((await page.innerText("table")).includes("amount = -1"), "the argument is shown");
  await page.getByLabel("Expression").fill("amount <");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  holds(!page.url().includes("code="), "no code in the address");
});

test("the threads of a run are listed with their events and lines", async ({ home, open }) => {
  const run = home.record(
    "threads.py",
    `import threading
def work(n):
    return n * 2
for n in range(3):
    thread = threading.Thread(target=work, args=(n,), name="worker %d" % n)
    thread.start()
    thread.join()
`,
  );
  const page = await open(run.id);
  await page.getByRole("link", { name: "Threads" }).click();
  await page.getByText("worker 2").waitFor();
  equal(await page.locator("tbody tr").count(), 4, "threads");
});

test("files show how often each line ran, and a line number links to its first execution", async ({ home, open }) => {
  const run = home.recorded("shop.py", SHOP);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Files" }).click();
  await page.getByRole("button", { name: /^line 4\s*, ran 1 time$/ }).click();
  await page.locator("main.moment").waitFor();
  await until(
    page,
    () => document.querySelector(".row.here")?.innerText.includes('raise ValueError("negative")'),
    "the line",
  );
});

test("exceptions show where they were raised and their outcome", async ({ home, open }) => {
  const run = home.recorded("shop.py", SHOP);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Exceptions" }).click();
  const row = page.locator("tbody tr", { hasText: "ValueError" });
  await row.waitFor();
  const text = await row.innerText();
  holds(/negative[\s\S]*shop\.py:4[\s\S]*caught[\s\S]*shop\.py:11/.test(text), text);
  await row.locator("a.position").first().click();
  await until(
    page,
    () => document.querySelector(".move-bar .event-kind")?.innerText === "raise",
    "where it was raised",
  );
});

test("statistics sort by a click and show callers; graphs link to calls", async ({ home, open }) => {
  const run = home.recorded("shop.py", SHOP);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Statistics" }).click();
  const pay = page.locator("tbody tr", { hasText: "pay" }).first();
  await pay.waitFor();
  equal(await pay.locator("td.num").first().innerText(), "3", "calls of pay");
  await page.getByRole("button", { name: "Calls", exact: true }).click();
  await until(page, () => document.querySelector(".stats tbody tr")?.innerText.includes("pay"), "most calls first");
  await page.getByRole("button", { name: /pay/ }).first().click();
  await page.locator("tr.caller", { hasText: "<module>" }).waitFor();
  await page.getByRole("link", { name: "Call graph" }).click();
  await page.locator("svg.graph a", { hasText: "pay" }).click();
  await page.getByText("3 events", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Flame graph" }).click();
  await page.getByRole("button", { name: /^<module>/ }).waitFor();
  await page.getByRole("button", { name: "calls", exact: true }).click();
  await page.getByRole("button", { name: /^pay · 3 calls/ }).waitFor();
});

test("two runs are compared side by side, difference by difference", async ({ home, open }) => {
  const first = home.recorded("shop.py", SHOP);
  const second = home.record("shop.py", SHOP.replace("(3, 4, -1)", "(3, -4, 1)"));
  const page = await open();
  for (const run of [first, second]) await page.getByLabel(`Select run ${run.id}`).check();
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await page.locator(".sides .row.here").nth(1).waitFor();
  const status = page.locator(".view-bar [role=status]");
  holds((await status.innerText()).includes("the first in time"), "the first difference");
  await page.keyboard.press("n");
  await until(
    page,
    () => document.querySelector(".view-bar [role=status]")?.innerText.includes("number 2"),
    "the second one",
  );
  const kept = page.url();
  await page.keyboard.press("N");
  await until(
    page,
    () => document.querySelector(".view-bar [role=status]")?.innerText.includes("number 1"),
    "the first one again",
  );
  holds(kept.endsWith("at=2"), `its address: ${kept}`);
  await page.getByRole("button", { name: "how long it took" }).click();
  await page.getByText("differ by more than noise").waitFor();
});

test("the timeline shows the results of a search, and n moves through them", async ({ home, open }) => {
  const run = home.recorded("shop.py", SHOP);
  const page = await open(run.id);
  await page.locator("main.moment").waitFor();
  await page.keyboard.press("/");
  await page.getByLabel("Expression").fill('function == "pay" and event == call');
  await page.keyboard.press("Enter");
  await page.getByText("3 events", { exact: true }).waitFor();
  await page.locator("table.events a.position").first().click();
  await page.locator("main.moment").waitFor();
  const first = await page.locator("main.moment").getAttribute("data-position");
  await page.keyboard.press("n");
  await until(
    page,
    (was) => document.querySelector("main.moment")?.dataset.position !== was,
    "the next result",
    first,
  );
  equal(await page.locator(".move-bar .event-kind").innerText(), "call", "what it is");
  // Text typed as soon as the field appears is kept.
  await page.evaluate(
    () =>
      new Promise((done) => {
        const watch = new MutationObserver(() => {
          const field = document.querySelector("input.expression");
          if (!field) return;
          watch.disconnect();
          field.value = "event == raise";
          field.dispatchEvent(new Event("input", { bubbles: true }));
          done();
        });
        watch.observe(document.body, { childList: true, subtree: true });
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true }));
      }),
  );
  await page.getByText("Finds every event that matches").waitFor();
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))),
  );
  equal(await page.getByLabel("Expression").inputValue(), "event == raise", "what was typed");
});

test("the views of a running program grow with it without flicker", async ({ home, open }) => {
  const recording = home.startRecording(
    "grows.py",
    "import sys\ndef take(line):\n    return line.strip()\nfor line in sys.stdin:\n    if take(line) == 'end':\n        break\n",
  );
  const page = await open();
  await page.locator("tr", { hasText: "grows.py" }).getByRole("link").click();
  await page.getByRole("link", { name: "Statistics" }).click();
  for (let i = 0; i < 3; i++) recording.send("more");
  const calls = page.locator(".stats tr", { hasText: "take" }).locator("td.num").first();
  await calls.waitFor();
  await page.evaluate(() => {
    window.empty = 0;
    new MutationObserver(() => document.querySelector(".stats tbody tr") || window.empty++).observe(document.body, {
      childList: true,
      subtree: true,
    });
  });
  for (let i = 0; i < 200; i++) recording.send("more");
  await until(
    page,
    () =>
      [...document.querySelectorAll(".stats tr")].some(
        (row) => row.textContent.includes("take") && Number(row.cells[2].textContent) > 150,
      ),
    "the calls since",
  );
  equal(await page.evaluate(() => window.empty), 0, "times that the table was empty");
  recording.send("end");
  await recording.ended;
});
