// RuleEditor: rewrite what `backward` returns, and a light says at once whether it belongs to the function. The slopes are
// the engine's finite differences; only the rule is computed here.
import { Board, BOARD, choice, key } from "../board";
import { el, put, say, svg } from "../dom";
import { formula, type Formula } from "../formula";
import { g } from "../number";
import { Plot, PLOT } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import type { Num } from "../types";

interface Chain {
  name: string;
  sign: string;
  grad: Num[];
  loss: Num[];
  slope: Num[];
  corners: number[];
}
export interface RuleData {
  title: string;
  name: string;
  rule: string;
  after: number;
  atol: number;
  rtol: number;
  x: Num[];
  out: Num[];
  chains: Chain[];
}
export type Light = "right" | "wrong" | "none"; // none: no slope to compare with
const NAMES = ["grad", "x", "out"];

/** gradcheck's test of one number. */
export const agrees = (rule: number, slope: number, atol: number, rtol: number): boolean => Math.abs(rule - slope) <= atol + rtol * Math.abs(slope);

/** The light at each point, and how many are right of those that count. */
export function judge(returned: number[], slope: number[], corners: readonly number[], atol: number, rtol: number): { lights: Light[]; right: number; total: number } {
  const lights = returned.map((v, i): Light => (!Number.isFinite(slope[i]) || corners.includes(i) ? "none" : agrees(v, slope[i], atol, rtol) ? "right" : "wrong"));
  const right = lights.filter((light) => light === "right").length;
  return { lights, right, total: right + lights.filter((light) => light === "wrong").length };
}

const CSS = `${PLOT}${BOARD}
.rule{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;padding:9px 16px;border-top:1px solid var(--line);background:var(--panel)}
.rule label{display:flex;flex:1 1 300px;gap:8px;align-items:center;color:var(--soft);white-space:nowrap}
.rule input{flex:1;min-width:120px;height:32px;border:1.5px solid var(--bwd);border-radius:6px;background:var(--bg);padding:0 10px;font:14px var(--mono)}
.rule input[aria-invalid=true]{border-color:var(--bad);background:var(--bad-bg)}
.rule .end{display:flex;gap:8px;align-items:center;color:var(--soft)}.rule>button{border-color:var(--line)}
.light{display:inline-flex;align-items:center;gap:7px;height:26px;border-radius:13px;padding:0 12px;font-weight:600;background:var(--panel);color:var(--soft)}
.light.right{background:var(--leaf-bg);color:var(--leaf)}.light.wrong{background:var(--bad-bg);color:var(--bad)}
.chain{display:flex;align-items:stretch;justify-content:center;gap:0;padding:14px 12px 6px;border-top:1px solid var(--line);overflow-x:auto}
.node{min-width:124px;border:1.5px solid var(--edge);border-radius:9px;background:var(--node);padding:5px 11px 7px;font:13px/1.55 var(--mono)}
.node b{font:600 13px/1.6 var(--sans)}.node.leaf{border-color:var(--leaf);border-radius:18px;background:var(--leaf-bg)}
.node div{display:flex;justify-content:space-between;gap:12px}.node .v{color:var(--fwd)}.node .d{color:var(--bwd)}.node.wrong{border-color:var(--bad)}
.edge{align-self:center;min-width:92px;text-align:center;font:12px/1.5 var(--mono);padding:0 6px;color:var(--soft)}.edge i{display:block;font-style:normal}.edge .to{color:var(--fwd)}.edge .fro{color:var(--bwd);font-weight:600}
.sum{padding:4px 16px 8px;text-align:center;font:13px/1.6 var(--mono);overflow-wrap:anywhere}.sum span{margin:0 9px}.sum .ok{color:var(--leaf);font-weight:600}.sum .no{color:var(--bad);font-weight:600}
.truth{fill:none;stroke:var(--edge);stroke-width:7;opacity:.55;stroke-linejoin:round}.own{fill:none;stroke:var(--bwd);stroke-width:2.2}
.gap{fill:none;stroke:var(--bad);stroke-width:2;opacity:.45}
.dot{fill:var(--bwd);stroke:var(--bg);stroke-width:2}.ring{fill:none;stroke:var(--soft);stroke-width:2}
.corner{fill:none;stroke:var(--upd);stroke-width:2}
@container (max-width:620px){.node{min-width:96px;padding:4px 7px}.edge{min-width:56px}}
`;

