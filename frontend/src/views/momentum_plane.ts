// MomentumPlane: a point of the plane is a rate and a momentum, and so a walk. Drag the point; the errors, the path and the eigenvalues
// follow. The walks are made here, bit for bit those of the engine's SGD.
import { Board, BOARD, choice, key } from "../board";
import { el, put, say, svg } from "../dom";
import { best, bestPlain, border, contour, ellipses, factor, fate, radius, roots, walk, type Fate, type Pair, type Roots, type Walk } from "../momentum";
import { moreKeys, nudged } from "../more_keys";
import { g } from "../number";
import { notch, Plot, PLOT } from "../plot";
import { register } from "../register";
import { Shell } from "../shell";

export interface PlaneData {
  title: string;
  curvatures: Pair;
  lr: number;
  momentum: number;
  start: Pair;
  steps: number;
  top: number;
  levels: number[];
  timeline: string | null;
}

const ROUND = 48, REACH: Pair = [1.5, 2.6], ERRORS = 2.4, SMALLEST = 1e-9, NEAR = 7;
const BESIDE = 690; // from this width on the walk is beside the plane
// What a region is called, and where its name stands: rate times the steep curvature, momentum.
const AREAS: [Fate, number, number][] = [["creeps", 0.1, 0.12], ["swings", 1.55, 0.62], ["jumps", 1.44, 0.025], ["diverges", 3.45, 0.3]];
const SIGN: Record<Fate, string> = { creeps: "→", swings: "∿", jumps: "⇄", diverges: "!" };
const CSS = `${PLOT}${BOARD}
.stage{display:grid;grid-template-columns:minmax(0,1.36fr) minmax(0,1fr);gap:0 8px;align-items:start}
.charts{display:grid;gap:2px;align-content:start}
.plane{cursor:crosshair;touch-action:none}.errors{cursor:pointer;touch-action:none}
.creeps{fill:var(--fwd-bg)}.swings{fill:var(--leaf-bg)}.jumps{fill:var(--upd-bg)}.diverges{fill:var(--bad-bg)}
.plane .much{paint-order:stroke;stroke:var(--leaf-bg);stroke-width:3px}.plane .area{font:600 12px var(--sans);paint-order:stroke;stroke-width:3px}
.plane .area.creeps{fill:var(--fwd);stroke:var(--fwd-bg)}.plane .area.swings{fill:var(--leaf);stroke:var(--leaf-bg)}.plane .area.jumps{fill:var(--upd);stroke:var(--upd-bg)}.plane .area.diverges{fill:var(--bad);stroke:var(--bad-bg)}
.level{fill:none;stroke:var(--edge)}.level.own{stroke:var(--bwd);stroke-width:2}
.flat{fill:none;stroke:var(--s0);stroke-width:1.8;stroke-dasharray:7 4}
.star{fill:var(--leaf);stroke:var(--bg)}.plain{fill:var(--bg);stroke:var(--soft);stroke-width:2}
.cross{stroke:var(--bwd);stroke-dasharray:2 3;fill:none}.point{fill:var(--bwd);stroke:var(--bg);stroke-width:2.5}
.zero,.bowl{stroke:var(--line);fill:none}.pace{stroke:var(--ink);stroke-dasharray:2 3;fill:none}
.x{stroke:var(--s0);stroke-width:2;fill:none}.y{stroke:var(--s1);stroke-width:2;fill:none;stroke-dasharray:5 3}
.way{fill:none;stroke:var(--bwd);stroke-width:1.4}.later{opacity:.28}.stop{fill:var(--bwd)}.here{fill:var(--bwd);stroke:var(--bg);stroke-width:2}
.dotx{fill:var(--s0);stroke:var(--bg)}.doty{fill:var(--s1);stroke:var(--bg)}.goal{stroke:var(--leaf);stroke-width:2;fill:none}
.now{margin:0 10px 6px;font:12px/1.6 var(--mono);color:var(--soft);text-align:center;min-height:38px;overflow-wrap:anywhere}
.facts{border-top:1px solid var(--line);overflow-x:auto}.facts table{border-collapse:collapse;width:100%;font-size:13px}
.facts th,.facts td{padding:4px 12px;text-align:right;white-space:nowrap}.facts td{font:12px/20px var(--mono)}
.facts thead th{font-weight:600;font-size:12px;color:var(--soft);border-bottom:1px solid var(--line)}.facts th:first-child,.facts td:last-child,.facts thead th:last-child{text-align:left}
.facts td:last-child{font:600 13px/20px var(--sans)}.facts td.creeps{color:var(--fwd);fill:none}.facts td.swings{color:var(--leaf)}.facts td.jumps{color:var(--upd)}.facts td.diverges{color:var(--bad)}
.sum{display:flex;flex-wrap:wrap;gap:2px 26px;padding:6px 14px;border-top:1px solid var(--line);font-size:13px;color:var(--soft)}
.sum b{font:600 13px var(--mono);color:var(--ink)}.sum .bad b{color:var(--bad)}
.knobs input[type=number]{width:116px}.knobs button{border-color:var(--line);background:var(--bg)}
@container (max-width:689px){.stage{grid-template-columns:minmax(0,1fr)}.charts{grid-template-columns:1fr 1fr}.facts th,.facts td{padding:4px 7px}}
@container (max-width:599px){.charts{grid-template-columns:minmax(0,1fr)}}
`;

