// Memory over time: what is alive while each layer of an inference runs, the peak marked.

import type { Arena, Memory, Questions } from "../contract";
import { bytes, fill, grouped, h, s, settled } from "../dom";
import { greyed, shown, type Store } from "../store";
import { whenSeen } from "./table";

const HEIGHT = 240;
const LEFT = 64;
const BOTTOM = 26;

export function memory(store: Store, choose: (rows: number[], from: "memory") => void, plan: () => Promise<Questions["arena"][1] | null>): HTMLElement {
  let at = -1; // -1: the peak
  const chart = h("div", { class: "chart" });
  const words = h("div", { class: "alive", "aria-live": "polite" });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Layer whose live tensors are listed",
    oninput: () => { at = Number(slider.value); paint(); tell(); } });
  const device = h("section", { class: "arena", "aria-label": "On a microcontroller" });
  const root = h("div", { class: "memory scroll" }, chart, h("div", { class: "slider" }, slider), words, device);
  const found = () => shown(store)?.memory ?? null;
  const tell = () => {
    const layer = found()?.layers[at];
    if (layer) choose([layer.row], "memory");
  };
  const paint = () => {
    const known = found();
    root.classList.toggle("old", greyed(store));
    if (!known?.layers.length) return fill(chart, h("p", { class: "pale empty" }, shown(store)?.memory_note ?? "Nothing is known of its memory."));
    const here = at < 0 || at >= known.layers.length ? known.peak : at;
    slider.max = String(known.layers.length - 1);
    slider.value = String(here);
    slider.setAttribute("aria-valuetext", known.layers[here]!.name);
    fill(chart, picture(known, here, Math.max(320, chart.clientWidth || 640), (index) => { at = index; paint(); tell(); }));
    fill(words, ...alive(known, here));
  };
  let planned: unknown = null; // the answer whose arena is shown
  const place = settled(async () => {
    const check = store.get("check");
    if (store.get("tab") !== "memory" || !check?.analysed || check === planned) return;
    const found = await plan();
    if (!found || check !== store.get("check")) return;
    planned = check;
    fill(device, h("h3", {}, "On a microcontroller"), ...found.arena ? arena(found.arena) : [h("p", { class: "pale" }, found.arena_note ?? found.error)]);
  }, 300);
  whenSeen(store, "memory", ["check", "stale"], place);
  whenSeen(store, "memory", ["check", "good", "stale"], paint);
  store.watch(["chosen"], () => {
    const index = found()?.layers.findIndex((layer) => store.get("chosen").includes(layer.row)) ?? -1;
    if (index >= 0) {
      at = index;
      if (store.get("tab") === "memory") paint();
    }
  });
  new ResizeObserver(() => store.get("tab") === "memory" && paint()).observe(root);
  return root;
}

function picture(known: Memory, here: number, width: number, pick: (index: number) => void): SVGSVGElement {
  const count = known.layers.length;
  const most = Math.max(1, ...known.layers.map((layer) => layer.live));
  const step = (width - LEFT - 8) / count;
  const high = (value: number) => (value / most) * (HEIGHT - BOTTOM - 24);
  const floor = HEIGHT - BOTTOM;
  const chart = s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
    "aria-label": `Memory over time; the peak is ${bytes(known.peak_bytes)} at ${known.layers[known.peak]?.name}` });
  for (const share of [0, 0.5, 1]) {
    const y = floor - high(most * share);
    chart.append(s("line", { class: "rule", x1: LEFT, x2: width - 8, y1: y, y2: y }), s("text", { class: "axis", x: LEFT - 8, y: y + 4, "text-anchor": "end" }, bytes(Math.round(most * share))));
  }
  // each tensor is a strip for as long as it lives, on top of those that were there before
  const tops = new Array<number>(count).fill(0);
  known.tensors.forEach((tensor, number) => {
    let path = "";
    const from = Math.max(0, tensor.from);
    const to = Math.min(count - 1, tensor.to);
    if (to < from || !tensor.bytes) return;
    const lower = tops.slice(from, to + 1);
    lower.forEach((below, i) => {
      path += `M${LEFT + (from + i) * step} ${floor - high(below)}h${step}v${-high(tensor.bytes)}h${-step}Z`;
      tops[from + i] = below + tensor.bytes;
    });
    chart.append(s("path", { class: `strip shade-${number % 4}${step < 4 ? " narrow" : ""}`, d: path }, s("title", {}, `${tensor.name}: ${bytes(tensor.bytes)}`)));
  });
  const x = (index: number) => LEFT + index * step;
  chart.append(s("rect", { class: "here", x: x(here), y: 8, width: Math.max(2, step), height: floor - 8 }));
  const peak = x(known.peak) + step / 2;
  const anchor = peak > width * 0.7 ? "end" : peak < width * 0.3 ? "start" : "middle";
  chart.append(s("path", { class: "peak", d: `M${peak - 5} ${floor - high(most) - 9}h10l-5 7Z` }),
    s("text", { class: "axis strong", x: peak + { start: 12, middle: 0, end: -12 }[anchor], y: anchor === "middle" ? 7 : 11, "text-anchor": anchor }, `peak ${bytes(known.peak_bytes)}`),
    s("text", { class: "axis", x: LEFT, y: HEIGHT - 8 }, known.layers[0]!.name),
    s("text", { class: "axis", x: width - 8, y: HEIGHT - 8, "text-anchor": "end" }, known.layers.at(-1)!.name));
  chart.addEventListener("click", (event) => {
    const inside = ((event.clientX - chart.getBoundingClientRect().left) / chart.getBoundingClientRect().width) * width;
    pick(Math.min(count - 1, Math.max(0, Math.floor((inside - LEFT) / step))));
  });
  return chart;
}

