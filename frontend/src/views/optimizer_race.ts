// OptimizerRace: several optimisers from one start, played, paused and scrubbed together. Drag the start: those that optimizers.ts knows
// are run again at once, the others by the kernel where there is one; else their old trail stays, in grey, and says so.
import { ANATOMY, arrows, opened, optionsAt, unpacked, type About, type PackedWalk } from "../anatomy";
import { MARKERS } from "../brush";
import { el, put, say, svg } from "../dom";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { hundredths, moreKeys, nudged } from "../more_keys";
import { g } from "../number";
import { descend, thin, type Recipe, type Walk } from "../optimizers";
import { pen, Plot, PLOT } from "../plot";
import { real } from "../real";
import { register, type Port } from "../register";
import type { Program } from "../scalar";
import { Shell } from "../shell";
import { fate, logged, lossRange, places, reached } from "../standings";
import { sign, Terrain, TERRAIN, W, type TerrainData } from "../terrain";
import { join, Timeline, walking } from "../timeline";
import { transport } from "../transport";
import type { Num } from "../types";

interface PackedRunner {
  name: string;
  optimizer: string;
  recipe: Recipe | null;
  why: string;
  calls: number;
  about: About | null;
  walk: PackedWalk;
}

export interface RaceData {
  title: string;
  terrain: TerrainData | null;
  start: number[];
  steps: number;
  every: number;
  target: Num;
  clip: number | null;
  view: "2d" | "3d";
  timeline: string | null;
  program: Program | null;
  why: string;
  single: boolean;
  runners: PackedRunner[];
}

interface Runner extends Omit<PackedRunner, "walk"> {
  series: number;
  first: Walk; // as the engine made it
  walk: Walk;
  hidden: boolean;
  state: "fresh" | "waiting" | "stale"; // of the walk, against the start that is shown
  line: SVGElement;
  past: SVGElement;
  spot: SVGElement;
  row: HTMLElement;
  cells: HTMLElement[];
  note: HTMLElement;
}

const CSS = `${PLOT}${TERRAIN}${ANATOMY}
.stage{position:relative;display:grid;grid-template-columns:minmax(0,1fr) minmax(340px,36%)}
.side-panel{border-left:1px solid var(--line);min-width:0;display:flex;flex-direction:column}
@container (max-width:900px){.stage{grid-template-columns:minmax(0,1fr)}.side-panel{border-left:0;border-top:1px solid var(--line)}}
.board{border-collapse:collapse;width:100%;font-size:13px}
.board th,.board td{padding:5px 8px 5px 0;text-align:right;vertical-align:top;font-variant-numeric:tabular-nums}
.board td{font-family:var(--mono);font-size:12px;line-height:20px;white-space:nowrap}
.board thead th{font-weight:600;font-size:12px;color:var(--soft);border-bottom:1px solid var(--line);vertical-align:bottom}
.board th:first-child,.board td:first-child{padding-left:14px;text-align:left}.board tr>:last-child{padding-right:14px}
.board thead th{white-space:nowrap}.board .who{text-align:left}
.board tbody th{text-align:left;font-weight:600;width:99%;overflow-wrap:anywhere}
.board tbody tr{cursor:pointer}.board tbody tr+tr>*{border-top:1px solid var(--frame)}
.board tbody tr:hover{background:var(--panel)}.board tr[aria-selected=true]{background:var(--fwd-bg)}
.board button{height:auto;min-height:20px;padding:0;display:flex;align-items:flex-start;gap:8px;white-space:normal;text-align:left;font-weight:600;color:var(--ink);background:none;line-height:20px}
.board button .sign{margin-top:3px}
.board small{display:block;font:12px/1.4 var(--sans);color:var(--soft);padding-left:22px}.board small.lost{color:var(--bad)}
.board tr.off>*{color:var(--soft)}.board tr.off button{color:var(--soft);text-decoration:line-through}
.board input{accent-color:var(--fwd);margin:3px 0 0;display:block;width:14px;height:14px}
.first{color:var(--fwd);font-weight:700}
.tools-row{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;padding:9px 14px;border-top:1px solid var(--line);border-bottom:1px solid var(--line);background:var(--panel);color:var(--soft)}
.tools-row label{display:flex;align-items:center;gap:8px}.tools-row button{border-color:var(--line);background:var(--bg)}
.tools-row input{width:92px;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 6px;font:12px var(--mono)}
.losses{cursor:pointer;max-width:1000px}.losses .ahead{opacity:.24}.losses .run,.losses .now,.losses .goal{fill:none}
.losses .run{stroke-width:2}.losses .run.chosen{stroke-width:3.2}.losses .now{stroke:var(--ink);stroke-dasharray:3 3;opacity:.5}
.losses .goal{stroke:var(--soft);stroke-dasharray:6 4}.losses .goal-name{font-size:11px;paint-order:stroke;stroke:var(--bg);stroke-width:3px}
.losses .spot{stroke:var(--bg);stroke-width:.25}
`;

