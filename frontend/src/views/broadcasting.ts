// Broadcasting: two shapes are written one above the other, aligned on the right; each dimension of size 1 is stretched (its
// copies are ghosts: dashed, no number is stored twice), and the numbers are combined. Shapes and operation can be changed.
import { act, dimension, length, plan, read, shapeText, source, stretched, tell, unravel, type Plan } from "../broadcast";
import { el, put, svg } from "../dom";
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

interface Packed {
  shape: number[];
  data: Num[];
}
interface Data {
  title: string;
  op: string;
  a: Packed;
  b: Packed;
  out: Packed | null;
  error: string;
}

const [MOST, DIMS, CELLS, SIZE, GAP] = [6, 3, 96, 40, 12];
const SIGN: Record<string, string> = { "+": "+", "-": "−", "*": "×", "/": "÷" };
const CSS = `
.knobs{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;padding:8px 16px;border-top:1px solid var(--line)}
.knobs label{display:flex;gap:6px;align-items:center;color:var(--soft)}
.knobs input{width:88px;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 8px;font:13px var(--mono)}
.knobs button{border-color:var(--line)}
.shapes{display:grid;gap:4px;justify-content:center;align-items:center;padding:14px 12px 4px;background:var(--panel);border-top:1px solid var(--line);font:14px var(--mono);text-align:center}
.shapes .head{font:11px var(--sans);color:var(--soft);padding:0 6px}
.shapes .name{font-weight:700;text-align:right;padding-right:10px}
.shapes .a{color:var(--fwd)}.shapes .b{color:var(--leaf)}
.size{min-width:66px;height:28px;line-height:26px;border:1px solid var(--edge);border-radius:6px;background:var(--bg);color:var(--ink)}
.size.given{border-style:dashed;border-color:var(--line);color:var(--soft)}.size.none{border-color:transparent;background:none}
.size.now{box-shadow:0 0 0 2px var(--upd)}.size.bad{background:var(--bad-bg);border-color:var(--bad);color:var(--bad);font-weight:700;box-shadow:0 0 0 2px var(--bad)}
.size.grown{font-weight:700}
.scene{display:flex;flex-wrap:wrap;gap:12px 20px;align-items:flex-start;justify-content:center;padding:14px 12px 16px;background:var(--panel)}
figure{margin:0}figcaption{font:12px var(--mono);color:var(--soft);margin-bottom:6px;text-align:center}
.sign{font-size:22px;color:var(--soft);align-self:center}
.sign.none{text-align:center}
.cells{display:block;max-width:100%;height:auto}
.cell rect{fill:var(--bg);stroke:var(--edge);stroke-width:1}.cell text{font:12px var(--mono);fill:var(--ink);text-anchor:middle}
.a .cell rect{fill:var(--fwd-bg);stroke:var(--fwd)}.b .cell rect{fill:var(--leaf-bg);stroke:var(--leaf)}
.cell.ghost rect{fill:var(--bg);stroke-dasharray:3 3}.cell.ghost text{fill:var(--soft)}
.cell.fresh{animation:out .45s ease-out}
@keyframes out{from{transform:translate(var(--dx),var(--dy));opacity:.1}}
@media(prefers-reduced-motion:reduce){.cell.fresh{animation:none}}
.cell.on rect{stroke:var(--upd);stroke-width:3;stroke-dasharray:none}
.cell.pick{cursor:pointer}.empty rect{fill:none;stroke:var(--line);stroke-dasharray:1 4}
.sum{padding:8px 16px;border-top:1px solid var(--line);font:13px/1.6 var(--mono);min-height:38px;overflow-wrap:anywhere}
.sum.error{color:var(--bad);background:var(--bad-bg);font-weight:600}
`;
const three = <T>(s: T[], fill: T): T[] => [...Array<T>(3 - s.length).fill(fill), ...s];
const count = (s: number[]): number => s.reduce((p, q) => p * q, 1);

