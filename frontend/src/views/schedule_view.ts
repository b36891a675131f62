// ScheduleView: the rates of schedules, step by step; a cursor goes through all panels at once and says what happens there.
import { Board, BOARD, choice, key } from "../board";
import { el, put, say, svg } from "../dom";
import { g } from "../number";
import { pen, Plot, PLOT, type Axis } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import type { Num } from "../types";

export interface ScheduleData {
  title: string;
  axis: string;
  first: number;
  steps: number;
  xs: number[]; // the steps in the page, counted from 0
  panels: { name: string; log: boolean; lines: { name: string; values: Num[]; thin: boolean; colour: number; jumps: number[] }[] }[];
  marks: [at: number, text: string, colour: number][];
  parts: [number, number, string][][];
  about: { name: string; colour: number; words: [name: string, sentence: string, formula: string, source: string][] }[];
  skipped: number[];
  notes: string[];
  timeline: string | null;
}

const SAID = 6; // rates said at once
const CSS = `${PLOT}${BOARD}
.plot{cursor:crosshair;touch-action:none}
.rate,.thin{fill:none;stroke-width:2}.thin{stroke-width:1.2;opacity:.85}
.dot{stroke:var(--bg);stroke-width:1.5}.mark{stroke:var(--soft);stroke-dasharray:3 4;fill:none}.turn{stroke:var(--bg);stroke-width:1}.plot .told{fill:var(--soft);font-size:11px}
.bands{display:flex;gap:2px;margin:2px 14px 4px 70px;font-size:12px;line-height:20px;color:var(--soft)}
.bands span{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;background:var(--panel);border-radius:4px;padding:0 6px;text-align:center}
.bands span[aria-current]{background:var(--fwd-bg);color:var(--fwd);font-weight:600}
.keys b{font:600 12px var(--mono);color:var(--ink);font-variant-numeric:tabular-nums}
.cross{stroke:var(--bad);stroke-width:2;fill:none}
.words{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:6px 22px;padding:10px 16px;border-top:1px solid var(--line);font-size:13px}
.words article{min-width:0;overflow-wrap:anywhere}.words h4{color:var(--ink);margin:0}.words p{margin:0}.words h4 svg{width:22px;height:8px}.words h4 path{fill:none;stroke-width:2.4}
.words code{font:12px var(--mono)}.words .inner{margin-left:14px;padding-left:8px;border-left:2px solid var(--line)}
`;

/** The lowest and highest number with room, from 0 where that is near. */
export function reach(values: number[], log: boolean): [number, number] {
  const fine = values.filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (!fine.length) return log ? [0.1, 1] : [0, 1];
  let low = Infinity, high = -Infinity;
  for (const v of fine) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  if (log) {
    const grow = Math.max((high / low) ** 0.05, 1.1);
    return [low / grow, high * grow];
  }
  const more = (high - low || Math.abs(high) || 1) * 0.05;
  return [low >= 0 && low < 0.6 * high ? 0 : low - more, high + more];
}

/** What a rate did against the step before: "×0.1", "+0.002", or nothing where it stayed. */
export function change(before: number | undefined, now: number): string {
  if (before === undefined || before === now || !Number.isFinite(before + now)) return "";
  return before > 0 && now > 0 ? `×${g(now / before, 4)}` : `${now > before ? "+" : "−"}${g(Math.abs(now - before), 4)}`;
}

