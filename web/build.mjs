// Builds the front end into the package: `npm ci && npm run build`.  With a folder as argument, into that folder.

import { build } from "esbuild";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "archbuilder", "live", "static");

mkdirSync(out, { recursive: true });
const common = { absWorkingDir: here, outdir: out, bundle: true, minify: true, target: "es2022", charset: "ascii", legalComments: "none" };
const result = await build({ ...common, entryPoints: { app: "src/main.ts" }, format: "esm", metafile: true });
await build({ ...common, entryPoints: { worker: "src/worker.ts" }, format: "iife" });
await build({ ...common, entryPoints: { app: "src/style.css" } });
copyFileSync(join(here, "src", "index.html"), join(out, "index.html"));
writeFileSync(join(out, "licences.txt"), licences(Object.keys(result.metafile.inputs)));

/** The licence of every package of which something is in the script, once for each text. */
function licences(inputs) {
  const folders = inputs.map((path) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean);
  const texts = new Map();
  for (const folder of [...new Set(folders)].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
    const file = readdirSync(join(here, folder)).find((each) => /^licen[cs]e/i.test(each));
    const text = readFileSync(join(here, folder, file), "utf8").trim();
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  return [...texts].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`).join(`\n${"-".repeat(80)}\n\n`);
}
