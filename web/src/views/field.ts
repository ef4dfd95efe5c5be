// The receptive field on the image's grid: a slider over the layers, and the user's own picture under it.

import type { Field, FieldStep } from "../contract";
import { button, chooser, fill, h } from "../dom";
import { greyed, shown, type Store } from "../store";
import { by } from "./facts";
import { whenSeen } from "./table";

const SIDE = 420; // of the canvas at most, in CSS pixels

export function field(store: Store, choose: (rows: number[], from: "field") => void): HTMLElement {
  let at = -1; // -1: the step before the global pool
  let picture: ImageBitmap | null = null;
  const canvas = h("canvas", { class: "grid", role: "img" });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Layer whose field is shown", oninput: () => { at = Number(slider.value); paint(); tell(); } });
  const words = h("div", { class: "words", "aria-live": "polite" });
  const notes = h("div", { class: "pale" });
  const wanted = chooser("image/*", (file) => void take(file));
  const problem = h("span", { class: "missed" });
  const root = h("div", { class: "field scroll" },
    h("div", { class: "field-left" }, canvas, h("div", { class: "slider" }, slider)),
    h("div", { class: "field-right" }, words, notes,
      h("p", { class: "tools" }, button("Your own picture…", () => wanted.click(), { class: "small" }),
        button("Without a picture", () => { picture = null; paint(); }, { class: "small" }), wanted, problem),
      h("p", { class: "pale" }, "The filled square is what the middle unit of that layer sees; the dashed one what it sees by the shortest path; ",
        "dots are the centres of the layer's units. What lies outside the image is padding. The picture stays in this page.")));

  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      picture = await createImageBitmap(file);
      fill(problem);
    } catch {
      fill(problem, ` ${file.name} is no picture that this browser can show`);
    }
    paint();
  };
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    void take(event.dataTransfer?.files[0]);
  });
  const found = () => shown(store)?.field ?? null;
  const position = (known: Field) => (at < 0 || at >= known.steps.length ? known.last : at);
  const tell = () => {
    const step = found()?.steps[at];
    if (step) choose([step.row], "field");
  };
  const paint = () => {
    const known = found();
    root.classList.toggle("old", greyed(store));
    if (!known?.steps.length) return fill(words, h("p", {}, "The receptive field is not known."));
    const here = position(known);
    slider.max = String(known.steps.length - 1);
    slider.value = String(here);
    const step = known.steps[here]!;
    slider.setAttribute("aria-valuetext", step.name);
    canvas.setAttribute("aria-label", sentence(step, known));
    fill(words, h("h3", {}, step.name, here === known.last ? h("span", { class: "tag" }, "the field of the network") : null), h("p", {}, sentence(step, known)));
    fill(notes, ...known.notes.map((note) => h("p", {}, note)));
    draw(canvas, step, known, picture);
  };
  whenSeen(store, "field", ["check", "good", "stale"], paint);
  store.watch(["chosen"], () => {
    const known = found();
    const index = known?.steps.findIndex((step) => store.get("chosen").includes(step.row)) ?? -1;
    if (index >= 0) {
      at = index;
      if (store.get("tab") === "field") paint();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  document.addEventListener("archbuilder-theme", paint);
  return root;
}

function sentence(step: FieldStep, known: Field): string {
  const least = by(step.least) === by(step.size) ? "" : `, ${by(step.least)} by the shortest path`;
  const status = { exact: "", "whole input": " (the whole input)", "upper bound": " (at most)" }[step.status] ?? ` (${step.status})`;
  return `A unit sees ${step.size.join(" × ")} pixels${status}${least}, of ${known.input.join(" × ")}. ` +
    `The map has ${step.units.join(" × ")} units, ${by(step.jump)} pixels apart.`;
}

function draw(canvas: HTMLCanvasElement, step: FieldStep, known: Field, picture: ImageBitmap | null): void {
  const [height, width] = known.input;
  // the image with some of the padding around it that the field reaches into, the same on all sides
  const out = Math.max(0, -step.first[0], -step.first[1], step.last[0] - height + 1, step.last[1] - width + 1);
  const around = Math.min(out, Math.max(height, width) * 0.6) + Math.max(height, width) * 0.04;
  const ratio = window.devicePixelRatio || 1;
  const pixel = SIDE / (Math.max(height, width) + 2 * around);
  const size = [(width + 2 * around) * pixel, (height + 2 * around) * pixel] as const;
  canvas.width = size[0] * ratio;
  canvas.height = size[1] * ratio;
  canvas.style.aspectRatio = `${size[0]} / ${size[1]}`;
  const pen = canvas.getContext("2d")!;
  pen.scale(ratio * pixel, ratio * pixel);
  pen.translate(around, around);
  const colour = (name: string) => {
    canvas.style.color = `var(${name})`; // a canvas wants the colour itself, not what it is made of
    return getComputedStyle(canvas).color;
  };
  pen.fillStyle = colour("--sheet");
  pen.fillRect(0, 0, width, height);
  if (picture) {
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d")!.drawImage(picture, 0, 0, width, height);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, width, height);
  }
  lattice(pen, width, height, pixel, colour("--line"));
  const box = (first: readonly [number, number], last: readonly [number, number]) =>
    [first[1], first[0], last[1] - first[1] + 1, last[0] - first[0] + 1] as const;
  pen.fillStyle = colour("--accent");
  pen.globalAlpha = picture ? 0.28 : 0.2;
  pen.fillRect(...box(step.first, step.last));
  pen.globalAlpha = 1;
  pen.strokeStyle = colour("--accent");
  pen.lineWidth = 2 / pixel;
  pen.strokeRect(...box(step.first, step.last));
  if (step.least[0] < step.size[0] || step.least[1] < step.size[1]) {
    const middle = [(step.first[0] + step.last[0] + 1) / 2, (step.first[1] + step.last[1] + 1) / 2] as const;
    pen.setLineDash([5 / pixel, 4 / pixel]);
    pen.strokeRect(middle[1] - step.least[1] / 2, middle[0] - step.least[0] / 2, step.least[1], step.least[0]);
    pen.setLineDash([]);
  }
  pen.strokeStyle = colour("--ink");
  pen.lineWidth = 1 / pixel;
  pen.strokeRect(0, 0, width, height);
  dots(pen, step, pixel, colour("--ink"));
}

function lattice(pen: CanvasRenderingContext2D, width: number, height: number, pixel: number, colour: string): void {
  if (pixel < 3) return; // lines closer than this are only a grey
  pen.strokeStyle = colour;
  pen.lineWidth = 0.5 / pixel;
  pen.beginPath();
  for (let x = 0; x <= width; x++) pen.moveTo(x, 0), pen.lineTo(x, height);
  for (let y = 0; y <= height; y++) pen.moveTo(0, y), pen.lineTo(width, y);
  pen.stroke();
}

function dots(pen: CanvasRenderingContext2D, step: FieldStep, pixel: number, colour: string): void {
  if (step.jump[0] * pixel < 4 || step.units[0] * step.units[1] > 20_000) return;
  pen.fillStyle = colour;
  for (let y = 0; y < step.units[0]; y++) {
    for (let x = 0; x < step.units[1]; x++) {
      const own = y === step.unit[0] && x === step.unit[1];
      const centre = [step.start[0] + y * step.jump[0] + step.size[0] / 2, step.start[1] + x * step.jump[1] + step.size[1] / 2] as const;
      pen.globalAlpha = own ? 1 : 0.45;
      pen.beginPath();
      pen.arc(centre[1], centre[0], (own ? 3.5 : 1.3) / pixel, 0, 7);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
}
