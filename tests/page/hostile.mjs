// Values that try to break out of the page.
import { equal, holds, test, until } from "./harness.mjs";

const HOSTILE = `import builtins
html = "<img src=x onerror=window.broken=1><script>window.broken=1</script>"
controls = "bell\\x07 escape\\x1b[31m null\\x00 line\\nnext"
turned = "user \\u202e\\u2066 gnp.exe"
long = "x" * 10_000_000
many = list(range(10_000))
deep = []
for level in range(200):
    deep = [deep]
names = {"<b>key</b>": 1, "__proto__": 2, "constructor": 3}
lonely = "\\ud800 alone"
class Hidden:
    def __repr__(self):
        raise RuntimeError("never called")
hidden = Hidden()
password = "hunter2-hunter2"
def end(value):
    __proto__ = value
    raise ValueError(value)
try:
    end(html)
except ValueError as error:
    print(html, error)
print("done")
`;

test("values full of HTML, scripts and control characters are shown as text", async ({ home, open }) => {
  const run = home.record("<img src=x onerror=window.broken=1>.py", HOSTILE);
  const page = await open();
  await page.locator("tr", { hasText: run.id }).waitFor();
  await page.evaluate((id) => (location.hash = `#/run/${id}`), run.id);
  await page.locator(".right .v-row", { hasText: "html" }).first().waitFor();
  const closed = page.locator(".right .v-list > .v > .v-row > button.v-head[aria-expanded=false]");
  for (let left = await closed.count(); left > 0; left = await closed.count()) await closed.first().click();
  const variables = await page.locator(".right").innerText();
  holds(variables.includes("<script>window.broken=1</script>"), "the script is text");
  holds(variables.includes("\\x1b[31m") && variables.includes("\\u202e"), "hidden characters are written out");
  holds(
    !variables.includes("\u202e") && !variables.includes("hunter2"),
    "nothing turns the text around, and secrets stay hidden",
  );
  holds(/not recorded|more/.test(variables), "what was cut says so");
  for (const view of [
    "Events",
    "Search",
    "Files",
    "Threads",
    "Exceptions",
    "Statistics",
    "Call graph",
    "Flame graph",
  ]) {
    await page.getByRole("link", { name: view, exact: true }).click();
    await until(
      page,
      (name) => document.querySelector(".tabs [aria-current=page]")?.innerText === name,
      `the view ${view}`,
      view,
    );
  }
  await page.goto(
    page
      .url()
      .replace(/#.*/, `#/run/${run.id}/search?where=${encodeURIComponent("event == raise or event == stdout")}`),
  );
  await page.locator("table.events tbody tr").first().waitFor();
  holds((await page.innerText("table")).includes("<img src=x"), "the results are text");
  equal(await page.evaluate(() => window.broken), undefined, "no script of the program ran");
  equal(
    await page.evaluate(() => document.querySelectorAll("img, #app script").length),
    0,
    "elements made by values",
  );
});

test("a program whose file and folder have any names is listed, shown and searched", async ({ home, open }) => {
  const name = "a \u202e\n'\"<b>&#x26;%2F?#.py";
  const run = home.record(name, "def f(n):\n    return n\nf(3)\n");
  const page = await open();
  const row = page.locator("tr", { hasText: run.id });
  await row.waitFor();
  holds(!(await row.innerText()).includes("\u202e"), "the direction of text stays");
  await row.getByRole("link").click();
  await page.locator("main.moment").waitFor();
  await page.getByRole("link", { name: "Files" }).click();
  await page.locator(".source .row", { hasText: "def f(n):" }).waitFor();
  await page.locator(".files a.row-button").first().click();
  await page.locator(".source .row", { hasText: "def f(n):" }).waitFor();
  await page.reload();
  await page.locator(".source .row", { hasText: "def f(n):" }).waitFor();
  await page.getByRole("button", { name: /^line 2/ }).click();
  await until(
    page,
    () => document.querySelector(".row.here")?.innerText.includes("return n"),
    "the line that was asked for",
  );
  equal(await page.evaluate(() => document.querySelectorAll("main b b, img").length), 0, "elements made by names");
});
