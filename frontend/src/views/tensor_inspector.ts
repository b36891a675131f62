// TensorInspector: choose a tensor, look at its value and gradient as grids, walk from cell to cell, pick slices, see what is
// not finite. The numbers come from the page; with a kernel behind it, what the page does not hold is fetched.
import { el, put, say } from "../dom";
import { showKeys } from "../help";
import { g } from "../number";
import { register, type Handle, type Port } from "../register";
import { Shell } from "../shell";
import { fit, Grid, RULER, TALL, zoomed, type Camera, type Colours, type Look } from "../tensor_canvas";
import { Layout, Numbers, type Packed, type Shown } from "../tensor_data";
import { CSS, type Face, type Piece, type Tensor, type TensorData } from "../tensor_look";
import { bars, histogram, indexText, panel, scale, WIDE } from "../tensor_side";
import { fillTwin } from "../twin";

const LINES = 200; // rows of the slice in the text twin
const ACROSS = 24; // numbers in one of them

export class Inspector implements Handle {
  readonly shell: Shell;
  readonly #list = el("div", { role: "listbox", "aria-label": "Tensors", tabindex: 0 });
  readonly #find = el("input", { type: "search", placeholder: "Find (/)", "aria-label": "Find a tensor" });
  readonly #bar = el("div", { class: "bar", role: "toolbar", "aria-label": "What is shown" });
  readonly #heats = el("div", { class: "heats" });
  readonly #dims = el("div", { class: "dims" });
  readonly #side = el("div", { class: "side" });
  readonly #tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
  readonly #twin = el("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": "The numbers as text" });
  readonly #help = el("div", { class: "help", hidden: true, tabindex: 0, role: "region", "aria-label": "Keys" });
  #which = 0;
  #source: "value" | "gradient" | "both" = "value";
  #part = "";
  #image = false;
  #colours: Colours = "signed";
  #shown: Shown = "extreme";
  #clipped = true;
  #down: number[] = [];
  #across: number[] = [];
  #picked: number[] = [];
  #slider = -1; // the dimension that Ctrl+arrows move along
  #cursor: [number, number] | null = null;
  #camera: Camera = { w: 1, h: 1, row: 0, column: 0 };
  #fitted = true;
  #pieces: Piece[] | null = null; // fetched numbers, in place of the tensor's own
  #grids: { face: Face; grid: Grid }[] = [];
  #cache = new Map<Packed, Numbers>();
  #revision = 0;

