// The words of the module tree: what each column says of a row, what a screen reader says of it, and all there is to say of one.
import { el } from "./dom";
import type { Item, Parameter, TreeData } from "./module_look";
import { g } from "./number";

const MODES = { train: "▶ train", eval: "■ eval", mixed: "◧ mixed" };

/** A count as people say it: 812, 12.3 k, 25.6 M. */
export function countText(n: number): string {
  const [size, letter] = ([[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e3, " k"]] as [number, string][]).find(([s]) => n >= s) ?? [1, ""];
  return g(n / size, letter ? 3 : 15) + letter;
}

/** Bytes as people say them. */
export function sizeText(n: number): string {
  if (n < 1000) return `${n} B`;
  const power = Math.min(4, Math.floor(Math.log10(n) / 3));
  return `${g(n / 1000 ** power, 3)} ${["kB", "MB", "GB", "TB"][power - 1]}`;
}

export function percent(part: number): string {
  return part >= 0.01 ? `${g(100 * part, 3)} %` : part >= 1e-4 ? `${g(100 * part, 1)} %` : "< 0.01 %";
}

export class Words {
  readonly below: number[][];
  readonly paths: string[] = [];

  constructor(readonly data: TreeData) {
    this.below = data.rows.map(() => []);
    data.rows.forEach((row, i) => row.u >= 0 && this.below[row.u].push(i));
    for (const row of data.rows) this.paths.push(row.u > 0 ? `${this.paths[row.u]}.${row.n}` : row.n);
  }

  /** The numbers of an item: those of a group are of all its members. */
  sum(item: Item, key: "all" | "own" | "learn" | "b" | "g" | "f" | "fl" | "a"): number {
    return item.members.reduce((total, i) => total + (this.data.rows[i][key] ?? 0), 0);
  }

  name(item: Item): string {
    const { rows } = this.data;
    if (item.kind === "parameter") return item.parameter![0];
    if (item.kind === "module") return rows[item.row].n;
    return `${rows[item.members[0]].n} … ${rows[item.members[item.members.length - 1]].n}`;
  }

  /** What a column says of an item. */
  cell(item: Item, key: string): string {
    const row = this.data.rows[item.row];
    if (item.kind === "parameter") {
      const [, shape, count, dtype, flags] = item.parameter!;
      const said: Record<string, string> = { output: shape, params: flags.includes("b") ? "" : count.toLocaleString("en-US"), dtype, learns: flags.includes("b") ? "" : flags.includes("f") ? "○ frozen" : "● trainable", settings: flags.includes("b") ? "buffer" : "parameter" };
      return said[key] ?? "";
    }
    const count = (n: number, text: (n: number) => string): string => (n ? text(n) : "—");
    switch (key) {
      case "settings": return row.x ?? "";
      case "output": return row.o ?? (this.data.ran && !this.below[item.row].length && row.same === undefined ? "not called" : "");
      case "params": return count(this.sum(item, "all"), (n) => (row.same === undefined ? n.toLocaleString("en-US") : `(${n.toLocaleString("en-US")})`));
      case "memory": return count(this.sum(item, "b") + this.sum(item, "g") + this.sum(item, "f"), sizeText);
      case "activations": return count(this.sum(item, "a"), sizeText);
      case "flops": return count(this.sum(item, "fl"), countText);
      case "mode": return MODES[row.m];
      case "learns": return this.learns(item);
      case "dtype": return this.data.kinds[row.d ?? 0][0];
      case "device": return this.data.kinds[row.d ?? 0][1];
      default: return "";
    }
  }

  learns(item: Item): string {
    const [all, learn] = [this.sum(item, "all"), this.sum(item, "learn")];
    return !all ? "" : learn === all ? "● trainable" : learn ? `◐ ${percent(learn / all)}` : "○ frozen";
  }

  /** What a screen reader says of a row. */
  label(item: Item): string {
    const row = this.data.rows[item.row];
    if (item.kind === "parameter") {
      const [name, shape, , dtype, flags, shared] = item.parameter!;
      return `${name}, ${flags.includes("b") ? "buffer" : "parameter"} ${shape} ${dtype}${flags.includes("f") ? ", frozen" : ""}${flags.includes("g") ? ", has a gradient" : ""}${shared ? `, the same as ${shared}` : ""}`;
    }
    const many = item.members.length > 1 ? `, ${item.members.length} times` : "";
    const parts = [`${this.name(item)} ${row.c}${many}`.trim()];
    if (row.o) parts.push(`output ${row.o}`);
    if (this.sum(item, "all")) parts.push(`${this.sum(item, "all").toLocaleString("en-US")} parameters`, this.learns(item).slice(2).replace("%", "% trainable"));
    if (this.sum(item, "fl")) parts.push(`${countText(this.sum(item, "fl"))} FLOPs`);
    parts.push(row.m);
    if (row.same !== undefined) parts.push(`the same module as ${this.paths[row.same]}`);
    if (row.lazy) parts.push("lazy");
    if (row.bad) parts.push("the run stopped here");
    return parts.filter(Boolean).join(", ");
  }

