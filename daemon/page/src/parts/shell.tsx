// The frame of every page: head, notices, question box, state of the connection, help.
import { useEffect, useRef } from "preact/hooks";
import { linkState } from "../data/api";
import { getBackend, helpOpen, notices, question } from "../data/app_state";
import { KEYS } from "./keys";
import { route, makeRunAddress, VIEWS } from "../data/route";

const VIEW_NAMES: Record<string, string> = {
  moment: "Moment",
  events: "Events",
  search: "Search",
  files: "Files",
  threads: "Threads",
  exceptions: "Exceptions",
  statistics: "Statistics",
  calls: "Call graph",
  flame: "Flame graph",
};

// These views show the same calls: thread and time range stay when one follows another.
const COUNTED = ["statistics", "calls", "flame"];
function keptBetween(from: string | undefined, to: string): Record<string, string> {
  if (!from || from === to || !COUNTED.includes(from) || !COUNTED.includes(to)) return {};
  return Object.fromEntries(
    ["thread", "from", "to"].flatMap((key) =>
      route.value.query.has(key) ? [[key, route.value.query.get(key)!]] : [],
    ),
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="15" fill="#ffc83d" />
      <circle cx="11" cy="12.5" r="2.2" fill="#3a2a00" />
      <path d="M18.6 10.2 24 12.7l-5.4 2.5z" fill="#3a2a00" />
      <path d="M8.5 18.5a8 8 0 0 0 15 0" fill="none" stroke="#3a2a00" stroke-width="2.4" stroke-linecap="round" />
    </svg>
  );
}

export function Head({ children, run, view }: { children?: preact.ComponentChildren; run?: string; view?: string }) {
  return (
    <header class="head">
      <a
        class="brand"
        href={getBackend().kind === "report" && run ? makeRunAddress(run) : "#/"}
        aria-label="smiley: start page"
      >
        <Logo />
        <span>smiley</span>
      </a>
      {children}
      {run && (
        <nav class="tabs" aria-label="Views of this run">
          {VIEWS.map((name) => (
            <a
              key={name}
              href={makeRunAddress(run, name, "", keptBetween(view, name))}
              aria-current={name === view ? "page" : undefined}
            >
              {VIEW_NAMES[name]}
            </a>
          ))}
        </nav>
      )}
      <button class="help-button" aria-label="Help and keys" onClick={() => (helpOpen.value = true)}>
        ?
      </button>
    </header>
  );
}

export function LinkBanner() {
  const state = linkState.value;
  if (getBackend()?.kind !== "daemon" || state === "open" || state === "connecting") return null;
  return state === "lost" ? (
    <div class="banner" role="status">
      Lost connection to the smiley daemon; reconnecting…
    </div>
  ) : null;
}

export function Denied({ reason }: { reason: string | null }) {
  return (
    <main class="denied">
      <Logo />
      <h1>{reason ? "This address has expired" : "Open this page from your terminal"}</h1>
      <p>{reason ?? "Only the owner may see the recorded programs, and this browser has not been let in."}</p>
      <p>Run this in a terminal; it opens the page:</p>
      <pre class="terminal">
        <b>$</b> smiley-web
      </pre>
    </main>
  );
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((one) => (
        <div key={one.id} class={one.bad ? "notice bad" : "notice"}>
          <bdi>{one.text}</bdi>
        </div>
      ))}
    </div>
  );
}

export function Dialog({
  children,
  label,
  onClose,
}: {
  children: preact.ComponentChildren;
  label: string;
  onClose: () => void;
}) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  return (
    <dialog
      ref={box}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}

export function QuestionBox() {
  const asked = question.value;
  if (!asked) return null;
  const answer = (yes: boolean) => {
    question.value = null;
    asked.resolve(yes);
  };
  return (
    <Dialog label={asked.title} onClose={() => answer(false)}>
      <h2>{asked.title}</h2>
      <p>
        <bdi>{asked.text}</bdi>
      </p>
      <div class="dialog-buttons">
        <button autofocus onClick={() => answer(false)}>
          Cancel
        </button>
        <button class="danger" onClick={() => answer(true)}>
          {asked.yes}
        </button>
      </div>
    </Dialog>
  );
}

export function HelpBox() {
  if (!helpOpen.value) return null;
  const close = () => (helpOpen.value = false);
  return (
    <Dialog label="Help" onClose={close}>
      <div class="help">
        <div class="help-head">
          <h2>Move through a run</h2>
          <button autofocus onClick={close}>
            Close
          </button>
        </div>
        <p>
          A run records everything a program did: every call, line, return and exception, and the values of each
          variable. The page shows one moment of the run; keys move to other moments, forwards and backwards.
        </p>
        {KEYS.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.keys.map((key) => (
                <div key={key.keys}>
                  <dt>
                    {key.keys.split(" ").map((k) => (
                      <kbd key={k}>{k}</kbd>
                    ))}
                  </dt>
                  <dd>{key.what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <h3>Search</h3>
        <p>
          Expressions are written as in Python: <code>function == "pay" and amount &lt; 0</code>,{" "}
          <code>event == raise and exception ~ "KeyError"</code>, <code>cart["a"].price changed</code>. <code>~</code>{" "}
          is true when the text on the left contains the text on the right. Names: event function file line thread
          process task depth value exception, and variables.
        </p>
      </div>
    </Dialog>
  );
}
