// The daemon as the page's backend: token, connections, and reconnecting after the connection is lost.
import { signal } from "@preact/signals";
import type { Backend, Stream } from "./backend";
import { go } from "./route";
import { Wire } from "./wire";
import { RequestError, type Fields } from "./wire_json";

type LinkState = "connecting" | "open" | "lost" | "denied";
export const linkState = signal<LinkState>("connecting");
// Number of connections so far. Views that depend on it load their data again after a reconnection.
export const generation = signal(0);

const KEY = "smiley-token";
const RETRY_MS = 700;
const SPARE = 3; // idle connections kept for later streams: opening one takes longer than most answers

// Exchanges the code of an address that smiley-web opened (#code=…) for a token, and removes the code from the address
// bar and the history. Returns the reason when the daemon refuses the code, null otherwise.
export async function takeCode(): Promise<string | null> {
  const found = /^#code=([0-9a-f]+)(?:\/(.*))?$/.exec(location.hash);
  if (!found) return null;
  go(`#/${found[2] ?? ""}`, true);
  const response = await fetch("/token", { method: "POST", body: found[1] });
  const answer = await response.json();
  if (response.ok) {
    localStorage.setItem(KEY, answer.token);
    return null;
  }
  return answer.error as string;
}

export class Daemon implements Backend {
  readonly kind = "daemon";
  private wire: Wire | null = null;
  private spare: Wire[] = [];

  start() {
    const token = localStorage.getItem(KEY);
    if (!token) {
      linkState.value = "denied";
      return;
    }
    const wire = new Wire(token, () => this.reconnect());
    this.wire = wire;
    wire.opened.then(
      () => {
        linkState.value = "open";
        generation.value++;
      },
      () => undefined,
    );
  }

  private async reconnect() {
    this.wire = null;
    linkState.value = linkState.value === "denied" ? "denied" : "lost";
    try {
      const token = localStorage.getItem(KEY) ?? "";
      const response = await fetch("/session", { headers: { Authorization: `Bearer ${token}` } });
      if (response.status === 401) {
        linkState.value = "denied";
        return;
      }
    } catch {
      // The daemon does not answer: start() tries again below.
    }
    setTimeout(() => this.start(), RETRY_MS);
  }

  private makeGoneError(): RequestError {
    return new RequestError("gone", "no connection to the smiley daemon");
  }

  ask(op: string, fields: Fields = {}): Promise<any> {
    return this.wire ? this.wire.request(op, fields) : Promise.reject(this.makeGoneError());
  }

  async list<T>(op: string, fields: Fields = {}): Promise<T[]> {
    if (!this.wire) throw this.makeGoneError();
    const all: T[] = [];
    await this.wire.request(op, fields, (object) => all.push(object));
    return all;
  }

  // A stream has a connection of its own: no other request waits behind it, and close() cancels it.
  stream(op: string, fields: Fields, each: (object: any) => void): Stream {
    const wire: Wire =
      this.spare.pop() ??
      new Wire(localStorage.getItem(KEY) ?? "", () => {
        this.spare = this.spare.filter((one) => one !== wire);
      });
    let open = true;
    const done = wire
      .request(op, fields, (object) => open && each(object))
      .finally(() => {
        if (open && !wire.closed && this.spare.length < SPARE) this.spare.push(wire);
        else wire.close();
        open = false;
      });
    done.catch(() => undefined);
    const close = () => {
      if (open) wire.close();
      open = false;
    };
    return { done, close };
  }

  // The bytes of an export; `progress` gets the number of bytes so far.
  async exportRun(run: string, format: string, progress: (bytes: number) => void): Promise<Blob> {
    const wire = new Wire(localStorage.getItem(KEY) ?? "", () => undefined);
    const parts: ArrayBuffer[] = [];
    let size = 0;
    try {
      await wire.request("export", { run, format }, undefined, (bytes) => {
        parts.push(bytes);
        size += bytes.byteLength;
        progress(size);
      });
    } finally {
      wire.close();
    }
    return new Blob(parts);
  }

  async importFile(file: Blob, progress: (sent: number) => void): Promise<{ run: { id: string }; already: boolean }> {
    const wire = new Wire(localStorage.getItem(KEY) ?? "", () => undefined);
    try {
      await wire.opened;
      const answer = wire.request("import", {});
      answer.catch(() => undefined); // the daemon may refuse while frames are still being sent
      await Promise.race([wire.sendFrames(file, progress), answer]);
      return await answer;
    } finally {
      wire.close();
    }
  }
}
