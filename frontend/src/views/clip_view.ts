// ClipView: gradient norms before and after clipping, a threshold to drag, and the gradient as an arrow. On a function of two
// numbers the walk with clipping is made again for every threshold.
import { Board, BOARD, choice, key } from "../board";
import { ARROWS, ArrowPanel } from "../clip_arrow";
import { clip, degrees, factor, norm, ORDERS, rounding, type Mode, type Order } from "../clip_math";
import { el, put, say, svg } from "../dom";
import { g } from "../number";
import { Plot, PLOT } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { clippedWalk, type ClippedWalk, type Recipe } from "../optimizers";
import type { Program } from "../scalar";
import { Shell } from "../shell";
import type { Arrow } from "../brush";
import { Terrain, TERRAIN, type TerrainData } from "../terrain";
import type { Num } from "../types";

interface RawWalk {
  path: Num[][];
  losses: Num[];
  grads: Num[][];
  used: Num[][];
}

export interface ClipData {
  title: string;
  mode: Mode;
  norm_type: number | string;
  limits: Record<Mode, number>;
  names: string[];
  size: number;
  steps: number[];
  total: number;
  norms: Num[][]; // by ORDERS
  after: [Num, number][];
  done: Record<string, string>;
  whole: Num[][] | null;
  edges: number[];
  cuts: [Num, Num, Num, Num][][]; // for each limit and step: norm 1, norm 2, degrees, share of the elements
  grid?: { thresholds: number[]; counts: number[][]; above: number[] };
  left_out: number;
  walks: { free: RawWalk; held: RawWalk; start: number[]; lr: number; optimizer: string; recipe: Recipe | null } | null;
  terrain: TerrainData | null;
  view: "2d" | "3d";
  program: Program | null;
  why: string;
  single: boolean;
  timeline: string | null;
}

const STOPS = 400; // of the slider
const CSS = `${PLOT}${BOARD}${TERRAIN}${ARROWS}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(200px,300px);gap:4px 14px;align-items:start;padding-right:8px}
@container (max-width:900px){.pair.map{grid-template-columns:minmax(0,1fr)}.pair.map>:last-child{display:grid;grid-template-columns:1fr 1fr;gap:0 12px;align-items:start}}
@container (max-width:760px){.pair{grid-template-columns:minmax(0,1fr)}.plane{max-width:240px}}
.plot{cursor:crosshair;touch-action:none}.plot.at-limit{cursor:ns-resize}
.pair .terrain{width:100%}
.line{fill:none;stroke-width:1.8}.b{stroke:var(--bwd)}.a{stroke:var(--upd)}.m{stroke:var(--soft);stroke-dasharray:1 4;stroke-linecap:round}
.limit{stroke:var(--ink);stroke-width:1.6;stroke-dasharray:7 4}.plot .grip{fill:var(--ink)}
.hit{fill:var(--bad);stroke:var(--bg);stroke-width:.8}.lost{fill:var(--bad)}
.dot{stroke:var(--bg);stroke-width:1.5}.dot.b{fill:var(--bwd)}.dot.a{fill:var(--upd)}
.stroke{fill:none;stroke-width:2.4}.keys path.hit{fill:var(--bad)}.plot.small{cursor:default;touch-action:auto}.verdict{flex-basis:100%;font-size:13px}
`;

