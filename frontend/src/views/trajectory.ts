// TrajectoryView: drag the start and the rate, and the walk is made again at once. The picture is the one of
// gradviz/widgets/trajectory_svg.py; the first walk comes from the engine, every other one from scalar.ts.
import { el, put, say, svg } from "../dom";
import { g } from "../number";
import { notch, PLOT, ticks } from "../plot";
import { register } from "../register";
import { real, walk, type Program, type Settings, type Walk } from "../scalar";
import { Shell } from "../shell";
import type { Num } from "../types";

export interface TrajectoryData {
  names: string[];
  start: number[];
  lr: number;
  max_lr: number;
  steps: number;
  bounds: [number, number][];
  range: [number, number] | null;
  lines: string[];
  levels: number[];
  optimizer: Settings & { name: string };
  program: Program | null;
  why: string;
  single: boolean;
  path: Num[][];
  losses: Num[];
  grads: Num[][];
}

const W = 689, H = 423, LEFT = 60, RIGHT = 14, TOP = 14, BOTTOM = 40;
const LOSS_H = 92;
const MOST = 500; // steps
const ROWS = 24;
const CSS = `${PLOT}
.plot{max-width:760px;touch-action:none;cursor:crosshair}
.plot.fixed{cursor:default}
.level{stroke:var(--soft);fill:none;stroke-width:1;opacity:.65}.curve{stroke:var(--soft);fill:none;stroke-width:2}
.trail{stroke:var(--bwd);fill:none;stroke-width:1.6}.stop{fill:var(--bwd)}.end{fill:none;stroke:var(--bwd);stroke-width:2}
.start{fill:var(--fwd);stroke:var(--bg);stroke-width:2}
.knobs{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;padding:8px 14px;border-top:1px solid var(--line);background:var(--panel)}
.knobs label{display:flex;align-items:center;gap:8px;color:var(--soft)}.knobs label.wide{flex:1;min-width:240px}
.knobs input[type=range]{flex:1;--fill:var(--line)}
.knobs input[type=number]{width:84px;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 6px;font:12px var(--mono)}
.knobs button{border-color:var(--line)}
.walk{max-height:300px;overflow:auto;padding:0 14px 10px}
.walk table{border-collapse:collapse;font:12px var(--mono)}.walk th,.walk td{padding:2px 10px;text-align:right}.walk th{color:var(--soft);font-weight:600}
`;

