// A part of the viewer, for steppers. Quiz: before a gradient is shown, a number of it is asked for: the gradient itself, one element of
// a small tensor, the shape of a large one. Hints give away one factor of the chain rule at a time.
import { el } from "../dom";
import { moreKeys } from "../more_keys";
import { g, scalar } from "../number";
import type { Model } from "../model";
import { part, type Part } from "../register";
import type { Message, Num, RecNode, Step, Value } from "../types";
import type { Viewer } from "../viewer";

export interface Question {
  at: number; // the frame that holds the answer
  text: string;
  answer: Num | number[]; // a list is a shape
  hints: string[];
}
type Backward = Step & { kind: "backward"; hook?: string };

const shown = (answer: Question["answer"]): string => (Array.isArray(answer) ? `[${answer.join(", ")}]` : g(answer));
const index = (k: number, shape: number[]): number[] => shape.reduceRight<[number, number[]]>(([rest, at], size) => [Math.floor(rest / size), [rest % size, ...at]], [k, []])[1];
const place = (k: number, shape: number[]): string => `[${index(k, shape).join(", ")}]`;
const full = (v: Value | null | undefined): v is Value & { data: Num[] } => !!v?.data && v.data.length > 0;

/** What is asked before position `at`; a text says why nothing is. */
export function asked(model: Model, at: number): Question | string {
  const step = model.frames[at - 1]?.step as (Step & { hook?: string }) | undefined;
  if (!step) return "";
  if (step.hook) return `${step.hook}: that cannot be worked out from the graph`;
  if (step.kind === "accumulate") return stored(model, at);
  if (step.kind !== "backward") return "";
  return passed(model, at, step as Backward);
}

/** The question about the next frame; null when there is none. */
export function question(model: Model, at: number): Question | null {
  const found = asked(model, at);
  return typeof found === "string" ? null : found;
}

function passed(model: Model, at: number, step: Backward): Question | string {
  const from = model.nodes[step.n];
  if (!step.messages.length) return `${from.label} has nothing to pass on`;
  const telling = (m: Message): number => +!(scalar(m.product) && scalar(step.grad)) * 2 + +(from.rules[m.slot] === "g" || (scalar(m.local) && m.local.data[0] === 1)); // a copy of what came is the least to ask
  const known = step.messages.filter((m) => full(m.product)).sort((a, b) => telling(a) - telling(b));
  const m = known[0] ?? step.messages[0];
  const to = model.nodes[m.to];
  const rule = from.rules[m.slot];
  const ruled = rule ? [`The rule of ${from.op} for this input is ${rule}, where g is what reached it.`] : [];
  if (!full(m.product)) {
    const shape = m.product?.shape ?? to.shape;
    return { at, text: `Of what shape is what ${from.label} passes on to ${to.label}?`, answer: shape,
      hints: ["A gradient has the shape of that of which it is the gradient.", `${to.label} has ${shape.length} ${shape.length === 1 ? "dimension" : "dimensions"}.`] };
  }
  if (scalar(m.product) && scalar(step.grad)) {
    const local = scalar(m.local) ? [`The local derivative is ${g(m.local.data[0], 4)}: multiply the two.`] : [];
    return { at, text: `What does ${from.label} pass on to ${to.label}?`, answer: m.product.data[0], hints: [`What reaches ${from.label} from above is ${g(step.grad.data[0], 4)}.`, ...ruled, ...local] };
  }
  const k = pick(m.product.data);
  const where = place(k, m.product.shape);
  const text = m.product.data.length === 1 ? `What does ${from.label} pass on to ${to.label}?` : `What does ${from.label} pass on to ${to.label}, at ${where}?`;
  return { at, text, answer: m.product.data[k], hints: [...above(step, from, m, k), ...ruled, ...factors(model, step, from, m, rule, k)] };
}

/** The element that says most: the largest in size that is a plain number. */
function pick(data: Num[]): number {
  const size = data.map((x) => (typeof x === "number" ? Math.abs(x) : -1));
  return Math.max(0, size.indexOf(Math.max(...size)));
}

const alike = (a: Value | null, b: Value | null): boolean => !!a && !!b && String(a.shape) === String(b.shape);

