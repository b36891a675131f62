// One leaf that can be changed: a slider and a field for a number, a grid of fields for a small tensor. What cannot be taken is
// said beside the field, and changes nothing.
import { el, put, say } from "./dom";
import { g } from "./number";
import { real } from "./real";
import type { Num } from "./types";

export interface Control {
  key: string;
  label: string;
  shape: number[];
  dtype: string;
  kind: "float" | "int" | "bool";
  range: [low: number, high: number, step: number];
  limits?: [low: number, high: number];
  data: Num[]; // as recorded
}

export const FIELD = `
.knob{display:grid;grid-template-columns:minmax(34px,max-content) minmax(90px,1fr) 92px;align-items:center;align-content:start;gap:2px 10px}
.knob .name{font-weight:600;color:var(--leaf);max-width:130px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.knob .name small{font:11px var(--mono);color:var(--soft);font-weight:400}
.knob input{width:92px;height:26px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 7px;font:12px var(--mono);text-align:right}
.knob input.changed{border-color:var(--fwd);color:var(--fwd);font-weight:600}
.knob input[aria-invalid]{border-color:var(--bad);color:var(--bad)}
.knob .slide{position:relative;height:22px;cursor:pointer;touch-action:none;border-radius:11px}
.knob .slide::before{content:"";position:absolute;inset:9px 8px;border-radius:2px;background:var(--line)}
.knob .slide i{position:absolute;top:9px;height:4px;border-radius:2px;background:var(--fwd);pointer-events:none}
.knob .slide b{position:absolute;top:7px;width:2px;height:8px;margin-left:-1px;background:var(--soft);pointer-events:none}
.knob .slide u{position:absolute;top:3px;width:16px;height:16px;margin-left:-8px;border-radius:50%;background:var(--fwd);border:2px solid var(--bg);box-shadow:0 0 0 1px var(--fwd);pointer-events:none}
.knob .wrong{grid-column:1/-1;font-size:12px;color:var(--bad);font-weight:600}.knob .wrong:empty{display:none}
.knob.many .slide{grid-column:2/-1}
.knob .cells{grid-column:1/-1;display:grid;gap:3px;justify-content:start}
.knob .cells input{width:84px;height:24px;padding:0 5px;font-size:11px}.knob .cells input.on{box-shadow:0 0 0 1px var(--fwd)}
.knob.locked .slide{opacity:.45;cursor:default}
`;

const F32 = 3.4028234663852886e38;

/** The number that a text says, or why it cannot be taken. */
export function read(text: string, control: Pick<Control, "kind" | "dtype" | "limits">): number | string {
  const plain = text.trim().replace(/^([+-]?\d*),(\d+)$/, "$1.$2").replace("−", "-");
  if (!plain) return "type a number, such as 0.5";
  const v = plain.toLowerCase() === "true" ? 1 : plain.toLowerCase() === "false" ? 0 : Number(plain);
  if (/^[+-]?(inf(inity)?|nan)$/i.test(plain) || Math.abs(v) === Infinity) return `${plain.slice(0, 20)} is not a finite number`;
  if (Number.isNaN(v)) return `“${plain.slice(0, 20)}” is not a number: type one such as 0.5 or 1e-3`;
  if (control.kind === "float") {
    return control.dtype === "float32" && Math.abs(v) > F32 ? `${plain.slice(0, 20)} is beyond float32, which ends at 3.4e+38` : v;
  }
  if (!Number.isInteger(v)) return `${plain.slice(0, 20)} is not whole, and this leaf holds ${control.dtype}`;
  const [low, high] = control.kind === "bool" ? [0, 1] : (control.limits ?? [-Infinity, Infinity]);
  return v < low || v > high ? `${plain.slice(0, 20)} is outside ${control.dtype}, which goes from ${g(low)} to ${g(high)}` : v;
}

export class Field {
  readonly element: HTMLElement;
  values: number[];
  #at = 0; // the element that the slider moves
  #inputs: HTMLInputElement[];
  #slide = el("div", { class: "slide", role: "slider" });
  #fill = el("i");
  #was = el("b");
  #thumb = el("u");
  #wrong = el("span", { class: "wrong", role: "alert" });

  constructor(
    readonly control: Control,
    readonly locked: boolean,
    private changed: (values: number[]) => void,
  ) {
    this.values = control.data.map(real);
    const { label, shape } = control;
    this.#inputs = this.values.map((_, i) => this.#input(i));
    this.#slide.append(this.#was, this.#fill, this.#thumb);
    put(this.#slide, "tabindex", locked ? null : "0");
    put(this.#slide, "aria-disabled", locked ? "true" : null);
    const single = this.values.length === 1;
    const name = el("span", { class: "name", dir: "auto", title: label }, label, single ? null : el("small", {}, ` ${shape.join("×")}`));
    const cells = single ? this.#inputs[0] : el("div", { class: "cells" }, ...this.#inputs);
    if (!single) (cells as HTMLElement).style.gridTemplateColumns = `repeat(${Math.min(shape[shape.length - 1] || 1, 8)},max-content)`;
    this.element = el("div", { class: locked ? "knob locked" : "knob", role: "group", "aria-label": label }, name, this.#slide, cells, this.#wrong);
    this.element.classList.toggle("many", !single);
    if (!locked) this.#hands();
    this.#draw();
  }

  #place(i: number): string {
    const { label, shape } = this.control;
    if (this.values.length === 1) return label;
    const at: number[] = [];
    for (let d = shape.length - 1, rest = i; d >= 0; rest = Math.floor(rest / shape[d--])) at.unshift(rest % shape[d]);
    return `${label}[${at.join(", ")}]`;
  }

  #input(i: number): HTMLInputElement {
    const input = el("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": `${this.#place(i)}, exactly`, disabled: this.locked });
    const take = (): void => {
      if (input.value === this.#text(i)) return this.#fault("", input);
      const v = read(input.value, this.control);
      if (typeof v === "string") return this.#fault(v, input);
      this.#fault("", input);
      this.set(i, v, true);
    };
    input.addEventListener("change", take);
    input.addEventListener("focus", () => {
      this.#at = i;
      this.#draw();
    });
    input.addEventListener("keydown", (e) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[e.key];
      if (by) this.set(i, this.values[i] + by * this.control.range[2] * (e.shiftKey ? 10 : 1));
      else if (e.key === "Enter") take();
      else if (e.key === "Escape" && input.value !== this.#text(i)) {
        input.value = this.#text(i);
        this.#fault("", input);
      } else return;
      e.preventDefault();
      e.stopPropagation();
    });
    return input;
  }

