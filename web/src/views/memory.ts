// Memory over time: what is alive while each layer of an inference runs, the peak marked.

import type { Memory } from "../contract";
import { bytes, fill, h, s } from "../dom";
import { greyed, shown, type Store } from "../store";
import { whenSeen } from "./table";

const HEIGHT = 240;
const LEFT = 64;
const BOTTOM = 26;

export function memory(store: Store, choose: (rows: number[], from: "memory") => void): HTMLElement {
  let at = -1; // -1: the peak
  const chart = h("div", { class: "chart" });
  const words = h("div", { class: "alive", "aria-live": "polite" });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Layer whose live tensors are listed",
    oninput: () => { at = Number(slider.value); paint(); tell(); } });
  const root = h("div", { class: "memory scroll" }, chart, h("div", { class: "slider" }, slider), words);
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
    s("text", { class: "axis strong", x: peak, y: 11, "text-anchor": anchor }, `peak ${bytes(known.peak_bytes)}`),
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
