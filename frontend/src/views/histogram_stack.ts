// HistogramStack: how the values of a tensor are spread over time, as hills one behind the other (offset), on one line
// (overlay) or as rows of colours (heat); one iteration is marked and shown with its own bins and numbers.
import { bands, bars, columns, ends, marks, outline, placeOf, share, told, type Look, type Tensor } from "../distributions";
import { el, put, say, svg } from "../dom";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { g } from "../number";
import { register } from "../register";
import { Shell } from "../shell";
import { join, Timeline, walking } from "../timeline";
import { transport } from "../transport";

type Mode = "offset" | "overlay" | "heat";

export interface HistogramStackData extends Look {
  title: string;
  mode: Mode;
  tensor: number;
  at: number;
  steps: number[];
  tensors: Tensor[];
  facts: string[];
  note: string;
  timeline: string | null;
}

const TALL = 340, TOP = 8, FOOT = 38, LEFT = 14, RIGHT = 46, SIDE = 300, OWN = 130;
const MODES: [Mode, string, string][] = [["offset", "Offset", "each a little below the one before"], ["overlay", "Overlay", "all on one line"], ["heat", "Heat", "each as a row of colours"]];
const CSS = `
.grid{position:relative;display:grid;grid-template-columns:minmax(130px,190px) minmax(0,1fr) ${SIDE}px;gap:0 10px;padding:0 12px 10px;min-height:${TALL + TOP + FOOT}px}
@container (max-width:920px){.grid:not(.one){grid-template-columns:150px minmax(0,1fr)}.grid:not(.one) .side{grid-column:1/-1;display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 20px}.grid:not(.one) .side h4{grid-column:1/-1}}
.one{grid-template-columns:minmax(0,1fr) ${SIDE}px}.one .list{display:none}
@container (max-width:760px){.one{grid-template-columns:minmax(0,1fr)}}
.list{display:flex;flex-direction:column;min-height:0;max-height:${TALL + TOP + FOOT}px}
.find{width:100%;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg);margin-bottom:4px;flex:none}
.names{list-style:none;margin:0;padding:0;overflow:auto;min-height:0;font-size:12px}
.names li{padding:3px 8px;border-radius:5px;cursor:pointer;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.names li:hover{background:var(--panel)}.names li[aria-selected=true]{background:var(--fwd-bg);color:var(--fwd);font-weight:600}
.names .kind{cursor:default;font-weight:600;color:var(--soft);padding:6px 8px 1px;background:none}
.pic{min-width:0;touch-action:none;cursor:pointer}.pic svg,.side svg{display:block;width:100%}
svg text{font:11px var(--sans);fill:var(--soft)}svg .name{font-size:12px;fill:var(--ink)}svg .bandword{fill:var(--bad)}
.axis{stroke:var(--soft);fill:none}.band{fill:var(--bad)}.hill{stroke:var(--bg);stroke-width:.9;fill-opacity:.85}.thin{fill:none;stroke-width:1.2}
.now{fill:none;stroke:var(--bwd);stroke-width:2.2}.plus{fill:var(--fwd)}.minus{fill:var(--bwd)}
.side h4{color:var(--bwd);margin:0}.facts{border-collapse:collapse;width:100%;font-size:12px;margin-top:4px}
.facts td{padding:1px 0}.facts td:first-child{color:var(--soft)}.facts td:last-child{text-align:right;font:12px var(--mono)}.facts .bad td{color:var(--bad);font-weight:600}
.tools{display:flex;flex-wrap:wrap;gap:6px}
`;

