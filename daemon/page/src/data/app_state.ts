// State that all pages share: the backend, notices at the foot of the window, and the question before data is lost.
import { signal } from "@preact/signals";
import type { Backend } from "./backend";

let current: Backend | null = null;
export const setBackend = (backend: Backend) => (current = backend);
export const getBackend = (): Backend => current!;

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
}
export const notices = signal<Notice[]>([]);
let nextNotice = 1;
export function say(text: string, bad = false) {
  const notice = { id: nextNotice++, text, bad };
  notices.value = [...notices.value.slice(-3), notice];
  setTimeout(() => (notices.value = notices.value.filter((one) => one.id !== notice.id)), bad ? 12000 : 5000);
}
export const sayError = (error: unknown) => say(error instanceof Error ? error.message : String(error), true);

export interface Question {
  title: string;
  text: string;
  yes: string;
  resolve: (yes: boolean) => void;
}
export const question = signal<Question | null>(null);
export function ask(title: string, text: string, yes: string): Promise<boolean> {
  return new Promise((resolve) => (question.value = { title, text, yes, resolve }));
}

export const helpOpen = signal(false);
