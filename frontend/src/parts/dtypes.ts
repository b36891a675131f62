// A part of the viewer. Dtypes: where a graph mixes types of floats, each arrow shows which one it carries, by colour and by
// dashes, with a key below; gradviz/viz/dtypes.py draws the same in still pictures.
import { el, svg } from "../dom";
import { part, type Part } from "../register";
import type { SceneEdge } from "../types";
import type { Viewer } from "../viewer";

type Typed = SceneEdge & { dtype?: string };

export const LOOKS: [dtype: string, colour: string, dashes: string][] = [
  ["float32", "var(--edge)", "none"],
  ["float16", "var(--s4)", "7 3"],
  ["bfloat16", "var(--s5)", "3 3"],
  ["float64", "var(--s3)", "9 2 2 2"],
];

/** The rules that colour the arrows of a scene: they stand in the picture in the scene's own order. `:where` lets what moves keep its colour. */
export function rules(edges: Typed[]): string {
  return LOOKS.slice(1).map(([dtype, colour, dashes]) => {
    const own = edges.flatMap((e, i) => (e.dtype === dtype ? [`:where(.edge:nth-child(${i + 1})) path.wire`] : []));
    const tips = own.map((s) => s.replace(".wire", ".tip"));
    return own.length ? `${own.join(",")}{stroke:${colour};stroke-dasharray:${dashes}}${tips.join(",")}{fill:${colour}}` : "";
  }).join("");
}

const CSS = `
.dtypes{display:flex;flex-wrap:wrap;gap:2px 18px;padding:7px 16px;border-top:1px solid var(--line);font-size:12px;color:var(--soft)}
.dtypes span{display:inline-flex;align-items:center;gap:6px}.dtypes svg{width:30px;height:8px}.dtypes path{fill:none;stroke-width:2.2}
`;

class Dtypes implements Part {
  static css = CSS;
  readonly #style = el("style");
  readonly element: HTMLElement;
  #scene: unknown = null;

  constructor(private viewer: Viewer) {
    const there = new Set(viewer.model.data.scenes.flatMap((s) => s.edges.map((e: Typed) => e.dtype)));
    const keys = LOOKS.filter(([dtype]) => there.has(dtype)).map(([dtype, colour, dashes]) =>
      el("span", {}, svg("svg", { viewBox: "0 0 30 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h30", style: `stroke:${colour};stroke-dasharray:${dashes}` })), dtype));
    this.element = el("div", { class: "dtypes", role: "note", "aria-label": "The type that each arrow carries" }, "Arrows carry:", ...keys, this.#style);
  }

  redraw(): void {
    const { scene } = this.viewer.model;
    if (this.#scene === scene) return;
    this.#scene = scene;
    this.#style.textContent = rules(scene.edges);
    this.element.hidden = !this.viewer.shell.root.querySelector("svg.graph"); // a canvas paints no arrow in its type's way: its boxes say it
  }
}

part("dtypes", Dtypes);
