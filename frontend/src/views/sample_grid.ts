// SampleGrid: pick a sample with the mouse or the arrow keys and see its scores; show all, the wrong ones, one class.
import { el, put } from "../dom";
import { showKeys } from "../help";
import { g } from "../number";
import { register } from "../register";
import { painter, SAMPLES, scoreBars, type Packed } from "../samples";
import { Shell } from "../shell";

export interface SampleData {
  title: string;
  classes: string[];
  images: Packed;
  right: number | null;
  total: number;
  labels: number[] | null;
  predictions: number[] | null;
  top: [number, number][][] | null;
  columns: number | null;
  note: string;
}

const CSS = `
.main{display:grid;grid-template-columns:minmax(0,1fr) 270px;border-top:1px solid var(--line)}
.grid{display:grid;gap:4px;padding:10px;align-content:start;max-height:560px;overflow:auto;background:var(--panel);position:relative}
.about{border-left:1px solid var(--line);padding:12px 14px;min-width:0}
.about .large{width:100%;max-width:240px;aspect-ratio:var(--ratio,1);align-self:start;background:var(--frame);border-radius:6px;overflow:hidden;margin-bottom:10px}
.about strong{font-size:15px;overflow-wrap:anywhere}.verdict{font-weight:600;margin:2px 0 10px;overflow-wrap:anywhere}
.verdict.right{color:var(--leaf)}.verdict.wrong{color:var(--bad)}
@container (max-width:640px){.main{grid-template-columns:1fr}.about{border-left:0;border-top:1px solid var(--line);display:grid;grid-template-columns:110px 1fr;gap:12px}}
`;

export function mountSamples(host: HTMLElement, data: SampleData): Shell {
  const { images, labels, predictions, top, classes } = data;
  const shell = new Shell(host, data.title, `Samples: ${data.title}. Arrow keys choose a sample. Press ? for keys.`, SAMPLES + CSS);
  const draw = painter(images);
  const judged = labels !== null && predictions !== null;
  const good = (i: number): boolean => labels![i] === predictions![i];
  const count = data.labels?.length ?? images.count;
  const all = Array.from({ length: count }, (_, i) => i);
  let shown = all;
  let chosen = 0;

  const grid = el("div", { class: "grid", role: "listbox", "aria-label": "Samples", tabindex: "-1" });
  const about = el("div", { class: "about" });
  const help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  const which = el("select", { "aria-label": "Samples shown" });
  const name = (c: number): string => classes[c] ?? String(c);
  const filters: [string, (i: number) => boolean][] = [["all samples", () => true]];
  if (judged) filters.push(["only wrong", (i) => !good(i)], ["only right", good]);
  if (labels) for (const c of [...new Set(labels)].sort((a, b) => a - b)) filters.push([`class ${name(c)}`, (i) => labels[i] === c]);
  filters.forEach(([words], i) => which.append(el("option", { value: i }, words)));
  which.addEventListener("change", () => {
    shown = all.filter(filters[Number(which.value)][1]);
    chosen = shown[0] ?? -1;
    build();
  });
  shell.header.append(el("span", { class: "chip" }, data.right !== null ? `${data.right} of ${data.total} right` : `${data.total} samples`), el("span", { class: "grow" }), which,
    el("button", { type: "button", title: "Keys (?)", onclick: () => keys() }, "?"));
  shell.body.append(el("div", { class: "main" }, grid, about));
  grid.style.gridTemplateColumns = data.columns ? `repeat(${data.columns},minmax(0,1fr))` : "repeat(auto-fill,minmax(78px,1fr))";
  host.style.setProperty("--ratio", String(images.columns / images.rows));

  const words = (i: number): string => {
    if (predictions && labels) return good(i) ? `✓ ${name(predictions[i])}` : `✗ ${name(predictions[i])}, is ${name(labels[i])}`;
    return predictions ? name(predictions[i]) : labels ? name(labels[i]) : "";
  };
  const tiles = new Map<number, HTMLElement>();
  function build(): void {
    tiles.clear();
    for (const i of shown) {
      const kind = judged ? (good(i) ? "right" : "wrong") : "";
      tiles.set(i, el("button", { type: "button", role: "option", tabindex: "-1", class: `tile ${kind}`, "aria-label": `Sample ${i}: ${words(i) || "no label"}`, onclick: () => choose(i) },
        el("span", { class: "frame" }, draw(i)), words(i) ? el("span", { class: "name", dir: "auto" }, words(i)) : null));
    }
    grid.replaceChildren(...tiles.values(), help);
    if (!shown.length) grid.prepend(el("p", { class: "hint" }, "No sample is like that."));
    choose(chosen);
  }

  function choose(i: number): void {
    chosen = i;
    for (const [k, tile] of tiles) put(tile, "aria-selected", k === i ? "true" : "false");
    tiles.get(i)?.scrollIntoView?.({ block: "nearest" });
    if (i < 0) return about.replaceChildren();
    const text = words(i);
    const truth = labels ? labels[i] : null;
    about.replaceChildren(el("div", { class: "large" }, draw(i)), el("div", {}, el("strong", {}, `Sample ${i}`),
      text ? el("p", { class: `verdict ${judged ? (good(i) ? "right" : "wrong") : ""}`, dir: "auto" }, text) : null,
      top ? scoreBars(top[i], classes, truth, (p) => g(p, 4)) : null));
    const first = top?.[i]?.[0];
    shell.announce(`Sample ${i}${text ? `: ${text}` : ""}${first ? `, probability ${g(first[1], 4)}` : ""}`);
    host.dataset.chosen = String(i);
  }

  const step = (by: number): void => {
    const at = Math.max(0, Math.min(shown.length - 1, shown.indexOf(chosen) + by));
    if (shown.length) choose(shown[at]);
  };
  /** How many tiles a row has now. */
  const across = (): number => {
    const tops = [...tiles.values()].map((t) => t.offsetTop);
    return Math.max(1, tops.filter((t) => t === tops[0]).length);
  };
  const keys = (): void => showKeys(help, new Set(["next", "previous", "ten", "back-ten", "first", "last", "leave", "help"]), [["Ctrl + Up / Down", "a row up or down"]]);
  shell.keys({
    next: () => step(1), previous: () => step(-1), ten: () => step(10), "back-ten": () => step(-10), first: () => step(-1e9), last: () => step(1e9),
    "walk-left": () => step(-1), "walk-right": () => step(1), "walk-up": () => step(-across()), "walk-down": () => step(across()),
    leave: () => (help.hidden ? host.blur() : (help.hidden = true)), help: keys,
  });
  shell.status(data.note);
  build();
  void shell.mark("data-ready");
  return shell;
}

register("sample_grid", mountSamples);
