// `archbuilder live`: files in the folder it was started in, read and saved by way of its server.

import { server } from "./backend";

export interface Opened {
  path: string;
  text: string;
  revision: string;
  writable: boolean;
}

export type Saved = { revision: string } | { error: string; status: number; text: string | null; revision: string | null };

export interface Listing {
  folder: string;
  files: { path: string }[];
  open: string | null;
}

export async function listing(): Promise<Listing> {
  return (await (await server("GET", "api/files")).json()) as Listing;
}

/** A file that is there and cannot be opened: why, in a sentence. */
export class Refused extends Error {}

/** A file of the folder; null where there is none of that name.  Rejects with Refused. */
export async function open(path: string): Promise<Opened | null> {
  const answer = await server("GET", `api/file?path=${encodeURIComponent(path)}`);
  if (answer.status === 404) return null;
  const found = await answer.json();
  if (!answer.ok) throw new Refused(found.error);
  return found as Opened;
}

/** Saves over the revision that was read; a file that has changed on the disk meanwhile is not overwritten. */
export async function save(path: string, text: string, revision: string | null): Promise<Saved> {
  const answer = await server("PUT", "api/file", { path, text, revision });
  const found = await answer.json();
  return answer.ok ? found : { text: null, revision: null, ...found, status: answer.status };
}

export interface Watcher {
  changed(path: string, revision: string | null): void; // a file; null: it is gone
  runs(path: string): void; // something of a run has changed
  gone(path: string): void; // a folder, or a file of another kind
  lost(gone: boolean): void; // the server, and whether it is back
}

/** Tells what changes on the disk. */
export function watch({ changed, runs, gone, lost }: Watcher): void {
  const events = new EventSource("api/events");
  events.addEventListener("file", (event) => {
    const { path, revision } = JSON.parse((event as MessageEvent<string>).data);
    changed(path, revision);
  });
  events.addEventListener("runs", (event) => runs(JSON.parse((event as MessageEvent<string>).data).path));
  events.addEventListener("gone", (event) => gone(JSON.parse((event as MessageEvent<string>).data).path));
  events.onerror = () => lost(true);
  events.onopen = () => lost(false);
}

// ---- runs ----

export interface Run {
  path: string;
  name: string;
  started: string;
  state: "running" | "interrupted" | "finished" | "damaged";
  done: number;
  epochs: number;
  test_accuracy: number | null;
  best_accuracy: number | null;
  best_epoch: number | null;
  chosen_on: string;
  params: number;
  seconds: number;
  seconds_left: number | null;
  differs: string;
  assignment: string;
  report: boolean;
}

export interface Epoch {
  epoch: number;
  train_loss: number;
  train_accuracy: number;
  validation_loss?: number;
  validation_accuracy?: number;
  test_loss?: number;
  test_accuracy?: number;
  lr: number;
  seconds: number;
}

export interface RunInFull extends Run {
  metrics: Epoch[];
  file: string;
  error: string;
}

/** Every run below the folder, the oldest first. */
export async function listed(): Promise<Run[]> {
  return ((await (await server("GET", "api/runs")).json()) as { runs: Run[] }).runs;
}

/** One run with its metrics; null where it is gone. */
export async function one(path: string): Promise<RunInFull | null> {
  const answer = await server("GET", `api/run?path=${encodeURIComponent(path)}`);
  return answer.ok ? ((await answer.json()) as RunInFull) : null;
}
