// The graph viewer: BackpropStepper, and GraphView when there is no backward pass to step through.
import { Camera, type Box } from "./camera";
import { Card } from "./card";
import { el, put, svg } from "./dom";
import { stretches } from "./frames";
import { hand } from "./hand";
import { GRAPH } from "./look";
import { LABELS, Model, type Label } from "./model";
import { showKeys } from "./help";
import { register, type Handle, type Part, type Port } from "./register";
import { glyph } from "./shape";
import { Shell } from "./shell";
import { WORDS, type GradKind } from "./state";
import { SvgGraph, type Renderer } from "./svgraph";
import { walking } from "./timeline";
import { icon, PHASES, transport } from "./transport";
import { fillTwin, markTwin } from "./twin";
import type { Data, SceneNode } from "./types";
import { unpack } from "./unpack";

export const SVG_LIMIT = 800; // more visible nodes than this are drawn on a canvas

export class Viewer implements Handle {
  readonly model: Model;
  readonly shell: Shell;
  readonly camera = new Camera();
  readonly card: Card;
  readonly parts: Part[];
  #picture!: Renderer;
  #main = el("div", { class: "main" });
  #stage = el("div", { class: "stage" });
  #phase = el("span", { class: "chip" });
  #twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region", "aria-label": "Every step as text" });
  #help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  #find = el("input", { type: "search", placeholder: "name, op, module", "aria-label": "Search the graph" });
  #hits = el("span", { class: "count", "aria-live": "polite" });
  #searching = el("div", { class: "search", hidden: true }, this.#find, this.#hits);

  constructor(
    readonly host: HTMLElement,
    readonly data: Data,
    readonly port?: Port,
  ) {
    this.model = new Model(data);
    const makers = (data.parts ?? []).flatMap((name) => globalThis.gradvizParts?.[name] ?? []);
    const what = data.backward ? "Backpropagation stepper" : "Graph view";
    this.shell = new Shell(host, data.title || what, `${what}: ${data.title || `${data.record.nodes.length} nodes`}. Press ? for keys.`, GRAPH + makers.map((m) => m.css).join(""));
    this.card = new Card(this.model, (n) => this.select(n));
    this.parts = makers.map((Maker) => new Maker(this));
    this.#build();
  }

