// DifferenceCurve: the error of a finite difference over h. Drag h: the subtraction is written out, and shows what it loses.
import { Board, BOARD, choice, key } from "../board";
import { el, put, say, svg } from "../dom";
import { g } from "../number";
import { pen, Plot, PLOT } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import type { Num } from "../types";

type Kind = "float64" | "float32";
type Name = "forward" | "central";

interface Formula {
  slopes: Num[];
  errors: Num[];
  best: number;
  theory: number;
  truncation: number | null; // at h = 1; times h, or h squared
  rounding: number; // at h = 1; divided by h
}

export interface DifferenceData {
  title: string;
  name: string;
  x: number;
  exact: number;
  relative: boolean;
  hs: number[];
  types: Record<Kind, { eps: number; here: Num; plus: Num[]; minus: Num[]; formulas: Record<Name, Formula> }>;
  low: number;
  high: number;
  timeline: string | null;
}

const TYPES: Kind[] = ["float64", "float32"];
const NAMES: Name[] = ["forward", "central"];
const DIGITS = { float64: 17, float32: 9 }; // that tell any two numbers of the type apart
const ROOTS = { forward: "√eps", central: "∛eps" };
const CSS = `${PLOT}${BOARD}
.plot{cursor:ew-resize}
.line{fill:none;stroke-width:1.5;opacity:.5}.line.on{stroke-width:2.6;opacity:1}
.limit{fill:none;stroke:var(--soft);stroke-width:1.3;stroke-dasharray:5 4}.root{stroke:var(--upd);stroke-width:1.3;stroke-dasharray:2 3;fill:none}
.plot .said-of{font-size:12px;paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}.plot .of-root{fill:var(--upd);font-weight:600}
.best{fill:none;stroke:var(--leaf);stroke-width:2}
.dot{stroke:var(--bg);stroke-width:2}.handle{fill:var(--fwd);stroke:var(--bg);stroke-width:1.5}
.key-on{color:var(--ink);font-weight:600}
.sum{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:1px 14px;padding:10px 16px 4px;font:13.5px/1.6 var(--mono);border-top:1px solid var(--line);align-items:baseline}
.sum dt{color:var(--soft);text-align:right;white-space:nowrap}.sum dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.sum .same{color:var(--soft)}.sum .own{color:var(--bwd);font-weight:700}.sum .good{color:var(--leaf);font-weight:700}.sum .off{color:var(--bad)}
.sum .rule{border-top:1px solid var(--edge)}.sum small{font:12px var(--sans);color:var(--soft);margin-left:10px}
.strip{display:flex;gap:3px;padding:6px 16px 2px}.strip i{flex:1;max-width:34px;height:16px;border-radius:3px;border:1px solid var(--edge)}
.strip .lost{background:repeating-linear-gradient(45deg,var(--bwd-bg) 0 4px,var(--bwd) 4px 5.5px);border-color:var(--bwd)}.strip .left{background:var(--leaf);border-color:var(--leaf)}
.told{padding:2px 16px 10px;font-size:13px;color:var(--soft)}
`;

/** How many decimal digits a difference has lost: what the two values have in common at their front. */
export function lost(a: number, b: number): number {
  if (a === b) return Infinity;
  return Math.max(0, Math.log10(Math.max(Math.abs(a), Math.abs(b)) / Math.abs(a - b)));
}

/** Two numbers with the same count of decimals, enough to tell them apart; and how many characters they share. */
export function aligned(a: number, b: number, digits: number): [string, string, number] {
  const top = Math.max(Math.abs(a), Math.abs(b));
  if (!Number.isFinite(a + b)) return [g(a), g(b), 0];
  const places = top === 0 ? 1 : digits - 1 - Math.floor(Math.log10(top));
  const [p, q] = places >= 0 && places <= 40 && top < 1e20 ? [a.toFixed(places), b.toFixed(places)] : [a.toExponential(digits - 1), b.toExponential(digits - 1)];
  let same = 0;
  while (same < p.length && p[same] === q[same]) same++;
  return [p, q, same];
}

const parts = (text: string, same: number, first: string, rest: string): HTMLElement[] => [el("span", { class: first }, text.slice(0, same)), el("span", { class: rest }, text.slice(same))];

