// Python in a worker: it gets the parts of Pyodide and of the analyser once, then questions as JSON.  Nothing is fetched.

interface Pyodide {
  FS: { mkdirTree(path: string): void; writeFile(path: string, data: Uint8Array, options: { canOwn: boolean }): void };
  runPython(code: string): unknown;
}

type Load = (options: object) => Promise<Pyodide>;

const HOST = "https://parts.invalid/"; // a name that stands for the parts; no request is ever made to it
const SITE = "/lib/parts";
const START = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, "${SITE}")
from archbuilder.live import answer_json
answer_json
`;

let answer: ((question: string) => string) | null = null;

onmessage = async ({ data }) => {
  try {
    if (data.parts) {
      answer = await start(data.parts);
      postMessage({ ready: true });
    } else if (answer) {
      postMessage({ id: data.id, answer: answer(data.question) });
    }
  } catch (error) {
    postMessage({ fatal: lastLine(String((error as Error)?.message ?? error)) });
  }
};

/** The end of a traceback, which says what happened. */
function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

async function start(parts: Record<string, string>): Promise<(question: string) => string> {
  const responses: Record<string, () => Response> = {
    "pyodide.asm.wasm": () => new Response(unzipped(parts["pyodide.asm.wasm"]!), { headers: { "Content-Type": "application/wasm" } }),
    "python_stdlib.zip": () => new Response(unzipped(parts["python_stdlib.zip"]!)),
  };
  globalThis.fetch = async (input: RequestInfo | URL) => {
    const name = String(input instanceof Request ? input.url : input).replace(HOST, "");
    const found = responses[name];
    if (!found) throw new Error(`${name} is no part of this page`);
    return found();
  };
  // A module worker cannot be made of a blob on a page from a disk, and Pyodide refuses a classic one, which it knows by
  // this function; all that it needs of a module worker, import(), a classic one has as well.
  Object.assign(globalThis, { importScripts: () => { throw new Error("not here"); } });
  const [{ loadPyodide }, { default: createPyodideModule }] = await Promise.all([
    module(parts["pyodide.mjs"]!) as Promise<{ loadPyodide: Load }>,
    module(parts["pyodide.asm.mjs"]!) as Promise<{ default: unknown }>,
  ]);
  const joined = new Response(unzipped(parts["packages"]!)).arrayBuffer();
  const pyodide = await loadPyodide({
    indexURL: HOST,
    stdLibURL: `${HOST}python_stdlib.zip`,
    lockFileContents: parts["pyodide-lock.json"]!,
    createPyodideModule,
    env: { PYDANTIC_DISABLE_PLUGINS: "__all__" },
  });
  unpack(pyodide.FS, await joined);
  return pyodide.runPython(START) as (question: string) => string;
}

/** Files one after the other, behind a line that has the length of each. */
function unpack(files: Pyodide["FS"], joined: ArrayBuffer): void {
  const data = new Uint8Array(joined);
  let at = data.indexOf(10) + 1;
  const lengths = JSON.parse(new TextDecoder().decode(data.subarray(0, at))) as Record<string, number>;
  for (const [name, length] of Object.entries(lengths)) {
    const path = `${SITE}/${name}`;
    files.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    files.writeFile(path, data.subarray(at, at += length), { canOwn: true });
  }
}

/** A module of text that was packed. */
async function module(packed: string): Promise<unknown> {
  const source = await new Response(unzipped(packed)).blob();
  return import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
}

function unzipped(packed: string): ReadableStream<Uint8Array> {
  return new Blob([decoded(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
}

function decoded(text: string): Uint8Array<ArrayBuffer> {
  const modern = Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  if (modern.fromBase64) return modern.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}
