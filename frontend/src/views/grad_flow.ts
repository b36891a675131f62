// GradFlow: a row for each layer at one iteration (gradient norm, update/weight ratio, dead units) and lines over time.
// The numbers, marks and sentences come from Python; gradviz/widgets/history/grad_flow_svg.py draws the same picture.
import { el, put, say } from "../dom";
import { COLUMNS, factsOf, GLYPHS, measuresOf, nearest, warned, WORDS, type GradFlowData, type Measure } from "../flow";
import { Lines, LINES } from "../flow_lines";
import { Rows, ROWS } from "../flow_rows";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { PLOT } from "../plot";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import { join, Timeline, walking } from "../timeline";
import { transport } from "../transport";

const CSS = `${PLOT}${ROWS}${LINES}
.stage{position:relative}
.wrong{list-style:none;margin:2px 0 6px;padding:0 16px;max-height:104px;overflow:auto;font-size:13px;color:var(--bad)}
.wrong li{overflow-wrap:anywhere}.wrong .fine{color:var(--leaf)}.wrong .more{color:var(--soft)}
.detail{display:flex;flex-wrap:wrap;gap:2px 18px;margin:0 12px 8px;padding:7px 12px;border-radius:8px;background:var(--panel);font-size:12px;overflow-wrap:anywhere}
.detail b{flex-basis:100%;font-weight:600}.detail span{color:var(--soft)}.detail em{font:12px var(--mono);color:var(--ink);font-style:normal}
.find{width:130px;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg)}
.ends{display:inline-flex;align-items:center;gap:8px;white-space:nowrap}
.over{display:flex;flex-wrap:wrap;align-items:center;gap:4px 10px;padding:4px 16px 0;font-size:12px;color:var(--soft)}
`;