export function mountDifference(host: HTMLElement, data: DifferenceData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. The left arrow makes h smaller, ? lists the keys.`, CSS);
  const { hs } = data;
  const last = hs.length - 1;
  let type: Kind = "float64", name: Name = "forward";
  const W = Math.max(560, Math.min(1200, (host.clientWidth || 860) - 18));
  const plot = new Plot({ width: W, height: 330, left: 66, right: 14, top: 12, bottom: 40 }, { low: hs[0], high: hs[last], log: true, name: "step h" },
    { low: data.low, high: data.high, log: true, name: data.relative ? "relative error" : "error" });
  const { x: left, y: top, w: wide, h: tall } = plot.inner;
  const curves = TYPES.flatMap((t) => NAMES.map((n) => ({ t, n, errors: data.types[t].formulas[n].errors.map(real) })));
  const lines = curves.map(({ errors }, i) => svg("path", { class: "line", ...pen(i), d: plot.path(hs, errors.map((e) => Math.max(e, data.low))) }));
  const limits = [svg("path", { class: "limit" }), svg("path", { class: "limit" })];
  const words = [svg("text", { class: "said-of" }, "truncation"), svg("text", { class: "said-of", "text-anchor": "end" }, "rounding")];
  const root = svg("path", { class: "root" });
  const rootName = svg("text", { class: "said-of of-root", "text-anchor": "middle" });
  const best = svg("circle", { class: "best", r: 8 });
  const cursor = svg("path", { class: "cursor" });
  const dot = svg("circle", { class: "dot", r: 6 });
  const handle = svg("path", { class: "handle" });
  plot.marks.append(root, ...limits, ...lines, cursor, best, ...words, rootName);
  plot.element.append(dot, handle);
  plot.element.classList.add("live");

  const names = curves.map(({ t, n }, i) => key(svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", ...pen(i) })), `${n}, ${t}`));
  const sum = el("dl", { class: "sum" });
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const told = el("div", { class: "told" });

  const formula = (): Formula => data.types[type].formulas[name];
  const power = (): number => (name === "forward" ? 1 : 2);

  /** What depends on the choice of type and formula, not on h. */
  function choose(): void {
    const f = formula();
    curves.forEach(({ t, n }, i) => {
      lines[i].classList.toggle("on", t === type && n === name);
      names[i].classList.toggle("key-on", t === type && n === name);
      if (t === type && n === name) plot.marks.append(lines[i], cursor, best, ...words, rootName);
    });
    const models = [(h: number) => (f.truncation ?? 0) * h ** power(), (h: number) => f.rounding / h];
    models.forEach((model, j) => {
      const ys = hs.map((h) => (model(h) >= data.low / 3 && model(h) <= data.high * 3 ? model(h) : NaN));
      put(limits[j], "d", plot.path(hs, ys));
      // The name stands where the line is some way from the valley.
      const inside = hs.map((_, k) => k).filter((k) => ys[k] >= data.low * 30 && ys[k] <= data.high / 30);
      const at = inside.length ? (j ? inside[Math.floor(inside.length * 0.1)] : inside[Math.floor(inside.length * 0.6)]) : -1;
      put(words[j], "visibility", at < 0 ? "hidden" : null);
      if (at >= 0) {
        const x = plot.X(hs[at]);
        put(words[j], "x", (j ? x + 12 : Math.min(x + 12, left + wide - 70)).toFixed(1));
        put(words[j], "y", (plot.Y(ys[at]) + (j ? -4 : 22)).toFixed(1));
        put(words[j], "text-anchor", "start");
      }
    });
    const across = plot.X(Math.min(f.theory, hs[last]));
    put(root, "d", `M${across.toFixed(1)} ${top}v${tall}`);
    put(rootName, "x", across.toFixed(1));
    put(rootName, "y", String(top + tall - 8));
    say(rootName, `${ROOTS[name]} = ${g(f.theory, 2)}`);
    put(best, "cx", plot.X(hs[f.best]).toFixed(1));
    put(best, "cy", plot.Y(Math.max(real(f.errors[f.best]), data.low)).toFixed(1));
    shell.host.dataset.type = type;
    shell.host.dataset.formula = name;
    shell.status(`Ring: the best h here, ${g(hs[f.best], 3)}. Dotted: ${ROOTS[name]}, where theory puts it. Dashed: what theory expects of truncation and of rounding. Keys: arrows move h, T table, ? all keys.`);
  }

  const row = (head: string, ...cells: (Node | string)[]): HTMLElement[] => [el("dt", {}, head), el("dd", {}, ...cells)];

  function draw(k: number): void {
    const t = data.types[type], f = formula(), h = hs[k];
    const [a, b] = [real(t.plus[k]), real(name === "forward" ? t.here : t.minus[k])];
    const [slope, error] = [real(f.slopes[k]), real(f.errors[k])];
    const x = plot.X(h), y = plot.Y(Math.max(error, data.low));
    put(cursor, "d", `M${x.toFixed(1)} ${top}v${tall}`);
    put(handle, "d", `M${(x - 7).toFixed(1)} ${top + tall + 11}l7 -11l7 11z`);
    put(dot, "cx", x.toFixed(1));
    put(dot, "cy", Number.isFinite(y) ? y.toFixed(1) : "-99");
    put(dot, "fill", pen(TYPES.indexOf(type) * 2 + NAMES.indexOf(name)).stroke);
    shell.host.dataset.h = String(h);

    const all = -Math.log10(t.eps), gone = Math.min(lost(a, b), all), remain = all - gone;
    const [p, q, same] = aligned(a, b, DIGITS[type]);
    const [s, e, right] = aligned(slope, data.exact, DIGITS[type]);
    const under = el("dd", { class: "rule" }, g(a - b, DIGITS[type] - 1));
    sum.replaceChildren(
      ...row("h", `${g(h, 3)}`),
      ...row(`${data.name}(x + h)`, ...parts(p, same, "same", "own")),
      ...row(`− ${data.name}(x${name === "forward" ? "" : " − h"})`, ...parts(q, same, "same", "own")),
      el("dt", {}, "="), under,
      ...row(name === "forward" ? "÷ h" : "÷ 2h", ...parts(s, right, "good", "off"), el("small", {}, "the finite difference")),
      ...row("backward", e, el("small", {}, "exact")));
    const cells = Math.round(all), out = Math.round(gone);
    strip.replaceChildren(...Array.from({ length: cells }, (_, i) => el("i", { class: i < out ? "lost" : "left" })));
    const ok = error > 0 ? Math.max(0, Math.min(-Math.log10(error), all)) : all;
    const flat = a === b;
    say(told, flat
      ? `${name === "forward" ? "x + h and x" : "x + h and x − h"} give the same value: all ${g(all, 3)} digits of ${type} are lost.`
      : `The two values agree in their first ${g(gone, 2)} of ${g(all, 3)} digits. The subtraction cancels those; ${g(remain, 2)} are left.`);
    const side = h > f.theory ? "h is large: truncation" : "h is small: rounding";
    shell.announce(`h = ${g(h, 3)}, ${name}, ${type}: ${data.relative ? "relative error" : "error"} ${g(error, 3)}${data.relative ? `, ${g(ok, 2)} digits of the slope are right` : ""}. ${k === f.best ? "This is the best h." : `${side}.`}`);
  }

  const board: Board = new Board(shell, {
    length: last, what: "h", draw, said: "Every h as a table", timeline: data.timeline,
    table: () => [["h", ...curves.map(({ t, n }) => `${n} ${t}`)], ...hs.map((h, k) => [g(h, 3), ...curves.map(({ errors }) => g(errors[k], 3))])],
    hint: "A drag in the picture moves h. Every value was computed by the engine, in the type that is named. Source: Press et al., Numerical Recipes, section 5.7.",
  });
  const seek = (e: PointerEvent): void => {
    const [h] = plot.at(e);
    const k = Math.round((Math.log(h / hs[0]) / Math.log(hs[last] / hs[0])) * last);
    board.time.pause();
    board.time.go(Math.max(0, Math.min(last, k)));
  };
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    seek(e);
  });
  plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(e));
  const again = (): void => {
    choose();
    board.redraw();
  };
  shell.header.append(
    choice<Name>("Formula", [["forward", "Forward"], ["central", "Central"]], name, (to) => ((name = to), again())),
    choice<Kind>("Type", [["float64", "float64"], ["float32", "float32"]], type, (to) => ((type = to), again())));
  board.stage.append(el("div", { class: "keys" }, ...names), plot.element);
  shell.body.append(board.stage, sum, strip, told);
  choose();
  board.begin(last);
  return shell;
}

register("difference_curve", mountDifference);
