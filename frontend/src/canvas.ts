// A part of the viewer, for graphs too large for SVG: the same picture on a canvas. Everything in view is redrawn, what is
// out of view is skipped.
import type { Camera } from "./camera";
import type { Model } from "./model";
import { cut, glyph, head, level, line, place, SIZES as S } from "./shape";
import type { Renderer } from "./svgraph";
import { BADGES, type SceneNode } from "./types";

interface Wire {
  line: Path2D;
  tip: Path2D;
  back: Path2D;
  box: [number, number, number, number];
}

export class CanvasGraph implements Renderer {
  readonly element = document.createElement("canvas");
  #wires: Wire[] = [];
  #asked = false;
  #ink: (name: string) => string = () => "#888";
  #pen = this.element.getContext("2d")!;

  constructor(
    private model: Model,
    private camera: Camera,
  ) {
    this.element.className = "graph";
    this.element.setAttribute("aria-hidden", "true");
  }

  build(): void {
    const across = level(this.model.scene);
    this.#wires = this.model.scene.edges.map(({ points: p }) => {
      const xs = p.map((q) => q[0]);
      const ys = p.map((q) => q[1]);
      return {
        line: new Path2D(line(p, across)),
        tip: new Path2D(head(p, across)),
        back: new Path2D(head(p, across, true)),
        box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
      };
    });
    this.frame();
  }

  paint(): void {
    this.frame();
  }

  frame(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  #box(x: number, y: number, w: number, h: number, radius: number, fill: string, stroke: string): void {
    const pen = this.#pen;
    pen.beginPath();
    pen.roundRect(x, y, w, h, radius);
    pen.fillStyle = this.#ink(fill);
    pen.fill();
    pen.strokeStyle = this.#ink(stroke);
    pen.stroke();
  }

  #write(text: string, x: number, y: number, colour: string, font: string, align: CanvasTextAlign = "left"): void {
    const pen = this.#pen;
    pen.fillStyle = this.#ink(colour);
    pen.font = font;
    pen.textAlign = align;
    pen.fillText(text, x, y);
  }

  #draw(): void {
    const { camera, model } = this;
    const pen = this.#pen;
    const ratio = globalThis.devicePixelRatio || 1;
    const style = getComputedStyle(this.element);
    const known = new Map<string, string>();
    this.#ink = (name) => known.get(name) ?? (known.set(name, style.getPropertyValue(`--${name}`).trim() || "#888"), known.get(name)!);
    this.element.width = Math.round(camera.w * ratio);
    this.element.height = Math.round(camera.h * ratio);
    pen.scale(ratio, ratio);
    pen.transform(camera.k, 0, 0, camera.k, camera.x, camera.y);
    const [x0, y0] = camera.toScene(0, 0);
    const [x1, y1] = camera.toScene(camera.w, camera.h);
    const small = camera.k < 0.35; // below this nobody can read: boxes only
    const wire = (w: Wire, colour: string, width: number, tip: Path2D | null): void => {
      pen.strokeStyle = pen.fillStyle = this.#ink(colour);
      pen.lineWidth = Math.max(width, width / 2 / camera.k);
      pen.stroke(w.line);
      if (tip) pen.fill(tip);
    };
    const live: [Wire, string][] = [];
    model.scene.edges.forEach((e, i) => {
      const w = this.#wires[i];
      if (w.box[0] > x1 || w.box[2] < x0 || w.box[1] > y1 || w.box[3] < y0) return;
      const flow = model.flow(e);
      if (flow) live.push([w, flow]);
      else wire(w, "edge", 1.4, small ? null : w.tip);
    });
    for (const [w, flow] of live) wire(w, flow === "backward" ? "bwd" : "fwd", 2.6, flow === "backward" ? w.back : w.tip);
    for (const s of model.scene.nodes) {
      if (s.x <= x1 && s.x + s.w >= x0 && s.y <= y1 && s.y + s.h >= y0) this.#node(s, small);
    }
    const mono = this.#ink("mono");
    for (const m of place(model, camera.k)) {
      pen.save();
      pen.translate(m.x, m.y);
      pen.scale(m.scale, m.scale);
      this.#box(0, 0, m.w / m.scale, 20, 10, "bg", "bwd");
      this.#write(m.lead, 8, 14, "ink", `11px ${mono}`);
      this.#write(m.main, 8 + m.leadWidth, 14, "bwd", `700 11px ${mono}`);
      pen.restore();
    }
  }

  #node(s: SceneNode, small: boolean): void {
    const { model } = this;
    const pen = this.#pen;
    const look = model.look(s);
    const accent = look.current ? (model.frame?.phase === "forward" ? "fwd" : "bwd") : look.selected ? "ink" : "";
    const fill = look.found ? "mark" : s.kind === "leaf" || s.kind === "portal" ? "leaf-bg" : s.kind === "group" ? "upd-bg" : "node";
    const reached = look.lines.some((l) => l && l.kind !== "value" && l.kind !== "none");
    pen.lineWidth = accent ? Math.max(2.5, 2 / this.camera.k) : Math.max(1.2, 0.6 / this.camera.k);
    pen.globalAlpha = look.ghost ? 0.45 : 1;
    this.#box(s.x, s.y, s.w, s.h, S.round, small && reached && !accent ? "bwd-bg" : fill, accent || (fill === "leaf-bg" ? "leaf" : "line"));
    if (!small) {
      const sans = this.#ink("sans");
      const mono = this.#ink("mono");
      if (s.kind === "portal") this.#write(s.title, s.x + s.w / 2, s.y + s.h / 2 + 4, "leaf", `600 11px ${sans}`, "center");
      else this.#write(s.title, s.x + S.side, s.y + S.titleY, "ink", `600 13px ${sans}`);
      if (s.sub) this.#write(s.sub, s.x + s.w - S.side, s.y + S.titleY, "soft", `11px ${mono}`, "right");
      look.lines.forEach((now, i) => {
        if (!now) return;
        const y = s.y + S.head + S.row * i;
        const colour = now.kind === "value" ? "fwd" : now.kind === "stored" ? "leaf" : /none|freed|zeroed/.test(now.kind) ? "soft" : "bwd";
        this.#write(cut(now.text, s.w - 36 - now.part.length * S.letter), s.x + s.w - 11, y + S.base, colour, `500 11.5px ${mono}`, "right");
        this.#write(now.kind === "value" ? "→" : now.part, s.x + (now.part ? 23 : 9), y + S.base, colour, `11px ${mono}`);
        if (now.kind === "value") return;
        const mark = glyph(now.kind, now.share);
        pen.save();
        pen.translate(s.x + 14, y + 8.5);
        pen.lineWidth = 1.4;
        pen.strokeStyle = this.#ink(colour);
        if (now.kind === "freed") pen.setLineDash([2, 2]);
        pen.stroke(new Path2D(mark.line));
        if (mark.fill) pen.fill(new Path2D(mark.fill));
        pen.restore();
      });
    }
    pen.globalAlpha = 1;
    const badge = model.badge(s);
    if (!badge) return;
    const colour = { ok: "leaf", bad: "bad", unsure: "soft", stop: "bad", added: "leaf", removed: "bad", changed: "upd" }[badge.kind];
    this.#box(s.x + s.w - 11, s.y - 8, 18, 18, 9, colour, "bg");
    this.#write(BADGES[badge.kind], s.x + s.w - 2, s.y + 5, "bg", `700 11px ${this.#ink("sans")}`, "center");
  }

  hit(e: MouseEvent): SceneNode | null {
    const area = this.element.getBoundingClientRect();
    const [x, y] = this.camera.toScene(e.clientX - area.left, e.clientY - area.top);
    return this.model.scene.nodes.find((s) => x >= s.x && x <= s.x + s.w && y >= s.y && y <= s.y + s.h) ?? null;
  }
}

globalThis.gradvizCanvas = CanvasGraph;
