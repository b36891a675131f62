// ConfusionMatrix: counts or shares, epoch by epoch; the chosen cell shows its samples. Blue is right, orange is wrong.
import { el, put, say } from "../dom";
import { showKeys } from "../help";
import { g } from "../number";
import { register } from "../register";
import { painter, SAMPLES, type Packed } from "../samples";
import { Shell } from "../shell";
import { join, Timeline } from "../timeline";
import { transport } from "../transport";

export interface ConfusionData {
  title: string;
  classes: string[];
  counts: number[][];
  normalize: Mode | null;
  images: Packed | null;
  kept: number[];
  labels: number[];
  predictions: number[][];
  note: string;
  timeline: string | null;
}
export type Mode = "true" | "pred" | "all";

const MODES: [Mode | "", string][] = [["", "counts"], ["true", "share of the true class"], ["pred", "share of the predicted class"], ["all", "share of all"]];
const CSS = `
.main{display:grid;grid-template-columns:minmax(0,1fr) 300px;border-top:1px solid var(--line)}
.side{border-left:1px solid var(--line);padding:12px 14px;min-width:0}
.side h4{color:var(--ink);font-size:13px}.side p{margin:2px 0 10px;font-size:13px;overflow-wrap:anywhere}
.held{overflow:auto;padding:8px 14px 12px;position:relative;max-height:640px}
table{border-collapse:separate;border-spacing:1px;margin:0 auto;font-size:12px}
th{font-weight:500;color:var(--soft);max-width:110px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
th.row{text-align:right;padding-right:7px}th.col{height:84px;vertical-align:bottom;padding:0 0 4px}
th.col span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);max-height:80px;overflow:hidden;text-overflow:ellipsis}
th.on{color:var(--ink);font-weight:700}
td{min-width:var(--cell);height:var(--cell);text-align:center;cursor:pointer;border-radius:3px;outline:1px solid var(--line);outline-offset:-1px;font-variant-numeric:tabular-nums;color:var(--ink);padding:0 3px}
td.hit{background:color-mix(in srgb,var(--fwd) var(--a),var(--bg))}td.miss{background:color-mix(in srgb,var(--bwd) var(--a),var(--bg))}
td.full{color:var(--bg)}td[aria-selected=true]{outline:2px solid var(--ink);outline-offset:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(64px,1fr));gap:2px}
.axis{text-align:center;color:var(--soft);font-size:12px;padding:4px}
@container (max-width:700px){.main{grid-template-columns:1fr}.side{border-left:0;border-top:1px solid var(--line)}}
`;

/** Shares of counts, as scikit-learn's `normalize`; a share of nothing is 0. */
export function shares(counts: number[], k: number, mode: Mode | ""): number[] {
  if (!mode) return counts;
  const total = counts.reduce((a, b) => a + b, 0);
  const rows = Array.from({ length: k }, (_, i) => counts.slice(i * k, i * k + k).reduce((a, b) => a + b, 0));
  const columns = Array.from({ length: k }, (_, j) => rows.reduce((sum, _row, i) => sum + counts[i * k + j], 0));
  return counts.map((v, n) => {
    const whole = mode === "all" ? total : mode === "true" ? rows[Math.floor(n / k)] : columns[n % k];
    return whole ? v / whole : 0;
  });
}

