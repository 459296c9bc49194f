// The moment view: its position, its panels, and every way to move.
import { equal, holds, test, until } from "./harness.mjs";

const SHOP = `import threading

def add(total, price):
    total = total + price
    return total

def refuse(price):
    raise ValueError("negative %d" % price)

def shop():
    total = 0
    for price in (3, 4, -1):
        try:
            if price < 0:
                refuse(price)
            total = add(total, price)
        except ValueError as error:
            print("refused", error)
    return total

def work():
    return shop()

other = threading.Thread(target=work, name="other")
other.start()
other.join()
print(shop())
`;
const shopRun = (home) => home.recorded("shop.py", SHOP);
const at = async (page, position) =>
  until(
    page,
    (wanted) => document.querySelector("main.moment")?.dataset.position === wanted,
    `position ${position}`,
    position,
  );
const positionOf = (page) => page.locator("main.moment").getAttribute("data-position");
// Presses a key and waits until the position has changed.
async function press(page, key) {
  const before = await positionOf(page);
  await page.keyboard.press(key);
  await until(
    page,
    (was) => document.querySelector("main.moment")?.dataset.position !== was,
    `a move by ${key}`,
    before,
  );
  return positionOf(page);
}
const current = (page) => page.locator(".row.here .code").innerText();
async function events(home, run, where) {
  return home
    .must("replay", run.id, "--json", "--where", where)
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
async function openAt(context, home, run, position) {
  const page = await context.open(run.id);
  await page.locator("main.moment").waitFor();
  await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}/${position}`);
  await at(page, position);
  await page.locator(".row.here").waitFor();
  return page;
}

test("the address of a position shows its line, values, stack and output", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const found = await events(
    home,
    run,
    'function == "add" and event == return and value == 7 and thread == "MainThread"',
  );
  equal(found.length, 1, "returns of 7");
  const page = await openAt(context, home, run, `${found[0].thread}:${found[0].seq}`);
  equal((await current(page)).replace("▶", "").trim(), "return total", "the line");
  const variables = await page.locator(".right .v-list").last().innerText();
  holds(/price\s*4/.test(variables) && /total\s*7/.test(variables), `variables: ${variables}`);
  const stack = await page.getByLabel("Stack").innerText();
  holds(/add[\s\S]*shop[\s\S]*<module>/.test(stack), `stack: ${stack}`);
  holds(
    (await page.getByLabel("Output", { exact: true }).innerText()).includes("refused negative -1"),
    "the output of the other thread",
  );
});

test("a run that ended with an exception from unrecorded code opens where the exception arrived", async ({
  home,
  open,
}) => {
  const run = home.record("outside.py", "import json\ndef load(text):\n    return json.loads(text)\nload('{')\n");
  const page = await open(run.id);
  await page.locator("main.moment").waitFor();
  equal((await current(page)).replace("▶", "").trim(), "return json.loads(text)", "the line");
  holds((await page.locator(".right .result.raised").innerText()).includes("JSONDecodeError"), "what it raised");
});

test("keys step over, into and out of calls, forwards and backwards", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const [call] = await events(home, run, 'function == "shop" and event == call and thread == "MainThread"');
  const page = await openAt(context, home, run, `${call.thread}:${call.seq}`);
  const way = [await positionOf(page)];
  for (let step = 0; step < 5; step++) way.push(await press(page, "ArrowRight"));
  equal((await current(page)).replace("▶", "").trim(), "total = add(total, price)", "five lines on");
  await press(page, "ArrowDown");
  holds(
    (await page.getByLabel("Stack").innerText()).startsWith("Stack") &&
      (await page.locator(".stack .on .fn").innerText()) === "add",
    "a step into the call",
  );
  await press(page, "o");
  equal(await page.locator(".stack .on .fn").innerText(), "shop", "a step out of it");
  const before = await positionOf(page);
  await page.goBack();
  await until(
    page,
    (was) => document.querySelector("main.moment")?.dataset.position !== was,
    "the page before",
    before,
  );
  equal(await page.locator(".stack .on .fn").innerText(), "add", "the browser's back");
  for (let step = 0; step < 2; step++) await press(page, "ArrowUp");
  await at(page, way[4]);
});

test("keys move between changes of a variable, executions of a line, calls and exceptions", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const [call] = await events(home, run, 'function == "shop" and event == call and thread == "MainThread"');
  const page = await openAt(context, home, run, `${call.thread}:${call.seq}`);
  await press(page, "ArrowRight");
  await press(page, "ArrowRight");
  await page.locator(".v-row", { hasText: "total" }).hover();
  await page.getByLabel("next change of total").click();
  await until(
    page,
    () => /total\s*3/.test(document.querySelector(".right .v.changed")?.innerText ?? ""),
    "total = 3, marked as changed",
  );
  await page.getByRole("button", { name: /^line 12/ }).click();
  await press(page, "l");
  equal((await current(page)).replace("▶", "").trim(), "for price in (3, 4, -1):", "the chosen line");
  await press(page, "x");
  equal(await page.locator(".event-kind").first().innerText(), "raise", "the next exception");
  holds((await page.locator(".row.here.raised").count()) === 1, "its line is marked");
  const raised = await positionOf(page);
  await press(page, "C");
  equal(await page.locator(".stack .on .fn").innerText(), "refuse", "the call before");
  await press(page, "x");
  await at(page, raised);
});

test("lines that ran in this call are marked and have values beside them", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const [end] = await events(home, run, 'function == "shop" and event == return and thread == "MainThread"');
  const page = await openAt(context, home, run, `${end.thread}:${end.seq}`);
  await page.locator(".row.ran").first().waitFor();
  equal(
    await page.getByRole("button", { name: /^line 12\s*, ran 4 times in this call/ }).count(),
    1,
    "the loop's line",
  );
  holds(
    (
      await page
        .locator(".row", { has: page.getByRole("button", { name: /^line 16/ }) })
        .locator(".beside")
        .innerText()
    ).includes("total = 7"),
    "the value beside the line",
  );
  holds((await page.getByLabel("Calls", { exact: true }).innerText()).includes("refuse"), "a call that was made");
});

test("the timeline has a lane for each thread, zooms, and a click moves to its event", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const page = await context.open(run.id);
  await page.locator("main.moment").waitFor();
  await page.locator(".lane-name", { hasText: "other" }).waitFor();
  equal(await page.locator(".lane-name").count(), 2, "lanes");
  const canvas = page.locator(".timeline canvas");
  const box = await canvas.boundingBox();
  const lane = await page.locator(".lane-name", { hasText: "other" }).boundingBox();
  await canvas.click({ position: { x: box.width / 2, y: lane.y + lane.height / 2 - box.y } });
  await until(
    page,
    () => document.querySelector(".lane-name.on")?.innerText === "other",
    "a moment of the other thread",
  );
  const whole = await page.locator(".timeline .panel-head .quiet").innerText();
  await page.keyboard.press("+");
  await until(
    page,
    (was) => document.querySelector(".timeline .panel-head .quiet").innerText.split(" · ")[0] !== was.split(" · ")[0],
    "a shorter stretch",
    whole,
  );
  await page.keyboard.press("0");
  await until(
    page,
    (was) => document.querySelector(".timeline .panel-head .quiet").innerText.split(" · ")[0] === was.split(" · ")[0],
    "the whole run",
    whole,
  );
});

const TASKS = `import asyncio

async def visit(n):
    await asyncio.sleep(0)
    if n % 100 == 7:
        try:
            raise KeyError(n)
        except KeyError:
            print("none", n)
    for _ in range(n % 3 * 20):
        n += 1
    return n

async def main():
    for part in range(0, 400, 100):
        await asyncio.gather(*(asyncio.create_task(visit(n), name="visitor %d" % n) for n in range(part, part + 100)))

asyncio.run(main())
`;

test("asyncio tasks have lanes in the selected order, and only lanes in sight are loaded", async (context) => {
  const run = context.home.record("tasks.py", TASKS);
  const page = await context.open();
  const asked = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      if (String(payload).includes('"tasks":[')) asked.push(JSON.parse(payload).tasks.length);
    }),
  );
  await context.open(run.id);
  await page.locator("main.moment").waitFor();
  const names = page.locator(".lane-name.of-task");
  await page.locator(".lane-name", { hasText: "visitor 0" }).waitFor();
  const seen = await names.count();
  holds(seen > 2 && seen < 40, `${seen} of 401 lanes are there`);
  // The click comes as soon as the name is there, before the lane has loaded.
  await page.locator(".lanes").evaluate(
    (lanes) =>
      new Promise((clicked) => {
        const watch = new MutationObserver(() => {
          const name = [...lanes.querySelectorAll(".lane-name")].find((one) => one.innerText === "visitor 37");
          if (name) (watch.disconnect(), name.click(), clicked());
        });
        watch.observe(lanes, { childList: true, subtree: true });
        lanes.scrollTop = 38 * 20;
      }),
  );
  await until(
    page,
    () => document.querySelector(".lane-name.on")?.innerText === "visitor 37",
    "a moment of that task",
  );
  holds(
    (await page.getByLabel("Threads", { exact: true }).innerText()).includes("task visitor 37"),
    "the thread's task",
  );
  await page.locator(".lanes").evaluate((lanes) => (lanes.scrollTop = lanes.scrollHeight));
  const last = page.locator(".lane-name", { hasText: "visitor 399" });
  await last.waitFor();
  await until(
    page,
    () => document.querySelectorAll(".lane-name").length < 40,
    "lanes that went out of sight are gone",
  );
  holds(asked.length > 0 && asked.every((many) => many < 40), `tasks asked for at once: ${asked}`);
  await page.keyboard.press("k");
  equal(await page.getByLabel("Asyncio tasks in the timeline", { exact: true }).inputValue(), "busy", "the order");
  await until(
    page,
    () => {
      document.querySelector(".lanes").scrollTop = 0; // a change of order scrolls to the current lane
      const busiest = [...document.querySelectorAll(".lane-name.of-task")].map((one) => one.innerText);
      return (
        busiest.length > 2 &&
        busiest.includes("Task-1") &&
        busiest.every((name) => name === "Task-1" || Number(name.slice(8)) % 3 === 2)
      );
    },
    "the busiest tasks",
  );
  await page.keyboard.press("k");
  await names.first().waitFor({ state: "detached" });
  equal(await page.locator(".lane-name").allInnerTexts(), ["MainThread"], "lanes without tasks");
  await page.keyboard.press("k");
  // The panel beside the source shows the state of each task at this moment.
  const beside = page.getByLabel("Asyncio tasks", { exact: true });
  await beside.getByRole("button", { name: "Tasks" }).click();
  await until(
    page,
    () => /^visitor 37\s*running/.test(document.querySelector(".tasks li")?.innerText),
    "the one that runs is first",
  );
  await beside.getByLabel("Filter tasks").fill("visitor 211");
  await until(page, () => document.querySelectorAll(".tasks li button").length === 1, "one task");
  holds(/visitor 211\s*not started/.test(await beside.innerText()), "it has not started yet");
  await beside.getByRole("button", { name: "visitor 211" }).click();
  await until(
    page,
    () => /visitor 211\s*(running|waiting)/.test(document.querySelector(".tasks")?.innerText),
    "a moment of that task",
  );
  holds(
    (await page.getByLabel("Threads", { exact: true }).innerText()).includes("task visitor 211"),
    "the thread's task",
  );
  await page.getByRole("link", { name: "Threads", exact: true }).click();
  await page.getByText("401 tasks").waitFor();
  await page.getByLabel("Filter tasks").fill("visitor 107");
  const row = page.getByLabel("Tasks", { exact: true }).locator("tbody tr");
  await until(page, () => document.querySelectorAll("[aria-label=Tasks] tbody tr").length === 1, "one task");
  equal(await row.locator("td").nth(5).innerText(), "2", "its turns");
  await row.locator("a.position").first().click();
  await until(
    page,
    () => document.querySelector(".lane-name.on")?.innerText === "visitor 107",
    "where the task began",
  );
});

test("moving on cancels the requests of the moment before", async ({ home, newContext }) => {
  const run = shopRun(home);
  const context = await newContext();
  const page = await context.newPage();
  // The state of 1:9 is never answered.
  let reportAsked, reportLeft;
  const asked = new Promise((resolve) => (reportAsked = resolve)),
    left = new Promise((resolve) => (reportLeft = resolve));
  await page.routeWebSocket("**/socket", (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { op, at } = JSON.parse(text);
      if (op !== "state" || at !== "1:9") return server.send(text);
      reportAsked();
      socket.onClose(() => reportLeft(true));
    });
  });
  await page.goto(home.address(run.id).url);
  await page.locator("main.moment").waitFor();
  await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}/1:9`);
  await asked;
  await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}/1:8`);
  await at(page, "1:8");
  equal(await left, true, "the connection of the other is closed");
  await context.close();
});

test("a line of output links to the event that wrote it", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const page = await context.open(run.id);
  await page.getByLabel("Output", { exact: true }).getByText("refused").first().click();
  await until(
    page,
    () => ["stdout", "line", "c_call"].includes(document.querySelector(".event-kind")?.innerText),
    "the event that wrote it",
  );
  holds((await current(page)).includes('print("refused", error)'), "its line");
});

test("a running program can be followed, and following can be stopped", async ({ home, open }) => {
  const recording = home.startRecording(
    "follow.py",
    `import sys
