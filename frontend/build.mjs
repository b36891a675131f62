// Builds the scripts under gradviz/widgets/static/: `node build.mjs [folder]`.
//
//   kit.js                    what all views share; runs first
//   viewer.js, trajectory.js  one view each
//   canvas.js, quiz.js        parts of the viewer that only large graphs, and only steppers, need
//   replay.js                 unpacks the others from the page
//   selftest.js               an anywidget module, whole: it needs a kernel anyway
//
// All but the last are classic scripts: text that can be put into a page, so a saved notebook loads nothing from anywhere.
import { build } from "esbuild";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "gradviz", "widgets", "static");
const there = (...names) => names.filter((name) => existsSync(join(here, "src", `${name}.ts`))).map((name) => `src/${name}.ts`);

const common = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
};
await build({ ...common, format: "iife", entryPoints: there("kit", "replay"), plugins: [squeeze()] });
await build({ ...common, format: "iife", entryPoints: there("viewer", "canvas", "quiz", "trajectory"), plugins: [shared(), squeeze()] });
await build({ ...common, format: "esm", entryPoints: there("selftest"), plugins: [squeeze()] });

/** Imports of the kit's modules become reads of the one kit that is on the page. */
function shared() {
  return {
    name: "shared",
    setup(b) {
      b.onResolve({ filter: /^\.\/(dom|keys|number|register|shell|timeline|transport)$/ }, ({ path }) => ({ path, namespace: "kit" }));
      b.onLoad({ filter: /.*/, namespace: "kit" }, async ({ path }) => {
        const source = await readFile(join(here, "src", `${path}.ts`), "utf8");
        const names = [...source.matchAll(/^export (?:function|const|class) (\w+)/gm)].map((m) => m[1]);
        return { contents: `export const { ${names.join(", ")} } = globalThis.gradvizKit;`, loader: "js" };
      });
    },
  };
}

/** Style sheets are template texts: take out the line ends and blanks that only people need. */
function squeeze() {
  return {
    name: "squeeze",
    setup(b) {
      b.onLoad({ filter: /src[\\/](style|look)\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        const from = source.indexOf("`");
        const css = source.slice(from).replace(/\s*\n\s*/g, "").replace(/;}/g, "}");
        return { contents: source.slice(0, from) + css, loader: "ts" };
      });
    },
  };
}