export function mountSchedule(host: HTMLElement, data: ScheduleData): Shell {
  const shell = new Shell(host, data.title, `Learning-rate schedule: ${data.title}. Arrow keys step, ? lists the keys.`, CSS);
  const xs = data.xs.map((k) => data.first + k);
  const lines = data.panels.flatMap((panel) => panel.lines.map((line) => ({ ...line, values: line.values.map(real), panel })));
  const ofPanel = (p: number): typeof lines => lines.filter((l) => l.panel === data.panels[p]);
  const W = Math.max(560, Math.min(1400, (host.clientWidth || 860) - 18)); // one unit a pixel, so that text keeps its size
  const single = data.about.length === 1;
  let log = data.panels[0].log;

  // -- the plots --------------------------------------------------------------------------------------------------
  const cursors: SVGPathElement[] = [];
  const drawn = data.panels.map((panel, p) => {
    const last = p === data.panels.length - 1;
    const x: Axis = { low: data.first, high: data.first + Math.max(data.steps - 1, 1), name: last ? data.axis : "" };
    const [low, high] = reach(ofPanel(p).flatMap((l) => l.values), panel.log);
    const plot = new Plot({ width: W, height: p ? (last ? 164 : 148) : last ? 340 : 324, left: 70, right: 14, top: 10, bottom: last ? 40 : 24 }, x, { low, high, log: panel.log, name: panel.name });
    const cursor = svg("path", { class: "cursor" });
    const strokes = ofPanel(p).map((l) => svg("path", { class: l.thin ? "thin" : "rate", ...pen(l.colour) }));
    const dots = ofPanel(p).map((l) => svg("circle", { class: "dot", r: 4.5, fill: pen(l.colour).stroke }));
    const marks = p ? [] : data.marks.flatMap(([at, text, colour], j) => {
      const [x, floor] = [plot.X(at), plot.inner.y + plot.inner.h];
      const tip = svg("title", {}, `${data.axis} ${g(at)}: ${text}`);
      if (!single) return [svg("path", { class: "turn", fill: pen(colour).stroke, d: `M${(x - 5).toFixed(1)} ${floor}l5 -10l5 10z` }, tip)];
      const room = (j + 1 < data.marks.length ? plot.X(data.marks[j + 1][0]) : plot.inner.x + plot.inner.w) - x;
      const label = room > text.length * 6.2 + 8 ? svg("text", { class: "told", x: (x + 5).toFixed(1), y: floor - 8 }, text) : null;
      return [svg("path", { class: "mark", d: `M${x.toFixed(1)} ${plot.inner.y}v${plot.inner.h}` }, tip), ...(label ? [label] : [])];
    });
    const crosses = svg("path", { class: "cross" });
    plot.marks.append(...marks, cursor, ...[...strokes].reverse(), crosses);
    plot.element.append(...dots); // not cut off at the frame
    plot.element.addEventListener("pointerdown", (e) => {
      plot.element.setPointerCapture(e.pointerId);
      host.focus({ preventScroll: true });
      seek(plot.at(e)[0]);
    });
    plot.element.addEventListener("pointermove", (e) => plot.element.hasPointerCapture(e.pointerId) && seek(plot.at(e)[0]));
    cursors.push(cursor);
    const paint = (): void => {
      ofPanel(p).forEach((l, j) => {
        const jumps = new Set(l.jumps); // held until the step at which it jumps
        const points = l.values.flatMap((v, i) => (jumps.has(i) ? [[xs[i], l.values[i - 1]], [xs[i], v]] : [[xs[i], v]]));
        put(strokes[j], "d", plot.path(points.map((q) => q[0]), points.map((q) => q[1])));
      });
      if (panel.name === "loss scale") {
        const at = data.skipped.map((k) => data.xs.indexOf(k)).filter((i) => i >= 0 && i < ofPanel(p)[0].values.length);
        put(crosses, "d", at.map((i) => `M${(plot.X(xs[i]) - 5).toFixed(1)} ${(plot.Y(ofPanel(p)[0].values[i]) - 5).toFixed(1)}l10 10m0 -10l-10 10`).join(""));
      }
    };
    paint();
    return { plot, dots, paint };
  });

  const scale = choice("Rate axis", [["linear", "Linear"], ["log", "Log"]], log ? "log" : "linear", (to) => {
    log = to === "log";
    const { plot, paint } = drawn[0];
    const [low, high] = reach(ofPanel(0).flatMap((l) => l.values), log);
    plot.y = { ...plot.y, low, high, log };
    plot.axes();
    paint();
    board.redraw();
  });

  // -- names and numbers ------------------------------------------------------------------------------------------
  const stroke = (i: number): SVGElement => svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h22", ...pen(i) }));
  const now = lines.map(() => el("b"));
  const keys = el("div", { class: "keys" }, ...lines.map((l, j) => key(stroke(l.colour), l.name, " ", now[j])));
  const bands = data.parts.filter((parts) => parts.length).map((parts) => ({
    parts,
    spans: parts.map(([a, b, text]) => {
      const span = el("span", { title: `${text}: ${data.axis} ${a} to ${b}` }, text);
      span.style.flex = `${b - a} 1 0px`;
      return span;
    }),
  }));
  const about = ([name, sentence, formula, source]: ScheduleData["about"][0]["words"][0], inner: boolean): HTMLElement => el("div", { class: inner ? "inner" : null },
    el("p", {}, ...(inner ? [el("b", {}, name), ` ${sentence}.`] : [`${sentence[0].toUpperCase()}${sentence.slice(1)}.`])),
    formula ? el("p", {}, "rate = ", el("code", {}, formula)) : null, el("p", { class: "hint" }, `Source: ${source}`));
  const words = el("div", { class: "words" }, ...data.about.map(({ name, colour, words: [own, ...inner] }) => el("article", { dir: "auto" },
    el("h4", {}, single ? null : stroke(colour), single ? "What it does" : name), about(own, false), ...inner.map((w) => about(w, true)))));

  function seek(x: number): void {
    const k = x - data.first;
    let best = 0;
    for (let i = 1; i < data.xs.length; i++) if (Math.abs(data.xs[i] - k) < Math.abs(data.xs[best] - k)) best = i;
    board.time.pause();
    board.time.go(best);
  }

  const happening = (i: number): string[] => {
    const from = i ? xs[i - 1] : -Infinity;
    return [...data.marks.filter(([at]) => at > from && at <= xs[i]).map(([, text]) => text), ...(data.skipped.includes(data.xs[i]) ? ["overflow: the optimizer takes no step"] : [])];
  };

  function draw(i: number): void {
    drawn.forEach(({ plot, dots }, p) => {
      const x = plot.X(xs[i]).toFixed(1);
      put(cursors[p], "d", `M${x} ${plot.inner.y}v${plot.inner.h}`);
      ofPanel(p).forEach((l, j) => {
        const y = plot.Y(l.values[i]);
        put(dots[j], "cx", x);
        put(dots[j], "cy", Number.isFinite(y) ? y.toFixed(1) : "-99");
      });
    });
    lines.forEach((l, j) => say(now[j], i < l.values.length ? g(l.values[i]) : "ended"));
    for (const { parts, spans } of bands) spans.forEach((span, j) => put(span, "aria-current", xs[i] >= parts[j][0] && (xs[i] < parts[j][1] || j === parts.length - 1) ? "true" : null));
    const near = data.xs[i] - data.xs[i - 1] === 1;
    const rates = lines.filter((l) => !l.thin && l.panel === data.panels[0]).slice(0, SAID).map((l) => {
      const what = near ? change(l.values[i - 1], l.values[i]) : "";
      return `${lines.length > 1 ? `${l.name} ` : "rate "}${i < l.values.length ? g(l.values[i]) : "has ended"}${what ? ` (${what})` : ""}`;
    });
    const turn = data.parts.flatMap((parts) => parts.filter(([a, b], j) => xs[i] >= a && (xs[i] < b || j === parts.length - 1)).slice(-1).map(([, , text]) => text));
    const events = happening(i);
    shell.announce(`${data.axis === "step" ? "Step" : "Steps from now:"} ${xs[i]}: ${rates.join(", ")}.${turn.length ? ` ${turn.join(", ")} sets it.` : ""}${events.length ? ` Here: ${events.join("; ")}.` : ""}`);
  }

  const board: Board = new Board(shell, {
    length: data.xs.length - 1, what: data.axis, draw, said: "Every step as a table", timeline: data.timeline,
    table: () => [[data.axis, ...lines.map((l) => l.name), "what happens"], ...xs.map((x, i) => [String(x), ...lines.map((l) => (i < l.values.length ? g(l.values[i]) : "")), happening(i).join("; ")])],
    moment: (i) => ({ iteration: xs[i] }),
    step: ({ iteration }) => {
      let best = 0;
      xs.forEach((x, i) => Math.abs(x - iteration) < Math.abs(xs[best] - iteration) && (best = i));
      return best;
    },
    hint: "A press in the picture moves to the nearest step. The rates are computed by the schedule itself, on a copy.",
  });
  shell.header.append(scale);
  board.stage.append(keys, ...bands.map(({ spans }) => el("div", { class: "bands" }, ...spans)), ...drawn.map(({ plot }) => plot.element));
  shell.body.append(board.stage);
  board.begin();
  shell.body.append(words);
  shell.status([...data.notes, "Keys: arrows step, Space plays, T table, ? all keys."].join(" "));
  return shell;
}

register("schedule_view", mountSchedule);
