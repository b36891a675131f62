// A part of the viewer, for records in which a hook changed a gradient (gradviz/widgets/graph/hooked.py): it says so at the step, on the box
// and in the card.
import { el } from "../dom";
import { hookOf, tellHooks } from "../frames";
import { BADGE, mark } from "../marks";
import { part, type Part } from "../register";
import type { Badge } from "../types";
import type { Viewer } from "../viewer";

export class Hooks implements Part {
  static css = BADGE + ".hooked{color:var(--upd);font-weight:600}";
  #said = new Map<number, string>();

  constructor(private viewer: Viewer) {
    const marks = new Map<number, Badge>();
    tellHooks(viewer.model.frames);
    for (const frame of viewer.model.frames) {
      const text = hookOf(frame);
      if (!text || frame.n === null) continue;
      this.#said.set(frame.n, text);
      marks.set(frame.n, { kind: "changed", text });
    }
    mark(viewer.model, "hooks", marks);
  }

  redraw(): void {
    const said = this.#said.get(this.viewer.model.focus ?? -1);
    const card = this.viewer.card.element.querySelector(".gradient");
    if (said && card && !card.querySelector(".hooked")) card.append(el("p", { class: "hint hooked", dir: "auto" }, said));
  }
}

part("hooks", Hooks);