export function mountRace(host: HTMLElement, data: RaceData, port?: Port): Shell {
  const shell = new Shell(host, `Race on ${data.title}`, "Optimiser race. Left and right step, Space plays, up and down choose a runner, question mark shows all keys.", CSS);
  const terrain = data.terrain && new Terrain(data.terrain);
  const names = data.terrain?.names ?? [];
  const bounds = data.terrain?.bounds ?? null;
  const { steps, every } = data;
  let start = [...data.start];
  let target = real(data.target);
  let chosen = -1; // the runner that is taken apart; at first the one that came lowest
  let moved = false;
  const step = (k: number): number => Math.min(k * every, steps);
  const time = new Timeline(data.runners[0].walk.losses.length - 1);
  const canMove = !!terrain && (port !== undefined || data.runners.some((r) => r.recipe && data.program));

  // -- the board ------------------------------------------------------------------------------------------------------
  const goalHead = el("th", { scope: "col" }, "target at");
  const body = el("tbody");
  const board = el("table", { class: "board" }, el("thead", {}, el("tr", {}, el("th", {}, el("span", { class: "quiet" }, "Shown")), el("th", { scope: "col", class: "who" }, "optimiser"),
    el("th", { scope: "col" }, "rank"), el("th", { scope: "col" }, "loss"), goalHead)), body);
  const runners: Runner[] = data.runners.map((r, i) => {
    const first = unpacked(r.walk);
    const look = { ...pen(i) };
    const eye = el("input", { type: "checkbox", checked: true, "aria-label": `Show ${r.name}`, onclick: (e: Event) => e.stopPropagation(), onchange: () => hide(i, !eye.checked) });
    const note = el("small");
    const cells = [el("td"), el("td"), el("td")];
    const name = el("button", { type: "button", dir: "auto", onclick: (e: Event) => {
      e.stopPropagation();
      choose(i);
    } }, sign(i), r.name);
    const row = el("tr", { "aria-selected": "false", onclick: () => choose(i) }, el("td", {}, eye), el("th", { scope: "row" }, name, note), ...cells);
    body.append(row);
    return { ...r, series: i, first, walk: first, hidden: false, state: "fresh", row, cells, note,
      line: svg("path", { class: "run ahead", ...look }), past: svg("path", { class: "run", ...look }),
      spot: svg("path", { class: "spot", d: MARKERS[i % MARKERS.length], fill: look.stroke }) };
  });

  // -- losses ---------------------------------------------------------------------------------------------------------
  const tall = terrain ? 190 : 340;
  const chart = new Plot({ width: W, height: tall, left: 60, right: 14, top: 10, bottom: 40 }, { low: 0, high: Math.max(steps, 1), name: "step" }, { low: 0.1, high: 1, log: true, name: "loss" });
  chart.element.classList.add("losses");
  const nowLine = svg("path", { class: "now" });
  const goal = svg("path", { class: "goal" });
  const goalName = svg("text", { class: "goal-name", x: chart.inner.x + 6 });
  chart.marks.append(goal, ...runners.flatMap((r) => [r.line, r.past]), nowLine, goalName);
  chart.element.append(...runners.map((r) => r.spot)); // not cut at the frame

  // -- controls -------------------------------------------------------------------------------------------------------
  const two = el("button", { type: "button", "aria-pressed": "true", title: "From above (V)", onclick: () => look(false) }, "Map");
  const three = el("button", { type: "button", "aria-pressed": "false", title: "From the side (V)", onclick: () => look(true) }, "3-D");
  const keysButton = el("button", { type: "button", title: "Keys (?)", "aria-label": "Keys", onclick: () => actions.help!() }, "?");
  shell.header.append(el("span", { class: "grow" }), ...(terrain && !terrain.flat ? [el("span", { class: "group", role: "group", "aria-label": "Seen from" }, two, three)] : []), keysButton);
  const aim = el("input", { type: "number", step: "any", "aria-label": "Target loss", value: Number(target.toPrecision(6)), onchange: () => {
    if (Number.isFinite(aim.valueAsNumber)) target = aim.valueAsNumber;
    aim.value = String(Number(target.toPrecision(6)));
    redraw();
  } });
  const again = el("button", { type: "button", title: "The start as at first (R)", onclick: () => reset() }, "Reset start");
  const inside = el("div", { class: "anatomy", role: "region", "aria-label": "The chosen runner" });
  const twin = el("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": "The race as text" });
  const help = el("div", { class: "help", hidden: true });
  const tools = el("div", { class: "tools-row" }, el("label", {}, "target loss", aim), ...(canMove ? [again] : []));
  shell.body.append(el("div", { class: "stage" }, el("div", {}, terrain?.element, chart.element), el("div", { class: "side-panel" }, board, tools, inside), twin, help),
    transport(time, [{ phase: "update", from: 0, to: time.length, name: "steps" }]));
  if (terrain && !canMove) terrain.element.classList.add("fixed");

  // -- another start --------------------------------------------------------------------------------------------------
  let wish: number[] | null = null;
  let frame = 0;
  function moveTo(place: number[]): void {
    if (!canMove || !bounds || !place.every(Number.isFinite)) return;
    wish = place.map((v, i) => Math.min(bounds[i][1], Math.max(bounds[i][0], v)));
    if (!frame) frame = requestAnimationFrame(() => { // several moves of the pointer within a frame are one
      frame = 0;
      const to = wish!;
      wish = null;
      shell.safely(() => run(to));
    });
  }

  function run(from: number[]): void {
    start = from;
    moved = true;
    for (const r of runners) {
      if (r.recipe && data.program) {
        r.walk = thin(descend(data.program, start, steps, r.recipe, data.single), every);
        r.state = "fresh";
      } else r.state = port ? "waiting" : "stale";
    }
    ask();
    redraw();
  }

  function reset(): void {
    if (!canMove) return;
    start = [...data.start];
    moved = false;
    inFlight = 0; // whatever the kernel still sends belongs to another start
    for (const r of runners) {
      r.walk = r.first;
      r.state = "fresh";
    }
    redraw();
  }

  // The kernel works on one start at a time; when it answers it gets the newest one.
  let [asked, inFlight] = [0, 0];
  let behind = false;
  function ask(): void {
    const which = runners.filter((r) => r.state === "waiting").map((r) => r.series);
    if (!port || !which.length) return;
    behind = inFlight !== 0;
    if (behind) return;
    inFlight = ++asked;
    port.send({ id: inFlight, start, steps, which });
  }
  port?.hear((answer: { id: number; start: number[]; walks: Record<string, PackedWalk> }) => shell.safely(() => {
    if (!answer.walks || answer.id !== inFlight) return;
    inFlight = 0;
    for (const [i, walk] of Object.entries(answer.walks)) {
      runners[Number(i)].walk = unpacked(walk);
      if (!behind) runners[Number(i)].state = "fresh";
    }
    if (behind) ask();
    redraw();
  }));
  const gaveUp = (): void => { // the kernel could not: its trails stay grey
    inFlight = 0;
    for (const r of runners) if (r.state === "waiting") r.state = "stale";
    redraw();
  };
  host.addEventListener("gradviz-failed", gaveUp);

  // -- drawing --------------------------------------------------------------------------------------------------------
  let range = { low: 0.1, high: 1, shift: 0 };
  /** After a change of walks, target, or what is shown. */
  function redraw(): void {
    const shown = runners.filter((r) => !r.hidden);
    range = lossRange((shown.length ? shown : runners).map((r) => r.walk.losses), target);
    chart.y = { ...chart.y, low: range.low, high: range.high, name: range.shift ? `loss − (${g(range.shift, 3)})` : "loss" };
    chart.axes();
    for (const r of runners) {
      put(r.line, "d", r.hidden ? "" : curve(r, r.walk.losses.length - 1));
      const grey = r.state !== "fresh";
      for (const part of [r.line, r.past]) put(part, "stroke", grey ? "var(--edge)" : pen(r.series).stroke);
      put(r.spot, "fill", grey ? "var(--edge)" : pen(r.series).stroke);
    }
    const line = target - range.shift;
    const inRange = line > range.low && line < range.high;
    put(goal, "d", inRange ? `M${chart.inner.x} ${chart.Y(line).toFixed(1)}h${chart.inner.w}` : "");
    say(goalName, inRange ? `target ${g(target, 4)}` : "");
    put(goalName, "y", inRange ? (chart.Y(line) + 14).toFixed(1) : "0"); // at the start the losses are above it
    say(goalHead, `≤ ${g(target, 3)} at`);
    if (terrain) {
      terrain.trails = runners.map((r) => ({ points: r.walk.path, losses: r.walk.losses, series: r.series, grey: r.state !== "fresh", hidden: r.hidden, chosen: chosen === r.series }));
      host.dataset.start = start.join(",");
    }
    (host as HTMLElement & { race?: unknown }).race = runners.map((r) => ({ name: r.name, state: r.state, walk: r.walk }));
    draw();
  }

  function curve(r: Runner, end: number): string {
    const losses = r.walk.losses.slice(0, end + 1);
    return chart.path(losses.map((_, k) => step(k)), losses.map((v) => logged(v, range.shift, range.low)));
  }

  let revision = 0;
  /** Everything that depends on the step. */
  function draw(): void {
    const k = time.cursor;
    const at = runners.map((r) => r.walk.losses[k]);
    const standing = places(at.map((v, i) => (runners[i].hidden || runners[i].state !== "fresh" ? NaN : v)));
    runners.forEach((r, i) => {
      put(r.past, "d", r.hidden ? "" : curve(r, k));
      put(r.past, "class", chosen === i ? "run chosen" : "run");
      const y = logged(at[i], range.shift, range.low);
      const seen = !r.hidden && Number.isFinite(y) && y <= range.high;
      put(r.spot, "transform", seen ? `translate(${chart.X(step(k)).toFixed(1)} ${chart.Y(y).toFixed(1)}) scale(5)` : "translate(-99 -99)");
      say(r.cells[0], standing[i] ? String(standing[i]) : "–");
      r.cells[0].classList.toggle("first", standing[i] === 1);
      say(r.cells[1], g(at[i], 4));
      put(r.cells[1], "title", g(at[i]));
      const goalAt = reached(r.walk.losses, target);
      say(r.cells[2], goalAt < 0 ? "–" : `${goalAt <= k ? "✓ " : ""}${step(goalAt)}`);
      put(r.row, "aria-selected", String(chosen === i));
      r.row.classList.toggle("off", r.hidden);
      const lost = fate(r.walk.path, r.walk.losses, bounds, step);
      const busy = r.state === "waiting" ? "the kernel is running it …" : r.state === "stale" ? `needs the kernel: ${r.why}. The grey trail is from the first start.` : "";
      say(r.note, busy || lost);
      r.note.classList.toggle("lost", !busy && !!lost);
    });
    put(nowLine, "d", `M${chart.X(step(k)).toFixed(1)} ${chart.inner.y}v${chart.inner.h}`);
    inspect(k);
    if (terrain) {
      terrain.at = k;
      terrain.draw();
    }
    if (!twin.hidden) write();
    shell.announce(spoken(k, standing, at));
    void shell.mark("data-step", String(k));
    void shell.mark("data-drawn", String(++revision));
  }

  /** What makes the chosen runner's step. */
  function inspect(k: number): void {
    const r = runners[chosen];
    if (terrain) terrain.arrows = [];
    if (!r || !r.about || !terrain) {
      const nudge = !terrain ? "A race of models shows the loss of each: every optimiser trains a copy of the model, from the same start." : "Choose a runner, or a point of its trail, to see what makes its step.";
      return inside.replaceChildren(el("p", { class: "hint" }, nudge));
    }
    const walk = detailed(r);
    const numbers = (key: string): Num[] | null => walk.terms[key]?.[k] ?? (key === "g" ? walk.grads[k] : null);
    const end = k === time.length;
    const options = optionsAt(r.recipe, step(k));
    const from = terrain.flat ? [r.walk.path[k][0], r.walk.losses[k]] : r.walk.path[k];
    const pixels = (way: number[]): number => Math.hypot(terrain.plot.X(way[0]) - terrain.plot.X(0), terrain.flat ? 0 : terrain.plot.Y(way[1]) - terrain.plot.Y(0));
    let note = end ? "The walk ends here: no step was taken from this place." : "";
    if (!end && !r.hidden && from.every(Number.isFinite)) {
      const rate = Number(options?.find((o) => "lr" in o)?.lr ?? 0);
      const drawn = arrows(r.about, from, numbers, rate, pixels);
      terrain.arrows = drawn.arrows;
      if (drawn.scale) note = drawn.scale === rate ? "Arrows of slopes are as long as the step that this rate makes of them." : `Arrows of slopes are drawn × ${g(drawn.scale, 2)}, to fit the picture.`;
    }
    const place = names.map((n, i) => `${n} = ${g(r.walk.path[k][i])}`).join(", ");
    const head = el("h4", { dir: "auto" }, sign(r.series, r.state !== "fresh"), `${r.name}: ${end ? `step ${step(k)}, the last` : `what makes step ${step(k)} → ${step(k) + 1}`}`);
    inside.replaceChildren(head, el("p", { class: "hint" }, `at ${place}, loss ${g(r.walk.losses[k])}${moved ? "" : `; the function was asked ${r.calls} times in all`}`),
      ...opened(r.about, names, numbers, options, data.clip, note));
  }

  /** A walk with the parts of its steps: those that the browser can run are worked out when they are wanted. */
  function detailed(r: Runner): Walk {
    if (r.walk.grads.length || !r.recipe || !data.program) return r.walk;
    const { grads, terms } = thin(descend(data.program, r.walk.path[0], steps, r.recipe, data.single), every);
    Object.assign(r.walk, { grads, terms });
    return r.walk;
  }

  function spoken(k: number, standing: number[], at: number[]): string {
    const order = standing.map((place, i) => [place, i]).filter(([place]) => place).sort((a, b) => a[0] - b[0]).slice(0, 3);
    const leaders = order.map(([, i]) => `${runners[i].name} ${g(at[i], 4)}`).join(", ");
    const from = terrain ? `, from ${names.map((n, i) => `${n} = ${g(start[i], 4)}`).join(", ")}` : "";
    if (k === 0) return `At the start${from}: loss ${g(at[0], 4)}.`;
    return `After ${step(k)} of ${steps} steps${k === time.length ? from : ""}: ${leaders ? `lowest loss ${leaders}` : "nobody is left"}.`;
  }

  function write(): void {
    const lines = runners.map((r) => {
      const place = terrain ? names.map((n, i) => `${n} = ${g(r.walk.path[time.cursor][i])}`).join(", ") + ", " : "";
      const goalAt = reached(r.walk.losses, target);
      return `${r.name} (${r.optimizer}): ${place}loss ${g(r.walk.losses[time.cursor])}; ${goalAt < 0 ? "target not reached" : `target reached at step ${step(goalAt)}`}${r.note.textContent ? `; ${r.note.textContent}` : ""}${r.hidden ? "; hidden" : ""}`;
    });
    twin.replaceChildren(el("h4", {}, shell.said.textContent ?? ""), el("ol", {}, ...lines.map((text) => el("li", { dir: "auto" }, text))));
  }

  function lowest(): number {
    if (!terrain) return -1;
    const ends = runners.map((r) => r.walk.losses[r.walk.losses.length - 1]);
    return places(ends).indexOf(1);
  }

  // -- choosing, hiding, turning ----------------------------------------------------------------------------------------
  function choose(i: number): void {
    chosen = i;
    terrain?.trails.forEach((t, k) => (t.chosen = k === chosen));
    draw();
  }
  function hide(i: number, hidden: boolean): void {
    runners[i].hidden = hidden;
    const box = runners[i].row.querySelector("input");
    if (box) box.checked = !hidden;
    redraw();
  }
  function look(side: boolean): void {
    if (!terrain || terrain.flat) return;
    terrain.look(side);
    put(two, "aria-pressed", String(!side));
    put(three, "aria-pressed", String(side));
    host.dataset.view = side ? "3d" : "2d";
    hint();
    draw();
  }
  const grey = data.terrain?.hole ? " In the grey area the function is not a finite number." : "";
  function hint(): void {
    if (!terrain) return shell.status("Space plays, Left and Right step. ? shows all keys." + grey);
    const why = data.program ? "" : port ? "" : `The start needs the kernel here: ${data.why}. `;
    shell.status(why + (terrain.side ? `Drag to turn${canMove ? ", drag the ring to move the start" : ""}, click a trail to open a step. ? shows all keys.${grey}`
      : `${canMove ? "Drag in the picture to move the start, c" : "C"}lick a trail to open a step. ? shows all keys.${grey}`));
  }
  if (terrain) {
    terrain.onSpot = (spot) => {
      chosen = spot.trail;
      terrain.trails.forEach((t, k) => (t.chosen = k === chosen));
      time.pause();
      if (time.cursor === spot.step) draw();
      else time.go(spot.step);
    };
    terrain.tipText = ({ trail, step: k }) => {
      const r = runners[trail];
      return `${r.name}, step ${step(k)}\n${names.map((n, i) => `${n} = ${g(r.walk.path[k][i])}`).join("\n")}\nloss ${g(r.walk.losses[k])}`;
    };
    if (canMove) terrain.onStart = moveTo;
    terrain.element.addEventListener("pointerdown", () => host.focus({ preventScroll: true }));
  }
  let scrubbing = false;
  const scrub = (e: PointerEvent): void => {
    time.pause();
    time.go(chart.at(e)[0] / every);
  };
  chart.element.addEventListener("pointerdown", (e) => {
    host.focus({ preventScroll: true });
    chart.element.setPointerCapture?.(e.pointerId);
    scrubbing = true;
    scrub(e);
  });
  chart.element.addEventListener("pointermove", (e) => scrubbing && scrub(e));
  for (const name of ["pointerup", "pointercancel"]) chart.element.addEventListener(name, () => (scrubbing = false));

  // -- keys -----------------------------------------------------------------------------------------------------------
  const turn = (across: number, up: number) => () => {
    if (terrain?.side) terrain.turn(across, up);
  };
  const actions: Actions = {
    ...walking(() => time),
    "walk-left": turn(-8, 0), "walk-right": turn(8, 0), "walk-up": turn(0, 6), "walk-down": turn(0, -6),
    text: () => {
      twin.hidden = !twin.hidden;
      if (!twin.hidden) write();
    },
    help: () => showKeys(help, new Set(Object.keys(actions).filter((a) => !a.startsWith("walk")) as Action[]), also()),
    leave: () => {
      if (!help.hidden) help.hidden = true;
      else if (!twin.hidden) twin.hidden = true;
      else if (chosen >= 0) choose(-1);
      else host.blur();
    },
  };
  const also = (): [string, string][] => [["Up Down", "choose a runner"], ["h", "hide or show the chosen one"],
    ...(canMove ? [["Alt+arrows", "move the start (with Shift ten times as far)"], ["r", "the start as at first"]] as [string, string][] : []),
    ...(terrain && !terrain.flat ? [["v", "map or 3-D"], ["Ctrl+arrows", "turn the 3-D view"]] as [string, string][] : [])];
  shell.keys(actions);
  const OWN: Record<string, () => void> = {
    ArrowDown: () => choose(chosen + 1 >= runners.length ? 0 : chosen + 1), ArrowUp: () => choose(chosen <= 0 ? runners.length - 1 : chosen - 1),
    h: () => chosen >= 0 && hide(chosen, !runners[chosen].hidden), r: reset, v: () => look(!terrain?.side),
  };
  moreKeys(shell, (key, e) => {
    const to = bounds && nudged(e, wish ?? start, hundredths(bounds));
    return to ? () => moveTo(to) : !e.altKey && OWN[key];
  });

  let wanted: number | null = null; // where other views on the same timeline already are
  const shared = join(data.timeline, (moment) => {
    wanted = moment.iteration / every;
    time.go(wanted);
  });
  shell.later(() => {
    host.removeEventListener("gradviz-failed", gaveUp);
    cancelAnimationFrame(frame);
    time.pause();
    terrain?.close();
    shared.leave();
  });
  shell.onTheme = () => terrain?.theme(host.dataset.theme === "dark");
  time.faster(time.length > 50 ? 3 : time.length > 20 ? 2 : 1);
  time.go(wanted ?? time.length);
  time.on(() => {
    draw();
    shared.tell({ iteration: step(time.cursor) });
  });
  shell.onTheme();
  redraw();
  choose(lowest());
  if (data.view === "3d") look(true);
  else hint();
  void shell.mark("data-ready");
  return shell;
}

register("optimizer_race", mountRace);
