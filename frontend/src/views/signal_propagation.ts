// SignalPropagation: a hill for each layer of a deep network, the outputs on the left, the gradients on the right, and two sliders for its depth
// and its gain. With a kernel each place of the sliders is a network that is built and run; without one they step through a grid of runs.
import { Board, BOARD, choice } from "../board";
import { el, put, say, svg } from "../dom";
import { moreKeys } from "../more_keys";
import { g } from "../number";
import { Plot, PLOT } from "../plot";
import { register, type Port } from "../register";
import { Shell } from "../shell";
import { domain, fateOf, layers, outline, powers, rise, stops, type Fate, type Layer, type Run } from "../signals";

export interface SignalData {
  title: string;
  names: string[];
  depths: number[];
  gains: number[];
  net: number;
  at: [number, number];
  grid: Run[][][];
}

const PATIENCE = 700; // milliseconds until it is said that the kernel takes its time
const PANELS = [["Outputs, on the way forward", "fwd"], ["Gradients, on the way back", "bwd"]];
const SIGN: Record<Fate, string> = { level: "✓ level", vanishing: "↓ vanishing", exploding: "↑ exploding", nothing: "✗ nothing arrives", broken: "⚠ not finite" };
const CSS = `${PLOT}${BOARD}
.stage{display:grid;grid-template-columns:1fr 1fr;gap:0 10px;padding-top:6px}
.panel h4{margin:0 0 0 46px}.panel.fwd h4{color:var(--fwd)}.panel.bwd h4{color:var(--bwd)}.panel .plot{cursor:pointer}
.hill{stroke-width:1;stroke-linejoin:round}.fwd .hill{fill:var(--fwd-bg);stroke:var(--fwd)}.bwd .hill{fill:var(--bwd-bg);stroke:var(--bwd)}
.fwd .hill.now{fill:var(--fwd)}.bwd .hill.now{fill:var(--bwd)}
.sizes{fill:none;stroke:var(--ink);stroke-width:1.8}.spot{fill:var(--ink);stroke:var(--bg);stroke-width:1.5}.plot .none{fill:var(--bad);font-size:10px}
.row{stroke:var(--ink);stroke-dasharray:2 3;opacity:.6;fill:none}
.stage.old .panel{opacity:.45}
.verdict{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;padding:7px 16px;font-size:13px;border-top:1px solid var(--line)}
.badge{display:inline-flex;align-items:center;height:26px;border-radius:13px;padding:0 12px;font-weight:600;background:var(--bad-bg);color:var(--bad)}
.badge.level{background:var(--leaf-bg);color:var(--leaf)}
.one{padding:0 16px 8px;font:12px/1.6 var(--mono);color:var(--soft);min-height:28px}
.knobs button{border-color:var(--line);background:var(--bg)}.knobs label.wide output{min-width:52px;font:600 13px var(--mono);color:var(--ink)}
@container (max-width:600px){.stage{grid-template-columns:minmax(0,1fr)}}
`;

