// The ground under a walk, and walks on it: a curve, a map from above, or a landscape from the side. The map is SVG made by
// gradviz/widgets/optim/terrain.py; walks, arrows and the side view are drawn on a canvas over it, so that playing and turning cost little.
import { Brush, look, MARKERS, type Arrow, type Trail } from "./brush";
import { el, put, svg } from "./dom";
import { g } from "./number";
import { Plot, SERIES } from "./plot";
import { Camera, draped, Mesh, ramp, type PackedMesh } from "./surface";
import { drawBox, Ground } from "./terrain_side";

export interface TerrainData {
  names: string[];
  bounds: [number, number][];
  range: [number, number] | null;
  minima: number[][];
  curve?: string;
  bands?: string[];
  levels?: number[];
  hole?: string;
  mesh?: PackedMesh;
  marks?: [number, number][];
}

export interface Spot {
  trail: number;
  step: number;
  x: number;
  y: number;
}

export const W = 689, H = 423;

export const TERRAIN = `
.terrain{position:relative;touch-action:none;max-width:1000px;margin:0 auto;cursor:crosshair}
.terrain.fixed{cursor:default}.terrain.side{cursor:grab}.terrain.side.held{cursor:grabbing}
.terrain canvas{position:absolute;inset:0;width:100%;height:100%;pointer-events:none}
.terrain.side .plot{visibility:hidden}
.bands path{stroke-width:.8;stroke-opacity:.5}.hole{fill:var(--line)}
.curve{stroke:var(--edge);fill:none;stroke-width:2.2}
.tip{position:absolute;z-index:2;pointer-events:none;background:var(--bg);border:1px solid var(--line);border-radius:7px;box-shadow:var(--shade);padding:5px 9px;font:12px/1.45 var(--mono);white-space:pre;max-width:60%}
.sign{width:14px;height:14px;flex:none;overflow:visible}
`;

/** The sign of a series, for legends. */
export function sign(series: number, grey = false): SVGElement {
  return svg("svg", { class: "sign", viewBox: "-1.4 -1.4 2.8 2.8", "aria-hidden": "true" },
    svg("path", { d: MARKERS[series % MARKERS.length], fill: grey ? "var(--edge)" : `var(--s${series % SERIES})` }));
}

export class Terrain {
  readonly element: HTMLElement;
  readonly plot: Plot;
  readonly camera = new Camera(W, H);
  readonly flat: boolean;
  readonly mesh: Mesh | null;
  side = false;
  /** What is drawn; set them and call draw(). */
  trails: Trail[] = [];
  arrows: Arrow[] = [];
  at = 0;
  /** Called while the pointer drags the start, chooses a step, or moves over one. */
  onStart: ((place: number[]) => void) | null = null;
  onSpot: (spot: Spot) => void = () => undefined;
  tipText: (spot: Spot) => string = () => "";
  onTurn: () => void = () => undefined;
  #canvas = el("canvas", { "aria-hidden": "true" });
  #tip = el("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  #bands: SVGElement[] = [];
  #spots: Spot[] = [];
  #look: ReturnType<typeof look> | null = null;
  #theme: "light" | "dark" = "light";
  #watch: ResizeObserver | null = null;
  #wide = 0; // asked for once and when it changes: asking in the middle of a step makes the browser lay everything out twice
  #ground = new Ground();

