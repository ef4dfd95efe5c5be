// The drawing: the analyser's own layout, painted.  Groups fold; boxes are tied to lines of the text and rows of the table.

import type { Box, Drawing, Edge, Group, Widths } from "../contract";
import { button, fill, h, s } from "../dom";
import { greyed, shown, type Store } from "../store";
import { whenSeen } from "./table";

const TURN = 12; // radius of a corner
const HEAD = 7; // length of an arrow's head
const MARGIN = 20;

export interface Acting {
  choose(rows: number[], from: "drawing"): void;
  fold(folded: string[]): void;
}

export function drawing(store: Store, acting: Acting): HTMLElement {
  let zoom = 0; // 0: as wide as the pane, but not larger than life
  let focused = "";
  const paper = h("div", { class: "paper scroll" });
  const note = h("p", { class: "pale aside" });
  const size = (change: number) => {
    zoom = change === 0 ? 0 : Math.min(3, Math.max(0.15, (zoom || current(paper)) * change));
    paint();
  };
  const select = h("select", { "aria-label": "What the bar in a box shows", onchange: () => store.set({ widths: select.value as Widths }) },
    h("option", { value: "channels" }, "channels"), h("option", { value: "params" }, "parameters"), h("option", { value: "macs" }, "MACs"));
  const all = (fold: boolean) => {
    const groups = drawn(store)?.groups ?? [];
    acting.fold(fold ? groups.filter((group) => !group.parent).map((group) => group.id) : []);
  };
  const tools = h("div", { class: "tools" },
    h("label", {}, "Bars: ", select),
    h("span", { class: "gap" }),
    button("Fold all", () => all(true), { class: "small" }), button("Unfold all", () => all(false), { class: "small" }),
    h("span", { class: "gap" }),
    button("−", () => size(1 / 1.25), { class: "small", "aria-label": "Smaller" }),
    button("Fit", () => size(0), { class: "small", "aria-label": "Fit the width" }),
    button("+", () => size(1.25), { class: "small", "aria-label": "Larger" }));
  const root = h("div", { class: "drawing" }, tools, note, paper);

  const paint = () => {
    const found = drawn(store);
    const answer = store.get("check");
    fill(note, answer?.drawing?.partial ? "The file has an error: this is what can be drawn of it."
      : (shown(store)?.drawing_note ?? null));
    note.hidden = !note.textContent;
    root.classList.toggle("old", answer?.drawing ? store.get("stale") : greyed(store));
    if (!found) return fill(paper, h("p", { class: "pale empty" }, "Nothing can be drawn of this text yet."));
    const top = paper.scrollTop;
    const picture = svg(found, store, acting, zoom, paper.clientWidth);
    fill(paper, picture);
    paper.scrollTop = top;
    mark();
    rove(picture, () => focused, (id) => (focused = id));
  };
  const mark = () => {
    const chosen = new Set(store.get("chosen"));
    const hover = new Set(store.get("hover"));
    for (const each of paper.querySelectorAll<SVGGElement>(".box")) {
      const rows = (each.dataset.rows ?? "").split(" ").filter(Boolean).map(Number);
      each.classList.toggle("chosen", rows.some((row) => chosen.has(row)));
      each.classList.toggle("pointed", rows.some((row) => hover.has(row)));
    }
  };
  whenSeen(store, "drawing", ["check", "good", "stale", "widths"], paint);
  store.watch(["chosen"], () => {
    mark();
    if (store.get("tab") === "drawing" && !root.contains(document.activeElement)) {
      paper.querySelector(".box.chosen")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  });
  store.watch(["hover"], mark);
  new ResizeObserver(() => zoom === 0 && store.get("tab") === "drawing" && paint()).observe(paper);
  return root;
}

function drawn(store: Store): Drawing | null {
  return store.get("check")?.drawing ?? shown(store)?.drawing ?? null;
}

function current(paper: HTMLElement): number {
  const picture = paper.querySelector("svg");
  return picture ? picture.getBoundingClientRect().width / picture.viewBox.baseVal.width : 1;
}

function svg(found: Drawing, store: Store, acting: Acting, zoom: number, room: number): SVGSVGElement {
  const width = found.width + 2 * MARGIN;
  const height = found.height + 2 * MARGIN;
  const scale = zoom || Math.min(1, Math.max(0.62, (room - 4) / width));
  const picture = s("svg", {
    viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`, width: width * scale, height: height * scale,
    role: "group", "aria-label": "Drawing of the network: arrow keys go from box to box, Enter to its line",
  });
  const widest = Math.max(1, ...found.boxes.map((box) => weight(box, store.get("widths"))));
  picture.append(
    ...found.groups.filter((group) => !group.folded).map((group) => frame(group, found, store, acting)),
    ...found.edges.map(line),
    ...found.boxes.map((box) => card(box, found, store, acting, widest)),
    ...found.edges.filter((edge) => edge.at && edge.label).map(label));
  return picture;
}

function frame(group: Group, found: Drawing, store: Store, acting: Acting): SVGGElement {
  const toggle = () => acting.fold([...foldedNow(found), group.id]);
  const title = s("text", { class: "stage", x: group.x + 30, y: group.y + 21 }, group.title);
  return s("g", { class: `frame ${group.kind ?? "stage"}` },
    s("rect", { x: group.x, y: group.y, width: group.width, height: group.height, rx: 10 }),
    s("g", { class: "folder", role: "button", tabindex: 0, "aria-label": `Fold ${group.title}`, "data-fold": group.id, onclick: toggle,
      onkeydown: onEnter(toggle), onmouseenter: () => store.set({ hover: group.rows }), onmouseleave: () => store.set({ hover: [] }) },
      s("rect", { class: "hit", x: group.x + 6, y: group.y + 6, width: Math.max(40, group.title.length * 7.4 + 32), height: 22, rx: 5 }),
      s("path", { class: "chevron", d: `M${group.x + 14} ${group.y + 14}l4.5 5l4.5 -5` }), title));
}

export function foldedNow(found: Drawing): string[] {
  return found.folded ?? found.groups.filter((group) => group.folded).map((group) => group.id);
}

function weight(box: Box, by: Widths): number {
  return by === "channels" ? (box.shape[0] ?? 0) : ((by === "params" ? box.params : box.macs) ?? 0);
}

function card(box: Box, found: Drawing, store: Store, acting: Acting, widest: number): SVGGElement {
  const unfold = box.folded ? () => acting.fold(foldedNow(found).filter((id) => `group:${id}` !== box.id)) : null;
  const choose = () => acting.choose(box.rows, "drawing");
  const words = [box.title, ...box.lines, box.cost && `${box.cost} parameters`, box.shape.length ? `output ${box.shape.join("×")}` : "",
    box.line ? `line ${box.line}` : "", unfold ? "folded" : ""].filter(Boolean).join(", ");
  const group = s("g", {
    class: `box kind-${box.kind}${box.folded ? " is-folded" : ""}${box.symbol ? " merge" : ""}`, role: "button", tabindex: -1,
    "aria-label": words, "data-rows": box.rows.join(" "), "data-id": box.id,
    onclick: choose,
    ondblclick: () => unfold?.(),
    onkeydown: onEnter(unfold ?? choose),
    onmouseenter: () => store.set({ hover: box.rows }), onmouseleave: () => store.set({ hover: [] }),
    onfocus: () => store.set({ hover: box.rows }),
  });
  const radius = box.symbol || box.kind === "end" ? box.height / 2 : 7;
  const middle = box.x + box.width / 2;
  if (box.folded) group.append(s("rect", { class: "under", x: box.x + 4, y: box.y + 4, width: box.width, height: box.height, rx: radius }));
  group.append(s("rect", { class: "card", x: box.x, y: box.y, width: box.width, height: box.height, rx: radius }));
  if (box.symbol) {
    group.append(s("text", { class: "symbol", x: middle, y: box.y + box.height / 2 + 4, "text-anchor": "middle" }, box.symbol));
    if (box.title) group.append(s("text", { class: "note", x: box.x - 9, y: box.y + box.height + 17, "text-anchor": "end" }, box.title));
    return group;
  }
  if (box.kind === "end") {
    group.append(s("text", { class: "title", x: middle, y: box.y + box.height / 2 - 3, "text-anchor": "middle" }, box.title),
      s("text", { class: "text", x: middle, y: box.y + box.height / 2 + 13, "text-anchor": "middle" }, box.lines.join(" ")));
    return group;
  }
  const left = box.x + 14;
  group.append(s("text", { class: "title", x: left, y: box.y + 22 }, box.title),
    s("text", { class: "text cost", x: box.x + box.width - (unfold ? 36 : 14), y: box.y + 22, "text-anchor": "end" }, box.cost),
    ...box.lines.map((line, number) => s("text", { class: "text", x: left, y: box.y + 39 + 15 * number }, line)));
  const share = weight(box, store.get("widths")) / widest;
  group.append(s("rect", { class: "weight", x: box.x + 7, y: box.y + box.height - 4, height: 4, rx: 2, width: Math.max(share ? 3 : 0, share * (box.width - 14)) }));
  if (unfold) {
    group.append(s("g", { class: "folder", "data-unfold": box.id, onclick: (event: Event) => { event.stopPropagation(); unfold(); } },
      s("rect", { class: "hit", x: box.x + box.width - 32, y: box.y + 6, width: 26, height: 24, rx: 5 }),
      s("path", { class: "chevron", d: `M${box.x + box.width - 21} ${box.y + 13}l5 4.5l-5 4.5` })));
  }
  return group;
}

function onEnter(work: () => void) {
  return (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    work();
  };
}

/** One box is in the order of the Tab key; arrow keys go on from there. */
function rove(picture: SVGSVGElement, focused: () => string, remember: (id: string) => void): void {
  const boxes = [...picture.querySelectorAll<SVGGElement>(".box")];
  const set = (box: SVGGElement | undefined, focus: boolean) => {
    if (!box) return;
    for (const each of boxes) each.setAttribute("tabindex", each === box ? "0" : "-1");
    remember(box.dataset.id ?? "");
    if (focus) {
      box.focus({ preventScroll: true });
      box.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  };
  set(boxes.find((box) => box.dataset.id === focused()) ?? boxes[0], false);
  picture.addEventListener("keydown", (event) => {
    const at = boxes.indexOf(document.activeElement as unknown as SVGGElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -boxes.length, End: boxes.length }[event.key];
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    set(boxes[Math.min(boxes.length - 1, Math.max(0, at + step))], true);
  });
}

function line(edge: Edge): SVGGElement {
  return s("g", { class: edge.skip ? "edge skip" : "edge", "aria-hidden": "true" },
    s("path", { class: "line", d: rounded(edge.points) }), s("path", { class: "head", d: arrow(edge.points) }));
}

function label(edge: Edge): SVGTextElement {
  return s("text", { class: "note", x: edge.at![0], y: edge.at![1], "aria-hidden": "true" }, edge.label);
}

type Point = [number, number];

function rounded(points: Point[]): string {
  let path = `M${points[0]}`;
  for (let i = 1; i + 1 < points.length; i++) {
    const [before, corner, after] = [points[i - 1]!, points[i]!, points[i + 1]!];
    const radius = Math.min(TURN, far(before, corner) / 2, far(corner, after) / 2);
    path += `L${towards(corner, before, radius)}Q${corner} ${towards(corner, after, radius)}`;
  }
  return `${path}L${points.at(-1)}`;
}

function arrow(points: Point[]): string {
  const [from, tip] = [points.at(-2)!, points.at(-1)!];
  const length = far(from, tip) || 1;
  const [dx, dy] = [((tip[0] - from[0]) / length) * HEAD, ((tip[1] - from[1]) / length) * HEAD];
  return `M${tip}L${[tip[0] - dx - dy / 2, tip[1] - dy + dx / 2]}L${[tip[0] - dx + dy / 2, tip[1] - dy - dx / 2]}Z`;
}

function far(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function towards(from: Point, to: Point, by: number): Point {
  const length = far(from, to) || 1;
  return [from[0] + ((to[0] - from[0]) * by) / length, from[1] + ((to[1] - from[1]) * by) / length];
}
