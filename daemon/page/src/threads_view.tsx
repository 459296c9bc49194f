// The threads and tasks of a run.
import { count, duration, shown, since } from "./format";
import { runAddress } from "./route";
import { grown, type RunData } from "./run_data";
import type { Thread } from "./types";
import { useList } from "./use_list";
import { Position, Trouble } from "./view_parts";

export function ThreadsView({ data }: { data: RunData }) {
  const id = data.run.id;
  const { items, error } = useList<Thread>(`${id}/threads`, "threads", { run: id, lines: true }, grown(data.run));
  const lines = new Map(items.map((one) => [one.thread, one.lines]));
  return (
    <main class="view">
      <div class="view-bar"><h2>Threads</h2></div>
      <Trouble error={error} />
      <div class="table-box" tabIndex={0} role="region" aria-label="Threads">
        <table class="table">
          <thead><tr><th scope="col">Thread</th><th scope="col">Process</th><th scope="col" class="num">Began</th><th scope="col" class="num">Lasted</th><th scope="col" class="num">Events</th>
            <th scope="col" class="num">Lines</th><th scope="col" class="num">Lost</th><th scope="col">First</th><th scope="col">Last</th><th scope="col">Events</th></tr></thead>
          <tbody>{data.threads.map((thread) => (
            <tr key={thread.thread}>
              <td><span class={`lane-dot lane-${thread.thread % 6}`} aria-hidden="true" /> <b><bdi>{shown(thread.name)}</bdi></b> {!thread.ended && data.run.state === "running" && <span class="state s-running">runs</span>}</td>
              <td>{thread.process}</td>
              <td class="num">{duration(since(data.run.start_ns, thread.first_ns))}</td>
              <td class="num">{duration(since(thread.first_ns, thread.last_ns))}</td>
              <td class="num">{count(thread.events)}</td>
              <td class="num">{lines.has(thread.thread) ? count(lines.get(thread.thread) ?? 0) : "…"}</td>
              <td class="num">{thread.lost ? <span class="lost">{count(thread.lost)}</span> : "–"}</td>
              <td><Position run={id} at={`${thread.thread}:1`} /></td>
              <td><Position run={id} at={`${thread.thread}:${Math.max(1, thread.events + thread.lost)}`} /></td>
              <td><a href={runAddress(id, "events", "", { thread: String(thread.thread) })}>table</a></td>
            </tr>
          ))}</tbody>
        </table>
      </div>
      {data.tasks.length > 0 && <>
        <div class="view-bar"><h2>Tasks</h2></div>
        <div class="table-box" tabIndex={0} role="region" aria-label="Tasks"><table class="table">
          <thead><tr><th scope="col">Task</th><th scope="col">Process</th><th scope="col">Events</th></tr></thead>
          <tbody>{data.tasks.slice(0, 2000).map((task) => <tr key={`${task.process}/${task.task}`}><td><b><bdi>{shown(task.name)}</bdi></b></td><td>{task.process}</td>
            <td><a href={runAddress(id, "search", "", { where: `task == ${JSON.stringify(shown(task.name))}` })}>find</a></td></tr>)}</tbody></table></div>
      </>}
    </main>
  );
}
