// The chain rule card: everything about one node at this position of the timeline, formulas and numbers.
import { el, svg } from "./dom";
import { grid } from "./grid";
import { inputName, named, partial, product, substituted } from "./message";
import { brief, kindText } from "./number";
import { glyph } from "./shape";
import { say, type GradState } from "./state";
import type { Model } from "./model";
import type { RecNode } from "./types";

export class Card {
  readonly element = el("aside", { class: "card", tabindex: "-1", role: "region", "aria-label": "Chain rule card" });
  #shown: "value" | "gradient" = "value";
  #last = "";

  constructor(
    private model: Model,
    private pick: (n: number) => void,
  ) {}

  paint(force = false): void {
    const n = this.model.focus;
    const key = `${n} ${this.model.time.cursor} ${this.#shown}`;
    if (key === this.#last && !force) return;
    this.#last = key;
    this.element.replaceChildren(...(n === null ? [el("p", { class: "hint" }, "Nothing was recorded.")] : this.#about(n)));
  }

  #about(n: number): Node[] {
    const { model } = this;
    const node = model.nodes[n];
    const at = model.time.cursor;
    const state = model.history.grad(n, at);
    const kind = node.kind === "op" ? node.op : node.kind === "leaf" ? (node.requires_grad ? "leaf" : "input") : "constant";
    const out: (Node | null)[] = [
      el("div", { class: "who" }, el("span", { class: `kind ${node.kind}` }, kind), el("strong", { dir: "auto" }, node.label || node.op),
        el("code", {}, kindText(node))),
      this.#forward(node, at),
      model.data.backward ? this.#arrived(node, state) : this.#structure(node),
      model.data.backward ? this.#sent(node) : null,
      this.#numbers(node, state),
      this.#origin(node),
    ];
    return out.filter((x): x is Node => x !== null);
  }

  #section(title: string, ...children: (Node | string | null)[]): HTMLElement {
    return el("section", {}, el("h4", {}, title), ...children);
  }

  #link(n: number): HTMLElement {
    return el("button", { class: "link", type: "button", dir: "auto", onclick: () => this.pick(n) }, this.model.nodes[n]?.label || `#${n}`);
  }

