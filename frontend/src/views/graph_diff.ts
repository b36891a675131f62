// GraphDiff: two graphs on one layout, moved and zoomed together. A box and its partner light up together; the arrow keys go
// from difference to difference.
import { Camera } from "../camera";
import { el, put, say, svg } from "../dom";
import { hand } from "../hand";
import { showKeys } from "../help";
import type { Action } from "../keys";
import { GRAPH } from "../look";
import { BADGE } from "../marks";
import { Model } from "../model";
import { brief } from "../number";
import { register, type Handle } from "../register";
import { Shell } from "../shell";
import { SvgGraph } from "../svgraph";
import { BADGES, type Badge, type Data } from "../types";
import { fillTwin, markTwin } from "../twin";
import { unpack } from "../unpack";

export interface Difference {
  kind: Badge["kind"];
  a: number | null;
  b: number | null;
  label: string;
  what: string[][]; // [name, in a, in b], or [name, value] of what is only in one
}

export interface DiffData {
  title: string;
  summary: string;
  labels: [string, string];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  sides: any[];
  pairs: [number | null, number | null][];
  differences: Difference[];
  more: number;
}

const CSS = `${GRAPH}${BADGE}
.pair{display:grid;grid-template-columns:minmax(0,1fr);border-top:1px solid var(--line)}
.side{min-width:0;border-top:1px solid var(--line)}.side:first-child{border-top:0}
.side h4{margin:0;padding:5px 16px;color:var(--ink);font-size:13px}
@container (min-width:860px){.pair{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}.side{border-top:0}.side+.side{border-left:1px solid var(--line)}}
.hole{fill:none;stroke:var(--line);stroke-width:1.2;stroke-dasharray:3 4}
.counts{color:var(--soft);padding:0 16px 8px}
.about{display:grid;grid-template-columns:minmax(0,1fr);border-top:1px solid var(--line)}
@container (min-width:860px){.about{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}}
.list{max-height:260px;overflow:auto;padding:6px 10px 10px;outline-offset:-2px}
.list ol{margin:0;padding:0;list-style:none}
.list button{display:grid;grid-template-columns:20px minmax(0,max-content) minmax(0,1fr);gap:8px;width:100%;height:auto;padding:3px 6px;text-align:left;align-items:baseline;color:var(--ink)}
.list [aria-current]{background:var(--upd-bg)}.chosen thead th:first-child{width:96px}
.list button span{overflow:hidden;text-overflow:ellipsis}.list .why{color:var(--soft);font:12px var(--mono)}
.list i,.chosen i{width:18px;height:18px;border-radius:9px;font:700 11px/18px var(--sans);text-align:center;background:var(--upd);color:var(--bg);display:inline-block}
.list .removed,.chosen .removed{background:var(--bad)}.list .added,.chosen .added{background:var(--leaf)}
.chosen{padding:8px 16px 12px;min-width:0;max-height:260px;overflow:auto}
.chosen table{border-collapse:collapse;width:100%;font:12px/1.5 var(--mono);table-layout:fixed}
.chosen th{font:600 12px var(--sans);color:var(--soft);text-align:left;width:96px;vertical-align:top}
.chosen thead th{width:auto}.chosen td,.chosen th{padding:2px 8px 2px 0;overflow-wrap:anywhere}
.chosen .differs td{color:var(--upd);font-weight:700}
`;

export class DiffView implements Handle {
  readonly shell: Shell;
  readonly models: Model[];
  readonly cameras = [new Camera(), new Camera()];
  at = 0; // the difference that is shown, from 1; 0 is none
  chosen: [number | null, number | null] = [null, null];
  #active = 0; // the side that is walked through
  #graphs: SvgGraph[] = [];
  #stages: HTMLElement[] = [];
  #partner: Map<number, number>[] = [new Map(), new Map()];
  #list = el("ol");
  #count = el("span", { class: "chip", "aria-live": "off" });
  #chosenBox = el("div", { class: "chosen", tabindex: 0, role: "region", "aria-label": "The chosen node in both" });
  #twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region", "aria-label": "Every difference as text" });
  #help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  #find = el("input", { type: "search", placeholder: "name, op, module", "aria-label": "Search both graphs" });
  #searching = el("div", { class: "search", hidden: true }, this.#find);