function above(step: Backward, from: RecNode, m: Message, k: number): string[] {
  if (scalar(step.grad)) return [`What reaches ${from.label} from above is ${g(step.grad.data[0], 4)}.`];
  if (full(step.grad) && alike(step.grad, m.product)) return [`What reaches ${from.label} from above is ${g(step.grad.data[k], 4)} at ${place(k, m.product!.shape)}.`];
  return [`What reaches ${from.label} has shape [${step.grad?.shape.join(", ") ?? ""}].`];
}

/** The numbers that go into one element. */
function factors(model: Model, step: Backward, from: RecNode, m: Message, rule: string | undefined, k: number): string[] {
  if (full(m.local) && alike(m.local, m.product) && alike(step.grad, m.product)) return [`The local derivative there is ${g(m.local.data[k], 4)}: multiply the two.`];
  const other = /^g @ (\w+)\.T$/.exec(rule ?? "") ?? /^(\w+)\.T @ g$/.exec(rule ?? "");
  const input = other && from.inputs.find((i) => i.slot === other[1]);
  const value = typeof input?.n === "number" ? model.nodes[input.n]?.value : null;
  if (!other || !full(step.grad) || !full(value) || step.grad.shape.length !== 2 || value.shape.length !== 2 || m.product!.shape.length !== 2) return [];
  const [i, j] = index(k, m.product!.shape);
  const row = (v: Value & { data: Num[] }, r: number): Num[] => v.data.slice(r * v.shape[1], (r + 1) * v.shape[1]);
  const column = (v: Value & { data: Num[] }, c: number): Num[] => v.data.filter((_, x) => x % v.shape[1] === c);
  const [a, b] = rule!.startsWith("g") ? [row(step.grad, i), row(value, j)] : [column(value, i), column(step.grad, j)];
  const list = (v: Num[]): string => `[${v.map((x) => g(x, 4)).join(", ")}]`;
  return [`Multiply ${list(a)} and ${list(b)} element by element, and add up.`];
}

function stored(model: Model, at: number): Question | string {
  const step = model.frames[at - 1].step as Step & { kind: "accumulate" };
  const { label } = model.nodes[step.n];
  const added = model.history.grad(step.n, at).grad?.added ?? null;
  if (!step.before) return `${label}.grad was None: what has arrived is stored as it is`;
  if (!full(step.after) || !full(step.before) || !full(added)) return `${label}.grad holds too many numbers to ask for one`;
  const k = pick(step.after.data);
  const where = step.after.data.length === 1 ? "" : ` at ${place(k, step.after.shape)}`;
  return { at, text: `What is ${label}.grad${where} after this step?`, answer: step.after.data[k],
    hints: [`${label}.grad holds ${g(step.before.data[k], 4)}${where}.`, `What has arrived is ${g(added.data[k], 4)}${where}: backward adds to .grad, it does not replace it.`] };
}

/** "1+2j" as its two parts. */
function complex(text: string): [number, number] | null {
  const found = /^([+-]?[\d.]+(?:e[+-]?\d+)?)?(?:([+-]?[\d.]*(?:e[+-]?\d+)?)[ij])?$/.exec(text);
  if (!found || !text) return null;
  const imaginary = found[2] === undefined ? 0 : /^[+-]?$/.test(found[2]) ? Number(`${found[2]}1`) : Number(found[2]);
  return [Number(found[1] ?? 0), imaginary];
}

export function right(typed: string, answer: Question["answer"]): boolean {
  if (Array.isArray(answer)) {
    const sizes = typed.match(/\d+/g) ?? [];
    return !/[^\d\s,x×()[\]]/i.test(typed) && (sizes.length > 0 || /\(\)|\[\]/.test(typed)) && sizes.map(Number).join() === answer.join();
  }
  const text = typed.trim().replace(",", ".").toLowerCase();
  if (typeof answer !== "number") {
    const [a, b] = [complex(text.replace(/\s/g, "")), complex(String(answer))];
    if (!a || !b) return text.replace(/^\+/, "") === String(answer);
    return Math.hypot(a[0] - b[0], a[1] - b[1]) <= Math.max(1e-6, 0.005 * Math.hypot(...b));
  }
  const v = Number(text);
  return text !== "" && Math.abs(v - answer) <= Math.max(1e-6, 0.005 * Math.abs(answer));
}