export function mountConfusion(host: HTMLElement, data: ConfusionData): Shell {
  const k = data.classes.length;
  const shell = new Shell(host, data.title, `Confusion matrix: ${data.title}. Ctrl and the arrow keys choose a cell. Press ? for keys.`, SAMPLES + CSS);
  const time = new Timeline(data.counts.length - 1);
  time.cursor = time.length;
  const draw = data.images && painter(data.images);
  if (data.images) host.style.setProperty("--ratio", String(data.images.columns / data.images.rows));
  let mode: Mode | "" = data.normalize ?? "";
  const start = worst(data.counts[time.cursor], k);
  let [row, column] = start ?? [0, 0];

  const accuracy = el("span", { class: "chip" });
  const choose = el("select", { "aria-label": "What the cells show" });
  for (const [value, words] of MODES) choose.append(el("option", { value }, words));
  choose.value = mode;
  choose.addEventListener("change", () => {
    mode = choose.value as Mode | "";
    paint();
  });
  const help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  const keys = (): void => showKeys(help, new Set(["next", "previous", "first", "last", "play", "walk-right", "leave", "help"]));
  shell.header.append(accuracy, el("span", { class: "grow" }), choose, el("button", { type: "button", title: "Keys (?)", onclick: keys }, "?"));

  // -- the table, made once -----------------------------------------------------------------------------------------
  const cells: HTMLTableCellElement[] = [];
  const heads = { row: [] as HTMLElement[], col: [] as HTMLElement[] };
  host.style.setProperty("--cell", k <= 12 ? "42px" : k <= 20 ? "30px" : "22px");
  const table = el("table", { role: "grid", "aria-label": "True class in rows, predicted class in columns" });
  const top = el("tr", {}, el("th", {}, ""));
  data.classes.forEach((name) => {
    const head = el("th", { class: "col", scope: "col", title: name, dir: "auto" }, el("span", {}, name));
    heads.col.push(head);
    top.append(head);
  });
  table.append(top);
  data.classes.forEach((name, i) => {
    const head = el("th", { class: "row", scope: "row", title: name, dir: "auto" }, name);
    heads.row.push(head);
    const line = el("tr", {}, head);
    data.classes.forEach((_, j) => {
      const cell = el("td", { onclick: () => pick(i, j) });
      cells.push(cell);
      line.append(cell);
    });
    table.append(line);
  });
  const side = el("div", { class: "side" });
  shell.body.append(el("div", { class: "main" }, el("div", { class: "held" }, table, el("div", { class: "axis" }, "rows: the true class · columns: the predicted class"), help), side));
  if (time.length) shell.body.append(transport(time, [{ phase: "update", from: 0, to: time.length, name: "Epochs" }], "epoch"));

  // -- showing ------------------------------------------------------------------------------------------------------
  const said = (v: number): string => (mode ? v.toFixed(2) : String(v));
  function paint(): void {
    const counts = data.counts[time.cursor];
    const shown = shares(counts, k, mode);
    const hit = Math.max(...shown.filter((_, n) => Math.floor(n / k) === n % k), 0);
    const miss = Math.max(...shown.filter((_, n) => Math.floor(n / k) !== n % k), 0);
    cells.forEach((cell, n) => {
      const right = Math.floor(n / k) === n % k;
      const part = shown[n] / ((right ? hit : miss) || 1);
      put(cell, "class", [right ? "hit" : "miss", part > 0.62 ? "full" : ""].join(" ").trim());
      cell.style.setProperty("--a", `${Math.round(100 * (part > 0.62 ? Math.max(part, 0.9) : part * 0.62))}%`);
      say(cell, counts[n] ? said(shown[n]) : "");
    });
    const total = counts.reduce((a, b) => a + b, 0);
    const good = data.classes.reduce((sum, _, i) => sum + counts[i * k + i], 0);
    say(accuracy, `${good} of ${total} right (${g(total ? good / total : 0, 4)})`);
    pick(row, column);
  }

  function pick(i: number, j: number): void {
    [row, column] = [i, j];
    const counts = data.counts[time.cursor];
    const count = counts[i * k + j];
    cells.forEach((cell, n) => put(cell, "aria-selected", n === i * k + j ? "true" : "false"));
    heads.row.forEach((head, n) => head.classList.toggle("on", n === i));
    heads.col.forEach((head, n) => head.classList.toggle("on", n === j));
    cells[i * k + j].scrollIntoView?.({ block: "nearest", inline: "nearest" });
    const [a, b] = [data.classes[i], data.classes[j]];
    const often = count === 1 ? "once" : count ? `${count} times` : "never";
    const words = i === j ? `${a}, recognised: ${often}` : `${a} taken for ${b}: ${often}`;
    const sum = (pick: (n: number) => number): number => data.classes.reduce((all, _, n) => all + counts[pick(n)], 0);
    const [there, predicted, right] = [sum((n) => i * k + n), sum((n) => n * k + i), counts[i * k + i]];
    const of = (part: number, whole: number): string => `${part} of ${whole}${whole ? ` (${g(part / whole, 4)})` : ""}`;
    side.replaceChildren(el("h4", { dir: "auto" }, words),
      el("p", { dir: "auto" }, `Recall of ${a}: ${of(right, there)}. Precision: ${of(right, predicted)}.`), ...samples(i, j, count));
    shell.announce(words);
    host.dataset.cell = `${i},${j}`;
  }

  function samples(i: number, j: number, count: number): HTMLElement[] {
    if (!draw) return [];
    const found = data.kept.map((sample, at) => [sample, at]).filter(([, at]) => data.labels[at] === i && data.predictions[time.cursor][at] === j);
    const tiles = found.map(([sample, at]) => el("div", { class: "tile", role: "img", "aria-label": `Sample ${sample}` }, el("span", { class: "frame" }, draw(at)), el("span", { class: "name" }, `#${sample}`)));
    const note = found.length < count ? (found.length ? `${found.length} of its ${count} samples` : count ? "None of its samples is kept in this page" : "") : "";
    return [el("div", { class: "tiles" }, ...tiles), el("p", { class: "hint" }, note)];
  }

  const move = (di: number, dj: number): void => pick(Math.max(0, Math.min(k - 1, row + di)), Math.max(0, Math.min(k - 1, column + dj)));
  const link = join(data.timeline, (moment) => time.go(Math.min(moment.iteration, time.length)));
  shell.later(() => link.leave());
  time.on((now) => {
    link.tell({ iteration: now });
    shell.safely(paint);
    void shell.mark("data-step", String(now));
  });
  shell.later(() => time.pause());
  shell.keys({
    ...(time.length ? { next: () => time.by(1), previous: () => time.by(-1), first: () => time.go(0), last: () => time.go(time.length), play: () => time.toggle(), slower: () => time.faster(-1), faster: () => time.faster(1) } : {}),
    "walk-left": () => move(0, -1), "walk-right": () => move(0, 1), "walk-up": () => move(-1, 0), "walk-down": () => move(1, 0),
    leave: () => (help.hidden ? host.blur() : (help.hidden = true)), help: keys,
  });
  shell.status(data.note);
  paint();
  void shell.mark("data-ready");
  return shell;
}

/** The commonest confusion; null where there is none. */
export function worst(counts: number[], k: number): [number, number] | null {
  let best = -1;
  counts.forEach((v, n) => {
    if (Math.floor(n / k) !== n % k && v > 0 && (best < 0 || v > counts[best])) best = n;
  });
  return best < 0 ? null : [Math.floor(best / k), best % k];
}

register("confusion_matrix", mountConfusion);
