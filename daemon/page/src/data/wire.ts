// One WebSocket to the daemon. Requests are sent at once; answers arrive in the order of the requests.
import { parseLine, RequestError, toJson, type Fields } from "./wire_json";

interface Pending {
  id: number;
  answer: (answer: Record<string, unknown>) => void;
  line?: (object: any) => void;
  bytes?: (bytes: ArrayBuffer) => void;
  end: (end: Record<string, unknown>) => void;
  fail: (error: Error) => void;
}

export class Wire {
  private socket: WebSocket;
  private pending: Pending[] = [];
  private next = 1;
  closed = false;
  readonly opened: Promise<void>;

  constructor(
    token: string,
    private onClose: () => void,
  ) {
    const address = `ws://${location.host}/socket`;
    this.socket = new WebSocket(address, ["smiley", `token.${token}`]);
    this.socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = () => resolve();
      this.socket.onclose = () => {
        this.closed = true;
        const gone = new RequestError("gone", "lost connection to the smiley daemon");
        reject(gone);
        for (const one of this.pending.splice(0)) one.fail(gone);
        this.onClose();
      };
    });
    this.opened.catch(() => undefined);
    this.socket.onmessage = (message) => {
      if (typeof message.data === "string") this.takeLines(message.data);
      else this.pending[0]?.bytes?.(message.data);
    };
  }

  private takeLines(text: string) {
    let from = 0;
    while (from < text.length) {
      let end = text.indexOf("\n", from);
      if (end < 0) end = text.length;
      if (end > from) this.takeLine(text.slice(from, end));
      from = end + 1;
    }
  }

  private takeLine(line: string) {
    const head = this.pending[0];
    if (!head) return;
    const object = parseLine(line);
    if (!line.startsWith('{"id":')) {
      head.line?.(object);
      return;
    }
    if (object.end) {
      this.pending.shift();
      const error = object.error;
      if (error) head.fail(new RequestError(error.code, error.message));
      else head.end(object);
    } else if (object.ok === false) {
      this.pending.shift();
      head.fail(new RequestError(object.error.code, object.error.message));
    } else {
      head.answer(object);
      if (!object.stream) {
        this.pending.shift();
        head.end(object);
      }
    }
  }

  // Resolves with the answer, or with the end line of a stream. Rejects with a RequestError.
  request(
    op: string,
    fields: Fields,
    line?: (object: any) => void,
    bytes?: (bytes: ArrayBuffer) => void,
  ): Promise<any> {
    if (this.closed) return Promise.reject(new RequestError("gone", "lost connection to the smiley daemon"));
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.pending.push({ id, answer: () => undefined, line, bytes, end: resolve, fail: reject });
      this.opened.then(
        () => this.socket.send(toJson({ id, op, ...fields })),
        () => undefined,
      );
    });
  }

  // Sends the frames of an import: length (u32, little-endian) and bytes; length 0 ends them.
  async sendFrames(file: Blob, progress: (sent: number) => void): Promise<void> {
    const step = 512 * 1024;
    for (let at = 0; at < file.size && !this.closed; at += step) {
      const part = new Uint8Array(await file.slice(at, at + step).arrayBuffer());
      const frame = new Uint8Array(4 + part.length);
      new DataView(frame.buffer).setUint32(0, part.length, true);
      frame.set(part, 4);
      this.socket.send(frame);
      progress(Math.min(at + step, file.size));
      while (this.socket.bufferedAmount > 4 * step && !this.closed) await new Promise((go) => setTimeout(go, 10));
    }
    if (!this.closed) this.socket.send(new Uint8Array(4));
  }

  close() {
    this.closed = true;
    this.onClose = () => undefined;
    this.socket.close();
  }
}
