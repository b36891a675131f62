// A part of the viewer, for steppers. Quiz: before a message is shown, its product is asked for. Hints give away one factor of the chain rule at a time.
import { el } from "../dom";
import { g, scalar } from "../number";
import type { Model } from "../model";
import { part, type Part } from "../register";
import type { Message, Num, Value } from "../types";
import type { Viewer } from "../viewer";

export interface Question {
  at: number; // the frame that holds the answer
  text: string;
  answer: Num;
  hints: string[];
}

/** The question about the next frame; null when it passes on nothing that fits in one number. */
export function question(model: Model, at: number): Question | null {
  const step = model.frames[at - 1]?.step;
  if (step?.kind !== "backward" || !scalar(step.grad)) return null;
  const m: Message | undefined = step.messages.find((x) => scalar(x.product));
  if (!m) return null;
  const from = model.nodes[step.n];
  const to = model.nodes[m.to].label;
  const value = (v: Value | null): string => (scalar(v) ? g(v.data[0], 4) : "?");
  const hints = [`What reaches ${from.label} from above is ${value(step.grad)}.`];
  if (from.rules[m.slot]) hints.push(`The rule of ${from.op} for this input is ${from.rules[m.slot]}, where g is what reached it.`);
  if (scalar(m.local)) hints.push(`The local derivative is ${value(m.local)}: multiply the two.`);
  return { at, text: `What does ${from.label} pass on to ${to}?`, answer: (m.product as Value).data![0], hints };
}

export function right(typed: string, answer: Num): boolean {
  const text = typed.trim().replace(",", ".");
  if (typeof answer !== "number") return text.toLowerCase() === answer;
  const v = Number(text);
  return text !== "" && Math.abs(v - answer) <= Math.max(1e-6, 0.005 * Math.abs(answer));
}

const QUIZ = `
.quiz{display:flex;flex-wrap:wrap;align-items:center;gap:8px;padding:9px 16px;border-top:1px solid var(--line);background:var(--upd-bg)}
.quiz input{width:120px;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg);font-family:var(--mono)}
.quiz strong{color:var(--upd)}.quiz .ask{background:var(--bg);border-color:var(--line);color:var(--ink)}
.quiz .right{color:var(--leaf);font-weight:600}.quiz .wrong{color:var(--bad);font-weight:600}
`;

export class Quiz implements Part {
  static css = QUIZ;
  readonly tools = [el("button", { type: "button", title: "Quiz", onclick: () => this.toggle() }, "Quiz")];
  readonly element = el("div", { class: "quiz", hidden: true, role: "group", "aria-label": "Quiz" });
  on = false;
  asked = 0;
  correct = 0;
  #open: Question | null = null;

  constructor(private viewer: Viewer) {
    this.model.time.gate = (next) => this.#gate(next);
  }

  private get model(): Model {
    return this.viewer.model;
  }

  toggle(): void {
    this.on = !this.on;
    this.#open = null;
    this.element.hidden = !this.on;
    if (this.on) this.element.replaceChildren(el("strong", {}, "Quiz"), el("span", {}, "Step on: before each gradient appears you are asked for it."));
    this.viewer.redraw();
  }

  /** False while a question about the next step is open. */
  #gate(next: number): boolean {
    if (!this.on) return true;
    const q = question(this.model, next);
    if (!q) return true;
    if (this.#open?.at !== next) this.#ask(q);
    return false;
  }

  #ask(q: Question): void {
    this.#open = q;
    this.model.time.pause();
    let hints = 0;
    const field = el("input", { "aria-label": q.text, inputmode: "decimal", autocomplete: "off", placeholder: "a number" });
    const reply = el("span", { "aria-live": "polite" });
    const check = (): void => {
      if (!right(field.value, q.answer)) {
        reply.className = "wrong";
        reply.textContent = field.value.trim() ? "✗ not yet" : "type a number";
        return;
      }
      this.#done(true, `✓ right: ${g(q.answer)}`);
    };
    field.addEventListener("keydown", (e) => e.key === "Enter" && check());
    const hint = (): void => {
      reply.className = "hint";
      reply.textContent = q.hints[Math.min(hints++, q.hints.length - 1)];
    };
    this.element.replaceChildren(el("strong", {}, "Quiz"), el("span", {}, q.text), field,
      el("button", { type: "button", class: "ask", onclick: check }, "Check"), el("button", { type: "button", class: "ask", onclick: hint }, "Hint"),
      el("button", { type: "button", class: "ask", onclick: () => this.#done(false, `It is ${g(q.answer)}`) }, "Show"), reply);
    field.focus();
  }

  #done(good: boolean, words: string): void {
    const at = this.#open!.at;
    this.#open = null;
    this.asked++;
    if (good) this.correct++;
    this.element.replaceChildren(el("strong", {}, "Quiz"), el("span", { class: good ? "right" : "hint" }, words), el("span", { class: "hint" }, `${this.correct} of ${this.asked}`));
    const gate = this.model.time.gate;
    this.model.time.gate = null;
    this.model.time.go(at);
    this.model.time.gate = gate;
    this.viewer.redraw();
  }
}

part("quiz", Quiz);