def take(line):
    seen = line.strip()
    return seen == "end"
for line in sys.stdin:
    if take(line):
        break
`,
  );
  recording.send("first");
  const page = await open();
  await page.locator("tr", { hasText: "follow.py" }).getByRole("link").click();
  await page.getByRole("button", { name: "following live" }).waitFor();
  const before = await positionOf(page);
  recording.send("more");
  await until(page, (was) => document.querySelector("main.moment")?.dataset.position !== was, "the new end", before);
  await page.keyboard.press("f");
  await page.getByRole("button", { name: "follow", exact: true }).waitFor();
  const held = await positionOf(page);
  recording.send("end");
  await recording.ended;
  await page.locator(".run-title .state", { hasText: "ok" }).waitFor();
  equal(await positionOf(page), held, "the moment that was held");
});

test("help lists the keys, and Escape closes it", async (context) => {
  const page = await context.open(shopRun(context.home).id);
  await page.locator("main.moment").waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("Move through time").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("why explains a value back through returns, calls and copies, each with a link to its event", async (context) => {
  const { home } = context;
  const run = home.record(
    "why.py",
    "def price(cost, factor):\n    gross = cost * factor\n    return gross\n\ndef shop():\n    total = price(21, 2)\n    other = total\n    return other\n\nx = shop()\n",
  );
  const [end] = await events(home, run, 'function == "shop" and event == return');
  const page = await openAt(context, home, run, `${end.thread}:${end.seq}`);
  await page.locator(".v-row", { hasText: "other" }).hover();
  await page.getByLabel("why does other have this value").click();
  const why = page.getByLabel("Why", { exact: true });
  await why.getByText("returned by price()").waitFor();
  const chain = await why.innerText();
  holds(/copied from total[\s\S]*returned by price\(\)[\s\S]*computed here/.test(chain), `the chain: ${chain}`);
  await why.getByText("computed here").click();
  await until(
    page,
    () => document.querySelector(".row.here")?.innerText.includes("gross = cost * factor"),
    "the line that computed it",
  );
  await why.getByRole("button", { name: /^cost/ }).click();
  await why.getByText("passed by the caller").waitFor();
  await page.getByLabel("Close the explanation").click();
  equal(await why.count(), 0, "explanations after it was closed");
});

test("a time range of the timeline has its own flame graph and statistics", async (context) => {
  const run = context.home.record(
    "phases.py",
    "def first(n):\n    return n\ndef second(n):\n    return n\nfor n in range(300):\n    first(n)\nfor n in range(3000):\n    second(n)\n",
  );
  const page = await context.open(run.id);
  await page.locator("main.moment").waitFor();
  await page.locator(".lane-name").first().waitFor();
  for (let step = 0; step < 3; step++) {
    const before = await page.locator(".timeline .panel-head .quiet").innerText();
    await page.keyboard.press("+");
    await until(
      page,
      (was) =>
        document.querySelector(".timeline .panel-head .quiet").innerText.split(" · ")[0] !== was.split(" · ")[0],
      "a shorter stretch",
      before,
    );
  }
  await page.getByLabel("Timeline").getByRole("link", { name: "Statistics" }).click();
  await page.locator(".stats .fn-name").first().waitFor();
  const names = await page.locator(".stats .fn-name").allInnerTexts();
  holds(!names.some((one) => one.includes("first")), `only what ran at the end: ${names}`);
  await page.getByRole("link", { name: "Call graph" }).click();
  await page.locator(".fn-title", { hasText: "second" }).waitFor();
  equal(
    await page.locator(".fn-title", { hasText: "first" }).count(),
    0,
    "functions of the call graph that ran before",
  );
  await page.getByLabel("Show the whole run").click();
  await page.locator(".fn-title", { hasText: "first" }).waitFor();
  await page.getByRole("link", { name: "Statistics" }).click();
  await page.locator(".stats .fn-name", { hasText: "first" }).waitFor();
});

test("keys alone reach everything", async (context) => {
  const { home } = context;
  const run = shopRun(home);
  const page = await context.open();
  await page.locator("tr", { hasText: run.id }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("href") ?? "");
  for (let tab = 0; tab < 200 && !(await focused()).includes(run.id); tab++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("main.moment").waitFor();
  await press(page, "X");
  equal(await page.locator(".move-bar .event-kind").innerText(), "raise", "where X led");
  const buttons = page.locator(".right .v-moves button").first();
  for (let tab = 0; tab < 200 && !(await buttons.evaluate((one) => one === document.activeElement)); tab++) {
    await page.keyboard.press("Tab");
  }
  await press(page, "Enter");
  equal((await page.locator(".v-moves.picked").count()) <= 1, true, "the variable is chosen");
  await page.keyboard.press("3");
  await page.getByLabel("Expression").waitFor();
  await page.keyboard.press("Tab");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("1");
  await page.locator("main.moment").waitFor();
  await page.keyboard.press("g");
  await page.getByLabel("Position", { exact: true }).fill("start");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector("main.moment")?.dataset.position === "1:2", "the start");
  await page.keyboard.press("t");
  await page.getByText("no other thread runs at this moment").waitFor();
});
