// Starts the page: takes the code out of the address, chooses the backend, renders the page that the address names.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { Daemon, linkState, takeCode } from "./data/api";
import { helpOpen, setBackend } from "./data/app_state";
import { ComparePage } from "./views/compare";
import { GoBox } from "./parts/go_box";
import { isTyping } from "./parts/keys";
import { collect, Report } from "./data/report";
import { go, route } from "./data/route";
import { RunPage } from "./run_page";
import { RunsPage } from "./views/runs";
import { Denied, HelpBox, LinkBanner, Notices, QuestionBox } from "./parts/shell";
import "./style/index.css";

function App({ reason }: { reason: string | null }) {
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === "?" && !isTyping(event)) helpOpen.value = true;
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  if (linkState.value === "denied") return <Denied reason={reason} />;
  return (
    <>
      <LinkBanner />
      <Page />
      <Notices />
      <QuestionBox />
      <HelpBox />
      <GoBox />
    </>
  );
}

function Page() {
  const at = route.value;
  if (at.page === "run") return <RunPage key={at.run} />;
  if (at.page === "compare") return <ComparePage />;
  return <RunsPage />;
}

async function start(): Promise<string | null> {
  const data = collect((window as { smileyParts?: string[] }).smileyParts ?? []);
  if (data) {
    setBackend(new Report(data));
    linkState.value = "open";
    if (route.value.page !== "run") go(`#/run/${data.run.id}`, true);
    return null;
  }
  let reason: string | null = null;
  try {
    reason = await takeCode();
  } catch {
    reason = "no connection to the smiley daemon";
  }
  const daemon = new Daemon();
  setBackend(daemon);
  daemon.start();
  return reason;
}

start().then((reason) => {
  const root = document.getElementById("app")!;
  root.textContent = "";
  render(<App reason={reason} />, root);
});