  #fault(text: string, input: HTMLInputElement): void {
    put(input, "aria-invalid", text ? "true" : null);
    say(this.#wrong, text);
  }

  /** Mouse, pen and finger on the slider, and the keys a slider has. */
  #hands(): void {
    const slide = this.#slide;
    const [low, high, step] = this.control.range;
    const pointed = (e: PointerEvent): void => {
      const box = slide.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (e.clientX - box.left - 8) / Math.max(1, box.width - 16)));
      this.set(this.#at, low + share * (high - low));
    };
    let held = false;
    // On the window: the panel moves into a new viewer when the graph changes its shape, and the drag goes on.
    const move = (e: PointerEvent): void => pointed(e);
    const up = (): void => {
      held = false;
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, up);
      window.removeEventListener("pointermove", move);
    };
    slide.addEventListener("pointerdown", (e) => {
      if (e.button !== 0 || held) return;
      held = true;
      e.preventDefault();
      slide.focus({ preventScroll: true });
      pointed(e);
      window.addEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, up);
    });
    slide.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const by: Record<string, number> = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
      if (by[e.key]) this.set(this.#at, this.values[this.#at] + by[e.key] * step * (e.shiftKey ? 10 : 1));
      else if (e.key === "Home" || e.key === "End") this.set(this.#at, e.key === "Home" ? low : high);
      else return;
      e.preventDefault();
      e.stopPropagation();
    });
  }

  #text(i: number): string {
    const v = this.values[i];
    return this.control.kind === "bool" ? (v ? "True" : "False") : g(v, 6);
  }

  /** One element is now `v`, on the nearest step unless it is `exact`. */
  set(i: number, v: number, exact = false): void {
    const [low, , step] = this.control.range;
    let to = exact ? v : Number((low + Math.round((v - low) / step) * step).toPrecision(12));
    const [least, most] = this.control.kind === "bool" ? [0, 1] : (this.control.limits ?? [-F32, F32]);
    to = Math.max(least, Math.min(most, to));
    this.#at = i;
    if (to === this.values[i]) return this.#draw();
    this.values = this.values.map((old, k) => (k === i ? to : old));
    this.#fault("", this.#inputs[i]);
    this.#draw();
    this.changed(this.values);
  }

  /** Back to these numbers, because what was asked for cannot be; says why. */
  refuse(values: number[], why: string): void {
    const i = Math.max(0, this.values.findIndex((v, k) => v !== values[k]));
    this.show(values);
    say(this.#wrong, why);
    this.#at = i;
    this.#draw();
  }

  /** These are the numbers now; nobody has to be told. */
  show(values: number[]): void {
    this.values = [...values];
    this.#inputs.forEach((input) => this.#fault("", input));
    this.#draw();
  }

  #draw(): void {
    const { range: [low, high], data } = this.control;
    const place = (v: number): string => `calc(8px + (100% - 16px) * ${Math.max(0, Math.min(1, (v - low) / (high - low))).toFixed(4)})`;
    const share = (v: number): number => Math.max(0, Math.min(1, (v - low) / (high - low)));
    const now = this.values[this.#at];
    const was = real(data[this.#at]);
    const [a, b] = [Math.min(share(now), share(was)), Math.max(share(now), share(was))];
    this.#thumb.style.left = place(now);
    this.#was.style.left = place(was);
    this.#fill.style.left = `calc(8px + (100% - 16px) * ${a.toFixed(4)})`;
    this.#fill.style.width = `calc((100% - 16px) * ${(b - a).toFixed(4)})`;
    put(this.#slide, "aria-label", this.#place(this.#at));
    put(this.#slide, "aria-valuemin", String(low));
    put(this.#slide, "aria-valuemax", String(high));
    put(this.#slide, "aria-valuenow", String(now));
    put(this.#slide, "aria-valuetext", `${this.#text(this.#at)}${now === was ? "" : `, recorded ${g(was, 6)}`}`);
    this.#inputs.forEach((input, i) => {
      if (!input.hasAttribute("aria-invalid")) input.value = this.#text(i);
      input.classList.toggle("changed", this.values[i] !== real(data[i]) && !Number.isNaN(this.values[i]));
      input.classList.toggle("on", this.values.length > 1 && i === this.#at);
      put(input, "title", this.values[i] === real(data[i]) ? null : `recorded: ${g(data[i], 6)}`);
    });
  }
}