export function mountGradFlow(host: HTMLElement, data: GradFlowData): Shell {
  const { layers, iterations } = data;
  const several = iterations.length > 1;
  const shell = new Shell(host, data.title, "Gradient flow. Arrow keys step through the iterations, Ctrl with up and down walks through the layers.", CSS);
  const time = new Timeline(Math.max(0, iterations.length - 1));
  const there = measuresOf(data);
  let measure = there[0];
  let chosen = -1;
  let wide = 860;
  const rows = new Rows(data, (i) => {
    choose(i === chosen ? -1 : i);
    host.focus({ preventScroll: true });
  });
  let lines: Lines | null = null;

  // -- what is wrong; the chosen layer; the text twin -----------------------------------------------------------------
  const wrong = el("ul", { class: "wrong", "aria-label": "Warnings at this iteration" });
  const detail = el("div", { class: "detail", hidden: true });
  const twin = el("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": "Text twin" });
  const help = el("div", { class: "help", hidden: true });
  const sentence = (i: number, k: number): string => `${layers[i].name}: ${factsOf(data, k, i).map((f) => f.join(" ")).join(", ")}`;

  function warn(k: number): void {
    const count = layers.reduce((sum, _, i) => sum + warned(data, k, i, "grad", "dead").length, 0);
    const said = data.said[k].map(([kind, text]) => el("li", { dir: "auto" }, `${GLYPHS[kind]} ${text}`));
    if (!said.length) said.push(el("li", { class: "fine" }, "✓ no warnings at this iteration"));
    else if (count > said.length) said.push(el("li", { class: "more" }, `and ${count - said.length} more`));
    wrong.replaceChildren(...said);
  }

  function open(k: number): void {
    detail.hidden = chosen < 0;
    if (chosen < 0) return;
    const { name, params, count, act } = layers[chosen];
    const about = `${name} · ${params} · ${count.toLocaleString("en")} parameters${act ? ` · followed by ${act}` : ""}`;
    detail.replaceChildren(el("b", { dir: "auto" }, about), ...factsOf(data, k, chosen).map(([words, n]) => el("span", {}, `${words} `, el("em", {}, n))));
  }

  function fillText(k: number): void {
    if (twin.hidden) return;
    twin.replaceChildren(el("ol", {}, ...layers.map((_, i) => {
      const kinds = warned(data, k, i, "grad", "dead").map((kind) => WORDS[kind]).join(", ");
      return el("li", { dir: "auto", "aria-current": i === chosen ? "true" : null, onclick: () => choose(i) }, sentence(i, k) + (kinds ? `. ${kinds}` : ""));
    })));
  }

  // -- moving ------------------------------------------------------------------------------------------------------
  function show(): void {
    const k = time.cursor;
    rows.paint(k);
    lines?.paint(k);
    warn(k);
    open(k);
    fillText(k);
    const first = data.said[k][0];
    shell.announce(`${data.single ? "" : `Iteration ${iterations[k]}: `}${first ? `${GLYPHS[first[0]]} ${first[1]}` : "no warnings"}`);
    void shell.mark("data-step", String(k));
  }

  function choose(i: number): void {
    chosen = i;
    rows.choose(i);
    lines?.choose(i);
    open(time.cursor);
    fillText(time.cursor);
    if (i >= 0) shell.announce(sentence(i, time.cursor));
    host.dataset.layer = i < 0 ? "" : layers[i].name;
  }

  const holder = el("div");
  function chart(): void {
    if (!several) return;
    lines = new Lines(data, measure, wide, (position) => {
      time.pause();
      host.focus({ preventScroll: true });
      time.go(position);
    });
    holder.replaceChildren(lines.element);
  }

  function layout(): void {
    wide = Math.max(560, Math.min(1600, shell.body.clientWidth || 860));
    rows.build(wide);
    chart();
    choose(chosen);
    show();
  }

  function pick(name: Measure): void {
    measure = name;
    buttons.forEach((b) => put(b, "aria-pressed", String(b.dataset.measure === name)));
    chart();
    choose(chosen);
    show();
  }

  /** The first layer with a warning, or the one with the smallest gradient. */
  function worst(): number {
    const marked = [...data.marks[time.cursor]].findIndex((m) => m !== "0");
    const sizes = (data.measures.grad?.[time.cursor] ?? []).map((v) => (v === null ? Infinity : real(v)));
    return marked >= 0 ? marked : sizes.indexOf(Math.min(...sizes));
  }

  // -- the controls ---------------------------------------------------------------------------------------------------
  function hunt(again: boolean): void {
    const text = find.value.trim().toLowerCase();
    if (!text) return;
    const from = again ? chosen + 1 : 0;
    const hit = layers.map((_, i) => (i + from) % layers.length).find((i) => layers[i].name.toLowerCase().includes(text));
    shell.status(hit === undefined ? `No layer is called “${find.value}”.` : data.note);
    if (hit !== undefined) choose(hit);
  }

  const find = el("input", { class: "find", type: "search", placeholder: `find ${data.by}`, "aria-label": `Find a ${data.by} (/)`, oninput: () => hunt(false) });
  find.addEventListener("keydown", (e) => {
    if (e.key === "Enter") hunt(true);
  });
  const buttons = there.map((name) => el("button", { type: "button", "data-measure": name, "aria-pressed": String(name === measure), onclick: () => pick(name) }, COLUMNS[name].words));
  shell.header.append(el("span", { class: "grow" }), find,
    el("button", { type: "button", title: "Text twin (T)", "aria-label": "Text twin (T)", onclick: () => turn(twin) }, "Text"),
    el("button", { type: "button", title: "Keys (?)", "aria-label": "Keys (?)", onclick: () => turn(help) }, "?"));
  const over = el("div", { class: "over", hidden: !several }, "Over time", el("span", { class: "group", role: "group", "aria-label": "Measure over time" }, ...buttons),
    el("span", { class: "ends" }, "first ", el("span", { class: "ramp", "aria-hidden": "true" }), " last layer"));

  function turn(panel: HTMLElement): void {
    if (panel === help) {
      showKeys(help, new Set(Object.keys(actions) as Action[]), [["Ctrl+Up / Down", "the layer above, below"]], "Click a row to see its numbers; click or drag in the lines to move in time.");
      twin.hidden = true;
    } else {
      twin.hidden = !twin.hidden;
      help.hidden = true;
      fillText(time.cursor);
    }
  }

  const actions: Actions = {
    text: () => turn(twin), help: () => turn(help), search: () => find.focus(),
    inspect: () => choose(chosen < 0 ? worst() : -1),
    "walk-down": () => choose(Math.min(layers.length - 1, chosen + 1)),
    "walk-up": () => choose(Math.max(0, chosen < 0 ? layers.length - 1 : chosen - 1)),
    leave: () => {
      if (!help.hidden || !twin.hidden) help.hidden = twin.hidden = true;
      else if (shell.root.activeElement) host.focus();
      else if (chosen >= 0) choose(-1);
      else host.blur();
    },
    ...(several ? walking(() => time) : {}),
  };

  shell.body.append(el("div", { class: "stage" }, rows.element, wrong, detail, over, holder, twin, help));
  if (several) {
    const bar = transport(time, [], "iteration");
    const count = bar.querySelector(".count")!;
    const range = bar.querySelector("input")!;
    const last = iterations[iterations.length - 1];
    const number = (): void => { // the iteration's own number, not its place among those kept
      say(count, `${iterations[time.cursor]} / ${last}`);
      put(range, "aria-valuetext", `iteration ${iterations[time.cursor]} of ${last}`);
    };
    time.on(number);
    shell.body.append(bar);
    time.go(nearest(iterations, data.at));
    number();
  }
  let hearing = false;
  const shared = join(data.timeline, ({ iteration }) => {
    hearing = true;
    time.go(nearest(iterations, iteration));
    hearing = false;
  });
  time.on((k) => {
    show();
    if (!hearing) shared.tell({ iteration: iterations[k] });
  });
  shell.later(() => {
    time.pause();
    shared.leave();
  });
  shell.keys(actions);
  shell.status(data.note);
  layout();
  const watch = new ResizeObserver(() => {
    if (Math.abs((shell.body.clientWidth || wide) - wide) > 2 && shell.body.clientWidth > 560) layout();
  });
  watch.observe(shell.body);
  shell.later(() => watch.disconnect());
  void shell.mark("data-ready");
  return shell;
}

register("grad_flow", mountGradFlow);