  #build(): void {
    const { model, shell } = this;
    const { time } = model;
    shell.header.append(this.#phase, el("span", { class: "grow" }), this.#tools());
    const main = this.#main;
    main.append(this.#stage);
    if (model.data.backward) main.append(this.#legend());
    if (time.length) main.append(transport(time, stretches(model.frames)));
    for (const { element } of this.parts) if (element) main.append(el("div", { class: "extra" }, element));
    main.append(this.card.element);
    shell.body.append(main);
    this.#draw();
    this.#stage.append(this.#searching, this.#twin, this.#help);
    hand(this.#stage, this.camera, (e) => {
      const hit = this.#picture.hit(e);
      this.select(hit ? (hit.n ?? hit.members?.[0] ?? null) : null);
      this.host.focus({ preventScroll: true });
    });
    this.#keys();
    time.on((now, before) => shell.safely(() => this.#moved(now, before)));
    this.#find.addEventListener("input", () => this.#searched());
    this.#find.addEventListener("keydown", (e) => {
      if (e.key === "Enter") this.#nextHit();
    });
    this.#settle();
    if (model.note) shell.status(model.note);
    shell.onTheme = () => this.#picture.frame();
    const watch = new ResizeObserver(() => this.#settle());
    watch.observe(this.#stage);
    shell.later(() => watch.disconnect());
    shell.later(() => time.pause());
    this.redraw();
    void shell.mark("data-step", String(time.cursor)).then(() => this.host.setAttribute("data-ready", ""));
  }

  #draw(): void {
    const Large = this.model.scene.nodes.length > SVG_LIMIT && globalThis.gradvizCanvas;
    const before = this.#picture?.element;
    this.#picture = new (Large || SvgGraph)(this.model, this.camera);
    if (before) before.replaceWith(this.#picture.element);
    else this.#stage.prepend(this.#picture.element);
    this.#picture.build();
    this.camera.onmove = () => this.#picture.frame();
  }

  #tools(): HTMLElement {
    const { model } = this;
    const label = el("select", { "aria-label": "Shown in each box" });
    for (const l of LABELS) label.append(el("option", { value: l }, `show ${l}s`));
    label.addEventListener("change", () => {
      model.label = label.value as Label;
      this.redraw();
    });
    const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
    return el("div", { class: "tools" }, label, button("Search", "Search (/)", () => this.#openSearch()), button("Text", "Every step as text (T)", () => this.#toggleTwin()),
      ...this.parts.flatMap((p) => p.tools ?? []), button("?", "Keys (?)", () => this.#keysHelp()), this.#zoomer());
  }

  #zoomer(): HTMLElement {
    const button = (name: string, d: string, run: () => void): HTMLElement => el("button", { class: "icon", type: "button", title: name, "aria-label": name, onclick: run }, icon(d));
    return el("div", { class: "zoom group", role: "group", "aria-label": "Zoom" },
      button("Zoom in", "M7 3h2v4h4v2H9v4H7V9H3V7h4z", () => this.#zoom(1.25)), button("Zoom out", "M3 7h10v2H3z", () => this.#zoom(0.8)),
      button("Fit the graph", "M2 2h5v2H4v3H2zM9 2h5v5h-2V4H9zM2 9h2v3h3v2H2zM12 9h2v5H9v-2h3z", () => this.fit()));
  }

  #legend(): HTMLElement {
    const kinds: [GradKind, number, string][] = [["none", 0, WORDS.none], ["partial", 0.5, "partial k of n"], ["final", 1, WORDS.final], ["stored", 1, WORDS.stored], ["freed", 1, WORDS.freed]];
    if (this.model.frames.some((f) => f.step.kind === "zero_grad")) kinds.push(["zeroed", 0, WORDS.zeroed]);
    return el("div", { class: "legend", "aria-hidden": "true" }, "gradient:", ...kinds.map(([kind, share, words]) => {
      const mark = glyph(kind, share);
      return el("span", {}, svg("svg", { viewBox: "-7 -7 14 14", class: `glyph row ${kind}` }, svg("path", { class: "ring", d: mark.line }), svg("path", { class: "fill", d: mark.fill })), words);
    }));
  }

  // ---- size and place ------------------------------------------------------------------------------------------
  #bounds(): Box {
    const { scene } = this.model;
    const room = this.data.backward ? 16 : 0; // for what is written above or under a leaf
    return { x: 0, y: -room, w: scene.width, h: scene.height + 2 * room };
  }

  #settle(): void {
    const { scene } = this.model;
    const all = this.host.clientWidth || 800;
    const beside = all >= 900 && scene.width <= (all - 340) * 1.3;
    put(this.#main, "class", beside ? "main beside" : "main");
    const w = this.#stage.clientWidth || all;
    const wanted = Math.max(beside ? 400 : 180, Math.min(640, this.#bounds().h * Math.min(1.15, w / scene.width)));
    this.#stage.style.height = `${Math.round(wanted)}px`;
    this.camera.w = w;
    this.camera.h = Math.round(wanted);
    if (!this.camera.moved) this.fit();
    else this.#picture.frame();
  }

  /** The whole graph when it can be read at that size; else at a readable size, with the current node in view. */
  fit(): void {
    const box = this.#bounds();
    this.camera.fit(box);
    if (!this.camera.moved && this.camera.k < 0.55 && this.model.scene.nodes.length) {
      this.camera.k = 0.8;
      this.#centre();
    }
    this.camera.moved = false;
  }

  #centre(): void {
    const { camera } = this;
    const { scene } = this.model;
    const s = this.model.byN.get(this.model.focus ?? -1)?.[0] ?? scene.nodes[0];
    const place = (middle: number, full: number, room: number): number =>
      full <= room ? (room - full) / 2 : Math.min(0, Math.max(room - full, room / 2 - middle));
    camera.x = place((s.x + s.w / 2) * camera.k, scene.width * camera.k, camera.w);
    camera.y = place((s.y + s.h / 2) * camera.k, scene.height * camera.k, camera.h);
    camera.onmove();
  }

  #zoom(by: number, x?: number, y?: number): void {
    this.camera.moved = true;
    this.camera.zoom(by, x, y);
  }

  #follow(): void {
    const { w, h } = this.#bounds();
    if (!this.camera.moved && w * this.camera.k <= this.camera.w + 1 && h * this.camera.k <= this.camera.h + 1) return; // all of it is in view
    const frame = this.model.frame;
    const about = frame?.n === null || frame === null ? [] : [frame.n, ...frame.touched];
    const all = about.flatMap((n) => this.model.byN.get(n)?.slice(0, 1) ?? []);
    if (!all.length) return;
    const box = (list: SceneNode[]): Box => {
      const [x, y] = [Math.min(...list.map((s) => s.x)), Math.min(...list.map((s) => s.y))];
      return { x, y, w: Math.max(...list.map((s) => s.x + s.w)) - x, h: Math.max(...list.map((s) => s.y + s.h)) + 10 - y };
    };
    const wide = box(all);
    const fits = wide.w * this.camera.k < this.camera.w && wide.h * this.camera.k < this.camera.h;
    this.camera.follow(fits ? wide : box(all.slice(0, 1)));
  }

  // ---- what the reader does ------------------------------------------------------------------------------------
  #keys(): void {
    const { time } = this.model;
    this.shell.keys({
      ...(time.length ? walking(() => time) : {}),
      search: () => this.#openSearch(),
      "walk-left": () => this.#walk(-1, 0), "walk-right": () => this.#walk(1, 0), "walk-up": () => this.#walk(0, -1), "walk-down": () => this.#walk(0, 1),
      inspect: () => this.#inspect(),
      fold: () => this.#fold(),
      text: () => this.#toggleTwin(),
      leave: () => this.#leave(),
      help: () => this.#keysHelp(),
      ...Object.assign({}, ...this.parts.map((p) => p.actions ?? {})),
    });
  }

  #keysHelp(): void {
    showKeys(this.#help, undefined, this.parts.flatMap((p) => p.keys ?? []), "Click a node to read about it. Drag to move, Ctrl + wheel to zoom");
  }

  select(n: number | null): void {
    this.model.selected = n;
    this.redraw();
    if (n === null) return;
    const node = this.model.nodes[n];
    const s = this.model.byN.get(n)?.[0];
    if (s) this.camera.follow(s, 12);
    this.shell.status(node.line ? `${node.label} comes from ${node.line.file}:${node.line.lineno}  ${node.line.text.trim()}` : this.model.note);
  }

  #walk(dx: number, dy: number): void {
    const s = this.model.walk(dx, dy);
    if (!s) return;
    const n = s.n ?? s.members?.[0] ?? null;
    this.select(n);
    if (n !== null) this.shell.announce(`Selected ${this.model.nodes[n].label}: ${this.model.look(s).lines.map((l) => l?.text).filter(Boolean).join(", ")}`);
  }

