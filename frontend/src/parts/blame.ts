// A part of the viewer, for ErrorGraph: the sentence on top, outlines and notes in the graph, and the lines to blame, each a way to its node.
import { el, svg } from "../dom";
import { BADGE } from "../marks";
import { part, type Part } from "../register";
import { BADGES, type Badge, type SceneEdge } from "../types";
import type { Viewer } from "../viewer";

export interface Place {
  role: string;
  where: string;
  text: string;
  n: number | null;
}

export interface Note {
  from: number;
  to: number;
  slot: string;
  text: string;
}

export interface Blame {
  cause: string;
  title: string;
  headline: string;
  error: string;
  places: Place[];
  facts: string[];
  fix: string;
  wrong: string;
  right: string;
  means: Partial<Record<Badge["kind"], string>>;
  notes: Note[];
  centre: number | null;
}

const BLAME = `
.verdict{padding:10px 16px 11px;background:var(--bad-bg);margin-bottom:8px;font-size:14px;overflow-wrap:anywhere}
.verdict b{color:var(--bad);margin-right:8px}.verdict.fine{background:var(--leaf-bg)}.verdict.fine b{color:var(--leaf)}
.blame{padding:8px 16px 12px;border-top:1px solid var(--line)}
.blame ol{margin:0;padding:0;list-style:none;display:grid;gap:6px}
.blame .line{display:grid;grid-template-columns:minmax(120px,max-content) minmax(0,1fr);gap:2px 12px;width:100%;height:auto;text-align:left;padding:5px 10px;border-left:4px solid var(--edge);border-radius:6px;background:var(--panel);white-space:normal;color:var(--ink)}
.blame li:first-child .line{border-left-color:var(--bad)}.blame li:nth-child(2) .line{border-left-color:var(--bwd)}
.blame .role{font-weight:600}.blame .where{font:11px var(--mono);color:var(--soft)}
.blame code{font:12.5px/1.5 var(--mono);grid-column:1/3;white-space:pre-wrap;overflow-wrap:anywhere}
.blame p{margin:7px 0 0;color:var(--soft);overflow-wrap:anywhere}
.blame .fix{padding:7px 12px;border-radius:6px;background:var(--leaf-bg);color:var(--ink);border-left:4px solid var(--leaf)}
.fix code{display:block}.fix .wrong{color:var(--bad)}.fix .right{color:var(--leaf)}
.means{display:flex;flex-wrap:wrap;gap:4px 16px;margin-bottom:8px;font-size:12px;color:var(--soft)}
.means span{display:inline-flex;gap:6px;align-items:center}
.means i{width:18px;height:18px;border-radius:9px;font:700 11px/18px var(--sans);text-align:center;background:var(--bad);color:var(--bg)}
.means .ok,.means .added{background:var(--leaf)}.means .changed{background:var(--upd)}
.outline{fill:none;stroke:var(--bad);stroke-width:1.6;pointer-events:none}.outline.bad{stroke-width:2.6}.outline.stop{stroke-dasharray:5 3}
.outline.removed,.outline.changed{stroke-dasharray:2 3}.outline.changed{stroke:var(--upd)}.outline.ok{stroke:var(--leaf)}
.remark{pointer-events:none}.remark rect{fill:var(--panel);stroke:var(--bad);stroke-width:1}.remark text{font:600 11px var(--mono);fill:var(--bad);text-anchor:middle}
`;

