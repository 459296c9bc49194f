// What was searched for last, and what was found: shown in the Search view, and kept while other views are looked at.
import { signal } from "@preact/signals";
import type { EventObject } from "./types";

export const found = signal<EventObject[]>([]);
export const searchText = signal("");
export const searching = signal(false);
export const searchRun = signal("");