export function mountClip(host: HTMLElement, data: ClipData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. Arrow keys step, ? lists the keys.`, CSS);
  const r = rounding(data.single);
  const wide = host.clientWidth || 860;
  const W = Math.max(540, Math.min(1100, wide - (wide > (data.terrain ? 900 : 760) ? 350 : 18)));
  let mode = data.mode;
  let order: Order = data.norm_type === "inf" ? "inf" : (data.norm_type as Order);
  const limits = { ...data.limits };
  let steps = data.steps;
  const rows = (given: Num[][]): number[][] => given.map((row) => row.map(real));
  let norms = rows(data.norms);
  let whole = data.whole && rows(data.whole);
  const held = (w: RawWalk): ClippedWalk => ({ path: rows(w.path), losses: w.losses.map(real), grads: rows(w.grads), used: rows(w.used) });
  let free = data.walks && held(data.walks.free);
  let walk = data.walks && held(data.walks.held);
  const fixed = !!data.walks && !data.program; // the walk was made for one threshold, and the browser cannot make another
  const index = (): number => ORDERS.indexOf(order);
  const limit = (): number => limits[mode];

  // -- what clipping does to step i ---------------------------------------------------------------------------------
  interface Now {
    before: number;
    after: number;
    degrees: number;
    share: number; // of the elements that were held; 1 where all are scaled
    hit: boolean;
    vectors: [number[], number[]] | null;
    lengths: [number, number];
  }
  function clipped(i: number): Now {
    const before = norms[index()][i];
    if (whole) {
      const [a, b] = [whole[i], clip(whole[i], mode, limit(), order, r)];
      const turn = mode === "value" ? degrees(a, b) : 0;
      const share = mode === "value" ? a.filter((v) => Math.abs(v) > limit()).length / a.length : 1;
      const hit = mode === "value" ? norms[2][i] > limit() : factor(before, limit(), r) < 1;
      return { before, after: norm(b, order, r), degrees: turn, share, hit, vectors: [a, b], lengths: [norm(a, 2, r), norm(b, 2, r)] };
    }
    if (mode === "norm") {
      const times = factor(before, limit(), r);
      return { before, after: before * times, degrees: 0, share: 1, hit: times < 1, vectors: null, lengths: [norms[1][i], norms[1][i] * times] };
    }
    const [one, two, turn, share] = data.cuts[data.edges.indexOf(limit())][i].map(real);
    const after = order === 1 ? one : order === 2 ? two : Math.min(norms[2][i], limit());
    return { before, after, degrees: turn, share, hit: norms[2][i] > limit(), vectors: null, lengths: [norms[1][i], two] };
  }
  let all: Now[] = [];
  const hits = (): number => {
    const known = data.grid?.thresholds.indexOf(limit()) ?? -1;
    if (known >= 0) return mode === "value" ? data.grid!.above[known] : data.grid!.counts[index()][known];
    return all.filter((now, i) => now.hit && (!walk || i < all.length - 1)).length;
  };
  const total = (): number => (walk ? all.length - 1 : data.total);

  // -- the threshold ------------------------------------------------------------------------------------------------
  const known = (): number[] | null => (mode === "value" && !whole ? data.edges : (data.grid?.thresholds ?? null));
  const fine = norms.flat().filter((v) => Number.isFinite(v) && v > 0);
  const [least, most] = [Math.min(...fine, ...Object.values(limits)) / 4, Math.max(...fine, ...Object.values(limits)) * 2];
  const place = (v: number): number => Math.round((Math.log(v / least) / Math.log(most / least)) * STOPS);
  const nearest = (v: number): number => (known() ?? [v]).reduce((best, c) => (Math.abs(Math.log(c / v)) < Math.abs(Math.log(best / v)) ? c : best));
  function threshold(wish: number): void {
    if (!(wish > 0) || !Number.isFinite(wish) || fixed) return show();
    limits[mode] = nearest(Number(wish.toPrecision(6)));
    again();
  }
  function notch(by: number): void {
    const list = known();
    if (list) threshold(list[Math.max(0, Math.min(list.length - 1, list.indexOf(nearest(limit())) + by))]);
    else threshold(Number((limit() * 10 ** (by / 40)).toPrecision(3)));
  }
  const own = (e: KeyboardEvent): void => void (/^(Arrow|Home|End|Page)/.test(e.key) && e.stopPropagation()); // the slider's keys are its own
  const slider = el("input", { type: "range", min: 0, max: STOPS, step: 1, "aria-label": "Threshold", onkeydown: own, oninput: () => threshold(Number((least * (most / least) ** (slider.valueAsNumber / STOPS)).toPrecision(3))) });
  const exact = el("input", { type: "number", min: 0, step: "any", "aria-label": "Threshold, exactly", onchange: () => threshold(exact.valueAsNumber) });
  const called = el("span");
  const verdict = el("div", { class: "verdict" });
  slider.disabled = exact.disabled = fixed;
  const knobs = el("div", { class: "knobs", role: "group", "aria-label": "Threshold" }, el("label", { class: "wide" }, called, slider), exact, verdict);

  // -- norms --------------------------------------------------------------------------------------------------------
  const first = steps[0], final = steps[steps.length - 1];
  const plot = new Plot({ width: W, height: data.terrain ? 240 : 330, left: 70, right: 22, top: 10, bottom: 40 },
    { low: first, high: Math.max(final, first + 1), name: "step" }, { low: 0.1, high: 1, log: true });
  const before = svg("path", { class: "line b" }), after = svg("path", { class: "line a" }), top = svg("path", { class: "line m" });
  const rule = svg("path", { class: "limit" }), grip = svg("path", { class: "grip" }), diamonds = svg("path", { class: "hit" }), lost = svg("path", { class: "lost" });
  const cursor = svg("path", { class: "cursor" }), dots = [svg("circle", { class: "dot b", r: 4.5 }), svg("circle", { class: "dot a", r: 4.5 })];
  plot.marks.append(cursor, top, before, after, rule);
  plot.element.append(diamonds, lost, grip, ...dots); // not cut off at the frame

  function span(values: number[], log: boolean): { low: number; high: number } {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = log ? Math.max((high / low) ** 0.06, 1.15) : 0.05 * (high - low || 1);
    return log ? { low: low / room, high: high * room } : { low: low - room, high: high + room };
  }
  function scale(): void {
    const values = [...norms[index()], ...(mode === "value" ? norms[2] : []), ...all.map((now) => now.after), limit()].filter((v) => Number.isFinite(v) && v > 0);
    plot.y = { ...span(values, true), log: true, name: `gradient norm (${order === "inf" ? "∞" : order})` };
    plot.axes();
  }

  // -- the map ------------------------------------------------------------------------------------------------------
  const map = data.terrain && new Terrain(data.terrain);
  let start = data.walks ? [...data.walks.start] : [];
  function drawWalks(): void {
    if (!map || !free || !walk) return;
    map.trails = [{ points: free.path, losses: free.losses, series: 1 }, { points: walk.path, losses: walk.losses, series: 3, chosen: true }];
    map.draw();
  }
  if (map) {
    map.onSpot = ({ step }) => {
      board.time.pause();
      board.time.go(step);
    };
    map.tipText = ({ trail, step }) => {
      const w = [free!, walk!][trail];
      return `${trail ? "with" : "without"} clipping, step ${step}\n${data.names.map((name, i) => `${name} = ${g(w.path[step][i])}`).join("\n")}\nloss ${g(w.losses[step])}`;
    };
    if (data.program) map.onStart = (place) => {
      start = place.map((v, i) => Number(Math.min(data.terrain!.bounds[i][1], Math.max(data.terrain!.bounds[i][0], v)).toPrecision(6)));
      again();
    };
    else map.element.classList.add("fixed");
    shell.onTheme = () => map.theme(host.dataset.theme === "dark");
    shell.later(() => map.close());
  }

  // -- the losses of both walks -----------------------------------------------------------------------------------------
  const losses = map && new Plot({ width: 300, height: 210, left: 66, right: 10, top: 12, bottom: 40 }, { low: 0, high: Math.max(1, steps.length - 1), name: "step" }, { low: 0.1, high: 1, log: true, name: "loss" });
  const curves = [svg("path", { class: "line b" }), svg("path", { class: "line a" })], needle = svg("path", { class: "cursor" });
  if (losses) {
    losses.element.classList.add("small");
    losses.marks.append(needle, ...curves);
  }
  function drawLosses(): void {
    if (!losses || !free || !walk) return;
    const both = [...free.losses, ...walk.losses].filter(Number.isFinite);
    const log = Math.min(...both) > 0;
    losses.y = { ...losses.y, ...span(both, log), log };
    losses.axes();
    [free, walk].forEach((w, i) => put(curves[i], "d", losses.path(w.losses.map((_, k) => k), w.losses)));
  }

  // -- drawing --------------------------------------------------------------------------------------------------------
  function again(): void {
    if (data.walks && data.program) shell.safely(() => {
      const { start: first, recipe, free: { path } } = data.walks!;
      const moved = start.some((v, i) => v !== first[i]);
      free = moved ? clippedWalk(data.program!, start, path.length - 1, recipe!, data.single, (v) => v) : held(data.walks!.free);
      walk = !moved && mode === data.mode && limit() === data.limits[mode] && order === (data.norm_type === "inf" ? "inf" : data.norm_type) ? held(data.walks!.held)
        : clippedWalk(data.program!, start, path.length - 1, recipe!, data.single, (v) => clip(v, mode, limit(), order, r));
      whole = walk.grads;
      norms = ORDERS.map((o) => whole!.map((v) => norm(v, o, r)));
      steps = whole.map((_, k) => k);
    });
    show();
  }

  function show(): void {
    if (known()) limits[mode] = nearest(limit());
    all = steps.map((_, i) => clipped(i));
    scale();
    put(before, "d", plot.path(steps, norms[index()]));
    put(after, "d", plot.path(steps, all.map((now) => now.after)));
    const third = mode === "value" && order !== "inf"; // the largest element, which is what is held then
    put(top, "d", third ? plot.path(steps, norms[2]) : "");
    const y = plot.Y(limit());
    const { x, w } = plot.inner;
    put(rule, "d", `M${x} ${y.toFixed(1)}h${w}`);
    put(grip, "d", fixed ? "" : `M${x + w + 3} ${y.toFixed(1)}l9 -6v12z`);
    const at = all.map((now, i) => [plot.X(steps[i]), plot.Y(now.before), now.hit ? 1 : 0]);
    const size = steps.length > 150 ? 3 : 4.5;
    put(diamonds, "d", at.filter(([px, py, hit]) => hit && Number.isFinite(px + py)).map(([px, py]) => `M${px.toFixed(1)} ${(py - size).toFixed(1)}l${size} ${size}l-${size} ${size}l-${size} -${size}z`).join(""));
    put(lost, "d", at.filter(([, py]) => !Number.isFinite(py)).filter((_, i, list) => list.length < 2000 || i % 2 === 0).map(([px]) => `M${(px - 5).toFixed(1)} ${plot.inner.y + 2}h10l-5 8z`).join(""));
    drawWalks();
    drawLosses();
    slider.value = String(place(limit()));
    exact.value = String(Number(limit().toPrecision(6)));
    put(slider, "aria-valuetext", g(limit()));
    say(called, mode === "value" ? "clip_value" : "max_norm");
    say(verdict, words());
    topKey.hidden = !third;
    host.dataset.limit = String(limit());
    host.dataset.start = start.join(",");
    host.dataset.hits = String(hits());
    (host as HTMLElement & { walk?: unknown }).walk = { norms, all, walk };
    board.retell();
    board.redraw();
  }

  function words(): string {
    const what = mode === "value" ? `clip_grad_value_(${g(limit())})` : `clip_grad_norm_(${g(limit())}${order === 2 ? "" : `, norm_type=${order}`})`;
    if (walk && free) {
      const ends = `the loss ends at ${g(walk.losses[walk.losses.length - 1], 4)} with it and at ${g(free.losses[free.losses.length - 1], 4)} without`;
      return `${what} clips ${hits()} of ${total()} steps; ${ends}. ${fixed ? `Another threshold needs the kernel: ${data.why}.` : "The walk is made anew for every threshold."}`;
    }
    return `With ${what}, ${hits()} of ${total()} steps would be clipped. These are the gradients that were met: a training with another threshold would meet others.`;
  }

  function draw(i: number): void {
    const now = all[i];
    const x = plot.X(steps[i]).toFixed(1);
    put(cursor, "d", `M${x} ${plot.inner.y}v${plot.inner.h}`);
    [now.before, now.after].forEach((v, j) => {
      const y = plot.Y(v);
      put(dots[j], "cx", x);
      put(dots[j], "cy", Number.isFinite(y) ? Math.max(plot.inner.y, Math.min(plot.inner.y + plot.inner.h, y)).toFixed(1) : "-99");
    });
    const two = now.vectors && now.vectors[0].length === 2 ? now.vectors : null;
    arrows.draw({ before: now.lengths[0], after: now.lengths[1], degrees: now.degrees, whole: two }, mode, order, limit());
    if (losses) put(needle, "d", `M${losses.X(i).toFixed(1)} ${losses.inner.y}v${losses.inner.h}`);
    if (map) {
      map.at = i;
      map.arrows = ways(i, now);
      map.draw();
    }
    shell.announce(`Step ${steps[i]}: ${spoken(i, now)}`);
  }

  /** The step that is taken next, and the one that would be taken without clipping: of plain SGD, which goes along the gradient. */
  function ways(i: number, now: Now): Arrow[] {
    const own = data.walks?.recipe?.settings[0];
    if (!walk || !now.hit || i === steps.length - 1 || data.walks?.recipe?.kind !== "SGD" || own?.momentum || own?.weight_decay) return [];
    const rate = Number(own?.lr) * (own?.maximize ? 1 : -1);
    const way = (v: number[]): number[] => v.map((x) => rate * x);
    return [{ from: walk.path[i], way: way(walk.grads[i]), colour: "bwd", label: "not clipped" }, { from: walk.path[i], way: way(walk.used[i]), colour: "upd", label: "clipped", thick: 3 }];
  }

  function spoken(i: number, now: Now): string {
    const done = data.done[String(i)] && !walk ? ` In the training: ${data.done[String(i)]}.` : "";
    const loss = walk ? ` Loss ${g(walk.losses[i], 4)} with clipping, ${g(free!.losses[i], 4)} without.` : "";
    const vectors = now.vectors && now.vectors[0].length <= 4 ? now.vectors.map((v) => `(${v.map((x) => g(x, 4)).join(", ")})`) : null;
    const size = `norm ${g(now.before)}${vectors ? ` ${vectors[0]}` : ""}`;
    if (!Number.isFinite(now.before)) return `the norm is ${g(now.before)}: clipping cannot repair that.${done}`;
    if (!now.hit) return `${size} stays as it is.${done}${loss}`;
    const end = `${g(now.after)}${vectors ? ` ${vectors[1]}` : ""}`;
    if (mode === "norm") return `${size} is over ${g(limit())}: everything ×${g(now.after / now.before, 4)} gives ${end}; the direction stays.${done}${loss}`;
    return `${size}: ${g(100 * now.share, 3)} % of the elements are held at ±${g(limit())}, which gives ${end} and turns it by ${g(now.degrees, 4)}°.${done}${loss}`;
  }

  /** The kept step that is nearest to a number. */
  const stepAt = (x: number): number => steps.reduce((best, s, i) => (Math.abs(s - x) < Math.abs(steps[best] - x) ? i : best), 0);
  const arrows = new ArrowPanel(data.names);
  const board: Board = new Board(shell, {
    length: steps.length - 1, draw, said: "Every step as a table", timeline: data.timeline,
    actions: { "walk-up": () => notch(1), "walk-down": () => notch(-1), ...(map ? { "walk-left": () => map.turn(-8, 0), "walk-right": () => map.turn(8, 0) } : {}) },
    also: [["Ctrl+Up", "higher threshold"], ["Ctrl+Down", "lower threshold"], ...(map ? [["Ctrl+Left", "turn the 3-D view"] as [string, string]] : [])],
    hint: `The dashed line in the picture can be dragged. A press elsewhere in the plot moves to that step.${data.program ? " The ring on the map is the start: drag it." : ""}`,
    table: () => [["step", "norm before", "times", "norm after", "turned", "in words"], ...all.map((now, i) => [String(steps[i]), g(now.before), now.hit ? g(now.after / now.before, 4) : "1", g(now.after), `${g(now.degrees, 4)}°`, data.done[String(i)] && !walk ? data.done[String(i)] : now.hit ? "clipped" : ""])],
    moment: (i) => ({ iteration: steps[i] }),
    step: ({ iteration }) => stepAt(iteration),
  });

  // -- pointer ----------------------------------------------------------------------------------------------------
  let dragging: "limit" | "step" | null = null;
  const near = (e: PointerEvent): boolean => !fixed && Math.abs(plot.Y(plot.at(e)[1]) - plot.Y(limit())) < 9;
  const pointed = (e: PointerEvent): void => {
    const [x, y] = plot.at(e);
    if (dragging === "limit") return threshold(Number(Math.max(least, Math.min(most, y)).toPrecision(3)));
    board.time.pause();
    board.time.go(stepAt(x));
  };
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    dragging = near(e) ? "limit" : "step";
    pointed(e);
  });
  plot.element.addEventListener("pointermove", (e) => {
    if (plot.element.hasPointerCapture(e.pointerId)) pointed(e);
    else plot.element.classList.toggle("at-limit", near(e));
  });

  // -- together -----------------------------------------------------------------------------------------------------
  const stroke = (name: string): SVGElement => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", class: `stroke ${name}` }));
  const topKey = key(stroke("m"), "largest element");
  const keys = el("div", { class: "keys" }, key(stroke("b"), walk ? "without clipping, and before it" : "before clipping"), key(stroke("a"), walk ? "with clipping, and after it" : "after"), key(stroke("limit"), "threshold"), topKey,
    key(svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M11 0l4 4l-4 4l-4 -4z", class: "hit" })), "clipped step"));
  shell.header.append(
    choice<Mode>("What is clipped", [["norm", "By norm"], ["value", "By value"]], mode, (to) => {
      mode = to;
      again();
    }),
    choice<string>("Norm type", [["1", "1"], ["2", "2"], ["inf", "∞"]], String(order), (to) => {
      order = to === "inf" ? "inf" : (Number(to) as Order);
      again();
    }));
  if (fixed) for (const b of shell.header.querySelectorAll<HTMLButtonElement>("[data-pick]")) b.disabled = b.dataset.pick !== mode && b.dataset.pick !== String(order);
  board.stage.append(keys, el("div", { class: map ? "pair map" : "pair" }, el("div", {}, ...(map ? [map.element] : []), plot.element), el("div", {}, arrows.element, ...(losses ? [losses.element] : []))));
  shell.body.append(board.stage, knobs);
  if (map) shell.header.append(choice<"2d" | "3d">("Seen from", [["2d", "Map"], ["3d", "3-D"]], data.view, (to) => map.look(to === "3d")));
  all = steps.map((_, i) => clipped(i));
  board.begin(walk ? steps.length - 1 : Math.max(0, norms[1].reduce((best, v, i) => (v > norms[1][best] ? i : best), 0)));
  if (map) {
    map.theme(host.dataset.theme === "dark");
    map.look(data.view === "3d");
  }
  show();
  const kept = steps.length < data.total ? `The picture keeps ${steps.length} of ${data.total} steps; the counts are of all. ` : "";
  const lostSteps = data.left_out ? `${data.left_out} later steps were counted but not kept. ` : "";
  shell.status(`${kept}${lostSteps}Drag the dashed line, or Ctrl+Up and Ctrl+Down, for another threshold.${map?.onStart ? " Drag the ring for another start." : ""} Arrows step, T table, ? all keys.`);
  return shell;
}

register("clip_view", mountClip);
