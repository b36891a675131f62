// A part of the viewer, for the live stepper: a real backward pass in the kernel stands where the timeline stands, and what
// is in .grad there is shown beside what the recording says (gradviz/widgets/graph/live_stepper.py).
import { el, say } from "../dom";
import type { Model } from "../model";
import { brief } from "../number";
import { part, type Part, type Port } from "../register";
import type { Value } from "../types";
import type { Viewer } from "../viewer";

interface State {
  at: number;
  of: number;
  grads: [n: number, grad: Value | null][];
  more: number;
  closed: boolean;
  failed?: string;
}

const CSS = `
.live{display:flex;flex-wrap:wrap;align-items:center;gap:6px 10px;padding:9px 16px;border-top:1px solid var(--line);background:var(--leaf-bg)}
.live strong{color:var(--leaf)}
.live code{font:12px/1.5 var(--mono);background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:1px 8px;overflow-wrap:anywhere}
.live .off{color:var(--bad)}
`;
const open = new Map<Port, number>(); // an update makes the viewer anew: only who is really gone says so
let count = 0;

/** For each position of the timeline how many steps of the last pass have been taken there. */
export function taken(model: Model): number[] {
  const place = new Map(model.frames.map((f, i) => [f.step, i + 1]));
  const at = new Array<number>(model.frames.length + 1).fill(0);
  let depth = 0;
  let k = 0;
  for (const step of model.data.record.steps) {
    if (step.kind === "backward_begin" && depth++ === 0) k = 0;
    if (depth === 1 && (step.kind === "backward" || step.kind === "accumulate")) k++;
    if (step.kind === "backward_end") depth--;
    const frame = place.get(step);
    if (frame !== undefined) at[frame] = k;
  }
  return at;
}

export class Session implements Part {
  static css = CSS;
  readonly element = el("div", { class: "live", role: "group", "aria-label": "The pass in the kernel" });
  readonly #id = `${Date.now().toString(36)}-${count++}`;
  #state: State;
  #taken: number[];
  #waiting = false; // for the kernel's answer; what is asked for meanwhile is asked once, afterwards
  #told = false;

  constructor(private viewer: Viewer) {
    const { model, port } = viewer;
    this.#state = model.data.extra!.session as State;
    this.#taken = taken(model);
    if (!port) {
      this.element.append(el("strong", {}, "Recording"), el("span", { class: "hint" }, "There is no kernel behind this picture: it steps, and nothing else changes."));
      return;
    }
    open.set(port, (open.get(port) ?? 0) + 1);
    port.hear((state: State) => viewer.shell.safely(() => this.#heard(state)));
    const failed = (): void => {
      this.#waiting = false;
    };
    viewer.host.addEventListener("gradviz-failed", failed);
    viewer.shell.later(() => viewer.host.removeEventListener("gradviz-failed", failed));
    model.time.on(() => this.#ask());
    port.send({ hello: this.#id });
    this.#show();
  }

  close(): void {
    const { port } = this.viewer;
    if (!port) return;
    open.set(port, open.get(port)! - 1);
    setTimeout(() => {
      if (open.get(port)) return;
      open.delete(port);
      port.send({ leave: this.#id });
    });
  }

  #ask(): void {
    const at = this.#taken[this.viewer.model.time.cursor];
    if (this.#waiting || this.#state.closed || at === this.#state.at) return;
    this.#waiting = true;
    this.viewer.port!.send({ at });
  }

  #heard(state: State): void {
    const { model, shell, host } = this.viewer;
    const asked = this.#waiting || !this.#told;
    const before = this.#state.at;
    this.#waiting = false;
    this.#state = state;
    if (state.failed) shell.status(`In the kernel: ${state.failed}`, "error");
    // Moved from a cell, or not at all because something failed: the picture goes where the pass is.
    if (state.failed || (!this.#told && state.at > 0) || (!asked && state.at !== before)) this.#follow();
    else this.#ask();
    this.#told = true;
    this.#show();
    host.setAttribute("data-kernel", String(state.at));
    if (state.failed) model.time.pause();
  }

  #follow(): void {
    const at = this.#taken.indexOf(this.#state.at);
    const { time } = this.viewer.model;
    if (at >= 0 && this.#taken[time.cursor] !== this.#state.at) time.go(this.#state.at === 0 ? this.#taken.lastIndexOf(0) : at);
  }

  redraw(): void {
    if (this.viewer.port) this.#show();
  }

  #show(): void {
    const { model } = this.viewer;
    const { at, of, grads, more, closed } = this.#state;
    const here = this.#taken[model.time.cursor];
    const cells = grads.map(([n, grad]) => {
      const told = grad ? brief(grad, 6, "norm") : "None";
      const state = model.history.grad(n, model.time.cursor);
      const shown = state.grad?.after;
      const off = here === at && shown && grad && brief(shown, 6, "norm") !== told;
      return el("code", { class: off ? "off" : null, dir: "auto", title: off ? "Not what was recorded: something else has changed it" : null }, `${model.nodes[n]?.label || `#${n}`}.grad = ${told}${off ? " ≠" : ""}`);
    });
    const where = closed ? "closed: the pass in the kernel does not move any more" : at === of ? `step ${at} of ${of}: the pass is complete, as after backward()` : at === 0 ? "not begun" : `step ${at} of ${of}`;
    const status = el("span", {}, where);
    this.element.replaceChildren(el("strong", {}, closed ? "In the kernel" : "● Live in the kernel"), status, ...cells);
    if (more) this.element.append(el("span", { class: "hint" }, `and ${more} more leaves`));
    say(status, where);
  }
}

part("session", Session);
