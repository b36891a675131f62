// NumberLine: gradients on the line of the numbers that a 16-bit type has. Slide the scale: the histogram moves over the
// zones of the type. What becomes of the values was counted by casting, for every scale.
import { Board, BOARD, choice } from "../board";
import { el, put, say, svg } from "../dom";
import { g } from "../number";
import { Plot, PLOT } from "../plot";
import { register } from "../register";
import { Shell } from "../shell";

type Kind = "float16" | "bfloat16";

interface Values {
  name: string;
  zeros: number;
  broken: number;
  first: number; // the power of two of the first count
  counts: number[];
  fates: Record<Kind, [number, number, number][]>; // for each scale: become 0, subnormal, inf
}

export interface NumberLineData {
  title: string;
  dtype: Kind;
  power: number;
  scales: [number, number];
  types: Record<Kind, { least: number; normal: number; end: number }>;
  values: Values[];
  left_out: number;
  timeline: string | null;
}

const CSS = `${PLOT}${BOARD}
.plot{cursor:grab;touch-action:none}.plot:active{cursor:grabbing}
.zone{opacity:.16}.zone.lost,.zone.over{fill:var(--bad)}.zone.sub{fill:var(--bwd)}.zone.normal{fill:var(--leaf)}
.edge{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}.plot .called{fill:var(--ink);font-weight:600}.plot .at{font-size:11px}
.bar{fill:var(--s0)}.bar.lost,.bar.over{fill:var(--bad)}.bar.sub{fill:var(--bwd)}
.ghost{fill:none;stroke:var(--soft);stroke-width:1.2;stroke-dasharray:2 3}
.scale{padding:8px 16px 2px;display:flex;flex-wrap:wrap;gap:2px 14px;align-items:baseline;font:15px var(--mono)}.scale small{font:12px var(--sans);color:var(--soft)}
.fate{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:4px 12px;padding:8px 16px 10px;border-top:1px solid var(--line)}
.fate div{min-width:0}.fate b{display:block;font:600 18px/1.3 var(--mono);font-variant-numeric:tabular-nums}.fate small{color:var(--soft);font-size:12px}
.fate .bad b{color:var(--bad)}.fate .good b{color:var(--leaf)}.fate .some b{color:var(--bwd)}
.fate .strip{grid-column:1/-1;display:flex;height:12px;border-radius:3px;overflow:hidden;border:1px solid var(--edge)}
.fate .strip i{flex:none;height:100%}.strip .lost,.strip .over{background:repeating-linear-gradient(45deg,var(--bad) 0 4px,var(--bg) 4px 6px)}.strip .sub{background:var(--bwd)}.strip .normal{background:var(--leaf)}
@container (max-width:560px){.fate{grid-template-columns:repeat(2,minmax(0,1fr))}}
`;

/** A share in per cent, never 0 where it is not: as gradviz/widgets/precision/number_line.py says it. */
export function percent(count: number, total: number): string {
  const share = count / (total || 1);
  return share === 0 ? "0 %" : share < 1 ? `${g(Math.max(100 * share, 0.01), 3)} %` : "100 %";
}

/** The zone in which the numbers from 2^power to 2^(power + 1) lie. The least number's half still rounds up to it. */
export function zone(type: { least: number; normal: number; end: number }, power: number): "lost" | "sub" | "normal" | "over" {
  return power < type.least - 1 ? "lost" : power < type.normal ? "sub" : power < type.end ? "normal" : "over";
}