export function mountSignals(host: HTMLElement, data: SignalData, port?: Port): Shell {
  const shell = new Shell(host, data.title, "Signals through a deep network. Alt with the arrows changes depth and gain, left and right walk through the layers, question mark shows all keys.", CSS);
  const [depths, gains] = [stops(data.depths, true, !!port), stops(data.gains, false, !!port)];
  const known = new Map<string, Run>();
  const name = (net: number, depth: number, gain: number): string => `${net} ${depth} ${gain}`;
  data.grid.forEach((byDepth, net) => byDepth.forEach((row, i) => row.forEach((run, j) => known.set(name(net, data.depths[i], data.gains[j]), run))));
  let net = data.net;
  const at = [depths.indexOf(data.depths[data.at[0]]), gains.indexOf(data.gains[data.at[1]])];
  const first: [number, number, number] = [at[0], at[1], net];
  let all: [Layer[], Layer[]] = [[], []]; // what is drawn
  let layer = 0;
  let asked = ""; // of the kernel, not answered yet
  let slow: ReturnType<typeof setTimeout> | undefined;

  const panels = PANELS.map(([title, kind]) => {
    const plot = new Plot({ width: 440, height: 420, left: 46, right: 12, top: 4, bottom: 42 }, { low: -4, high: 3 }, { low: 1, high: 0 });
    const [hills, numbers] = [svg("g"), svg("g")];
    const [sizes, row] = ["sizes", "row"].map((it) => svg("path", { class: it }));
    const spot = svg("circle", { class: "spot", r: 4.5 });
    plot.marks.append(hills, row, sizes, spot);
    plot.element.append(numbers);
    return { plot, hills, numbers, sizes, row, spot, element: el("div", { class: `panel ${kind}` }, el("h4", {}, title), plot.element) };
  });

  const slider = (which: 0 | 1, label: string, places: number[]): [HTMLInputElement, HTMLOutputElement, HTMLElement] => {
    const input = el("input", { type: "range", min: 0, max: places.length - 1, step: 1, "aria-label": label, oninput: () => set(which, input.valueAsNumber) });
    const output = el("output", {});
    return [input, output, el("label", { class: "wide" }, label, input, output)];
  };
  const [depthIn, depthOut, depthRow] = slider(0, "depth, layers", depths);
  const [gainIn, gainOut, gainRow] = slider(1, "gain of the weights", gains);
  const badge = el("span", { class: "badge" });
  const told = el("span");
  const one = el("div", { class: "one" });

  const walk = (by: number) => () => pick(layer + by);
  const board: Board = new Board(shell, {
    length: 0, draw: () => undefined, said: "The layers as a table", table, row: () => layer + 1,
    actions: { next: walk(1), previous: walk(-1), ten: walk(10), "back-ten": walk(-10), first: () => pick(0), last: () => pick(Infinity) },
    also: [["Alt+Up Alt+Down", "one place deeper or less deep"], ["Alt+Right Alt+Left", "more gain or less"], ["n", "the next net"], ["r", "all as at first"]],
    hint: "A hill is the histogram of the sizes of a layer's numbers, an octave a bin; the dark line joins their root mean squares. Left and right walk through the layers.",
  });
  const byNet = choice("Net", data.names.map((text, i): [string, string] => [String(i), text]), String(net), (to) => {
    net = Number(to);
    show();
  });

  function set(which: number, place: number): void {
    const most = [depths, gains][which].length - 1;
    at[which] = Math.max(0, Math.min(most, place));
    show();
  }

  /** The run of this place, if it is there; else ask for it. */
  function show(): void {
    const [depth, gain] = [depths[at[0]], gains[at[1]]];
    const key = name(net, depth, gain);
    [depthIn.value, gainIn.value] = at.map(String);
    say(depthOut, String(depth));
    say(gainOut, g(gain, 3));
    put(depthIn, "aria-valuetext", `${depth} layers`);
    put(gainIn, "aria-valuetext", g(gain, 3));
    for (const [input, i] of [[depthIn, 0], [gainIn, 1]] as const) input.style.setProperty("--fill", `linear-gradient(90deg,var(--fwd) ${(100 * at[i]) / Math.max(1, Number(input.max))}%,var(--line) 0)`);
    host.dataset.at = key;
    const run = known.get(key);
    board.stage.classList.toggle("old", !run);
    if (run) return fill(run);
    if (asked || !port) return; // the answer will look again
    asked = key;
    port.send({ net, depth, gain });
    slow = setTimeout(() => shell.status("The kernel is busy. This network is run when it is free."), PATIENCE);
  }

  port?.hear((answer: { net: number; depth: number; gain: number; run?: Run; failed?: string }) => shell.safely(() => {
    const key = name(answer.net, answer.depth, answer.gain);
    if (answer.run) known.set(key, answer.run);
    if (key === asked) {
      asked = "";
      clearTimeout(slow);
      if (answer.failed) shell.status(`In the kernel: ${answer.failed}`, "error");
      else shell.status(NOTE);
    }
    if (answer.run || key !== name(net, depths[at[0]], gains[at[1]])) show();
  }));

  function fill(run: Run): void {
    all = [layers(run[0]), layers(run[1])];
    const depth = all[0].length;
    const [low, high] = domain(all.flat());
    const up = rise(depth);
    panels.forEach(({ plot, hills, numbers, sizes, element }, i) => {
      plot.x = { low, high, name: "size" };
      plot.y = { low: depth + 0.4, high: 0.9 - up };
      plot.axes();
      for (const tick of plot.element.querySelectorAll(".axes .tick,.axes text:not(.name)")) tick.remove(); // powers of ten instead
      hills.replaceChildren(...all[i].map((it, k) => {
        const points = outline(it);
        if (!points.length) return svg("text", { class: "none", x: plot.inner.x + 6, y: plot.Y(k + 1).toFixed(1) }, it.zero === 1 ? "all 0" : "not finite");
        return svg("path", { class: "hill", d: plot.path(points.map((p) => p[0]), points.map((p) => k + 1 - up * p[1])) + "z" });
      }));
      const every = Math.max(1, Math.ceil(depth / 10));
      const foot = plot.inner.y + plot.inner.h;
      numbers.replaceChildren(...all[i].flatMap((_, k) => (((k + 1) % every === 0 && k >= 0.75 * every) || k === 0 ? [svg("text", { x: plot.inner.x - 6, y: (plot.Y(k + 1) + 1).toFixed(1), "text-anchor": "end" }, String(k + 1))] : [])),
        ...powers(low, high).flatMap((p) => [svg("path", { class: "tick", d: `M${plot.X(p).toFixed(1)} ${foot}v4` }),
          svg("text", { x: plot.X(p).toFixed(1), y: foot + 17, "text-anchor": "middle" }, p === 0 ? "1" : p === 1 ? "10" : `1e${p}`)]));
      put(sizes, "d", plot.path(all[i].map((it) => (it.size > 0 ? Math.log10(it.size) : NaN)), all[i].map((_, k) => k + 0.9)));
      put(element, "aria-label", PANELS[i][0]);
    });
    const { fate, ratio, each } = fateOf(...all);
    put(badge, "class", `badge ${fate}`);
    say(badge, SIGN[fate]);
    const text = fate === "broken" ? "Some numbers are NaN or infinite." : fate === "nothing" ? "The gradient at the first layer is exactly 0." : `The gradient is multiplied by ${g(ratio, 2)} on its way from the last layer to the first: by ${g(each, 3)} a layer.`;
    say(told, text);
    host.dataset.fate = fate;
    (host as HTMLElement & { signals?: unknown }).signals = { net, depth: depths[at[0]], gain: gains[at[1]], ratio, outputs: all[0], grads: all[1] };
    board.retell();
    pick(Math.min(layer, depth - 1));
  }

  function pick(to: number): void {
    layer = Math.max(0, Math.min(all[0].length - 1, to));
    panels.forEach(({ plot, hills, row, spot }, i) => {
      const it = all[i][layer];
      hills.childNodes.forEach((hill, k) => (hill as Element).classList.toggle("now", k === layer));
      put(row, "d", `M${plot.inner.x} ${plot.Y(layer + 1).toFixed(1)}h${plot.inner.w}`);
      put(spot, "cx", it.size > 0 ? plot.X(Math.log10(it.size)).toFixed(1) : "-99");
      put(spot, "cy", plot.Y(layer + 0.9).toFixed(1));
    });
    const part = (it: Layer): string => `${g(it.size, 4)}${it.zero ? `, ${g(100 * it.zero, 3)}% exactly 0` : ""}${it.bad ? `, ${g(100 * it.bad, 3)}% not finite` : ""}`;
    say(one, `layer ${layer + 1} of ${all[0].length}:  outputs ${part(all[0][layer])};  gradients ${part(all[1][layer])}`);
    const { fate, ratio } = fateOf(...all);
    const title = data.names[net] ? `${data.names[net]}, ` : "";
    shell.announce(`${title}depth ${depths[at[0]]}, gain ${g(gains[at[1]], 3)}: ${SIGN[fate].slice(2)}, gradient times ${g(ratio, 2)}. Layer ${layer + 1}: output ${g(all[0][layer].size, 3)}, gradient ${g(all[1][layer].size, 3)}.`);
    board.redraw();
    void shell.mark("data-layer", String(layer + 1));
    void shell.mark("data-shown", host.dataset.at);
  }

  function table(): string[][] {
    const share = (v: number): string => `${g(100 * v, 3)}%`;
    return [["layer", "size of its outputs", "exactly 0", "size of their gradients", "exactly 0"],
      ...all[0].map((it, k) => [String(k + 1), g(it.size, 4), share(it.zero), g(all[1][k].size, 4), share(all[1][k].zero)])];
  }

  // -- pointer and keys -----------------------------------------------------------------------------------------------
  for (const { plot } of panels) {
    const choose = (e: PointerEvent): void => pick(Math.round(plot.at(e)[1] + 0.3) - 1);
    plot.element.addEventListener("pointerdown", (e) => {
      host.focus({ preventScroll: true });
      choose(e);
    });
    plot.element.addEventListener("pointermove", (e) => e.buttons && choose(e));
  }
  const ALT: Record<string, [0 | 1, number]> = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 1], ArrowLeft: [1, -1] };
  const reset = (): void => {
    [at[0], at[1]] = first;
    byNet.querySelectorAll<HTMLElement>("button")[first[2]].click();
  };
  const OWN: Record<string, () => void> = { r: reset, n: () => byNet.querySelectorAll<HTMLElement>("button")[(net + 1) % data.names.length].click() };
  moreKeys(shell, (key, e) => {
    const way = e.altKey && ALT[e.key];
    return way ? () => set(way[0], at[way[0]] + way[1]) : !e.altKey && OWN[key];
  });
  shell.later(() => clearTimeout(slow));

  const count = data.depths.length * data.gains.length;
  const NOTE = port ? "Every place of the sliders is a network that the kernel builds and runs." : `Without a kernel the sliders step through ${count} runs for each net. Run the cell in JupyterLab for all depths and gains between them.`;
  if (data.names.length > 1) shell.header.append(byNet);
  board.stage.prepend(...panels.map((panel) => panel.element));
  shell.body.append(el("div", { class: "knobs", role: "group", "aria-label": "Network" }, depthRow, gainRow, el("button", { type: "button", title: "As at first (R)", onclick: reset }, "Reset")), board.stage, el("div", { class: "verdict" }, badge, told), one);
  show();
  board.begin();
  shell.status(NOTE);
  return shell;
}

register("signal_propagation", mountSignals);