export function mountPlane(host: HTMLElement, data: PlaneData): Shell {
  const shell = new Shell(host, data.title, "The plane of rate and momentum. Alt and the arrows move the point, left and right step along its walk, question mark shows all keys.", CSS);
  const { curvatures, start, steps } = data;
  const [flat, steep] = curvatures;
  const star = best(curvatures);
  const plain: Pair = [bestPlain(curvatures), 0];
  const fine: Pair = [notch(data.top), 0.005];
  let at: Pair = [data.lr, data.momentum];
  let made: Walk = walk(curvatures, start, ...at, steps);
  let scale: "error" | "size" = "error";

  // -- the plane ------------------------------------------------------------------------------------------------------
  const room = host.clientWidth || 1000; // the frames are made for it, so that their text is as large as any
  const limit = (low: number, v: number, high: number): number => Math.round(Math.max(low, Math.min(high, v)));
  const across = limit(330, room >= BESIDE ? 0.56 * room : room - 24, 600);
  const plane = new Plot({ width: across, height: limit(320, 0.9 * across, 452), left: 56, right: 12, top: 12, bottom: 44 }, { low: 0, high: data.top, name: "rate  lr" }, { low: 0, high: 1, name: "momentum  beta" });
  plane.element.classList.add("plane");
  const line = (points: Pair[], closed = true): string => plane.path(points.map((p) => p[0]), points.map((p) => p[1])) + (closed ? "z" : "");
  const betas = Array.from({ length: ROUND + 1 }, (_, k) => k / ROUND);
  const curve = (push: (beta: number) => number, of: number): Pair[] => betas.map((b) => [push(b) / of, b]);
  const [first, second, edge] = [curve((b) => border(b, -1), steep), curve((b) => border(b, 1), steep), curve((b) => 2 * (1 + b), steep)];
  const swinging = [star, ...curve((b) => border(b, -1), flat).filter(([rate, b]) => rate * steep <= border(b, 1))]; // of the flat direction
  const areas: Record<Fate, Pair[]> = {
    creeps: [[0, 0], ...first], swings: [...first, ...[...second].reverse()], jumps: [...second, ...[...edge].reverse()], diverges: [...edge, [data.top, 1], [data.top, 0]],
  };
  for (const [name] of AREAS) plane.marks.append(svg("path", { class: name, d: line(areas[name]) }));
  for (const level of data.levels) {
    const corners = contour(level, curvatures);
    const tip = corners[corners.length === 4 ? 2 : corners.length - 1];
    plane.marks.append(svg("path", { class: "level", d: line(corners) }), svg("text", { class: "much", x: (plane.X(tip[0]) - 6).toFixed(1), y: (plane.Y(tip[1]) - 4).toFixed(1), "text-anchor": "end" }, g(level, 4)));
  }
  const own = svg("path", { class: "level own" });
  plane.marks.append(svg("path", { class: "flat", d: line(swinging, false) }), own);
  for (const [name, push, beta] of AREAS) plane.marks.append(svg("text", { class: `area ${name}`, x: plane.X(push / steep).toFixed(1), y: plane.Y(beta).toFixed(1) }, name));
  const cross = svg("path", { class: "cross" });
  plane.marks.append(cross);
  const point = svg("circle", { class: "point", r: 8 });
  plane.element.append(svg("circle", { class: "plain", r: 5, cx: plane.X(plain[0]).toFixed(1), cy: plane.Y(0).toFixed(1) }, svg("title", {}, "best without momentum")),
    svg("path", { class: "star", d: starPath(plane.X(star[0]), plane.Y(star[1]), 10) }, svg("title", {}, "best with momentum")), point);

  // -- the walk -------------------------------------------------------------------------------------------------------
  const frame = { width: limit(300, room >= BESIDE ? 0.41 * room : room >= 600 ? 0.48 * room : room - 24, 460), height: limit(200, 0.42 * across, 222), left: 58, right: 10, top: 8, bottom: 40 };
  const errors = new Plot(frame, { low: 0, high: steps, name: "step" }, { low: -ERRORS, high: ERRORS, name: "error / first error" });
  errors.element.classList.add("errors");
  const [zero, pace, lineX, lineY, cursor] = ["zero", "pace", "x", "y", "cursor"].map((name) => svg("path", { class: name }));
  const [dotX, dotY] = ["dotx", "doty"].map((name) => svg("circle", { class: name, r: 4 }));
  errors.marks.append(zero, pace, cursor, lineX, lineY, dotX, dotY);
  const reach = REACH.map((by, i) => by * Math.abs(start[i])) as Pair;
  const bowl = new Plot(frame, { low: -reach[0], high: reach[0], name: `x, curvature ${g(flat)}` }, { low: -reach[1], high: reach[1], name: `y, curvature ${g(steep)}` });
  const [cx, cy] = [bowl.X(0), bowl.Y(0)];
  for (const [rx, ry] of ellipses(curvatures, start, reach)) bowl.marks.append(svg("ellipse", { class: "bowl", cx, cy, rx: (bowl.X(rx) - cx).toFixed(1), ry: (cy - bowl.Y(ry)).toFixed(1) }));
  const [done, later] = [svg("path", { class: "way" }), svg("path", { class: "way later" })];
  const stops = svg("g");
  const here = svg("circle", { class: "here", r: 6 });
  bowl.marks.append(svg("path", { class: "goal", d: `M${cx - 5} ${cy}h10M${cx} ${cy - 5}v10` }), later, done, stops, here);
  const now = el("div", { class: "now" });

  // -- numbers and controls -------------------------------------------------------------------------------------------
  const body = el("tbody");
  const sum = el("div", { class: "sum" });
  const lr = el("input", { type: "number", min: 0, step: "any", "aria-label": "Rate", onchange: () => typed() });
  const beta = el("input", { type: "number", min: 0, max: 1, step: "any", "aria-label": "Momentum", onchange: () => typed() });
  const press = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
  const stroke = (kind: string): SVGElement => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", class: kind }));
  const keys = el("div", { class: "keys" }, key(stroke("x"), "x, the flat direction"), key(stroke("y"), "y, the steep one"), key(stroke("pace"), "the factor, step by step"));
  const plus = svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M8 4h8M12 0v8", class: "goal" }));
  const toStar = (): void => move(star), toPlain = (): void => move(plain), toFirst = (): void => move([data.lr, data.momentum]);
  const knobs = el("div", { class: "knobs", role: "group", "aria-label": "The point" }, el("label", {}, "lr", lr), el("label", {}, "momentum", beta),
    press("★ Best", "Polyak's rate and momentum (B)", toStar), press("○ Best without momentum", "The best rate without momentum (P)", toPlain), press("Reset", "As at first (R)", toFirst));

  const board: Board = new Board(shell, {
    length: steps, draw, said: "The walk as a table", timeline: data.timeline, table, stretches: [{ phase: "update", from: 0, to: steps, name: "steps" }],
    also: [["Alt+arrows", "move the point (with Shift ten times as far)"], ["b", "best with momentum"], ["p", "best without momentum"], ["l", "errors, or their size on a logarithmic axis"], ["r", "the point as at first"]],
    hint: "Areas: what the steep direction does. Dashed: above it the flat direction swings, below it creeps. Thin lines: equal convergence factor.",
  });
  const byScale = choice<"error" | "size">("Axis of the errors", [["error", "Error"], ["size", "Size, log"]], scale, (to) => {
    scale = to;
    errors.y = to === "error" ? { low: -ERRORS, high: ERRORS, name: "error / first error" } : { low: SMALLEST, high: 10, log: true, name: "size of error / first error" };
    errors.axes();
    show();
  });
  const OWN: Record<string, () => void> = { b: toStar, p: toPlain, r: toFirst, l: () => byScale.querySelector<HTMLElement>("[aria-pressed=false]")!.click() };

  /** Put the point somewhere; a place outside the plane is taken to its edge. */
  function move([rate, momentum]: Pair): void {
    at = [Math.min(data.top, Math.max(fine[0] / 100, rate)), Math.min(1, Math.max(0, momentum))];
    made = walk(curvatures, start, ...at, steps);
    show();
  }

  function typed(): void {
    const wish: Pair = [lr.valueAsNumber, beta.valueAsNumber];
    move(wish.map((v, i) => (Number.isFinite(v) && (i || v > 0) ? v : at[i])) as Pair);
  }

  const tidy = (v: number, i: number): number => Number((Math.round(v / fine[i]) * fine[i]).toPrecision(10));
  const verdict = (size: number): string => (size > 1 + 1e-9 ? "it diverges" : size > 1 - 1e-9 ? "it never comes to rest" : size > 1e-9 ? `a digit every ${g(-1 / Math.log10(size), 3)} steps` : "there at once");

  /** Everything that depends on the point. */
  function show(): void {
    const [rate, momentum] = at;
    const size = factor(rate, momentum, curvatures);
    const [px, py] = [plane.X(rate), plane.Y(momentum)];
    put(point, "cx", px.toFixed(1));
    put(point, "cy", py.toFixed(1));
    put(cross, "d", `M${plane.inner.x} ${py.toFixed(1)}H${px.toFixed(1)}V${plane.inner.y + plane.inner.h}`);
    const corners = size < 1 ? contour(size, curvatures) : [];
    put(own, "d", corners.length ? line(corners) : "");
    lr.value = String(Number(rate.toPrecision(10)));
    beta.value = String(Number(momentum.toPrecision(10)));
    body.replaceChildren(...curvatures.map((c, i) => {
      const push = rate * c;
      const found = roots(push, momentum);
      const what = fate(push, momentum);
      return el("tr", {}, el("th", { scope: "row" }, ["flat, x", "steep, y"][i]), ...[g(c), g(push, 4), rootText(found), g(radius(found), 4)].map((text) => el("td", {}, text)), el("td", { class: what }, `${SIGN[what]} ${what}`));
    }));
    const item = (text: string, value: string, bad = false): HTMLElement => el("span", { class: bad ? "bad" : null }, `${text} `, el("b", {}, value));
    sum.replaceChildren(item("convergence factor", `${g(size, 4)}: ${verdict(size)}`, size > 1 - 1e-9), item("effective rate lr / (1 − momentum)", momentum < 1 ? g(rate / (1 - momentum), 4) : "without end"),
      item(`loss after ${steps} steps`, g(made.losses[steps], 4)));
    const ks = made.path.map((_, k) => k);
    const of = (i: number): number[] => made.path.map((p) => seen(p[i] / start[i]));
    put(zero, "d", scale === "error" ? `M${errors.inner.x} ${errors.Y(0).toFixed(1)}h${errors.inner.w}` : "");
    put(pace, "d", scale === "size" ? errors.path(ks, ks.map((k) => seen(size ** k))) : "");
    keys.lastElementChild!.toggleAttribute("hidden", scale !== "size");
    put(lineX, "d", errors.path(ks, of(0)));
    put(lineY, "d", errors.path(ks, of(1)));
    stops.replaceChildren(...made.path.map((p) => svg("circle", { class: "stop", r: 2.2, cx: bowl.X(near(p[0], 0)).toFixed(1), cy: bowl.Y(near(p[1], 1)).toFixed(1) })));
    host.dataset.fates = curvatures.map((c) => fate(rate * c, momentum)).join(" ");
    (host as HTMLElement & { plane?: unknown }).plane = { lr: rate, momentum, factor: size, ...made };
    board.retell();
    board.redraw();
  }

  /** An error as it is drawn: cut a little outside the frame, and at the foot of the logarithmic axis. */
  const seen = (v: number): number => (scale === "error" ? Math.max(-50, Math.min(50, v)) : Math.max(SMALLEST, Math.min(1e6, Math.abs(v))));
  const near = (v: number, i: number): number => Math.max(-50, Math.min(50, v / start[i])) * start[i];

  function draw(k: number): void {
    const [p, v] = [made.path[k], made.velocity[k]];
    const [ax, ay] = [0, 1].map((i) => made.path.map((q) => near(q[i], i)));
    put(done, "d", bowl.path(ax.slice(0, k + 1), ay.slice(0, k + 1)));
    put(later, "d", bowl.path(ax.slice(k), ay.slice(k)));
    stops.childNodes.forEach((stop, j) => (stop as Element).classList.toggle("later", j > k));
    const inside = p.every((x, i) => Math.abs(x) <= reach[i]);
    put(here, "cx", bowl.X(ax[k]).toFixed(1));
    put(here, "cy", bowl.Y(ay[k]).toFixed(1));
    put(cursor, "d", `M${errors.X(k).toFixed(1)} ${errors.inner.y}v${errors.inner.h}`);
    [dotX, dotY].forEach((dot, i) => {
      put(dot, "cx", errors.X(k).toFixed(1));
      put(dot, "cy", errors.Y(seen(p[i] / start[i])).toFixed(1));
    });
    const text = `step ${k}:  x = ${g(p[0], 4)}, velocity ${g(v[0], 4)};  y = ${g(p[1], 4)}, velocity ${g(v[1], 4)};  loss ${g(made.losses[k], 4)}${inside ? "" : ";  outside the map"}`;
    say(now, text);
    const [a, b] = curvatures.map((c) => fate(at[0] * c, at[1]));
    shell.announce(`lr ${g(at[0], 4)}, momentum ${g(at[1], 4)}: x ${a}, y ${b}, factor ${g(factor(...at, curvatures), 4)}. Step ${k}: loss ${g(made.losses[k], 4)}.`);
  }

  function table(): string[][] {
    return [["step", "x", "velocity of x", "y", "velocity of y", "loss"], ...made.path.map((p, k) => [String(k), ...[p[0], made.velocity[k][0], p[1], made.velocity[k][1], made.losses[k]].map((v) => g(v))])];
  }

  // -- pointer and keys -----------------------------------------------------------------------------------------------
  const drag = (e: PointerEvent): void => {
    const wish = plane.at(e);
    const close = [star, plain].find((p) => Math.hypot(plane.X(p[0]) - plane.X(wish[0]), plane.Y(p[1]) - plane.Y(wish[1])) < NEAR);
    move(close ?? (wish.map(tidy) as Pair));
  };
  const seek = (e: PointerEvent): void => {
    board.time.pause();
    board.time.go(errors.at(e)[0]);
  };
  for (const [plot, act] of [[plane, drag], [errors, seek]] as const) {
    plot.element.addEventListener("pointerdown", (e) => {
      plot.element.setPointerCapture(e.pointerId);
      host.focus({ preventScroll: true });
      act(e);
    });
    plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && act(e));
  }
  moreKeys(shell, (key, e) => {
    const to = nudged(e, at, fine);
    return to ? () => move(to.map((v, i) => (v === at[i] ? v : tidy(v, i))) as Pair) : !e.altKey && OWN[key];
  });

  shell.header.append(byScale);
  board.stage.prepend(el("div", {}, plane.element, now), el("div", { class: "charts" }, el("div", {}, keys, errors.element), el("div", {}, el("div", { class: "keys" }, key(stroke("way"), "the path, step by step"), key(plus, "the minimum")), bowl.element)));
  const heads = ["direction", "curvature", "lr × curvature", "eigenvalues", "size", "it"];
  shell.body.append(knobs, board.stage);
  board.begin(steps);
  shell.body.append(el("div", { class: "facts" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))), body)), sum);
  show();
  shell.status("Drag the point, or Alt and arrows. Areas: what the steep direction does. Dashed: above it the flat direction swings too. Thin lines: equal convergence factor.");
  return shell;
}

/** `0.2 and 0.9`, `0.5 ± 0.3i`, or `0.8 twice`. */
function rootText({ middle, half, complex }: Roots): string {
  if (complex) return `${g(middle, 4)} ± ${g(half, 4)}i`;
  return half ? `${g(middle - half, 4)} and ${g(middle + half, 4)}` : `${g(middle, 4)} twice`;
}

function starPath(x: number, y: number, size: number): string {
  const points = Array.from({ length: 10 }, (_, k) => {
    const [r, a] = [k % 2 ? 0.45 * size : size, Math.PI * (k / 5 - 0.5)];
    return `${(x + r * Math.cos(a)).toFixed(1)} ${(y + r * Math.sin(a)).toFixed(1)}`;
  });
  return `M${points.join("L")}z`;
}

register("momentum_plane", mountPlane);
