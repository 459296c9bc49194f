// The views of a run.
import { equal, holds, test, until } from "./harness.mjs";

const SHOP = `def pay(amount, basket=[]):
    basket.append(amount)
    if amount < 0:
        raise ValueError("negative")
    return sum(basket)

total = 0
for price in (3, 4, -1):
    try:
        total = pay(price)
    except ValueError as error:
        print("refused", error)
print(total)
`;

test("the events of a run are a table, page by page, with neighbouring lines folded", async ({ home, open }) => {
  const run = home.record("shop.py", SHOP);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Events" }).click();
  await page.locator("td .e-raise").first().waitFor();
  const folded = await page.locator("table.events tbody tr").count();
  await page.getByLabel("fold lines").click();
  await until(page, (was) => document.querySelectorAll("table.events tbody tr").length > was, "unfolded rows", folded);
  equal(await page.locator("table.events tbody tr").count(), run.events, "a row for each event");
  await page.getByLabel("Page size").selectOption("25");
  await until(page, () => document.querySelectorAll("table.events tbody tr").length === 25, "a page of 25");
  const first = await page.locator("table.events tbody tr td").first().innerText();
  await page.getByRole("button", { name: "Later" }).click();
  await until(page, (was) => (document.querySelector("table.events tbody td")?.innerText ?? was) !== was, "the second page", first);
  equal(await page.locator("table.events tbody tr td").first().innerText(), "1:26", "its first event");
  await page.goBack();
  await until(page, (was) => document.querySelector("table.events tbody td")?.innerText === was, "the first page again", first);
});

test("a search shows what fits, and says what is wrong with an expression", async ({ home, open }) => {
  const run = home.record("shop.py", SHOP);
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

test("the threads of a run are listed with what they did", async ({ home, open }) => {
  const run = home.record("threads.py", `import threading
def work(n):
    return n * 2
for n in range(3):
    thread = threading.Thread(target=work, args=(n,), name="worker %d" % n)
    thread.start()
    thread.join()
`);
  const page = await open(run.id);
  await page.getByRole("link", { name: "Threads" }).click();
  await page.getByText("worker 2").waitFor();
  equal(await page.locator("tbody tr").count(), 4, "threads");
});
