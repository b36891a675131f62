// A part of the viewer, for steppers. Stops: places where playing halts, and to which one can run on or back.
// What counts as a place is told the same way in gradviz/widgets/graph/breakpoints.py; a test compares the two.
import { el } from "../dom";
import { BADGE, mark } from "../marks";
import type { Model } from "../model";
import { moreKeys } from "../more_keys";
import { g, size } from "../number";
import { part, type Part } from "../register";
import type { Badge, RecNode, Step, Value } from "../types";
import type { Viewer } from "../viewer";

export interface Stop {
  kind: "op" | "module" | "node" | "nonfinite" | "grad_norm";
  name?: string;
  above?: number;
  below?: number;
}

export interface Hit {
  at: number; // the position at which the timeline halts
  n: number;
  stop: Stop;
  text: string;
}

// ---- where a record halts ----------------------------------------------------------------------------------------
const NAME = 40;
const short = (name: string): string => (name.length <= NAME ? name : `${name.slice(0, NAME - 1)}…`);
const called = (nodes: RecNode[], n: number): string => short(nodes[n].label || nodes[n].op || `#${n}`);
const within = (path: string, module: string): boolean => path === module || path.startsWith(`${module}.`);
const DOES: Record<string, string> = { forward: "is computed", backward: "passes its gradient on", accumulate: "gets its .grad", optimizer: "is moved by the optimizer" };

export function words(s: Stop): string {
  if (s.kind === "nonfinite") return "NaN or inf";
  if (s.kind !== "grad_norm") return `${{ op: "operation", module: "module", node: "node" }[s.kind]} ${short(s.name!)}`;
  return `gradient norm ${[s.above !== undefined && `> ${g(s.above)}`, s.below !== undefined && `< ${g(s.below)}`].filter(Boolean).join(" or ")}`;
}

/** How many NaNs and infinities a value holds; of a single number only the number is here. */
function odd(v: Value | null | undefined): [nan: number, inf: number] {
  if (!v) return [0, 0];
  if (v.nan !== undefined) return [v.nan, v.inf ?? 0];
  const text = String(v.data?.[0] ?? "");
  const inf = text.includes("inf");
  return [!inf && text.toLowerCase().includes("nan") ? 1 : 0, inf ? 1 : 0];
}

function norm(v: Value | null): number {
  const [, inf] = odd(v);
  if (inf) return Infinity;
  if (!v) return NaN;
  if (v.norm !== undefined) return v.norm === null ? NaN : Number(v.norm);
  const complex = /^(.+?)([+-][^+-]+(?:e[+-]?\d+)?)j$/.exec(String(v.data?.[0]));
  return complex ? Math.hypot(Number(complex[1]), Number(complex[2])) : Math.abs(Number(v.data?.[0] ?? NaN));
}

/** What is wrong with a value that was not wrong with what it was made of. */
function born(made: Value | null, ...given: [number, number][]): string | null {
  const [nan, inf] = odd(made);
  const which = nan && !given.some((o) => o[0]) ? "NaN" : !nan && inf && !given.some((o) => o[0] + o[1]) ? "inf" : null;
  return which && made && (size(made.shape) === 1 ? `is ${which}` : `holds ${nan || inf} ${which} of ${size(made.shape)}`);
}

const passes = (s: Stop, v: number): boolean => (s.above !== undefined && v > s.above) || (s.below !== undefined && v < s.below);

