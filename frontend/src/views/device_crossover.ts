// DeviceCrossover: the time of some work on the CPU and on a GPU as it grows, what the GPU's time is made of, and the size from
// which it pays. All lines are computed from published rates, until a button has the kernel measure this machine.
import { Board, BOARD, choice, key } from "../board";
import { added, between, cost, meets, python, times, timeText, type Cost, type Machine, type Points, type Work } from "../crossing";
import { el, put, say, svg } from "../dom";
import { Plot, PLOT } from "../plot";
import { register, type Port } from "../register";
import { Shell } from "../shell";

export interface CrossoverData {
  title: string;
  at: [work: number, gpu: number, copies: number];
  n: number;
  cpu: Machine;
  gpus: Machine[];
  works: Work[];
}
type Place = "cpu" | "gpu" | "copies";
interface Told {
  here?: Place[];
  why?: string;
  points?: [number, Place, number, number][];
  point?: [number, Place, number, number];
  done?: number;
  failed?: string;
}

const BELOW = 1000; // the axis reaches this far below the GPU's shortest time, and no further
type Parts = Cost & { python: number };
const PARTS = ["python", "launch", "copy", "work"] as const; // of a GPU's time, in order
/** Python's time is a part only where it was measured. */
const shown = (c: Parts): (typeof PARTS)[number][] => PARTS.filter((part) => part !== "python" || c.python > 0);
const partName = (part: string): string => (part === "python" ? "Python, measured" : part);
const CSS = `${PLOT}${BOARD}
.zone{opacity:.5}.zone.cpu{fill:var(--fwd-bg)}.zone.gpu{fill:var(--leaf-bg)}
.plot .side{font-weight:600}.plot .side.cpu{fill:var(--fwd)}.plot .side.gpu{fill:var(--leaf)}
.plot .at{font-size:12px;fill:var(--ink);font-weight:600}
.cpu.line,.gpu.line{fill:none;stroke-width:2.6;stroke-linejoin:round}.cpu.line{stroke:var(--fwd)}.gpu.line{stroke:var(--leaf)}
.line.computed{stroke-dasharray:8 4}.line.faint{opacity:.4;stroke-width:2}
.part{fill:none;stroke-width:1.3}.part.python{stroke:var(--soft)}.part.launch{stroke:var(--upd)}.part.copy{stroke:var(--bwd)}.part.work{stroke:var(--leaf)}
.dot.cpu{fill:var(--fwd)}.dot.gpu{fill:var(--leaf)}.dot{stroke:var(--bg);stroke-width:1.5}.spot{fill:var(--bg);stroke-width:2.4}.spot.cpu{stroke:var(--fwd)}.spot.gpu{stroke:var(--leaf)}
.cross{stroke:var(--ink);stroke-width:1.4;fill:none}
.bars{display:grid;grid-template-columns:minmax(70px,max-content) minmax(0,1fr);gap:7px 12px;align-items:center;padding:10px 16px 12px;border-top:1px solid var(--line)}
.bars .name{text-align:right;font-weight:600;max-width:150px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.bars .name.cpu{color:var(--fwd)}.bars .name.gpu{color:var(--leaf)}
.bar{display:flex;align-items:center;height:22px;min-width:0}.bar i{flex:none;height:100%;min-width:0}.bar i:first-child{border-radius:4px 0 0 4px}
.bar .cpu{background:var(--fwd)}.bar .python{background:var(--edge)}.bar .launch{background:repeating-linear-gradient(45deg,var(--upd) 0 5px,var(--bg) 5px 6.5px)}.bar .copy{background:repeating-linear-gradient(90deg,var(--bwd) 0 7px,var(--bg) 7px 8px)}.bar .work,.bar .whole{background:var(--leaf)}
.bar b{margin-left:8px;font:600 13px var(--mono);white-space:nowrap}.bar small{margin-left:8px;color:var(--soft);white-space:nowrap;font-size:12px}
.sum{display:flex;flex-wrap:wrap;gap:4px 16px;padding:0 16px 10px;font-size:12.5px;color:var(--soft)}.sum b{color:var(--ink);font:600 12.5px var(--mono)}.sum span{display:inline-flex;align-items:center;gap:6px}
.sum i{width:11px;height:11px;border-radius:3px}.sum .python i{background:var(--edge)}.sum .launch i{background:var(--upd)}.sum .copy i{background:var(--bwd)}.sum .work i{background:var(--leaf)}
.knobs button{background:var(--bg)}.knobs .group button[aria-pressed=true]{background:var(--fwd-bg)}.knobs label.wide output{min-width:88px;font:600 13px var(--mono);color:var(--ink)}
.measure{border-color:var(--fwd);color:var(--fwd);font-weight:600}.measure[aria-disabled]{opacity:.6}
.badge{display:inline-flex;align-items:center;min-height:26px;border-radius:13px;padding:2px 12px;font-weight:600;background:var(--fwd-bg);color:var(--fwd)}.badge.gpu{background:var(--leaf-bg);color:var(--leaf)}
.verdict{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;padding:9px 16px 0;border-top:1px solid var(--line)}.verdict+.bars{border-top:0}
`;

