// What LossCurve and TrainerPanel have in common: the frame, the curve in it, keys, help, the text twin, playing along the
// steps, and what the kernel tells of the curve.
import { Curve, CURVE, type CurveData } from "./curve";
import { floats, type LineData } from "./decimate";
import { el, put } from "./dom";
import { showKeys } from "./help";
import type { Action, Actions } from "./keys";
import type { Port } from "./register";
import { Shell } from "./shell";
import { fillTwin, markTwin } from "./twin";

const CSS = `${CURVE}
.stage{position:relative}.tools{display:inline-flex;flex-wrap:wrap;align-items:center;gap:4px 10px}
.tools>button{border-color:var(--line)}
`;
const TWIN = 400; // lines
const FRAME = 60; // milliseconds, at speed 1

export interface Told {
  points?: [line: number, from: number][];
  window?: [number, number];
  lines?: LineData[];
}

export class Chart {
  readonly shell: Shell;
  readonly curve: Curve;
  readonly stage: HTMLElement;
  readonly actions: Actions;
  readonly keys: [string, string][];
  ownKeys: Record<string, () => void> = {};
  hint = "Drag in the picture to look closer, double click to see all. With the view in focus the wheel zooms. Click a name to hide its curve.";
  moved: () => void = () => undefined;
  #help = el("div", { class: "help", hidden: true, tabindex: 0, role: "region", "aria-label": "Keys" });
  #twin = el("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": "The curves in words" });
  #asText: HTMLButtonElement;
  #inWords: number[] = [];
  #playing: ReturnType<typeof setTimeout> | undefined;
  #pace = 1;

  constructor(host: HTMLElement, title: string, label: string, data: CurveData, port?: Port, css = "") {
    const shell = (this.shell = new Shell(host, title, label, CSS + css));
    const curve = (this.curve = new Curve(shell, data));
    this.keys = [...curve.keys];
    this.#asText = el("button", { type: "button", title: "In words (T)", "aria-pressed": "false", onclick: () => this.text() }, "Text");
    const help = el("button", { type: "button", class: "icon", title: "Keys (?)", "aria-label": "Keys (?)", onclick: () => this.help() }, "?");
    shell.header.append(el("span", { class: "grow" }), el("span", { class: "tools" }, ...curve.tools, this.#asText, help));
    this.stage = el("div", { class: "stage" }, curve.legend, curve.element, this.#twin, this.#help);
    shell.body.append(this.stage);
    curve.moved = () => {
      if (!this.#twin.hidden) markTwin(this.#twin, this.#line());
      this.moved();
    };
    if (port) curve.ask = (window) => port.send({ window });
    this.actions = this.#actions();
    shell.keys(this.actions);
    const more = (e: KeyboardEvent): void => this.#more(e);
    host.addEventListener("keydown", more);
    shell.later(() => host.removeEventListener("keydown", more));
    shell.later(() => this.stop());
  }

  /** News of the curve from the kernel. */
  hear(told: Told, buffers: DataView[]): void {
    told.points?.forEach(([line, from], i) => {
      const all = floats(buffers[i]);
      this.curve.append(line, from, { steps: all.slice(0, all.length / 2), values: all.slice(all.length / 2) });
    });
    if (told.window) this.curve.closer(told.window, told.lines!);
    this.news();
  }

  /** While nobody points at a step, say what the newest one is. */
  news(): void {
    if (this.curve.cursor === null) this.shell.announce(this.curve.told());
  }

  text(): void {
    const twin = this.#twin;
    twin.hidden = !twin.hidden;
    put(this.#asText, "aria-pressed", String(!twin.hidden));
    if (twin.hidden) return;
    const all = this.curve.positions();
    const every = Math.max(1, Math.ceil(all.length / TWIN));
    const lines = (this.#inWords = [...all].filter((_, i) => i % every === 0 || i === all.length - 1));
    fillTwin(twin, { length: lines.length, line: (i) => ({ text: this.curve.told(lines[i], Infinity) }), go: (i) => this.curve.go(lines[i - 1]) }, this.#line());
  }

  #line(): number {
    const { cursor } = this.curve;
    return cursor === null ? this.#inWords.length : this.#inWords.filter((s) => s <= cursor).length;
  }

  help(): void {
    showKeys(this.#help, new Set(Object.keys(this.actions) as Action[]), this.keys, this.hint);
  }

  play(): void {
    if (this.#playing !== undefined) return this.stop();
    const { curve } = this;
    const all = curve.positions();
    if (!all.length) return;
    if (curve.cursor === null || curve.cursor >= all[all.length - 1]) curve.go(all[0]);
    const beat = (): void => {
      this.#playing = setTimeout(() => {
        const now = curve.positions();
        curve.by(Math.max(1, Math.round(now.length / 300)));
        if (curve.cursor !== null && curve.cursor < now[now.length - 1]) beat();
        else this.stop();
      }, FRAME / this.#pace);
    };
    beat();
  }

  stop(): void {
    clearTimeout(this.#playing);
    this.#playing = undefined;
  }

  #actions(): Actions {
    const { curve } = this;
    const still = (run: () => void) => (): void => {
      this.stop();
      run();
    };
    const end = (last: boolean): (() => void) => still(() => {
      const all = curve.positions();
      if (all.length) curve.go(all[last ? all.length - 1 : 0]);
    });
    return {
      next: still(() => curve.by(1)), previous: still(() => curve.by(-1)), ten: still(() => curve.by(10)), "back-ten": still(() => curve.by(-10)),
      first: end(false), last: end(true), play: () => this.play(),
      slower: () => void (this.#pace = Math.max(0.25, this.#pace / 2)), faster: () => void (this.#pace = Math.min(8, this.#pace * 2)),
      text: () => this.text(), leave: () => this.#leave(), help: () => this.help(),
    };
  }

  #leave(): void {
    const { curve, shell } = this;
    if (!this.#help.hidden) this.#help.hidden = true;
    else if (!this.#twin.hidden) this.text();
    else if (curve.window) curve.zoom(null);
    else if (curve.cursor !== null) {
      curve.follow();
      this.news();
    } else (shell.root.activeElement as HTMLElement | null ?? shell.host).blur();
  }

  #more(e: KeyboardEvent): void {
    const target = e.composedPath()[0] as HTMLElement;
    const typing = target.tagName === "SELECT" || (target.tagName === "INPUT" && (target as HTMLInputElement).type !== "range");
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || typing) return;
    const own = this.ownKeys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (own) this.shell.safely(own);
    else if (!this.curve.key(e.key)) return;
    e.preventDefault();
    e.stopPropagation();
  }
}