  #inspect(): void {
    if (this.model.selected === null) this.select(this.model.focus);
    this.card.element.focus();
  }

  #fold(): void {
    const { scenes } = this.data;
    if (scenes.length < 2) return this.shell.status(this.data.record.nodes.some((n) => n.path) ? "Only one depth is kept (depth=)" : "No modules to fold in this graph");
    this.model.fold((this.model.depth + 1) % scenes.length);
    this.camera.moved = false;
    this.#draw();
    this.#settle();
    this.redraw();
    this.shell.status(this.model.scene.note || (this.model.depth ? "Modules folded: C unfolds" : "Modules unfolded: C folds"));
  }

  #openSearch(): void {
    this.#searching.hidden = false;
    this.#find.focus();
    this.#find.select();
  }

  #results: number[] = [];
  #result = 0;
  #searched(): void {
    this.#results = this.model.search(this.#find.value);
    this.#result = 0;
    this.#show();
  }

  #nextHit(): void {
    if (!this.#results.length) return;
    this.#result = (this.#result + 1) % this.#results.length;
    this.#show();
  }

  #show(): void {
    this.#hits.textContent = this.#find.value ? (this.#results.length ? `${this.#result + 1} of ${this.#results.length}` : "none") : "";
    if (this.#results.length) this.select(this.#results[this.#result]);
    else this.redraw();
  }

  #toggleTwin(): void {
    this.#twin.hidden = !this.#twin.hidden;
    if (this.#twin.hidden) return this.host.focus({ preventScroll: true });
    fillTwin(this.#twin, { length: this.model.frames.length, line: (i) => ({ text: this.model.frames[i].text, kind: this.model.frames[i].phase }), go: (i) => this.model.time.go(i) }, this.model.time.cursor);
    this.#twin.focus({ preventScroll: true });
  }

  #leave(): void {
    const open = [this.#help, this.#twin, this.#searching].find((e) => !e.hidden);
    if (open) {
      open.hidden = true;
      if (open === this.#searching) {
        this.model.found.clear();
        this.redraw();
      }
      return this.host.focus({ preventScroll: true });
    }
    if (this.shell.root.activeElement) return this.host.focus({ preventScroll: true });
    if (this.model.selected !== null) return this.select(null);
    const outside = this.host.parentElement?.closest<HTMLElement>("[tabindex]"); // in JupyterLab: the notebook
    if (outside) outside.focus({ preventScroll: true });
    else this.host.blur();
  }

  // ---- showing -------------------------------------------------------------------------------------------------
  #moved(now: number, before: number): void {
    const { model } = this;
    model.selected = null;
    this.shell.status(model.note);
    const nodes = new Set<SceneNode>();
    const edges = new Set(this.#live);
    const add = (n: number): void => model.byN.get(n)?.forEach((s) => nodes.add(s));
    this.#chosen.forEach((s) => nodes.add(s));
    for (const n of model.history.changed(before, now)) {
      add(n);
      model.nodes[n].inputs.forEach((i) => typeof i.n === "number" && add(i.n));
      model.edgesOf.get(n)?.forEach((e) => edges.add(e));
    }
    this.#picture.paint(nodes, edges);
    this.#remember();
    this.#about();
    if (!this.#twin.hidden) markTwin(this.#twin, now);
    else this.#follow();
    for (const p of this.parts) p.redraw?.();
    void this.shell.mark("data-step", String(now));
    this.host.dispatchEvent(new CustomEvent("gradviz-step", { bubbles: true, composed: true, detail: { step: now, before } }));
  }

  #live: typeof this.model.scene.edges = [];
  #chosen: SceneNode[] = [];
  #remember(): void {
    const { model } = this;
    this.#live = model.frame?.n === null || !model.frame ? [] : (model.edgesOf.get(model.frame.n) ?? []);
    this.#chosen = model.selected === null ? [] : (model.byN.get(model.selected) ?? []);
  }

  redraw(): void {
    this.#picture.paint(this.model.scene.nodes, this.model.scene.edges);
    this.#remember();
    this.card.paint(true);
    for (const p of this.parts) p.redraw?.();
    this.#about();
  }

  #about(): void {
    const { model } = this;
    const frame = model.frame;
    const phase = frame?.phase ?? "forward";
    this.#stage.dataset.phase = phase;
    put(this.#phase, "class", `chip ${phase}`);
    const same = model.frames.filter((f) => f.phase === phase);
    this.#phase.textContent = model.time.length ? `${PHASES[phase]} ${frame ? same.indexOf(frame) + 1 : 0} of ${same.length}` : `${model.nodes.length} nodes`;
    this.shell.announce(frame ? frame.text : model.time.length ? "Only the leaves have values" : `${model.nodes.length} nodes`);
    this.card.paint();
  }

  /** The same view of another record: the position, the chosen node, the labels and the camera stay. */
  update(packed: unknown): Viewer {
    const { cursor } = this.model.time;
    const { label, selected, depth } = this.model;
    const { moved, k, x, y } = this.camera;
    this.close();
    const next = new Viewer(this.host, unpack(packed), this.port);
    next.model.label = label;
    next.model.selected = selected !== null && next.model.nodes[selected] ? selected : null;
    if (depth && next.data.scenes[depth]) next.#fold();
    Object.assign(next.camera, moved ? { moved, k, x, y } : {});
    next.model.time.go(cursor);
    next.redraw();
    return next;
  }

  close(): void {
    for (const p of this.parts) p.close?.();
    this.shell.close();
  }
}

export function mount(host: HTMLElement, packed: unknown, port?: Port): Viewer {
  return new Viewer(host, unpack(packed), port);
}

register("viewer", mount);
