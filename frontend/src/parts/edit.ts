// A part of the viewer: what if a leaf were another number? A slider and a field for each leaf; its number in the picture can be
// dragged too. Small graphs run again here (rerun.ts); others, and code that took another branch, are asked of the kernel.
import { el, put, say } from "../dom";
import type { Model } from "../model";
import { brief, g } from "../number";
import { real } from "../real";
import { part, type Part } from "../register";
import { forward, rerun, type Given } from "../rerun";
import type { Data, Num, Recording } from "../types";
import { unpack } from "../unpack";
import type { Viewer } from "../viewer";
import { Field, FIELD, type Control } from "../field";

/** What Python says about one recording (EditGraph._needs). */
export interface Needs {
  shape: string; // equal for recordings that differ in numbers only
  nodes: Record<string, number>; // leaf -> its node
  given: Record<string, Num[]>; // the numbers of every leaf and constant; empty where the browser cannot run it
  why: string | null; // why it cannot
  asks: [n: number, answer: boolean, line: string][]; // questions of the code, such as `if x > 0`
}

interface Extra extends Needs {
  controls: Control[];
  again: boolean; // the kernel calls the code itself again, instead of the recorded operations
  now: Record<string, Num[]>; // what Python has changed already
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  variants: any[]; // every shape of this graph that the browser can take on, where there are several
}

const EDIT = `${FIELD}
.edit{padding:8px 16px 10px;border-top:1px solid var(--line);background:var(--panel)}
.beside:has(.edit) .card{grid-row:2/4}
.edit .top{display:flex;flex-wrap:wrap;align-items:center;gap:4px 10px;margin-bottom:6px}
.edit .top strong{font-size:13px}.edit .top button{border-color:var(--line);background:var(--bg)}
.edit .where.here{background:var(--fwd-bg);color:var(--fwd)}.edit .where.kernel{background:var(--upd-bg);color:var(--upd)}.edit .where.wait{background:var(--frame)}
.edit .result{font:12px var(--mono);color:var(--ink)}
.edit .leaves{display:grid;align-items:start;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:6px 26px;max-height:212px;overflow:auto;padding:3px}
.edit .about{font-size:12px;color:var(--soft);margin:6px 0 0;white-space:pre-wrap;overflow-wrap:anywhere}.edit .about:empty{display:none}.edit .about.warn{color:var(--bad);font-weight:600}
.stage .node.can .row.value{cursor:ew-resize}
.stage .node.can .value .bar{stroke:var(--fwd);stroke-dasharray:2 2}
.stage .node.edited .value .bar{stroke-dasharray:none;stroke-width:1.6}
`;

const WHERE = { recorded: "● as recorded", here: "◆ computed here", kernel: "⇄ by the kernel", wait: "… asking the kernel" };
const LINES = "The recorded operations are run again: an “if” in the code is not asked anew.";

/** What outlives a viewer: when the graph changes its shape the viewer is made anew, around the same panel. */
class Desk {
  readonly values = new Map<string, number[]>(); // what differs from the recording
  readonly fields: Field[];
  readonly where = el("span", { class: "chip where" });
  readonly result = el("span", { class: "result", dir: "auto" });
  readonly about = el("p", { class: "about", "aria-live": "polite" });
  readonly element: HTMLElement;
  viewer: Viewer;
  own = false; // this desk itself is making the viewer anew
  #serial = 0;
  #asked: number | null = null; // the question that the kernel has not answered yet
  #again = false; // another one waits for that answer
  #frame = 0;
  #check: ReturnType<typeof setTimeout> | undefined;
  #first: string;
  #recorded: Recording;
  #good = new Map<string, number[]>(); // what the picture shows

