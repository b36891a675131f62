// The graph as SVG: built once for a scene, then only the nodes and edges that changed are touched. Everything stands at its
// place in the scene, under one transform: a browser paints each transformed group apart, which made a step twice as dear.
import { put, say, svg } from "./dom";
import type { Camera } from "./camera";
import type { Line, Model } from "./model";
import { cut, glyph, head, level, line, place, SIZES as S } from "./shape";
import { BADGES, type SceneEdge, type SceneNode } from "./types";

export interface Renderer {
  element: Element;
  build(): void;
  paint(nodes: Iterable<SceneNode>, edges: Iterable<SceneEdge>): void;
  frame(): void;
  hit(e: MouseEvent): SceneNode | null;
}

interface RowParts {
  g: SVGGElement;
  ring: SVGPathElement;
  fill: SVGPathElement;
  part: SVGTextElement;
  text: SVGTextElement;
  y: number; // of its marks
}

interface Parts {
  g: SVGGElement;
  badge?: SVGGElement;
  rows: RowParts[];
}

export class SvgGraph implements Renderer {
  readonly element = svg("svg", { class: "graph", "aria-hidden": "true" });
  #world = svg("g");
  #chips = svg("g");
  #parts = new Map<SceneNode, Parts>();
  #wires = new Map<SceneEdge, SVGGElement>();
  #owner = new Map<Element, SceneNode>();
  #late = new Set<SceneNode>(); // changed while out of the window

  constructor(
    private model: Model,
    private camera: Camera,
  ) {}

  build(): void {
    const { scene } = this.model;
    const across = level(scene);
    this.#parts.clear();
    this.#wires.clear();
    this.#owner.clear();
    this.#late.clear();
    const groups = svg("g", { class: "frames" });
    for (const { x, y, w, h, label } of scene.groups ?? []) {
      groups.append(svg("rect", { x, y, width: w, height: h, rx: 12 }), svg("text", { x: x + 10, y: y + 14 }, label));
    }
    const edges = svg("g");
    for (const e of scene.edges) {
      const d = line(e.points, across);
      const g = svg("g", { class: "edge" }, svg("path", { d, class: "wire" }), svg("path", { d, class: "pulse" }),
        svg("path", { d: head(e.points, across), class: "tip" }), svg("path", { d: head(e.points, across, true), class: "back" }));
      this.#wires.set(e, g);
      edges.append(g);
    }
    const nodes = svg("g");
    for (const s of scene.nodes) nodes.append(this.#node(s));
    this.#world.replaceChildren(groups, edges, nodes, this.#chips);
    this.element.replaceChildren(this.#world);
    this.paint(scene.nodes, scene.edges);
    this.frame();
  }

  #node(s: SceneNode): SVGGElement {
    const { x, y, w, h } = s;
    const rx = s.kind === "op" || s.kind === "group" ? S.round : Math.min(S.pill, h / 2);
    const box = (name: string, grow: number, off = 0): SVGRectElement => svg("rect", { class: name, x: x - grow + off, y: y - grow + off, width: w + 2 * grow, height: h + 2 * grow, rx: rx + grow });
    const portal = s.kind === "portal";
    const title = svg("text", { class: "title", x: x + (portal ? w / 2 : S.side), y: y + (portal ? h / 2 + 4 : S.titleY) }, s.title);
    const rows = portal ? [] : this.model.scene.rows.map((_, i) => this.#row(s, y + S.head + S.row * i));
    const g = svg("g", {}, box("glow", 4), s.kind === "group" && box("box", 0, 4), box("box", 0), title,
      s.sub ? svg("text", { class: "sub", x: x + w - S.side, y: y + S.titleY }, s.sub) : null, s.tip ? svg("title", {}, s.tip) : null, ...rows.map((r) => r.g));
    this.#owner.set(g, s);
    this.#parts.set(s, { g, rows });
    return g;
  }

  #row({ x, w }: SceneNode, y: number): RowParts {
    const ring = svg("path", { class: "ring" });
    const fill = svg("path", { class: "fill" });
    const part = svg("text", { class: "part", x: x + 23, y: y + S.base });
    const text = svg("text", { class: "number", x: x + w - 11, y: y + S.base });
    const g = svg("g", {}, svg("rect", { class: "bar", x: x + 5.5, y, width: w - 11, height: 17, rx: 4 }), ring, fill, part, text);
    return { g, ring, fill, part, text, y: y + 8.5 };
  }

  paint(nodes: Iterable<SceneNode>, edges: Iterable<SceneEdge>): void {
    for (const s of nodes) this.#patch(s);
    for (const e of edges) {
      const g = this.#wires.get(e);
      if (g) put(g, "class", `edge ${this.model.flow(e)}`);
    }
    this.#placeChips();
  }

  #patch(s: SceneNode): void {
    const p = this.#parts.get(s);
    if (!p) return;
    if (p.g.hasAttribute("display")) return void this.#late.add(s);
    const look = this.model.look(s);
    const names = (["ghost", "current", "selected", "near", "found"] as const).filter((k) => look[k]);
    put(p.g, "class", ["node", s.kind, ...names].join(" "));
    p.rows.forEach((row, i) => this.#fill(row, look.lines[i], s));
    const badge = this.model.badge(s);
    if (!badge && !p.badge) return;
    if (!p.badge) p.g.append((p.badge = svg("g", { transform: `translate(${s.x + s.w - 2} ${s.y + 1})` }, svg("circle", { r: 9 }), svg("text", { y: 4 }), svg("title"))));
    put(p.badge, "class", badge ? `badge ${badge.kind}` : "badge none");
    say(p.badge.children[1], badge ? BADGES[badge.kind] : "");
    say(p.badge.children[2], badge?.text ?? "");
  }

  #fill(row: RowParts, now: Line | null, { x, w }: SceneNode): void {
    const kind = now?.kind ?? "off";
    const mark = kind === "off" ? null : glyph(kind, now!.share, x + 14, row.y);
    put(row.g, "class", `row ${kind}`);
    put(row.ring, "d", mark?.line ?? "");
    put(row.fill, "d", mark?.fill ?? "");
    say(row.part, now?.part ?? "");
    say(row.text, now ? cut(now.text, w - 36 - now.part.length * S.letter) : "");
  }

  #placeChips(): void {
    this.#chips.replaceChildren(...place(this.model, this.camera.k).map(({ x, y, w, h, scale, phase, key, lead, main }) =>
      svg("g", { class: `message ${phase}`, "data-slot": key }, svg("rect", { x, y, width: w, height: h, rx: h / 2 }),
        svg("text", { x: x + 8 * scale, y: y + 14 * scale, "font-size": 11 * scale }, lead, svg("tspan", {}, main)))));
  }

  #last = 0;
  frame(): void {
    const { k, x, y, w, h } = this.camera;
    put(this.#world, "transform", `translate(${x} ${y}) scale(${k})`);
    // Out of the window is out of the page: what is not there need not be painted.
    const out = (low: number, size: number, room: number): boolean => low > room + 40 || low + size * k < -40;
    for (const [g, s] of this.#owner) put(g, "display", out(s.x * k + x, s.w, w) || out(s.y * k + y, s.h, h) ? "none" : null);
    const late = [...this.#late];
    this.#late.clear();
    for (const s of late) this.#patch(s);
    if (k !== this.#last) this.#placeChips();
    this.#last = k;
  }

  hit(e: MouseEvent): SceneNode | null {
    const g = ((e.composedPath()[0] ?? e.target) as Element).closest?.(".node");
    return (g && this.#owner.get(g)) ?? null;
  }
}
