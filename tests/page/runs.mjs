// The list of runs, and access to the page.
import { readFileSync, statSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { equal, holds, Home, test, until } from "./harness.mjs";

const SHORT = "def double(n):\n    return n * 2\n\nprint(double(21))\n";
const WAITS =
  "import sys\ndef wait():\n    for line in sys.stdin:\n        if line.strip() == 'end':\n            return\nwait()\n";

test("a home without runs shows how to record one", async ({ newContext }) => {
  const empty = new Home();
  const context = await newContext();
  try {
    const page = await context.newPage();
    await page.goto(empty.address().url);
    await page.getByText("No recordings yet").waitFor();
    holds((await page.innerText("main")).includes("smiley-run app.py"), "the command is shown");
  } finally {
    await context.close();
    empty.end();
  }
});

test("an address works once, and the page that it opened keeps working", async ({ home, newContext }) => {
  const context = await newContext();
  const { url, file } = home.address();
  equal(statSync(file).mode & 0o777, 0o600, "mode of the file");
  holds(readFileSync(file, "utf8").includes(url), "the file leads to the address");
  const page = await context.newPage();
  await page.goto(url);
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  holds(!page.url().includes("code"), "the code is taken out of the address");
  holds(!existsSync(file), "the file is removed when its code is used");
  await page.reload();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  await context.close();
});

test("a used address opens nothing in another browser", async ({ home, open, newContext }) => {
  const page = await open();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  const { url } = home.address();
  equal(
    (
      await fetch(new URL("/token", url), {
        method: "POST",
        body: /code=([0-9a-f]+)/.exec(url)[1],
        headers: { Origin: new URL(url).origin },
      })
    ).status,
    200,
    "the first time",
  );
  const other = await newContext();
  const second = await other.newPage();
  await second.goto(url);
  await second.getByText("This address has expired").waitFor();
  await other.close();
});

test("runs appear, grow and end without a reload", async ({ home, open }) => {
  const page = await open();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  const recording = home.startRecording("waits.py", WAITS);
  const row = page.locator("tr", { hasText: "waits.py" });
  await row.getByText("running").waitFor();
  const before = await row.locator("td").nth(5).innerText();
  for (let i = 0; i < 50; i++) recording.send("more");
  await until(
    page,
    (was) => {
      const found = [...document.querySelectorAll("tr")].find((one) => one.textContent.includes("waits.py"));
      return found && found.cells[5].textContent !== was;
    },
    "more events",
    before,
  );
  holds(await row.getByRole("button", { name: /Delete/ }).isDisabled(), "a running run cannot be deleted");
  recording.send("end");
  equal(await recording.ended, 0, "exit code");
  await row.getByText("ok").waitFor();
});

test("the list is filtered by text and by failure", async ({ home, open }) => {
  home.record("good.py", SHORT);
  home.record("bad.py", "raise KeyError('none')\n");
  const page = await open();
  await page.locator("tr", { hasText: "good.py" }).waitFor();
  await page.getByRole("button", { name: "failed" }).click();
  await page.locator("tr", { hasText: "good.py" }).waitFor({ state: "detached" });
  await page.locator("tr", { hasText: "KeyError" }).waitFor();
  await page.getByRole("button", { name: "all", exact: true }).click();
  await page.getByRole("searchbox").fill("GOOD");
  await page.locator("tr", { hasText: "bad.py" }).waitFor({ state: "detached" });
  await page.locator("tr", { hasText: "good.py" }).waitFor();
});

test("a run is exported, deleted after confirmation, and imported again", async ({ home, open }) => {
  const run = home.record("travels.py", SHORT);
  const page = await open();
  const row = page.locator("tr", { hasText: run.id });
  const waiting = page.waitForEvent("download");
  await row.getByRole("button", { name: `Export run ${run.id}` }).click();
  const download = await waiting;
  equal(download.suggestedFilename(), `${run.id}.smiley`, "name of the file");
  const exported = readFileSync(await download.path());
  writeFileSync(join(home.dir, "by-hand"), "");
  await row.getByRole("button", { name: `Pin run ${run.id}` }).click();
  await row.locator("button[aria-pressed=true]").waitFor();
  holds(
    await row.getByRole("button", { name: `Delete run ${run.id}` }).isDisabled(),
    "a pinned run cannot be deleted",
  );
  equal(JSON.parse(home.must("show", run.id, "--json").split("\n")[0]).pinned, true, "the daemon knows the pin");
  await row.getByRole("button", { name: `Pin run ${run.id}` }).click();
  await row.locator("button[aria-pressed=false]").waitFor();
  await row.getByRole("button", { name: `Delete run ${run.id}` }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  holds(home.smiley("show", run.id).code === 0, "a run that was kept is there");
  await row.getByRole("button", { name: `Delete run ${run.id}` }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await row.waitFor({ state: "detached" });
  holds(home.smiley("show", run.id).code !== 0, "a deleted run is gone");
  const transfer = await page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "run.smiley"));
    return data;
  }, exported.toString("base64"));
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await page.getByText("Drop an exported run").waitFor();
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await row.waitFor();
  const again = JSON.parse(home.must("show", run.id, "--json").split("\n")[0]);
  equal(again.events, run.events, "events after the way there and back");
});

test("a damaged file is rejected with the reason, and nothing is imported", async ({ home, open }) => {
  const page = await open();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  const before = home.must("list", "--json").split("\n").length;
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "x.smiley", mimeType: "", buffer: Buffer.from("no export at all\n") });
  await page.locator(".notice.bad").waitFor();
  equal(home.must("list", "--json").split("\n").length, before, "number of runs");
});

test("a page of another origin reads nothing and changes nothing", async ({ home }) => {
  const { url } = home.address();
  const origin = new URL(url).origin;
  const code = /code=([0-9a-f]+)/.exec(url)[1];
  const token = async (headers) => (await fetch(`${origin}/token`, { method: "POST", body: code, headers })).status;
  equal(await token({ Origin: "http://example.com" }), 403, "another origin");
  equal(await token({}), 403, "no origin");
  equal((await fetch(`${origin}/token?${code}`)).status, 405, "by GET");
  equal((await fetch(`${origin}/session`)).status, 401, "no token");
  const policy = (await fetch(`${origin}/`)).headers.get("content-security-policy");
  holds(policy.startsWith("default-src 'self'"), `policy: ${policy}`);
});

test("the page reconnects after a restart of the daemon", async ({ home, open }) => {
  const page = await open();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  home.must("daemon", "stop");
  await page.getByText("Lost connection to the smiley daemon").waitFor();
  home.must("daemon", "start");
  await page.getByText("Lost connection to the smiley daemon").waitFor({ state: "detached" });
  const run = home.record("afterwards.py", SHORT);
  await page.locator("tr", { hasText: run.id }).waitFor();
});
