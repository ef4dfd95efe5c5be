// Runs as they train (`archbuilder live`): how far each is, their curves side by side, the report when it is there.

import { listed as all, one, type Epoch, type Run, type RunInFull } from "../folder";
import { button, fill, grouped, h, s, settled } from "../dom";

const MOST = 6; // runs side by side: as many as there are colours that can be told apart
const WIDE = 380, HIGH = 210; // of a chart, in units of its drawing
const EDGE = { left: 38, right: 10, top: 10, bottom: 26 };

interface Curve {
  run: number; // its place among those that are shown, which gives the colour
  split: "train" | "held"; // on the training images, or on images that were held out
  points: [number, number][];
}

type Quantity = "accuracy" | "loss";

export class RunsView {
  readonly root = h("div", { class: "runs scroll" });
  private list: Run[] = [];
  private shown: string[] | null = null; // the paths of those side by side; null: nobody has chosen yet
  private full = new Map<string, RunInFull>();
  private epoch: number | null = null; // under the pointer
  private table = h("div", { class: "scroll" });
  private charts = h("div", { class: "charts" });
  private words = h("p", { class: "pale", role: "status" });
  private later = settled(() => void this.read(), 200);
  private open = false;
  private dirty = new Set<string>();

  constructor(private compare: (run: RunInFull) => void) {
    fill(this.root, this.words, this.charts, this.table);
    setInterval(() => this.open && this.list.some((run) => run.state === "running") && this.later(), 5000);
  }

  /** The tab is looked at. */
  show(open: boolean): void {
    this.open = open;
    if (open) void this.read();
  }

  /** A run has changed on the disk, or a folder is gone that may have had some. */
  changed(path: string): void {
    this.dirty.add(path);
    if (this.open) this.later();
  }

  private async read(): Promise<void> {
    try {
      this.list = (await all()).reverse();
      for (const run of this.full.keys()) if ([...this.dirty].some((path) => `${run}/`.startsWith(`${path}/`))) this.full.delete(run);
      this.dirty.clear();
      const paths = this.paths();
      await Promise.all(paths.filter((path) => !this.full.has(path)).map(async (path) => {
        const found = await one(path);
        if (found) this.full.set(path, found);
      }));
      this.paint();
    } catch {
      fill(this.words, "The server does not answer: what is shown is as it was.");
    }
  }

  /** The runs side by side: those that were chosen and are still there, else the one that trains, else the last one. */
  private paths(): string[] {
    const known = this.list.filter((run) => run.state !== "damaged").map((run) => run.path);
    if (this.shown) return this.shown.filter((path) => known.includes(path));
    const first = this.list.find((run) => run.state === "running")?.path ?? known[0];
    return first ? [first] : [];
  }

  private paint(): void {
    const runs = this.list.length;
    fill(this.words, runs ? null : "There are no runs below this folder yet: `archbuilder train` makes one, and it shows here while it trains.");
    fill(this.table, runs ? this.rows() : null);
    this.draw();
  }

