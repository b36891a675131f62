// FeatureMaps: a step is a layer. Forward: what it made of the image; backward: the gradient that came back to it. A map can be
// chosen, looked at in large and read in numbers; beside it stands the filter that made it.
import { el, put } from "../dom";
import { bytes, heat } from "../heat";
import { showKeys } from "../help";
import type { Actions } from "../keys";
import { listed } from "../more_keys";
import { g } from "../number";
import { real } from "../real";
import { register } from "../register";
import { painter, type Packed } from "../samples";
import { Shell } from "../shell";
import { join, Timeline, walking } from "../timeline";
import { transport } from "../transport";
import type { Num } from "../types";

interface Maps {
  rows: number;
  columns: number;
  scale: Num[];
  pixels: string;
  stats: Num[][] | null;
  bad: number[] | null;
}
interface Filters extends Maps {
  outputs: number;
  inputs: number;
  of: number;
}
interface Layer {
  name: string;
  kind: string;
  shape: number[];
  value: Maps;
  grad: Maps | null;
  filters: Filters | null;
  filter_grads: Filters | null;
  dead: number;
  norm: Num | null;
}
interface Data {
  title: string;
  head: string;
  of: string;
  input: Packed | null;
  layers: Layer[];
  note: string;
  timeline: string | null;
}

const CSS = `
.main{display:grid;grid-template-columns:minmax(0,1fr) 280px;border-top:1px solid var(--line);position:relative}
.chain{display:flex;gap:3px;overflow-x:auto;padding:8px 14px;border-top:1px solid var(--line)}
.chain button{flex:none;height:auto;padding:3px 8px;border-color:var(--line);font-size:12px;line-height:1.3;text-align:left;max-width:150px;overflow:hidden;text-overflow:ellipsis}
.chain button small{display:block;font:11px var(--mono)}
.chain button[aria-selected=true]{background:var(--now-bg);color:var(--now);border-color:var(--now)}
.maps{display:grid;gap:8px;padding:12px 14px;grid-template-columns:repeat(auto-fill,minmax(116px,1fr));align-content:start;background:var(--panel);min-height:220px;max-height:520px;overflow:auto}
.maps.rows{grid-template-columns:1fr}
.map{height:auto;padding:3px;border:2px solid transparent;display:grid;gap:2px;text-align:left;color:var(--soft);font-size:11px;min-width:0}
.map canvas,.large canvas{width:100%;display:block;image-rendering:pixelated;border-radius:3px;outline:1px solid var(--line);outline-offset:-1px}
.map[aria-selected=true]{border-color:var(--now);color:var(--ink)}
.side{border-left:1px solid var(--line);padding:12px 14px;min-width:0;overflow:auto;max-height:520px}
.side h4{color:var(--ink)}.large{max-width:190px;margin-bottom:8px}
.stats{display:grid;grid-template-columns:max-content 1fr;gap:1px 12px;font:12px var(--mono);margin:6px 0 12px}.stats dt{color:var(--soft)}.stats dd{margin:0}
.kernels{display:grid;gap:4px;grid-template-columns:repeat(auto-fill,minmax(46px,1fr))}.kernels canvas{width:100%;image-rendering:pixelated;outline:1px solid var(--line);outline-offset:-1px}
.view{--now:var(--fwd);--now-bg:var(--fwd-bg)}.back{--now:var(--bwd);--now-bg:var(--bwd-bg)}
.input{width:110px;border-radius:4px;overflow:hidden;margin-bottom:10px}.image{image-rendering:pixelated;width:100%;display:block}
.ramp{display:flex;align-items:center;gap:6px;font-size:11px;color:var(--soft);margin-left:8px}.ramp i{width:74px;height:9px;border-radius:3px;background:linear-gradient(90deg,var(--bwd),var(--bg) 50%,var(--fwd));outline:1px solid var(--line)}
@container (max-width:720px){.main{grid-template-columns:1fr}.side{border-left:0;border-top:1px solid var(--line);max-height:none}}
`;
/** The numbers of one map, as far as 255 steps tell them. */
export function numbers(maps: Maps, i: number): Float32Array {
  const size = maps.rows * maps.columns;
  const steps = bytes(maps.pixels).subarray(i * size, (i + 1) * size);
  return Float32Array.from(steps, (s) => ((s - 128) / 127) * (real(maps.scale[i]) || 0));
}