export function mountTrajectory(host: HTMLElement, data: TrajectoryData): Shell {
  const flat = data.names.length === 1;
  const shell = new Shell(host, `${data.optimizer.name}: the walk downhill`, "Trajectory. Arrow keys move the start, square brackets change the rate.", CSS);
  const [[x0, x1], [y0, y1]] = flat ? [data.bounds[0], data.range!] : (data.bounds as [[number, number], [number, number]]);
  const toX = (x: number): number => LEFT + ((x - x0) / (x1 - x0)) * (W - LEFT - RIGHT);
  const toY = (y: number): number => H - BOTTOM - ((y - y0) / (y1 - y0)) * (H - TOP - BOTTOM);
  const free = data.program !== null;
  const first = { start: [...data.start], lr: data.lr, steps: data.steps };
  let { start, lr, steps } = { ...first, start: [...first.start] };
  let now: Walk = { path: data.path.map((p) => p.map(real)), losses: data.losses.map(real), grads: data.grads.map((p) => p.map(real)) };

  // -- the picture ----------------------------------------------------------------------------------------------
  const clip = `clip-${Math.round(toX(0) * 1e3)}`; // ids are private to the shadow root
  const trail = svg("path", { class: "trail" });
  const stops = svg("g");
  const ring = svg("circle", { class: "end", r: 6 });
  const ball = svg("circle", { class: "start", r: 8 });
  const lines = data.lines.map((d, i) =>
    svg("path", { d, class: flat ? "curve" : "level" }, flat ? null : svg("title", {}, `loss ${g(data.levels[i], 4)}`)));
  const plot = svg("svg", { class: free ? "plot" : "plot fixed", viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" },
    svg("clipPath", { id: clip }, svg("rect", { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM })),
    axes(), svg("g", { "clip-path": `url(#${clip})` }, ...lines, trail, stops, ring), ball);
  const curve = svg("path", { class: "trail" });
  const scale = svg("g");
  const losses = svg("svg", { class: "plot fixed", viewBox: `0 0 ${W} ${LOSS_H}`, "aria-hidden": "true" },
    svg("rect", { class: "frame", x: LEFT, y: 6, width: W - LEFT - RIGHT, height: LOSS_H - 28 }), scale, curve,
    svg("text", { class: "name", x: (LEFT + W - RIGHT) / 2, y: LOSS_H - 6, "text-anchor": "middle" }, "loss, step by step (logarithmic)"));

  function axes(): SVGElement {
    const out = svg("g", {}, svg("rect", { class: "frame", x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM }));
    for (const x of ticks(x0, x1)) {
      out.append(svg("path", { class: "tick", d: `M${toX(x)} ${H - BOTTOM}v4` }), svg("text", { x: toX(x), y: H - BOTTOM + 17, "text-anchor": "middle" }, g(x)));
    }
    for (const y of ticks(y0, y1)) {
      out.append(svg("path", { class: "tick", d: `M${LEFT} ${toY(y)}h-4` }), svg("text", { x: LEFT - 7, y: toY(y) + 4, "text-anchor": "end" }, g(y)));
    }
    const middle = (TOP + H - BOTTOM) / 2;
    out.append(svg("text", { class: "name", x: (LEFT + W - RIGHT) / 2, y: H - 6, "text-anchor": "middle" }, data.names[0]),
      svg("text", { class: "name", x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` }, flat ? "loss" : data.names[1]));
    return out;
  }

  // -- the controls ---------------------------------------------------------------------------------------------
  const tiny = notch(data.max_lr);
  const range = el("input", { type: "range", min: tiny, max: data.max_lr, step: tiny, "aria-label": "Learning rate", oninput: () => move({ lr: range.valueAsNumber }) });
  const exact = el("input", { type: "number", min: 0, step: "any", "aria-label": "Learning rate, exactly", onchange: () => move({ lr: exact.valueAsNumber }) });
  const count = el("input", { type: "number", min: 1, max: MOST, step: 1, "aria-label": "Steps", onchange: () => move({ steps: count.valueAsNumber }) });
  const again = el("button", { type: "button", title: "As at first (Home)", onclick: () => move(first) }, "Reset");
  const table = el("table");
  const twin = el("div", { class: "walk", hidden: true, tabindex: 0, role: "region", "aria-label": "The walk as a table" }, table);
  const show = el("button", { type: "button", title: "The walk as a table (T)", "aria-expanded": "false", onclick: () => fold() }, "Table");
  for (const input of [range, exact, count]) input.disabled = !free;
  const knobs = el("div", { class: "knobs", role: "group", "aria-label": "Rate and steps" },
    el("label", { class: "wide" }, "rate", range, exact), el("label", {}, "steps", count), again, show);
  shell.body.append(plot, losses, knobs, twin);

  function fold(): void {
    twin.hidden = !twin.hidden;
    put(show, "aria-expanded", String(!twin.hidden));
    if (!twin.hidden) tabulate();
  }

  function tabulate(): void {
    const row = (cells: string[], tag: "th" | "td"): HTMLElement => el("tr", {}, ...cells.map((c) => el(tag, {}, c)));
    const lines = now.path.map((p, k) => row([String(k), ...p.map((v) => g(v)), g(now.losses[k]), ...now.grads[k].map((v) => g(v))], "td"));
    if (lines.length > ROWS) lines.splice(ROWS / 2, lines.length - ROWS, row(["..."], "td"));
    table.replaceChildren(row(["step", ...data.names, "loss", ...data.names.map((n) => `slope ${n}`)], "th"), ...lines);
  }

  // -- a change of start, rate or number of steps -----------------------------------------------------------------
  let revision = 0;
  function move(to: Partial<typeof first>): void {
    if (!free) return;
    const wish = { start, lr, steps, ...to };
    if (![wish.lr, wish.steps, ...wish.start].every(Number.isFinite) || wish.lr <= 0) return draw();
    lr = wish.lr;
    steps = Math.max(1, Math.min(MOST, Math.round(wish.steps)));
    start = wish.start.map((v, i) => Math.min(data.bounds[i][1], Math.max(data.bounds[i][0], v)));
    shell.safely(() => {
      now = walk(data.program!, start, lr, steps, data.optimizer, data.single);
      draw();
    });
  }

  function draw(): void {
    const places = now.path.map((p, k) => [toX(p[0]), toY(flat ? now.losses[k] : p[1])]);
    const lost = places.findIndex(([x, y]) => !Number.isFinite(x + y) || Math.abs(x) > 1e5 || Math.abs(y) > 1e5);
    const seen = lost < 0 ? places : places.slice(0, lost);
    put(trail, "d", seen.length ? "M" + seen.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L") : "");
    while (stops.childElementCount > seen.length) stops.lastElementChild!.remove();
    while (stops.childElementCount < seen.length) stops.append(svg("circle", { class: "stop", r: 3 }));
    seen.forEach(([x, y], k) => {
      put(stops.children[k], "cx", x.toFixed(1));
      put(stops.children[k], "cy", y.toFixed(1));
    });
    const end = seen[seen.length - 1];
    put(ring, "cx", end ? end[0].toFixed(1) : "-99");
    put(ring, "cy", end ? end[1].toFixed(1) : "-99");
    put(ball, "cx", seen.length ? seen[0][0].toFixed(1) : "-99");
    put(ball, "cy", seen.length ? Math.max(TOP, Math.min(H - BOTTOM, seen[0][1])).toFixed(1) : "-99");
    drawLoss();
    range.value = String(lr);
    exact.value = String(Number(lr.toPrecision(6)));
    count.value = String(steps);
    if (!twin.hidden) tabulate();
    say(shell.said, spoken(lost));
    (host as HTMLElement & { walk?: Walk }).walk = now;
    host.dataset.lr = String(lr);
    host.dataset.start = start.join(",");
    void shell.mark("data-drawn", String(++revision));
  }

  function drawLoss(): void {
    const good = now.losses.map((v, k) => [k, v]).filter(([, v]) => Number.isFinite(v) && v > 0).map(([k, v]) => [k, Math.log10(v)]);
    if (good.length < 2) return void put(curve, "d", "");
    const low = Math.min(...good.map(([, v]) => v));
    const high = Math.max(...good.map(([, v]) => v), low + 1e-6);
    const x = (k: number): number => LEFT + (k / steps) * (W - LEFT - RIGHT);
    const y = (v: number): number => LOSS_H - 26 - ((v - low) / (high - low)) * (LOSS_H - 36);
    put(curve, "d", "M" + good.map(([k, v]) => `${x(k).toFixed(1)} ${y(v).toFixed(1)}`).join("L"));
    scale.replaceChildren(...[low, high].map((v) => svg("text", { x: LEFT - 7, y: y(v) + 4, "text-anchor": "end" }, g(10 ** v, 2))));
  }

  function spoken(lost: number): string {
    const k = now.path.length - 1;
    const at = data.names.map((name, i) => `${name} = ${g(now.path[k][i], 4)}`).join(", ");
    const from = data.names.map((name, i) => `${name} = ${g(start[i], 4)}`).join(", ");
    const fate = lost >= 0 ? `It has left the picture for good at step ${lost}: this rate diverges.` : now.losses[k] > now.losses[0] ? "It is higher up than where it started." : "";
    return `Rate ${g(lr, 4)}, from ${from}: after ${k} steps ${at}, loss ${g(now.losses[k], 4)}. ${fate}`;
  }

  // -- mouse, pen, finger; keys -----------------------------------------------------------------------------------
  function pointed(e: PointerEvent): void {
    const frame = plot.getBoundingClientRect();
    const x = x0 + ((((e.clientX - frame.left) / frame.width) * W - LEFT) / (W - LEFT - RIGHT)) * (x1 - x0);
    const y = y0 + ((H - BOTTOM - ((e.clientY - frame.top) / frame.height) * H) / (H - TOP - BOTTOM)) * (y1 - y0);
    move({ start: flat ? [x] : [x, y] });
  }
  if (free) {
    plot.addEventListener("pointerdown", (e) => {
      plot.setPointerCapture(e.pointerId);
      host.focus({ preventScroll: true });
      pointed(e);
    });
    plot.addEventListener("pointermove", (e) => plot.hasPointerCapture(e.pointerId) && pointed(e));
  }
  const nudge = (dx: number, dy: number, e: KeyboardEvent): void => {
    const far = e.shiftKey ? 10 : 1;
    move({ start: start.map((v, i) => v + (i === 0 ? dx : dy) * far * ((data.bounds[i][1] - data.bounds[i][0]) / 100)) });
  };
  const rate = (by: number): void => move({ lr: Math.max(tiny, Number((lr + by * tiny).toPrecision(12))) });
  const keys: Record<string, (e: KeyboardEvent) => void> = {
    ArrowRight: (e) => nudge(1, 0, e), ArrowLeft: (e) => nudge(-1, 0, e), ArrowUp: (e) => nudge(0, 1, e), ArrowDown: (e) => nudge(0, -1, e),
    "[": () => rate(-1), "]": () => rate(1), "{": () => rate(-10), "}": () => rate(10), Home: () => move(first), t: () => fold(),
  };
  const hear = (e: KeyboardEvent): void => {
    const tag = ((e.composedPath()[0] ?? e.target) as HTMLElement).tagName;
    if (tag === "INPUT" || e.ctrlKey || e.metaKey || e.altKey) return;
    const run = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!run) return;
    e.preventDefault();
    e.stopPropagation();
    run(e);
  };
  host.addEventListener("keydown", hear);
  shell.later(() => host.removeEventListener("keydown", hear));

  shell.status(free ? "Drag in the picture to move the start. Keys: arrows start, [ ] rate, Home reset, T table."
    : `The start and the rate need the kernel here: ${data.why}. Change them in the cell and run it again.`);
  draw();
  void shell.mark("data-ready");
  return shell;
}

register("trajectory", mountTrajectory);
