// Static reports: runs as files that open from disk, without daemon and network.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { equal, holds, shop, test, until } from "./harness.mjs";

const SHOP = shop("negative </script><script>window.broken=1</script>");

// Opens a page from disk; `asked` collects its network requests and errors.
async function fromDisk(newContext, path) {
  const context = await newContext();
  const asked = [];
  const page = await context.newPage();
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) asked.push(request.url());
  });
  page.on("pageerror", (error) => asked.push(String(error)));
  await page.goto(`file://${path}`);
  return { context, page, asked };
}
const position = (page) => page.locator("main.moment").getAttribute("data-position");

test("a report opens from disk with all views, and moves like the page", async ({ home, newContext }) => {
  const run = home.recorded("shop.py", SHOP);
  const folder = join(home.dir, "report");
  home.must("report", run.id, "-o", folder, "--title", "What <went> wrong");
  equal(statSync(join(folder, "index.html")).mode & 0o777, 0o600, "mode of the report");
  home.must("daemon", "stop");
  const { context, page, asked } = await fromDisk(newContext, join(folder, "index.html"));
  await page.locator("main.moment").waitFor();
  equal(await page.locator(".run-title h1").innerText(), "What <went> wrong", "the title");
  const end = await position(page);
  await page.keyboard.press("X");
  await until(
    page,
    (was) => document.querySelector("main.moment").dataset.position !== was,
    "a move to an exception",
    end,
  );
  equal(await page.locator(".move-bar .event-kind").innerText(), "raise", "where it led");
  holds((await page.locator(".right").innerText()).includes("negative </script>"), "the message");
  await page.keyboard.press("ArrowUp");
  await until(page, () => document.querySelector(".move-bar .event-kind")?.innerText === "line", "the event before");
  for (const [view, text] of [
    ["Events", "basket.append(amount)"],
    ["Files", "shop.py"],
    ["Threads", "MainThread"],
    ["Exceptions", "caught"],
    ["Statistics", "pay"],
    ["Call graph", "pay"],
    ["Flame graph", "<module>"],
  ]) {
    await page.getByRole("link", { name: view, exact: true }).click();
    await until(
      page,
      (wanted) => document.querySelector("main")?.innerText.includes(wanted),
      `${text} in ${view}`,
      text,
    );
  }
  equal(await page.evaluate(() => window.broken), undefined, "no script of the program ran");
  equal(asked, [], "requests that left the disk, and errors");
  await context.close();
});

test("a run is exported as one page", async ({ home, newContext }) => {
  const run = home.recorded("shop.py", SHOP);
  const path = join(home.dir, "run.html");
  writeFileSync(path, home.must("export", run.id, "--format", "html"));
  const { context, page, asked } = await fromDisk(newContext, path);
  await page.locator("main.moment").waitFor();
  await page.getByRole("link", { name: "Search" }).click();
  await page.getByLabel("Expression").fill("negative");
  await page.keyboard.press("Enter");
  await page.locator("table.events .e-raise").first().waitFor();
  equal(asked, [], "requests that left the disk, and errors");
  await context.close();
});

test("a run that is too large for a report is refused; --around takes a part of it", async ({ home, newContext }) => {
  const run = home.record(
    "loop.py",
    "def step(n):\n    return n + 1\nn = 0\nwhile n < 300:\n    n = step(n)\nprint(n)\n",
  );
  const folder = join(home.dir, "part");
  const refused = home.smiley("report", run.id, "-o", folder, "--events", "100");
  holds(
    refused.code !== 0 && /--around THREAD:EVENT.*--where EXPR.*--thread N/.test(refused.err),
    `refused: ${refused.err}`,
  );
  holds(!existsSync(folder), "nothing is left of a report that was refused");
  home.must("report", run.id, "-o", folder, "--events", "100", "--around", "1:600");
  const { context, page, asked } = await fromDisk(newContext, join(folder, "index.html"));
  await page.locator("main.moment").waitFor();
  await page.getByText("part:").waitFor();
  await page.evaluate((id) => (location.hash = `#/run/${id}/1:600`), run.id);
  await until(page, () => document.querySelector("main.moment")?.dataset.position === "1:600", "the position");
  const wanted = JSON.parse(home.must("show", run.id, "--at", "1:600", "--json").split("\n")[0]);
  const value = wanted.frames.at(-1).variables.n;
  const stack = page.locator(".stack .row-button");
  await stack.last().click();
  await until(
    page,
    (n) => new RegExp(`n\\s*${n}`).test(document.querySelector(".right .v-list")?.innerText ?? ""),
    `n = ${value}`,
    value,
  );
  // The numbers cover the part only, and the page says so.
  await page.getByRole("link", { name: "Statistics" }).click();
  await page.getByText(/The numbers here cover all threads from .* after start/).waitFor();
  const calls = Number(
    await page.locator(".stats tbody tr", { hasText: "step" }).locator("td.num").first().innerText(),
  );
  holds(calls > 10 && calls < 60, `calls of step in the part: ${calls}`);
  await page.getByRole("link", { name: "Exceptions" }).click();
  await page.getByText("The numbers here cover the whole run.").waitFor();
  equal(asked, [], "requests that left the disk, and errors");
  await context.close();
  home.must("report", run.id, "-o", folder);
  holds(readFileSync(join(folder, "index.html"), "utf8").includes("part-1.js"), "a report replaces an older one");
  writeFileSync(join(home.dir, "mine"), "");
  holds(home.smiley("report", run.id, "-o", home.dir).code !== 0, "a folder with other things is left alone");
});

