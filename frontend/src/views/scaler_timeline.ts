// ScalerTimeline: the loss scale over the steps of a training. ✕ a step was skipped, ▲ the scale grew; a walk along the steps
// says what happened at each.
import { Board, BOARD, key } from "../board";
import { el, put, svg } from "../dom";
import { g } from "../number";
import { Plot, PLOT } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import type { Num } from "../types";

type What = "step" | "grown" | "skipped" | "set";

export interface ScalerData {
  title: string;
  first: number; // the number of the first step that is shown
  before: Num[];
  after: Num[];
  tracker: number[];
  what: What[];
  timeline: string | null;
}

const CSS = `${PLOT}${BOARD}
.plot{cursor:ew-resize;touch-action:none}
.line{fill:none;stroke:var(--fwd);stroke-width:2}
.skipped{fill:none;stroke:var(--bad);stroke-width:2.4;stroke-linecap:round}.grown{fill:var(--leaf)}.set{fill:var(--upd)}
.keys path.grown{fill:var(--leaf)}
.now{fill:var(--fwd);stroke:var(--bg);stroke-width:2}
.event{padding:8px 16px 10px;border-top:1px solid var(--line);font-size:13.5px;display:flex;gap:4px 14px;flex-wrap:wrap;align-items:baseline}
.event b{font-weight:600}.event .skipped{color:var(--bad)}.event .grown{color:var(--leaf)}.event .set{color:var(--upd)}
.event code{font:13px var(--mono);font-variant-numeric:tabular-nums}.event small{color:var(--soft)}
`;
const GLYPH: Record<What, string> = { step: "", grown: "▲ ", skipped: "✕ ", set: "◆ " };
const WORDS: Record<What, string> = { step: "step taken", grown: "step taken, scale grows", skipped: "inf or nan found: step skipped", set: "scale set by hand" };

/** A scale as a power of two where it is one: as gradviz/widgets/precision/scaler_timeline.py says it. */
export function powerText(scale: number): string {
  const power = Math.log2(scale);
  return Number.isInteger(power) && 2 ** power === scale ? `2^${power}` : g(scale);
}

/** The place of the next event, or of the one before: where anything other than a plain step happened. */
export function nextEvent(what: What[], from: number, by: 1 | -1): number | null {
  for (let i = from + by; i >= 0 && i < what.length; i += by) if (what[i] !== "step") return i;
  return null;
}

export function mountScaler(host: HTMLElement, data: ScalerData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. Arrow keys step, ? lists the keys.`, CSS);
  const n = data.what.length, before = data.before.map(real), after = data.after.map(real);
  const power = before.map((v) => (v > 0 ? Math.log2(v) : NaN));
  const fine = [...power, ...after.map(Math.log2)].filter(Number.isFinite);
  const W = Math.max(540, Math.min(1200, (host.clientWidth || 860) - 18));
  const plot = new Plot({ width: W, height: 330, left: 58, right: 14, top: 14, bottom: 40 }, { low: data.first, high: data.first + n, name: "step" },
    { low: Math.floor(Math.min(...fine, 0 + (fine[0] ?? 0))) - 1, high: Math.ceil(Math.max(...fine, fine[0] ?? 1)) + 1, name: "scale, as a power of two" });
  const xs: number[] = [], ys: number[] = [];
  power.forEach((p, i) => (xs.push(data.first + i, data.first + i + 1), ys.push(p, p)));
  const cursor = svg("path", { class: "cursor" }), now = svg("circle", { class: "now", r: 5 });
  const marks = data.what.flatMap((what, i) => {
    if (what === "step" || !Number.isFinite(power[i])) return [];
    const [x, y] = [plot.X(data.first + i + 0.5), plot.Y(power[i])];
    const d = what === "skipped" ? `M${(x - 5).toFixed(1)} ${(y - 5).toFixed(1)}l10 10m0 -10l-10 10` : what === "grown" ? `M${(x - 5).toFixed(1)} ${(y - 4).toFixed(1)}l5 -8l5 8z` : `M${x.toFixed(1)} ${(y - 7).toFixed(1)}l5 5l-5 5l-5 -5z`;
    return [svg("path", { class: what, d })];
  });
  plot.marks.append(cursor, svg("path", { class: "line", d: plot.path(xs, ys) }));
  plot.element.append(...marks, now);
  plot.element.classList.add("live");
  const event = el("div", { class: "event" });
  const swatch = (css: What, d: string): SVGElement => svg("svg", { viewBox: "0 0 22 12", "aria-hidden": "true", style: "height:12px" }, svg("path", { class: css, d }));
  const keys = el("div", { class: "keys" }, key(swatch("skipped", "M6 1l10 10m0 -10l-10 10"), `step skipped (${data.what.filter((w) => w === "skipped").length})`),
    key(swatch("grown", "M6 11l5 -9l5 9z"), `scale grown (${data.what.filter((w) => w === "grown").length})`));

  function draw(i: number): void {
    const x = plot.X(data.first + i + 0.5), what = data.what[i], { y: top, h: tall } = plot.inner;
    put(cursor, "d", `M${x.toFixed(1)} ${top}v${tall}`);
    put(now, "cx", x.toFixed(1));
    put(now, "cy", Number.isFinite(power[i]) ? plot.Y(power[i]).toFixed(1) : "-99");
    event.replaceChildren(el("b", {}, `step ${data.first + i}`), el("span", { class: what }, `${GLYPH[what]}${WORDS[what]}`),
      el("code", {}, before[i] === after[i] ? `scale ${powerText(before[i])}` : `scale ${powerText(before[i])} → ${powerText(after[i])}`), el("small", {}, `${data.tracker[i]} good ${data.tracker[i] === 1 ? "step" : "steps"} in a row since the last change`));
    host.dataset.what = what;
    shell.announce(`Step ${data.first + i}: ${WORDS[what]}, scale ${powerText(before[i])}${before[i] === after[i] ? "" : ` becomes ${powerText(after[i])}`}.`);
  }
  const board = new Board(shell, {
    length: n - 1, what: "step", draw, said: "The events as a table", timeline: data.timeline,
    moment: (i) => ({ iteration: data.first + i }), step: ({ iteration }) => (iteration === undefined || iteration === null ? null : iteration - data.first),
    table: () => [["step", "what happened", "scale before", "scale after"], ...data.what.map((w, i) => [String(data.first + i), `${GLYPH[w]}${WORDS[w]}`, powerText(before[i]), powerText(after[i])])],
    hint: "A drag in the picture moves along the steps.",
  });
  const jump = (by: 1 | -1): void => {
    const to = nextEvent(data.what, board.time.cursor, by);
    board.time.pause();
    if (to !== null) board.time.go(to);
  };
  shell.header.append(el("button", { type: "button", onclick: () => jump(-1) }, "Event before"), el("button", { type: "button", onclick: () => jump(1) }, "Next event"));
  const seek = (e: PointerEvent): void => {
    board.time.pause();
    board.time.go(Math.max(0, Math.min(n - 1, Math.floor(plot.at(e)[0] - data.first))));
  };
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    seek(e);
  });
  plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(e));
  board.stage.append(keys, plot.element);
  shell.body.append(board.stage, event);
  shell.status("Events: ✕ an inf or NaN was found among the gradients, the step was skipped and the scale shrinks; ▲ enough good steps in a row, the scale grows.");
  board.begin(0);
  return shell;
}

register("scaler_timeline", mountScaler);