export function mountFeatures(host: HTMLElement, data: Data): Shell {
  const { layers } = data;
  const shell = new Shell(host, data.title, `Feature maps: ${data.title}. Left and Right go through the layers. Press ? for keys.`, CSS);
  const time = new Timeline(2 * layers.length - 1);
  let chosen = 0;
  let shared = false;

  const chain = el("div", { class: "chain", role: "tablist", "aria-label": "Layers" });
  const grid = el("div", { class: "maps", role: "listbox", "aria-label": "Maps", tabindex: "-1" });
  const side = el("div", { class: "side" });
  const help = el("div", { class: "help", hidden: true, role: "region", "aria-label": "Keys" });
  const phase = el("span", { class: "chip" });
  const keys = (): void => showKeys(help, listed(actions), [["Ctrl + arrows", "choose a map"]], "Every step is a layer: forward its activations, backward its gradients");
  const same = el("button", { type: "button", "aria-pressed": "false", title: "One colour scale for all maps of the layer", onclick: () => {
    shared = !shared;
    put(same, "aria-pressed", String(shared));
    paint();
  } }, "Same scale");
  const ramp = el("span", { class: "ramp", "aria-hidden": "true" }, "−", el("i"), "+");
  shell.header.append(phase, el("span", { class: "grow" }), ramp, same, el("button", { type: "button", title: "Keys (?)", onclick: keys }, "?"));
  layers.forEach((layer, i) => chain.append(el("button", { type: "button", role: "tab", dir: "auto", onclick: () => {
    time.pause();
    time.go(back() ? 2 * layers.length - 1 - i : i);
  } }, `${layer.name} · ${layer.kind}`, el("small", {}, layer.shape.join("×")))));
  shell.body.append(chain, el("div", { class: "main" }, grid, side, help), transport(time, [{ phase: "forward", from: 0, to: layers.length - 1 }, { phase: "backward", from: layers.length - 1, to: 2 * layers.length - 1 }], "layer"));

  const back = (): boolean => time.cursor >= layers.length;
  const at = (): number => (back() ? 2 * layers.length - 1 - time.cursor : time.cursor);
  const draw = (maps: Maps, i: number, top?: number): HTMLCanvasElement => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    later.push(() => heat(canvas, numbers(maps, i), maps.rows, maps.columns, top ?? (real(maps.scale[i]) || 1)));
    return canvas;
  };
  let later: (() => void)[] = []; // colours are known once an element is in the page

  function paint(): void {
    const backward = back();
    const layer = layers[at()];
    const maps = backward ? layer.grad : layer.value;
    shell.view.classList.toggle("back", backward);
    [...chain.children].forEach((tab, i) => put(tab, "aria-selected", String(i === at())));
    (chain.children[at()] as HTMLElement).scrollIntoView?.({ block: "nearest", inline: "nearest" });
    put(phase, "class", `chip ${backward ? "backward" : "forward"}`);
    phase.textContent = backward ? `gradients of ${data.of}` : "activations";
    const count = maps?.scale.length ?? 0;
    chosen = Math.min(chosen, Math.max(0, count - 1));
    put(grid, "class", maps && maps.rows === 1 ? "maps rows" : "maps");
    const top = shared && maps ? Math.max(...maps.scale.map(real).filter(Number.isFinite)) : undefined;
    grid.replaceChildren(...(maps ? maps.scale.map((_, i) => el("button", { type: "button", role: "option", tabindex: "-1", class: "map", "aria-selected": String(i === chosen), "aria-label": `Map ${i}: ${words(maps, i)}`, onclick: () => choose(i) },
      sized(draw(maps, i, top), maps), el("span", {}, `${maps.bad?.[i] ? "⚠ " : ""}#${i}${silent(maps, i) ? " · dead" : ""}`)))
      : [el("p", { class: "hint" }, "No gradient reaches this layer.")]));
    about(layer, maps);
    flush();
    shell.announce(`${layer.name}, ${layer.kind}: ${layer.shape.join(" by ")}. ${backward ? (layer.norm === null ? "No gradient" : `Gradient norm ${g(layer.norm, 4)}`) : layer.dead ? `${layer.dead} of ${layer.shape[0]} maps are all zero` : "No map is all zero"}`);
  }

  const sized = (canvas: HTMLCanvasElement, maps: Maps): HTMLCanvasElement => {
    canvas.style.aspectRatio = maps.rows === 1 ? "auto" : `${maps.columns}/${maps.rows}`;
    if (maps.rows === 1) canvas.style.height = "26px";
    return canvas;
  };
  const silent = (maps: Maps, i: number): boolean => !!maps.stats && maps.stats[i][0] === 0 && maps.stats[i][1] === 0;
  const words = (maps: Maps, i: number): string => (maps.stats ? `mean ${g(maps.stats[i][2], 4)}, largest ${g(maps.stats[i][1], 4)}` : "");
  const flush = (): void => {
    later.forEach((run) => run());
    later = [];
  };

  function choose(i: number): void {
    chosen = i;
    [...grid.children].forEach((tile, k) => put(tile, "aria-selected", String(k === i)));
    (grid.children[i] as HTMLElement | undefined)?.scrollIntoView?.({ block: "nearest" });
    const layer = layers[at()];
    const maps = back() ? layer.grad : layer.value;
    about(layer, maps);
    flush();
    if (maps) shell.announce(`Map ${i} of ${layer.name}: ${words(maps, i)}`);
    host.dataset.chosen = String(i);
  }

  function about(layer: Layer, maps: Maps | null): void {
    const out: (Node | null)[] = [];
    if (data.input && at() === 0 && !back()) out.push(el("h4", {}, "input"), el("div", { class: "input" }, painter(data.input)(0)));
    out.push(el("h4", { dir: "auto" }, `${layer.name} · map ${chosen}`));
    if (maps) {
      out.push(el("div", { class: "large" }, sized(draw(maps, chosen), maps)));
      const stats = el("dl", { class: "stats" });
      const add = (name: string, value: string): void => stats.append(el("dt", {}, name), el("dd", {}, value));
      (maps.stats?.[chosen] ?? []).forEach((v, i) => add(["min", "max", "mean", "std", "zeros"][i], g(v, 6)));
      if (maps.bad?.[chosen]) add("not finite", String(maps.bad[chosen]));
      out.push(stats);
    }
    const filters = back() ? layer.filter_grads : layer.filters;
    if (filters && chosen < filters.outputs) {
      out.push(el("h4", {}, back() ? "gradient of its filter" : "its filter"), el("p", { class: "hint" }, `${filters.inputs < filters.of ? `the first ${filters.inputs} of ${filters.of}` : filters.of} input channel${filters.of === 1 ? "" : "s"}`),
        el("div", { class: "kernels" }, ...Array.from({ length: filters.inputs }, (_, c) => draw(filters, chosen * filters.inputs + c))));
    }
    side.replaceChildren(...out.filter((x): x is Node => x !== null));
  }

  const across = (): number => {
    const tiles = [...grid.children] as HTMLElement[];
    return Math.max(1, tiles.filter((t) => t.offsetTop === tiles[0]?.offsetTop).length);
  };
  const move = (by: number): void => {
    const count = grid.querySelectorAll(".map").length;
    if (count) choose(Math.max(0, Math.min(count - 1, chosen + by)));
  };
  const link = join(data.timeline, (moment) => moment.op !== undefined && time.go(moment.op));
  time.on((now) => {
    link.tell({ iteration: 0, phase: back() ? "backward" : "forward", op: now });
    shell.safely(paint);
    void shell.mark("data-step", String(now));
  });
  shell.later(() => link.leave());
  shell.later(() => time.pause());
  shell.onTheme = () => grid.childElementCount && paint();
  const actions: Actions = {
    ...walking(() => time),
    "walk-left": () => move(-1), "walk-right": () => move(1), "walk-up": () => move(-across()), "walk-down": () => move(across()),
    leave: () => (help.hidden ? (shell.root.activeElement ? host.focus() : host.blur()) : (help.hidden = true)), help: keys,
  };
  shell.keys(actions);
  shell.status([data.head, data.note].filter(Boolean).join(". "));
  paint();
  void shell.mark("data-step", "0").then(() => shell.host.setAttribute("data-ready", ""));
  return shell;
}

register("feature_maps", mountFeatures);