export function mountBroadcasting(host: HTMLElement, data: Data): Shell {
  const shell = new Shell(host, data.title, `${data.title}, step by step. Left and Right step. Press ? for keys.`, CSS);
  let [a, b] = [data.a.shape, data.b.shape];
  let values = [data.a.data.map(real), data.b.data.map(real)];
  let op = data.op;
  let untouched = true;
  let of: Plan = plan(a, b);
  let time = new Timeline(1);
  let picked = 0;

  const field = (name: string): HTMLInputElement => el("input", { type: "text", "aria-label": `shape of ${name}`, spellcheck: "false", onchange: change });
  const fields = [field("a"), field("b")];
  const choice = el("select", { "aria-label": "Operation", onchange: change });
  for (const [key, sign] of Object.entries(SIGN)) choice.append(el("option", { value: key }, sign));
  const reset = el("button", { type: "button", onclick: () => start() }, "Reset");
  const help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  const shapes = el("div", { class: "shapes", role: "img" });
  const scene = el("div", { class: "scene" });
  const sum = el("div", { class: "sum" });
  const line = el("div");
  const keys = (): void => showKeys(help, listed(actions), [["Ctrl + arrows", "walk through the result"]], "Click a number of the result to see where it comes from");
  shell.header.append(el("span", { class: "grow" }), el("button", { type: "button", title: "Keys (?)", onclick: keys }, "?"));
  shell.body.append(
    el("div", { class: "knobs", role: "group", "aria-label": "Shapes" }, el("label", {}, "a has shape", fields[0]), choice, el("label", {}, "b has shape", fields[1]), reset),
    shapes, scene, sum, line, help);

  function start(): void {
    [a, b, op, untouched] = [data.a.shape, data.b.shape, data.op, true];
    values = [data.a.data.map(real), data.b.data.map(real)];
    shell.status("");
    build();
  }

  function change(): void {
    const found = fields.map((f) => read(f.value, MOST, DIMS));
    const wrong = found.find((f): f is string => typeof f === "string");
    const next = wrong === undefined ? plan(found[0] as number[], found[1] as number[]) : null;
    if (!next || (next.bad < 0 && count(next.out) > CELLS)) {
      shell.status(wrong ?? `The result would have ${count(next!.out)} numbers; at most ${CELLS} are shown here`, "error");
      return;
    }
    const same = (s: number[], t: number[]): boolean => s.join() === t.join();
    const [p, q] = found as number[][];
    if (same(p, a) && same(q, b) && choice.value === op) return;
    if (!same(p, a)) values[0] = Array.from({ length: count(p) }, (_, k) => k + 1);
    if (!same(q, b)) values[1] = Array.from({ length: count(q) }, (_, k) => 10 * (k + 1));
    [a, b, op, untouched] = [p, q, choice.value, false];
    shell.status("Computed here, by the rules that the steps show");
    build();
  }

  function build(): void {
    time.pause();
    of = plan(a, b);
    picked = 0;
    time = new Timeline(length(of));
    time.on((now, before) => draw(now > before));
    [a, b].forEach((s, i) => (fields[i].value = shapeText(s)));
    choice.value = op;
    line.replaceChildren(transport(time, [{ phase: "forward", from: 0, to: time.length, name: "Steps" }]));
    draw(false);
  }

  const result = (k: number): number => {
    const at = unravel(k, of.out);
    if (untouched && data.out) return real(data.out.data[k]);
    return act(op, values[0][source(of.a, at)], values[1][source(of.b, at)]);
  };

  function draw(ahead: boolean): void {
    const step = time.cursor;
    const done = of.bad < 0 && step === time.length;
    drawShapes(step, done);
    const parts: Element[] = [];
    [of.a, of.b].forEach((own, i) => {
      const now = step === 0 ? own : stretched(of, own, step);
      const before = step === 0 ? own : stretched(of, own, step - 1);
      const shown = step === 0 ? [a, b][i] : now;
      const grid = cells(of.out, (at) => {
        if (at.some((v, d) => v >= now[d])) return null;
        const mine = at.every((v, d) => v < own[d]);
        return { text: g(values[i][source(own, at)], 4), ghost: !mine, fresh: ahead && at.some((v, d) => v >= before[d]), from: own, pick: -1 };
      }, `${"ab"[i]}, shape ${shapeText(shown)}`);
      parts.push(el("figure", { class: "ab"[i] }, el("figcaption", {}, `${"ab"[i]} ${shapeText(shown)}`), grid), el("span", { class: "sign", "aria-hidden": "true" }, i ? "=" : SIGN[op]));
    });
    let k = 0;
    const out = cells(of.out, () => (of.bad < 0 && done ? { text: g(result(k), 4), ghost: false, fresh: false, from: of.out, pick: k++ } : null), done ? `result, shape ${shapeText(of.out)}` : "result, not there yet");
    parts.push(el("figure", { class: "out" }, el("figcaption", {}, of.bad >= 0 ? "no result" : done ? `a ${SIGN[op]} b ${shapeText(of.out)}` : "result"), of.bad >= 0 ? el("div", { class: "sign none" }, "✕") : out));
    scene.replaceChildren(...parts);
    const failed = step === time.length && of.bad >= 0;
    sum.classList.toggle("error", failed);
    const text = tell(of, a, b, step);
    const hint = step === 0 ? "Right, or the button, takes the first step." : "Dashed numbers are stored nowhere: the same number is read again.";
    sum.textContent = failed ? `RuntimeError: ${(untouched && data.error) || of.error}` : done ? "" : hint;
    if (done) mark();
    shell.announce(text);
    void shell.mark("data-step", String(step));
  }

  function drawShapes(step: number, done: boolean): void {
    const n = of.out.length;
    const now = dimension(of, step);
    const rows: Element[] = [];
    const left = Math.max(0, n - (step === 0 ? Math.max(a.length, b.length) : n));
    put(shapes, "style", `grid-template-columns:auto repeat(${Math.max(1, n)},auto)`);
    put(shapes, "aria-label", tell(of, a, b, step));
    rows.push(el("span", {}), ...Array.from({ length: n }, (_, d) => el("span", { class: "head" }, `dimension ${d}`)));
    if (!n) rows.push(el("span", { class: "head" }, "no dimension"));
    [a, b].forEach((given, i) => {
      const own = i ? of.b : of.a;
      const grown = stretched(of, own, step);
      rows.push(el("span", { class: `name ${"ab"[i]}` }, "ab"[i]));
      for (let d = left; d < n; d++) {
        // before they are aligned, shapes are read from the left
        const there = step === 0 ? d < given.length : d >= n - given.length || step >= 1;
        const size = step === 0 ? given[d] : own[d];
        const classes = ["size", !there ? "none" : step > 0 && d < n - given.length ? "given" : "", d === now ? (d === of.bad ? "bad" : "now") : "", step > 0 && grown[d] !== own[d] ? "grown" : ""];
        rows.push(el("span", { class: classes.filter(Boolean).join(" ") }, !there ? "" : step > 0 && grown[d] !== own[d] ? `${size} → ${grown[d]}` : String(size)));
      }
      if (!n) rows.push(el("span", { class: "size none" }, "()"));
    });
    rows.push(el("span", { class: "name" }, "result"));
    for (let d = 0; d < n; d++) {
      const known = step >= 2 && d >= n + 1 - step;
      rows.push(el("span", { class: `size${known ? (d === of.bad ? " bad" : " grown") : " given"}` }, known ? (d === of.bad ? "✕" : String(of.out[d])) : "?"));
    }
    if (!n) rows.push(el("span", { class: "size none" }, done ? "()" : "?"));
    shapes.replaceChildren(...rows);
  }

  interface Cell {
    text: string;
    ghost: boolean;
    fresh: boolean;
    from: number[];
    pick: number;
  }

  /** Slices under one another. The room is that of the result, so that nothing moves when a dimension is stretched. */
  function cells(room: number[], at: (place: number[]) => Cell | null, label: string): SVGElement {
    const [slices, rows, columns] = three(room, 1);
    const [wide, tall] = [columns * SIZE, slices * (rows * SIZE + GAP) - GAP];
    const made = svg("svg", { class: "cells", viewBox: `-2 -2 ${wide + 4} ${tall + 4}`, width: wide + 4, height: tall + 4, role: "img", "aria-label": label });
    for (let k = 0; k < slices; k++) for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
      const place = [k, y, x].slice(3 - room.length);
      const cell = at(place);
      const [px, py] = [x * SIZE, k * (rows * SIZE + GAP) + y * SIZE];
      const box = svg("rect", { x: px + 1.5, y: py + 1.5, width: SIZE - 3, height: SIZE - 3, rx: 5 });
      if (!cell) {
        made.append(svg("g", { class: "empty" }, box));
        continue;
      }
      const own = three(cell.from, 1);
      const [dx, dy] = [(own[2] === 1 ? -x : 0) * SIZE, (own[1] === 1 ? -y : 0) * SIZE + (own[0] === 1 ? -k * (rows * SIZE + GAP) : 0)];
      const text = cell.text.length > 5 ? cell.text.slice(0, 5) : cell.text;
      made.append(svg("g", {
        class: ["cell", cell.ghost ? "ghost" : "", cell.fresh ? "fresh" : "", cell.pick >= 0 ? "pick" : ""].filter(Boolean).join(" "),
        style: cell.fresh ? `--dx:${dx}px;--dy:${dy}px` : null, "data-at": place.join(),
        onclick: cell.pick >= 0 ? () => pick(cell.pick) : null,
      }, box, svg("text", { x: px + SIZE / 2, y: py + SIZE / 2 + 4 }, text)));
    }
    return made;
  }

  function pick(k: number): void {
    picked = k;
    mark();
    shell.announce(sum.textContent ?? "");
  }

  /** Frame the chosen result and the two numbers it was made from. */
  function mark(): void {
    const at = unravel(picked, of.out);
    scene.querySelectorAll(".cell.on").forEach((c) => c.classList.remove("on"));
    scene.querySelectorAll(`.cell[data-at="${at.join()}"]`).forEach((c) => c.classList.add("on"));
    const name = (i: number): string => {
      const own = [a, b][i];
      const place = at.slice(at.length - own.length).map((v, d) => (own[d] === 1 ? 0 : v));
      return own.length ? `${"ab"[i]}[${place.join(", ")}]` : "ab"[i];
    };
    const signed = (v: number): string => (v < 0 ? `(${g(v, 6)})` : g(v, 6));
    const [x, y] = [values[0][source(of.a, at)], values[1][source(of.b, at)]];
    sum.textContent = `result[${at.join(", ")}] = ${name(0)} ${SIGN[op]} ${name(1)} = ${signed(x)} ${SIGN[op]} ${signed(y)} = ${g(result(picked), 6)}`;
  }

  const walk = (d: number, by: number): void => {
    if (of.bad >= 0) return;
    if (time.cursor !== time.length) return time.go(time.length);
    const at = unravel(picked, of.out);
    const k = of.out.length - d;
    if (k < 0 || at[k] + by < 0 || at[k] + by >= of.out[k]) return;
    at[k] += by;
    pick(source(of.out, at));
  };
  const actions: Actions = {
    ...walking(() => time),
    "walk-left": () => walk(1, -1), "walk-right": () => walk(1, 1), "walk-up": () => walk(2, -1), "walk-down": () => walk(2, 1),
    leave: () => (help.hidden ? (shell.root.activeElement ? host.focus() : host.blur()) : (help.hidden = true)), help: keys,
  };
  shell.keys(actions);
  shell.later(() => time.pause());
  build();
  void shell.mark("data-ready");
  return shell;
}

register("broadcasting", mountBroadcasting);
