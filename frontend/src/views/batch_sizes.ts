// BatchSizes: one training with batches of several sizes, compared after equal epochs or after equal seconds. Every run is made here, by
// batches.ts, with the engine's shuffles and roundings; the slider, the rate, the start and the cost of a step make them again at once.
import { MOST_STEPS, Rows, Run, seconds, stepsIn, type Shuffle } from "../batches";
import { BOARD, choice } from "../board";
import type { Arrow } from "../brush";
import { MARKERS } from "../brush";
import { el, put, say, svg } from "../dom";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { hundredths, moreKeys, nudged } from "../more_keys";
import { g } from "../number";
import { pen, Plot, PLOT } from "../plot";
import { register } from "../register";
import type { Program } from "../scalar";
import { Shell } from "../shell";
import { logged } from "../standings";
import { sign, Terrain, TERRAIN, W, type TerrainData } from "../terrain";
import { join, Timeline, walking } from "../timeline";
import { transport } from "../transport";

export interface BatchData {
  terrain: TerrainData;
  program: Program;
  columns: number[][];
  single: boolean;
  start: number[];
  lr: number;
  scale_lr: boolean;
  size: number;
  sizes: number[];
  epochs: number;
  seed: number;
  shuffle: Shuffle;
  overhead: number;
  per_row: number;
  best: { place: number[]; loss: number } | null;
  timeline: string | null;
}

type Clock = "epochs" | "seconds";
const CLOCKS: Clock[] = ["epochs", "seconds"];
const SERIES = 6, MOST_EPOCHS = 200, DECADES = 5;
const EFFORT = 60_000; // rows asked for the curve of one run: a longer run is drawn with fewer points
const PLACES = 1500; // drawn of one walk
const FAR = 1e9; // every step of a trail
const CSS = `${PLOT}${BOARD}${TERRAIN}
.stage{display:grid;grid-template-columns:minmax(0,1.42fr) minmax(320px,1fr);gap:0 10px;align-items:start;padding-top:4px}
.knobs:first-child{border-bottom:1px solid var(--line)}
.charts{display:grid;gap:4px;align-content:start}.charts .plot{max-width:500px;cursor:crosshair;touch-action:none}
.line{fill:none;stroke-width:1.8}.line.main{stroke-width:2.6}.spot{stroke:var(--bg);stroke-width:.25}
.deck{display:block;width:100%;max-width:1000px;height:auto;margin:0 auto}.deck rect{fill:var(--frame);stroke:var(--bg)}
.deck .done{fill:var(--edge)}.deck .now{fill:var(--bwd)}.deck text{font:12px var(--sans);fill:var(--soft)}
.told{margin:2px 6px 6px;min-height:34px;font-size:12px;color:var(--soft);text-align:center}
.told b{font-weight:600}.told .b{color:var(--bwd)}.told .a{color:var(--fwd)}
.knobs{gap:8px 18px}.knobs .tiny input[type=number]{width:64px}.knobs button{border-color:var(--line);background:var(--bg)}.knobs .group button{border-color:transparent}
.knobs .group button[aria-pressed=true]{background:var(--fwd-bg)}
.runs{border-top:1px solid var(--line);overflow-x:auto}.runs table{border-collapse:collapse;width:100%;font-size:13px}
.runs th,.runs td{padding:4px 12px;text-align:right;white-space:nowrap}.runs td{font:12px/20px var(--mono);font-variant-numeric:tabular-nums}
.runs thead th{white-space:normal;vertical-align:bottom;font-weight:600;font-size:12px;color:var(--soft);border-bottom:1px solid var(--line)}
.runs th:first-child{text-align:left;font-weight:600}.runs th .sign{margin-right:8px;vertical-align:-2px}
.runs tbody tr+tr>*{border-top:1px solid var(--frame)}.runs tr.main{background:var(--fwd-bg)}.runs .best{color:var(--fwd);font-weight:700}
@container (max-width:980px){.stage{grid-template-columns:minmax(0,1fr)}.charts{grid-template-columns:1fr 1fr}.terrain,.deck{max-width:590px}}
@container (max-width:640px){.charts{grid-template-columns:minmax(0,1fr)}}
@container (max-width:800px){.runs th,.runs td{padding:4px 7px}}
.runs button{height:22px;border-color:var(--line)}
`;