/** Where a note sits: in the middle of the arrow's last turn. */
export function middle(points: [number, number][]): [number, number] {
  let last = points.length - 1;
  while (last > 1 && Math.hypot(points[last][0] - points[last - 1][0], points[last][1] - points[last - 1][1]) < 24) last--;
  const [a, b] = [points[Math.max(last - 1, 0)], points[last]];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

/** The arrow a note belongs to; none where a folded module hides it. */
export function arrow(edges: SceneEdge[], note: Note): SceneEdge | undefined {
  const fits = edges.filter((e) => e.n_to === note.to && e.n_from === note.from);
  return fits.find((e) => e.slot === note.slot) ?? fits[0];
}

export class BlamePanel implements Part {
  static css = BADGE + BLAME;
  readonly element: HTMLElement;
  #data: Blame;
  #layer = svg("g", { class: "blamed" });
  #remarks = svg("g", { class: "remarks" });
  #depth = -1;

  constructor(private viewer: Viewer) {
    const data = (this.#data = viewer.data.extra!.blame as Blame);
    const { model } = viewer;
    const fine = data.cause === "fine";
    model.time.cursor = model.frames.length; // where it ended
    model.selected = data.centre;
    viewer.shell.said.before(el("div", { class: fine ? "verdict fine" : "verdict", dir: "auto" }, el("b", {}, fine ? "✓" : "✕"), data.headline));
    this.element = el("div", { class: "blame", role: "group", "aria-label": "What is to blame" }, this.#means(), this.#lines(), ...data.facts.map((fact) => el("p", { dir: "auto" }, fact)), this.#fix());
  }

  #means(): HTMLElement {
    const kinds = Object.entries(this.#data.means).filter(([kind]) => this.viewer.model.scene.nodes.some((s) => s.badge?.kind === kind)) as [Badge["kind"], string][];
    return el("div", { class: "means" }, ...kinds.map(([kind, words]) => el("span", {}, el("i", { class: kind, "aria-hidden": "true" }, BADGES[kind]), words)));
  }

  #lines(): HTMLElement {
    return el("ol", {}, ...this.#data.places.map((place) => {
      const inside = [el("span", { class: "role" }, place.role), el("span", { class: "where" }, place.where), el("code", { dir: "auto" }, place.text)];
      const known = place.n !== null;
      return el("li", {}, known
        ? el("button", { type: "button", class: "line", title: "Show the node", onclick: () => this.#show(place) }, ...inside)
        : el("div", { class: "line" }, ...inside));
    }));
  }

  #fix(): HTMLElement | null {
    const { fix, wrong, right } = this.#data;
    if (!fix) return null;
    return el("p", { class: "fix", dir: "auto" }, el("strong", {}, "Usual fix: "), fix,
      wrong ? el("code", { class: "wrong" }, `✕ ${wrong}`) : null, right ? el("code", { class: "right" }, `✓ ${right}`) : null);
  }

  #show(place: Place): void {
    this.viewer.select(place.n);
    this.viewer.shell.announce(`${place.role}, ${place.where}: ${place.text}`);
  }

  /** Outlines and notes are drawn over the graph, again after modules were folded. */
  redraw(): void {
    const { model, shell } = this.viewer;
    const world = shell.root.querySelector(".graph > g");
    if (!world || (this.#layer.parentNode === world && this.#depth === model.depth)) return;
    this.#depth = model.depth;
    const outlines = model.scene.nodes.flatMap((s) => {
      const badge = s.kind === "portal" ? undefined : model.badge(s);
      return badge ? [svg("rect", { class: `outline ${badge.kind}`, x: s.x - 3, y: s.y - 3, width: s.w + 6, height: s.h + 6, rx: 12 })] : [];
    });
    const notes = this.#data.notes.flatMap((note) => {
      const edge = arrow(model.scene.edges, note);
      if (!edge) return [];
      const [x, y] = middle(edge.points);
      const w = note.text.length * 6.8 + 12;
      return [svg("g", { class: "remark", transform: `translate(${x} ${y})` }, svg("rect", { x: -w / 2, y: -9, width: w, height: 18, rx: 9 }), svg("text", { y: 4 }, note.text))];
    });
    this.#layer.replaceChildren(...outlines);
    this.#remarks.replaceChildren(...notes);
    world.insertBefore(this.#layer, world.children[2] ?? null); // over the arrows, under the boxes
    world.append(this.#remarks);
  }
}

part("blame", BlamePanel);
