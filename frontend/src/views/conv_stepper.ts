// ConvStepper: the window slides, its products become one number; then every output's gradient goes back through the same
// window. Kernel, stride, padding and dilation can be changed: everything is then computed here.
import { KERNELS, largest, outputAt, outputSize, sendBack, windowAt, zeros, type Conv, type Entry, type Grid } from "../convolve";
import { el, put, say, svg } from "../dom";
import { showKeys } from "../help";
import type { Actions } from "../keys";
import { listed } from "../more_keys";
import { g } from "../number";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import { Timeline, walking } from "../timeline";
import { transport } from "../transport";
import type { Num } from "../types";

interface Data {
  title: string;
  kind: Conv["kind"];
  biased: boolean;
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
  x: Num[][][];
  w: Num[][][][];
  b: Num[];
  g: Num[][][] | null; // null: all ones
  out: Num[][][];
  gx: Num[][][];
  gw: Num[][][][];
}

const CSS = `
.scene{display:flex;flex-wrap:wrap;gap:14px 26px;align-items:center;justify-content:center;padding:14px 12px;border-top:1px solid var(--line);background:var(--panel)}
figure{margin:0}figcaption{font-size:12px;color:var(--soft);margin-bottom:5px}
.after{display:flex;gap:22px;align-items:center;max-width:100%}.after>div{min-width:0}.sign{font-size:22px;color:var(--soft);padding-top:12px}
.cells{display:block;max-width:100%;height:auto}
.cell rect{stroke:var(--line);stroke-width:1;fill:var(--bg)}.cell.pad rect{stroke-dasharray:2 3;fill:var(--frame)}
.cell text{font:11px var(--mono);fill:var(--ink);text-anchor:middle;pointer-events:none}.cell.pad text{fill:var(--soft)}
.cell .tint{stroke:none;fill:var(--fwd);opacity:0}.cell.minus .tint{fill:var(--bwd)}
.edge{fill:none;stroke:none;pointer-events:none}.edge.in{stroke:var(--now);stroke-width:2.4}.edge.now{stroke:var(--ink);stroke-width:3}
.cell.pick{cursor:pointer}.back .sign{visibility:hidden}
.kernel{display:grid;gap:2px}.kernel input{width:54px;height:32px;border:1px solid var(--line);border-radius:4px;background:var(--bg);text-align:center;font:12px var(--mono);padding:0}
.kernel output{width:54px;height:32px;display:grid;place-items:center;font:12px var(--mono);border:1px solid var(--line);border-radius:4px;background:var(--bg)}
.kernel .sum{background:var(--bwd-bg);border-color:var(--bwd)}
.sum-line{padding:9px 16px;border-top:1px solid var(--line);font:13px/1.6 var(--mono);min-height:42px;max-height:120px;overflow:auto;overflow-wrap:anywhere}
.sum-line b{color:var(--fwd)}.back .sum-line b{color:var(--bwd)}.sum-line span{white-space:nowrap}
.knobs{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;padding:8px 14px;border-top:1px solid var(--line);background:var(--panel)}
.knobs label{display:flex;gap:6px;align-items:center;color:var(--soft)}
.knobs input{width:54px;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 6px;font:12px var(--mono)}
.knobs button{border-color:var(--line)}
.size{font:12px var(--mono);color:var(--soft);flex-basis:100%}
.main{--now:var(--fwd);position:relative}.main.back{--now:var(--bwd)}
`;
/** A number in as many characters as a cell has. */
export function fit(v: number, room: number): string {
  for (const digits of [4, 3, 2, 1]) {
    const text = g(v, digits).replace(/^(-?)0\./, "$1.");
    if (text.length <= room || digits === 1) return text;
  }
  return "";
}
const grid = (rows: Num[][]): Grid => rows.map((row) => row.map(real));

/** A matrix of boxes that can be written into again and again. */
class Cells {
  readonly element: SVGSVGElement;
  #cells: { g: SVGGElement; edge: SVGRectElement; tint: SVGRectElement; text: SVGTextElement }[] = [];

