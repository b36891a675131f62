// A part of the viewer, for records in which a hook changed a gradient (gradviz/widgets/graph/hooked.py): it says so at the step, on the box
// and in the card.
import { el } from "../dom";
import { BADGE, mark } from "../marks";
import { part, type Part } from "../register";
import type { Badge, Step } from "../types";
import type { Viewer } from "../viewer";

type Hooked = Step & { hook?: string };
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1);

export class Hooks implements Part {
  static css = BADGE + ".hooked{color:var(--upd);font-weight:600}";
  #said = new Map<number, string>();

  constructor(private viewer: Viewer) {
    const marks = new Map<number, Badge>();
    for (const frame of viewer.model.frames) {
      const { hook } = frame.step as Hooked;
      if (!hook || frame.n === null) continue;
      frame.text += `. ${capital(hook)}`;
      this.#said.set(frame.n, capital(hook));
      marks.set(frame.n, { kind: "changed", text: capital(hook) });
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
