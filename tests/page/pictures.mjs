// Takes the pictures of README.md. Run by hand in build/daemon/page, with SMILEY_BIN and SMILEY_EXAMPLE=tools/example:
// node ./tests/pictures.mjs FOLDER, then pngquant --ext .png --force 64 FOLDER/*.png
import { cpSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, FLAGS, Home, makeContext } from "./harness.mjs";

// Several orders at a time; each is a task that waits and works in turns.
const BAKERY = `import asyncio
import random

OVENS = asyncio.Semaphore(4)
rng = random.Random(7)

async def knead(order, loaves):
    for loaf in range(loaves):
        await asyncio.sleep(rng.random() / 200)
        order.append(f"loaf {loaf}")

async def bake(order):
    async with OVENS:
        for loaf in range(len(order)):
            await asyncio.sleep(rng.random() / 100)
            order[loaf] += ", baked"
            if rng.random() < 0.05:
                raise RuntimeError(f"burnt: {order[loaf]}")

async def serve(customer):
    order = []
    await knead(order, rng.randint(2, 6))
    try:
        await bake(order)
    except RuntimeError as error:
        print(f"{customer}: {error}")
    return len(order)

async def main():
    customers = []
    for number in range(1, 25):
        await asyncio.sleep(rng.random() / 100)
        customers.append(asyncio.create_task(serve(f"customer {number}"), name=f"customer {number}"))
    print(sum(await asyncio.gather(*customers)), "loaves")

asyncio.run(main())
`;

const SIZES = { laptop: { width: 1280, height: 800 }, large: { width: 1920, height: 1080 } };
const folder = process.argv[2];
const home = new Home();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
try {
  cpSync(process.env.SMILEY_EXAMPLE, home.dir, { recursive: true });
  home.must("run", "--python", process.env.SMILEY_PYTHON ?? "/usr/bin/python3", "farm_shop.py", "0.02");
  const run = JSON.parse(home.must("list", "--json", "-n", "1"));
  const page = await (await makeContext(browser)).newPage();
  const picture = async (name, size, scheme, address, ready) => {
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme: scheme });
    await page.evaluate((hash) => (location.hash = hash), address);
    await ready();
    await page.waitForFunction(() => !/Loading …|counting …/.test(document.body.innerText));
    await page.waitForLoadState("networkidle");
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  const [wrong] = home
    .must("replay", run.id, "--json", "--where", 'function == "Basket.pay" and event == return and value < 0')
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const at = `#/run/${run.id}/${wrong.thread}:${wrong.seq}`;
  await page.goto(home.address().url);
  const lanes = () => page.locator(".lane-name").nth(4).waitFor();
  await picture("moment-laptop", "laptop", "light", at, async () => {
    await lanes();
    await page.locator(".row.here").waitFor();
    await page.locator(".v-row", { hasText: "due" }).first().hover();
    await page.getByLabel("why does due have this value").click();
    await page.locator(".why li").first().waitFor();
  });
  await picture("moment-large", "large", "dark", at, lanes);
  await picture("flame-laptop", "laptop", "light", `#/run/${run.id}/flame?by=calls`, () =>
    page.locator(".flame-cell").first().waitFor(),
  );
  await picture(
    "events-large",
    "large",
    "light",
    `#/run/${run.id}/events?thread=${wrong.thread}&page=${Math.ceil(wrong.seq / 100)}`,
    () => page.locator(".events tbody tr").nth(10).waitFor(),
  );
  const bakery = home.record("bakery.py", BAKERY);
  const [burnt] = home
    .must("replay", bakery.id, "--json", "--where", "event == handled")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  await picture("tasks-large", "large", "light", `#/run/${bakery.id}/${burnt.thread}:${burnt.seq}`, async () => {
    await page.getByRole("button", { name: "Tasks" }).click();
    await page.locator(".tasks li button").nth(20).waitFor();
    await page.locator(".lane-name.of-task").nth(8).waitFor();
    await page.keyboard.press("+");
    await page.locator(".lane-name.on").waitFor();
  });
} finally {
  await browser.close();
  home.end();
}