  constructor(readonly data: TerrainData) {
    this.flat = data.bounds.length === 1;
    this.mesh = data.mesh ? new Mesh(data.mesh, data.bounds) : null;
    const [across, up] = this.flat ? [data.bounds[0], data.range!] : data.bounds;
    this.plot = new Plot({ width: W, height: H, left: 60, right: 14, top: 14, bottom: 40 },
      { low: across[0], high: across[1], name: short(data.names[0]) }, { low: up[0], high: up[1], name: this.flat ? "loss" : short(data.names[1]) });
    if (data.curve) this.plot.marks.append(svg("path", { class: "curve", d: data.curve }));
    if (data.bands) {
      const { x, y, w, h } = this.plot.inner;
      this.#bands = data.bands.map((d, i) => svg("path", { d, "fill-rule": "evenodd" }, svg("title", {}, `loss ${g(data.levels![i], 4)}`)));
      this.#bands.unshift(svg("rect", { x, y, width: w, height: h }));
      this.plot.marks.append(svg("g", { class: "bands" }, ...this.#bands));
      if (data.hole) this.plot.marks.append(svg("path", { class: "hole", d: data.hole, "fill-rule": "evenodd" }, svg("title", {}, "not a finite number")));
    }
    this.element = el("div", { class: "terrain" }, this.plot.element, this.#canvas, this.#tip);
    this.#listen();
    if (globalThis.ResizeObserver) {
      this.#watch = new ResizeObserver(() => {
        this.#wide = this.element.clientWidth;
        this.draw();
      });
      this.#watch.observe(this.element);
    }
  }

  close(): void {
    this.#watch?.disconnect();
  }

  /** Take over the theme's colours. */
  theme(dark: boolean): void {
    this.#theme = dark ? "dark" : "light";
    this.#look = look(this.element);
    this.#bands.forEach((band, i) => {
      put(band, "fill", ramp(i / Math.max(this.#bands.length - 1, 1), this.#theme));
      put(band, "stroke", dark ? "#6f86a8" : "#6d8bb3");
    });
    this.draw();
  }

  look(side: boolean): void {
    this.side = side && !this.flat;
    this.element.classList.toggle("side", this.side);
    this.draw();
  }

  turn(across: number, up: number): void {
    this.camera.look(this.camera.turn + across, this.camera.tilt + up);
    this.draw();
    this.onTurn();
  }

  /** Where a step is in the picture; null if it has no place. */
  place(trail: Trail, k: number): [number, number] | null {
    const p = trail.points[k];
    if (this.side) {
      const seen = this.mesh!.seen(this.camera, p[0], p[1]);
      return seen && [seen[0], seen[1]];
    }
    const [x, y] = [this.plot.X(p[0]), this.plot.Y(this.flat ? trail.losses[k] : p[1])];
    return Number.isFinite(x + y) && Math.abs(x) < 1e5 && Math.abs(y) < 1e5 ? [x, y] : null;
  }

  // -- drawing ------------------------------------------------------------------------------------------------------
  draw(): void {
    const pen = this.#canvas.getContext?.("2d");
    const width = (this.#wide ||= this.element.clientWidth);
    this.#spots = [];
    if (!pen || !width || !this.#look) return;
    const dense = (globalThis.devicePixelRatio || 1) * (width / W);
    const [w, h] = [Math.round(W * dense), Math.round(H * dense)];
    if (this.#canvas.width !== w || this.#canvas.height !== h) [this.#canvas.width, this.#canvas.height] = [w, h];
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, W, H);
    pen.lineJoin = pen.lineCap = "round";
    const brush = new Brush(pen, this.#look.colours, this.#look.family, this.#theme);
    // the chosen one last, so that it lies on top
    const shown = this.trails.filter((t) => !t.hidden).sort((a, b) => Number(!!a.chosen) - Number(!!b.chosen));
    if (this.side) this.#drawSide(brush, shown);
    else this.#drawMap(brush, shown);
  }

  #drawMap(brush: Brush, shown: Trail[]): void {
    const { x, y, w, h } = this.plot.inner;
    const inFrame = (draw: () => void): void => {
      brush.pen.save();
      brush.pen.beginPath();
      brush.pen.rect(x, y, w, h);
      brush.pen.clip();
      draw();
      brush.pen.restore();
    };
    inFrame(() => {
      if (!this.flat) for (const m of this.data.minima) brush.star(this.plot.X(m[0]), this.plot.Y(m[1]));
      for (const trail of shown) brush.line(trail, this.#places(trail));
    });
    for (const trail of shown) {
      const last = this.#last(trail);
      if (!last) continue;
      const [px, py] = [Math.min(Math.max(last[0], x), x + w), Math.min(Math.max(last[1], y), y + h)];
      brush.marker(px, py, trail, last[2] || px !== last[0] || py !== last[1]);
    }
    this.#begin(brush);
    inFrame(() => brush.arrows(this.arrows, this.flat, (p, way) => {
      const from = this.place({ points: [p], losses: [p[p.length - 1]], series: 0 }, 0);
      if (!from) return [];
      const [right, up] = [this.plot.X(p[0] + way[0]) - this.plot.X(p[0]), this.flat ? 0 : this.plot.Y(p[1] + way[1]) - this.plot.Y(p[1])];
      return [[from[0], from[1], 0], [from[0] + right, from[1] + up, 0]];
    }));
  }

  #drawSide(brush: Brush, shown: Trail[]): void {
    const [mesh, camera] = [this.mesh!, this.camera];
    drawBox(brush, camera, this.data.bounds, this.data.names.map(short), this.data.marks ?? []);
    this.#ground.draw(brush, mesh, camera, shown, this.at);
    for (const m of this.data.minima) {
      const seen = mesh.seen(camera, m[0], m[1]);
      if (seen) brush.star(seen[0], seen[1]);
    }
    for (const trail of shown) {
      this.#places(trail);
      const last = this.#last(trail);
      if (last) brush.marker(last[0], last[1], trail, last[2]);
    }
    this.#begin(brush);
    brush.arrows(this.arrows, false, (from, way) => draped(mesh, camera, [from, from.map((v, i) => v + way[i])]));
  }

  /** Where the steps of a trail are, up to the one that is shown; the pointer finds them there. */
  #places(trail: Trail): ([number, number] | null)[] {
    const number = this.trails.indexOf(trail);
    return trail.points.slice(0, this.at + 1).map((_, k) => {
      const place = this.place(trail, k);
      if (place) this.#spots.push({ trail: number, step: k, x: place[0], y: place[1] });
      return place;
    });
  }

  /** The last place that was reached, and whether the walk was lost after it. */
  #last(trail: Trail): [number, number, boolean] | null {
    const end = Math.min(this.at, trail.points.length - 1);
    for (let k = end; k >= 0; k--) {
      const place = this.place(trail, k);
      if (place) return [place[0], place[1], k < end];
    }
    return null;
  }

  /** Where all begin, of those that show the start that is shown. */
  #first(): [number, number] | null {
    const trail = this.trails.find((t) => !t.grey) ?? this.trails[0];
    return trail ? this.place(trail, 0) : null;
  }

  #begin(brush: Brush): void {
    const spot = this.#first();
    if (spot) brush.ring(...spot);
  }