  constructor(
    viewer: Viewer,
    readonly extra: Extra,
  ) {
    this.viewer = viewer;
    const locked = !!extra.why && !viewer.port;
    this.fields = extra.controls.map((c) => new Field(c, locked, (values) => this.#changed(c, values)));
    const reset = el("button", { type: "button", title: "Back to the recorded values", onclick: () => this.reset() }, "Reset");
    this.element = el("div", { class: "edit", role: "group", "aria-label": "What if" },
      el("div", { class: "top" }, el("strong", {}, "What if"), this.where, this.result, el("span", { class: "grow" }), reset),
      el("div", { class: "leaves" }, ...this.fields.map((f) => f.element)), this.about);
    for (const [key, values] of Object.entries(extra.now)) {
      this.values.set(key, values.map(real));
      this.fields.find((f) => f.control.key === key)?.show(values.map(real));
    }
    this.#first = this.#outcome();
    this.#recorded = structuredClone(viewer.data.record);
    this.#tell(this.#way());
    if (locked) this.#tell(`Needs the kernel: ${extra.why}. Run this cell in JupyterLab to change a leaf.`);
    viewer.port?.hear((message) => {
      if (message?.edit !== undefined) this.#answered(message);
    });
    this.#mark(this.values.size ? "kernel" : "recorded");
  }

  get #needs(): Needs {
    return this.viewer.data.extra!.edit as Needs;
  }

  // ---- what the reader does ------------------------------------------------------------------------------------
  #changed(control: Control, values: number[]): void {
    const as = control.data.map(real);
    if (values.every((v, i) => Object.is(v, as[i]) || v === as[i])) this.values.delete(control.key);
    else this.values.set(control.key, values);
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.viewer.shell.safely(() => this.#run()));
  }

  /** These numbers cannot be computed with (a class that does not exist): back to the last ones that could. */
  #refuse(why: string): void {
    for (const f of this.fields) {
      const good = this.#good.get(f.control.key) ?? f.control.data.map(real);
      if (f.values.some((v, i) => !Object.is(v, good[i]) && v !== good[i])) f.refuse(good, why);
    }
    this.values.clear();
    for (const [key, v] of this.#good) this.values.set(key, v);
  }

  reset(): void {
    this.values.clear();
    for (const f of this.fields) f.show(f.control.data.map(real));
    this.#run();
  }

  /** Change the element of a leaf by hand, from the picture. */
  fieldOf(n: number): Field | undefined {
    const key = Object.entries(this.#needs.nodes).find(([, at]) => at === n)?.[0];
    return this.fields.find((f) => f.control.key === key && !f.locked);
  }

  // ---- running it again ----------------------------------------------------------------------------------------
  #run(): void {
    const { extra } = this;
    this.#serial++;
    clearTimeout(this.#check);
    if (extra.why) return this.#ask();
    try {
      this.#here();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#refuse(error.message);
    }
  }

  #here(): void {
    const { extra } = this;
    const shapes = extra.variants;
    const here = this.#agrees(this.viewer.data.record, this.#needs);
    const other = here ? null : shapes.find((packed) => packed.extra.edit.shape !== this.#needs.shape && this.#agrees(unpack(structuredClone(packed)).record, packed.extra.edit));
    if (other) this.#rebuild(structuredClone(other));
    else if (!here && extra.again && this.viewer.port) return this.#ask();
    if (this.values.size || this.#needs.shape !== extra.shape || Object.keys(extra.now).length) rerun(this.viewer.data.record, this.#given(this.#needs));
    else this.#copy(structuredClone(this.#recorded)); // the engine's own numbers
    this.refresh();
    this.#mark(this.values.size ? "here" : "recorded");
    this.#tell(here || other ? this.#way() : this.#turned(), !(here || other));
    // The code itself may ask what no tensor shows (x.item() > 0): the kernel has the last word, when the hand is still.
    if (extra.again && this.viewer.port) this.#check = setTimeout(() => this.#ask(true), 250);
  }

  #given(needs: Needs): Given {
    const given: Given = {};
    for (const [n, data] of Object.entries(needs.given)) given[Number(n)] = data.map(real);
    // Another shape was found at other numbers: what is not changed here is as in the first recording, not as in that one.
    for (const { key, data } of this.extra.controls) if (key in needs.nodes) given[needs.nodes[key]] = this.values.get(key) ?? data.map(real);
    return given;
  }

  /** Whether every question of this record's code would be answered as it was. */
  #agrees(record: Recording, needs: Needs): boolean {
    if (!needs.asks.length) return true;
    const values = forward(record, this.#given(needs));
    return needs.asks.every(([n, answer]) => !!values[n].data[0] === answer);
  }

  /** Which way the code went. */
  #way(): string {
    if (!this.extra.again) return LINES;
    return this.#needs.asks.map(([, answer, line]) => `${line}  →  ${answer ? "True" : "False"}`).join("    ");
  }

  #turned(): string {
    const { record } = this.viewer.data;
    const turned = this.#needs.asks.find(([n, answer]) => !!real(record.nodes[n].value!.data![0]) !== answer);
    const where = turned ? `your code would go another way here (${turned[2]})` : "your code would go another way here";
    return `⚠ With these numbers ${where}. What is shown replays the recorded operations${this.extra.again ? "; run this cell in JupyterLab to follow it" : ""}.`;
  }

