// TrajectoryView: step through a walk, open each step into what made it, drag the start and the rate, and the walk is made again at once.
// The first walk comes from the engine, every other one from optimizers.ts. Seen from above or, a function of two numbers, from the side.
import { ANATOMY, arrows, opened, optionsAt, unpacked, type About, type PackedWalk } from "../anatomy";
import { el, put, svg } from "../dom";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { hundredths, moreKeys, nudged } from "../more_keys";
import { g } from "../number";
import { descend, thin, withRate, type Recipe, type Walk } from "../optimizers";
import { notch, Plot, PLOT } from "../plot";
import { register } from "../register";
import type { Program } from "../scalar";
import { Shell } from "../shell";
import { Terrain, TERRAIN, W, type TerrainData } from "../terrain";
import { join, Timeline, walking } from "../timeline";
import { transport } from "../transport";
import type { Num } from "../types";

export interface TrajectoryData {
  terrain: TerrainData;
  start: number[];
  lr: number;
  max_lr: number;
  steps: number;
  every: number;
  view: "2d" | "3d";
  timeline: string | null;
  optimizer: string;
  recipe: Recipe | null;
  about: About;
  clip: number | null;
  program: Program | null;
  why: string;
  single: boolean;
  walk: PackedWalk;
}

const LOSS_H = 118;
const MOST = 500; // steps
const ROWS = 24;
const CSS = `${PLOT}${TERRAIN}${ANATOMY}
.stage{position:relative;display:grid;grid-template-columns:minmax(0,1fr) minmax(280px,34%)}
.stage>.anatomy{border-left:1px solid var(--line)}
@container (max-width:880px){.stage{grid-template-columns:minmax(0,1fr)}.stage>.anatomy{border-left:0;border-top:1px solid var(--line)}}
.losses{cursor:pointer;max-width:1000px}.losses .trail{stroke:var(--s1);fill:none;stroke-width:2}.now{stroke:var(--ink);stroke-dasharray:3 3;opacity:.55}.spot{fill:var(--s1);stroke:var(--bg);stroke-width:1.5}
.knobs{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;padding:8px 14px;border-top:1px solid var(--line);background:var(--panel)}
.knobs label{display:flex;align-items:center;gap:8px;color:var(--soft)}.knobs label.wide{flex:1;min-width:240px}
.knobs input[type=range]{flex:1;--fill:var(--line)}
.knobs input[type=number]{width:84px;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 6px;font:12px var(--mono)}
.knobs button{border-color:var(--line)}
.walk{max-height:300px;overflow:auto;padding:0 14px 10px}
.walk table{border-collapse:collapse;font:12px var(--mono)}.walk th,.walk td{padding:2px 10px;text-align:right}.walk th{color:var(--soft);font-weight:600}
.walk tr[aria-current]{background:var(--bwd-bg)}
`;

