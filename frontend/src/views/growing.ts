// GraphGrowth: code on one side, the graph on the other, and the graph grows as lines run. The boxes have their final places
// from the start; what is not made yet is not seen, so nothing ever moves.
import { Camera, type Box } from "../camera";
import { el, put, say } from "../dom";
import { tell } from "../frames";
import { hand } from "../hand";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { GRAPH } from "../look";
import { Model, type Flow, type Look } from "../model";
import { brief } from "../number";
import { register, type Port } from "../register";
import { Shell } from "../shell";
import { SvgGraph } from "../svgraph";
import { Timeline, walking } from "../timeline";
import { transport } from "../transport";
import { fillTwin, markTwin } from "../twin";
import type { Data, SceneEdge, SceneNode } from "../types";
import { unpack } from "../unpack";

type Ran = [piece: number, line: number, depth: number, again: number, time: number, times: number, made: number[]];

interface Growth {
  pieces: { name: string; file: string; lines: [number, string][] }[];
  steps: Ran[];
  note: string;
  live: boolean; // more may come
}

const CSS = `
.grow-main{display:grid;grid-template-columns:minmax(230px,var(--code,38%)) minmax(0,1fr);border-top:1px solid var(--line)}
.grow-main.tall{grid-template-columns:minmax(0,1fr)}
.code{overflow:auto;background:var(--bg);border-right:1px solid var(--line);padding:6px 0;max-height:620px;outline-offset:-2px!important;font:12.5px/20px var(--mono)}
.tall .code{border-right:0;border-bottom:1px solid var(--line);max-height:250px}
.code h4{padding:2px 12px;margin:4px 0 2px}.code h4 small{font-weight:400}
.line{display:grid;grid-template-columns:16px 34px minmax(0,1fr) auto;padding:0 10px 0 4px;white-space:pre;cursor:default;border-left:3px solid transparent}
.line .no{color:var(--soft);text-align:right;padding-right:10px;user-select:none}
.line .dot{color:var(--fwd);text-align:center}
.line.not{color:var(--soft)}
.line.ran{cursor:pointer}.line.ran:hover{background:var(--panel)}
.line .text{overflow:hidden;text-overflow:ellipsis}
.line .times{font:600 11px/20px var(--sans);color:var(--soft);padding-left:8px}
.line.now{background:var(--fwd-bg);border-left-color:var(--fwd)}.line.now .dot{font-size:10px}
.line.mine{box-shadow:inset 0 0 0 1px var(--fwd)}
.line.up{border-left-color:color-mix(in srgb,var(--fwd) 45%,transparent)}
.grow-main .stage{border-top:0;min-height:220px}
.grow-main .graph .node,.grow-main .graph .edge,.grow-main .frames>*{transition:opacity .38s}
.grow-main .graph .node.ghost,.grow-main .graph .edge.unborn,.grow-main .frames .unborn{opacity:0;pointer-events:none}
@media (prefers-reduced-motion:reduce){.grow-main .graph .node,.grow-main .graph .edge,.grow-main .frames>*{transition:none}}
`;

/** Facts for the renderer: only what has been made by now is there. */
class Grown extends Model {
  readonly birth = new Map<number, number>(); // node -> the step, from 1, that made it
  readonly whole = new Map<SceneNode, number>(); // box -> the step at which it is complete
  readonly seen = new Map<SceneNode, number>(); // box -> the step at which it appears
  readonly edges = new Map<SceneEdge, number>();

  constructor(
    data: Data,
    readonly growth: Growth,
  ) {
    super(data);
    Object.assign(this, { time: new Timeline(growth.steps.length) });
    growth.steps.forEach(([, , , , , , made], i) => made.forEach((n) => this.birth.set(n, i + 1)));
    const born = (n: number | null): number => (n === null ? 0 : (this.birth.get(n) ?? 0));
    const users = new Map<number, number>();
    for (const e of this.scene.edges) users.set(e.from, Math.min(users.get(e.from) ?? Infinity, born(e.n_to)));
    for (const s of this.scene.nodes) {
      const inside = s.kind === "group" ? (s.members ?? []) : [s.n];
      const times = inside.map((n) => (s.kind === "portal" ? (users.get(s.id) ?? 0) : born(n)));
      this.seen.set(s, Math.min(...times));
      this.whole.set(s, Math.max(...times));
    }
    const at = new Map(this.scene.nodes.map((s) => [s.id, s]));
    for (const e of this.scene.edges) this.edges.set(e, Math.max(this.seen.get(at.get(e.from)!)!, born(e.n_to), born(e.n_from)));
  }

