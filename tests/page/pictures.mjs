// Takes the pictures of README.md, by hand: node tests/pictures.mjs FOLDER, then `pngquant --ext .png --force 64 FOLDER/*.png`
// (in build/daemon/page, with SMILEY_BIN and SMILEY_EXAMPLE=tools/example).
import { cpSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, FLAGS, Home } from "./harness.mjs";

const SIZES = { laptop: { width: 1280, height: 800 }, large: { width: 1920, height: 1080 } };
const folder = process.argv[2];
const home = new Home();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
try {
  cpSync(process.env.SMILEY_EXAMPLE, home.dir, { recursive: true });
  home.must("run", "--python", process.env.SMILEY_PYTHON ?? "/usr/bin/python3", "farm_shop.py", "0.02");
  const run = JSON.parse(home.must("list", "--json", "-n", "1"));
  const page = await (await browser.newContext()).newPage();
  const picture = async (name, size, scheme, address, ready) => {
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme: scheme });
    await page.evaluate((hash) => (location.hash = hash), address);
    await ready();
    await page.waitForFunction(() => !/Loading …|counting …/.test(document.body.innerText));
    await page.waitForLoadState("networkidle");
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  const [wrong] = home.must("replay", run.id, "--json", "--where", 'function == "Basket.pay" and event == return and value < 0')
    .trim().split("\n").map((line) => JSON.parse(line));
  const at = `#/run/${run.id}/${wrong.thread}:${wrong.seq}`;
  await page.goto(home.address().url);
  const lanes = () => page.locator(".lane-name").nth(4).waitFor();
  await picture("moment-laptop", "laptop", "light", at, async () => {
    await lanes();
    await page.locator(".row.here").waitFor();
    await page.locator(".v-row", { hasText: "due" }).first().hover();
    await page.getByLabel("why has due this value").click();
    await page.locator(".why li").first().waitFor();
  });
  await picture("moment-large", "large", "dark", at, lanes);
  await picture("flame-laptop", "laptop", "light", `#/run/${run.id}/flame?by=calls`, () => page.locator(".flame-cell").first().waitFor());
  await picture("events-large", "large", "light", `#/run/${run.id}/events?thread=${wrong.thread}&page=${Math.ceil(wrong.seq / 100)}`,
    () => page.locator(".events tbody tr").nth(10).waitFor());
} finally {
  await browser.close();
  home.end();
}
