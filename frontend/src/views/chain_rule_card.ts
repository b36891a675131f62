// ChainRuleCard: the viewer's card of one node as a view of its own. Its steps are those that change what is known of the node, so the
// contributions to its gradient arrive one by one; a name in it leads to that node's card.
import { Card } from "../card";
import { el, put } from "../dom";
import { stretches, tellHooks } from "../frames";
import { showKeys } from "../help";
import { GRAPH } from "../look";
import { Model } from "../model";
import { register, type Handle } from "../register";
import { Shell } from "../shell";
import { say } from "../state";
import { Timeline, walking } from "../timeline";
import { transport } from "../transport";
import { fillTwin, markTwin } from "../twin";
import { unpack } from "../unpack";

const CSS = `${GRAPH}
.place{position:relative}
.card{border-top:1px solid var(--line);height:auto;min-height:230px;padding-bottom:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr))}.card section{max-width:560px}
.twin,.help{min-height:100%}
`;

/** The positions of the timeline at which something about a node changes. */
export function positions(model: Model, n: number): number[] {
  const found = model.frames.flatMap((f, i) => (f.n === n || f.touched.includes(n) ? [i + 1] : []));
  return found.length ? found : [model.frames.length];
}

class ChainRuleView implements Handle {
  readonly model: Model;
  readonly shell: Shell;
  readonly card: Card;
  #whole: Set<number>;
  #first: number;
  #time!: Timeline;
  #at: number[] = [];
  #row = el("div");
  #twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region", "aria-label": "Every step as text" });
  #help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  #back = el("button", { type: "button", hidden: true, onclick: () => this.show(this.#first) });

  constructor(
    readonly host: HTMLElement,
    packed: { n: number; whole: number[] },
  ) {
    this.model = new Model(unpack(packed));
    tellHooks(this.model.frames);
    this.#whole = new Set(packed.whole);
    this.#first = packed.n;
    const name = this.model.nodes[packed.n].label;
    this.shell = new Shell(host, this.model.data.title || `Chain rule at ${name}`, `Chain rule card of ${name}. Press ? for keys.`, CSS);
    this.card = new Card(this.model, (n) => this.show(n));
    const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
    put(this.#back, "title", `Back to ${name}`);
    this.#back.textContent = `Back to ${name}`;
    this.shell.header.append(el("span", { class: "grow" }), this.#back, button("Text", "Every step as text (T)", () => this.#toggle()), button("?", "Keys (?)", () => this.#keys()));
    this.shell.body.append(el("div", { class: "place" }, this.card.element, this.#twin, this.#help), this.#row);
    this.shell.keys({
      ...walking(() => this.#time),
      inspect: () => this.card.element.focus(), text: () => this.#toggle(), help: () => this.#keys(), leave: () => this.#leave(),
    });
    this.shell.later(() => this.#time.pause());
    this.show(packed.n);
    void this.shell.mark("data-ready");
  }

  /** The card of a node, at the end of the run. */
  show(n: number): void {
    if (!this.#whole.has(n)) return this.shell.status(`Not all of ${this.model.nodes[n]?.label ?? "it"} is in this page: make a card of it, ChainRuleCard(loss, ${JSON.stringify(this.model.nodes[n]?.label ?? "")})`);
    this.#time?.pause();
    this.model.selected = n;
    this.#back.hidden = n === this.#first;
    this.#at = [0, ...positions(this.model, n)];
    this.#time = new Timeline(this.#at.length - 1);
    this.#time.on(() => this.#moved());
    const some = this.#at.slice(1).map((at) => this.model.frames[at - 1]).filter(Boolean);
    this.#row.replaceChildren(some.length ? transport(this.#time, stretches(some)) : "");
    this.shell.status(this.model.note);
    this.#time.go(this.#time.length);
    if (!this.#time.length) this.#moved();
  }

  #moved(): void {
    const { cursor } = this.#time;
    // After its last change nothing more happens to this node: show it as it is at the very end.
    this.model.time.cursor = cursor === this.#time.length ? this.model.frames.length : this.#at[cursor];
    this.card.paint(true);
    const frame = this.model.frames[this.#at[cursor] - 1];
    const n = this.model.selected!;
    const about = frame && (frame.n === n || (frame.step.kind === "backward" && frame.step.messages.some((m) => m.to === n)));
    // A step that is another node's affair changed this one's state only: what it had kept was freed.
    this.shell.announce(about ? frame.text : frame ? `${this.model.nodes[n].label}: ${say(this.model.history.grad(n, this.model.time.cursor))}` : "Nothing has been computed yet");
    if (!this.#twin.hidden) markTwin(this.#twin, cursor);
    void this.shell.mark("data-step", String(cursor));
  }

  #toggle(): void {
    this.#twin.hidden = !this.#twin.hidden;
    if (this.#twin.hidden) return this.host.focus({ preventScroll: true });
    const some = this.#at.slice(1).map((at) => this.model.frames[at - 1]);
    fillTwin(this.#twin, { length: some.length, line: (i) => ({ text: some[i].text, kind: some[i].phase }), go: (i) => this.#time.go(i) }, this.#time.cursor);
    this.#twin.focus({ preventScroll: true });
  }

  #keys(): void {
    showKeys(this.#help, new Set(["next", "previous", "ten", "back-ten", "first", "last", "play", "slower", "faster", "inspect", "text", "leave", "help"]), [], "A name in the card leads to that node");
  }

  #leave(): void {
    const opened = [this.#help, this.#twin].find((e) => !e.hidden);
    if (opened) opened.hidden = true;
    else if (this.shell.root.activeElement) this.host.focus({ preventScroll: true });
    else return this.host.parentElement?.closest<HTMLElement>("[tabindex]")?.focus({ preventScroll: true }) ?? this.host.blur();
    this.host.focus({ preventScroll: true });
  }

  close(): void {
    this.shell.close();
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export const mount = (host: HTMLElement, packed: any): ChainRuleView => new ChainRuleView(host, packed);

register("chain_rule_card", mount);
