// A small tensor as a table of numbers, shaded by size and marked by sign: rows are its last dimension.
import { el } from "./dom";
import { g, shapeText, size } from "./number";
import type { Value } from "./types";

export function stats(v: Value): HTMLElement {
  const list = el("dl", { class: "stats" });
  const add = (name: string, text: string): void => list.append(el("div", {}, el("dt", {}, name), el("dd", {}, text)));
  for (const key of ["min", "max", "mean", "std", "norm"] as const) if (v[key] !== undefined && v[key] !== null) add(key, g(v[key]!, 6));
  for (const key of ["nan", "inf", "zero"] as const) if (v[key]) add(key === "zero" ? "zeros" : key, String(v[key]));
  return list;
}

export function grid(v: Value, name: string): HTMLElement {
  const box = el("div", { class: "tensor" });
  if (!v.data) {
    box.append(el("p", { class: "hint" }, `${size(v.shape)} numbers${size(v.shape) > 64 ? "" : ", left out"}: what they are like`), stats(v));
    return box;
  }
  if (v.data.length === 1) return el("div", { class: "tensor one" }, g(v.data[0], 6));
  const columns = v.shape[v.shape.length - 1] || 1;
  const rows = v.data.length / columns;
  const most = Math.max(...v.data.map((x) => (typeof x === "number" ? Math.abs(x) : 0))) || 1;
  const table = el("table", { "aria-label": `${name}, shape ${shapeText(v.shape)}` });
  const block = v.shape.length > 2 ? v.shape[v.shape.length - 2] : 0;
  for (let i = 0; i < rows; i++) {
    const tr = el("tr", { class: block && i && i % block === 0 ? "apart" : null });
    for (let j = 0; j < columns; j++) {
      const x = v.data[i * columns + j];
      const td = el("td", { class: typeof x !== "number" ? "bad" : x < 0 ? "minus" : "plus" }, g(x, 4));
      if (typeof x === "number") td.style.setProperty("--a", `${Math.round((Math.abs(x) / most) * 38)}%`);
      tr.append(td);
    }
    table.append(tr);
  }
  box.append(el("div", { class: "scroll" }, table));
  if (v.norm !== undefined) box.append(stats(v));
  return box;
}