const PARTS = `import asyncio, threading

class Till:
    def __init__(self):
        self.total = 0

    def pay(self, amount):
        self.total += amount
        return self.total

async def customer(till, n):
    before = "customer %d" % n
    await asyncio.sleep(0)
    till.pay(n)
    return before

async def main(till):
    await asyncio.gather(*(customer(till, n) for n in range(20)))

def work():
    till = Till()
    for n in range(5):
        till.pay(-n)

till = Till()
asyncio.run(main(till))
thread = threading.Thread(target=work, name="other")
thread.start()
thread.join()
`;

// The function and variables of each frame that the page shows at a position, innermost first.
const shownAt = async (page, run, position) => {
  await page.evaluate((hash) => (location.hash = hash), `#/run/${run.id}/${position}`);
  await until(page, (at) => document.querySelector("main.moment")?.dataset.position === at, position, position);
  const frames = [];
  const rows = page.locator(".stack .row-button");
  for (let at = 0; at < (await rows.count()); at++) {
    await rows.nth(at).click();
    const names = await page
      .locator(".right .v-list[aria-label=Variables] > .v > .v-row > .v-head")
      .evaluateAll((heads) => heads.map((head) => [...head.querySelectorAll("bdi")].map((one) => one.innerText)));
    frames.push([await rows.nth(at).locator(".fn").innerText(), names]);
  }
  return frames;
};

test("a report of matching events, or of one thread, shows them as the whole run does", async ({
  home,
  newContext,
  open,
}) => {
  const run = home.record("parts.py", PARTS);
  const where = 'function == "Till.pay" and event == return or function == "customer" and event == resume';
  const folder = join(home.dir, "fits");
  home.must("report", run.id, "-o", folder, "--where", where);
  const fits = home
    .must("replay", run.id, "--json", "--where", where)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  equal(fits.length, 45, "events that fit");
  const whole = await open(run.id);
  await whole.locator("main.moment").waitFor();
  const { context, page, asked } = await fromDisk(newContext, join(folder, "index.html"));
  await page.getByText(`part: where ${where}`).waitFor();
  for (const event of [fits[0], fits[30], fits.at(-1)]) {
    const position = `${event.thread}:${event.seq}`;
    equal(await shownAt(page, run, position), await shownAt(whole, run, position), `what is shown at ${position}`);
  }
  await page.getByRole("link", { name: "Events" }).click();
  await until(
    page,
    (many) => document.querySelectorAll("table.events tbody tr").length === many,
    "all events that fit",
    fits.length,
  );
  await page.getByLabel("Page size").selectOption("25");
  await page.getByRole("button", { name: "Later" }).click();
  await until(
    page,
    (many) => document.querySelectorAll("table.events tbody tr").length === many,
    "the second page",
    fits.length - 25,
  );
  await page.getByRole("link", { name: "Call graph" }).click();
  await page.getByText("The numbers here cover the whole run.").waitFor();
  equal(asked, [], "requests that left the disk, and errors");
  await context.close();

  const other = JSON.parse(
    home
      .must("threads", run.id, "--json")
      .trim()
      .split("\n")
      .find((line) => line.includes('"other"')),
  );
  const path = join(home.dir, "other.html");
  home.must("export", run.id, "--format", "html", "--thread", String(other.thread), "-o", path);
  const second = await fromDisk(newContext, path);
  await second.page.getByText(`part: thread ${other.thread}, other`).waitFor();
  await second.page.getByRole("link", { name: "Threads", exact: true }).click();
  equal(await second.page.locator("main tbody").first().locator("tr").count(), 1, "threads in it");
  await second.page.getByRole("link", { name: "Statistics" }).click();
  const pay = second.page.locator("tbody tr", { hasText: "Till.pay" });
  await pay.waitFor();
  equal(await pay.locator("td.num").first().innerText(), "5", "calls of pay in that thread");
  equal(second.asked, [], "requests that left the disk, and errors");
  await second.context.close();

  for (const [words, message] of [
    [["--where", "amount <"], /amount </],
    [["--where", "amount == 99"], /no event of run .* matches 'amount == 99'/],
    [["--thread", "77"], /no thread 77/],
    [
      ["--where", "event == line", "--events", "20"],
      /events of run .* match 'event == line'.*a report holds at most 20/,
    ],
    [["--thread", "1", "--around", `${other.thread}:3`], /another thread/],
  ]) {
    const refused = home.smiley("report", run.id, "-o", join(home.dir, "none"), ...words);
    holds(refused.code !== 0 && message.test(refused.err), `${words}: ${refused.err}`);
  }
  holds(!existsSync(join(home.dir, "none")), "nothing is left of a report that was refused");
  holds(
    home.smiley("export", run.id, "--format", "jsonl", "--thread", "1").code === 2,
    "other formats have no parts",
  );
});
