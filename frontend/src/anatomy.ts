// One step taken apart: a table of its parts with their numbers, the formula, and arrows for those that point somewhere. The parts are
// named by gradviz/widgets/optim/anatomy.py, their numbers come from the engine or from optimizers.ts.
import { el } from "./dom";
import { g } from "./number";
import type { Arrow } from "./brush";
import type { Recipe, Setting, Walk } from "./optimizers";
import { real } from "./real";
import type { Num } from "./types";

export interface About {
  parts: [key: string, symbol: string, name: string, arrow: string][];
  keys: string[];
  formulas: string[];
  constants: [symbol: string, option: string, which: number][];
}

/** A walk as Python wrote it. */
export interface PackedWalk {
  path?: Num[][];
  losses: Num[];
  grads?: Num[][];
  terms?: Record<string, (Num[] | null)[]>;
}

const COLOURS: Record<string, string> = { g: "fwd", c: "leaf", decay: "soft", shrink: "soft", step: "bwd" };
const colour = (key: string): string => COLOURS[key] ?? "upd";

export const ANATOMY = `
.anatomy{padding:10px 16px;overflow-wrap:anywhere;min-width:0}
.anatomy h4{margin:0 0 2px;color:var(--ink);font-size:13px}
.anatomy table{border-collapse:collapse;width:100%;font:12px/1.5 var(--mono);font-variant-numeric:tabular-nums}
.anatomy td{white-space:nowrap;overflow-wrap:normal}
.anatomy th,.anatomy td{text-align:right;padding:3px 0 3px 10px;font-weight:400;vertical-align:baseline}
.anatomy th{color:var(--soft)}.anatomy th:first-child{text-align:left;padding-left:0;font-family:var(--sans);width:99%}
.anatomy thead th{border-bottom:1px solid var(--line);font-weight:600}
.anatomy tbody tr+tr>*{border-top:1px solid var(--frame)}
.anatomy b{color:var(--ink);font:600 13px var(--mono);display:inline-block;min-width:34px;margin-right:6px;white-space:nowrap}
.anatomy i{display:inline-block;width:16px;height:3px;border-radius:2px;margin-right:7px;vertical-align:middle}
.anatomy .step th,.anatomy .step td{color:var(--ink);font-weight:600}
.formula{margin:10px 0 0;padding:8px 10px;background:var(--panel);border:1px solid var(--line);border-radius:7px;font:13px/1.65 var(--mono);white-space:pre-wrap;color:var(--ink)}
.formula small{display:block;color:var(--soft);font:12px/1.5 var(--mono);margin-top:2px}
`;

const SHAFT = new Set(["slope", "step"]);

/** What the parts of one step are, as a table; `step` is null at the end of the walk, where only the gradient is known. */
export function opened(about: About, names: string[], numbers: (key: string) => Num[] | null, settings: Record<string, Setting>[] | null, clip: number | null, note: string): HTMLElement[] {
  const body = el("tbody");
  const shown = arrowKeys(about);
  about.parts.forEach(([, symbol, name, arrow], i) => {
    const key = about.keys[i];
    const values = numbers(key);
    if (!values) return;
    const mark = el("i", { "aria-hidden": "true" });
    mark.style.background = SHAFT.has(arrow) && shown.has(key) ? `var(--${colour(key)})` : "transparent";
    body.append(el("tr", { class: key === "step" ? "step" : null },
      el("th", { scope: "row" }, mark, el("b", {}, symbol), " ", name), ...values.map((v) => el("td", {}, g(v)))));
  });
  const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", {}), ...names.map((n) => el("th", { scope: "col" }, n)))), body);
  const out: HTMLElement[] = [table];
  const used = settings ? about.constants.map(([symbol, option, which]) => {
    const each = settings.filter((s) => option in s).map((s) => (which < 0 ? s[option] : (s[option] as number[])?.[which]));
    return `${symbol} = ${[...new Set(each.map((v) => g(Number(v ?? 0))))].join(", ")}`;
  }) : [];
  if (clip !== null) used.push(`max_norm = ${g(clip)}`);
  if (about.formulas.length) out.push(el("div", { class: "formula" }, about.formulas.join("\n"), el("small", {}, used.join("   "))));
  if (note) out.push(el("p", { class: "hint" }, note));
  return out;
}

const arrowKeys = (about: About): Set<string> => new Set(about.parts.flatMap(([, , , arrow], i) => (arrow ? [about.keys[i]] : [])));

/** Arrows from the place of a step. Slopes point downhill, on one scale: the rate where that can be seen, else what fits. */
export function arrows(about: About, from: number[], numbers: (key: string) => Num[] | null, rate: number, length: (way: number[]) => number): { arrows: Arrow[]; scale: number } {
  const shown = arrowKeys(about);
  const found: { key: string; symbol: string; values: number[]; kind: string }[] = [];
  about.parts.forEach(([, symbol, , kind], i) => {
    const key = about.keys[i];
    const values = numbers(key)?.map(real);
    if (key === "c" && String(values) === String(numbers("g")?.map(real))) return; // nothing was clipped: one arrow is enough
    if (values?.every(Number.isFinite) && kind && shown.has(key)) found.push({ key, symbol, values, kind });
  });
  const longest = Math.max(0, ...found.filter((f) => f.kind === "slope").map((f) => length(f.values)));
  const scale = longest * rate >= 9 && longest * rate <= 200 ? rate : longest > 0 ? 84 / longest : 0;
  return {
    scale,
    arrows: found.map(({ key, symbol, values, kind }) => ({
      from, colour: colour(key), thick: key === "step" ? 3.2 : 2,
      way: values.map((v) => (kind === "slope" ? -v * scale : v)),
      label: kind === "slope" ? `−${symbol.includes(" ") ? `(${symbol})` : symbol}` : symbol,
    })),
  };
}

/** The options of each parameter at a step, schedules followed. */
export function optionsAt(recipe: Recipe | null, step: number): Record<string, Setting>[] | null {
  return recipe && recipe.settings.map((s, i) => {
    const now = { ...s };
    for (const [name, rows] of Object.entries(recipe.schedule)) {
      const row = rows[Math.min(step, rows.length - 1)];
      if (row) now[name] = row[i];
    }
    return now;
  });
}

/** The engine's walk with its words as numbers. */
export function unpacked(walk: PackedWalk): Walk {
  return {
    path: (walk.path ?? []).map((p) => p.map(real)), losses: walk.losses.map(real), grads: (walk.grads ?? []).map((p) => p.map(real)),
    terms: Object.fromEntries(Object.entries(walk.terms ?? {}).map(([name, rows]) => [name, rows.map((r) => r && r.map(real))])),
  };
}
