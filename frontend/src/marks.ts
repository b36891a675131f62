// Marks on boxes, set by several parts of the viewer: what a part sets, only that part takes away.
import type { Model } from "./model";
import type { Badge } from "./types";

/** The styles of a mark; whoever sets marks adds them to its own. */
export const BADGE = `
.badge circle{fill:var(--leaf);stroke:var(--bg);stroke-width:1.5}.badge text{font:700 11px var(--sans);fill:var(--bg);text-anchor:middle}.badge.none{display:none}
.badge.bad circle,.badge.stop circle,.badge.removed circle{fill:var(--bad)}.badge.changed circle{fill:var(--upd)}
`;
const GRAVE: Record<string, number> = { bad: 4, stop: 3, changed: 2, unsure: 1 };

/** Marks of one part on the boxes; those of several parts on one box are said together, the gravest is shown. */
export function mark(model: Model, part: string, marks: Map<number, Badge>): void {
  const layers = ((model as Model & { layers?: Record<string, Map<number, Badge>> }).layers ??= {});
  for (const layer of Object.values(layers)) for (const n of layer.keys()) model.badges.delete(n);
  layers[part] = marks;
  for (const name of Object.keys(layers).sort()) {
    for (const [n, badge] of layers[name]) {
      const so = model.badges.get(n);
      const text = so ? `${so.text}\n${badge.text}` : badge.text;
      model.badges.set(n, { kind: so && (GRAVE[so.kind] ?? 0) >= (GRAVE[badge.kind] ?? 0) ? so.kind : badge.kind, text });
    }
  }
}