const QUIZ = `
.quiz{display:flex;flex-wrap:wrap;align-items:center;gap:8px;padding:9px 16px;border-top:1px solid var(--line);background:var(--upd-bg)}
.quiz>*{overflow-wrap:anywhere}
.quiz input{width:120px;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg);font-family:var(--mono)}
.quiz strong{color:var(--upd)}.quiz .ask{background:var(--bg);border-color:var(--line);color:var(--ink)}
.quiz .hint{color:var(--ink)}
.quiz .right{color:var(--leaf);font-weight:600}.quiz .wrong{color:var(--bad);font-weight:600}
`;

export class Quiz implements Part {
  static css = QUIZ;
  readonly keys: [string, string][] = [["q", "quiz, or none"], ["Enter", "in the quiz's field: check the answer"]];
  readonly tools = [el("button", { type: "button", title: "Quiz (Q)", onclick: () => this.toggle() }, "Quiz")];
  readonly element = el("div", { class: "quiz", hidden: true, role: "group", "aria-label": "Quiz" });
  on = false;
  asked = 0;
  correct = 0;
  #open: Question | null = null;

  constructor(private viewer: Viewer) {
    this.model.time.gate = (next) => this.#gate(next);
    moreKeys(viewer.shell, (key, e) => key === "q" && !e.altKey && (() => this.toggle()));
  }

  private get model(): Model {
    return this.viewer.model;
  }

  toggle(): void {
    this.on = !this.on;
    this.#open = null;
    this.element.hidden = !this.on;
    if (this.on) this.#say("Step on: before each gradient appears you are asked for it.");
    this.viewer.redraw();
  }

  #say(words: string, kind = "hint"): void {
    const score = this.asked ? el("span", { class: "hint" }, `${this.correct} of ${this.asked}`) : null;
    this.element.replaceChildren(el("strong", {}, "Quiz"), el("span", { class: kind, "aria-live": "polite", dir: "auto" }, words), ...(score ? [score] : []));
  }

  /** False while a question about the next step is open. */
  #gate(next: number): boolean {
    if (!this.on) return true;
    const q = asked(this.model, next);
    if (typeof q === "string") {
      this.#open = null;
      if (q) this.#say(`No question here: ${q}.`);
      return true;
    }
    if (this.#open?.at !== next) this.#ask(q);
    return false;
  }

  #ask(q: Question): void {
    this.#open = q;
    this.model.time.pause();
    let hints = 0;
    const list = Array.isArray(q.answer);
    const field = el("input", { "aria-label": q.text, inputmode: list ? "text" : "decimal", autocomplete: "off", placeholder: list ? "2, 3" : "a number" });
    const reply = el("span", { "aria-live": "polite", dir: "auto" });
    const check = (): void => {
      if (!right(field.value, q.answer)) {
        reply.className = "wrong";
        reply.textContent = field.value.trim() ? "✗ not yet" : list ? "type the sizes" : "type a number";
        return;
      }
      this.#done(true, `✓ right: ${shown(q.answer)}`);
    };
    field.addEventListener("keydown", (e) => e.key === "Enter" && check());
    const hint = (): void => {
      reply.className = "hint";
      reply.textContent = q.hints[Math.min(hints++, q.hints.length - 1)];
    };
    this.element.replaceChildren(el("strong", {}, "Quiz"), el("span", { dir: "auto" }, q.text), field,
      el("button", { type: "button", class: "ask", onclick: check }, "Check"), el("button", { type: "button", class: "ask", onclick: hint }, "Hint"),
      el("button", { type: "button", class: "ask", onclick: () => this.#done(false, `It is ${shown(q.answer)}`) }, "Show"), reply);
    field.focus();
  }

  #done(good: boolean, words: string): void {
    const at = this.#open!.at;
    this.#open = null;
    this.asked++;
    if (good) this.correct++;
    this.#say(words, good ? "right" : "hint");
    const gate = this.model.time.gate;
    this.model.time.gate = null;
    this.model.time.go(at);
    this.model.time.gate = gate;
    this.viewer.redraw();
    this.viewer.host.focus({ preventScroll: true });
  }
}

part("quiz", Quiz);
