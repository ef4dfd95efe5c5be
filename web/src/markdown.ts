// The manual's Markdown as elements: paragraphs, headings, lists, tables, code, bold.  Text stays text: no HTML in it counts.

import { h } from "./dom";

export function markdown(text: string): HTMLElement {
  const root = h("div", { class: "prose" });
  const lines = text.split("\n");
  let at = 0;
  const until = (stop: (line: string) => boolean): string[] => {
    const found: string[] = [];
    while (at < lines.length && !stop(lines[at]!)) found.push(lines[at++]!);
    return found;
  };
  while (at < lines.length) {
    const line = lines[at]!;
    const fence = /^\s*(```+)/.exec(line);
    if (fence) {
      at++;
      const code = until((each) => each.trim() === fence[1]);
      at++;
      root.append(h("pre", {}, code.join("\n")));
    } else if (/^#{1,6} /.test(line)) {
      at++;
      root.append(h("h4", {}, ...inline(line.replace(/^#+ /, ""))));
    } else if (/^\s*[-*] /.test(line)) {
      const items = until((each) => !/^\s*[-*] /.test(each) && !/^\s{2,}\S/.test(each));
      root.append(list(items));
    } else if (/^\|/.test(line)) {
      root.append(table(until((each) => !each.startsWith("|"))));
    } else if (!line.trim()) {
      at++;
    } else {
      const paragraph = until((each) => !each.trim() || /^(\s*```|#{1,6} |\s*[-*] |\|)/.test(each));
      root.append(h("p", {}, ...inline(paragraph.join(" "))));
    }
  }
  return root;
}

function list(lines: string[]): HTMLElement {
  const items: string[] = [];
  for (const line of lines) {
    if (/^\s*[-*] /.test(line)) items.push(line.replace(/^\s*[-*] /, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return h("ul", {}, ...items.map((item) => h("li", {}, ...inline(item))));
}

function table(lines: string[]): HTMLElement {
  const cells = (line: string) => line.replace(/^\||\|\s*$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
  const [head, , ...rows] = lines;
  return h("table", {},
    h("thead", {}, h("tr", {}, ...cells(head ?? "").map((cell) => h("th", {}, ...inline(cell))))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row).map((cell) => h("td", {}, ...inline(cell)))))),
  );
}

function inline(text: string): Node[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).filter(Boolean).map((piece) => {
    if (piece.startsWith("`")) return h("code", {}, piece.slice(1, -1));
    if (piece.startsWith("**")) return h("strong", {}, piece.slice(2, -2));
    return document.createTextNode(piece.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replace(/\\([|_*])/g, "$1"));
  });
}
