// LandscapeView: the loss around a network's weights, as a map or from the side, with a cross-hair that reads the computed losses
// and shows the two cuts through it; the path of a training can be walked. On a line between two states: a curve.
import { Board, BOARD, choice, key } from "../board";
import { el, put, say, svg } from "../dom";
import { g } from "../number";
import { Plot, PLOT } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import { sign, Terrain, TERRAIN, type TerrainData } from "../terrain";
import type { Num } from "../types";

export interface LandscapeData {
  title: string;
  kind: "random" | "pca" | "line";
  names: string[];
  xs: number[];
  ys: number[];
  losses: Num[][]; // [row][column], as ys and xs
  here: Num | null;
  steps: number[];
  places: number[][];
  true: Num[];
  off: number[];
  explained: number[];
  facts: string[];
  notes: string[];
  terrain: TerrainData | null;
  view: "2d" | "3d";
  timeline: string | null;
}

const CSS = `${PLOT}${BOARD}${TERRAIN}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(220px,300px);gap:4px 16px;align-items:start;padding-right:8px}
@container (max-width:900px){.pair{grid-template-columns:minmax(0,1fr)}.cuts{display:grid;grid-template-columns:1fr 1fr;gap:0 12px}.facts,.share{grid-column:1/-1}}
.pair .terrain{width:100%}.terrain.fixed:not(.side){cursor:crosshair}.keys .sign path{fill:var(--s1);stroke-width:0}.keys .sign.own path{fill:var(--s3)}
.cuts .plot{cursor:crosshair;touch-action:none}.cut{fill:none;stroke:var(--fwd);stroke-width:1.8}.cut.two{stroke:var(--upd)}
.hair{fill:none;stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3;opacity:.65}.aim{fill:none;stroke:var(--ink);stroke-width:2}.aimed{fill:var(--ink);stroke:var(--bg);stroke-width:1.5}
.facts{margin:2px 4px 8px;padding:0;list-style:none;font-size:12.5px;color:var(--soft)}.facts li{padding:1px 0}
.share{display:flex;height:18px;border-radius:5px;overflow:hidden;background:var(--frame);margin:2px 4px 10px;font:600 11px/18px var(--sans)}
.share span{overflow:hidden;white-space:nowrap;padding:0 6px;min-width:0;background:var(--fwd-bg);color:var(--fwd)}.share span+span{background:var(--upd-bg);color:var(--upd)}
.end{fill:var(--bwd);stroke:var(--bg);stroke-width:1.5}.plot .told{fill:var(--ink);font-size:12px}
`;

/** Index of the value nearest to x. */
export function nearest(values: number[], x: number): number {
  return values.reduce((best, v, i) => (Math.abs(v - x) < Math.abs(values[best] - x) ? i : best), 0);
}

/** Whether losses are better seen on a logarithmic scale, and what the axis then covers. */
export function lossAxis(values: number[]): { low: number; high: number; log: boolean } {
  const fine = values.filter(Number.isFinite);
  if (!fine.length) return { low: 0, high: 1, log: false };
  const [low, high] = [Math.min(...fine), Math.max(...fine)];
  if (low > 0 && high > 10 * low) {
    const grow = Math.max((high / low) ** 0.05, 1.1);
    return { low: low / grow, high: high * grow, log: true };
  }
  const more = (high - low || Math.abs(high) || 1) * 0.06;
  return { low: low - more, high: high + more, log: false };
}

