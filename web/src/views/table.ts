// The table of layers: sortable, the costliest marked; a row is tied to its line and to its box.

import type { Row } from "../contract";
import { bytes, fill, grouped, h, human } from "../dom";
import { greyed, shown, type Store } from "../store";

type Column = { key: string; title: string; of(row: Row): number | string; text(row: Row): string; number: boolean; share?: "params_share" | "macs_share" };

const COLUMNS: Column[] = [
  { key: "line", title: "line", of: (row) => row.line, text: (row) => String(row.line || ""), number: true },
  { key: "name", title: "layer", of: (row) => row.name, text: (row) => row.name, number: false },
  { key: "out", title: "output", of: (row) => row.shape.reduce((a, b) => a * b, 1), text: (row) => row.out, number: true },
  { key: "params", title: "params", of: (row) => row.params, text: (row) => (row.params ? grouped(row.params) : ""), number: true, share: "params_share" },
  { key: "macs", title: "MACs", of: (row) => row.macs, text: (row) => (row.macs ? human(row.macs) : ""), number: true, share: "macs_share" },
  { key: "field", title: "RF", of: (row) => row.size?.[0] ?? 0, text: (row) => row.field, number: true },
  { key: "stride", title: "stride", of: (row) => row.stride[0], text: (row) => [...new Set(row.stride)].join("×"), number: true },
  { key: "bytes", title: "bytes", of: (row) => row.bytes, text: (row) => bytes(row.bytes), number: true },
  { key: "op", title: "op", of: (row) => row.op, text: (row) => row.op, number: false },
];

const PAGE = 400; // rows that are painted at once; more as one scrolls

export function table(store: Store, choose: (rows: number[], from: "table") => void): HTMLElement {
  let sorted = { key: "", down: false };
  let painted = PAGE;
  const head = h("tr", {});
  const body = h("tbody", {});
  const end = h("div", { class: "more" });
  const root = h("div", { class: "layers scroll" },
    h("table", {}, h("caption", { class: "unseen" }, "Layers in the order in which they run"), h("thead", {}, head), body), end);

  const paint = () => {
    const rows = ordered(shown(store)?.rows ?? [], sorted);
    fill(head, ...COLUMNS.map((column) => header(column, sorted, () => {
      sorted = sorted.key !== column.key ? { key: column.key, down: column.number && column.key !== "line" }
        : sorted.down === (column.number && column.key !== "line") ? { key: column.key, down: !sorted.down } : { key: "", down: false };
      paint();
    })));
    const most = {
      params_share: rows.reduce((found, row) => Math.max(found, row.params_share), 0),
      macs_share: rows.reduce((found, row) => Math.max(found, row.macs_share), 0),
    };
    fill(body, ...rows.slice(0, painted).map((row) => line(row, most, store, choose)));
    fill(end, rows.length > painted ? `${grouped(rows.length - painted)} more rows below` : null);
    root.classList.toggle("old", greyed(store));
    mark();
  };
  const mark = () => {
    const chosen = new Set(store.get("chosen"));
    const hover = new Set(store.get("hover"));
    for (const each of body.rows) {
      const id = Number(each.dataset.row);
      each.classList.toggle("chosen", chosen.has(id));
      each.classList.toggle("pointed", hover.has(id));
      each.setAttribute("aria-selected", String(chosen.has(id)));
    }
  };
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && painted < (shown(store)?.rows.length ?? 0)) {
      painted += PAGE;
      paint();
    }
  }).observe(end);
  whenSeen(store, "layers", ["check", "good", "stale"], paint);
  store.watch(["chosen"], () => {
    mark();
    if (store.get("tab") === "layers" && !root.contains(document.activeElement)) {
      body.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
    }
  });
  store.watch(["hover"], mark);
  return root;
}

/** Paints only while a tab is open, and when it is opened. */
export function whenSeen(store: Store, tab: string, keys: readonly Parameters<Store["watch"]>[0][number][], paint: () => void): void {
  store.watch([...keys, "tab"], () => store.get("tab") === tab && paint());
}

function ordered(rows: Row[], { key, down }: { key: string; down: boolean }): Row[] {
  const column = COLUMNS.find((each) => each.key === key);
  if (!column) return rows;
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [column.of(a), column.of(b)];
    return sign * (typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y)) || a.id - b.id;
  });
}

function header(column: Column, sorted: { key: string; down: boolean }, onclick: () => void): HTMLElement {
  const state = sorted.key !== column.key ? "none" : sorted.down ? "descending" : "ascending";
  return h("th", { scope: "col", "aria-sort": state, class: column.number ? "number" : "" },
    h("button", { type: "button", onclick }, column.title,
      h("span", { class: "sort", "aria-hidden": "true" }, { none: "", ascending: " ↑", descending: " ↓" }[state])));
}

function line(row: Row, most: Record<"params_share" | "macs_share", number>, store: Store, choose: (rows: number[], from: "table") => void): HTMLElement {
  const cells = COLUMNS.map((column) => {
    const cell = h(column.key === "name" ? "th" : "td", { class: column.number ? "number" : "", ...(column.key === "name" && { scope: "row" }) });
    if (column.share && row[column.share] > 0) {
      const bar = h("span", { class: row.costly ? "share costly" : "share", "aria-hidden": "true" });
      bar.style.width = `${(100 * row[column.share]) / most[column.share]}%`;
      cell.append(bar, h("span", { class: "over" }, column.text(row)));
      cell.title = `${(100 * row[column.share]).toFixed(1)} % of all`;
    } else cell.append(column.text(row));
    if (column.key === "name" && row.costly) cell.append(h("span", { class: "tag" }, "costly"));
    return cell;
  });
  return h("tr", {
    "data-row": row.id, tabindex: 0,
    onclick: () => choose([row.id], "table"),
    onkeydown: (event: KeyboardEvent) => {
      const at = event.currentTarget as HTMLElement;
      if (event.key === "Enter" || event.key === " ") choose([row.id], "table");
      else if (event.key === "ArrowDown") (at.nextElementSibling as HTMLElement | null)?.focus();
      else if (event.key === "ArrowUp") (at.previousElementSibling as HTMLElement | null)?.focus();
      else return;
      event.preventDefault();
    },
    onmouseenter: () => store.set({ hover: [row.id] }),
    onmouseleave: () => store.set({ hover: [] }),
    onfocus: () => store.set({ hover: [row.id] }),
  }, ...cells);
}
