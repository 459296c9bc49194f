// Explains the value of a variable: the chain of writes that led to it, each with a link to its event.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { getBackend, sayError } from "../data/app_state";
import { baseName, escapeLine, decodeText, decodeLine } from "../data/format";
import { Statement } from "../views/events";
import { makeRunAddress } from "../data/route";
import type { Text, Value } from "../data/types";
import { classifyValue, formatValue } from "../parts/value_text";

interface Read {
  name: string;
  value?: Value;
  written?: string;
}
interface Link {
  name: string;
  how: string;
  position: string;
  line_position?: string;
  thread: number;
  frame?: number;
  function?: Text;
  file?: Text;
  line?: number;
  text?: Text;
  value?: Value;
  returned_by?: Text;
  reads?: Read[];
}
interface Answer {
  run: string;
  name: string;
  at: string;
  links: Link[];
}

const answer = signal<Answer | null>(null);
export const canAskWhy = () => getBackend().kind === "daemon";

export async function askWhy(run: string, at: string, name: string, frame?: number) {
  try {
    const links = await getBackend().list<Link>("why", { run, at, name, frame });
    answer.value = { run, name, at, links };
  } catch (error) {
    sayError(error);
  }
}

const SAYS: Record<string, (link: Link) => string> = {
  copied: (link) => `copied from ${link.reads?.[0] ? escapeLine(link.reads[0].name) : "another variable"}`,
  part: (link) => `item or attribute of ${link.reads?.[0] ? escapeLine(link.reads[0].name) : "another variable"}`,
  returned: (link) => `returned by ${decodeLine(link.returned_by) || "a call"}()`,
  passed: () => "passed by the caller",
  elsewhere: () => "set by another function",
  computed: () => "computed here",
  entered: () => "already set when the thread began",
  lost: () => "not recorded: the event that set it was lost",
};

export function WhyPanel({ run }: { run: string }) {
  const asked = answer.value;
  const [all, setAll] = useState(false);
  if (!asked || asked.run !== run) return null;
  const links = all ? asked.links : asked.links.slice(0, 12);
  const last = asked.links[asked.links.length - 1];
  const onward = links.length === asked.links.length ? (last?.reads ?? []).slice(0, 6) : [];
  return (
    <section class="panel why" aria-label="Why">
      <div class="panel-head">
        <h2>
          Why <bdi class="mono">{escapeLine(asked.name)}</bdi> <span class="quiet">at {asked.at}</span>
        </h2>
        <span class="grow" />
        <button aria-label="Close the explanation" onClick={() => (answer.value = null)}>
          ×
        </button>
      </div>
      <ol class="panel-body why-list">
        {asked.links.length === 0 && <li class="quiet pad">No recorded event set this variable.</li>}
        {links.map((link) => (
          <li key={`${link.position}/${link.name}`}>
            <a href={makeRunAddress(run, "", link.line_position ?? link.position)}>
              <span class="why-head">
                <b class="mono">
                  <bdi>{escapeLine(link.name)}</bdi>
                </b>
                {link.value !== undefined && (
                  <>
                    {" "}
                    = <bdi class={`mono v-${classifyValue(link.value)}`}>{formatValue(link.value, 48)}</bdi>
                  </>
                )}
              </span>
              <span class="why-how">
                <bdi>{(SAYS[link.how] ?? (() => link.how))(link)}</bdi>
              </span>
              {link.text !== undefined && <Statement text={decodeText(link.text).trim()} />}
              <span class="quiet why-where">
                <bdi>{decodeLine(link.function)}</bdi> <bdi>{baseName(decodeLine(link.file))}</bdi>:{link.line} ·{" "}
                {link.line_position ?? link.position}
              </span>
            </a>
          </li>
        ))}
        {links.length < asked.links.length && (
          <li>
            <button onClick={() => setAll(true)}>{asked.links.length - links.length} more</button>
          </li>
        )}
        {onward.length > 0 && last && (
          <li class="why-onward">
            <span class="quiet">This line read</span>
            {onward.map((read) => (
              <button
                key={read.name}
                title={`Why does ${read.name} have this value?`}
                onClick={() => askWhy(run, last.line_position ?? last.position, read.name, last.frame)}
              >
                <bdi class="mono">{escapeLine(read.name)}</bdi>
                {read.value !== undefined && <bdi class="quiet mono"> {formatValue(read.value, 20)}</bdi>}
              </button>
            ))}
          </li>
        )}
      </ol>
    </section>
  );
}