  constructor(
    readonly host: HTMLElement,
    readonly data: DiffData,
  ) {
    this.models = data.sides.map((side) => {
      const model = new Model(unpack(side) as Data);
      model.frames.push({ phase: "backward", step: { kind: "backward_end" }, n: null, text: "", touched: [] }); // after everything
      model.time.cursor = model.frames.length;
      return model;
    });
    for (const [a, b] of data.pairs) {
      if (a === null || b === null) continue;
      this.#partner[0].set(a, b);
      this.#partner[1].set(b, a);
    }
    this.shell = new Shell(host, data.title, `Two graphs: ${data.title}. ${data.summary}. Press ? for keys.`, CSS);
    this.#build();
  }

  #build(): void {
    const { shell, data } = this;
    const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, "aria-label": text.length < 2 ? title : null, onclick: run }, text);
    shell.header.append(this.#count, el("span", { class: "grow" }), el("div", { class: "tools" },
      button("‹", "Previous difference (Left)", () => this.go(this.at - 1)), button("›", "Next difference (Right)", () => this.go(this.at + 1)),
      button("Search", "Search (/)", () => this.#search()), button("Text", "Every difference as text (T)", () => this.#toggleTwin()), button("?", "Keys (?)", () => this.#keysHelp()),
      button("+", "Zoom in", () => this.#zoom(1.25)), button("−", "Zoom out", () => this.#zoom(0.8)), button("Fit", "Fit the graphs", () => this.fit())));
    const pair = el("div", { class: "pair" }, ...data.labels.map((label, k) => this.#side(label, k)));
    this.#stages[0].append(this.#searching, this.#twin, this.#help);
    const list = el("div", { class: "list", role: "region", tabindex: 0, "aria-label": "Differences" }, this.#list);
    shell.body.append(pair, el("div", { class: "about" }, list, this.#chosenBox));
    this.#fillList();
    this.#find.addEventListener("input", () => this.#found());
    shell.keys(this.#actions());
    shell.onTheme = () => this.#graphs.forEach((g) => g.frame());
    const watch = new ResizeObserver(() => this.#settle());
    watch.observe(this.host);
    shell.later(() => watch.disconnect());
    this.#settle();
    say(shell.said, data.summary);
    const note = this.models[0].note;
    if (note) shell.status(note);
    if (data.differences.length) {
      this.at = 1;
      this.chosen = [data.differences[0].a, data.differences[0].b];
    }
    this.#show();
    void shell.mark("data-ready");
  }

  #side(label: string, k: number): HTMLElement {
    const model = this.models[k];
    const camera = this.cameras[k];
    const graph = (this.#graphs[k] = new SvgGraph(model, camera));
    const stage = (this.#stages[k] = el("div", { class: "stage", "data-phase": "backward" }, graph.element));
    graph.build();
    const holes = svg("g", {}, ...(this.data.sides[k].holes as { x: number; y: number; w: number; h: number }[]).map((h) => svg("rect", { class: "hole", x: h.x, y: h.y, width: h.w, height: h.h, rx: 9 })));
    graph.element.firstElementChild!.prepend(holes);
    camera.onmove = () => this.#together(k);
    hand(stage, camera, (e) => {
      const hit = graph.hit(e);
      this.choose(k, hit ? (hit.n ?? hit.members?.[0] ?? null) : null);
      this.host.focus({ preventScroll: true });
    });
    return el("section", { class: "side", "aria-label": label }, el("h4", { dir: "auto" }, label), stage);
  }

  /** Both pictures stand at the same place. */
  #together(k: number): void {
    const from = this.cameras[k];
    const to = this.cameras[1 - k];
    Object.assign(to, { k: from.k, x: from.x, y: from.y, moved: from.moved });
    this.#graphs.forEach((g) => g.frame());
  }

  #settle(): void {
    const { width, height } = this.models[0].scene;
    const w = this.#stages[0].clientWidth || 600;
    const beside = (this.host.clientWidth || 1200) >= 860;
    const wanted = Math.round(Math.max(180, Math.min(beside ? 620 : 420, height * Math.min(1.1, w / width))));
    this.#stages.forEach((stage, k) => {
      stage.style.height = `${wanted}px`;
      Object.assign(this.cameras[k], { w, h: wanted });
    });
    if (this.cameras[0].moved) this.#graphs.forEach((g) => g.frame());
    else this.fit();
  }

  fit(): void {
    const { width, height } = this.models[0].scene;
    this.cameras[0].fit({ x: 0, y: 0, w: width, h: height });
    if (this.cameras[0].k < 0.5) {
      Object.assign(this.cameras[0], { k: 0.75, x: (this.cameras[0].w - width * 0.75) / 2, y: 0 });
    }
    this.cameras[0].moved = false;
    this.#together(0);
    if (this.at || this.chosen.some((n) => n !== null)) this.#follow();
  }

  #zoom(by: number): void {
    this.cameras[0].moved = true;
    this.cameras[0].zoom(by);
  }

  #follow(): void {
    const k = this.chosen[this.#active] === null ? 1 - this.#active : this.#active;
    const box = this.models[k].byN.get(this.chosen[k] ?? -1)?.[0];
    if (box) this.cameras[k].follow(box, 24);
  }

  // ---- the differences ------------------------------------------------------------------------------------------
  words(d: Difference): string {
    if (d.kind === "changed") return d.what.map(([name, one, two]) => `${name} ${one} → ${two}`).join("; ");
    return [`only in ${this.data.labels[d.kind === "removed" ? 0 : 1]}`, ...d.what.map(([name, value]) => `${name} ${value}`)].join("; ");
  }

  #fillList(): void {
    const { differences, more } = this.data;
    this.#list.replaceChildren(...differences.map((d, i) => el("li", {}, el("button", { type: "button", onclick: () => this.go(i + 1) },
      el("i", { class: d.kind, "aria-hidden": "true" }, BADGES[d.kind]), el("span", { dir: "auto" }, d.label), el("span", { class: "why", dir: "auto" }, this.words(d))))));
    if (more) this.#list.append(el("li", { class: "hint" }, `and ${more} more`));
    if (!differences.length) this.#list.append(el("li", { class: "hint" }, "No difference: the same operations on the same numbers"));
  }

  /** Show difference number `to`, counted from 1. */
  go(to: number): void {
    const { differences } = this.data;
    if (!differences.length) return this.shell.announce("No difference");
    this.at = Math.max(1, Math.min(differences.length, to));
    const d = differences[this.at - 1];
    this.chosen = [d.a, d.b];
    if (this.chosen[this.#active] === null) this.#active = 1 - this.#active;
    this.#show();
    this.shell.announce(`Difference ${this.at} of ${differences.length}: ${d.label}: ${this.words(d)}`);
    if (!this.#twin.hidden) markTwin(this.#twin, this.at);
  }

  /** Choose a node of side `k`; its partner is chosen with it. */
  choose(k: number, n: number | null): void {
    this.#active = k;
    const other = n === null ? null : (this.#partner[k].get(n) ?? null);
    this.chosen = k === 0 ? [n, other] : [other, n];
    this.at = n === null ? 0 : 1 + this.data.differences.findIndex((d) => d.a === this.chosen[0] && d.b === this.chosen[1]);
    this.#show();
    const label = n === null ? "" : this.models[k].nodes[n].label;
    if (n !== null) this.shell.announce(`${label}: ${this.at ? this.words(this.data.differences[this.at - 1]) : "the same in both"}`);
  }

  #show(): void {
    this.models.forEach((model, k) => {
      model.selected = this.chosen[k];
      this.#graphs[k].paint(model.scene.nodes, model.scene.edges);
    });
    const total = this.data.differences.length + this.data.more;
    this.#count.textContent = this.at ? `difference ${this.at} of ${total}` : `${total} difference${total === 1 ? "" : "s"}`;
    [...this.#list.children].forEach((li, i) => put(li.firstElementChild ?? li, "aria-current", i + 1 === this.at ? "true" : null));
    const current = this.at ? (this.#list.children[this.at - 1] as HTMLElement) : null;
    const box = this.#list.parentElement;
    if (current && box) box.scrollTop = current.offsetTop - box.offsetTop - box.clientHeight / 2;
    this.#about();
    if (this.chosen.some((n) => n !== null)) this.#follow();
    void this.shell.mark("data-at", `${this.at}:${this.chosen.join(",")}`);
  }

  /** The chosen node in both graphs, line by line. */
  #about(): void {
    const nodes = this.chosen.map((n, k) => (n === null ? null : this.models[k].nodes[n]));
    const known = nodes[0] ?? nodes[1];
    if (!known) return this.#chosenBox.replaceChildren(el("p", { class: "hint" }, "Choose a box, or a difference, to read it in both graphs."));
    const grads = nodes.map((node, k) => (node ? this.models[k].history.grad(node.n, this.models[k].frames.length) : null));
    const settings = [...new Set(nodes.flatMap((node) => Object.keys(node?.settings ?? {})))];
    const rows: [string, string[]][] = [
      ["operation", nodes.map((node) => (node ? node.op || node.kind : "–"))],
      ["value", nodes.map((node) => (node ? brief(node.value, 6) : "–"))],
      ["gradient", grads.map((g) => (g?.grad?.after || g?.value ? brief(g.grad?.after ?? g.value, 6, "norm") : "–"))],
      ["shape", nodes.map((node) => (node ? `${node.shape.join("×") || "scalar"} ${node.dtype}` : "–"))],
      ["inputs", nodes.map((node, k) => (node ? node.inputs.map((i) => (typeof i.n === "number" ? this.models[k].nodes[i.n].label : String(i.value ?? "?"))).join(", ") || "none" : "–"))],
      ...settings.map((name): [string, string[]] => [name, nodes.map((node) => (node ? String(node.settings?.[name] ?? "–") : "–"))]),
      ["line", nodes.map((node) => (node?.line ? `${node.line.file}:${node.line.lineno} ${node.line.text}` : "–"))],
    ];
    const d = this.at ? this.data.differences[this.at - 1] : null;
    this.#chosenBox.replaceChildren(el("div", { class: "who" }, d ? el("i", { class: d.kind, "aria-hidden": "true" }, BADGES[d.kind]) : null, el("strong", { dir: "auto" }, known.label), el("span", { class: "hint" }, d ? "" : "the same in both")),
      el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, ""), ...this.data.labels.map((label) => el("th", { scope: "col", dir: "auto" }, label)))),
        el("tbody", {}, ...rows.filter(([, texts]) => texts.some((t) => t !== "–")).map(([name, texts]) =>
          el("tr", { class: texts[0] === texts[1] || name === "line" ? null : "differs" }, el("th", { scope: "row" }, name), ...texts.map((t) => el("td", { dir: "auto" }, t)))))));
  }

  // ---- keys -------------------------------------------------------------------------------------------------------
  #actions(): Partial<Record<Action, () => void>> {
    return {
      next: () => this.go(this.at + 1), previous: () => this.go(this.at - 1), ten: () => this.go(this.at + 10), "back-ten": () => this.go(this.at - 10),
      first: () => this.go(1), last: () => this.go(this.data.differences.length),
      "walk-left": () => this.#walk(-1, 0), "walk-right": () => this.#walk(1, 0), "walk-up": () => this.#walk(0, -1), "walk-down": () => this.#walk(0, 1),
      inspect: () => this.#chosenBox.focus(), search: () => this.#search(), text: () => this.#toggleTwin(), help: () => this.#keysHelp(), leave: () => this.#leave(),
    };
  }

  #walk(dx: number, dy: number): void {
    const s = this.models[this.#active].walk(dx, dy);
    if (s) this.choose(this.#active, s.n ?? s.members?.[0] ?? null);
  }

  #search(): void {
    this.#searching.hidden = false;
    this.#find.focus();
  }

  #found(): void {
    const hits = this.models.map((model) => model.search(this.#find.value));
    const side = hits[0].length ? 0 : 1;
    if (hits[side].length) this.choose(side, hits[side][0]);
    else this.#show();
  }

  #toggleTwin(): void {
    this.#twin.hidden = !this.#twin.hidden;
    if (this.#twin.hidden) return this.host.focus({ preventScroll: true });
    const { differences } = this.data;
    fillTwin(this.#twin, { length: differences.length, line: (i) => ({ text: `${BADGES[differences[i].kind]} ${differences[i].label}: ${this.words(differences[i])}` }), go: (i) => this.go(i) }, this.at);
    this.#twin.focus({ preventScroll: true });
  }

  #keysHelp(): void {
    const has = new Set(Object.keys(this.#actions()) as Action[]);
    for (const a of ["next", "previous", "ten", "back-ten", "first", "last", "inspect"] as Action[]) has.delete(a);
    showKeys(this.#help, has, [["Right", "next difference"], ["Left", "previous difference"], ["Home", "first difference"], ["Enter", "read the chosen node"]], "Click a box to see it in both graphs. Drag to move, Ctrl + wheel to zoom both");
  }

  #leave(): void {
    const open = [this.#help, this.#twin, this.#searching].find((e) => !e.hidden);
    if (open) {
      open.hidden = true;
      this.models.forEach((model) => model.found.clear());
      this.#show();
      return this.host.focus({ preventScroll: true });
    }
    if (this.shell.root.activeElement) return this.host.focus({ preventScroll: true });
    if (this.chosen.some((n) => n !== null)) return this.choose(this.#active, null);
    const outside = this.host.parentElement?.closest<HTMLElement>("[tabindex]");
    if (outside) outside.focus({ preventScroll: true });
    else this.host.blur();
  }

  close(): void {
    this.shell.close();
  }
}

export function mountDiff(element: HTMLElement, data: DiffData): DiffView {
  return new DiffView(element, data);
}

register("graph_diff", mountDiff);