export function mountCrossover(host: HTMLElement, data: CrossoverData, port?: Port): Shell {
  const shell = new Shell(host, data.title, `${data.title} Left and right change n, W changes the work, question mark shows all keys.`, CSS);
  let [w, gpu] = data.at;
  let copies = !!data.at[2];
  const places = data.works.map((it) => Math.floor(it.n.length / 2)); // where each work was looked at last
  let i = 0; // which size
  let here: Place[] = ["cpu"];
  let why = "";
  let busy = -1; // the work that is being measured
  const found = new Map<string, Points>(); // by work and place
  const work = (): Work => data.works[w];
  const points = (place: Place, of = w): Points => found.get(`${of} ${place}`) ?? [];
  const onGpu = (): Points => points(copies ? "copies" : "gpu");
  const where = (n: number): number => work().n.reduce((best, one, k) => (Math.abs(Math.log(one / n)) < Math.abs(Math.log(work().n[best] / n)) ? k : best), 0);

  const W = Math.max(560, Math.min(1200, (host.clientWidth || 860) - 18));
  const plot = new Plot({ width: W, height: 320, left: 66, right: 16, top: 30, bottom: 42 }, { low: 1, high: 2, log: true, name: "n" }, { low: 1, high: 2, log: true, name: "time" });
  const path = (css: string): SVGPathElement => svg("path", { class: css });
  const zones = svg("g"), dots = svg("g"), words = svg("g");
  const parts = PARTS.map((part) => path(`part ${part}`));
  const lines = { cpu: path("line cpu computed"), gpu: path("line gpu computed") };
  const seen = { cpu: path("line cpu"), gpu: path("line gpu") };
  const [cross, cursor] = [path("cross"), path("cursor")];
  const spots = { cpu: svg("circle", { class: "spot cpu", r: 5 }), gpu: svg("circle", { class: "spot gpu", r: 5 }) };
  plot.marks.append(zones, cross, cursor, ...parts, lines.gpu, lines.cpu, seen.gpu, seen.cpu, dots, spots.gpu, spots.cpu);
  plot.element.append(words);
  plot.element.classList.add("live");

  const slider = el("input", { type: "range", min: 0, step: 1, "aria-label": "n", oninput: () => pick(slider.valueAsNumber) });
  const called = el("output", {});
  const badge = el("span", { class: "badge" }), told = el("span", { dir: "auto" });
  const rows = (["cpu", "gpu"] as const).map((side) => ({ name: el("span", { class: `name ${side}`, dir: "auto" }), bar: el("div", { class: "bar" }) }));
  const sum = el("div", { class: "sum" });
  const keys = el("div", { class: "keys" });
  const button = el("button", { type: "button", class: "measure", title: "Measure this machine (M)", onclick: () => measure() }, "Measure here");

  const walk = (by: number) => () => pick(i + by);
  const board: Board = new Board(shell, {
    length: 0, draw: () => undefined, said: "Every size as a table", table, row: () => i + 1,
    actions: { next: walk(1), previous: walk(-1), ten: walk(10), "back-ten": walk(-10), first: () => pick(0), last: () => pick(Infinity) },
    also: [["w", "the next work"], ["g", "the next GPU"], ["k", "copy every time, or keep on the GPU"], ...(port ? [["m", "measure this machine"] as [string, string]] : [])],
    hint: "Dashed lines are computed: launches × time of a launch + bytes copied / bus + the slower of arithmetic and memory, all at the best rates that the makers publish. Dots are measured.",
  });

  /** What a device takes at this size: what was measured, where something was; else what is computed. */
  function time(side: "cpu" | "gpu", at = i): { seconds: number; measured: boolean; cost: Parts } {
    const made = side === "cpu" ? { ...cost(data.cpu, work(), at, false), python: 0 } : onGpuComputed(at);
    const real = between(side === "cpu" ? points("cpu") : onGpu(), work().n[at]);
    return { seconds: real ?? made.total, measured: real !== null, cost: made };
  }
  /** A computed GPU beside a measured CPU: Python's time, which is in what was measured, has to be in both. */
  function onGpuComputed(at: number): Parts {
    const own = onGpu().length ? 0 : python(points("cpu"), data.cpu, work());
    const made = cost(data.gpus[gpu], work(), at, copies);
    return { ...made, python: own, total: made.total + own };
  }
  const title = (side: "cpu" | "gpu", measured: boolean): string => (measured ? (side === "cpu" ? "this machine's CPU" : "this machine's GPU") : side === "cpu" ? data.cpu.name : data.gpus[gpu].name);

  /** Everything that depends on the work, the GPU and what was measured, not on n. */
  function frame(): void {
    const { n } = work(), machine = data.gpus[gpu];
    const cpu = n.map((_, k) => cost(data.cpu, work(), k, false).total), costs = n.map((_, k) => onGpuComputed(k));
    const total = costs.map((c) => c.total);
    const [mine, other] = [points("cpu"), onGpu()];
    const all = [...cpu, ...total, ...mine.map((p) => p[1]), ...other.map((p) => p[1])].filter((v) => v > 0);
    plot.x = { ...plot.x, high: n[n.length - 1], name: work().unit ? `n, ${work().unit}` : "n" };
    plot.y = { ...plot.y, low: Math.max(Math.min(...all) / 1.6, Math.min(...total) / BELOW), high: Math.max(...all) * 1.6 };
    plot.axes();
    for (const text of plot.element.querySelectorAll(".axes text[text-anchor=end]")) say(text, timeText(Number(text.textContent)));
    put(lines.cpu, "d", plot.path(n, cpu));
    put(lines.gpu, "d", plot.path(n, total));
    parts.forEach((line, k) => put(line, "d", PARTS[k] === "python" && !costs[0].python ? "" : plot.path(n, costs.map((c) => Math.max(c[PARTS[k]], plot.y.low / 9)))));
    for (const [side, list] of [["cpu", mine], ["gpu", other]] as const) {
      put(seen[side], "d", plot.path(list.map((p) => p[0]), list.map((p) => p[1])));
      lines[side].classList.toggle("faint", list.length > 0);
    }
    dots.replaceChildren(...[["cpu", mine], ["gpu", other]].flatMap(([side, list]) => (list as Points).map(([k, s]) => svg("circle", { class: `dot ${side}`, r: 4, cx: plot.X(k).toFixed(1), cy: plot.Y(s).toFixed(1) }))));
    const { x, y, w: wide, h: tall } = plot.inner;
    const from = crossing();
    const middle = from.n === null ? x + wide : Math.max(x, Math.min(x + wide, plot.X(from.n)));
    zones.replaceChildren(...([["cpu", x, middle], ["gpu", middle, x + wide]] as const).map(([side, a, b]) => svg("rect", { class: `zone ${side}`, x: a.toFixed(1), y, width: (b - a).toFixed(1), height: tall })));
    put(cross, "d", from.n === null || from.n <= 1 ? "" : `M${middle.toFixed(1)} ${y}v${tall}`);
    const word = (side: "cpu" | "gpu", a: number, b: number): Node[] => (b - a > 92 ? [svg("text", { class: `side ${side}`, x: ((a + b) / 2).toFixed(1), y: 20, "text-anchor": "middle" }, side === "cpu" ? "the CPU is faster" : "the GPU is faster")] : []);
    words.replaceChildren(...word("cpu", x, middle - 34), ...word("gpu", middle + 34, x + wide),
      ...(from.n !== null && from.n > 1 ? [svg("text", { class: "at", x: Math.max(x + 30, Math.min(x + wide - 30, middle)).toFixed(1), y: 20, "text-anchor": "middle" }, from.text)] : []));
    const stroke = (css: string): SVGElement => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", class: css }));
    const spot = (css: string): SVGElement => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", class: `line ${css}` }), svg("circle", { class: `dot ${css}`, cx: 11, cy: 4, r: 3.6 }));
    keys.replaceChildren(key(stroke("line cpu computed"), `${data.cpu.name}, computed`), key(stroke("line gpu computed"), `${machine.name}, computed: the sum of`),
      ...shown(costs[0]).map((part) => key(stroke(`part ${part}`), partName(part))),
      ...(mine.length ? [key(spot("cpu"), "this machine's CPU, measured")] : []), ...(other.length ? [key(spot("gpu"), "this machine's GPU, measured")] : []));
    host.dataset.from = from.n === null ? "none" : String(from.n);
    slider.max = String(n.length - 1);
    board.retell();
  }

  /** From which n on the GPU is faster: exact where both lines are computed, between two points where one was measured. */
  function crossing(): { n: number | null; text: string; said: string } {
    const [mine, other] = [points("cpu"), onGpu()];
    const kind = copies ? "copied there and back every time" : "kept on the GPU";
    if (!mine.length && !other.length) {
      const n = work().from[gpu][copies ? 1 : 0];
      const said = n === null ? `Numbers ${kind}: ${data.gpus[gpu].name} is faster at no n up to ${work().n[work().n.length - 1].toLocaleString("en-US")}.` : `Numbers ${kind}: ${data.gpus[gpu].name} is faster from n = ${n.toLocaleString("en-US")} on.`;
      return { n, text: n === null ? "" : `n = ${n.toLocaleString("en-US")}`, said };
    }
    const at = work().n.map((_, k) => k).filter((k) => (!mine.length || time("cpu", k).measured) && (!other.length || time("gpu", k).measured));
    const n = meets(at.map((k) => work().n[k]), at.map((k) => time("cpu", k).seconds), at.map((k) => time("gpu", k).seconds));
    const pair = `${title("gpu", other.length > 0)}, ${other.length ? "measured" : "computed, with Python's own time as measured here at the smallest n"}, against ${title("cpu", mine.length > 0)}, ${mine.length ? "measured" : "computed"}`;
    const near = n === null ? "" : Number(Math.ceil(n).toPrecision(2)).toLocaleString("en-US");
    return { n, text: near && `n ≈ ${near}`, said: `Numbers ${kind}: ${n === null ? "not yet faster at the largest n that was measured" : `faster from about n = ${near} on`} (${pair}).` };
  }

  function pick(to: number): void {
    i = places[w] = Math.max(0, Math.min(work().n.length - 1, to));
    const n = work().n[i];
    const both = { cpu: time("cpu"), gpu: time("gpu") };
    slider.value = String(i);
    slider.style.setProperty("--fill", `linear-gradient(90deg,var(--fwd) ${(100 * i) / (work().n.length - 1)}%,var(--line) 0)`);
    const text = n.toLocaleString("en-US");
    say(called, `n = ${text}`);
    put(slider, "aria-valuetext", text);
    put(cursor, "d", `M${plot.X(n).toFixed(1)} ${plot.inner.y}v${plot.inner.h}`);
    for (const side of ["cpu", "gpu"] as const) {
      put(spots[side], "cx", plot.X(n).toFixed(1));
      put(spots[side], "cy", plot.Y(both[side].seconds).toFixed(1));
    }
    const longest = Math.max(both.cpu.seconds, both.gpu.seconds);
    const width = (seconds: number): string => `width:${((62 * seconds) / longest).toFixed(3)}%`;
    const c = both.gpu.cost;
    const pieces = { cpu: [["cpu", both.cpu.seconds]], gpu: both.gpu.measured ? [["whole", both.gpu.seconds]] : shown(c).map((part) => [part, c[part]]) } as Record<"cpu" | "gpu", [string, number][]>;
    (["cpu", "gpu"] as const).forEach((side, k) => {
      const it = both[side];
      say(rows[k].name, title(side, it.measured));
      put(rows[k].name, "title", title(side, it.measured));
      rows[k].bar.replaceChildren(...pieces[side].map(([css, seconds]) => el("i", { class: css, style: width(seconds) })), el("b", {}, timeText(it.seconds)), el("small", {}, it.measured ? "measured" : "computed"));
    });
    sum.replaceChildren(el("span", {}, `${data.gpus[gpu].name}, computed:`), ...shown(c).map((part) => el("span", { class: part }, el("i", { "aria-hidden": "true" }), partName(part), el("b", {}, timeText(c[part])))),
      el("span", {}, c.bound === "memory" ? "the work is limited by memory" : "the work is limited by arithmetic"), ...(work().launches > 1 ? [el("span", {}, `${work().launches} launches`)] : []));
    const ratio = both.cpu.seconds / both.gpu.seconds;
    const faster = ratio > 1 ? "gpu" : "cpu";
    const says = `${title(faster, both[faster].measured)}: ${times(Math.max(ratio, 1 / ratio))} times as fast`;
    put(badge, "class", `badge ${faster}`);
    say(badge, says);
    say(told, crossing().said);
    host.dataset.n = String(n);
    host.dataset.faster = faster;
    (host as HTMLElement & { crossover?: unknown }).crossover = { work: w, gpu, copies, n, cpu: both.cpu.seconds, total: both.gpu.seconds, measured: [both.cpu.measured, both.gpu.measured], cost: c };
    const how = (side: "cpu" | "gpu"): string => `${title(side, both[side].measured)} ${timeText(both[side].seconds)}, ${both[side].measured ? "measured" : "computed"}`;
    shell.announce(`${work().name}, n = ${text}: ${how("cpu")}; ${how("gpu")}. ${says}.`);
    board.redraw();
    void shell.mark("data-shown", `${w} ${gpu} ${Number(copies)} ${n}`);
  }

  function table(): string[][] {
    const parts = shown(onGpuComputed(0));
    return [["n", data.cpu.name, ...parts.map(partName), data.gpus[gpu].name, "CPU, measured", "GPU, measured"], ...work().n.map((n, k) => {
      const [mine, c] = [cost(data.cpu, work(), k, false), onGpuComputed(k)];
      const real = [between(points("cpu"), n), between(onGpu(), n)].map((v) => (v === null ? "" : timeText(v)));
      return [String(n), ...[mine.total, ...parts.map((part) => c[part]), c.total].map(timeText), ...real];
    })];
  }

  function again(): void {
    frame();
    pick(places[w]);
    note();
  }

  // -- the kernel -----------------------------------------------------------------------------------------------------
  function note(text = "", level: "note" | "error" = "note"): void {
    const can = !!port && work().can;
    button.hidden = !can;
    put(button, "aria-disabled", busy >= 0 ? "true" : null);
    say(button, busy >= 0 ? "Measuring …" : "Measure here");
    const how = "Dashed lines are computed from published rates, not measured.";
    const last = !port ? " Run the cell in JupyterLab to measure your own machine." : !can ? "" : here.includes("gpu") ? " Measure here times this machine's CPU and GPU." : ` Measure here times this machine's CPU.${why ? ` No GPU is measured: ${why}` : ""}`;
    shell.status(text || how + last, level);
  }
  function measure(): void {
    if (!port || !work().can || busy >= 0) return;
    busy = w;
    for (const place of ["cpu", "gpu", "copies"]) found.delete(`${w} ${place}`);
    port.send({ measure: w });
    again();
    note("The kernel measures, one size after the other, as soon as it is free.");
  }
  const take = ([of, place, n, seconds]: [number, Place, number, number]): void => void found.set(`${of} ${place}`, added(points(place, of), n, seconds));
  port?.hear((message: Told) => shell.safely(() => {
    if (message.here) {
      here = message.here;
      why = message.why ?? "";
      message.points?.forEach(take);
      again();
    }
    if (message.point) {
      take(message.point);
      if (message.point[0] === w) again();
      note("Measuring …");
    }
    if (message.done === undefined) return;
    busy = -1;
    again();
    if (message.failed) note(`In the kernel: ${message.failed}`, "error");
    void shell.mark("data-measured", String(message.done));
  }));

  // -- pointer and keys -----------------------------------------------------------------------------------------------
  const seek = (e: PointerEvent): void => pick(where(Math.max(1, plot.at(e)[0])));
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    seek(e);
  });
  plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(e));
  const byWork = choice("Work", data.works.map((it, k): [string, string] => [String(k), it.name]), String(w), (to) => ((w = Number(to)), again()));
  const byGpu = choice("GPU", data.gpus.map((it, k): [string, string] => [String(k), it.name]), String(gpu), (to) => ((gpu = Number(to)), again()));
  const byCopies = choice("Copies", [["1", "copy every time"], ["0", "keep on the GPU"]], String(Number(copies)), (to) => ((copies = to === "1"), again()));
  const after = (group: HTMLElement, now: number) => (): void => {
    const all = group.querySelectorAll<HTMLElement>("button");
    all[(now + 1) % all.length].click();
  };
  const OWN: Record<string, () => void> = { w: () => after(byWork, w)(), g: () => after(byGpu, gpu)(), k: () => after(byCopies, copies ? 0 : 1)(), m: measure };
  const hear = (e: KeyboardEvent): void => {
    const run = e.ctrlKey || e.metaKey || e.altKey ? undefined : OWN[e.key.toLowerCase()];
    if (!run) return;
    e.preventDefault();
    e.stopPropagation();
    shell.safely(run);
  };
  host.addEventListener("keydown", hear);
  shell.later(() => host.removeEventListener("keydown", hear));

  places[w] = where(data.n);
  for (const group of [byWork, byGpu, byCopies]) for (const it of group.children) put(it, "dir", "auto");
  shell.header.append(button);
  board.stage.append(plot.element, keys);
  shell.body.append(el("div", { class: "knobs", role: "group", "aria-label": "What is compared" }, ...(data.works.length > 1 ? [byWork] : []), byCopies, ...(data.gpus.length > 1 ? [byGpu] : []), el("label", { class: "wide" }, called, slider)),
    board.stage, el("div", { class: "verdict" }, badge, told), el("div", { class: "bars" }, ...rows.flatMap((row) => [row.name, row.bar])), sum);
  again();
  board.begin();
  port?.send({ here: true });
  return shell;
}

register("device_crossover", mountCrossover);