  constructor(readonly rows: number, readonly columns: number, readonly ring: [number, number], label: string, pick?: (y: number, x: number) => void) {
    const [py, px] = ring;
    const [h, w] = [rows + 2 * py, columns + 2 * px];
    const size = Math.max(w, h) > 22 ? 16 : Math.max(w, h) > 14 ? 26 : 38;
    const numbers = size >= 26;
    this.#room = size > 30 ? 5 : 3;
    const edges = svg("g");
    this.element = svg("svg", { class: "cells", viewBox: `-2 -2 ${w * size + 4} ${h * size + 4}`, width: w * size + 4, height: h * size + 4, role: "img", "aria-label": label });
    for (let y = -py; y < rows + py; y++) {
      for (let x = -px; x < columns + px; x++) {
        const at = { x: (x + px) * size, y: (y + py) * size, width: size, height: size };
        const tint = svg("rect", { class: "tint", ...at });
        const text = svg("text", { x: at.x + size / 2, y: at.y + size / 2 + 4, style: numbers ? null : "display:none" });
        const node = svg("g", { class: "cell", onclick: pick ? () => pick(y, x) : null }, svg("rect", at), tint, text);
        const edge = svg("rect", at);
        this.#cells.push({ g: node, edge, tint, text });
        this.element.append(node);
        edges.append(edge);
      }
    }
    this.element.append(edges); // over all cells, so that no neighbour covers half a line
  }
  #room: number;

