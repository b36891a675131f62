// A part of the viewer, for steppers. Checks: every gradient beside a finite difference, as gradviz/widgets/graph/finite_difference.py
// found them; a badge on each box says whether they agree, and if not, where the fault is.
import { el, put, say } from "../dom";
import { BADGE, mark } from "../marks";
import { moreKeys } from "../more_keys";
import { g } from "../number";
import { part, type Part } from "../register";
import type { Badge, Num } from "../types";
import type { Viewer } from "../viewer";

export type Verdict = "ok" | "bad" | "unsure";

export interface Check {
  n: number;
  kind: Verdict;
  text: string;
  rows: [where: string, backward: Num, difference: Num][];
  culprit?: number;
}

const WORDS: Record<Verdict, string> = { bad: "differs", unsure: "cannot tell", ok: "agrees" };
const GLYPHS: Record<Verdict, string> = { bad: "!", unsure: "?", ok: "✓" };
const CSS = `
.badge.unsure circle{fill:var(--soft)}
.checks{border-top:1px solid var(--line);padding:9px 16px 10px;max-height:270px;overflow:auto}
.checks p{margin:0 0 4px}
.checks table{border-collapse:collapse;font:12px/1.5 var(--mono)}
.checks th{font:600 12px/1.6 var(--sans);color:var(--soft);text-align:left;padding:2px 12px 2px 0}
.checks td{padding:2px 12px 2px 0;vertical-align:top;border-top:1px solid var(--line);overflow-wrap:anywhere}
.checks td.num,.checks th.num{text-align:right}.checks td.num{white-space:nowrap}
.checks .why{font-family:var(--sans);color:var(--soft)}
.checks .verdict{white-space:nowrap;font:600 12px/1.5 var(--sans)}
.verdict.ok{color:var(--leaf)}.verdict.bad{color:var(--bad)}.verdict.unsure{color:var(--soft)}
.checks .more td{border-top:0;padding-top:0}
`;

/** "12 agree, 1 differs" */
export function summary(checks: Check[]): string {
  const count = (kind: Verdict): number => checks.filter((c) => c.kind === kind).length;
  const [ok, bad, unsure] = [count("ok"), count("bad"), count("unsure")];
  return [bad && `${bad} ${bad === 1 ? "differs" : "differ"}`, unsure && `${unsure} cannot be told`, ok && `${ok} ${ok === 1 ? "agrees" : "agree"}`].filter(Boolean).join(", ") || "nothing to check";
}

/** How far the two are apart, as a share of the larger. */
export function apart(a: Num, b: Num): string {
  const [x, y] = [Number(a), Number(b)];
  const most = Math.max(Math.abs(x), Math.abs(y));
  return !Number.isFinite(x + y) ? "" : most === 0 ? "0" : g(Math.abs(x - y) / most, 1);
}

export class Checks implements Part {
  static css = BADGE + CSS;
  readonly keys: [string, string][] = [["k", "gradients beside finite differences"]];
  readonly #button = el("button", { type: "button", title: "Gradients beside finite differences (K)", "aria-expanded": "false", onclick: () => this.toggle() }, "Check");
  readonly tools = [this.#button];
  readonly element = el("div", { class: "checks", hidden: true, role: "region", tabindex: "0", "aria-label": "Gradients beside finite differences" });
  readonly list: Check[];
  #first = true;

  constructor(private viewer: Viewer) {
    const given = viewer.model.data.extra?.checks as { list: Check[]; note?: string } | undefined;
    this.list = given?.list ?? [];
    const order = { bad: 0, unsure: 1, ok: 2 };
    const sorted = [...this.list].sort((a, b) => order[a.kind] - order[b.kind]);
    const head = el("tr", {}, ...["verdict", "gradient of", "along", "backward", "finite difference", "apart", "why"].map((t, i) => el("th", { scope: "col", class: i > 2 && i < 6 ? "num" : null }, t)));
    this.element.append(
      el("p", {}, el("strong", {}, `${summary(this.list)[0].toUpperCase()}${summary(this.list).slice(1)}.`), " ",
        el("span", { class: "hint" }, `Backward's gradient beside (f(x + h) − f(x − h)) / 2h, with the operations run again in float64.${given?.note ? ` ${given.note}.` : ""}`)),
      el("table", {}, el("thead", {}, head), el("tbody", {}, ...sorted.flatMap((c) => this.#rows(c)))));
    const marks = new Map<number, Badge>();
    for (const c of this.list) marks.set(c.n, { kind: c.kind, text: c.kind === "ok" ? `Checked. ${c.text}` : c.text });
    for (const c of this.list) {
      if (c.culprit === undefined || c.kind !== "bad") continue;
      const so = marks.get(c.culprit);
      marks.set(c.culprit, { kind: "bad", text: `The fault is here: what it passes on is not its slope.${so ? `\n${so.text}` : ""}` });
    }
    mark(viewer.model, "checks", marks);
    moreKeys(viewer.shell, (key, e) => key === "k" && !e.altKey && (() => this.toggle()));
    if (this.list.some((c) => c.kind === "bad")) this.toggle();
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
    put(this.#button, "aria-expanded", String(!this.element.hidden));
  }

  redraw(): void {
    if (!this.#first) return;
    this.#first = false;
    const line = this.viewer.shell.statusLine;
    say(line, [line.textContent, `Finite differences: ${summary(this.list)}`].filter(Boolean).join(". "));
  }

  #rows(c: Check): HTMLElement[] {
    const { model } = this.viewer;
    const name = el("button", { class: "link", type: "button", dir: "auto", onclick: () => this.viewer.select(c.n) }, model.nodes[c.n]?.label || `#${c.n}`);
    const said = el("td", { class: `verdict ${c.kind}` }, `${GLYPHS[c.kind]} ${WORDS[c.kind]}`);
    // What the numbers do not say: why it cannot be told, and who is to blame.
    const told = c.kind === "unsure" ? c.text.slice(c.text.indexOf("cannot tell, ") + 13) : c.text.includes("To blame: ") ? c.text.slice(c.text.indexOf("To blame: ")) : "";
    const rows = c.rows.length ? c.rows : [["", "", ""] as Check["rows"][number]];
    return rows.map(([where, a, b], i) => el("tr", { class: i ? "more" : null },
      i ? el("td") : said, el("td", {}, i ? null : name), el("td", {}, where), el("td", { class: "num" }, a === "" ? "" : g(a)), el("td", { class: "num" }, b === "" ? "" : g(b)),
      el("td", { class: "num" }, a === "" ? "" : apart(a, b)), el("td", { class: "why", dir: "auto" }, i ? null : told)));
  }
}

part("checks", Checks);