function alive(known: Memory, here: number): HTMLElement[] {
  const layer = known.layers[here]!;
  const tensors = known.tensors.filter((tensor) => tensor.from <= here && here <= tensor.to && tensor.bytes);
  return [
    h("h3", {}, layer.name, here === known.peak ? h("span", { class: "tag" }, "the peak") : null),
    h("p", {}, `${bytes(layer.live)} are alive while it runs: `,
      ...tensors.flatMap((tensor, i) => [i ? " + " : "", h("b", {}, tensor.name), ` ${bytes(tensor.bytes)}`])),
    h("p", { class: "pale" }, `Training keeps ${bytes(known.training_bytes)} of each image for the backward pass, ${bytes(layer.kept)} of it for this layer. `,
      `All for one image in ${known.dtype}; weights and workspaces come on top.`),
  ];
}

const ARENA_HEIGHT = 200;
const ARENA_WIDTH = 720;

/** Where each tensor lies, from the first byte at the bottom, and for how long. */
function arena(found: Arena): Element[] {
  const step = (ARENA_WIDTH - LEFT - 8) / Math.max(1, found.operators.length);
  const floor = ARENA_HEIGHT - BOTTOM;
  const high = (value: number) => (value / Math.max(1, found.head)) * (floor - 12);
  const peak = found.operators[found.peak];
  const there = found.placed.filter((each) => each.at_peak).sort((a, b) => a.offset - b.offset);
  const map = s("svg", { viewBox: `0 0 ${ARENA_WIDTH} ${ARENA_HEIGHT}`, role: "img",
    "aria-label": `Places in the arena over time: ${grouped(found.head)} bytes${peak ? `, most in use in ${peak.name}` : ""}` },
    ...[0, found.head].map((value) => s("g", {}, s("line", { class: "rule", x1: LEFT, x2: ARENA_WIDTH - 8, y1: floor - high(value), y2: floor - high(value) }),
      s("text", { class: "axis", x: LEFT - 8, y: floor - high(value) + 4, "text-anchor": "end" }, grouped(value)))),
    ...found.placed.map((each, number) => s("rect", { class: `strip shade-${number % 4}`, x: LEFT + each.from * step, width: (each.to - each.from + 1) * step,
      y: floor - high(each.offset + each.bytes), height: high(each.bytes) },
      s("title", {}, `${each.name}: ${grouped(each.bytes)} bytes, ${span(each)}`))),
    found.peak < 0 ? null : s("rect", { class: "here", x: LEFT + found.peak * step, y: 4, width: Math.max(2, step), height: floor - 4 }),
    ...[0, found.operators.length - 1].map((at, end) => s("text", { class: "axis", x: end ? ARENA_WIDTH - 8 : LEFT, y: ARENA_HEIGHT - 8, "text-anchor": end ? "end" : "start" }, found.operators[at]?.name ?? "")));
  return [
    h("p", {}, h("b", {}, `${grouped(found.head)} bytes`), " of arena in int8 on TensorFlow Lite Micro, under the plan that the exported file carries; ",
      `${grouped(found.greedy)} by the runtime's own planner, ${grouped(found.bound)} at least by any. `,
      `With what the runtime keeps beside it ${bytes(found.total[0])} to ${bytes(found.total[1])}, estimated.`),
    map,
    h("table", {}, h("caption", {}, `What lies where at the peak${peak ? `, in ${peak.name}` : ""}`),
      h("thead", {}, h("tr", {}, ...["tensor", "first byte", "last byte", "bytes"].map((title, at) => h("th", { scope: "col", class: at ? "number" : null }, title)))),
      h("tbody", {}, ...there.map((each) => h("tr", {}, h("td", {}, each.name), ...[each.offset, each.offset + each.bytes - 1, each.bytes].map((value) => h("td", { class: "number" }, grouped(value))))))),
  ];
}

function span(each: { offset: number; bytes: number }): string {
  return `at ${grouped(each.offset)} to ${grouped(each.offset + each.bytes - 1)}`;
}