  set(y: number, x: number, value: number | null, most: number, marks: string): void {
    const [py, px] = this.ring;
    const cell = this.#cells[(y + py) * (this.columns + 2 * px) + x + px];
    const pad = y < 0 || x < 0 || y >= this.rows || x >= this.columns;
    put(cell.g, "class", ["cell", pad ? "pad" : "", value !== null && value < 0 ? "minus" : "", /pick/.test(marks) ? "pick" : ""].filter(Boolean).join(" "));
    put(cell.edge, "class", `edge ${marks.replace("pick", "")}`.trim());
    put(cell.tint, "style", value === null || pad || !Number.isFinite(value) ? null : `opacity:${(0.5 * Math.min(1, Math.abs(value) / (most || 1))).toFixed(2)}`);
    say(cell.text, value === null ? "" : value === -Infinity && pad ? "" : fit(value, this.#room));
  }
}

export function mountConv(host: HTMLElement, data: Data): Shell {
  const shell = new Shell(host, data.title, `${data.title}, step by step. Left and Right move the window. Press ? for keys.`, CSS);
  const given: Conv = { kind: data.kind, x: data.x.map(grid), w: data.w.map((o) => o.map(grid)), b: data.b.map(real), stride: data.stride, padding: data.padding, dilation: data.dilation };
  const upstream = data.g?.map(grid);
  let conv: Conv = structuredClone(given);
  let untouched = true;
  let o = 0;
  let [rows, columns] = outputSize(conv);
  let time = new Timeline(1);
  let out: Grid = [];
  let cells!: { image: Cells[]; output: Cells };
  let kernels: (HTMLInputElement | HTMLOutputElement)[][][] = [];

  const main = el("div", { class: "main" });
  const scene = el("div", { class: "scene" });
  const sum = el("div", { class: "sum-line" });
  const line = el("div");
  const knobs = el("div", { class: "knobs", role: "group", "aria-label": "Settings" });
  const size = el("div", { class: "size" });
  const help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  main.append(scene, sum, line, knobs, help);
  shell.body.append(main);
  const keys = (): void => showKeys(help, listed(actions), [["Ctrl + arrows", "move the window"]], "Click an output to see what it is made of");
  shell.header.append(el("span", { class: "grow" }), ...channelChoice(), el("button", { type: "button", title: "Keys (?)", onclick: keys }, "?"));

  function channelChoice(): HTMLElement[] {
    if (given.w.length < 2) return [];
    const choice = el("select", { "aria-label": "Output channel" });
    given.w.forEach((_, i) => choice.append(el("option", { value: i }, `output channel ${i}`)));
    choice.addEventListener("change", () => {
      o = Number(choice.value);
      build(time.cursor);
    });
    return [choice];
  }

  // -- the settings ---------------------------------------------------------------------------------------------
  const fields = (["stride", "padding", "dilation"] as const).filter((name) => data.kind === "conv" || name !== "dilation").map((name) => {
    const least = name === "padding" ? 0 : 1;
    const field = el("input", { type: "number", min: least, max: 8, step: 1, "aria-label": name, value: conv[name][0], onchange: () => change(() => {
      const v = field.valueAsNumber;
      if (!Number.isInteger(v) || v < least || v > 8) throw new RangeError(`${name} must be a whole number from ${least} to 8`);
      conv[name] = [v, v];
    }) });
    return [name, field] as const;
  });
  knobs.append(...fields.map(([name, field]) => el("label", {}, name, field)));
  if (data.kind === "conv") {
    const preset = el("select", { "aria-label": "Kernel" }, el("option", { value: "" }, "kernel: as given"));
    KERNELS.forEach(([name], i) => preset.append(el("option", { value: i }, name)));
    preset.addEventListener("change", () => change(() => {
      const chosen = KERNELS[Number(preset.value)]?.[1];
      conv.w = given.w.map((kernel) => kernel.map((k) => (preset.value === "" || !chosen ? k : chosen).map((r) => [...r])));
    }));
    knobs.append(preset);
  }
  knobs.append(el("button", { type: "button", onclick: () => change(() => (conv = structuredClone(given))) }, "Reset"), size);

  /** Try a change; one that leaves no output is taken back and said to be impossible. */
  function change(make: () => void): void {
    const before = structuredClone(conv);
    try {
      make();
      if (Math.min(...outputSize(conv)) < 1) throw new RangeError("The kernel does not fit into the image any more");
      if (data.kind !== "conv" && conv.padding.some((p, d) => p > [conv.w[0][0].length, conv.w[0][0][0].length][d] / 2)) throw new RangeError("padding must be at most half of the kernel's size");
      untouched = JSON.stringify(conv) === JSON.stringify(given);
      shell.status(untouched ? "" : "Computed here, in the page. Reset shows the engine's numbers again.");
      build(time.cursor);
    } catch (error) {
      conv = before;
      shell.status((error as Error).message, "error");
    }
    for (const [name, field] of fields) field.value = String(conv[name][0]);
  }

  // -- the picture ------------------------------------------------------------------------------------------------
  function build(at: number): void {
    [rows, columns] = outputSize(conv);
    out = Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => (untouched ? real(data.out[o][i][j]) : outputAt(conv, o, i, j))));
    const many = conv.x.length > 1;
    cells = {
      image: conv.x.map((channel, c) => new Cells(channel.length, channel[0].length, conv.padding, many ? `Image, channel ${c}` : "Image")),
      output: new Cells(rows, columns, [0, 0], "Output", (i, j) => time.go((back() ? rows * columns : 0) + i * columns + j + 1)),
    };
    kernels = [];
    const kernelFigures = data.kind === "max" ? [] : conv.w[o].map((kernel, c) => {
      const box = el("div", { class: "kernel", style: `grid-template-columns:repeat(${kernel[0].length},54px)` });
      kernels.push(kernel.map((row, a) => row.map((w, e) => {
        const field = data.kind === "conv" ? el("input", { inputmode: "decimal", autocomplete: "off", "aria-label": `Kernel${many ? ` channel ${c}` : ""}, row ${a}, column ${e}`, onchange: () => change(() => {
          const v = Number((field as HTMLInputElement).value.trim().replace(",", "."));
          if (!Number.isFinite(v) || (field as HTMLInputElement).value.trim() === "") throw new RangeError("A kernel entry must be a number");
          conv.w[o][c][a][e] = Math.fround(v);
        }) }) : el("output");
        if (field instanceof HTMLInputElement) field.value = fit(w, 7);
        else say(field, fit(w, 7));
        box.append(field);
        return field;
      })));
      return el("figure", {}, el("figcaption", {}, many ? `kernel, channel ${c}` : data.kind === "avg" ? "weights of the mean" : "kernel (edit it)"), box);
    });
    const figure = (words: string, content: Element): HTMLElement => el("figure", {}, el("figcaption", {}, words), content);
    const images = el("div", {}, ...cells.image.map((c, i) => figure(many ? `image, channel ${i}` : "image", c.element)));
    images.className = "images";
    // A sign stays with what follows it where the row is broken.
    const after = (sign: string, ...parts: Node[]): HTMLElement => el("div", { class: "after" }, el("span", { class: "sign", "aria-hidden": "true" }, sign), el("div", {}, ...parts));
    const output = figure("output", cells.output.element);
    const how = data.kind === "conv" ? "∗" : data.kind === "max" ? "max" : "mean";
    scene.replaceChildren(images, ...(kernelFigures.length ? [after(how, ...kernelFigures), after("=", output)] : [after(`${how} →`, output)]));
    const count = rows * columns;
    time.pause();
    time = new Timeline(2 * count);
    time.cursor = Math.min(Math.max(1, at), 2 * count);
    time.on((now) => {
      shell.safely(paint);
      void shell.mark("data-step", String(now));
    });
    line.replaceChildren(transport(time, [{ phase: "forward", from: 0, to: count }, { phase: "backward", from: count, to: 2 * count }]));
    const n = [conv.x[0].length, conv.x[0][0].length];
    const k = [conv.w[0][0].length, conv.w[0][0][0].length];
    say(size, "output size  " + [0, 1].map((d) => `(${n[d]} + 2·${conv.padding[d]} − ${conv.dilation[d]}·(${k[d]} − 1) − 1) // ${conv.stride[d]} + 1 = ${[rows, columns][d]}`).filter((t, i, all) => all.indexOf(t) === i).join(" ; "));
    paint();
    void shell.mark("data-step", String(time.cursor));
  }