export function mountHistogramStack(host: HTMLElement, data: HistogramStackData): Shell {
  const shell = new Shell(host, data.title, "Distributions over time. Arrow keys step through the iterations, Ctrl with up and down walks through the tensors.", CSS);
  const { tensors, steps } = data;
  const look: Look = { scale: data.scale, split: data.split, fp16: data.fp16, per_octave: data.per_octave };
  const time = new Timeline(Math.max(0, steps.length - 1));
  let mode = data.mode;
  let chosen = data.tensor;
  let wide = 500;

  const tensor = (): Tensor => tensors[chosen];
  const row = (): number => placeOf(tensor().steps, steps[time.cursor]);

  // -- the picture over time -------------------------------------------------------------------------------------------
  const pic = svg("svg", { "aria-hidden": "true" });
  const marked = svg("path", { class: "now" });
  const words = svg("g");
  let lines: string[] = []; // the outline of each row in the picture, for the mark
  let base: number[] = []; // and where its ground is

  function place(left: number, broad: number, of: Look = look): (x: number) => number {
    const [low, high] = ends(tensor(), of);
    return (x) => left + ((x - low) / (high - low)) * broad;
  }

  function frame(left: number, top: number, broad: number, tall: number, about: number, of: Look): SVGElement[] {
    const X = place(left, broad, of);
    const inside = (x: number): number => Math.max(left, Math.min(left + broad, X(x)));
    const out: SVGElement[] = bands(tensor(), of).map(([a, b, word]) => {
      const [from, to] = [inside(a), inside(b)];
      return svg("rect", { class: "band", x: from.toFixed(1), y: top, width: (to - from).toFixed(1), height: tall, "fill-opacity": word === "subnormal" ? 0.07 : 0.16 });
    });
    out.push(svg("path", { class: "axis", d: `M${left} ${top + tall}h${broad}` }));
    for (const [x, text] of marks(tensor(), of, about)) {
      out.push(svg("path", { class: "axis", d: `M${X(x).toFixed(1)} ${top + tall}v4` }), svg("text", { x: X(x).toFixed(1), y: top + tall + 16, "text-anchor": "middle" }, text));
    }
    return out;
  }

  /** The colour of a row: pale for the oldest, full for the newest. */
  const shade = (k: number, count: number): string => `color-mix(in srgb,var(--fwd) ${(count < 2 ? 100 : 25 + (75 * k) / (count - 1)).toFixed(1)}%,var(--bg))`;

  function draw(): void {
    const t = tensor();
    const broad = wide - LEFT - RIGHT;
    const X = place(LEFT, broad);
    put(pic, "viewBox", `0 0 ${wide} ${TOP + TALL + FOOT}`);
    pic.style.height = `${TOP + TALL + FOOT}px`;
    const rows = columns(t, look);
    const count = rows.length;
    const out: Node[] = [];
    const label = (k: number, y: number): SVGElement => svg("text", { x: LEFT + broad + 6, y: (y + 4).toFixed(1) }, String(t.steps[k]));
    if (mode === "heat") {
      const each = TALL / count;
      const top = Math.max(1e-300, ...rows.flat().map(([, , y]) => Math.sqrt(y)));
      const levels = new Map<number, string>();
      rows.forEach((cells, k) => cells.forEach(([a, b, y]) => {
        const level = Math.ceil((Math.sqrt(y) / top) * 24);
        if (level) levels.set(level, `${levels.get(level) ?? ""}M${X(a).toFixed(1)} ${(TOP + k * each).toFixed(1)}H${X(b).toFixed(1)}v${each.toFixed(2)}H${X(a).toFixed(1)}z`);
      }));
      for (const [level, d] of levels) {
        const path = svg("path", { d, "fill-opacity": (level / 24).toFixed(3) });
        path.classList.add("plus");
        out.push(path);
      }
      lines = rows.map((_, k) => `M${LEFT} ${(TOP + k * each).toFixed(1)}h${broad}v${each.toFixed(2)}h${-broad}z`);
      base = rows.map((_, k) => TOP + (k + 0.5) * each);
      const every = Math.max(1, Math.ceil(count / 10));
      rows.forEach((_, k) => k % every === 0 && out.push(label(k, base[k])));
    } else {
      const apart = mode === "overlay" || count < 2 ? 0 : TALL / (count - 1 + Math.max(5, count * 0.22));
      const high = apart ? TALL - apart * (count - 1) : TALL * 0.92;
      const hills = rows.map(outline);
      const most = Math.max(1e-300, ...hills.flat().map(([, y]) => y));
      base = rows.map((_, k) => TOP + TALL - (count - 1 - k) * apart);
      lines = hills.map((points, k) => points.map(([x, y], i) => `${i ? "L" : "M"}${X(x).toFixed(1)} ${(base[k] - (y / most) * high).toFixed(1)}`).join(""));
      lines.forEach((d, k) => {
        const path = svg("path", { d, class: mode === "offset" ? "hill" : "thin" }, svg("title", {}, `iteration ${t.steps[k]}`));
        path.style[mode === "offset" ? "fill" : "stroke"] = shade(k, count);
        out.push(path);
      });
      if (mode === "offset") {
        const every = Math.max(1, Math.ceil(count / 8));
        rows.forEach((_, k) => (k === count - 1 || (k % every === 0 && (count - 1 - k) * apart >= 13)) && out.push(label(k, base[k])));
      }
    }
    const name = look.scale === "linear" ? "value" : look.split ? "← negative · size of the value · positive →" : "size of the value";
    pic.replaceChildren(...frame(LEFT, TOP, broad, TALL, broad / 80, look), ...out, marked, words,
      svg("text", { class: "name", x: LEFT + broad / 2, y: TOP + TALL + 33, "text-anchor": "middle" }, name));
    show();
  }

  /** The share of the marked row's values on each band of float16. */
  function shares(k: number): void {
    const broad = wide - LEFT - RIGHT;
    const X = place(LEFT, broad);
    const out: SVGElement[] = [];
    for (const [a, b, word] of bands(tensor(), look).slice(0, 3)) {
      const over = word === "over";
      const at = over ? LEFT + broad - 2 : look.split && word === "under" ? X(a) : Math.max(LEFT + 17, (X(a) + X(b)) / 2);
      [word, share(tensor(), data.facts, k, word)].forEach((text, i) =>
        out.push(svg("text", { class: "bandword", x: at.toFixed(1), y: TOP + 13 + 13 * i, "text-anchor": over ? "end" : "middle" }, text)));
    }
    words.replaceChildren(...out);
  }

  // -- one iteration -----------------------------------------------------------------------------------------------
  const heading = el("h4", {});
  const own = svg("svg", { "aria-hidden": "true" });
  const facts = el("table", { class: "facts" });
  const side = el("div", { class: "side" }, heading, own, facts);

  function histogram(k: number): void {
    const t = tensor();
    const broad = Math.max(200, own.clientWidth || SIDE);
    const top = 18, left = 6, room = broad - 12;
    put(own, "viewBox", `0 0 ${broad} ${top + OWN + 22}`);
    own.style.height = `${top + OWN + 22}px`;
    const found = bars(t, look, k);
    const out: SVGElement[] = [];
    if (!found.length) out.push(svg("text", { x: left, y: top + 20 }, "no value to show"));
    else {
      const flat = look.scale === "linear";
      const of = { ...look, split: false };
      const [low, high] = flat ? [Math.min(...found.map((b) => b.from)), Math.max(...found.map((b) => b.to))] : ends(t, of);
      const X = (x: number): number => left + ((x - low) / (high - low)) * room;
      const most = (sign: number): number => Math.max(0, ...found.filter((b) => b.sign === sign).map((b) => b.height));
      const above = flat ? Math.max(most(1), most(-1)) : most(1);
      const below = flat ? 0 : most(-1);
      const zero = top + (OWN * above) / (above + below || 1);
      if (!flat) out.push(...frame(left, top, room, OWN, room / 60, of));
      else {
        const step = Math.max(1, Math.ceil((8 * g(high, 3).length) / room));
        for (const [x, text] of marks({ ...t, linear: [t.linear[k]] }, of, room / 70 / step)) {
          if (x >= low && x <= high) out.push(svg("text", { x: X(x).toFixed(1), y: top + OWN + 16, "text-anchor": "middle" }, text));
        }
      }
      for (const b of found) {
        const size = (b.height / (above + below || 1)) * OWN;
        const y = flat || b.sign > 0 ? zero - size : zero;
        out.push(svg("rect", { class: b.sign > 0 ? "plus" : "minus", x: X(b.from).toFixed(2), y: y.toFixed(2), width: Math.max(0.6, X(b.to) - X(b.from) - 0.4).toFixed(2), height: size.toFixed(2) },
          svg("title", {}, `${g(b.count)} values from ${b.sign < 0 && !flat ? "-" : ""}${g(b.low, 4)} to ${b.sign < 0 && !flat ? "-" : ""}${g(b.high, 4)}`)));
      }
      out.push(svg("path", { class: "axis", d: `M${left} ${zero.toFixed(1)}h${room}` }));
    }
    const plus = svg("text", { x: left, y: 11 }, "+ positive");
    const minus = svg("text", { x: left + 72, y: 11 }, "− negative");
    plus.style.fill = "var(--fwd)";
    minus.style.fill = "var(--bwd)";
    own.replaceChildren(plus, minus, ...out);
  }

  function show(): void {
    const t = tensor();
    const k = row();
    put(marked, "d", lines[k] ?? "");
    shares(k);
    say(heading, `iteration ${t.steps[k]}`);
    histogram(k);
    const numbers = told(t, data.facts, k);
    facts.replaceChildren(...numbers.map(([name, n]) => el("tr", { class: name.startsWith("⚠") ? "bad" : null }, el("td", {}, name), el("td", {}, n))));
    fillText();
    const short = numbers.filter(([name]) => ["mean", "std", "⚠ not finite"].includes(name)).map((p) => p.join(" "));
    if (look.scale === "log" && look.fp16) short.push(...(["under", "subnormal", "over"] as const).map((name) => `${name} ${share(t, data.facts, k, name)}`));
    shell.announce(`${full(t)}, iteration ${t.steps[k]}: ${short.join(", ")}`);
    void shell.mark("data-step", String(time.cursor));
  }

  // -- choosing a tensor, a mode, a scale --------------------------------------------------------------------------------
  const full = (t: Tensor): string => (t.kind ? `${t.kind}/${t.name}` : t.name);
  const names = el("ul", { class: "names", role: "listbox", "aria-label": "Tensors", tabindex: 0 });
  const find = el("input", { class: "find", type: "search", placeholder: `find among ${tensors.length}`, "aria-label": "Find a tensor (/)", oninput: () => list() });
  find.addEventListener("keydown", (e) => {
    if (e.key !== "Enter") return;
    const first = names.querySelector<HTMLElement>("[data-i]");
    if (first) choose(Number(first.dataset.i));
  });

  names.addEventListener("keydown", (e) => {
    if ((e.key !== "ArrowDown" && e.key !== "ArrowUp") || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    e.stopPropagation();
    walk(e.key === "ArrowDown" ? 1 : -1);
  });

  const shown = (): number[] => {
    const text = find.value.trim().toLowerCase();
    return tensors.map((_, i) => i).filter((i) => full(tensors[i]).toLowerCase().includes(text));
  };

  function list(): void {
    let kind = "";
    const out: HTMLElement[] = [];
    for (const i of shown()) {
      if (tensors[i].kind !== kind) out.push(el("li", { class: "kind", role: "presentation" }, (kind = tensors[i].kind)));
      out.push(el("li", { role: "option", id: `tensor${i}`, "data-i": i, title: full(tensors[i]), dir: "auto", "aria-selected": String(i === chosen), onclick: () => choose(i) }, tensors[i].name));
    }
    if (!out.length) out.push(el("li", { class: "kind" }, "none of that name"));
    names.replaceChildren(...out);
  }

  function choose(i: number): void {
    chosen = i;
    names.querySelectorAll<HTMLElement>("[data-i]").forEach((li) => {
      put(li, "aria-selected", String(Number(li.dataset.i) === i));
      if (Number(li.dataset.i) !== i) return;
      put(names, "aria-activedescendant", li.id);
      const [top, end] = [li.offsetTop - names.offsetTop, li.offsetTop - names.offsetTop + li.offsetHeight];
      names.scrollTop = Math.min(top, Math.max(names.scrollTop, end - names.clientHeight)); // not scrollIntoView, which moves the page
    });
    host.dataset.tensor = full(tensors[i]);
    draw();
  }

  function walk(by: number): void {
    const there = shown();
    const at = there.indexOf(chosen);
    if (there.length) choose(there[Math.max(0, Math.min(there.length - 1, at < 0 ? 0 : at + by))]);
  }

  const press = (text: string, title: string, run: () => void): HTMLButtonElement => el("button", { type: "button", title, onclick: run }, text);
  const modes = MODES.map(([name, text, title]) => press(text, title, () => set(() => (mode = name))));
  const scales = [press("Linear", "the values", () => set(() => (look.scale = "linear"))), press("Log", "the sizes of the values, by powers", () => set(() => (look.scale = "log")))];
  const split = press("Signs apart", "negative values on the left, positive on the right", () => set(() => (look.split = !look.split)));
  const half = press("fp16", "what float16 can hold", () => set(() => (look.fp16 = !look.fp16)));

  function set(change: () => void): void {
    change();
    modes.forEach((b, i) => put(b, "aria-pressed", String(MODES[i][0] === mode)));
    scales.forEach((b, i) => put(b, "aria-pressed", String((i === 1) === (look.scale === "log"))));
    put(split, "aria-pressed", String(look.split));
    put(half, "aria-pressed", String(look.fp16));
    split.hidden = half.hidden = look.scale !== "log";
    draw();
  }

  // -- text twin, keys, time ----------------------------------------------------------------------------------------
  const twin = el("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": "Text twin" });
  const help = el("div", { class: "help", hidden: true });

  function fillText(): void {
    if (twin.hidden) return;
    twin.replaceChildren(el("ol", {}, ...tensors.map((t, i) => {
      const k = placeOf(t.steps, steps[time.cursor]);
      const text = `${full(t)}, iteration ${t.steps[k]}: ${told(t, data.facts, k).map((p) => p.join(" ")).join(", ")}`;
      return el("li", { dir: "auto", "aria-current": i === chosen ? "true" : null, onclick: () => choose(i) }, text);
    })));
  }

  function turn(panel: HTMLElement): void {
    panel.hidden = !panel.hidden;
    (panel === help ? twin : help).hidden = true;
    if (panel === twin) fillText();
    else if (!help.hidden) {
      help.hidden = true;
      showKeys(help, new Set(Object.keys(actions) as Action[]), [["Ctrl+Up / Down", "the tensor above, below"]], "Click a hill to mark its iteration.");
    }
  }

  const actions: Actions = {
    text: () => turn(twin), help: () => turn(help), search: () => find.focus(),
    "walk-up": () => walk(-1), "walk-down": () => walk(1),
    leave: () => {
      if (!help.hidden || !twin.hidden) help.hidden = twin.hidden = true;
      else if (shell.root.activeElement) host.focus();
      else host.blur();
    },
    ...(steps.length > 1 ? walking(() => time) : {}),
  };

  function point(e: PointerEvent): void {
    const y = e.clientY - pic.getBoundingClientRect().top;
    let best = 0;
    base.forEach((b, k) => Math.abs(b - y) < Math.abs(base[best] - y) && (best = k));
    if (mode === "overlay") return;
    time.pause();
    time.go(steps.indexOf(tensor().steps[best]));
  }
  pic.addEventListener("pointerdown", (e) => {
    pic.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    point(e);
  });
  pic.addEventListener("pointermove", (e) => pic.hasPointerCapture(e.pointerId) && point(e));

  shell.header.append(el("span", { class: "grow" }), el("div", { class: "tools" },
    el("span", { class: "group", role: "group", "aria-label": "Drawn as" }, ...modes), el("span", { class: "group", role: "group", "aria-label": "Scale" }, ...scales),
    split, half, press("Text", "Text twin (T)", () => turn(twin)), press("?", "Keys (?)", () => turn(help))));
  const holder = el("div", { class: "pic" }, pic);
  shell.body.append(el("div", { class: tensors.length > 1 ? "grid" : "grid one" }, el("div", { class: "list" }, find, names), holder, side, twin, help));
  if (steps.length > 1) {
    const bar = transport(time, [], "iteration");
    const count = bar.querySelector(".count")!;
    const range = bar.querySelector("input")!;
    const number = (): void => { // the iteration's own number, not its place among those in the picture
      say(count, `${steps[time.cursor]} / ${steps[steps.length - 1]}`);
      put(range, "aria-valuetext", `iteration ${steps[time.cursor]} of ${steps[steps.length - 1]}`);
    };
    time.on(number);
    shell.body.append(bar);
    time.go(placeOf(steps, data.at));
    number();
  }
  let hearing = false;
  const shared = join(data.timeline, ({ iteration }) => {
    hearing = true;
    time.go(placeOf(steps, iteration));
    hearing = false;
  });
  time.on((k) => {
    show();
    if (!hearing) shared.tell({ iteration: steps[k] });
  });
  shell.later(() => {
    time.pause();
    shared.leave();
  });
  shell.keys(actions);
  shell.status(data.note);
  const layout = (): void => {
    wide = Math.max(300, holder.clientWidth || 500);
    draw();
  };
  list();
  wide = Math.max(300, holder.clientWidth || 500);
  set(() => undefined);
  choose(chosen);
  const watch = new ResizeObserver(() => {
    if (Math.abs(Math.max(300, holder.clientWidth) - wide) > 2) layout();
  });
  watch.observe(holder);
  shell.later(() => watch.disconnect());
  void shell.mark("data-ready");
  return shell;
}

register("histogram_stack", mountHistogramStack);