export function mountTrajectory(host: HTMLElement, data: TrajectoryData): Shell {
  const { names, bounds } = data.terrain;
  const shell = new Shell(host, `${data.optimizer}: the walk downhill`, "Trajectory. Left and right step, Alt and arrows move the start, question mark shows all keys.", CSS);
  const terrain = new Terrain(data.terrain);
  const free = data.program !== null && data.recipe !== null;
  const first = { start: [...data.start], lr: data.lr, steps: data.steps };
  let { start, lr, steps } = { ...first, start: [...first.start] };
  let every = data.every;
  let now = unpacked(data.walk);
  let time = new Timeline(now.losses.length - 1);
  const step = (k: number): number => Math.min(k * every, steps);

  // -- controls -----------------------------------------------------------------------------------------------------
  const two = el("button", { type: "button", "aria-pressed": "true", title: "From above (V)", onclick: () => look(false) }, "Map");
  const three = el("button", { type: "button", "aria-pressed": "false", title: "From the side (V)", onclick: () => look(true) }, "3-D");
  const keysButton = el("button", { type: "button", title: "Keys (?)", "aria-label": "Keys", onclick: () => actions.help!() }, "?");
  shell.header.append(el("span", { class: "grow" }), ...(terrain.flat ? [] : [el("span", { class: "group", role: "group", "aria-label": "Seen from" }, two, three)]), keysButton);
  const tiny = notch(data.max_lr);
  const range = el("input", { type: "range", min: tiny, max: data.max_lr, step: tiny, "aria-label": "Learning rate", oninput: () => move({ lr: range.valueAsNumber }) });
  const exact = el("input", { type: "number", min: 0, step: "any", "aria-label": "Learning rate, exactly", onchange: () => move({ lr: exact.valueAsNumber }) });
  const count = el("input", { type: "number", min: 1, max: MOST, step: 1, "aria-label": "Steps", onchange: () => move({ steps: count.valueAsNumber }) });
  const again = el("button", { type: "button", title: "Start and rate as at first (R)", onclick: () => move(first) }, "Reset");
  const show = el("button", { type: "button", title: "The walk as a table (T)", "aria-expanded": "false", onclick: () => fold() }, "Table");
  for (const input of [range, exact, count]) input.disabled = !free;
  again.disabled = !free;
  const table = el("table");
  const twin = el("div", { class: "walk", hidden: true, tabindex: 0, role: "region", "aria-label": "The walk as a table" }, table);
  const knobs = el("div", { class: "knobs", role: "group", "aria-label": "Rate and steps" },
    el("label", { class: "wide" }, "rate", range, exact), el("label", {}, "steps", count), again, show);
  const inside = el("div", { class: "anatomy", role: "region", "aria-label": "What made this step" });
  const help = el("div", { class: "help", hidden: true });
  const chart = new Plot({ width: W, height: LOSS_H, left: 60, right: 14, top: 8, bottom: 40 }, { low: 0, high: 1, name: "step" }, { low: 0.1, high: 1, log: true, name: "loss" });
  chart.element.classList.add("losses");
  let row: HTMLElement = el("div");
  shell.body.append(el("div", { class: "stage" }, el("div", {}, terrain.element, chart.element), inside, help), knobs, row, twin);
  if (!free) terrain.element.classList.add("fixed");

  // -- a change of start, rate or number of steps ---------------------------------------------------------------------
  let revision = 0;
  function move(to: Partial<typeof first>): void {
    if (!free) return;
    const wish = { start, lr, steps, ...to };
    if (![wish.lr, wish.steps, ...wish.start].every(Number.isFinite) || wish.lr <= 0) return changed();
    lr = wish.lr;
    steps = to === first ? first.steps : Math.max(1, Math.min(Math.max(MOST, first.steps), Math.round(wish.steps)));
    every = Math.max(1, Math.ceil(steps / MOST));
    start = wish.start.map((v, i) => Math.min(bounds[i][1], Math.max(bounds[i][0], v)));
    shell.safely(() => {
      now = thin(descend(data.program!, start, steps, lr === first.lr ? data.recipe! : withRate(data.recipe!, lr), data.single), every);
      changed();
    });
  }

  /** A new walk: it is shown whole, or up to where the reader had come. */
  function changed(): void {
    const whole = time.cursor === time.length;
    if (time.length !== now.losses.length - 1) schedule(whole ? now.losses.length - 1 : time.cursor);
    terrain.trails = [{ points: now.path, losses: now.losses, series: 1 }];
    range.value = String(lr);
    exact.value = String(Number(lr.toPrecision(6)));
    count.value = String(steps);
    range.style.setProperty("--fill", `linear-gradient(90deg,var(--fwd) ${(100 * lr) / data.max_lr}%,var(--line) 0)`);
    drawLoss();
    if (!twin.hidden) tabulate();
    (host as HTMLElement & { walk?: Walk }).walk = now;
    host.dataset.lr = String(lr);
    host.dataset.start = start.join(",");
    draw();
  }

  function schedule(cursor: number): void {
    const pace = time.speed;
    time.pause();
    time = new Timeline(now.losses.length - 1);
    time.faster(Math.round(Math.log2(pace)));
    time.go(cursor);
    time.on(() => {
      draw();
      shared.tell({ iteration: step(time.cursor) });
    });
    const made = transport(time, [{ phase: "update", from: 0, to: time.length, name: "steps" }]);
    row.replaceWith(made);
    row = made;
  }

  const numbers = (k: number) => (key: string): Num[] | null => now.terms[key]?.[k] ?? (key === "g" ? now.grads[k] : null);

  /** Everything that depends on the step. */
  function draw(): void {
    const k = time.cursor;
    const options = lr === first.lr ? optionsAt(data.recipe, step(k)) : optionsAt(data.recipe && withRate(data.recipe, lr), step(k));
    const rate = Number(options?.find((o) => "lr" in o)?.lr ?? lr);
    const from = terrain.flat ? [now.path[k][0], now.losses[k]] : now.path[k];
    const pixels = (way: number[]): number => Math.hypot(terrain.plot.X(way[0]) - terrain.plot.X(0), terrain.flat ? 0 : terrain.plot.Y(way[1]) - terrain.plot.Y(0));
    const drawn = from.every(Number.isFinite) && k < time.length ? arrows(data.about, from, numbers(k), rate, pixels) : { arrows: [], scale: 0 };
    terrain.arrows = drawn.arrows;
    terrain.at = k;
    terrain.draw();
    const end = k === time.length;
    const note = end ? "The walk ends here: no step was taken from this place."
      : every > 1 ? `Every ${every}th step is kept; arrows and numbers are those of step ${step(k)}.`
      : drawn.scale === rate ? "Arrows of slopes are as long as the step that this rate makes of them." : drawn.scale ? `Arrows of slopes are drawn × ${g(drawn.scale, 2)}, to fit the picture.` : "";
    inside.replaceChildren(el("h4", {}, end ? `Step ${step(k)}, the last` : `What makes step ${step(k)} → ${step(k) + 1}`),
      el("p", { class: "hint" }, `at ${where(k, 6)}, loss ${g(now.losses[k])}`), ...opened(data.about, names, numbers(k), options, data.clip, note));
    const here = now.losses[k];
    chart.element.querySelector(".now")?.setAttribute("d", `M${chart.X(step(k)).toFixed(1)} ${chart.inner.y}v${chart.inner.h}`);
    const spot = chart.element.querySelector(".spot");
    if (spot) {
      put(spot, "cx", chart.X(step(k)).toFixed(1));
      put(spot, "cy", here > 0 && Number.isFinite(here) ? chart.Y(here).toFixed(1) : "-99");
    }
    table.querySelectorAll("tr").forEach((line) => put(line, "aria-current", line.dataset.step === String(step(k)) ? "step" : null));
    shell.announce(spoken(k));
    void shell.mark("data-step", String(k));
    void shell.mark("data-drawn", String(++revision));
  }

  function drawLoss(): void {
    const shown = now.losses.map((v, k) => [step(k), v]).filter(([, v]) => Number.isFinite(v) && v > 0);
    const values = shown.map(([, v]) => v);
    const high = values.length ? Math.max(...values) : 1;
    const low = values.length ? Math.max(Math.min(...values), high * 1e-12) : 0.1;
    chart.x = { ...chart.x, low: 0, high: steps };
    chart.y = { ...chart.y, low: low / 1.2, high: Math.max(high, low * 1.5) * 1.2 };
    chart.axes();
    chart.marks.replaceChildren(svg("path", { class: "trail", d: chart.path(shown.map(([k]) => k), values) }), svg("path", { class: "now" }), svg("circle", { class: "spot", r: 5 }));
  }

  const where = (k: number, digits = 4): string => names.map((name, i) => `${name} = ${g(now.path[k][i], digits)}`).join(", ");

  function spoken(k: number): string {
    const last = now.losses.length - 1;
    if (k < last) return `Step ${step(k)} of ${steps}: ${where(k)}, loss ${g(now.losses[k], 4)}.`;
    const lost = now.path.findIndex((_, i) => !terrain.place(terrain.trails[0], i) && !terrain.side);
    const from = names.map((name, i) => `${name} = ${g(start[i], 4)}`).join(", ");
    const fate = lost >= 0 ? `It has left the picture for good at step ${step(lost)}: this rate diverges.` : now.losses[k] > now.losses[0] ? "It is higher up than where it started." : "";
    return `Rate ${g(lr, 4)}, from ${from}: after ${steps} steps ${where(k)}, loss ${g(now.losses[k], 4)}. ${fate}`;
  }

  function fold(): void {
    twin.hidden = !twin.hidden;
    put(show, "aria-expanded", String(!twin.hidden));
    if (!twin.hidden) tabulate();
  }

  function tabulate(): void {
    const line = (cells: string[], tag: "th" | "td", at?: number): HTMLElement => el("tr", { "data-step": at }, ...cells.map((c) => el(tag, {}, c)));
    const lines = now.path.map((p, k) => line([String(step(k)), ...p.map((v) => g(v)), g(now.losses[k]), ...now.grads[k].map((v) => g(v))], "td", step(k)));
    if (lines.length > ROWS) lines.splice(ROWS / 2, lines.length - ROWS, line(["..."], "td"));
    table.replaceChildren(line(["step", ...names, "loss", ...names.map((n) => `slope ${n}`)], "th"), ...lines);
    table.querySelectorAll<HTMLElement>(`[data-step="${step(time.cursor)}"]`).forEach((tr) => put(tr, "aria-current", "step"));
  }

  function look(side: boolean): void {
    if (terrain.flat) return;
    terrain.look(side);
    put(two, "aria-pressed", String(!side));
    put(three, "aria-pressed", String(side));
    host.dataset.view = side ? "3d" : "2d";
    hint();
    draw();
  }

  const grey = data.terrain.hole ? " In the grey area the function is not a finite number." : "";
  function hint(): void {
    if (!free) return shell.status(`The start and the rate need the kernel here: ${data.why}. Change them in the cell and run it again.`);
    shell.status(terrain.side ? "Drag to turn, drag the ring to move the start, click a step to open it. Ctrl+arrows turn. ? shows all keys." + grey
      : "Drag in the picture to move the start, click a step to open it. Alt+arrows move the start, + and − change the rate, ? shows all keys." + grey);
  }

  // -- pointer and keys -----------------------------------------------------------------------------------------------
  terrain.onSpot = (spot) => time.go(spot.step);
  terrain.tipText = ({ step: k }) => `step ${step(k)}\n${names.map((n, i) => `${n} = ${g(now.path[k][i])}`).join("\n")}\nloss ${g(now.losses[k])}`;
  if (free) terrain.onStart = (place) => move({ start: place });
  terrain.element.addEventListener("pointerdown", () => host.focus({ preventScroll: true }));
  chart.element.addEventListener("pointerdown", (e) => {
    host.focus({ preventScroll: true });
    time.go(chart.at(e)[0] / every);
  });
  const turn = (across: number, up: number) => () => {
    if (terrain.side) terrain.turn(across, up);
  };
  const actions: Actions = {
    ...walking(() => time),
    "walk-left": turn(-8, 0), "walk-right": turn(8, 0), "walk-up": turn(0, 6), "walk-down": turn(0, -6),
    text: fold,
    help: () => showKeys(help, new Set(Object.keys(actions).filter((a) => !a.startsWith("walk")) as Action[]), ALSO.filter(([, , flat]) => flat || !terrain.flat).map(([k, w]): [string, string] => [k, w])),
    leave: () => {
      if (!help.hidden) help.hidden = true;
      else host.blur();
    },
  };
  const ALSO: [string, string, boolean][] = [["Alt+arrows", "move the start (with Shift ten times as far)", true], ["+ and -", "rate", true], ["PageUp PageDown", "rate, ten times as much", true],
    ["r", "start and rate as at first", true], ["v", "map or 3-D", false], ["Ctrl+arrows", "turn the 3-D view", false]];
  shell.keys(actions);
  const rate = (by: number): void => move({ lr: Math.max(tiny, Number((lr + by * tiny).toPrecision(12))) });
  const OWN: Record<string, () => void> = { "+": () => rate(1), "=": () => rate(1), "-": () => rate(-1), PageUp: () => rate(10), PageDown: () => rate(-10), r: () => move(first), v: () => look(!terrain.side) };
  moreKeys(shell, (key, e) => {
    const to = nudged(e, start, hundredths(bounds));
    return to ? () => move({ start: to }) : !e.altKey && OWN[key];
  });
  let wanted: number | null = null; // where other views on the same timeline already are
  const shared = join(data.timeline, (moment) => {
    wanted = moment.iteration / every;
    time.go(wanted);
  });
    shell.later(() => {
    time.pause();
    terrain.close();
    shared.leave();
  });

  shell.onTheme = () => terrain.theme(host.dataset.theme === "dark");
  time.faster(time.length > 60 ? 3 : time.length > 25 ? 2 : 1);
  schedule(wanted ?? now.losses.length - 1);
  shell.onTheme();
  changed();
  if (data.view === "3d") look(true);
  else hint();
  void shell.mark("data-ready");
  return shell;
}

register("trajectory", mountTrajectory);
