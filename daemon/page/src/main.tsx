// Wiring: takes the code out of the address, finds the backend, and shows the page that the address names.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { Daemon, linkState, takeCode } from "./api";
import { helpOpen, setBackend } from "./app_state";
import { isTyping } from "./keys";
import { route } from "./route";
import { RunPage } from "./run_page";
import { RunsPage } from "./runs";
import { Denied, HelpBox, LinkBanner, Notices, QuestionBox } from "./shell";
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
    </>
  );
}

function Page() {
  return route.value.page === "run" ? <RunPage key={route.value.run} /> : <RunsPage />;
}

async function main() {
  let reason: string | null = null;
  try {
    reason = await takeCode();
  } catch {
    reason = "the daemon is away";
  }
  const daemon = new Daemon();
  setBackend(daemon);
  daemon.start();
  const root = document.getElementById("app")!;
  root.textContent = "";
  render(<App reason={reason} />, root);
}
main();
