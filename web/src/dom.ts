// Elements without a framework: a tag, its properties, its children.

type Child = Node | string | number | null | undefined | false;

interface Properties {
  [name: string]: unknown;
}

/** An HTML element.  `on...` are listeners, `class` and `aria-...` attributes; false and null leave one out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled<E extends Element>(element: E, properties: Properties, children: Child[]): E {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

function present(children: Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Puts children into an element in place of those that it has. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...present(children));
}

/** A button that does one thing. */
export function button(label: Child, onclick: () => void, properties: Properties = {}): HTMLButtonElement {
  return h("button", { type: "button", ...properties, onclick: () => onclick() }, label);
}

/** An input, not seen, that a button opens: it hands on the file that is chosen, the same one a second time as well. */
export function chooser(accept: string, take: (file: File) => void): HTMLInputElement {
  const input = h("input", { type: "file", accept, class: "unseen", tabindex: -1, onchange: () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) take(file);
  } });
  return input;
}

/** `172910` as `172,910`. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** `18056000` as `18.1M`. */
export function human(value: number): string {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (value >= size) return `${(value / size).toFixed(1)}${unit}`;
  }
  return String(value);
}

/** Bytes as KiB or MiB. */
export function bytes(value: number): string {
  if (value >= 2 ** 20) return `${(value / 2 ** 20).toFixed(1)} MiB`;
  return value >= 1024 ? `${(value / 1024).toFixed(1)} KiB` : `${value} B`;
}

export function plural(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** Calls `work` once it has not been asked for during so many milliseconds. */
export function settled(work: () => void, milliseconds: number): () => void {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(work, milliseconds);
  };
}