  // ---- the kernel ----------------------------------------------------------------------------------------------
  #quiet = false;
  #ask(quiet = false): void {
    if (!this.viewer.port) return this.#tell(this.#turned(), true);
    if (this.#asked !== null) {
      this.#again = true; // the latest wins: what was asked before it is not asked any more
      return;
    }
    this.#quiet = quiet;
    this.#asked = this.#serial;
    const values = Object.fromEntries([...this.values].map(([key, v]) => [key, v.map((x) => (Number.isFinite(x) ? x : g(x)))]));
    this.viewer.port.send({ edit: this.#serial, shape: this.#needs.shape, values });
    if (!quiet) this.#mark("wait");
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  #answered(message: { edit: number; data?: any; failed?: string }): void {
    if (message.edit !== this.#asked) return; // of another place where this view is shown
    const late = message.edit !== this.#serial;
    this.#asked = null;
    if (this.#again || late) {
      this.#again = false;
      if (this.extra.why || !this.#quiet) this.#take(message, true);
      return this.#ask(this.#quiet && !this.extra.why);
    }
    this.#take(message, false);
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  #take(message: { data?: any; failed?: string }, passing: boolean): void {
    if (message.failed) {
      this.#refuse(`In the kernel: ${message.failed}`);
      return this.#mark(!this.values.size ? "recorded" : this.extra.why ? "kernel" : "here");
    }
    const { data } = message;
    if (data.scenes.length) this.#rebuild(data);
    else {
      const made: Data = unpack(data);
      this.#copy(made.record);
    }
    this.refresh();
    if (!passing) this.#mark(this.values.size ? "kernel" : "recorded");
    this.#tell(this.#way());
  }

  /** These numbers instead of those that are shown; the graph is the same. */
  #copy(from: Recording): void {
    const { record } = this.viewer.data;
    from.nodes.forEach((node, n) => (record.nodes[n].value = node.value));
    record.steps = from.steps;
  }

  // ---- showing -------------------------------------------------------------------------------------------------
  /** The graph has another shape: a new viewer in the same place. The panel and whatever is being dragged stay. */
  #rebuild(packed: unknown): void {
    const focus = this.viewer.shell.root.activeElement as HTMLElement | null;
    const inside = focus && this.element.contains(focus);
    const { time } = this.viewer.model;
    const atEnd = time.cursor === time.length;
    this.own = true;
    try {
      this.viewer = this.viewer.update(packed);
    } finally {
      this.own = false;
    }
    const next = this.viewer.model.time;
    if (atEnd) next.go(next.length);
    if (inside) focus.focus({ preventScroll: true });
  }

  /** Everything that says a number says the new one. */
  refresh(): void {
    const { viewer } = this;
    const Fresh = viewer.model.constructor as typeof Model;
    const { frames, history } = new Fresh(viewer.data);
    Object.assign(viewer.model, { frames, history });
    viewer.redraw();
    viewer.shell.root.querySelectorAll(".twin:not([hidden]) li").forEach((li, i) => frames[i] && say(li, frames[i].text));
    const now = this.#outcome();
    const [name, text] = now.split(" = ");
    say(this.result, this.values.size && now !== this.#first ? `${this.#first} → ${this.#first.startsWith(`${name} = `) ? text : now}` : now);
    this.#good = new Map(this.values);
    void viewer.shell.mark("data-edit", String(this.#serial));
  }

  /** `loss = 0.25` */
  #outcome(): string {
    const { record } = this.viewer.data;
    const begin = record.steps.find((step) => step.kind === "backward_begin");
    const node = record.nodes[begin?.kind === "backward_begin" ? begin.root : record.nodes.length - 1];
    return node ? `${node.label} = ${brief(node.value, 6)}` : "";
  }

  #mark(kind: keyof typeof WHERE): void {
    put(this.where, "class", `chip where ${kind}`);
    say(this.where, WHERE[kind]);
    put(this.viewer.host, "data-where", kind);
    if (!this.result.textContent) say(this.result, this.#outcome());
  }

  #tell(text: string, warn = false): void {
    put(this.about, "class", warn ? "about warn" : "about");
    say(this.about, text);
  }
}

const desks = new WeakMap<HTMLElement, Desk>();

export class Edit implements Part {
  static css = EDIT;
  static rerun = rerun;
  readonly element: HTMLElement;
  readonly keys: [string, string][] = [["Up Down", "on a slider or in a field: a little more or less (with Shift ten times)"], ["PageUp PageDown", "on a slider: ten times as much"], ["Home End", "on a slider: lowest or highest"]];
  #desk: Desk;
  #scrub: { field: Field; index: number; x: number; from: number } | null = null;
  #undo: () => void;

  constructor(private viewer: Viewer) {
    const before = desks.get(viewer.host);
    if (before?.own) {
      this.#desk = before;
    } else {
      const { time } = viewer.model;
      time.cursor = time.length; // everything is there: a change is seen at once
      this.#desk = new Desk(viewer, viewer.data.extra!.edit as Extra);
      desks.set(viewer.host, this.#desk);
    }
    this.element = this.#desk.element;
    const { body } = viewer.shell;
    const hears: [string, (e: PointerEvent) => void][] = [["pointerdown", (e) => this.#down(e)], ["pointermove", (e) => this.#move(e)], ["pointerup", (e) => this.#up(e)], ["pointercancel", (e) => this.#up(e)]];
    for (const [name, hear] of hears) body.addEventListener(name, hear as EventListener, true);
    this.#undo = () => hears.forEach(([name, hear]) => body.removeEventListener(name, hear as EventListener, true));
  }

  // ---- the number in the picture is dragged --------------------------------------------------------------------
  #boxes(): Element[] {
    return [...this.viewer.shell.root.querySelectorAll(".graph g.node")];
  }

  #down(e: PointerEvent): void {
    const row = (e.composedPath()[0] as Element).closest?.(".row.value");
    const box = row?.closest("g.node");
    if (!box || e.button !== 0) return;
    const n = this.viewer.model.scene.nodes[this.#boxes().indexOf(box)]?.n;
    const field = n === null || n === undefined ? undefined : this.#desk.fieldOf(n);
    if (!field || field.values.length !== 1) return;
    e.stopPropagation();
    this.#scrub = { field, index: 0, x: e.clientX, from: field.values[0] };
    (e.currentTarget as Element).setPointerCapture(e.pointerId);
    this.viewer.select(n!);
  }

  #move(e: PointerEvent): void {
    const s = this.#scrub;
    if (!s) return;
    e.stopPropagation();
    const [low, high, step] = s.field.control.range;
    s.field.set(s.index, s.from + Math.round((e.clientX - s.x) / 2) * Math.max(step, (high - low) / 250) * (e.shiftKey ? 10 : 1));
  }

  #up(e: PointerEvent): void {
    if (this.#scrub) e.stopPropagation();
    this.#scrub = null;
  }

  redraw(): void {
    const place = this.element.parentElement; // above the picture: hand and eye are then close together
    if (place?.previousElementSibling) place.parentElement!.prepend(place);
    const { nodes } = this.viewer.model.scene;
    const boxes = this.#boxes();
    nodes.forEach((s, i) => {
      const field = s.n === null || s.kind === "portal" ? undefined : this.#desk.fieldOf(s.n);
      boxes[i]?.classList.toggle("can", !!field);
      boxes[i]?.classList.toggle("edited", !!field && this.#desk.values.has(field.control.key));
    });
  }

  close(): void {
    this.#undo();
    // Whoever closes or updates an older viewer of this place means the one that is there now.
    if (!this.#desk.own && this.#desk.viewer !== this.viewer) this.#desk.viewer.close();
  }
}

part("edit", Edit);