  get made(): number[] {
    return this.growth.steps[this.time.cursor - 1]?.[6] ?? [];
  }

  override look(s: SceneNode): Look {
    const { cursor } = this.time;
    const ghost = this.seen.get(s)! > cursor;
    const inside = s.kind === "group" ? (s.members ?? []) : s.n === null ? [] : [s.n];
    const current = s.kind !== "portal" && inside.some((n) => this.made.includes(n));
    const value = s.n !== null && s.kind !== "portal" && this.whole.get(s)! <= cursor ? this.nodes[s.n].value : null;
    const lines = this.scene.rows.map((row) => (row === "value" && value ? { text: brief(value), kind: "value" as const, share: 0, part: "" } : null));
    const found = this.found.size > 0 && inside.some((n) => this.found.has(n));
    return { ghost, current, selected: this.selected !== null && inside.includes(this.selected), near: false, found, lines };
  }

  override flow(e: SceneEdge): Flow {
    const { cursor } = this.time;
    if (this.edges.get(e)! > cursor) return "unborn" as Flow;
    return e.n_to !== null && this.made.includes(e.n_to) ? "forward" : "";
  }

  override chips(): [] {
    return [];
  }

  override get focus(): number | null {
    const { made } = this;
    return this.selected ?? made[made.length - 1] ?? null;
  }
}

class View {
  readonly shell: Shell;
  readonly model: Grown;
  readonly camera = new Camera();
  #picture: SvgGraph;
  #growth: Growth;
  #main = el("div", { class: "grow-main" });
  #stage = el("div", { class: "stage", "data-phase": "forward" });
  #code = el("div", { class: "code", tabindex: "0", role: "region", "aria-label": "Code" });
  #lines = new Map<string, HTMLElement>(); // "piece:line"
  #chip = el("span", { class: "chip forward" });
  #twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region", "aria-label": "Every step as text" });
  #help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  #find = el("input", { type: "search", placeholder: "name, op, module", "aria-label": "Search the graph" });
  #searching = el("div", { class: "search", hidden: true }, this.#find);

  constructor(
    readonly host: HTMLElement,
    readonly data: Data,
    readonly port?: Port,
    at?: number,
  ) {
    this.#growth = data.extra!.growth as Growth;
    this.model = new Grown(data, this.#growth);
    const { time } = this.model;
    time.cursor = Math.min(at ?? time.length, time.length);
    this.shell = new Shell(host, data.title || "The graph grows", `Growing graph: ${data.title}. Left and Right step through the lines that ran. Press ? for keys.`, GRAPH + CSS);
    this.#picture = new SvgGraph(this.model, this.camera);
    this.#build();
  }

  #build(): void {
    const { shell, model } = this;
    const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
    shell.header.append(this.#chip, el("span", { class: "grow" }), el("div", { class: "tools" }, button("Search", "Search (/)", () => this.#search()), button("Text", "Every step as text (T)", () => this.#text()), button("Fit", "Fit the graph", () => this.fit()), button("?", "Keys (?)", () => this.#keysHelp())));
    this.#source();
    this.#main.append(this.#code, this.#stage);
    const bar = transport(model.time, [{ phase: "forward", from: 0, to: Math.max(1, model.time.length), name: "Lines" }], "line");
    shell.body.append(this.#main, bar);
    this.#picture.build();
    this.#at = model.time.cursor;
    this.camera.onmove = () => this.#picture.frame();
    this.#stage.append(this.#picture.element, this.#searching, this.#twin, this.#help);
    hand(this.#stage, this.camera, (e) => {
      const hit = this.#picture.hit(e);
      this.#pick(hit ? (hit.n ?? hit.members?.[0] ?? null) : null);
      this.host.focus({ preventScroll: true });
    });
    this.#find.addEventListener("input", () => {
      const hits = this.model.search(this.#find.value).filter((n) => (model.birth.get(n) ?? 0) <= model.time.length);
      this.#pick(hits[0] ?? null);
    });
    model.time.on(() => shell.safely(() => this.show()));
    this.#keys();
    if (this.#note()) shell.status(this.#note());
    const watch = new ResizeObserver(() => this.#settle());
    watch.observe(this.host);
    shell.later(() => watch.disconnect());
    shell.later(() => model.time.pause());
    shell.onTheme = () => this.#picture.frame();
    this.#settle();
    this.show();
    void shell.mark("data-ready");
  }

  #note(): string {
    return [this.#growth.note, this.model.note].filter(Boolean).join(". ");
  }

  // ---- the code ------------------------------------------------------------------------------------------------
  #source(): void {
    const times = new Map<string, number>();
    const makes = new Set<string>();
    for (const [piece, line, , , , n, made] of this.#growth.steps) {
      times.set(`${piece}:${line}`, n);
      if (made.length) makes.add(`${piece}:${line}`);
    }
    this.#growth.pieces.forEach((piece, i) => {
      this.#code.append(el("h4", { dir: "auto" }, piece.name, el("small", {}, piece.file === piece.name || piece.file === "<cell>" ? "" : piece.file)));
      if (!piece.lines.length) this.#code.append(el("p", { class: "hint" }, "its source is not kept"));
      for (const [no, text] of piece.lines) {
        const key = `${i}:${no}`;
        const ran = times.has(key);
        const row = el("div", { class: `line ${ran ? "ran" : "not"}`, onclick: ran ? () => this.#walk(key) : null, title: ran ? "To where this line runs next" : null },
          el("span", { class: "dot", "aria-hidden": "true" }, makes.has(key) ? "•" : ""), el("span", { class: "no" }, no > 0 ? String(no) : ""),
          el("span", { class: "text", dir: "ltr" }, text), el("span", { class: "times" }));
        if (ran) this.#lines.set(key, row);
        this.#code.append(row);
      }
    });
  }