  constructor(
    host: HTMLElement,
    readonly data: TensorData,
    readonly port?: Port,
  ) {
    this.shell = new Shell(host, data.title, `Tensor inspector: ${data.title}. Arrow keys walk from cell to cell, question mark lists the keys.`, CSS);
    const { shell } = this;
    const several = data.tensors.length > 1;
    const box = el("div", { class: several ? "box many" : "box" });
    if (several) box.append(el("div", { class: "list" }, data.tensors.length > 6 && this.#find, this.#list));
    box.append(el("div", { class: "main" }, this.#bar, this.#heats, this.#dims), this.#side, this.#tip, this.#twin, this.#help);
    shell.body.append(box);
    if (data.note) shell.body.append(el("div", { class: "note" }, data.note));
    const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
    shell.header.append(el("span", { class: "grow" }), button("Copy", "Copy index and value (Ctrl+C)", () => this.#copy()), button("Text", "The numbers as text (T)", () => this.#toText()), button("?", "Keys", () => this.#keys()));
    this.#find.addEventListener("input", () => this.#fillList());
    this.#listen();
    shell.onTheme = () => this.#grids.length && this.#redraw(true);
    const watch = new ResizeObserver(() => this.#redraw());
    watch.observe(this.#heats);
    shell.later(() => watch.disconnect());
    port?.hear((piece: Piece) => shell.safely(() => this.#arrived(piece)));
    this.choose(0, false);
    shell.status(data.live ? "Arrows walk, [ ] zoom, Enter fetches the numbers around a block from the kernel, ? lists all keys." : "Arrows walk, [ ] zoom, ? lists all keys.");
    void shell.mark("data-ready");
  }

  get tensor(): Tensor {
    return this.data.tensors[this.#which];
  }

  close(): void {
    this.shell.close();
  }

  // -- what is shown ------------------------------------------------------------------------------------------------
  choose(which: number, tell = true): void {
    this.#which = which;
    const { faces, axes, image, shape } = this.tensor;
    const gradient = faces.some((f) => f.source === "gradient");
    this.#source = gradient ? "both" : "value";
    this.#part = faces[0].part;
    this.#image = this.data.as_image && image !== null;
    this.#colours = faces[0].classes ? "classes" : "signed";
    this.#shown = "extreme";
    this.#clipped = faces.some((f) => f.full < f.top);
    [this.#down, this.#across] = [[...axes[0]], [...axes[1]]];
    this.#picked = shape.map(() => 0);
    this.#slider = -1;
    this.#pieces = null;
    this.#cursor = null;
    if (this.#image) this.#asImage();
    this.#fillList();
    this.#all();
    if (tell) this.shell.announce(`${this.tensor.name}, ${this.tensor.facts[0][1]} ${this.tensor.dtype}`);
  }

  #asImage(): void {
    const n = this.tensor.shape.length;
    const at = { chw: [n - 2, n - 1], hwc: [n - 3, n - 2], hw: [n - 2, n - 1] }[this.tensor.image!];
    [this.#down, this.#across] = [[at[0]], [at[1]]];
    this.#picked[this.#channel()] = 0;
  }

  #channel(): number {
    const n = this.tensor.shape.length;
    return { chw: n - 3, hwc: n - 1, hw: -1 }[this.tensor.image!];
  }

  #numbers(face: Face): Numbers {
    const i = this.tensor.faces.indexOf(face);
    const piece = this.#pieces?.find((p) => p.face === i);
    const packed = piece?.data ?? face.data;
    let found = this.#cache.get(packed);
    if (!found) this.#cache.set(packed, (found = new Numbers(packed, this.tensor.shape, face.part ? "float" : this.tensor.dtype, piece?.origin)));
    return found;
  }

  /** Everything anew: the bar, the grids, the sliders, the side. */
  #all(): void {
    const { tensor } = this;
    const shown = tensor.faces.filter((f) => (this.#source === "both" || f.source === this.#source) && f.part === this.#part);
    this.#heats.className = shown.length > 1 ? "heats two" : "heats";
    this.#grids = shown.map((face) => {
      const canvas = el("canvas", { role: "img" }) as HTMLCanvasElement;
      const numbers = this.#numbers(face);
      const picked = this.#picked.map((k, i) => Math.min(k, numbers.shape[i] - 1));
      const layout = new Layout(numbers, this.#down, this.#across, picked);
      const look: Look = {
        colours: this.#image ? "grey" : this.#colours, full: this.#clipped ? face.full : face.top, black: face.black, white: face.white,
        classes: face.classes?.map(([v]) => v) ?? [], shown: this.#image ? "mean" : this.#shown, image: this.#image,
      };
      const grid = new Grid(canvas, layout, look, (r, c) => this.#three(layout, r, c));
      this.#hear(canvas, grid);
      return { face, grid };
    });
    const one = tensor.shape.length === 0;
    const none = shown[0]?.count === 0;
    this.#heats.replaceChildren(...this.#grids.map(({ face, grid }) => el("div", { class: "heat" },
      tensor.faces.length > 1 && el("h4", { class: face.source }, face.part ? `${face.source}, ${face.part}` : face.source),
      none ? el("p", { class: "hint" }, "No elements.") : one ? el("div", { class: "number" }, grid.layout.numbers.text(0)) : grid.canvas,
      !none && !one && scale(face, grid.look), face.hist && !one && histogram(face))));
    this.#fillBar();
    this.#fillDims();
    this.#side.replaceChildren(...panel(tensor, shown, (flat, face) => this.#goto(flat, face)));
    if (!none) {
      const last = this.#grids[0].grid.layout;
      if (this.#cursor && (this.#cursor[0] >= last.rows || this.#cursor[1] >= last.columns)) this.#cursor = null;
      this.#fitted = true;
      this.#redraw(true);
    }
    if (!this.#twin.hidden) this.#fillTwin();
    this.#done();
  }

  #three(layout: Layout, r: number, c: number): [number, number, number] | null {
    const cell = layout.cell(r, c);
    const channel = this.#channel();
    const { numbers } = layout;
    if (channel < 0 || numbers.shape[channel] !== 3) return [0, 0, 0].map(() => numbers.at(cell, "mean")) as [number, number, number];
    return [0, 1, 2].map((k) => numbers.at(cell + k * numbers.steps[channel], "mean")) as [number, number, number];
  }

  #redraw(repaint = false): void {
    if (!this.#grids.length || !this.tensor.shape.length || this.#grids[0].face.count === 0) return;
    const wide = this.#grids[0].grid.canvas.clientWidth || 640;
    const { rows, columns } = this.#grids[0].grid.layout;
    if (this.#fitted) this.#camera = fit(rows, columns, wide - this.#grids[0].grid.left - 2);
    for (const { face, grid } of this.#grids) {
      if (repaint || !grid.bitmap) grid.paint();
      const what = `${face.source}${face.part ? `, ${face.part}` : ""}`;
      grid.draw(wide, this.#camera, this.#cursor, `${this.#image ? "Image" : "Heatmap"} of ${this.tensor.name}, ${what}: ${rows} rows, ${columns} columns`);
    }
    if (this.#fitted && repaint) {
      // The width of the ruler is known only now.
      const again = fit(rows, columns, wide - this.#grids[0].grid.left - 2);
      if (again.w !== this.#camera.w) for (const { grid } of this.#grids) grid.draw(wide, (this.#camera = again), this.#cursor, grid.canvas.getAttribute("aria-label")!);
    }
  }

  #done(): void {
    void this.shell.mark("data-drawn", String(++this.#revision));
  }

  // -- the bar ------------------------------------------------------------------------------------------------------
  #fillBar(): void {
    const { faces, image } = this.tensor;
    const tabs = (label: string, items: [string, string][], now: string, pick: (to: string) => void): HTMLElement =>
      el("div", { class: "group", role: "group", "aria-label": label }, ...items.map(([key, text]) => el("button", { type: "button", "aria-pressed": String(key === now), "data-pick": key, onclick: () => pick(key) }, text)));
    const choice = (label: string, items: [string, string][], now: string, pick: (to: string) => void): HTMLElement => {
      const select = el("select", { "aria-label": label }, ...items.map(([key, text]) => el("option", { value: key, selected: key === now }, text))) as HTMLSelectElement;
      select.addEventListener("change", () => pick(select.value));
      return el("label", {}, label, select);
    };
    const change = (what: () => void) => (): void => {
      what();
      this.#all();
    };
    const made: HTMLElement[] = [];
    const parts = [...new Set(faces.map((f) => f.part))];
    if (faces.some((f) => f.source === "gradient")) made.push(tabs("Value or gradient", [["value", "Value"], ["gradient", "Gradient"], ["both", "Both"]], this.#source, (to) => change(() => (this.#source = to as "both"))()));
    if (parts.length > 1) made.push(tabs("Part of the complex numbers", parts.map((p) => [p, p[0].toUpperCase() + p.slice(1)]), this.#part, (to) => change(() => (this.#part = to))()));
    if (image && this.tensor.faces[0].count) made.push(tabs("Cells or image", [["cells", "Cells"], ["image", "Image"]], this.#image ? "image" : "cells", (to) => change(() => {
      this.#image = to === "image";
      if (this.#image) this.#asImage();
      else [this.#down, this.#across] = [[...this.tensor.axes[0]], [...this.tensor.axes[1]]];
    })()));
    const pooled = this.#grids.some(({ grid }) => grid.layout.numbers.kind === "pooled");
    if (pooled && !this.#image) made.push(choice("of each block", [["extreme", "extreme"], ["mean", "mean"], ["min", "lowest"], ["max", "highest"]], this.#shown, (to) => change(() => (this.#shown = to as Shown))()));
    if (faces[0].classes && !this.#image) made.push(choice("colours", [["classes", "one a class"], ["signed", "by size"]], this.#colours, (to) => change(() => (this.#colours = to as Colours))()));
    if (faces.some((f) => f.full < f.top) && !this.#image && this.#colours === "signed") made.push(choice("full colour", [["99", "99 % of them"], ["max", "the largest"]], this.#clipped ? "99" : "max", (to) => change(() => (this.#clipped = to === "99"))()));
    if (this.#pieces) made.push(el("button", { type: "button", "data-do": "back", onclick: () => this.#leave() }, "← back to the blocks (Esc)"));
    if (this.tensor.shape.length && faces[0].count) {
      made.push(el("span", { class: "grow" }), el("div", { class: "group" },
        ...([["−", "Zoom out ([)", () => this.#zoom(-1)], ["fit", "All of it (0)", () => this.#fit()], ["+", "Zoom in (])", () => this.#zoom(1)]] as [string, string, () => void][]).map(([text, title, run]) => el("button", { type: "button", title, "aria-label": title, onclick: run }, text))));
    }
    this.#bar.replaceChildren(...made);
    this.#bar.hidden = !made.length;
  }

  #fillDims(): void {
    const { shape } = this.tensor;
    if (shape.length < 3) return void (this.#dims.hidden = true);
    const numbers = this.#grids[0].grid.layout.numbers;
    this.#dims.hidden = this.#image && shape.length === 3;
    this.#dims.replaceChildren(...shape.map((n, i) => {
      const side = this.#down.includes(i) ? "rows" : this.#across.includes(i) ? "columns" : "slider";
      const select = el("select", { "aria-label": `Dimension ${i}`, disabled: this.#image }, ...["rows", "columns", "slider"].map((name) => el("option", { value: name, selected: name === side }, name))) as HTMLSelectElement;
      select.addEventListener("change", () => this.#assign(i, select.value));
      const cells = numbers.shape[i];
      const block = numbers.packed.block[i];
      const channel = this.#image && i === this.#channel();
      const out = el("output");
      const range = el("input", { type: "range", min: 0, max: cells - 1, step: 1, value: this.#picked[i], "data-dim": i, "aria-label": `Index of dimension ${i}` }) as HTMLInputElement;
      const show = (): void => {
        const from = numbers.origin[i] + this.#picked[i] * block;
        say(out, block > 1 ? `${from}:${Math.min(n, from + block)}` : `${from} / ${n - 1}`);
        put(range, "aria-valuetext", out.textContent);
      };
      range.addEventListener("input", () => {
        this.#slider = i;
        this.#pick(i, range.valueAsNumber);
      });
      range.addEventListener("keydown", (e) => /^(Arrow|Home|End|Page)/.test(e.key) && !e.ctrlKey && e.stopPropagation());
      show();
      return el("div", { hidden: this.#image && (side !== "slider" || channel) }, el("span", {}, `dimension ${i} (${n})`), select, ...(side === "slider" && !channel ? [range, out] : [el("span"), el("span")]));
    }));
  }

  /** Give a dimension another part; rows and columns keep at least one each where they can. */
  #assign(i: number, to: string): void {
    const from = this.#down.includes(i) ? this.#down : this.#across.includes(i) ? this.#across : null;
    from?.splice(from.indexOf(i), 1);
    const target = to === "rows" ? this.#down : to === "columns" ? this.#across : null;
    if (target) {
      target.push(i);
      target.sort((a, b) => a - b);
    }
    this.#cursor = null;
    this.#all();
    this.#dims.querySelectorAll("select")[i]?.focus();
  }

  /** Another index along a dimension that has a slider. */
  #pick(i: number, to: number): void {
    const n = this.#grids[0].grid.layout.numbers.shape[i];
    this.#picked[i] = Math.max(0, Math.min(n - 1, to));
    const range = this.#dims.querySelector<HTMLInputElement>(`[data-dim="${i}"]`);
    if (range) {
      range.value = String(this.#picked[i]);
      const { numbers } = this.#grids[0].grid.layout;
      const from = numbers.origin[i] + this.#picked[i] * numbers.packed.block[i];
      const text = numbers.packed.block[i] > 1 ? `${from}:${Math.min(this.tensor.shape[i], from + numbers.packed.block[i])}` : `${from} / ${this.tensor.shape[i] - 1}`;
      put(range, "aria-valuetext", text);
      say(range.nextElementSibling!, text);
    }
    for (const { grid } of this.#grids) {
      const { numbers } = grid.layout;
      grid.layout = new Layout(numbers, this.#down, this.#across, this.#picked.map((k, d) => Math.min(k, numbers.shape[d] - 1)));
      grid.paint();
    }
    this.#redraw();
    this.shell.announce(`Dimension ${i} at ${this.#picked[i]}. ${this.#cursor ? this.#words() : ""}`);
    if (!this.#twin.hidden) this.#fillTwin();
    this.#done();
  }

  // -- the list -----------------------------------------------------------------------------------------------------
  #fillList(): void {
    const wish = this.#find.value.trim().toLowerCase();
    const items = this.data.tensors.map((tensor, i) => {
      if (wish && !tensor.name.toLowerCase().includes(wish)) return null;
      const bad = tensor.faces.some((f) => f.nan || f.inf);
      const more = tensor.faces.some((f) => f.source === "gradient") ? " ∇" : "";
      return el("div", { role: "option", id: `o${i}`, "aria-selected": String(i === this.#which), onclick: () => this.choose(i) },
        el("b", { dir: "auto" }, tensor.name), tensor.faces[0].hist ? bars(tensor.faces[0].hist, 46, 18) : el("span"),
        el("small", {}, tensor.facts[0][1] + more, bad && el("span", { class: "warn" }, " ⚠ not finite")));
    });
    this.#list.replaceChildren(...items.filter((item) => item !== null));
    put(this.#list, "aria-activedescendant", `o${this.#which}`);
    const chosen = this.#list.querySelector<HTMLElement>("[aria-selected=true]");
    if (chosen) this.#list.scrollTop = chosen.offsetTop - this.#list.offsetTop - 40;
  }

  #other(by: number): void {
    const shown = [...this.#list.children].map((item) => Number(item.id.slice(1)));
    const at = shown.indexOf(this.#which);
    const to = shown[Math.max(0, Math.min(shown.length - 1, at + by))];
    if (to !== undefined && to !== this.#which) this.choose(to);
  }

  /** Bring an element into sight and put the cursor on its cell. */
  #goto(flat: number, face: Face): void {
    const shown = this.#grids.find((one) => one.face === face) ?? this.#grids[0];
    if (this.#pieces) this.#leave();
    const { numbers } = shown.grid.layout;
    const cell = numbers.cellOf(flat);
    numbers.shape.forEach((n, i) => {
      if (this.#down.includes(i) || this.#across.includes(i)) return;
      const k = Math.floor(cell / numbers.steps[i]) % n;
      if (k !== this.#picked[i]) this.#pick(i, k);
    });
    const at = shown.grid.layout.place(cell);
    if (at) this.#move(at[0], at[1]);
  }

  // -- the cursor ---------------------------------------------------------------------------------------------------
  #move(row: number, column: number): void {
    const first = this.#grids[0]?.grid;
    if (!first || !this.tensor.shape.length || !this.#grids[0].face.count) return;
    const { rows, columns } = first.layout;
    row = Math.max(0, Math.min(rows - 1, row));
    column = Math.max(0, Math.min(columns - 1, column));
    while (first.layout.cell(row, column) < 0) column--;
    this.#cursor = [row, column];
    const [across, down] = this.#sight();
    if (column < this.#camera.column) this.#camera.column = column;
    if (column >= this.#camera.column + across) this.#camera.column = column - across + 1;
    if (row < this.#camera.row) this.#camera.row = row;
    if (row >= this.#camera.row + down) this.#camera.row = row - down + 1;
    this.#redraw();
    this.shell.announce(this.#words());
    this.#here();
    put(this.shell.host, "data-cell", this.#index());
    this.#done();
  }

  /** Whole cells in sight, across and down. */
  #sight(): [number, number] {
    const { canvas, left } = this.#grids[0].grid;
    return [Math.max(1, Math.floor(((canvas.clientWidth || 640) - left) / this.#camera.w)), Math.max(1, Math.floor(TALL / this.#camera.h))];
  }

  #index(): string {
    const { layout } = this.#grids[0].grid;
    return this.#cursor ? layout.numbers.index(layout.cell(...this.#cursor)) : "";
  }

  /** The cell under the cursor in words. */
  #words(at = this.#cursor): string {
    if (!at) return "";
    const parts = this.#grids.flatMap(({ face, grid: { layout } }) => {
      const cell = this.#image ? this.#pixel(layout, at) : layout.cell(...at);
      if (typeof cell === "string") return [cell];
      if (face.part && cell >= 0) return [`${this.#grids.length > 1 ? `${face.source} ` : ""}${this.#complex(face, cell)}`];
      return cell < 0 ? [] : [`${this.#grids.length > 1 ? `${face.source} ` : ""}${layout.numbers.text(cell)}`];
    });
    const { layout } = this.#grids[0].grid;
    const cell = layout.cell(...at);
    return cell < 0 ? "" : `${layout.numbers.index(cell)}  ${parts.join("   ")}`;
  }

  /** A complex number: its two parts, its size and its angle. */
  #complex(face: Face, cell: number): string {
    const told = Object.fromEntries(this.tensor.faces.filter((f) => f.source === face.source).map((f) => [f.part, this.#numbers(f).text(cell)]));
    if (this.#numbers(face).kind !== "exact") return `${face.part} ${told[face.part]}`;
    return `${told.real}${told.imaginary.startsWith("-") ? "" : "+"}${told.imaginary}j  magnitude ${told.magnitude}  phase ${told.phase}`;
  }

  #pixel(layout: Layout, at: [number, number]): number | string {
    const channel = this.#channel();
    const cell = layout.cell(...at);
    if (channel < 0 || layout.numbers.shape[channel] !== 3) return cell;
    return ["red", "green", "blue"].map((name, k) => `${name} ${layout.numbers.text(cell + k * layout.numbers.steps[channel], 4)}`).join("  ");
  }

  /** The cursor's number on the histograms. */
  #here(): void {
    this.#grids.forEach(({ face, grid: { layout } }, i) => {
      const line = this.#heats.querySelectorAll<SVGElement>(".hist .here")[i];
      if (!line || !face.hist || !this.#cursor) return;
      const v = layout.numbers.at(layout.cell(...this.#cursor), this.#shown);
      const x = ((v - face.hist.low) / (face.hist.high - face.hist.low)) * WIDE;
      put(line, "d", Number.isFinite(x) ? `M${x.toFixed(1)} 0v60` : "");
    });
  }

  #zoom(by: 1 | -1): void {
    if (!this.#grids.length) return;
    this.#fitted = false;
    const [w, h] = zoomed(this.#camera, by);
    const { rows, columns } = this.#grids[0].grid.layout;
    const [row, column] = this.#cursor ?? [this.#camera.row, this.#camera.column];
    this.#camera = { w, h, row: 0, column: 0 };
    const [across, down] = this.#sight();
    this.#camera.row = Math.max(0, Math.min(rows - down, row - Math.floor(down / 2)));
    this.#camera.column = Math.max(0, Math.min(columns - across, column - Math.floor(across / 2)));
    this.#redraw();
    this.#done();
  }

  #fit(): void {
    this.#fitted = true;
    this.#redraw();
    this.#done();
  }

  /** The next number that is not finite, in this slice or another. */
  #nextBad(by: 1 | -1): void {
    const { face, grid } = this.#grids.find(({ face: f }) => f.marks.length) ?? {};
    if (!face || !grid) return this.shell.announce("Every number is finite.");
    const cells = face.marks.map(([flat]) => grid.layout.numbers.cellOf(flat));
    const now = this.#cursor ? grid.layout.cell(...this.#cursor) : by > 0 ? -1 : Infinity;
    const order = by > 0 ? face.marks.map((_, i) => i) : face.marks.map((_, i) => i).reverse();
    const next = order.find((i) => (by > 0 ? cells[i] > now : cells[i] < now)) ?? order[0];
    this.#goto(face.marks[next][0], face);
  }

  #copy(): void {
    const text = this.#words() || this.data.title;
    const said = (): void => this.shell.announce(`Copied: ${text}`);
    const area = el("textarea", { class: "quiet", "aria-hidden": "true" }) as HTMLTextAreaElement;
    const byHand = (): void => {
      area.value = text;
      this.shell.view.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      this.shell.host.focus({ preventScroll: true });
      said();
    };
    if (navigator.clipboard?.writeText) navigator.clipboard.writeText(text).then(said, byHand);
    else byHand();
  }

  // -- the kernel ---------------------------------------------------------------------------------------------------
  #inspect(): void {
    const first = this.#grids[0];
    if (!first || !this.tensor.shape.length || !first.face.count) return;
    if (!this.#cursor) this.#move(0, 0);
    const { layout } = first.grid;
    if (layout.numbers.kind === "exact" || this.#pieces) {
      while (this.#camera.w < 58) this.#zoom(1);
      return this.#move(...this.#cursor!);
    }
    const spans = layout.numbers.starts(layout.cell(...this.#cursor!));
    if (!this.port || !this.data.live) {
      const slice = spans.map(([from, to]) => (to - from > 1 ? `${from}:${to}` : String(from))).join(", ");
      return this.shell.status(`This page does not hold these numbers exactly. Look at ${this.tensor.name}[${slice}], or use TensorInspector(…, live=True).`);
    }
    this.shell.status("Asking the kernel…");
    const at = spans.map(([from, to]) => Math.floor((from + to) / 2));
    const dims = [...this.#down.slice(-1), ...this.#across.slice(-1)];
    this.#pieces = null;
    this.#grids.forEach(({ face }) => this.port!.send({ tensor: this.#which, face: this.tensor.faces.indexOf(face), at, dims }));
  }

  #arrived(piece: Piece): void {
    if (piece.tensor !== this.#which) return;
    const held = this.#pieces ?? [];
    this.#pieces = [...held.filter((p) => p.face !== piece.face), piece];
    if (this.#pieces.length < this.#grids.length) return;
    [this.#down, this.#across] = [this.#down.slice(-1), this.#across.slice(-1)];
    this.#cursor = null;
    this.#picked = this.tensor.shape.map(() => 0);
    this.#all();
    this.shell.status(`These are the kernel's numbers from ${indexText(piece.origin)} on. Esc goes back.`);
  }

  #leave(): void {
    if (!this.#help.hidden) return this.#keys();
    if (!this.#twin.hidden) return this.#toText();
    if (this.#pieces) {
      this.#pieces = null;
      [this.#down, this.#across] = [[...this.tensor.axes[0]], [...this.tensor.axes[1]]];
      this.#cursor = null;
      this.#all();
      return this.shell.status("");
    }
    this.#cursor = null;
    this.#fit();
    this.shell.announce("");
  }

  // -- text and keys ------------------------------------------------------------------------------------------------
  #toText(): void {
    this.#twin.hidden = !this.#twin.hidden;
    if (!this.#twin.hidden) {
      this.#fillTwin();
      this.#twin.focus();
    } else this.shell.host.focus({ preventScroll: true });
  }

  #fillTwin(): void {
    const lines: { text: string; row?: number }[] = [{ text: `${this.tensor.name}: ${this.tensor.facts.map((pair) => pair.join(" ")).join("; ")}` }];
    for (const { face, grid: { layout } } of this.#grids) {
      const numbers = (["min", "max", "mean", "std", "norm"] as const).map((key) => `${key} ${face[key] === null ? "—" : g(face[key]!)}`);
      lines.push({ text: `${[face.source, face.part].filter(Boolean).join(", ")}: ${numbers.join("  ")}  zeros ${face.zero}  nan ${face.nan}  inf ${face.inf}` });
      if (!face.count) continue;
      const rows = Array.from({ length: Math.min(LINES, layout.rows) }, (_, r) => Array.from({ length: Math.min(ACROSS, layout.columns) }, (_c, c) => layout.cell(r, c)).filter((cell) => cell >= 0));
      const texts = rows.map((cells) => cells.map((cell) => layout.numbers.text(cell, 4)));
      const width = Math.max(...texts.flat().map((text) => text.length));
      for (const [r, cells] of rows.entries()) {
        lines.push({ text: `${layout.numbers.index(cells[0]).padEnd(3 * layout.numbers.shape.length + 4)}${texts[r].map((text) => text.padStart(width)).join("  ")}${layout.columns > ACROSS ? `  … ${layout.columns - ACROSS} more` : ""}`, row: r });
      }
      if (layout.rows > LINES) lines.push({ text: `… ${layout.rows - LINES} more rows` });
    }
    fillTwin(this.#twin, { length: lines.length, line: (i) => lines[i], go: (i) => {
      const row = lines[i - 1].row;
      if (row === undefined) return;
      this.#toText();
      this.#move(row, this.#cursor?.[1] ?? 0);
    } }, lines.length + 1);
    this.#twin.querySelectorAll("li").forEach((li) => li.classList.remove("later"));
  }

  #keys(): void {
    showKeys(this.#help, new Set(["search", "text", "leave", "help"] as const), [
      ["← → ↑ ↓", "to the next cell; with Shift ten on"], ["Home", "to the start of the row"], ["End", "to its end"], ["]", "zoom in"], ["[", "zoom out"], ["0", "all in sight"],
      ["Enter", this.data.live ? "fetch the numbers around this block" : "zoom in on the numbers"], ["n", "next NaN or inf; with Shift the one before"], ["g", "value, gradient, both"],
      ["Ctrl+ArrowRight", "next slice"], ["Ctrl+ArrowDown", this.data.tensors.length > 1 ? "next tensor" : "another slider"], ["Ctrl+c", "copy index and value"],
    ], "Blue is positive, orange negative. Drag in the grid to look along it.");
    (this.#help.hidden ? this.shell.host : this.#help).focus({ preventScroll: true });
  }

  #listen(): void {
    const step = (down: number, across: number) => (): void => (this.#cursor ? this.#move(this.#cursor[0] + down, this.#cursor[1] + across) : this.#move(this.#camera.row, this.#camera.column));
    const free = (): number[] => this.tensor.shape.map((_, i) => i).filter((i) => !this.#down.includes(i) && !this.#across.includes(i) && !(this.#image && i === this.#channel()));
    const slice = (by: number) => (): void => {
      const dims = free();
      if (!dims.length) return this.shell.announce("All dimensions are in the grid.");
      if (!dims.includes(this.#slider)) this.#slider = dims[dims.length - 1];
      this.#pick(this.#slider, this.#picked[this.#slider] + by);
    };
    const slider = (by: number) => (): void => {
      if (this.data.tensors.length > 1) return this.#other(by);
      const dims = free();
      if (dims.length) this.shell.announce(`Slider of dimension ${(this.#slider = dims[(dims.indexOf(this.#slider) + by + dims.length) % dims.length])}`);
    };
    this.shell.keys({
      next: step(0, 1), previous: step(0, -1), ten: step(0, 10), "back-ten": step(0, -10),
      first: () => this.#move(this.#cursor?.[0] ?? 0, 0), last: () => this.#move(this.#cursor?.[0] ?? 0, 1e9),
      slower: () => this.#zoom(-1), faster: () => this.#zoom(1), search: () => (this.#find.isConnected ? this.#find.focus() : this.#list.focus()),
      "walk-left": slice(-1), "walk-right": slice(1), "walk-up": slider(-1), "walk-down": slider(1),
      inspect: () => this.#inspect(), text: () => this.#toText(), leave: () => this.#leave(), help: () => this.#keys(),
    });
    const more: Record<string, (e: KeyboardEvent) => void> = {
      ArrowDown: (e) => step(e.shiftKey ? 10 : 1, 0)(), ArrowUp: (e) => step(e.shiftKey ? -10 : -1, 0)(), n: () => this.#nextBad(1), N: () => this.#nextBad(-1), 0: () => this.#fit(),
      g: () => {
        const all = ["value", "gradient", "both"] as const;
        if (!this.tensor.faces.some((f) => f.source === "gradient")) return this.shell.announce("It has no gradient.");
        this.#source = all[(all.indexOf(this.#source as "value") + 1) % all.length];
        this.#all();
        this.shell.announce(`Shown: ${this.#source}`);
      },
    };
    const hear = (e: KeyboardEvent): void => {
      const target = (e.composedPath()[0] ?? e.target) as HTMLElement;
      const inList = target === this.#list;
      if (e.defaultPrevented || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && (target as HTMLInputElement).type !== "range") return;
      if ((e.ctrlKey || e.metaKey) && e.key === "c" && !String(globalThis.getSelection?.() ?? "")) return this.#copy();
      const run = inList && /^Arrow(Up|Down)$/.test(e.key) ? () => this.#other(e.key === "ArrowDown" ? 1 : -1) : more[e.key];
      if (!run || e.ctrlKey || e.metaKey) return;
      e.preventDefault();
      e.stopPropagation();
      this.shell.safely(() => run(e));
    };
    this.shell.host.addEventListener("keydown", hear);
    this.shell.later(() => this.shell.host.removeEventListener("keydown", hear));
  }

  #hear(canvas: HTMLCanvasElement, grid: Grid): void {
    const at = (e: PointerEvent | WheelEvent): [number, number] | null => {
      const box = canvas.getBoundingClientRect();
      const c = Math.floor((e.clientX - box.left - grid.left) / this.#camera.w) + this.#camera.column;
      const r = Math.floor((e.clientY - box.top - RULER) / this.#camera.h) + this.#camera.row;
      return c >= 0 && r >= 0 && c < grid.layout.columns && r < grid.layout.rows && grid.layout.cell(r, c) >= 0 ? [r, c] : null;
    };
    let from: { x: number; y: number; row: number; column: number } | null = null;
    let dragged = false;
    canvas.addEventListener("pointerdown", (e) => {
      from = { x: e.clientX, y: e.clientY, row: this.#camera.row, column: this.#camera.column };
      dragged = false;
      canvas.setPointerCapture(e.pointerId);
      this.shell.host.focus({ preventScroll: true });
    });
    canvas.addEventListener("pointermove", (e) => {
      if (from && Math.hypot(e.clientX - from.x, e.clientY - from.y) > 5) dragged = true;
      if (from && dragged) {
        const [across, down] = this.#sight();
        this.#camera.row = Math.max(0, Math.min(grid.layout.rows - down, Math.round(from.row - (e.clientY - from.y) / this.#camera.h)));
        this.#camera.column = Math.max(0, Math.min(grid.layout.columns - across, Math.round(from.column - (e.clientX - from.x) / this.#camera.w)));
        return this.#redraw();
      }
      this.#hover(e, at(e));
    });
    canvas.addEventListener("pointerup", (e) => {
      const cell = at(e);
      if (from && !dragged && cell) this.#move(cell[0], cell[1]);
      from = null;
    });
    canvas.addEventListener("pointerleave", () => (this.#tip.hidden = true));
    canvas.addEventListener("dblclick", () => this.#inspect());
    canvas.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      this.#cursor = at(e) ?? this.#cursor;
      this.#zoom(e.deltaY < 0 ? 1 : -1);
    }, { passive: false });
  }

  #hover(e: PointerEvent, cell: [number, number] | null): void {
    this.#tip.hidden = !cell;
    if (!cell) return;
    say(this.#tip, this.#words(cell));
    const box = this.#tip.parentElement!.getBoundingClientRect();
    const x = Math.min(e.clientX - box.left + 14, box.width - this.#tip.offsetWidth - 6);
    this.#tip.style.left = `${Math.max(4, x)}px`;
    this.#tip.style.top = `${e.clientY - box.top + 18}px`;
  }
}

register("tensor_inspector", (host: HTMLElement, data: TensorData, port?: Port) => new Inspector(host, data, port));