export function mountNumberLine(host: HTMLElement, data: NumberLineData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. Arrow keys change the scale by a factor of two, ? lists the keys.`, CSS);
  let kind = data.dtype, at = 0;
  const [least, most] = data.scales;
  const W = Math.max(540, Math.min(1200, (host.clientWidth || 860) - 18));
  const plot = new Plot({ width: W, height: 320, left: 62, right: 14, top: 40, bottom: 40 }, { low: -40, high: 20, name: "value × scale, as a power of two" }, { low: 0, high: 1, name: "values" });
  const zones = svg("g"), ghost = svg("path", { class: "ghost" }), bars = svg("g"), names = svg("g");
  plot.marks.append(zones, ghost, bars);
  plot.element.append(names);
  plot.element.classList.add("live");
  const cell = (name: string): { box: HTMLElement; value: HTMLElement } => {
    const value = el("b");
    return { box: el("div", {}, value, el("small", {}, name)), value };
  };
  const cells = [cell("become 0"), cell("lose digits (subnormal)"), cell("keep all digits"), cell("overflow to inf")];
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const fate = el("div", { class: "fate" }, ...cells.map((c) => c.box), strip);
  const called = el("b");

  /** The axis: all of the type, and all of the values wherever the scale puts them is too wide, so where it first puts them. */
  function frame(): void {
    const type = data.types[kind], v = data.values[at];
    plot.x = { ...plot.x, low: Math.min(type.least - 8, Math.max(v.first - 1, type.least - 30)), high: Math.max(type.end + 6, Math.min(v.first + v.counts.length + 1, type.end + 12)) };
    plot.y = { ...plot.y, high: Math.max(1, ...v.counts) * 1.12 };
    plot.axes();
    const { y: top, h: tall } = plot.inner;
    const parts: [string, string, number, number][] = [["lost", "0", plot.x.low, type.least - 1], ["sub", "subnormal", type.least - 1, type.normal], ["normal", "normal", type.normal, type.end], ["over", "inf", type.end, plot.x.high]];
    zones.replaceChildren(...parts.map(([css, , a, b]) => svg("rect", { class: `zone ${css}`, x: plot.X(a).toFixed(1), y: top, width: (plot.X(b) - plot.X(a)).toFixed(1), height: tall })),
      ...parts.slice(1).map(([, , a]) => svg("path", { class: "edge", d: `M${plot.X(a).toFixed(1)} ${top}v${tall}` })));
    const room = (a: number, b: number): boolean => plot.X(b) - plot.X(a) > 30;
    names.replaceChildren(
      ...parts.filter(([, , a, b]) => room(a, b)).map(([, name, a, b]) => svg("text", { class: "called", x: ((plot.X(a) + plot.X(b)) / 2).toFixed(1), y: 15, "text-anchor": "middle" }, name)),
      ...([["2", type.least - 1], ["2", type.normal], ["2", type.end]] as [string, number][]).map(([two, e]) =>
        svg("text", { class: "at", x: plot.X(e).toFixed(1), y: 32, "text-anchor": "middle" }, two, svg("tspan", { dy: -4, "font-size": 9 }, String(e).replace("-", "−")))));
    put(ghost, "d", v.counts.map((n, i) => `M${plot.X(v.first + i).toFixed(1)} ${plot.Y(0).toFixed(1)}V${plot.Y(n).toFixed(1)}H${plot.X(v.first + i + 1).toFixed(1)}V${plot.Y(0).toFixed(1)}`).join(""));
    host.dataset.dtype = kind;
  }

  function draw(step: number): void {
    const power = least + step, type = data.types[kind], v = data.values[at];
    const total = v.counts.reduce((a, b) => a + b, 0) + v.zeros + v.broken;
    const [zero, sub, over] = v.fates[kind][step];
    const numbers = [zero + v.zeros, sub, total - zero - v.zeros - sub - over - v.broken, over + v.broken];
    bars.replaceChildren(...v.counts.map((n, i) => {
      const e = v.first + i + power, x = plot.X(e);
      return svg("rect", { class: `bar ${zone(type, e)}`, x: (x + 0.5).toFixed(1), y: plot.Y(n).toFixed(1), width: Math.max(0.5, plot.X(e + 1) - x - 1).toFixed(1), height: (plot.Y(0) - plot.Y(n)).toFixed(1) });
    }));
    called.replaceChildren("scale 2", el("sup", {}, String(power)), ` = ${g(2 ** power)}`);
    cells.forEach((c, i) => say(c.value, percent(numbers[i], total)));
    cells[0].box.className = numbers[0] / total >= 0.01 ? "bad" : "";
    cells[1].box.className = numbers[1] ? "some" : "";
    cells[2].box.className = "good";
    cells[3].box.className = numbers[3] ? "bad" : "";
    strip.replaceChildren(...["lost", "sub", "normal", "over"].map((css, i) => el("i", { class: css, style: `width:${((100 * numbers[i]) / (total || 1)).toFixed(2)}%` })));
    host.dataset.power = String(power);
    const said = [`${percent(numbers[0], total)} become 0`, `${percent(numbers[1], total)} subnormal`, `${percent(numbers[3], total)} inf`];
    shell.announce(`Scale 2^${power}, ${kind}: ${said.join(", ")}.`);
    shell.status(`${v.name}: ${total} values${v.zeros ? `, ${v.zeros} of them were 0 before` : ""}${v.broken ? `, ${v.broken} were inf or nan before` : ""}. Dashed: unscaled. ${numbers[3] ? "✕ One inf is enough for the step to be skipped." : numbers[0] / total < 0.01 ? "✓ Fewer than 1 % are lost, none overflows." : "✕ What becomes 0 teaches nothing."}`);
  }

  const board = new Board(shell, {
    length: most - least, what: "power of two", draw, said: "Every scale as a table", timeline: data.timeline,
    table: () => {
      const v = data.values[at], total = v.counts.reduce((a, b) => a + b, 0) + v.zeros + v.broken;
      return [["scale", "0", "subnormal", "inf"], ...v.fates[kind].map(([a, b, c], i) => [`2^${least + i} = ${g(2 ** (least + i))}`, percent(a + v.zeros, total), percent(b, total), percent(c + v.broken, total)])];
    },
    hint: "A drag in the picture moves the values. Counted by multiplying in float32 and casting, scale by scale.",
  });
  function to(power: number): void {
    board.time.pause();
    board.time.go(Math.max(0, Math.min(most - least, power - least)));
  }
  let grip: [number, number] | null = null;
  plot.element.addEventListener("pointerdown", (e) => {
    plot.element.setPointerCapture(e.pointerId);
    host.focus({ preventScroll: true });
    grip = [plot.at(e)[0], least + board.time.cursor];
  });
  plot.element.addEventListener("pointermove", (e) => {
    if (grip && plot.element.hasPointerCapture(e.pointerId)) to(Math.round(grip[1] + plot.at(e)[0] - grip[0]));
  });
  plot.element.addEventListener("pointerup", () => (grip = null));

  const again = (): void => {
    frame();
    board.redraw();
    board.retell();
  };
  shell.header.append(choice<Kind>("Type", [["float16", "float16"], ["bfloat16", "bfloat16"]], kind, (k) => ((kind = k), again())));
  if (data.values.length > 1) {
    const pick = el("select", { "aria-label": "Tensor", onchange: () => ((at = pick.selectedIndex), again()) }, ...data.values.map((v) => el("option", { dir: "auto" }, v.name)));
    shell.header.append(pick);
    if (data.left_out) shell.header.append(el("span", {}, `… ${data.left_out} more are counted in “all” only`));
  }
  board.stage.append(el("div", { class: "scale" }, called, el("small", {}, "drag the values, or press the arrow keys: each step is a factor of two")), plot.element);
  shell.body.append(board.stage, fate);
  frame();
  board.begin(data.power - least);
  return shell;
}

register("number_line", mountNumberLine);