  #forward(node: RecNode, at: number): HTMLElement | null {
    if (node.kind !== "op") return null;
    const { nodes } = this.model;
    const value = this.model.history.value(node.n, at);
    if (value === undefined) return this.#section("Forward", el("p", { class: "hint" }, "not computed yet"));
    if (!node.forward) {
      const inputs = node.inputs.map((i) => inputName(i, nodes)).join(", ");
      return this.#section("Forward", el("p", { class: "maths" }, `${node.label} = ${node.op}(${inputs})`));
    }
    const numbers = substituted(node.forward, node, nodes, null);
    const lost = node.inputs.some((i) => inputName(i, nodes) === "?");
    return this.#section("Forward",
      el("p", { class: "maths" }, `${node.label} = ${named(node.forward, node, nodes)}`),
      numbers ? el("p", { class: "maths numbers" }, `${" ".repeat(node.label.length)} = ${numbers} = `, el("b", {}, brief(value, 6))) : null,
      lost ? el("p", { class: "hint" }, "?: a number that the graph does not keep; a tape does") : null,
      node.inplace ? el("p", { class: "hint" }, "in place: its input holds this now") : null,
      node.view ? el("p", { class: "hint" }, "a view of its input's memory") : null);
  }

  #structure(node: RecNode): HTMLElement {
    const text = node.name ? `grad_fn is ${node.name}` : "no gradient flows here";
    return this.#section("Backward graph", el("p", { class: "maths" }, text),
      ...Object.entries(node.rules).filter(([, rule]) => rule).map(([slot, rule]) => {
        const input = node.inputs.find((i) => i.slot === slot);
        return el("p", { class: "maths" }, `∂/∂${input ? inputName(input, this.model.nodes) : slot}: ${named(rule, node, this.model.nodes)}`);
      }));
  }

  /** The gradient of this node: its state and every contribution, one line each, with the running sum. */
  #arrived(node: RecNode, state: GradState): HTMLElement {
    const mark = glyph(state.kind, state.of ? state.k / state.of : state.kind === "none" ? 0 : 1);
    const badge = el("span", { class: `chip state ${state.kind}` }, state.kind === "off" ? null
      : svg("svg", { viewBox: "-7 -7 14 14", class: "glyph", "aria-hidden": "true" }, svg("path", { d: mark.line, class: "ring" }), svg("path", { d: mark.fill, class: "fill" })), say(state));
    const title = el("h4", {}, `Gradient of ${node.label || node.op} `, badge);
    const body = el("section", { class: "gradient" }, title);
    for (const c of state.parts) {
      const sum = c.message.of > 1 ? el("span", { class: "sum" }, partial(c.message)) : null;
      body.append(el("div", { class: "part" }, el("span", { class: "from" }, "from ", this.#link(c.from)), el("span", { class: "maths" }, product(c.grad, c.message, 6)), sum));
    }
    if (state.kind !== "none" && state.kind !== "off" && !state.parts.length && state.value) {
      body.append(el("p", { class: "maths" }, `∂${node.label}/∂${node.label} = ${brief(state.value, 6, "norm")}`));
    }
    if (state.grad) {
      const { before, added, after } = state.grad;
      body.append(el("p", { class: "maths leafgrad" }, `${node.label}.grad = ${before ? `${brief(before, 6, "norm")} + ${brief(added, 6, "norm")} = ` : ""}`, el("b", {}, brief(after, 6, "norm")),
        el("span", { class: "hint" }, before ? "  what was there + what arrived" : "  was None")));
    }
    return body;
  }

  /** What this node passes on when its turn comes: the rule, with names, then with numbers. */
  #sent(node: RecNode): HTMLElement | null {
    const rules = Object.entries(node.rules ?? {}).filter(([slot]) => {
      const input = node.inputs.find((i) => i.slot === slot);
      return input?.n !== null && input?.n !== undefined && this.model.nodes[input.n]?.requires_grad;
    });
    if (node.kind !== "op" || !rules.length || !node.requires_grad) return null;
    const { model } = this;
    const at = model.time.cursor;
    const step = model.frames.slice(0, at).map((f) => f.step).reverse().find((s) => s.kind === "backward" && s.n === node.n);
    const lines = rules.flatMap(([slot, rule]) => {
      const input = node.inputs.find((i) => i.slot === slot)!;
      const m = step?.kind === "backward" ? step.messages.find((x) => x.slot === slot) : undefined;
      const numbers = m && step?.kind === "backward" ? rule && substituted(rule, node, model.nodes, step.grad) : null;
      const answer = m ? brief(m.product, 6, "norm") : null;
      return [el("div", { class: "part" }, el("span", { class: "from" }, "to ", this.#link(input.n!)), el("span", { class: "maths" }, rule ? named(rule, node, model.nodes) : `by the rule of ${node.op}`),
        answer ? el("span", { class: "maths numbers" }, numbers && numbers !== answer ? `= ${numbers} = ` : "= ", el("b", {}, answer)) : null)];
    });
    return this.#section(step ? "Passed on" : "Will pass on", ...lines, step ? null : el("p", { class: "hint" }, "g is the gradient that reaches this node"));
  }

  #numbers(node: RecNode, state: GradState): HTMLElement | null {
    const value = this.model.history.value(node.n, this.model.time.cursor) ?? null;
    const grad = state.grad?.after ?? state.value;
    if (!value && !grad) return null;
    const which = this.#shown === "gradient" && grad ? "gradient" : value ? "value" : "gradient";
    const v = which === "gradient" ? grad! : value!;
    const tab = (name: "value" | "gradient", there: boolean): HTMLElement | null => there ? el("button", { type: "button", role: "tab", "aria-selected": name === which ? "true" : "false", onclick: () => {
      this.#shown = name;
      this.paint();
    } }, name === "value" ? "Value" : "Gradient") : null;
    if (v.shape.length === 0 && node.kind === "op" && which === "value" && !grad) return null;
    return el("section", {}, el("div", { class: "group", role: "tablist", "aria-label": "Numbers" }, tab("value", !!value), tab("gradient", !!grad)), grid(v, `${which} of ${node.label}`));
  }

  #origin(node: RecNode): HTMLElement | null {
    const rows: Node[] = [];
    if (node.line) rows.push(el("pre", { class: "source" }, el("span", { class: "lineno" }, `${node.line.file}:${node.line.lineno}`), "\n", el("code", { dir: "auto" }, node.line.text.trim())));
    if (node.path) rows.push(el("p", { class: "hint", dir: "auto" }, `in ${node.path}${node.module ? ` (${node.module})` : ""}`));
    if (node.name && this.model.data.backward && node.kind === "op") rows.push(el("p", { class: "hint" }, `grad_fn=<${node.name}>`));
    return rows.length ? this.#section("Where it comes from", ...rows) : null;
  }
}

