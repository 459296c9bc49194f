// The dialog that goes to a place: a position, a line of a file, the start, the end, or the last exception.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { sayError } from "../data/app_state";
import { goTo, loadState } from "../data/moment_state";
import { Dialog } from "./shell";

const asking = signal(""); // id of the run; empty: the dialog is closed
export const askPlace = (run: string) => (asking.value = run);

export function GoBox() {
  const run = asking.value;
  const [text, setText] = useState("");
  if (!run) return null;
  const close = () => {
    asking.value = "";
    setText("");
  };
  return (
    <Dialog label="Go to" onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const place = text.trim();
          close();
          if (place) loadState(run, place).state.then((state) => goTo(run, state.position), sayError);
        }}
      >
        <h2>Go to</h2>
        <p class="quiet">
          A position (<code>2:1017</code>: thread 2, event 1017), the first or third time a line ran (
          <code>shop.py:12</code>, <code>shop.py:12#3</code>), <code>start</code>, <code>end</code> or{" "}
          <code>exception</code>.
        </p>
        <input
          type="text"
          class="place-input"
          aria-label="Position"
          autofocus
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <div class="dialog-buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit">Go</button>
        </div>
      </form>
    </Dialog>
  );
}
