// Beside and under the tensor inspector's grids: facts, statistics, what is not finite, the colour scale, the histogram.
import { el, put, svg } from "./dom";
import { g } from "./number";
import type { Look } from "./tensor_canvas";
import type { Face, Tensor } from "./tensor_look";
import type { Num } from "./types";

type Cell = (string | HTMLElement | false)[];

export const WIDE = 400; // units of a histogram

/** The panel: the tensor's facts, a column of statistics for each face that is shown, and places to go to. */
export function panel(tensor: Tensor, shown: Face[], goto: (flat: number, face: Face) => void): HTMLElement[] {
  const about = el("dl", {}, ...tensor.facts.flatMap(([name, text]) => [el("dt", {}, name), el("dd", { dir: "auto" }, text)]));
  const whole = /^(u?int|bool)/.test(tensor.dtype);
  const { shape } = tensor;
  const told = (face: Face, v: Num | null): string => (v === null ? "—" : whole && !face.part && typeof v === "number" ? String(v) : g(v));
  const end = (face: Face, k: 0 | 1): Cell => [told(face, k ? face.max : face.min), face.at[k] >= 0 && shape.length > 0 &&
    el("button", { type: "button", "data-go": k ? "max" : "min", title: "Go to it", "aria-label": `Go to the ${k ? "highest" : "lowest"}, ${place(face.at[k], shape)}`, onclick: () => goto(face.at[k], face) }, place(face.at[k], shape))];
  const share = (face: Face, n: number): Cell => [n ? n.toLocaleString("en-US") : "0", n > 0 && el("small", {}, `${g((100 * n) / face.count, 3)} %`)];
  const rows: [string, (face: Face) => Cell, ((face: Face) => number)?][] = [
    ["min", (f) => end(f, 0)], ["max", (f) => end(f, 1)], ["mean", (f) => [f.mean === null ? "—" : g(f.mean)]], ["std", (f) => [f.std === null ? "—" : g(f.std)]], ["norm", (f) => [f.norm === null ? "—" : g(f.norm)]],
    ["zeros", (f) => share(f, f.zero)], ["✕ NaN", (f) => share(f, f.nan), (f) => f.nan], ["▲ +inf", (f) => share(f, f.plus), (f) => f.plus], ["▼ -inf", (f) => share(f, f.minus), (f) => f.minus],
  ];
  const table = el("table", { class: "stats" }, el("thead", {}, el("tr", {}, el("td"), ...shown.map((f) => el("th", { scope: "col", class: f.source }, f.part || f.source)))),
    el("tbody", {}, ...rows.map(([name, cells, bad]) => el("tr", {}, el("th", { scope: "row" }, name), ...shown.map((f) => el("td", { class: bad?.(f) ? "bad" : null }, ...cells(f)))))));
  const marks = shown.filter((f) => f.marks.length).map((face) => el("section", {}, el("h4", {}, shown.length > 1 ? `not finite in the ${face.source}` : "not finite"),
    el("div", { class: "marks" }, ...face.marks.map(([flat, kind]) =>
      el("button", { type: "button", onclick: () => goto(flat, face) }, `${kind === "nan" ? "✕" : kind === "inf" ? "▲" : "▼"} ${kind} ${place(flat, shape)}`))),
    face.nan + face.inf > face.marks.length && el("p", { class: "hint" }, `and ${(face.nan + face.inf - face.marks.length).toLocaleString("en-US")} more`)));
  return [el("section", {}, el("h4", { dir: "auto" }, tensor.name), about), el("section", {}, table), ...marks];
}

/** The colours and what they stand for. */
export function scale(face: Face, look: Look): HTMLElement {
  if (look.colours === "classes") {
    return el("div", { class: "scale" }, ...face.classes!.map(([v, n], i) => {
      const dot = el("i");
      dot.style.background = i % 12 < 6 ? `var(--s${i % 6})` : `color-mix(in srgb,var(--s${i % 6}) 50%,var(--bg))`;
      return el("span", { class: "key", title: `${n} of them` }, dot, String(v));
    }));
  }
  const bar = el("i");
  const signed = face.min !== null && Number(face.min) < 0;
  const [low, high] = look.colours === "grey" ? [look.black, look.white] : [signed ? -look.full : 0, look.full];
  bar.style.background = look.colours === "grey" ? "linear-gradient(90deg,#000,#fff)" : signed ? "linear-gradient(90deg,var(--bwd),var(--bg),var(--fwd))" : "linear-gradient(90deg,var(--bg),var(--fwd))";
  const cut = look.colours === "signed" && look.full < face.top;
  return el("div", { class: "scale" }, `${cut && signed ? "≤ " : ""}${g(low, 4)}`, bar, `${cut ? "≥ " : ""}${g(high, 4)}`, (face.nan > 0 || face.inf > 0) && el("span", {}, "  ✕ nan  ▲ inf  ▼ -inf"));
}

/** The index of an element: [2, 0, 5]. */
export function place(flat: number, shape: number[]): string {
  const at: number[] = [];
  for (const n of [...shape].reverse()) {
    at.unshift(flat % n);
    flat = Math.floor(flat / n);
  }
  return indexText(at);
}

export const indexText = (at: number[]): string => `[${at.join(", ")}]`;

/** The bars of a histogram; what is below zero in orange. */
export function bars(hist: NonNullable<Face["hist"]>, wide: number, tall: number): SVGElement {
  const most = Math.max(...hist.counts, 1);
  const step = wide / hist.counts.length;
  const bar = Math.min(step - (step > 3 ? 0.6 : 0), wide / 8);
  const d = { minus: "", plus: "" };
  hist.counts.forEach((n, i) => {
    if (!n) return;
    const middle = hist.low + ((i + 0.5) * (hist.high - hist.low)) / hist.counts.length;
    const h = Math.max(1, (n / most) * tall);
    d[middle < 0 ? "minus" : "plus"] += `M${(i * step + (step - bar) / 2).toFixed(1)} ${tall}v${(-h).toFixed(1)}h${bar.toFixed(1)}v${h.toFixed(1)}z`;
  });
  return svg("svg", { class: "hist", viewBox: `0 0 ${wide} ${tall}`, "aria-hidden": "true" }, svg("path", { class: "minus", d: d.minus }), svg("path", { class: "plus", d: d.plus }));
}

/** The histogram with its ends, a title for each bar, and a line for the cursor. */
export function histogram(face: Face): HTMLElement {
  const hist = face.hist!;
  const made = bars(hist, WIDE, 60);
  put(made, "viewBox", `0 0 ${WIDE} 62`);
  const step = WIDE / hist.counts.length;
  const width = (hist.high - hist.low) / hist.counts.length;
  hist.counts.forEach((n, i) => {
    const range = hist.whole ? String(Math.round(hist.low + 0.5 + i)) : `${g(hist.low + i * width, 4)} … ${g(hist.low + (i + 1) * width, 4)}`;
    made.append(svg("rect", { x: (i * step).toFixed(1), y: 0, width: step.toFixed(1), height: 60, fill: "transparent" }, svg("title", {}, `${range}: ${n.toLocaleString("en-US")}`)));
  });
  made.append(svg("path", { class: "floor", d: `M0 60.5h${WIDE}` }), svg("path", { class: "here" }));
  return el("div", { class: "spread" }, made, el("div", { class: "ends", "aria-hidden": "true" }, el("span", {}, g(face.min!, 4)), el("span", {}, g(face.max!, 4))));
}
