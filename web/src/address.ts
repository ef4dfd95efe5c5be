// A network as a link: file name and text stand in the address's fragment, with the version of that form.

import { h } from "./dom";

export const FORM = 1;
const MOST = 64_000; // characters of a link; browsers and messengers cut longer ones

export interface Shared {
  file: string;
  text: string;
}

/** The fragment that stands for a text; null where it would be too long for a link. */
export async function toFragment({ file, text }: Shared, by: string): Promise<string | null> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  if (packed.length * 1.4 > MOST) return null;
  let raw = "";
  for (const byte of packed) raw += String.fromCharCode(byte);
  const code = btoa(raw).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `#${new URLSearchParams({ archbuilder: String(FORM), by, file, text: code })}`;
}

/** What a fragment stands for; null where there is none.  Throws an Error that says in a sentence what is wrong with it. */
export async function fromFragment(fragment: string): Promise<Shared | null> {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const form = fields.get("archbuilder");
  if (!form) return null;
  if (Number(form) !== FORM) {
    throw new Error(`This link is of form ${form}${fields.get("by") ? ` (archbuilder ${fields.get("by")})` : ""}, ` +
      `which this page does not know: it reads form ${FORM}. Open it with a newer page.`);
  }
  const code = fields.get("text");
  if (code === null) throw new Error("This link is broken: it has no text.");
  try {
    const raw = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
    return { file: named(fields.get("file")), text: await unpacked(bytes) };
  } catch {
    throw new Error("This link is broken: a part of it is missing or was changed on its way.");
  }
}

const LARGEST = 8 * 2 ** 20; // bytes of a text: a short link may stand for a huge one

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > LARGEST) throw new Error("too large");
    text += decoder.decode(value, { stream: true });
  }
}

function named(file: string | null): string {
  return (file ?? "").replace(/[\\/:*?"<>|]/g, "_").slice(0, 100) || "net.yaml";
}

/** Hands a text to the user as a file. */
export function download(name: string, content: string | Blob, type = "text/yaml"): void {
  const address = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type }) : content);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