  const back = (): boolean => time.cursor > rows * columns;
  const upstreamAt = (i: number, j: number): number => upstream?.[o]?.[i]?.[j] ?? 1;
  const place = (): [number, number] => {
    const t = (time.cursor - 1) % (rows * columns);
    return [Math.floor(t / columns), t % columns];
  };
  const peak = (...grids: Grid[]): number => Math.max(...grids.flat(2).map(Math.abs).filter(Number.isFinite), 0);

  function paint(): void {
    const backward = back();
    const count = rows * columns;
    put(main, "class", backward ? "main back" : "main");
    const none = time.cursor === 0;
    const [i, j] = none ? [0, 0] : place();
    const entries = none ? [] : windowAt(conv, o, i, j);
    const top = conv.kind === "max" && entries.length ? largest(entries) : null;
    const inWindow = new Map(entries.map((e) => [`${e.c},${e.y},${e.x}`, e]));
    const gx = conv.x.map((c) => zeros(c.length, c[0].length));
    const gw = conv.w.map((kernel) => kernel.map((k) => zeros(k.length, k[0].length)));
    if (backward) for (let t = 0; t < time.cursor - count; t++) sendBack(conv, o, Math.floor(t / columns), t % columns, upstreamAt(Math.floor(t / columns), t % columns), gx, gw);
    const settled = backward && untouched && time.cursor === 2 * count && given.w.length === 1;
    const shown = backward ? (settled ? data.gx.map(grid) : gx) : conv.x;
    const most = peak(...shown);
    const [py, px] = conv.padding;
    shown.forEach((channel, c) => {
      for (let y = -py; y < channel.length + py; y++) for (let x = -px; x < channel[0].length + px; x++) {
        const pad = y < 0 || x < 0 || y >= channel.length || x >= channel[0].length;
        const e = inWindow.get(`${c},${y},${x}`);
        cells.image[c].set(y, x, pad ? (backward || conv.kind === "max" ? null : 0) : channel[y][x], most, e ? (e === top ? "in now" : "in") : "");
      }
    });
    const results = backward ? Array.from({ length: rows }, (_, a) => Array.from({ length: columns }, (_, b) => upstreamAt(a, b))) : out;
    const high = peak(results);
    for (let a = 0; a < rows; a++) for (let b = 0; b < columns; b++) {
      const seen = backward || a * columns + b < time.cursor;
      cells.output.set(a, b, seen ? results[a][b] : null, high, !none && a === i && b === j ? "pick now" : "pick");
    }
    if (data.kind === "conv") kernels.forEach((kernel, c) => kernel.forEach((row, a) => row.forEach((field, e) => {
      const input = field as HTMLInputElement;
      const value = fit(backward ? (settled ? real(data.gw[o][c][a][e]) : gw[o][c][a][e]) : conv.w[o][c][a][e], 7);
      if (input.value !== value && shell.root.activeElement !== input) input.value = value;
      input.readOnly = backward;
      input.classList.toggle("sum", backward);
    })));
    scene.querySelectorAll("figcaption").forEach((caption) => {
      const words = caption.textContent!.replace("gradient of the ", "").replace(" (edit it)", "");
      const edit = words.startsWith("kernel") && data.kind === "conv" && !backward && conv.w[o].length === 1 ? " (edit it)" : "";
      say(caption, `${backward && !words.startsWith("weights") ? "gradient of the " : ""}${words}${edit}`);
    });
    tell(none, backward, i, j, entries, top);
  }