  // -- the pointer --------------------------------------------------------------------------------------------------
  #listen(): void {
    let holds: "start" | "turn" | "spot" | null = null;
    let [px, py] = [0, 0];
    let moved = 0;
    const here = (e: PointerEvent): [number, number] => {
      const box = this.element.getBoundingClientRect();
      return [((e.clientX - box.left) / box.width) * W, ((e.clientY - box.top) / box.height) * H];
    };
    const drag = (e: PointerEvent): void => {
      if (!this.onStart) return;
      if (this.side) return this.onStart(this.mesh!.under(this.camera, ...here(e)));
      const [x, y] = this.plot.at(e);
      this.onStart(this.flat ? [x] : [x, y]);
    };
    this.element.addEventListener("pointerdown", (e) => {
      if (e.button !== 0) return;
      const [x, y] = here(e);
      const ball = this.#first();
      const onBall = !!ball && Math.hypot(ball[0] - x, ball[1] - y) < 12;
      const spot = onBall ? null : this.near(x, y);
      holds = onBall && this.onStart ? "start" : spot ? "spot" : this.side ? "turn" : this.onStart ? "start" : null;
      if (!holds) return;
      this.element.setPointerCapture?.(e.pointerId);
      this.element.classList.add("held");
      [px, py, moved] = [e.clientX, e.clientY, 0];
      this.#tip.hidden = true;
      if (holds === "spot") this.onSpot(spot!);
      else if (holds === "start" && !onBall) drag(e);
    });
    this.element.addEventListener("pointermove", (e) => {
      if (!holds) return this.#hover(...here(e));
      const [dx, dy] = [e.clientX - px, e.clientY - py];
      moved += Math.abs(dx) + Math.abs(dy);
      if (holds === "start") drag(e);
      if (holds === "turn" || (holds === "spot" && this.side && moved > 6)) {
        this.turn(dx * 0.45, dy * 0.35);
        [px, py] = [e.clientX, e.clientY];
      }
    });
    const drop = (): void => {
      holds = null;
      this.element.classList.remove("held");
    };
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) this.element.addEventListener(name, drop);
    this.element.addEventListener("pointerleave", () => (this.#tip.hidden = true));
  }

  /** The drawn step nearest to a point of the picture, within reach. */
  near(x: number, y: number, reach = 9): Spot | null {
    let best: Spot | null = null;
    for (const spot of this.#spots) {
      const far = Math.hypot(spot.x - x, spot.y - y);
      if (spot.step > 0 && far < reach) [best, reach] = [spot, far];
    }
    return best;
  }

  #hover(x: number, y: number): void {
    const spot = this.near(x, y);
    this.#tip.hidden = !spot;
    this.element.style.cursor = spot ? "pointer" : "";
    if (!spot) return;
    this.#tip.textContent = this.tipText(spot);
    const right = spot.x > W * 0.62;
    this.#tip.style.left = right ? "" : `${((spot.x + 12) / W) * 100}%`;
    this.#tip.style.right = right ? `${((W - spot.x + 12) / W) * 100}%` : "";
    this.#tip.style.top = `${(Math.max(0, spot.y - 14) / H) * 100}%`;
  }
}

const short = (name: string): string => (name.length > 24 ? `${name.slice(0, 23)}…` : name);