function mountLine(host: HTMLElement, data: LandscapeData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. Arrow keys move along the line, ? lists the keys.`, CSS);
  const losses = data.losses[0].map(real);
  const W = Math.max(560, Math.min(1200, (host.clientWidth || 860) - 18));
  const plot = new Plot({ width: W, height: 340, left: 70, right: 16, top: 12, bottom: 40 },
    { low: data.xs[0], high: data.xs[data.xs.length - 1], name: "alpha: 0 is the first state, 1 the second" }, { ...lossAxis(losses), name: "loss" });
  const hair = svg("path", { class: "hair" }), dot = svg("circle", { class: "aimed", r: 5 });
  const ends = [0, 1].map((a) => data.xs.indexOf(a)).filter((i) => i >= 0);
  plot.marks.append(...[0, 1].map((a) => svg("path", { class: "hair", d: `M${plot.X(a).toFixed(1)} ${plot.inner.y}v${plot.inner.h}` })), hair, svg("path", { class: "cut", d: plot.path(data.xs, losses) }));
  plot.element.append(...ends.filter((i) => Number.isFinite(plot.Y(losses[i]))).map((i) => svg("circle", { class: "end", r: 5.5, cx: plot.X(data.xs[i]).toFixed(1), cy: plot.Y(losses[i]).toFixed(1) })), dot);
  plot.element.style.cursor = "crosshair";
  plot.element.style.touchAction = "none";
  const board: Board = new Board(shell, {
    length: data.xs.length - 1, what: "point", timeline: data.timeline, said: "The line as a table",
    table: () => [["alpha", "loss"], ...data.xs.map((x, i) => [g(x), g(losses[i])])],
    draw: (i) => {
      const [x, y] = [plot.X(data.xs[i]), plot.Y(losses[i])];
      put(hair, "d", `M${x.toFixed(1)} ${plot.inner.y}v${plot.inner.h}`);
      put(dot, "cx", x.toFixed(1));
      put(dot, "cy", Number.isFinite(y) ? y.toFixed(1) : "-99");
      const where = data.xs[i] === 0 ? "the first state" : data.xs[i] === 1 ? "the second state" : `${g(1 - data.xs[i], 4)} of the first and ${g(data.xs[i], 4)} of the second`;
      shell.announce(`alpha ${g(data.xs[i])}, ${where}: loss ${g(losses[i])}.`);
    },
    hint: "A press in the picture moves to the nearest point that was computed.",
  });
  const seek = (e: PointerEvent): void => {
    board.time.pause();
    board.time.go(nearest(data.xs, plot.at(e)[0]));
  };
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    seek(e);
  });
  plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(e));
  board.stage.append(plot.element);
  shell.body.append(board.stage);
  board.begin(Math.max(0, data.xs.indexOf(1)));
  shell.status([...data.facts, ...data.notes, "Every loss is the model's own with its weights set there."].map((t) => t.replace(/\.?$/, ".")).join(" "));
  return shell;
}

function mountPlane(host: HTMLElement, data: LandscapeData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. Arrow keys ${data.places.length ? "walk the path" : "move the cross-hair"}, ? lists the keys.`, CSS);
  const losses = data.losses.map((row) => row.map(real));
  const truth = data.true.map(real);
  const path = data.places.length > 0;
  const map = new Terrain(data.terrain!);
  map.element.classList.add("fixed");
  map.trails = path ? [{ points: data.places, losses: truth, series: 1, chosen: true }] : [{ points: [[0, 0]], losses: [real(data.here!)], series: 3 }];
  let side = data.view === "3d";
  let [c, r] = [nearest(data.xs, 0), nearest(data.ys, 0)];
  let aimed = !path; // whether the words are of the cross-hair or of the path

  // -- the cross-hair and the two cuts through it ---------------------------------------------------------------------
  const hair = svg("path", { class: "hair" }), aim = svg("circle", { class: "aim", r: 7 });
  map.plot.marks.append(hair, aim);
  const scale = lossAxis(losses.flat());
  const cuts = [0, 1].map((axis) => {
    const xs = axis ? data.ys : data.xs;
    const plot = new Plot({ width: 300, height: 158, left: 56, right: 10, top: 8, bottom: 40 }, { low: xs[0], high: xs[xs.length - 1], name: data.names[axis] }, { ...scale, name: "loss" });
    const line = svg("path", { class: axis ? "cut two" : "cut" }), needle = svg("path", { class: "hair" }), dot = svg("circle", { class: "aimed", r: 4.5 });
    plot.marks.append(needle, line);
    plot.element.append(dot);
    const seek = (e: PointerEvent): void => move(axis ? c : nearest(xs, plot.at(e)[0]), axis ? nearest(xs, plot.at(e)[0]) : r);
    plot.element.addEventListener("pointerdown", (e) => {
      plot.element.setPointerCapture(e.pointerId);
      host.focus({ preventScroll: true });
      seek(e);
    });
    plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(e));
    return { plot, draw(): void {
      const ys = axis ? losses.map((row) => row[c]) : losses[r];
      const at = axis ? r : c;
      put(line, "d", plot.path(xs, ys));
      put(needle, "d", `M${plot.X(xs[at]).toFixed(1)} ${plot.inner.y}v${plot.inner.h}`);
      const y = plot.Y(ys[at]);
      put(dot, "cx", plot.X(xs[at]).toFixed(1));
      put(dot, "cy", Number.isFinite(y) ? y.toFixed(1) : "-99");
    } };
  });

  function move(column: number, row: number): void {
    c = Math.max(0, Math.min(data.xs.length - 1, column));
    r = Math.max(0, Math.min(data.ys.length - 1, row));
    aimed = true;
    board.time.pause();
    board.redraw();
  }

  let last = -1;
  function draw(i: number): void {
    if (i !== last && path) {
      last = i;
      aimed = false;
      [c, r] = [nearest(data.xs, data.places[i][0]), nearest(data.ys, data.places[i][1])];
    }
    const { x, y, w, h } = map.plot.inner;
    const [px, py] = [map.plot.X(data.xs[c]), map.plot.Y(data.ys[r])];
    put(hair, "d", `M${x} ${py.toFixed(1)}h${w}M${px.toFixed(1)} ${y}v${h}`);
    put(aim, "visibility", aimed ? null : "hidden");
    put(aim, "cx", px.toFixed(1));
    put(aim, "cy", py.toFixed(1));
    for (const cut of cuts) cut.draw();
    map.at = path ? i : 0;
    map.draw();
    host.dataset.cell = `${c},${r}`;
    shell.announce(aimed ? told() : walked(i));
  }

  const told = (): string => {
    const loss = losses[r][c];
    const own = data.xs[c] === 0 && data.ys[r] === 0 ? " These are the model's weights." : "";
    return `${data.names[0]} ${g(data.xs[c], 4)}, ${data.names[1]} ${g(data.ys[r], 4)}: loss ${Number.isNaN(loss) ? "not computed, or not a number" : g(loss)}.${own}`;
  };
  const walked = (i: number): string => `Step ${data.steps[i]}: loss ${g(truth[i])} at ${g(data.places[i][0], 4)}, ${g(data.places[i][1], 4)}. ${data.off[i] > 0 ? `The weights are ${g(data.off[i], 4)} off the plane: the map shows their shadow.` : "The weights lie in the plane."}`;

  const by = (columns: number, rows: number) => () => (side ? map.turn(columns * 8, rows * 6) : move(c + columns, r + rows));
  const stepping = path ? {} : { next: () => move(c + 1, r), previous: () => move(c - 1, r), ten: () => move(c + 10, r), "back-ten": () => move(c - 10, r), first: () => move(0, r), last: () => move(data.xs.length - 1, r) };
  const board: Board = new Board(shell, {
    length: path ? data.places.length - 1 : 0, what: "snapshot", draw, timeline: data.timeline,
    said: path ? "The path as a table" : "The losses as a table",
    actions: { ...stepping, "walk-left": by(-1, 0), "walk-right": by(1, 0), "walk-up": by(0, 1), "walk-down": by(0, -1) },
    also: [["Ctrl+Arrows", "move the cross-hair; turn the 3-D view"]],
    hint: path ? "Left and Right walk along the path of the training." : "Left and Right move the cross-hair too.",
    table: () => path
      ? [["step", ...data.names, "loss there", "off the plane"], ...data.steps.map((s, i) => [String(s), ...data.places[i].map((v) => g(v)), g(truth[i]), g(data.off[i])])]
      : [[`${data.names[1]} \\ ${data.names[0]}`, ...data.xs.map((x) => g(x, 4))], ...data.ys.map((y, row) => [g(y, 4), ...losses[row].map((v) => g(v, 4))]).reverse()],
    row: path ? (i) => i + 1 : () => data.ys.length - r,
    moment: (i) => ({ iteration: data.steps[i] ?? 0 }),
    step: ({ iteration }) => (path ? nearest(data.steps, iteration) : null),
  });

  // -- pointer ------------------------------------------------------------------------------------------------------
  map.onSpot = ({ step }) => {
    board.time.pause();
    board.time.go(step);
    aimed = false;
    board.redraw();
  };
  map.tipText = ({ step }) => (path ? `step ${data.steps[step]}\nloss ${g(truth[step])}` : "");
  const free = (e: PointerEvent): boolean => {
    const box = map.element.getBoundingClientRect();
    return !side && !map.near(((e.clientX - box.left) / box.width) * map.plot.frame.width, ((e.clientY - box.top) / box.height) * map.plot.frame.height);
  };
  let aiming = false;
  const point = (e: PointerEvent): void => {
    const [x, y] = map.plot.at(e);
    move(nearest(data.xs, x), nearest(data.ys, y));
  };
  map.element.addEventListener("pointerdown", (e) => {
    host.focus({ preventScroll: true });
    if (!(aiming = free(e))) return;
    map.element.setPointerCapture(e.pointerId);
    point(e);
  });
  map.element.addEventListener("pointermove", (e) => aiming && map.element.hasPointerCapture(e.pointerId) && point(e));
  map.element.addEventListener("pointerup", () => (aiming = false));

  // -- together -------------------------------------------------------------------------------------------------------
  const seen = choice<"2d" | "3d">("Seen from", [["2d", "Map"], ["3d", "3-D"]], data.view, (to) => {
    side = to === "3d";
    map.look(side);
  });
  shell.header.append(seen);
  const mark = sign(path ? 1 : 3);
  mark.classList.toggle("own", !path);
  const keys = el("div", { class: "keys" }, key(mark, path ? "the path of the training; the ring is its start" : `the model's weights, loss ${g(real(data.here!))}`));
  const facts = el("ul", { class: "facts" }, ...data.facts.map((text) => el("li", {}, text)));
  const share = el("div", { class: "share", role: "img", "aria-label": `Variance of the path: ${data.explained.map((v) => `${g(100 * v, 3)} %`).join(", ")}` },
    ...data.explained.map((v, i) => {
      const span = el("span", { title: data.names[i] }, v > 0.12 ? `${g(100 * v, 3)} %` : "");
      span.style.width = `${100 * v}%`;
      return span;
    }));
  const panel = el("div", { class: "cuts" }, facts, ...(data.explained.length ? [share] : []), ...cuts.map(({ plot }) => plot.element));
  board.stage.append(keys, el("div", { class: "pair" }, map.element, panel));
  shell.body.append(board.stage);
  shell.onTheme = () => map.theme(host.dataset.theme === "dark");
  shell.later(() => map.close());
  board.begin(path ? data.places.length - 1 : 0);
  map.theme(host.dataset.theme === "dark");
  map.look(side);
  say(shell.said, aimed ? told() : walked(board.time.cursor));
  const keysLine = `Press in the map, or Ctrl+arrows, to read a loss; drag to turn in 3-D. ${path ? "Arrows walk the path. " : ""}T table, ? all keys.`;
  shell.status([...data.notes, keysLine].join(" "));
  return shell;
}

register("landscape_view", (host: HTMLElement, data: LandscapeData) => (data.kind === "line" ? mountLine(host, data) : mountPlane(host, data)));