interface Shown {
  size: number;
  series: number;
  run: Run;
  ends: Record<Clock, number>;
}

export function mountBatchSizes(host: HTMLElement, data: BatchData): Shell {
  const shell = new Shell(host, "Batch sizes", "Batch sizes. Plus and minus change the size, left and right step, question mark shows all keys.", CSS);
  const rows = new Rows(data.program, data.columns, data.single);
  const { names, bounds } = data.terrain;
  const count = rows.count;
  const first = { start: data.start, lr: data.lr, scaled: data.scale_lr, size: data.size, epochs: data.epochs, seed: data.seed, shuffle: data.shuffle, overhead: data.overhead, per_row: data.per_row };
  let now = { ...first };
  let pins = data.sizes.map((size, i) => ({ size, series: i + 1 }));
  let clock: Clock = "epochs";
  let above = data.best !== null;
  let shown: Shown[] = [];
  let budget = 0;
  let time = new Timeline(0);
  const made = new Map<number, Run>();

  // -- the parts ------------------------------------------------------------------------------------------------------
  const terrain = new Terrain(data.terrain);
  const frame = { width: 440, height: 222, left: 72, right: 12, top: 10, bottom: 40 };
  const charts = CLOCKS.map((it) => new Plot(frame, { low: 0, high: 1, name: it === "epochs" ? "epochs" : "milliseconds, at the cost of a step below" }, { low: 0.1, high: 1, log: true }));
  const cursors = charts.map(() => svg("path", { class: "cursor" }));
  const curves = charts.map(() => svg("g"));
  const spots = charts.map(() => svg("g"));
  charts.forEach((chart, i) => {
    chart.marks.append(curves[i], cursors[i]);
    chart.element.append(spots[i]); // not cut off at the frame
  });
  const deck = svg("svg", { class: "deck", viewBox: `0 0 ${W} 26`, role: "img" });
  const told = el("div", { class: "told" });
  const help = el("div", { class: "help", hidden: true, tabindex: "0", role: "region", "aria-label": "Keys" });
  const twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region", "aria-label": "The run as a table" });

  const field = (label: string, of: keyof typeof now, more: Record<string, unknown>, by = 1): HTMLInputElement => {
    const input = el("input", { type: "number", "aria-label": label, ...more, onchange: () => change({ [of]: input.valueAsNumber / by } as Partial<typeof now>) });
    return input;
  };
  const range = el("input", { type: "range", min: 1, max: count, step: 1, "aria-label": "Rows in a batch", oninput: () => change({ size: range.valueAsNumber }) });
  const size = field("Rows in a batch, exactly", "size", { min: 1, max: count, step: 1 });
  const rate = field("Learning rate", "lr", { min: 0, step: "any" });
  const epochs = field("Epochs", "epochs", { min: 1, max: MOST_EPOCHS, step: 1 });
  const seed = field("Seed of the shuffles", "seed", { min: 0, step: 1 });
  const overhead = field("Microseconds for a step", "overhead", { min: 0, step: "any" }, 1e6);
  const perRow = field("Microseconds for each row of a step", "per_row", { min: 0, step: "any" }, 1e6);
  const shuffle = el("select", { "aria-label": "Shuffle", onchange: () => change({ shuffle: shuffle.value as Shuffle }) }, ...["every epoch", "once", "never"].map((it) => el("option", { value: it }, it)));
  const scaled = el("select", { "aria-label": "How the rate follows the size", onchange: () => change({ scaled: scaled.value === "grows" }) }, el("option", { value: "same" }, "the same for all sizes"), el("option", { value: "grows" }, `grows with the size (× size / ${first.size})`));
  const pin = el("button", { type: "button", title: "Keep this size beside the others (P)", onclick: () => keep() }, "Pin");
  const body = el("tbody");
  const heads = Array.from({ length: 7 }, () => el("th", { scope: "col" }));
  const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, ...(text === "?" ? { "aria-label": "Keys (?)" } : {}), onclick: run }, text);
  const byClock = choice<Clock>("Compare after equal", [["epochs", "Equal epochs"], ["seconds", "Equal seconds"]], clock, (to) => setClock(to));
  const byLoss = choice("Loss axis", [["above", "Above minimum"], ["loss", "Loss"]], above ? "above" : "loss", (to) => setAbove(to === "above"));
  shell.header.append(el("span", { class: "grow" }), byClock, ...(data.best ? [byLoss] : []), el("div", { class: "group" }, button("Table", "As a table (T)", () => tell()), button("?", "Keys (?)", () => actions.help!())));
  const knobs = (label: string, ...parts: (Node | string)[]): HTMLElement => el("div", { class: "knobs", role: "group", "aria-label": label }, ...parts);
  let row: HTMLElement = el("div");
  shell.body.append(
    knobs("Batch", el("label", { class: "wide" }, "rows in a batch", range, size), pin),
    el("div", { class: "stage" }, el("div", {}, terrain.element, deck, told), el("div", { class: "charts" }, ...charts.map((chart) => chart.element)), twin, help),
    row,
    el("div", { class: "runs" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads, el("th", {}, el("span", { class: "quiet" }, "Pinned")))), body)),
    knobs("Run", el("label", { class: "tiny" }, "rate", rate), scaled, el("label", { class: "tiny" }, "epochs", epochs), el("label", {}, "shuffle", shuffle), el("label", { class: "tiny" }, "seed", seed), button("New shuffle", "The next seed (N)", () => change({ seed: now.seed + 1 }))),
    knobs("Cost", el("label", { class: "tiny" }, "a step costs", overhead, "µs"), el("label", { class: "tiny" }, "and each of its rows", perRow, "µs"), el("span", { class: "grow" }), button("Reset", "All as at first (R)", () => reset())),
  );

  // -- changes --------------------------------------------------------------------------------------------------------
  /** Other settings; what makes no sense is put back. */
  function change(to: Partial<typeof now>): void {
    const wish = { ...now, ...to };
    wish.size = Math.round(Math.min(count, Math.max(1, wish.size)));
    wish.epochs = Math.round(Math.min(MOST_EPOCHS, Math.max(1, wish.epochs)));
    wish.seed = Math.round(wish.seed);
    if (to.start && to !== first) wish.start = to.start.map((v, i) => Math.min(bounds[i][1], Math.max(bounds[i][0], v)));
    const fine = [wish.lr, wish.size, wish.epochs, wish.seed, wish.overhead, wish.per_row, ...wish.start].every(Number.isFinite);
    if (fine && wish.lr > 0 && wish.seed >= 0 && wish.overhead >= 0 && wish.per_row >= 0 && wish.overhead + wish.per_row > 0) {
      if ((["lr", "scaled", "seed", "shuffle"] as const).some((key) => wish[key] !== now[key]) || wish.start.some((v, i) => v !== now.start[i])) made.clear();
      now = wish;
    }
    shell.safely(again);
  }

  function runOf(size: number): Run {
    const lr = now.scaled ? (now.lr * size) / first.size : now.lr;
    const known = made.get(size) ?? new Run(rows, { start: now.start, lr, size, seed: now.seed, shuffle: now.shuffle });
    made.set(size, known);
    return known;
  }

  /** Every run once more, as far as both clocks go; then all that shows them. */
  function again(): void {
    const whole = time.cursor === time.length;
    const steps = (size: number): number => now.epochs * Math.ceil(count / size);
    budget = seconds(now, steps(first.size), now.epochs * count);
    shown = [{ size: now.size, series: 0 }, ...pins.filter((it) => it.size !== now.size)].map((it) => {
      const ends = { epochs: Math.min(MOST_STEPS, steps(it.size)), seconds: stepsIn(now, budget, it.size, count) };
      return { ...it, ends, run: runOf(it.size).extend(Math.max(ends.epochs, ends.seconds)) };
    });
    for (const [input, value] of [[range, now.size], [size, now.size], [rate, now.lr], [epochs, now.epochs], [seed, now.seed], [overhead, now.overhead * 1e6], [perRow, now.per_row * 1e6]] as const) input.value = String(Number(value.toPrecision(8)));
    range.style.setProperty("--fill", `linear-gradient(90deg,var(--s0) ${(100 * (now.size - 1)) / (count - 1)}%,var(--line) 0)`);
    put(range, "aria-valuetext", `${now.size} of ${count} rows`);
    [shuffle.value, scaled.value] = [now.shuffle, now.scaled ? "grows" : "same"];
    pin.disabled = pins.some((it) => it.size === now.size) || pins.length >= SERIES - 1;
    const length = shown[0].ends[clock];
    schedule(length, whole ? length : Math.min(time.cursor, length));
    host.dataset.size = String(now.size);
    (host as HTMLElement & { batches?: unknown }).batches = shown.map(({ size, run, ends }) => ({ size, lr: run.setup.lr, ends, path: run.path, loss: (k: number) => run.loss(k), noise: () => rows.noise(now.start, size) }));
    paint();
    if (!twin.hidden) write();
  }

  function schedule(length: number, cursor: number): void {
    if (time.length === length && row.isConnected && row.className) return time.go(cursor);
    const pace = time.length ? time.speed : length > 60 ? 8 : length > 20 ? 4 : 2;
    time.pause();
    time = new Timeline(length);
    time.faster(Math.round(Math.log2(pace)));
    time.go(cursor);
    time.on(() => {
      draw();
      shared.tell({ iteration: time.cursor });
    });
    const bar = transport(time, [{ phase: "update", from: 0, to: length, name: "steps" }]);
    row.replaceWith(bar);
    row = bar;
  }

  function setClock(to: Clock): void {
    clock = to;
    again();
    time.go(time.length);
    draw();
  }

  function setAbove(to: boolean): void {
    above = to;
    again();
  }

  function keep(): void {
    if (pin.disabled) return;
    const free = Array.from({ length: SERIES }, (_, i) => i).find((i) => i && !pins.some((it) => it.series === i))!;
    pins = [...pins, { size: now.size, series: free }];
    again();
    shell.status(`Batches of ${now.size} stay in the picture. Move the slider to compare.`);
  }

  function drop(size: number): void {
    pins = pins.filter((it) => it.size !== size);
    again();
    host.focus({ preventScroll: true });
  }

  function reset(): void {
    pins = data.sizes.map((size, i) => ({ size, series: i + 1 }));
    change(first);
  }

  // -- the curves -----------------------------------------------------------------------------------------------------
  const across = (it: Shown, i: Clock, k: number): number => (i === "epochs" ? it.run.epochs(k) : 1e3 * seconds(now, k, it.run.seen[k]));
  const shift = (): number => (above && data.best ? data.best.loss : 0);
  const bySize = (): Shown[] => [...shown].sort((a, b) => Number(a.series === 0) - Number(b.series === 0) || a.size - b.size);

  /** The axes and the curves of both charts. */
  function paint(): void {
    CLOCKS.forEach((it, i) => {
      const lines = bySize().map((one) => {
        const end = one.ends[it];
        const at = some(end, EFFORT / count);
        return { one, at, losses: at.map((k) => one.run.loss(k) - shift()) };
      });
      const { low, high } = lossRange(lines.map((line) => line.losses));
      charts[i].x = { ...charts[i].x, high: it === "epochs" ? now.epochs : 1e3 * budget };
      charts[i].y = { low, high, log: true, name: shift() ? "loss above its minimum" : "loss" };
      charts[i].axes();
      curves[i].replaceChildren(...lines.map(({ one, at, losses }) => svg("path", { class: one.series ? "line" : "line main", ...pen(one.series),
        d: charts[i].path(at.map((k) => across(one, it, k)), losses.map((v) => logged(v, 0, low))) })));
    });
    draw();
  }

  /** Where another run is when the slider's has done so much. */
  function alike(it: Shown, k: number): number {
    if (k === shown[0].ends[clock]) return it.ends[clock];
    const most = across(shown[0], clock, k) * (1 + 1e-9);
    let [low, high] = [0, it.ends[clock]];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (across(it, clock, middle) <= most) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // -- drawing --------------------------------------------------------------------------------------------------------
  let revision = 0;
  let drawn: { it: Shown; steps: number[] }[] = []; // the trails on the map
  function draw(): void {
    const k = time.cursor;
    const main = shown[0];
    const at = new Map(shown.map((it) => [it, it === main ? k : alike(it, k)]));
    drawn = bySize().map((it) => ({ it, steps: some(at.get(it)!, PLACES) }));
    terrain.trails = drawn.map(({ it, steps }) => ({ points: steps.map((j) => it.run.path[j]), losses: [], series: it.series, chosen: it === main }));
    terrain.at = FAR;
    const step = k < main.ends[clock] ? stepAt(main.run, k) : null;
    terrain.arrows = step?.arrows ?? [];
    terrain.draw();
    CLOCKS.forEach((it, i) => {
      const { x, y, w, h } = charts[i].inner;
      const here = charts[i].X(across(main, it, k));
      put(cursors[i], "d", here <= x + w + 0.5 ? `M${here.toFixed(1)} ${y}v${h}` : "");
      spots[i].replaceChildren(...bySize().flatMap((one) => {
        const j = at.get(one)!;
        const [px, py] = [charts[i].X(across(one, it, j)), charts[i].Y(logged(one.run.loss(j) - shift(), 0, charts[i].y.low))];
        const inside = px <= x + w + 0.5 && py >= y && py <= y + h + 0.5;
        return inside ? [svg("path", { class: "spot", d: MARKERS[one.series % MARKERS.length], fill: pen(one.series).stroke, transform: `translate(${px.toFixed(1)} ${py.toFixed(1)}) scale(5)` })] : [];
      }));
    });
    drawDeck(main.run, k);
    told.replaceChildren(...(step?.words ?? [`${main.ends[clock]} steps in batches of ${main.size}. Step back, or press Home, to see what each batch asks for.`]));
    board(at);
    shell.announce(spoken(main, k));
    if (!twin.hidden) write();
    void shell.mark("data-step", String(k));
    void shell.mark("data-drawn", String(++revision));
  }

  /** What the batch of a step asks for, beside what all rows would. */
  function stepAt(run: Run, k: number): { arrows: Arrow[]; words: (Node | string)[] } {
    const place = run.path[k];
    const [own, all] = [rows.slope(place, run.batches[k]).grads, rows.slope(place).grads];
    const ways = [own, all].map((grad) => grad.map((v) => -run.setup.lr * v));
    const length = Math.max(...ways.map((way) => Math.hypot(terrain.plot.X(way[0]) - terrain.plot.X(0), terrain.plot.Y(way[1]) - terrain.plot.Y(0))));
    const by = length < 60 ? 60 / length : length > 170 ? 170 / length : 1;
    const arrow = (way: number[], colour: string, label: string): Arrow => ({ from: place, way: way.map((v) => v * by), colour, label });
    const fine = Number.isFinite(by) && place.every(Number.isFinite);
    const say = (grad: number[]): string => `(${grad.map((v) => g(v, 3)).join(", ")})`;
    const noise = rows.noise(place, run.setup.size);
    const n = run.batches[k].length;
    if (run.setup.size >= count) return { arrows: fine ? [arrow(ways[1], "fwd", "all rows")] : [], words: [`The batch is all rows: its slope by ${names.join(", ")} is `, el("b", { class: "a" }, say(all)), ", without noise."] };
    return {
      arrows: fine ? [arrow(ways[1], "fwd", "all rows"), arrow(ways[0], "bwd", "batch")] : [],
      words: [`Slope by ${names.join(", ")}: `, el("b", { class: "b" }, `of this batch (${n} ${n === 1 ? "row" : "rows"}) ${say(own)}`), ", ", el("b", { class: "a" }, `of all ${count} ${say(all)}`), `. The noise of such batches is ${g(noise, 3)} here.`],
    };
  }

  /** The rows in the order of this epoch: used, in this batch, still to come. */
  function drawDeck(run: Run, k: number): void {
    const at = k % run.inEpoch;
    const from = k - at;
    const last = k === shown[0].ends[clock];
    const cells: SVGElement[] = [];
    const wide = W - 74;
    for (let i = 0, x = 60; i < run.inEpoch; i++) {
      const n = Math.min(run.setup.size, count - i * run.setup.size);
      const w = (n / count) * wide;
      const rects = wide / count > 5 ? n : 1; // a cell for each row where there is room
      const state = last || i < at ? "done" : i === at ? "now" : "";
      for (let j = 0; j < rects; j++) cells.push(svg("rect", { class: state, x: (x + (j * w) / rects).toFixed(2), y: 3, width: (w / rects).toFixed(2), height: 16, "stroke-width": 0.8 }));
      if (run.inEpoch <= 60) cells.push(svg("rect", { class: state, x: x.toFixed(2), y: 20.5, width: Math.max(0.5, w - 2).toFixed(2), height: 2.5, "stroke-width": 0 }));
      x += w;
    }
    const text = last ? "done" : `epoch ${Math.floor(from / run.inEpoch) + 1}`;
    deck.replaceChildren(...cells, svg("text", { x: 2, y: 16 }, text));
    put(deck, "aria-label", last ? "Every row has been used in every epoch." : `Epoch ${Math.floor(from / run.inEpoch) + 1}, batch ${at + 1} of ${run.inEpoch}`);
  }

  /** A line of numbers for each size. */
  function board(at: Map<Shown, number>): void {
    ["batch of", "rate", "steps an epoch", "step", "loss now", `after ${now.epochs} epochs`, `after ${g(1e3 * budget, 3)} ms`].forEach((text, i) => say(heads[i], text));
    const lines = [...shown].sort((a, b) => a.size - b.size);
    const losses = lines.map((it) => [it.run.loss(at.get(it)!), it.run.loss(it.ends.epochs), it.run.loss(it.ends.seconds)]);
    const best = [0, 1, 2].map((i) => Math.min(...losses.map((line) => line[i]).filter(Number.isFinite)));
    body.replaceChildren(...lines.map((it, i) => {
      const what = it.size === 1 ? "1 row" : it.size === count ? `${count} rows (all)` : `${it.size} rows`;
      const cells = [g(it.run.setup.lr, 4), String(it.run.inEpoch), String(at.get(it)), ...losses[i].map((v) => g(v, 6))];
      return el("tr", { class: it.series ? null : "main" }, el("th", { scope: "row" }, sign(it.series), what),
        ...cells.map((text, j) => el("td", { class: j > 2 && losses[i][j - 3] === best[j - 3] ? "best" : null }, (j > 2 && losses[i][j - 3] === best[j - 3] ? "▾ " : "") + text)),
        el("td", {}, it.series ? el("button", { type: "button", title: `Take batches of ${it.size} out`, "aria-label": `Take batches of ${it.size} out`, onclick: () => drop(it.size) }, "✕") : null));
    }));
  }

  function spoken(main: Shown, k: number): string {
    const { run, ends } = main;
    const loss = run.loss(k);
    const over = data.best ? `, ${g(loss - data.best.loss, 3)} above the minimum` : "";
    const place = names.map((name, i) => `${name} = ${g(run.path[k][i], 4)}`).join(", ");
    const spent = `${g(run.epochs(k), 4)} epochs, ${g(1e3 * seconds(now, k, run.seen[k]), 4)} ms`;
    if (!Number.isFinite(loss)) return `Batches of ${main.size}, step ${k}: the loss is ${g(loss)}. This rate diverges.`;
    if (k === ends[clock] && loss > run.loss(0)) return `Batches of ${main.size}: after ${k} steps (${spent}) the loss is ${g(loss, 4)}, higher than at the start. This rate diverges.`;
    if (k === ends[clock]) return `Batches of ${main.size}: after ${k} steps (${spent}) ${place}, loss ${g(loss, 4)}${over}.`;
    return `Batches of ${main.size}, step ${k} of ${ends[clock]} (${spent}): ${place}, loss ${g(loss, 4)}${over}.`;
  }

  function tell(): void {
    twin.hidden = !twin.hidden;
    help.hidden = true;
    if (!twin.hidden) write();
  }

  /** The slider's run, step by step; the middle of a long one is left out. */
  function write(): void {
    const { run, ends } = shown[0];
    const cells = (texts: string[], tag: "th" | "td"): HTMLElement[] => texts.map((text) => el(tag, { scope: tag === "th" ? "col" : null }, text));
    const steps = Array.from({ length: ends[clock] + 1 }, (_, k) => k).filter((k) => ends[clock] <= 200 || k <= 100 || k > ends[clock] - 100);
    const lines = steps.map((k) => el("tr", { "aria-current": k === time.cursor ? "step" : null }, ...cells([String(k), ...run.path[k].map((v) => g(v)), g(run.loss(k)), g(run.epochs(k), 4), k < ends[clock] ? [...run.batches[k]].slice(0, 12).join(" ") + (run.batches[k].length > 12 ? " …" : "") : ""], "td")));
    twin.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...cells(["step", ...names, "loss", "epochs", "rows of its batch"], "th"))), el("tbody", {}, ...lines)));
    const current = twin.querySelector<HTMLElement>("[aria-current]");
    if (current) twin.scrollTop = current.offsetTop - twin.clientHeight / 2;
  }

  // -- pointer and keys -----------------------------------------------------------------------------------------------
  terrain.onStart = (place) => change({ start: place });
  terrain.onSpot = ({ trail, step }) => {
    const { it, steps } = drawn[trail];
    if (it === shown[0]) time.go(steps[step]);
    else change({ size: it.size });
  };
  terrain.tipText = ({ trail, step: kept }) => {
    const { it, steps } = drawn[trail];
    const step = steps[kept];
    return `batches of ${it.size}, step ${step}\n${names.map((n, i) => `${n} = ${g(it.run.path[step][i])}`).join("\n")}\nloss ${g(it.run.loss(step))}`;
  };
  terrain.element.addEventListener("pointerdown", () => host.focus({ preventScroll: true }));
  charts.forEach((chart, i) => {
    const seek = (e: PointerEvent): void => {
      if (clock !== CLOCKS[i]) byClock.querySelector<HTMLElement>(`[data-pick="${CLOCKS[i]}"]`)!.click();
      time.pause();
      time.go((chart.at(e)[0] / chart.x.high) * time.length);
    };
    chart.element.addEventListener("pointerdown", (e) => {
      chart.element.setPointerCapture(e.pointerId);
      host.focus({ preventScroll: true });
      seek(e);
    });
    chart.element.addEventListener("pointermove", (e) => chart.element.hasPointerCapture(e.pointerId) && seek(e));
  });
  const actions: Actions = {
    ...walking(() => time),
    text: tell,
    help: () => {
      twin.hidden = true;
      showKeys(help, new Set(Object.keys(actions) as Action[]), ALSO);
    },
    leave: () => {
      time.pause();
      if (!help.hidden) help.hidden = true;
      else if (!twin.hidden) twin.hidden = true;
      else host.blur();
    },
  };
  const ALSO: [string, string][] = [["+ and -", "one row more or less in a batch"], ["PageUp PageDown", "twice or half as many"], ["p", "pin this size"], ["s", "compare after equal epochs or seconds"],
    ["n", "another shuffle"], ["Alt+arrows", "move the start (with Shift ten times as far)"], ["r", "all as at first"]];
  shell.keys(actions);
  const OWN: Record<string, () => void> = {
    "+": () => change({ size: now.size + 1 }), "=": () => change({ size: now.size + 1 }), "-": () => change({ size: now.size - 1 }),
    PageUp: () => change({ size: now.size * 2 }), PageDown: () => change({ size: Math.floor(now.size / 2) }), p: keep, n: () => change({ seed: now.seed + 1 }), r: reset,
    s: () => byClock.querySelector<HTMLElement>("[aria-pressed=false]")!.click(),
  };
  moreKeys(shell, (key, e) => {
    const to = nudged(e, now.start, hundredths(bounds));
    return to ? () => change({ start: to }) : !e.altKey && OWN[key];
  });
  let wanted: number | null = null; // where other views on the same timeline already are
  const shared = join(data.timeline, (moment) => {
    wanted = moment.iteration;
    time.go(wanted);
  });
  shell.later(() => {
    time.pause();
    terrain.close();
    shared.leave();
  });
  shell.onTheme = () => terrain.theme(host.dataset.theme === "dark");
  again();
  if (wanted !== null) time.go(wanted);
  shell.onTheme();
  shell.status("Drag the slider, drag in the map to move the start, press in a chart to go there. The cost of a step is assumed, not measured. ? shows all keys.");
  void shell.mark("data-ready");
  return shell;
}

/** The steps that are drawn: all, or every second, third ... one; the last one always. */
export function some(end: number, most: number): number[] {
  const stride = Math.max(1, Math.ceil(end / most));
  const steps = Array.from({ length: Math.floor(end / stride) + 1 }, (_, j) => j * stride);
  if (steps[steps.length - 1] !== end) steps.push(end);
  return steps;
}

/** The ends of the logarithmic axis, as gradviz/widgets/optim/batch_svg.py finds them. */
export function lossRange(lines: number[][]): { low: number; high: number } {
  let first = 0;
  for (const [v] of lines) if (Number.isFinite(v)) first = Math.max(first, v);
  first ||= 1;
  let [high, low] = [0, Infinity];
  for (const line of lines) for (const v of line) if (v > 0 && v <= 10 * first) [low, high] = [Math.min(low, v), Math.max(high, v)];
  if (!high) [high, low] = [1, 1];
  low = Math.max(low, high * 10 ** -DECADES);
  const room = Math.max((high / low) ** 0.05, 1.15);
  return { low: low / room, high: high * room };
}

register("batch_sizes", mountBatchSizes);