  /** From a line to the box it makes: where it runs next, after the last time the first again. */
  #walk(key: string): void {
    const { time } = this.model;
    const { steps } = this.#growth;
    const mine = steps.flatMap(([piece, line, , , , , made], i) => (`${piece}:${line}` === key ? [{ at: i + 1, made: made.length }] : []));
    const useful = mine.filter((m) => m.made).length ? mine.filter((m) => m.made) : mine;
    time.pause();
    const next = useful.find((m) => m.at > time.cursor) ?? useful[0];
    if (next.at === time.cursor) this.show();
    else time.go(next.at);
  }

  /** From a box to the line that made it. */
  #pick(n: number | null): void {
    const { model } = this;
    model.selected = n;
    if (n === null) return this.show();
    const at = model.birth.get(n);
    model.time.pause();
    if (at && at !== model.time.cursor) model.time.go(at);
    model.selected = n;
    this.show();
    const node = model.nodes[n];
    const step = this.#growth.steps[(at ?? 0) - 1];
    const text = node.kind === "op" ? tell({ kind: "forward", n }, model.nodes) : `${node.label} = ${brief(node.value, 6)}`;
    this.shell.status(`${text}${step ? `, made by ${this.#where(step)}` : ""}`);
  }

  #where([piece, line, , again, time, times]: Ran): string {
    const { name } = this.#growth.pieces[piece];
    return `line ${line}${this.#growth.pieces.length > 1 ? ` of ${name}` : ""}${times > 1 ? `, time ${time} of ${times}` : ""}${again ? ", going on" : ""}`;
  }

  #line(step: Ran): string {
    return this.#growth.pieces[step[0]].lines.find(([no]) => no === step[1])?.[1].trim() ?? "";
  }

  #said(i: number): string {
    const step = this.#growth.steps[i];
    const { nodes } = this.model;
    const made = step[6].map((n) => (nodes[n].kind === "op" ? tell({ kind: "forward", n }, nodes) : `${nodes[n].label} = ${brief(nodes[n].value, 6)}`));
    const where = this.#where(step);
    return `${where[0].toUpperCase()}${where.slice(1)}: ${this.#line(step)}${made.length ? `  ⊕ ${made.join("; ")}` : ""}`;
  }

  // ---- showing -------------------------------------------------------------------------------------------------
  show(): void {
    const { model, shell } = this;
    const { cursor } = model.time;
    const step = this.#growth.steps[cursor - 1];
    const key = step ? `${step[0]}:${step[1]}` : "";
    this.#scroll(this.#lines.get(key)); // before anything is changed: where a line stands is known then
    this.#paint(cursor);
    this.#frames(cursor);
    const count = model.scene.nodes.filter((s) => s.kind !== "portal" && model.seen.get(s)! <= cursor).length;
    say(this.#chip, `${count} ${count === 1 ? "box" : "boxes"}${this.#growth.live ? " so far" : ""}`);
    shell.announce(step ? this.#said(cursor - 1) : this.#growth.steps.length ? "Before the first line" : "Waiting for the first line");
    const up = this.#callers(cursor - 1);
    for (const [k, row] of this.#lines) {
      const now = k === key;
      row.classList.toggle("now", now);
      row.classList.toggle("up", up.has(k));
      put(row, "aria-current", now ? "step" : null);
      const [dot, , , times] = row.children;
      say(dot, now ? "▶" : this.#makes(k) ? "•" : "");
      say(times, now && step![5] > 1 ? `${step![4]} of ${step![5]}` : "");
    }
    if (model.selected !== null && !model.made.includes(model.selected)) model.selected = null;
    if (!this.#twin.hidden) markTwin(this.#twin, cursor);
    this.#follow();
    void shell.mark("data-step", String(cursor));
    this.host.dispatchEvent(new CustomEvent("gradviz-step", { bubbles: true, composed: true, detail: { step: cursor } }));
  }

  #scroll(row?: HTMLElement): void {
    if (!row) return;
    const code = this.#code;
    const top = row.offsetTop - code.offsetTop;
    if (top < code.scrollTop + 22 || top + row.offsetHeight > code.scrollTop + code.clientHeight - 22) code.scrollTop = Math.max(0, top - code.clientHeight / 2);
  }

  /** The frame of a module is there as soon as something is in it. */
  #frames(cursor: number): void {
    const { nodes, groups } = this.model.scene;
    const drawn = this.#picture.element.querySelector(".frames")?.children ?? [];
    groups?.forEach(({ x, y, w, h }, i) => {
      const begun = nodes.some((s) => this.model.seen.get(s)! <= cursor && s.x >= x && s.y >= y && s.x + s.w <= x + w && s.y + s.h <= y + h);
      for (const part of [drawn[2 * i], drawn[2 * i + 1]]) part?.classList.toggle("unborn", !begun);
    });
  }

  #at = 0; // the step that is painted
  #marked = new Set<SceneNode | SceneEdge>(); // what looked special then

  /** Only what looks different now: a long run has hundreds of boxes. */
  #paint(cursor: number): void {
    const { model } = this;
    const [low, high] = [Math.min(this.#at, cursor), Math.max(this.#at, cursor)];
    const passed = (t: number): boolean => t > low && t <= high;
    const marked = new Set<SceneNode | SceneEdge>();
    const made = new Set(model.made);
    const nodes = model.scene.nodes.filter((s) => {
      const inside = s.members ?? (s.n === null ? [] : [s.n]);
      const special = inside.some((n) => made.has(n) || n === model.selected || model.found.has(n));
      if (special) marked.add(s);
      return special || this.#marked.has(s) || passed(model.seen.get(s)!) || passed(model.whole.get(s)!);
    });
    const edges = model.scene.edges.filter((e) => {
      const special = e.n_to !== null && made.has(e.n_to);
      if (special) marked.add(e);
      return special || this.#marked.has(e) || passed(model.edges.get(e)!);
    });
    this.#picture.paint(nodes, edges);
    this.#at = cursor;
    this.#marked = marked;
  }

  #dots?: Set<string>;
  #makes(key: string): boolean {
    this.#dots ??= new Set(this.#growth.steps.filter((s) => s[6].length).map((s) => `${s[0]}:${s[1]}`));
    return this.#dots.has(key);
  }

  /** The lines that wait for this one to return. */
  #callers(i: number): Set<string> {
    const out = new Set<string>();
    const { steps } = this.#growth;
    for (let depth = steps[i]?.[2] ?? 0, k = i - 1; k >= 0 && depth > 1; k--) {
      if (steps[k][2] < depth) {
        out.add(`${steps[k][0]}:${steps[k][1]}`);
        depth = steps[k][2];
      }
    }
    return out;
  }

  // ---- size and place ------------------------------------------------------------------------------------------
  #bounds(): Box {
    const { nodes, width, height } = this.model.scene;
    const y = Math.min(0, ...nodes.map((s) => s.y - 16));
    return { x: 0, y, w: Math.max(width, 220), h: Math.max(height - y, 90) };
  }

  #settle(): void {
    const all = this.host.clientWidth || 800;
    const box = this.#bounds();
    const longest = Math.max(20, ...this.#growth.pieces.flatMap((p) => p.lines.map(([, text]) => text.length)));
    this.#main.classList.toggle("tall", all < 720);
    this.#main.style.setProperty("--code", `${Math.round(Math.min(all * 0.42, longest * 7.6 + 92))}px`);
    const w = this.#stage.clientWidth || all;
    const rows = this.#growth.pieces.reduce((n, p) => n + p.lines.length + 1.4, 0);
    const code = all < 720 ? 0 : Math.min(620, rows * 20 + 20);
    const wanted = Math.max(code, 240, Math.min(620, box.h * Math.min(1.15, w / box.w) + 10));
    this.#stage.style.height = `${Math.round(wanted)}px`;
    this.camera.w = w;
    this.camera.h = Math.round(wanted);
    if (!this.camera.moved) this.fit();
    else this.#picture.frame();
  }

  fit(): void {
    this.camera.fit(this.#bounds());
    if (this.camera.k < 0.5) {
      this.camera.k = 0.8;
      this.camera.x = 12;
      this.camera.y = 12 - this.#bounds().y * 0.8;
      this.camera.moved = false;
      this.#follow();
    }
    this.camera.moved = false;
    this.camera.onmove();
  }

  /** Keep what was just made in view, where not all of the graph is. */
  #follow(): void {
    const { camera, model } = this;
    const box = this.#bounds();
    if (box.w * camera.k <= camera.w + 1 && box.h * camera.k <= camera.h + 1 && !camera.moved) return;
    const s = model.focus === null ? undefined : model.byN.get(model.focus)?.[0];
    if (s) camera.follow(s, 24);
  }

  // ---- keys ----------------------------------------------------------------------------------------------------
  #keys(): void {
    const { time } = this.model;
    this.shell.keys((this.#actions = {
      ...walking(() => time),
      "walk-left": () => this.#along(-1, 0), "walk-right": () => this.#along(1, 0), "walk-up": () => this.#along(0, -1), "walk-down": () => this.#along(0, 1),
      search: () => this.#search(), inspect: () => this.#pick(this.model.focus), text: () => this.#text(), leave: () => this.#leave(), help: () => this.#keysHelp(),
    }));
  }
  #actions: Actions = {};

  #along(dx: number, dy: number): void {
    const s = this.model.walk(dx, dy);
    if (s) this.#pick(s.n ?? s.members?.[0] ?? null);
  }

  #keysHelp(): void {
    showKeys(this.#help, new Set(Object.keys(this.#actions) as Action[]), [], "Click a box to go to the line that made it, and a line to go to what it makes. Drag to move, Ctrl + wheel to zoom");
  }

  #search(): void {
    this.#searching.hidden = false;
    this.#find.focus();
  }

  #text(): void {
    this.#twin.hidden = !this.#twin.hidden;
    if (this.#twin.hidden) return this.host.focus({ preventScroll: true });
    fillTwin(this.#twin, { length: this.#growth.steps.length, line: (i) => ({ text: this.#said(i), kind: "forward" }), go: (i) => this.model.time.go(i) }, this.model.time.cursor);
    this.#twin.focus({ preventScroll: true });
  }

  #leave(): void {
    const open = [this.#help, this.#twin, this.#searching].find((e) => !e.hidden);
    if (open) {
      open.hidden = true;
      this.model.found.clear();
      this.show();
      return this.host.focus({ preventScroll: true });
    }
    if (this.shell.root.activeElement) return this.host.focus({ preventScroll: true });
    if (this.model.selected !== null) return this.#pick(null);
    const outside = this.host.parentElement?.closest<HTMLElement>("[tabindex]");
    if (outside) outside.focus({ preventScroll: true });
    else this.host.blur();
  }

  #soon = false; // what has just come is about to be shown

  /** More of the same run: what was there stays where it is, what is new fades in. */
  update(packed: unknown): View {
    const { time } = this.model;
    const { cursor } = time;
    const following = this.#soon || cursor === time.length;
    const { moved, k, x, y } = this.camera;
    this.close();
    const next = new View(this.host, unpack(packed), this.port, cursor);
    Object.assign(next.camera, { k, x, y, moved });
    if (!this.#growth.steps.length) next.fit();
    next.camera.onmove();
    next.#soon = following;
    if (following) {
      void next.shell.painted().then(() => {
        next.#soon = false;
        next.model.time.go(next.model.time.length);
      });
    }
    return next;
  }

  close(): void {
    this.shell.close();
  }
}

register("growing", (host, packed, port) => new View(host, unpack(packed), port));