/** Every position at which stops halt; the first of several is named, and all say why. */
export function hits(model: Model, stops: Stop[]): Hit[] {
  const { nodes } = model;
  const place = new Map(model.frames.map((f, i) => [f.step, i + 1]));
  const inside = new Map<Stop, string | null>();
  const sums = new Map<number, Value | null>();
  const found: Hit[] = [];
  let fresh = false;

  function module(s: Stop, step: Step): string | null {
    if (step.kind === "module_enter" && step.path === s.name) inside.set(s, null);
    if ((step.kind !== "forward" && step.kind !== "backward") || nodes[step.n].kind !== "op") return null;
    const before = inside.get(s) ?? null;
    const now = within(nodes[step.n].path, s.name!) ? step.kind : null;
    inside.set(s, now);
    return now && now !== before ? `${now} enters module ${short(s.name!)}` : null;
  }

  function nonfinite(step: Step): string | null {
    if (step.kind === "forward") {
      const constant = (v: unknown): [number, number] => [+String(v).includes("nan"), +String(v).includes("inf")];
      const said = born(nodes[step.n].value, ...nodes[step.n].inputs.map((i) => (typeof i.n === "number" ? odd(nodes[i.n]?.value) : constant(i.value))));
      return said && `${called(nodes, step.n)} ${said}`;
    }
    if (step.kind === "accumulate" || step.kind === "optimizer") {
      const said = born(step.after, odd(step.before), odd(step.kind === "accumulate" ? sums.get(step.n) : null));
      return said && `${called(nodes, step.n)}${step.kind === "accumulate" ? ".grad" : ""} ${said}`;
    }
    if (step.kind !== "backward") return null;
    const used = nodes[step.n].inputs.map((i) => odd(typeof i.n === "number" ? nodes[i.n]?.value : null));
    for (const m of step.messages) {
      const said = born(m.product, odd(step.grad), odd(nodes[step.n].value), ...used);
      if (said) return `what ${called(nodes, step.n)} passes on to ${called(nodes, m.to)} ${said}`;
      const sum = born(m.sum, odd(m.product), odd(m.k > 1 ? sums.get(m.to) : null));
      if (sum) return `the gradient of ${called(nodes, m.to)} ${sum}`;
    }
    return null;
  }

  function large(s: Stop, step: Step): string | null {
    let pairs: [Value | null, string][];
    let outside: boolean;
    if (step.kind === "accumulate") {
      pairs = [[step.after, `${called(nodes, step.n)}.grad`]];
      outside = !step.before || passes(s, norm(step.before));
    } else if (step.kind === "backward") {
      pairs = step.messages.filter((m) => m.k === m.of).map((m) => [m.sum, `the gradient of ${called(nodes, m.to)}`]);
      outside = passes(s, norm(step.grad));
      if (outside && fresh) [pairs, outside] = [[[step.grad, `the gradient of ${called(nodes, step.n)}`]], false];
    } else return null;
    const over = outside ? undefined : pairs.find(([v]) => passes(s, norm(v)));
    if (!over) return null;
    const v = norm(over[0]);
    const above = s.above !== undefined && v > s.above;
    return `${over[1]} has norm ${g(v)}, ${above ? `over the limit ${g(s.above!)}` : `under the limit ${g(s.below!)}`}`;
  }

  function check(s: Stop, step: Step): string | null {
    if (s.kind === "module") return module(s, step);
    if (s.kind === "nonfinite") return nonfinite(step);
    if (s.kind === "grad_norm") return large(s, step);
    if (!(step.kind in DOES)) return null;
    const n = (step as { n: number }).n;
    const { op, label } = nodes[n];
    if (s.kind === "node") return label === s.name ? `${short(label)} ${DOES[step.kind]}` : null;
    if (op !== s.name || (step.kind !== "forward" && step.kind !== "backward")) return null;
    return `${called(nodes, n)}${called(nodes, n) === short(op) ? "" : ` (${short(op)})`} ${DOES[step.kind]}`;
  }

  for (const step of model.data.record.steps) {
    const n = "n" in step ? step.n : null;
    if (n !== null && !nodes[n]) continue;
    if (n === null && step.kind !== "module_enter") {
      fresh ||= step.kind === "backward_begin";
      continue;
    }
    const said = stops.map((s): [Stop, string | null] => [s, check(s, step)]).filter(([, text]) => text);
    const at = place.get(step);
    if (said.length && at !== undefined) found.push({ at, n: n!, stop: said[0][0], text: [...new Set(said.map(([, text]) => text))].join("; ") });
    if (step.kind !== "backward") continue;
    fresh = false;
    for (const m of step.messages) sums.set(m.to, m.sum);
  }
  return found;
}

