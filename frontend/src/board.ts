// What views that walk along a run have in common: a stage for the picture with the text twin and the keys over it, the
// row of controls, the keyboard, and the timeline shared with other views. Used by clip_view, schedule_view, landscape_view.
import { el, put } from "./dom";
import { showKeys } from "./help";
import type { Action, Actions } from "./keys";
import type { Shell } from "./shell";
import { join, Timeline, type Moment, walking } from "./timeline";
import { transport, type Stretch } from "./transport";

export interface Plan {
  length: number; // the last step; 0: nothing to walk along, and no controls
  what?: string; // what a step is called
  stretches?: Stretch[];
  table(): string[][]; // the text twin, its head first
  row?(step: number): number; // which line of the table says this step, counted from 1
  draw(step: number): void;
  said?: string; // the name of the table
  actions?: Actions;
  also?: [string, string][]; // keys of the view's own, for the list of keys
  hint?: string;
  timeline?: string | null;
  moment?(step: number): Moment;
  step?(moment: Moment): number | null; // where another view's moment lies here
}

export class Board {
  readonly time: Timeline;
  readonly stage = el("div", { class: "stage" });
  readonly tools = el("div", { class: "group" });
  #twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region" });
  #help = el("div", { class: "help", hidden: true, tabindex: "0", role: "region", "aria-label": "Keys" });
  #text = el("button", { type: "button", title: "As a table (T)", "aria-expanded": "false", onclick: () => this.text() }, "Table");
  #channel: ReturnType<typeof join>;
  #following = false;
  #drawn = 0;

  constructor(
    readonly shell: Shell,
    readonly plan: Plan,
  ) {
    const time = (this.time = new Timeline(plan.length));
    put(this.#twin, "aria-label", plan.said ?? "The picture as a table");
    this.tools.append(this.#text, el("button", { type: "button", title: "Keys (?)", "aria-label": "Keys (?)", onclick: () => this.help() }, "?"));
    this.stage.append(this.#twin, this.#help);
    const walk: Actions = plan.length > 0 ? walking(() => time) : {};
    shell.keys({ ...walk, ...plan.actions, text: () => this.text(), help: () => this.help(), leave: () => this.leave() });
    time.on((now) => {
      if (!this.#following) this.#channel.tell(plan.moment?.(now) ?? { iteration: now });
      this.redraw();
    });
    this.#channel = { tell: () => undefined, leave: () => undefined };
    shell.later(() => time.pause());
  }

  /** After the view has put the stage where it wants it: the controls go under it, the first picture is drawn. */
  begin(at = 0): void {
    const { plan, time, shell } = this;
    shell.header.append(el("span", { class: "grow" }), this.tools);
    if (plan.length > 0) shell.body.append(transport(time, plan.stretches ?? [], plan.what ?? "step"));
    if (at) time.go(at);
    this.#channel = join(plan.timeline, (moment) => {
      const to = plan.step ? plan.step(moment) : moment.iteration;
      if (to === null) return;
      this.#following = true;
      time.go(to);
      this.#following = false;
    });
    shell.later(() => this.#channel.leave());
    this.redraw();
    void shell.mark("data-ready");
  }

  redraw(): void {
    this.shell.safely(() => this.plan.draw(this.time.cursor));
    if (!this.#twin.hidden) this.#mark();
    this.shell.host.dataset.drawn ??= "";
    const count = ++this.#drawn;
    void this.shell.mark("data-step", String(this.time.cursor)).then(() => {
      if (count === this.#drawn) this.shell.host.setAttribute("data-drawn", String(count));
    });
  }

  /** The table again, if it is open: what it says has changed. */
  retell(): void {
    if (!this.#twin.hidden) this.#fill();
  }

  text(): void {
    this.#twin.hidden = !this.#twin.hidden;
    put(this.#text, "aria-expanded", String(!this.#twin.hidden));
    this.#help.hidden = true;
    if (!this.#twin.hidden) this.#fill();
  }

  #fill(): void {
    const cells = (row: string[], tag: "th" | "td"): HTMLElement[] => row.map((text) => el(tag, { dir: "auto", scope: tag === "th" ? "col" : null }, text));
    const [head, ...rows] = this.plan.table();
    this.#twin.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...cells(head, "th"))), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...cells(row, "td"))))));
    this.#mark();
  }

  #mark(): void {
    const at = this.plan.row ? this.plan.row(this.time.cursor) : this.time.cursor + 1;
    this.#twin.querySelectorAll("tbody tr").forEach((row, i) => put(row, "aria-current", i + 1 === at ? "step" : null));
    const now = this.#twin.querySelector<HTMLElement>("[aria-current]");
    if (now) this.#twin.scrollTop = now.offsetTop - this.#twin.clientHeight / 2;
  }

  help(): void {
    this.#twin.hidden = true;
    put(this.#text, "aria-expanded", "false");
    const has = new Set<Action>(["text", "leave", "help", ...(Object.keys(this.plan.actions ?? {}) as Action[])]);
    if (this.plan.length > 0) for (const action of ["next", "previous", "ten", "back-ten", "first", "last", "play", "slower", "faster"] as const) has.add(action);
    showKeys(this.#help, has, this.plan.also ?? [], this.plan.hint ?? "");
  }

  leave(): void {
    this.time.pause();
    if (!this.#twin.hidden) return this.text();
    if (!this.#help.hidden) return void (this.#help.hidden = true);
    this.shell.host.blur();
  }
}

/** A group of buttons of which one is pressed. */
export function choice<T extends string>(label: string, options: [T, string][], now: T, pick: (value: T) => void): HTMLElement {
  const buttons = options.map(([value, text]) =>
    el("button", { type: "button", "data-pick": value, "aria-pressed": String(value === now), onclick: () => {
      for (const button of buttons) put(button, "aria-pressed", String(button.dataset.pick === value));
      pick(value);
    } }, text));
  return el("div", { class: "group", role: "group", "aria-label": label }, ...buttons);
}

/** A stroke of a line beside its name. */
export function key(stroke: SVGElement, ...words: (string | Node)[]): HTMLElement {
  return el("span", { dir: "auto" }, stroke, ...words);
}

export const BOARD = `
.stage{position:relative;padding:0 8px}
.twin{z-index:2}.help{z-index:3}
.twin table{border-collapse:collapse;font:12.5px/1.5 var(--mono)}.twin th,.twin td{padding:1px 12px;text-align:right;white-space:nowrap}
.twin th{color:var(--soft);font-weight:600;background:var(--bg);position:sticky;top:-10px}.twin td:last-child,.twin th:last-child{text-align:left}
.twin tr[aria-current]{background:var(--fwd-bg)}
.plot{touch-action:pan-y}.plot.live{cursor:crosshair;touch-action:none}
.knobs{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;padding:8px 14px;border-top:1px solid var(--line);background:var(--panel)}
.knobs label{display:flex;align-items:center;gap:8px;color:var(--soft)}.knobs label.wide{flex:1;min-width:220px}
.knobs input[type=range]{flex:1;--fill:var(--line)}
.knobs input[type=number]{width:92px;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 6px;font:12px var(--mono)}
.group button{height:26px}
.cursor{stroke:var(--ink);stroke-width:1;stroke-dasharray:2 3;fill:none;opacity:.7}
`;