export function mountRule(host: HTMLElement, data: RuleData): Shell {
  const shell = new Shell(host, data.title, `${data.title} Tab goes to the rule, arrows walk along x. Press ? for keys.`, CSS);
  const [xs, outs] = [data.x.map(real), data.out.map(real)];
  const last = xs.length - 1;
  let which = data.after;
  let rule: Formula = formula(data.rule, NAMES);
  let returned: number[] = [];
  let judged = judge([], [], [], 0, 0);

  const field = el("input", { type: "text", value: data.rule, spellcheck: "false", autocomplete: "off", "aria-label": "backward returns", oninput: () => rewrite() });
  const light = el("span", { class: "light", role: "img" });
  const W = Math.max(520, Math.min(1100, (host.clientWidth || 860) - 18));
  const plot = new Plot({ width: W, height: 260, left: 60, right: 14, top: 10, bottom: 40 }, { low: xs[0], high: xs[last], name: "x" }, { low: 0, high: 1, name: "x.grad" });
  const [truth, gap, own] = ["truth", "gap", "own"].map((name) => svg("path", { class: name }));
  const [ring, dot] = [svg("circle", { class: "ring", r: 9 }), svg("circle", { class: "dot", r: 5 })];
  const corners = svg("g", {});
  const cursor = svg("path", { class: "cursor" });
  plot.marks.append(truth, gap, own, corners, cursor);
  plot.element.append(ring, dot);
  plot.element.classList.add("live");

  const cells = { x: el("span"), grad: el("span", { class: "d" }), out: el("span", { class: "v" }), loss: el("span", { class: "v" }), to: el("i", { class: "fro" }), from: el("i", { class: "fro" }), end: el("b") };
  const line = (name: string, value: HTMLElement): HTMLElement => el("div", {}, el("span", {}, name), value);
  const leaf = el("div", { class: "node leaf" }, el("b", {}, "x"), line("", cells.x), line(".grad", cells.grad));
  const box = el("div", { class: "node" }, el("b", { dir: "auto" }, data.name), line("out", cells.out));
  const arrows = (fro: HTMLElement): HTMLElement => el("div", { class: "edge" }, el("i", { class: "to", "aria-hidden": "true" }, "⟶"), fro);
  const chain = el("div", { class: "chain", role: "img", "aria-label": "x, the function, what comes after it" }, leaf, arrows(cells.to), box, arrows(cells.from), el("div", { class: "node" }, cells.end, line("loss", cells.loss)));
  const sum = el("div", { class: "sum" });

  const now = (): { grad: number[]; slope: number[]; loss: number[]; corners: number[] } => {
    const c = data.chains[which];
    return { grad: c.grad.map(real), slope: c.slope.map(real), loss: c.loss.map(real), corners: c.corners };
  };

  function rewrite(): void {
    try {
      rule = formula(field.value, NAMES);
    } catch (error) {
      put(field, "aria-invalid", "true");
      shell.status(error instanceof Error ? error.message : String(error), "error");
      return;
    }
    put(field, "aria-invalid", null);
    weigh();
  }

  /** Everything that depends on the rule and on what comes after, not on where x is. */
  function weigh(): void {
    const { grad, slope, corners: bent } = now();
    returned = xs.map((x, i) => rule({ grad: grad[i], x, out: outs[i] }));
    judged = judge(returned, slope, bent, data.atol, data.rtol);
    const [low, high] = span(slope);
    const room = (high - low) / 2;
    const seen = returned.filter(Number.isFinite).map((v) => Math.max(low - room, Math.min(high + room, v)));
    const [a, b] = span([low, high, ...seen]);
    const more = 0.04 * (b - a || 1);
    plot.y = { ...plot.y, low: a - more, high: b + more };
    plot.axes();
    put(truth, "d", plot.path(xs, slope));
    put(own, "d", plot.path(xs, returned));
    put(gap, "d", xs.map((x, i) => (judged.lights[i] === "wrong" && Number.isFinite(returned[i]) ? `M${plot.X(x).toFixed(1)} ${plot.Y(slope[i]).toFixed(1)}V${clampY(plot.Y(returned[i])).toFixed(1)}` : "")).join(""));
    corners.replaceChildren(...bent.map((i) => svg("circle", { class: "corner", r: 7, cx: plot.X(xs[i]).toFixed(1), cy: plot.Y(Number.isFinite(slope[i]) ? slope[i] : 0).toFixed(1) })));
    const { right, total } = judged;
    const state: Light = !total ? "none" : right === total ? "right" : "wrong";
    put(light, "class", `light ${state}`);
    say(light, state === "none" ? "? no slope to compare with" : state === "right" ? `✓ all ${total} points agree` : `! ${total - right} of ${total} points differ`);
    put(light, "aria-label", light.textContent);
    host.dataset.light = state;
    shell.status(bent.length ? "Ring: a corner. The slopes of its two sides differ, so there is none to agree on, and it is not counted." : "");
    board.retell();
    board.redraw();
  }

  const clampY = (y: number): number => Math.max(-50, Math.min(400, y));

  function draw(i: number): void {
    const { grad, slope, loss } = now();
    const after = data.chains[which];
    const x = g(xs[i], 4);
    say(cells.x, x);
    say(cells.out, g(outs[i], 4));
    say(cells.loss, g(loss[i], 4));
    say(cells.end, after.sign);
    say(cells.grad, g(returned[i], 4));
    say(cells.to, `⟵ ${g(returned[i], 4)}`);
    say(cells.from, `⟵ grad ${g(grad[i], 4)}`);
    const state = judged.lights[i];
    put(leaf, "class", `node leaf ${state === "wrong" ? "wrong" : ""}`);
    const words = { right: "✓ agrees", wrong: "! differs", none: "a corner, or no slope here" }[state];
    sum.replaceChildren(el("span", {}, `rule ${g(returned[i], 6)}`), el("span", {}, `finite difference ${g(slope[i], 6)}`), el("span", { class: state === "right" ? "ok" : state === "wrong" ? "no" : "" }, words));
    put(cursor, "d", `M${plot.X(xs[i]).toFixed(1)} ${plot.inner.y}v${plot.inner.h}`);
    for (const [mark, v] of [[ring, slope[i]], [dot, returned[i]]] as const) {
      put(mark, "cx", plot.X(xs[i]).toFixed(1));
      put(mark, "cy", Number.isFinite(v) ? clampY(plot.Y(v)).toFixed(1) : "-99");
    }
    host.dataset.x = String(xs[i]);
    shell.announce(`x = ${x}, ${after.name} after it: the rule returns ${g(returned[i], 4)}, the slope is ${g(slope[i], 4)}. ${words}.`);
  }

  const stroke = (kind: string): SVGElement => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", class: kind }));
  const board: Board = new Board(shell, {
    length: last, what: "x", draw, said: "Every point as a table",
    table: () => {
      const { grad, slope } = now();
      return [["", "x", "out", "grad", "rule returns", "finite difference", ""], ...xs.map((x, i) =>
        [String(i), g(x, 4), g(outs[i], 6), g(grad[i], 6), g(returned[i], 6), g(slope[i], 6), { right: "✓", wrong: "! differs", none: "–" }[judged.lights[i]]])];
    },
    hint: "The formula may use grad, x, out, numbers, + - * / **, comparisons, sin, cos, tan, exp, log, sqrt, abs, sign, tanh, sigmoid, relu, maximum, minimum, where. Tolerances are those of torch.autograd.gradcheck.",
  });
  const seek = (e: PointerEvent): void => {
    const [x] = plot.at(e);
    board.time.pause();
    board.time.go(Math.round(((x - xs[0]) / (xs[last] - xs[0])) * last));
  };
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    seek(e);
  });
  plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(e));

  shell.header.append(light);
  const end = choice("What comes after the function", data.chains.map((c, i): [string, string] => [String(i), c.name]), String(which), (to) => {
    which = Number(to);
    weigh();
  });
  const reset = el("button", { type: "button", onclick: () => {
    field.value = data.rule;
    rewrite();
  } }, "Reset");
  board.stage.append(el("div", { class: "keys" }, key(stroke("truth"), "the slope: a finite difference of the whole"), key(stroke("own"), "what the rule returns")), plot.element);
  shell.body.append(el("div", { class: "rule" }, el("label", {}, "backward returns", field), reset, el("span", { class: "end" }, "after it", end)), chain, sum, board.stage);
  weigh();
  board.begin(Math.round(last * 0.75));
  return shell;
}

function span(values: number[]): [number, number] {
  const fine = values.filter(Number.isFinite);
  return fine.length ? [Math.min(...fine), Math.max(...fine)] : [0, 1];
}

register("rule_editor", mountRule);