  /** The panel of an item; `goto` leads to another row. */
  about(item: Item, goto: (row: number) => void): HTMLElement[] {
    const row = this.data.rows[item.row];
    const path = this.paths[item.row];
    const each = item.members.length > 1;
    const facts: [string, string | HTMLElement | undefined][] = [];
    if (item.kind === "parameter") {
      const [name, shape, count, dtype, flags, shared] = item.parameter!;
      facts.push(["of", `${path || "the model"} (${row.c})`], ["shape", shape], ["elements", count.toLocaleString("en-US")], ["dtype", dtype], ["is a", flags.includes("b") ? "buffer" : flags.includes("f") ? "frozen parameter" : "trainable parameter"], ["gradient", flags.includes("g") ? "yes" : "none"], ["same as", shared]);
      return [el("h4", { dir: "auto" }, name), el("div", { class: "path", dir: "auto" }, path ? `${path}.${name}` : name), list(facts)];
    }
    const held = (k: "b" | "g" | "f"): string => (this.sum(item, k) ? sizeText(this.sum(item, k)) : "");
    const memory = [held("b") && `${held("b")} parameters`, held("g") && `${held("g")} gradients`, held("f") && `${held("f")} buffers`].filter(Boolean).join(", ");
    const all = this.sum(item, "all");
    facts.push(["settings", row.x], ["input", row.i], ["output", row.o], ["calls", row.k && row.k > 1 ? String(row.k) : undefined],
      ["parameters", all ? `${all.toLocaleString("en-US")}${each ? ` (${(row.all ?? 0).toLocaleString("en-US")} each)` : ""}` : "none"],
      ["its own", all && row.own && row.own !== row.all ? (row.own ?? 0).toLocaleString("en-US") : undefined], ["learn", all ? this.learns(item) : undefined],
      ["memory", memory || undefined], ["activations", this.sum(item, "a") ? sizeText(this.sum(item, "a")) : undefined],
      ["FLOPs", this.sum(item, "fl") ? `${countText(this.sum(item, "fl"))}${each ? ` (${countText(row.fl ?? 0)} each)` : ""}` : undefined],
      ["mode", MODES[row.m]], ["dtype", this.data.kinds[row.d ?? 0][0] || undefined], ["device", this.data.kinds[row.d ?? 0][1] || undefined], ["hooks", row.h ? String(row.h) : undefined],
      ["lazy", row.lazy ? "gets its shapes with its first input" : undefined],
      ["same as", row.same === undefined ? undefined : el("button", { type: "button", class: "link", onclick: () => goto(row.same!) }, this.paths[row.same] || "the model")]);
    const lines = row.p ?? [];
    return [el("h4", { dir: "auto" }, each ? `${row.c} ×${item.members.length}` : row.c), el("div", { class: "path", dir: "auto" }, each ? `${path} … ${this.paths[item.members[item.members.length - 1]]}` : path || "the model"), list(facts),
      ...(lines.length ? [el("table", {}, el("thead", {}, el("tr", {}, ...["name", "shape", "dtype", ""].map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...lines.map((p) => el("tr", {}, el("td", { dir: "auto" }, p[0]), el("td", { class: "mono" }, p[1]), el("td", {}, p[3]), el("td", {}, p[4].includes("b") ? "buffer " : p[4].includes("f") ? "○ frozen " : "● ", ...tags(p))))))] : [])];
  }
}

/** Marks of a parameter. */
export function tags([, , , , flags, shared]: Parameter): (HTMLElement | false)[] {
  return [flags.includes("g") && el("span", { class: "tag", title: "Has a gradient" }, "∇"), flags.includes("l") && el("span", { class: "tag" }, "lazy"), shared !== undefined && el("span", { class: "tag", title: `The same as ${shared}; counted there` }, `↻ ${shared}`)];
}

function list(facts: [string, string | HTMLElement | undefined][]): HTMLElement {
  return el("dl", {}, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, value)]));
}