  function tell(none: boolean, backward: boolean, i: number, j: number, entries: Entry[], top: Entry | null): void {
    if (none) {
      sum.replaceChildren("The window has not been set down yet.");
      return shell.announce("Before the first step");
    }
    const signed = (v: number): string => (v < 0 ? `(${g(v, 4)})` : g(v, 4));
    const words: (Node | string)[] = [];
    const term = (text: string, last: boolean, by: string): void => void words.push(el("span", {}, text), last ? "" : by);
    if (!backward) {
      if (conv.kind === "max") entries.forEach((e, k) => term(e.inside ? g(e.v, 4) : "outside", k === entries.length - 1, ", "));
      else entries.forEach((e, k) => term(conv.kind === "avg" ? signed(e.v) : `${signed(e.w)} × ${signed(e.v)}`, k === entries.length - 1, " + "));
      if (conv.kind !== "conv") words.unshift(conv.kind === "max" ? "max(" : "("), words.push(conv.kind === "max" ? ")" : `) / ${entries.length}`);
      if (data.biased) words.push(` + ${signed(conv.b[o])}`);
      sum.replaceChildren(`output[${i}, ${j}] = `, ...words, " = ", el("b", {}, g(out[i][j], 6)));
      return shell.announce(`Output row ${i}, column ${j} is ${g(out[i][j], 4)}`);
    }
    const up = upstreamAt(i, j);
    if (top) sum.replaceChildren(`The gradient ${g(up, 4)} of output[${i}, ${j}] goes to image[${top.y}, ${top.x}] alone: it was the largest.`);
    else sum.replaceChildren(`The gradient `, el("b", {}, g(up, 4)), ` of output[${i}, ${j}], times each ${conv.kind === "avg" ? "weight" : "kernel entry"}, is added under the window`,
      conv.kind === "conv" ? `; times each image entry it is added to the kernel's gradient: ` : ": ", conv.kind === "conv" ? "" : "", ...entries.slice(0, 3).map((e) => el("span", {}, `${signed(up)} × ${signed(e.w)} = ${g(Math.fround(up * e.w), 4)}; `)), entries.length > 3 ? "…" : "");
    shell.announce(`Backward: the gradient ${g(up, 4)} of output row ${i}, column ${j} goes back through its window`);
  }

  const move = (di: number, dj: number): void => {
    const [i, j] = place();
    const [a, b] = [Math.max(0, Math.min(rows - 1, i + di)), Math.max(0, Math.min(columns - 1, j + dj))];
    time.pause();
    time.go((back() ? rows * columns : 0) + a * columns + b + 1);
  };
  const actions: Actions = {
    ...walking(() => time),
    "walk-left": () => move(0, -1), "walk-right": () => move(0, 1), "walk-up": () => move(-1, 0), "walk-down": () => move(1, 0),
    leave: () => (help.hidden ? (shell.root.activeElement ? host.focus() : host.blur()) : (help.hidden = true)), help: keys,
  };
  shell.keys(actions);
  shell.later(() => time.pause());
  build(1);
  void shell.mark("data-ready");
  return shell;
}

register("conv_stepper", mountConv);