// ---- the panel ---------------------------------------------------------------------------------------------------
const CSS = `
.stops{display:flex;flex-wrap:wrap;align-items:center;gap:7px 8px;padding:9px 16px;border-top:1px solid var(--line)}
.stops strong{color:var(--bad)}
.stops .one{display:inline-flex;align-items:center;gap:2px;border:1px solid var(--line);border-radius:6px;padding-left:8px;max-width:280px;background:var(--bg)}
.stops .one span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.stops .one button{padding:0 8px;height:26px}
.stops .ask{background:var(--bg);border-color:var(--line);color:var(--ink)}
.stops input{width:92px;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg);font-family:var(--mono)}
.stops select.name{max-width:180px}
.stops .bar{display:inline-flex;gap:6px;align-items:center}
.part .from{max-width:180px}.part .link{max-width:140px;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.marks{position:relative;height:0;pointer-events:none}
.marks i{position:absolute;top:-19px;width:2px;height:7px;margin-left:-1px;background:var(--bad);border-radius:1px}
`;
const KINDS: [Stop["kind"], string][] = [["op", "an operation"], ["node", "a node"], ["module", "a module"], ["nonfinite", "NaN or inf"], ["grad_norm", "gradient norm over"]];

export class Breaks implements Part {
  static css = BADGE + CSS;
  readonly keys: [string, string][] = [["n", "run to the next stop"], ["p", "run back to the stop before"], ["b", "stop at this node, or no longer"]];
  readonly #button = el("button", { type: "button", title: "Stops", "aria-expanded": "false", onclick: () => this.toggle() }, "Stops");
  readonly tools = [this.#button];
  readonly element = el("div", { class: "stops", hidden: true, role: "group", "aria-label": "Stops" });
  stops: Stop[] = [];
  hits: Hit[] = [];
  #shown = -1;
  #list = el("span", { class: "bar", style: "flex-wrap:wrap" });
  #count = el("span", { class: "hint" });
  #marks = el("div", { class: "marks", "aria-hidden": "true" });
  #choice = el("span", { class: "bar" });
  #kind = el("select", { "aria-label": "Kind of stop", onchange: () => this.#ask() });
  #undo: (() => void)[] = [];

  constructor(private viewer: Viewer) {
    const { model } = viewer;
    const given = model.data.extra?.breaks as { stops?: Stop[] } | undefined;
    this.stops = [...(given?.stops ?? [])];
    const names = this.#names();
    for (const [kind, text] of KINDS) if (!(kind in names) || names[kind].length) this.#kind.append(el("option", { value: kind }, text));
    const add = el("button", { type: "button", class: "ask", onclick: () => this.#add() }, "Add");
    const back = el("button", { type: "button", class: "ask", title: "Run back to the stop before (P)", onclick: () => this.run(-1) }, "◂ Previous stop");
    const on = el("button", { type: "button", class: "ask", title: "Run to the next stop (N)", onclick: () => this.run(1) }, "Next stop ▸");
    this.element.append(el("strong", {}, "Stops"), this.#list, el("span", { class: "bar" }, "at", this.#kind, this.#choice, add), el("span", { class: "grow" }), this.#count, el("span", { class: "bar" }, back, on));
    this.#ask();
    this.#find();
    model.time.on(() => model.time.playing && this.hit(model.time.cursor) && model.time.pause());
    const run: Record<string, () => void> = { n: () => this.run(1), p: () => this.run(-1), b: () => this.#here() };
    moreKeys(viewer.shell, (key, e) => !e.altKey && run[key]);
    if (this.stops.length) this.toggle(false);
  }

  private get model(): Model {
    return this.viewer.model;
  }

  /** What halts at a position. */
  hit(at: number): Hit | undefined {
    return this.hits.find((h) => h.at === at);
  }

  toggle(focus = true): void {
    this.element.hidden = !this.element.hidden;
    this.#button.setAttribute("aria-expanded", String(!this.element.hidden));
    if (!this.element.hidden && focus) this.#kind.focus();
  }

  run(way: 1 | -1): void {
    const { time } = this.model;
    time.pause();
    const ahead = this.hits.filter((h) => (h.at - time.cursor) * way > 0);
    const next = way > 0 ? ahead[0] : ahead[ahead.length - 1];
    if (next) return time.go(next.at);
    this.viewer.shell.status(!this.stops.length ? "There are no stops yet: B sets one at the node you look at, Stops has more" : `No stop ${way > 0 ? "ahead" : "before this"}`);
  }

  set(stops: Stop[]): void {
    this.stops = stops;
    this.#shown = -1;
    this.#find();
    this.viewer.redraw();
  }

  redraw(): void {
    const track = this.viewer.shell.root.querySelector(".track");
    if (track && this.#marks.parentElement !== track) track.append(this.#marks);
    const at = this.model.time.cursor;
    if (at === this.#shown) return;
    this.#shown = at;
    const ahead = this.hits.filter((h) => h.at > at).length;
    this.#count.textContent = !this.stops.length ? "" : !this.hits.length ? "nothing here halts" : `${this.hits.length} ${this.hits.length === 1 ? "place" : "places"}, ${ahead} ahead`;
    const hit = this.hit(at);
    if (hit) this.viewer.shell.status(`Stopped: ${hit.text}`);
  }

  close(): void {
    this.#undo.forEach((f) => f());
  }

  #names(): Record<string, string[]> {
    const { nodes } = this.model;
    const ops = nodes.filter((n) => n.kind === "op");
    const paths = ops.flatMap((n) => n.path.split(".").map((_, i, all) => all.slice(0, i + 1).join("."))).filter(Boolean);
    const distinct = (all: string[]): string[] => [...new Set(all)].filter(Boolean);
    return { op: distinct(ops.map((n) => n.op)), node: distinct(nodes.map((n) => n.label)), module: distinct(paths) };
  }

  /** The field that goes with the kind of stop. */
  #ask(): void {
    const kind = this.#kind.value as Stop["kind"];
    const names = this.#names()[kind];
    if (names) {
      const list = el("select", { class: "name", "aria-label": "Which" });
      for (const name of names) list.append(el("option", { value: name }, short(name)));
      this.#choice.replaceChildren(list);
    } else if (kind === "grad_norm") {
      const field = el("input", { type: "number", min: 0, step: "any", value: 1, "aria-label": "Limit of the gradient norm" });
      field.addEventListener("keydown", (e) => e.key === "Enter" && this.#add());
      this.#choice.replaceChildren(field);
    } else this.#choice.replaceChildren();
  }

  #add(): void {
    const kind = this.#kind.value as Stop["kind"];
    const field = this.#choice.firstElementChild as HTMLInputElement | HTMLSelectElement | null;
    if (kind === "grad_norm" && !(Number(field!.value) >= 0 && field!.value.trim())) return this.viewer.shell.status("A gradient norm needs a limit: a number from 0 up");
    const made: Stop = kind === "nonfinite" ? { kind } : kind === "grad_norm" ? { kind, above: Number(field!.value) } : { kind, name: field!.value };
    if (this.stops.some((s) => words(s) === words(made))) return this.viewer.shell.status(`There is a stop at ${words(made)} already`);
    this.set([...this.stops, made]);
    const places = this.hits.filter((h) => h.stop === made).length;
    this.viewer.shell.status(`Stop at ${words(made)}: ${places ? `${places} ${places === 1 ? "place" : "places"}` : "nothing here halts at it"}`);
  }

  /** Set a stop at the node one looks at, or take it away. */
  #here(): void {
    const n = this.model.focus;
    const name = n === null ? "" : this.model.nodes[n].label;
    if (!name) return;
    const there = this.stops.find((s) => s.kind === "node" && s.name === name);
    this.set(there ? this.stops.filter((s) => s !== there) : [...this.stops, { kind: "node", name }]);
    this.viewer.shell.status(there ? `No stop at ${short(name)} any more` : `Stop at node ${short(name)}`);
  }

  #find(): void {
    this.hits = hits(this.model, this.stops);
    const marks = new Map<number, Badge>();
    for (const h of this.hits) {
      const text = marks.get(h.n)?.text;
      marks.set(h.n, { kind: "stop", text: text ? `${text}\n${h.text}` : `Stop: ${h.text}` });
    }
    mark(this.model, "breaks", marks);
    this.#button.textContent = this.stops.length ? `Stops ${this.stops.length}` : "Stops";
    this.#list.replaceChildren(...this.stops.map((s) => el("span", { class: "one" }, el("span", { dir: "auto", title: words(s) }, words(s)),
      el("button", { type: "button", "aria-label": `Remove the stop at ${words(s)}`, onclick: () => {
        this.set(this.stops.filter((x) => x !== s));
        this.viewer.host.focus({ preventScroll: true });
      } }, "×"))));
    const { length } = this.model.time;
    this.#marks.replaceChildren(...[...new Set(this.hits.map((h) => h.at))].slice(0, 400).map((at) => el("i", { style: `left:calc(8px + (100% - 16px)*${(at / length).toFixed(5)})` })));
  }
}

part("breaks", Breaks);
