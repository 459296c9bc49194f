// The exceptions of a run, grouped by type, place and outcome.
import { formatCount, decodeText, formatPlural, decodeLine } from "../data/format";
import { route } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import type { Text } from "../data/types";
import { useList } from "../data/use_list";
import { PartNote, SourceLink, PositionLink, ThreadChoice, Trouble } from "../parts/view_parts";

interface Spot {
  file: Text | null;
  line: number;
  function: Text;
  source: number | null;
}
interface Group {
  exception: Text;
  message: Text;
  raised: Spot | null;
  from_outside: boolean;
  outcome: string;
  ended: Spot | null;
  count: number;
  first: string;
  last: string;
}

// Maps the outcomes of PROTOCOL.md to the page's words.
const OUTCOMES: Record<string, string> = {
  caught: "caught",
  absorbed: "swallowed outside recorded code",
  uncaught: "not caught",
  unfinished: "not seen to be caught",
};

export function ExceptionsView({ data }: { data: RunData }) {
  const id = data.run.id;
  const thread = Number(route.value.query.get("thread")) || undefined;
  const { items, end, error } = useList<Group>(
    `${id}/${thread}`,
    "exceptions",
    { run: id, thread },
    measureGrowth(data.run),
  );
  const spot = (at: Spot | null) =>
    at ? (
      <>
        <SourceLink run={id} file={at.file} line={at.line} source={at.source} />{" "}
        <span class="quiet">
          <bdi>{decodeLine(at.function)}</bdi>
        </span>
      </>
    ) : (
      <span class="quiet">–</span>
    );
  return (
    <main class="view">
      <div class="view-bar">
        <h2>Exceptions</h2>
        <ThreadChoice data={data} />
        <span class="quiet">
          {end
            ? `${formatPlural(
                items.reduce((sum, one) => sum + one.count, 0),
                "exception",
              )} of ${formatPlural(items.length, "kind")}`
            : "counting …"}
        </span>
      </div>
      <PartNote data={data} />
      <Trouble error={error} />
      {end && items.length === 0 ? (
        <p class="pad quiet">No exceptions in recorded code</p>
      ) : (
        <div class="table-box" tabIndex={0} role="region" aria-label="Exceptions">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Exception</th>
                <th scope="col" class="num">
                  Times
                </th>
                <th scope="col">Raised</th>
                <th scope="col">Outcome</th>
                <th scope="col">Where</th>
                <th scope="col">First</th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {items.map((one, index) => (
                <tr key={index} class={one.outcome === "uncaught" ? "failed" : ""}>
                  <td>
                    <b class="raised-text">
                      <bdi>{decodeLine(one.exception)}</bdi>
                    </b>{" "}
                    <bdi>{decodeText(one.message) ? decodeLine(one.message).slice(0, 200) : ""}</bdi>
                  </td>
                  <td class="num">{formatCount(one.count)}</td>
                  <td class="nowrap">
                    {spot(one.raised)}
                    {one.from_outside && <span class="quiet"> from unrecorded code</span>}
                  </td>
                  <td>
                    <span class={one.outcome === "uncaught" ? "event-kind e-raise" : "event-kind"}>
                      {OUTCOMES[one.outcome] ?? one.outcome}
                    </span>
                  </td>
                  <td class="nowrap">{spot(one.ended)}</td>
                  <td>
                    <PositionLink run={id} at={one.first} />
                  </td>
                  <td>{one.last !== one.first && <PositionLink run={id} at={one.last} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </main>
  );
}
