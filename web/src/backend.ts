// Who answers: Pyodide in a worker (`archbuilder page`), or the server that the page came from (`archbuilder live`).

import type { Ask, Questions } from "./contract";

/** An answer that nobody waits for any longer, for a later question of the same kind has come. */
export class Overtaken extends Error {}

/** Why there is no answer, in a sentence. */
export class Unanswered extends Error {}

export type Question<K extends Ask> = Questions[K][0] & { text?: string; file?: string; folder?: string };

export interface Backend {
  /** Rejects with Overtaken or Unanswered. */
  ask<K extends Ask>(name: K, question: Question<K>): Promise<Questions[K][1]>;
}

interface Job {
  id: number;
  question: { ask: Ask } & object;
  resolve(answer: unknown): void;
  reject(reason: Error): void;
}

const PATIENCE = 4000; // milliseconds: a question that is overtaken is given up after them, or after twice what the last one took
const RESTARTS = 3; // in a row, without an answer in between

/** One question at a time goes to the worker; of waiting questions of a kind, the last one alone counts. */
class Engine {
  private worker: Worker | null = null;
  private running: (Job & { since: number }) | null = null;
  private waiting: Job[] = [];
  private ready = false;
  private failures = 0;
  private number = 0;
  private took = 0; // milliseconds of the last answer

  constructor(private parts: () => Record<string, string>, private say: (state: string) => void) {}

  ask(question: { ask: Ask } & object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      for (const old of this.waiting.filter((job) => job.question.ask === question.ask)) old.reject(new Overtaken());
      this.waiting = this.waiting.filter((job) => job.question.ask !== question.ask);
      this.waiting.push({ id: ++this.number, question, resolve, reject });
      if (!this.worker) this.start();
      else if (this.running?.question.ask === question.ask) this.giveUpLater(this.running);
      this.next();
    });
  }

  start(): void {
    this.ready = false;
    this.say(this.failures ? "The analyser stopped and is being started again." : "The analyser is starting.");
    const { worker: source, ...parts } = this.parts();
    const address = URL.createObjectURL(new Blob([source ?? ""], { type: "text/javascript" }));
    const worker = new Worker(address);
    this.worker = worker;
    worker.onmessage = ({ data }) => this.worker === worker && this.hear(data);
    worker.onerror = (event) => this.worker === worker && this.died(event.message || "the worker could not be started");
    worker.postMessage({ parts });
  }

  private hear(data: { ready?: boolean; fatal?: string; id?: number; answer?: string }): void {
    if (data.fatal !== undefined) return this.died(data.fatal);
    if (data.ready) {
      this.ready = true;
      this.say("");
    } else if (this.running && data.id === this.running.id) {
      const job = this.running;
      this.running = null;
      this.failures = 0;
      this.took = performance.now() - job.since;
      this.settle(job, JSON.parse(data.answer!));
    }
    this.next();
  }

  private settle(job: Job, answer: { error?: string }): void {
    if (this.waiting.some((later) => later.question.ask === job.question.ask)) job.reject(new Overtaken());
    else job.resolve(answer);
  }

  private next(): void {
    if (!this.ready || this.running) return;
    const job = this.waiting.shift();
    if (!job) return;
    this.running = { ...job, since: performance.now() };
    this.worker!.postMessage({ id: job.id, question: JSON.stringify(job.question) });
  }

  private giveUpLater(job: Job & { since: number }): void {
    const left = Math.max(PATIENCE, 2 * this.took) - (performance.now() - job.since);
    setTimeout(() => {
      if (this.running !== job) return;
      job.reject(new Overtaken());
      this.stop();
      this.start();
    }, Math.max(0, left));
  }

  private stop(): void {
    this.worker?.terminate();
    this.worker = null;
    this.running = null;
  }

  /** For tests and for whoever wants a fresh start: as if the worker had died. */
  died(reason: string): void {
    const lost = [...(this.running ? [this.running] : []), ...this.waiting];
    this.waiting = [];
    this.stop();
    this.failures += 1;
    for (const job of lost) job.reject(new Unanswered(`The analyser stopped: ${reason}`));
    this.say(this.failures <= RESTARTS
      ? `The analyser stopped (${reason}). Your text is kept; it starts again with your next change.`
      : `The analyser does not start here: ${reason}. Your text is kept.`);
  }
}

const SLOW: ReadonlySet<Ask> = new Set(["suggest"]); // what takes longer than a second worker needs to start

/** Pyodide, twice: searches run in a second worker, which is started when the first one is asked for. */
export class WorkerBackend implements Backend {
  readonly quick: Engine;
  private slow: Engine;

  constructor(parts: () => Record<string, string>, say: (state: string) => void) {
    this.quick = new Engine(parts, say);
    this.slow = new Engine(parts, () => undefined);
    this.quick.start();
  }

  ask<K extends Ask>(name: K, question: Question<K>): Promise<Questions[K][1]> {
    const engine = SLOW.has(name) ? this.slow : this.quick;
    return engine.ask({ ask: name, ...question }) as Promise<Questions[K][1]>;
  }
}

/** The installed package, on this machine. */
export class ServerBackend implements Backend {
  private running = new Map<Ask, AbortController>();

  constructor(private say: (state: string) => void) {}

  async ask<K extends Ask>(name: K, question: Question<K>): Promise<Questions[K][1]> {
    this.running.get(name)?.abort();
    const control = new AbortController();
    this.running.set(name, control);
    try {
      const answer = await server("POST", "api/ask", { ask: name, ...question }, control.signal);
      this.say("");
      return (await answer.json()) as Questions[K][1];
    } catch (error) {
      if (control.signal.aborted) throw new Overtaken();
      this.say("The server is gone: start `archbuilder live` again. Your text is kept here.");
      throw new Unanswered(`The server does not answer: ${(error as Error).message}`);
    }
  }
}

/** A request to the server that this page came from. */
export function server(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
  return fetch(path, {
    method,
    headers: { "X-Archbuilder": "1", ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
    credentials: "same-origin",
  });
}
