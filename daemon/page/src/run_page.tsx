// The page of one run: its head with the way it ended, and the view that the address names.
import { useState } from "preact/hooks";
import { getBackend } from "./data/app_state";
import {
  formatCommand,
  formatCount,
  formatDuration,
  formatExit,
  hasFailed,
  decodeLine,
  measureNs,
} from "./data/format";
import { CallGraphView } from "./views/call_graph";
import { EventsView } from "./views/events";
import { ExceptionsView } from "./views/exceptions";
import { FilesView } from "./views/files";
import { FlameView } from "./views/flame";
import { MomentView, useViewKeys } from "./moment/moment";
import { loadAhead } from "./data/moment_state";
import { Report } from "./data/report";
import { route } from "./data/route";
import { useRun, type RunData } from "./data/run_data";
import { SearchView } from "./views/search";
import { Head } from "./parts/shell";
import { StatisticsView } from "./views/statistics";
import { ThreadsView } from "./views/threads_view";

export function RunPage() {
  const { run: id, view, rest } = route.value;
  useState(() => view === "moment" && rest !== "" && loadAhead(id, rest));
  const { data, error } = useRun(id);
  useViewKeys(data?.run.id ?? id);
  if (!data) {
    return (
      <div class="page">
        <Head />
        <main class="message">
          {error ? (
            <>
              <h1>No such run</h1>
              <p>
                <bdi>{error}</bdi>
              </p>
              <p>
                <a href="#/">All runs</a>
              </p>
            </>
          ) : (
            <p class="quiet">Loading …</p>
          )}
        </main>
      </div>
    );
  }
  return (
    <div class="page">
      <Head run={data.run.id} view={view}>
        <RunTitle data={data} />
      </Head>
      <View data={data} view={view} />
    </div>
  );
}

function RunTitle({ data }: { data: RunData }) {
  const run = data.run;
  const running = run.state === "running";
  const from = getBackend();
  const report = from instanceof Report ? from.data : null;
  return (
    <div class="run-title">
      <h1 title={formatCommand(run)}>
        <bdi>{report?.title || formatCommand(run)}</bdi>
      </h1>
      {report?.part && (
        <span class="lost" title="This report contains a part of the run">
          part: <bdi>{report.part}</bdi>
        </span>
      )}
      <span class={`state ${running ? "s-running" : hasFailed(run) ? "s-failed" : "s-ok"}`} title={formatExit(run)}>
        {formatExit(run).replace(/(?:\w+\.)+/, "")}
      </span>
      <span class="quiet nowrap">
        {formatCount(run.events)} events
        {run.end_ns ? ` · ${formatDuration(measureNs(run.start_ns, run.end_ns))}` : ""}
      </span>
      {run.lost > 0 && <span class="lost nowrap">{formatCount(run.lost)} lost</span>}
      {run.notes.length > 0 && (
        <span class="lost nowrap" title={run.notes.map((note) => decodeLine(note)).join("\n")}>
          ⚠ {run.notes.length}
        </span>
      )}
    </div>
  );
}

function View({ data, view }: { data: RunData; view: string }) {
  switch (view) {
    case "moment":
      return <MomentView data={data} />;
    case "events":
      return <EventsView data={data} />;
    case "search":
      return <SearchView data={data} />;
    case "files":
      return <FilesView data={data} />;
    case "threads":
      return <ThreadsView data={data} />;
    case "exceptions":
      return <ExceptionsView data={data} />;
    case "statistics":
      return <StatisticsView data={data} />;
    case "calls":
      return <CallGraphView data={data} />;
    case "flame":
      return <FlameView data={data} />;
  }
  return (
    <main class="message">
      <h1>No view is called '{view}'</h1>
    </main>
  );
}
