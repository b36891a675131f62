// Builds the scripts under gradviz/widgets/static/: `node build.mjs [folder]`.
//
//   kit.js                    what all views share; runs first
//   viewer.js                 the graph viewer
//   canvas.js, part-*.js      what only some graphs need of it: src/canvas.ts and src/parts/*.ts
//   view-*.js                 one other view each: src/views/*.ts
//   replay.js                 unpacks the others from the page
//   live.js                   an anywidget module: brings any view to life with the kernel behind it
//   selftest.js, course.js    two more, whole
//
// All but these three are classic scripts: text that can be put into a page, so a saved notebook loads nothing from anywhere.
import { build } from "esbuild";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "gradviz", "widgets", "static");
const in_ = async (folder) => (await readdir(join(here, "src", folder))).filter((f) => f.endsWith(".ts")).map((f) => f.slice(0, -3)).sort();
const parts = (await in_("parts")).map((name) => ({ in: `src/parts/${name}.ts`, out: `part-${name}` }));
const views = (await in_("views")).map((name) => ({ in: `src/views/${name}.ts`, out: `view-${name}` }));

const common = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
};
await build({ ...common, format: "iife", entryPoints: ["src/kit.ts", "src/replay.ts"], plugins: [squeeze()] });
await build({ ...common, format: "iife", entryPoints: [{ in: "src/viewer.ts", out: "viewer" }, { in: "src/canvas.ts", out: "canvas" }, ...parts, ...views], plugins: [shared(), squeeze()] });
await build({ ...common, format: "esm", entryPoints: ["src/live.ts", "src/selftest.ts", "src/course.ts"], plugins: [squeeze()] });

/** Imports of the kit's modules become reads of the one kit that is on the page. */
function shared() {
  return {
    name: "shared",
    setup(b) {
      b.onResolve({ filter: /^\.\.?\/(dom|keys|help|number|register|shell|timeline|transport|twin)$/ }, ({ path }) => ({ path: path.replace("../", "./"), namespace: "kit" }));
      b.onResolve({ filter: /^the kit$/ }, ({ path }) => ({ path, namespace: "read" }));
      b.onLoad({ filter: /.*/, namespace: "read" }, () => ({ contents: "export const read = (name) => globalThis.gradvizKit[name];", loader: "js" }));
      b.onLoad({ filter: /.*/, namespace: "kit" }, async ({ path }) => {
        const source = await readFile(join(here, "src", `${path}.ts`), "utf8");
        const names = [...source.matchAll(/^export (?:function|const|class) (\w+)/gm)].map((m) => m[1]);
        // "Pure", so that names which nobody imports are left out.
        const reads = names.map((name) => `export const ${name} = /* @__PURE__ */ read("${name}");`);
        return { contents: `import { read } from "the kit";\n${reads.join("\n")}`, loader: "js" };
      });
    },
  };
}

/** Style sheets are template texts: take out the line ends and blanks that only people need. */
function squeeze() {
  return {
    name: "squeeze",
    setup(b) {
      b.onLoad({ filter: /src[\\/].*\.ts$/, namespace: "file" }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        const tight = (_, name, css) => name + css.replace(/\s*\n\s*/g, "").replace(/;}/g, "}").replace(/([}{;]) +/g, "$1");
        return { contents: source.replace(/^((?:export )?const [A-Z]+ = `)([^`]*(?=`;$))/gm, tight), loader: "ts" };
      });
    },
  };
}