  private rows(): HTMLElement {
    const titles = ["", "run", "state", "epochs", "time", "test", "best", "params", "differs in"];
    return h("table", {}, h("caption", { class: "unseen" }, "Runs, the newest first"),
      h("thead", {}, h("tr", {}, ...titles.map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, ...this.list.map((run) => this.row(run))));
  }

  private row(run: Run): HTMLElement {
    const paths = this.paths();
    const at = paths.indexOf(run.path);
    const choice = h("input", { type: "checkbox", checked: at >= 0, disabled: run.state === "damaged" || (at < 0 && paths.length >= MOST),
      "aria-label": `Show the curves of ${run.path}`, onchange: () => this.choose(run.path, choice.checked) });
    const percent = (value: number | null) => (value === null ? "" : `${value.toFixed(2)} %`);
    const full = this.full.get(run.path);
    return h("tr", {},
      h("td", {}, h("label", { class: "run-mark" }, choice, at >= 0 ? h("span", { class: `swatch run-${at}`, "aria-hidden": "true" }) : null)),
      h("td", { title: run.path }, h("strong", {}, run.name), h("div", { class: "pale" }, run.started.slice(0, 16).replace("T", " ")),
        run.report ? h("a", { href: `report/${encodeURI(run.path)}/report.html`, target: "_blank", rel: "noopener" }, "Report") : null,
        full?.file ? button("Compare", () => this.compare(full), { class: "link", title: "Its network beside the one in the editor" }) : null),
      h("td", {}, h("span", { class: `run-state ${run.state}` }, run.state), run.assignment ? h("div", { class: "pale" }, run.assignment) : null),
      h("td", { class: "number" }, run.epochs ? `${run.done} / ${run.epochs}` : "",
        run.epochs ? h("progress", { max: run.epochs, value: run.done, "aria-label": `Epochs done of ${run.path}` }) : null),
      h("td", { class: "number" }, run.seconds_left !== null ? duration(run.seconds_left) : run.done ? h("span", { class: "pale" }, `took ${duration(run.seconds)}`) : ""),
      h("td", { class: "number" }, percent(run.test_accuracy)),
      h("td", { class: "number", title: run.best_epoch ? `epoch ${run.best_epoch}, chosen on ${run.chosen_on}` : null }, percent(run.best_accuracy)),
      h("td", { class: "number" }, run.params ? grouped(run.params) : ""),
      h("td", { class: "pale" }, run.differs));
  }

  private choose(path: string, wanted: boolean): void {
    const paths = this.paths();
    this.shown = wanted ? [...paths, path].slice(0, MOST) : paths.filter((each) => each !== path);
    void this.read();
  }

  // ---- curves ----

  private draw(): void {
    const listed = new Map(this.list.map((run) => [run.path, run])); // what a run differs in, only the list of all says
    const runs = this.paths().map((path) => this.full.get(path)).filter((run) => run !== undefined)
      .map((run) => ({ ...run, differs: listed.get(run.path)?.differs ?? "" }));
    const epochs = Math.max(2, ...runs.map((run) => Math.max(run.epochs, run.metrics.length)));
    fill(this.charts, ...runs.some((run) => run.metrics.length) ? [
      this.chart("accuracy", "Accuracy, %", runs, epochs),
      this.chart("loss", "Loss", runs, epochs),
    ] : [runs.length ? h("p", { class: "pale" }, "No epoch is finished yet: the curves begin with the first one.") : null]);
    for (const run of runs) if (run.error) this.charts.append(h("p", { class: "missed" }, `${run.path}: ${run.error}`));
  }

  private chart(quantity: Quantity, title: string, runs: RunInFull[], epochs: number): HTMLElement {
    const curves = runs.flatMap((run, at) => curvesOf(run, at, quantity));
    const values = curves.flatMap((curve) => curve.points.map(([, value]) => value));
    const ticks = nice(Math.min(...values), Math.max(...values), quantity === "accuracy" ? 100 : Infinity);
    const [low, high] = [ticks[0]!, ticks.at(-1)!];
    const x = (epoch: number) => EDGE.left + ((epoch - 1) / (epochs - 1)) * (WIDE - EDGE.left - EDGE.right);
    const y = (value: number) => HIGH - EDGE.bottom - ((value - low) / (high - low)) * (HIGH - EDGE.top - EDGE.bottom);
    const line = s("line", { class: "at", y1: EDGE.top, y2: HIGH - EDGE.bottom, visibility: "hidden" });
    const said = h("div", { class: "said" });
    const tell = (epoch: number | null) => {
      this.epoch = epoch;
      line.setAttribute("visibility", epoch ? "visible" : "hidden");
      for (const side of ["x1", "x2"]) line.setAttribute(side, String(x(epoch ?? 1)));
      fill(said, ...legend(runs, curves, epoch));
    };
    const picture = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": sentence(title, runs, curves) },
      ...ticks.map((tick) => s("g", {}, s("line", { class: "rule", x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(tick), y2: y(tick) }),
        s("text", { x: EDGE.left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)))),
      ...marks(epochs).map((epoch) => s("text", { x: x(epoch), y: HIGH - 10, "text-anchor": "middle" }, String(epoch))),
      ...curves.map((curve) => s("polyline", { class: `curve run-${curve.run} ${curve.split}`, points: curve.points.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`).join(" ") })),
      ...curves.filter((curve) => curve.points.length === 1).map((curve) => s("circle", { class: `dot run-${curve.run}`, r: 3, cx: x(curve.points[0]![0]), cy: y(curve.points[0]![1]) })),
      line);
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width * WIDE - EDGE.left) / (WIDE - EDGE.left - EDGE.right);
      tell(Math.min(epochs, Math.max(1, Math.round(1 + at * (epochs - 1)))));
    });
    picture.addEventListener("pointerleave", () => tell(null));
    tell(this.epoch);
    return h("figure", { class: "chart" }, h("figcaption", {}, title, h("span", { class: "pale" }, " – dashed: training")), picture, said);
  }
}

/** A score on images that were not trained on: the test images, or where these wait for the end, those for validation. */
function held(epoch: Epoch, quantity: Quantity): number | null {
  return epoch[`test_${quantity}`] ?? epoch[`validation_${quantity}`] ?? null;
}

function curvesOf(run: RunInFull, at: number, quantity: Quantity): Curve[] {
  const points = (value: (epoch: Epoch) => number | null) => run.metrics
    .map((epoch): [number, number | null] => [epoch.epoch, value(epoch)])
    .filter((point): point is [number, number] => point[1] !== null && Number.isFinite(point[1]));
  const curves: Curve[] = [
    { run: at, split: "train", points: points((epoch) => epoch[`train_${quantity}`]) },
    { run: at, split: "held", points: points((epoch) => held(epoch, quantity)) },
  ];
  return curves.filter((curve) => curve.points.length);
}

/** The values at an epoch, or the last ones. */
function legend(runs: RunInFull[], curves: Curve[], epoch: number | null): HTMLElement[] {
  return runs.map((run, at) => {
    const value = (split: Curve["split"]) => {
      const points = curves.find((curve) => curve.run === at && curve.split === split)?.points ?? [];
      const point = epoch ? points.find(([number]) => number === epoch) : points.at(-1);
      return point ? short(point[1]) : "–";
    };
    const when = epoch ? `epoch ${epoch}` : `after ${run.metrics.length}`;
    return h("div", {}, h("span", { class: `swatch run-${at}`, "aria-hidden": "true" }), ` ${called(run)}, ${when}: ${word(run)} `, h("strong", {}, value("held")), `, training ${value("train")}`);
  });
}

/** A name that tells a run from others of its network: what it differs in, else when it was started. */
function called(run: Run): string {
  return `${run.name} (${run.differs || run.started.slice(0, 16).replace("T", " ")})`;
}

/** Which images the solid curve is of. */
function word(run: RunInFull): string {
  return run.metrics.at(-1)?.test_accuracy === undefined ? "validation" : "test";
}

function sentence(title: string, runs: RunInFull[], curves: Curve[]): string {
  const last = runs.map((run, at) => {
    const point = curves.find((curve) => curve.run === at && curve.split === "held")?.points.at(-1);
    return point ? `${called(run)}: ${short(point[1])} after epoch ${point[0]}` : `${called(run)}: nothing yet`;
  });
  return `${title}, by epoch. ${last.join("; ")}`;
}

/** Round numbers from below the least value to above the largest one. */
function nice(least: number, most: number, bound: number): number[] {
  if (!Number.isFinite(least)) return [0, 1];
  const step = [1, 2, 5, 10].map((by) => by * 10 ** Math.floor(Math.log10((most - least || 1) / 4))).find((by) => (most - least) / by <= 5)!;
  const first = Math.floor(least / step) * step;
  const ticks = [first];
  while (ticks.at(-1)! < most && ticks.at(-1)! < bound) ticks.push(ticks.at(-1)! + step);
  return ticks.length > 1 ? ticks : [first, first + step];
}

function marks(epochs: number): number[] {
  const step = Math.max(1, Math.ceil(epochs / 8));
  return Array.from({ length: Math.floor((epochs - 1) / step) + 1 }, (_, at) => 1 + at * step);
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

/** 8 s, 4 min 10 s, 2 h 5 min. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}
