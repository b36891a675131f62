// BatchConveyor: the rows leave the dataset in the sampler's order and go into batches, one a step, epoch by epoch. Batch size, seed, shuffle and
// drop_last can be changed where torch's own samplers are at work: conveyor.ts makes the order that torch makes.
import { BOARD } from "../board";
import { batchOf, cut, meetAgain, orders, words, type Epoch, type Recipe } from "../conveyor";
import { el, put, say } from "../dom";
import { showKeys } from "../help";
import type { Action, Actions } from "../keys";
import { moreKeys } from "../more_keys";
import { register } from "../register";
import { painter, type Packed } from "../samples";
import { Shell } from "../shell";
import { Strip, STRIP } from "../strip";
import { join, Timeline, walking } from "../timeline";
import { transport, type Stretch } from "../transport";

export interface ConveyorData {
  title: string;
  stream: boolean;
  batched: boolean; // False: batch_size=None, single rows
  count: number | null;
  ids: number[];
  keys: string[] | null;
  classes: string[];
  letters: string[];
  labels: number[];
  texts: string[] | null;
  images: Packed | null;
  seeds: (number | null)[];
  runs: Epoch[][];
  template: string | null;
  size: number | null;
  drop_last: boolean;
  recut: boolean;
  recipe: Recipe | null;
  notes: string[];
  timeline: string | null;
}

const AHEAD = 24; // rows on the belt
const SERIES = 6, CROWD = 16; // colours; a batch of more rows has small cards
const PHASES = ["forward", "backward", "update"] as const;
const CSS = `${BOARD}${STRIP}
.main{position:relative;border-top:1px solid var(--line)}
.zone{padding:8px 14px 10px}.zone+.zone{border-top:1px solid var(--line)}.zone h4{margin:0 0 5px}.zone h4{font-weight:400}.zone h4 b{color:var(--ink);font-weight:600}
.shelf{background:var(--panel)}.cards{display:flex;flex-wrap:wrap;gap:4px}
.card{--hue:var(--edge);width:44px;height:60px;padding:3px;display:flex;flex-direction:column;gap:1px;background:var(--node);border:1.5px solid var(--hue);border-radius:6px;color:var(--ink);position:relative;flex:none;text-align:left;cursor:pointer}
.card:hover{background:var(--node);box-shadow:0 0 0 2px var(--line)}
.card .face{height:35px;border-radius:3px;overflow:hidden;display:grid;place-items:center;font:600 16px/1 var(--sans);color:var(--hue);background:var(--frame);white-space:normal;text-align:center}
.card .face.text{font:10px/1.15 var(--mono);color:var(--ink);overflow-wrap:anywhere;padding:0 1px}
.image{image-rendering:pixelated;display:block;width:100%;height:100%;object-fit:contain}
.card .foot{display:flex;justify-content:space-between;gap:2px;font:11px/17px var(--mono);min-width:0;overflow:hidden}.card .foot b{color:var(--hue);font-weight:700}
.card .foot span{overflow:hidden;text-overflow:ellipsis}
.card.gone{border-style:dashed;background:none}.card.gone .image{opacity:.28}.card.gone .face.text{background:none;color:var(--soft)}
.card .times{position:absolute;top:-5px;right:-5px;min-width:17px;height:17px;border-radius:9px;padding:0 4px;background:var(--bwd);color:var(--bg);font:700 10.5px/17px var(--sans);text-align:center}
.card.picked,.card.picked:hover{box-shadow:0 0 0 3px var(--mark)}
.belt{display:flex;gap:4px;overflow:hidden;padding:6px 4px 9px;border-bottom:3px dotted var(--edge);min-height:78px;align-items:center;mask-image:linear-gradient(90deg,#000 82%,transparent)}
.belt .card:first-child{box-shadow:0 0 0 2px var(--ink)}
.belt p{margin:0;color:var(--soft)}
.trays{display:flex;flex-wrap:wrap;gap:8px;align-items:flex-start}
.tray{border:1px solid var(--line);border-radius:8px;background:var(--panel);padding:2px 6px 6px;max-width:100%;min-width:60px}
.tray .cards{min-height:60px}.tray h5{margin:0;font:600 12px/22px var(--sans);color:var(--soft);white-space:nowrap}
.tray .out{font:11px/16px var(--mono);color:var(--soft);min-height:16px;margin-top:3px;max-width:260px;overflow-wrap:anywhere}.tray .out.error{color:var(--bad);font-weight:600}
.tray.now{border-color:var(--ink)}.tray.now h5,.tray.full h5{color:var(--ink)}.tray.full .out{color:var(--leaf)}.tray.full .out.error{color:var(--bad)}
.tray.left{border:1px dashed var(--bad)}.tray.left h5{color:var(--bad)}
.slot{width:44px;height:60px;border:1.5px dashed var(--line);border-radius:6px;flex:none}.slot .card{margin:-1.5px;visibility:visible}.slot:not(.in) .card{display:none}
.slot.in{border-color:transparent}
.crowd .cards{gap:3px}.crowd .slot,.crowd .card{width:32px;height:32px;padding:2px}.crowd .face{height:25px;font-size:9px}.crowd .foot{display:none}
.facts{margin:4px 0 0;padding:0;list-style:none;font-size:12.5px;color:var(--soft)}.facts b{color:var(--ink)}.facts li+li{margin-top:2px}
.legend{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:12px;color:var(--soft)}.legend b{color:var(--hue)}.legend span{overflow-wrap:anywhere}
.knobs label.check{gap:5px;cursor:pointer}.knobs .code{font:12px var(--mono);color:var(--soft);flex-basis:100%;overflow-wrap:anywhere}.knobs button{border-color:var(--line);background:var(--bg)}
.knobs label.wide{max-width:420px}.knobs input[type=number]{width:74px}
.dense{display:block;width:100%;height:26px;border-radius:4px}
@container (max-width:640px){.zone{padding:8px 8px}.knobs label.wide{min-width:100%;max-width:none}}
`;

export function mountConveyor(host: HTMLElement, data: ConveyorData): Shell {
  const shell = new Shell(host, data.title, `${data.title}. Left and Right move one row, Ctrl with them a batch. Press ? for keys.`, CSS);
  const place = new Map(data.ids.map((id, i) => [id, i]));
  const paint = data.images ? painter(data.images) : null;
  const hue = (id: number): string | null => {
    const k = data.labels[place.get(id) ?? -1] ?? -1;
    return k < 0 ? null : `--hue:var(--s${k % SERIES})`;
  };
  const name = (id: number): string => (data.keys && place.has(id) ? data.keys[place.get(id)!] : String(id));
  const label = (id: number): string => data.classes[data.labels[place.get(id) ?? -1]] ?? "";
  const told = (id: number): string => `row ${name(id)}${label(id) ? ` (${label(id)})` : ""}`;
  const names = (ids: number[]): string => ids.slice(0, 16).map(name).join(" ") + (ids.length > 16 ? " …" : "");
  const first = { seed: data.seeds[0], size: data.size ?? 1, dropLast: data.drop_last, shuffle: data.recipe?.shuffle ?? false };
  let now = { ...first };
  let epochs: Epoch[] = data.runs[0];
  let batches: number[][] = [];
  let offsets: number[] = [];
  let time = new Timeline(0);
  let built = -1; // the epoch whose trays stand there
  let slots: HTMLElement[] = [];
  let trays: { element: HTMLElement; from: number; to: number; out: HTMLElement; text: string }[] = [];
  let unseen: HTMLElement | null = null;
  let picked: number | null = null;

  // -- the parts ------------------------------------------------------------------------------------------------------
  function card(id: number): HTMLElement {
    const i = place.get(id);
    const letter = i === undefined ? "" : (data.letters[data.labels[i]] ?? "");
    const text = i === undefined ? "·" : (data.texts?.[i] ?? "");
    const face = paint && i !== undefined ? el("span", { class: "face" }, paint(i)) : el("span", { class: "face text" }, text);
    return el("button", { type: "button", tabindex: "-1", class: "card", style: hue(id), "data-row": id, title: told(id), "aria-label": told(id), onclick: () => pick(id) },
      face, el("span", { class: "foot" }, el("span", { dir: "auto" }, name(id)), letter ? el("b", {}, letter) : null));
  }
  const whole = !data.stream && data.count !== null && data.ids.length === data.count && !data.keys;
  const shelf = new Map<number, { card: HTMLElement; times: HTMLElement }>();
  const shelfBox = el("div", { class: whole ? "cards" : "" });
  const dense = el("canvas", { class: "dense", width: 640, height: 1, role: "img", "aria-label": "How much of each part of the dataset has been drawn" });
  if (whole) for (const id of data.ids) {
    const times = el("span", { class: "times", hidden: true });
    const made = card(id);
    made.append(times);
    shelf.set(id, { card: made, times });
    shelfBox.append(made);
  } else if (data.count && !data.keys) shelfBox.append(dense);
  const belt = el("div", { class: "belt" });
  const beltHead = el("h4");
  const tray = el("div", { class: "trays" });
  const trayHead = el("h4");
  const strip = new Strip({ hue, name, told }, (e, step) => {
    time.pause();
    time.go(offsets[e] + step);
    host.focus({ preventScroll: true });
  });
  const facts = el("ul", { class: "facts" });
  const help = el("div", { class: "help", hidden: true, tabindex: "0", role: "region", "aria-label": "Keys" });
  const twin = el("div", { class: "twin", hidden: true, tabindex: "0", role: "region", "aria-label": "Batches as a table" });
  const shelfHead = el("h4", {}, el("b", {}, "Dataset"), data.stream ? "a stream: its rows are known as they come" : data.count === null ? "rows by key" : `${data.count} rows`);
  const legend = el("div", { class: "legend" }, ...data.classes.slice(0, 12).map((it, k) => (it === data.letters[k] ? null : el("span", { dir: "auto", style: `--hue:var(--s${k % SERIES})` }, el("b", {}, data.letters[k]), ` ${it}`))));
  let row: HTMLElement = el("div");
  const knobs = el("div", { class: "knobs", role: "group", "aria-label": "The loader" });
  const zone = (kind: string, ...parts: Node[]): HTMLElement => el("div", { class: `zone ${kind}` }, ...parts);
  const main = el("div", { class: "main" }, zone("shelf", shelfHead, ...(shelfBox.childElementCount ? [shelfBox] : []), ...(legend.childElementCount ? [legend] : [])), zone("", beltHead, belt), zone("", trayHead, tray),
    zone("", el("h4", {}, el("b", {}, "Epochs"), "a cell is a row; threads lead to the same rows in the next epoch"), strip.element, facts), twin, help);
  shell.header.append(el("span", { class: "grow" }), el("div", { class: "group" }, el("button", { type: "button", title: "As a table (T)", onclick: () => tell() }, "Table"), el("button", { type: "button", title: "Keys (?)", "aria-label": "Keys (?)", onclick: () => actions.help!() }, "?")));
  shell.body.append(main, row, knobs);

  // -- what can be changed --------------------------------------------------------------------------------------------
  const longest = Math.max(1, ...data.runs[0].map((it) => it.steps.length));
  const range = el("input", { type: "range", min: 1, max: longest, step: 1, "aria-label": "Rows in a batch", oninput: () => change({ size: range.valueAsNumber }) });
  const size = el("input", { type: "number", min: 1, max: longest, step: 1, "aria-label": "batch_size", onchange: () => change({ size: size.valueAsNumber }) });
  const dropLast = el("input", { type: "checkbox", onchange: () => change({ dropLast: dropLast.checked }) });
  const shuffle = el("input", { type: "checkbox", onchange: () => change({ shuffle: shuffle.checked }) });
  const seed = el("input", { type: "number", min: 0, step: 1, placeholder: "as now", "aria-label": "Seed", onchange: () => change({ seed: seed.value === "" ? first.seed : seed.valueAsNumber }) });
  const seeds = el("select", { "aria-label": "Seed", onchange: () => change({ seed: data.seeds[Number(seeds.value)] }) }, ...data.seeds.map((it, i) => el("option", { value: i }, `seed ${it}`)));
  const code = el("div", { class: "code" });
  const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
  const many = data.seeds.length > 1;
  if (data.recut) knobs.append(el("label", { class: "wide" }, "batch_size", range, size), el("label", { class: "check" }, dropLast, "drop_last"));
  if (data.recipe) knobs.append(el("label", { class: "check" }, shuffle, "shuffle"), el("label", {}, "seed", seed), button("New seed", "The next seed (N)", () => nextSeed()));
  else if (many) knobs.append(el("label", {}, seeds), button("New seed", "The next seed (N)", () => nextSeed()));
  if (data.recut || many) knobs.append(button("Reset", "All as at first (R)", () => change(first)), code);
  else knobs.remove();

  function nextSeed(): void {
    if (data.recipe) change({ seed: now.seed === null ? 0 : now.seed + 1 });
    else if (many) change({ seed: data.seeds[(data.seeds.indexOf(now.seed) + 1) % data.seeds.length] });
  }

  /** Other settings; what makes no sense is put back. */
  function change(to: Partial<typeof now>): void {
    const wish = { ...now, ...to };
    if (data.recut && Number.isFinite(wish.size)) wish.size = Math.round(Math.min(longest, Math.max(1, wish.size)));
    if (wish.shuffle && wish.seed === null && !first.shuffle) wish.seed = 0; // a recorded order without shuffling tells nothing of one with it
    if (Number.isFinite(wish.size) && (wish.seed === null || (Number.isSafeInteger(wish.seed) && wish.seed >= 0))) now = wish;
    shell.safely(again);
  }

  /** The epochs for the settings: as recorded, or made here from the seed. */
  function again(): void {
    const run = data.runs[data.seeds.indexOf(now.seed)];
    const recorded = run && now.shuffle === first.shuffle;
    if (recorded && now.size === first.size && now.dropLast === first.dropLast) epochs = run;
    else {
      const order = recorded ? run.map((it) => it.steps) : orders({ ...data.recipe!, shuffle: now.shuffle }, now.seed ?? 0, data.runs[0].length);
      epochs = order.map((it) => cut(it, now.size, now.dropLast, data.count, data.template));
    }
    batches = epochs.map(batchOf);
    offsets = [];
    let length = 0;
    for (const epoch of epochs) {
      offsets.push(length);
      length += epoch.steps.length;
    }
    for (const [input, value] of [[range, now.size], [size, now.size]] as const) input.value = String(value);
    range.style.setProperty("--fill", `linear-gradient(90deg,var(--s0) ${(100 * (now.size - 1)) / Math.max(1, longest - 1)}%,var(--line) 0)`);
    [dropLast.checked, shuffle.checked] = [now.dropLast, now.shuffle];
    seed.value = now.seed === null ? "" : String(now.seed);
    seeds.value = String(data.seeds.indexOf(now.seed));
    const made = data.recipe ? `DataLoader(dataset, batch_size=${now.size}${now.shuffle ? ", shuffle=True" : ""}${now.dropLast ? ", drop_last=True" : ""}${data.recipe.own ? ", generator=generator" : ""})` : "";
    const from = now.seed === null ? "as the generators stood when this was made" : `after ${data.recipe?.own ? "generator" : "torch"}.manual_seed(${now.seed})`;
    say(code, [made, from].filter(Boolean).join("  "));
    built = -1;
    const at = time.length ? Math.min(time.cursor, length) : (epochs[0]?.sizes[0] ?? 0);
    schedule(length, at);
    write();
    strip.lay(epochs, batches);
    (host as HTMLElement & { conveyor?: unknown }).conveyor = epochs;
    draw();
  }

  function schedule(length: number, cursor: number): void {
    const pace = time.length ? time.speed : 4;
    time.pause();
    time = new Timeline(length);
    time.faster(Math.round(Math.log2(pace)));
    time.go(cursor);
    time.on((to, before) => {
      draw(to === before + 1);
      shared.tell({ iteration: to });
    });
    const stretches: Stretch[] = epochs.map((it, e) => ({ phase: PHASES[e % 3], from: offsets[e], to: offsets[e] + it.steps.length, name: `epoch ${e + 1}` }));
    const bar = transport(time, stretches, "row");
    row.replaceWith(bar);
    row = bar;
  }

  // -- drawing --------------------------------------------------------------------------------------------------------
  /** The epoch of the cursor, and how many rows of it have been drawn. */
  function where(): [number, number] {
    let e = 0;
    while (e + 1 < epochs.length && time.cursor > offsets[e + 1]) e++;
    return [e, time.cursor - offsets[e]];
  }

  function build(e: number): void {
    const epoch = epochs[e];
    slots = [];
    trays = [];
    let at = 0;
    const box = (title: string, kind: string, count: number, text: string): HTMLElement => {
      const out = el("div", { class: text.startsWith("✗") ? "out error" : "out" });
      const mine = epoch.steps.slice(at, at + count).map((id) => el("div", { class: "slot" }, card(id)));
      slots.push(...mine);
      const crowd = count > CROWD;
      const element = el("div", { class: `tray ${kind}${crowd ? " crowd" : ""}`.trim() }, el("h5", {}, title), el("div", { class: "cards" }, ...mine), out);
      element.style.width = `${crowd ? CROWD * 35 + 11 : Math.min(count, 8) * 48 + 10}px`;
      trays.push({ element, from: at, to: at + count, out, text });
      at += count;
      return element;
    };
    const boxes = epoch.sizes.map((count, b) => box(data.batched ? `batch ${b}` : String(b), "", count, epoch.collated[b] ?? ""));
    if (epoch.dropped) boxes.push(box("✗ dropped", "left", epoch.dropped, ""));
    unseen = epoch.facts.never ? el("div", { class: "tray left", hidden: true }, el("h5", {}, `never drawn: ${epoch.facts.never}`), el("div", { class: "cards" }, ...epoch.never.slice(0, 24).map(card))) : null;
    if (unseen) boxes.push(unseen);
    tray.replaceChildren(...boxes);
    built = e;
  }

  function draw(stepped = false): void {
    const [e, p] = where();
    const epoch = epochs[e];
    if (!epoch) return;
    if (built !== e) build(e);
    const from = stepped && p > 0 && !shell.calm ? belt.firstElementChild?.getBoundingClientRect() : undefined;
    slots.forEach((slot, i) => slot.classList.toggle("in", i < p));
    for (const it of trays) {
      const full = p >= it.to;
      it.element.classList.toggle("full", full);
      it.element.classList.toggle("now", p > it.from && p <= it.to);
      say(it.out, full && it.text ? (it.text.startsWith("✗") ? it.text : `→ ${it.text}`) : "");
    }
    if (unseen) unseen.hidden = p < epoch.steps.length;
    const drawn = new Map<number, number>();
    for (const id of epoch.steps.slice(0, p)) drawn.set(id, (drawn.get(id) ?? 0) + 1);
    for (const [id, it] of shelf) {
      const times = drawn.get(id) ?? 0;
      it.card.classList.toggle("gone", times > 0);
      it.times.hidden = times < 2;
      say(it.times, times > 1 ? `×${times}` : "");
    }
    if (dense.isConnected) shade(drawn);
    const ahead = epoch.steps.slice(p, p + AHEAD);
    if (stepped && p > 1 && ahead.length) {
      belt.firstElementChild?.remove();
      if (ahead.length === AHEAD) belt.append(card(ahead[AHEAD - 1]));
    } else belt.replaceChildren(...(ahead.length ? ahead.map(card) : [el("p", {}, e + 1 < epochs.length ? `Epoch ${e + 1} is over: the sampler starts anew.` : `Epoch ${e + 1} is over.`)]));
    beltHead.replaceChildren(el("b", {}, "Sampler"), `the next rows of epoch ${e + 1}`, ahead.length ? el("span", { class: "chip" }, `${epoch.steps.length - p} to come`) : "");
    trayHead.replaceChildren(el("b", {}, "Batches"), `of epoch ${e + 1}`);
    if (from && slots[p - 1]) {
      const to = slots[p - 1].getBoundingClientRect();
      slots[p - 1].firstElementChild?.animate?.([{ transform: `translate(${from.left - to.left}px,${from.top - to.top}px)`, zIndex: 1 }, { transform: "none" }], { duration: Math.min(420, 700 / time.speed), easing: "cubic-bezier(.3,.8,.4,1)" });
    }
    strip.show(e, p, picked);
    if (picked !== null) mark();
    shell.announce(sentence(e, p));
    for (const [i, li] of [...facts.children].entries()) put(li, "aria-current", i === e ? "step" : null);
    void shell.mark("data-step", String(time.cursor));
  }

  function sentence(e: number, p: number): string {
    const epoch = epochs[e];
    const start = `Epoch ${e + 1}`;
    if (p === 0) return `${start} begins: no row has been drawn.`;
    const id = epoch.steps[p - 1];
    const b = batches[e][p - 1];
    if (b < 0) return `${start}: ${told(id)} is drawn, but its batch does not get full: dropped.`;
    const begin = epoch.sizes.slice(0, b).reduce((x, y) => x + y, 0);
    const of = `${start}, batch ${b}: ${told(id)} takes place ${p - begin} of ${epoch.sizes[b]}.`;
    const full = p - begin === epoch.sizes[b] ? ` The batch is full: rows ${names(epoch.steps.slice(begin, p))}${epoch.collated[b] ? (epoch.collated[b].startsWith("✗") ? `; ${epoch.collated[b]}` : `, collated to ${epoch.collated[b]}`) : ""}.` : "";
    return of + full + (p === epoch.steps.length ? ` The epoch is over: ${words(epoch.facts, data.batched)}.` : "");
  }

  /** A dataset too large for cards: how much of each part has been drawn. */
  function shade(drawn: Map<number, number>): void {
    const pen = dense.getContext("2d");
    if (!pen || !data.count) return;
    const [wide, style] = [dense.width, getComputedStyle(host)];
    pen.fillStyle = style.getPropertyValue("--line");
    pen.fillRect(0, 0, wide, 1);
    pen.fillStyle = style.getPropertyValue("--fwd");
    for (const id of drawn.keys()) pen.fillRect(Math.floor((id / data.count) * wide), 0, Math.max(1, Math.ceil(wide / data.count)), 1);
  }

  function write(): void {
    facts.replaceChildren(...epochs.map((it, e) => el("li", {}, el("b", {}, `Epoch ${e + 1}: `), words(it.facts, data.batched) + (e && it.whole && epochs[e - 1].whole ? `; ${meetAgain(epochs[e - 1], it, e)}` : ""))));
    const cell = (text: string): HTMLElement => el("td", { dir: "auto" }, text);
    const lines = epochs.flatMap((it, e) => {
      let at = 0;
      const made = it.sizes.map((count, b) => {
        const rows = it.steps.slice(at, (at += count));
        return el("tr", {}, cell(String(e + 1)), cell(String(b)), cell(rows.map(name).join(" ")), cell(rows.map(label).join(" ")), cell(it.collated[b] ?? ""));
      });
      if (it.dropped) made.push(el("tr", {}, cell(String(e + 1)), cell("dropped"), cell(it.steps.slice(at).map(name).join(" ")), cell(""), cell("")));
      return made;
    });
    twin.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...["epoch", "batch", "rows", "classes", "collated"].map((it) => el("th", {}, it)))), el("tbody", {}, ...lines)));
  }

  // -- following a row ------------------------------------------------------------------------------------------------
  function pick(id: number | null): void {
    picked = id === picked ? null : id;
    const [e, p] = where();
    strip.show(e, p, picked);
    mark();
    if (picked === null) return shell.announce("No row is followed.");
    const seen = epochs.map((it, k) => {
      const at = it.steps.flatMap((other, i) => (other === picked ? [batches[k][i]] : []));
      return `epoch ${k + 1} ${at.length ? at.map((b) => (b < 0 ? "dropped" : `batch ${b}`)).join(" and ") : it.whole ? "never drawn" : "not shown"}`;
    });
    shell.announce(`Followed: ${told(picked)}: ${seen.join(", ")}.`);
  }
  const mark = (): void => shell.root.querySelectorAll<HTMLElement>(".card").forEach((it) => it.classList.toggle("picked", Number(it.dataset.row) === picked));

  const tell = (): void => {
    help.hidden = true;
    twin.hidden = !twin.hidden;
  };
  /** To the end of this batch or the next one; back to the end of the one before. */
  function walk(by: number): void {
    time.pause();
    const ends = epochs.flatMap((it, e) => it.sizes.reduce<number[]>((all, n) => [...all, (all.at(-1) ?? offsets[e]) + n], []));
    const to = by > 0 ? ends.find((it) => it > time.cursor) : ends.findLast((it) => it < time.cursor);
    time.go(to ?? (by > 0 ? time.length : 0));
  }
  function otherEpoch(by: number): void {
    const [e, p] = where();
    time.pause();
    if (epochs[e + by]) time.go(offsets[e + by] + Math.min(Math.max(1, p), epochs[e + by].steps.length));
  }
  const actions: Actions = {
    ...walking(() => time),
    "walk-right": () => walk(1), "walk-left": () => walk(-1), "walk-down": () => otherEpoch(1), "walk-up": () => otherEpoch(-1),
    inspect: () => {
      const [e, p] = where();
      if (epochs[e].steps.length) pick(epochs[e].steps[Math.max(0, p - 1)]);
    },
    text: tell,
    help: () => {
      twin.hidden = true;
      showKeys(help, new Set((Object.keys(actions) as Action[]).filter((it) => !it.startsWith("walk") && it !== "inspect")), ALSO, "Click a row to follow it through the epochs");
    },
    leave: () => {
      time.pause();
      if (!help.hidden) help.hidden = true;
      else if (!twin.hidden) twin.hidden = true;
      else if (picked !== null) pick(null);
      else host.blur();
    },
  };
  const resized = globalThis.ResizeObserver && new ResizeObserver(() => {
    const [e, p] = where();
    if (!epochs[e] || !strip.stale) return;
    strip.lay(epochs, batches);
    strip.show(e, p, picked);
  });
  resized?.observe(host);
  const ALSO: [string, string][] = [["Ctrl + Right, Left", "a batch on or back"], ["Ctrl + Down, Up", "the same place in the next or last epoch"], ["Enter", "follow the row just drawn"],
    ...(data.recut ? [["+ and -", "one row more or less in a batch"]] as [string, string][] : []), ...(data.recipe || many ? [["n", "another seed"]] as [string, string][] : []), ...(data.recut || many ? [["r", "all as at first"]] as [string, string][] : [])];
  shell.keys(actions);
  const OWN: Record<string, () => void> = {
    ...(data.recut ? { "+": () => change({ size: now.size + 1 }), "=": () => change({ size: now.size + 1 }), "-": () => change({ size: now.size - 1 }) } : {}),
    ...(data.recipe || many ? { n: nextSeed } : {}), ...(data.recut || many ? { r: () => change(first) } : {}),
  };
  moreKeys(shell, (key, e) => !e.altKey && OWN[key]);
  let wanted: number | null = null;
  const shared = join(data.timeline, (moment) => {
    wanted = moment.iteration;
    time.go(wanted);
  });
  shell.later(() => {
    resized?.disconnect();
    time.pause();
    shared.leave();
  });
  shell.onTheme = () => shell.safely(() => draw());
  again();
  if (wanted !== null) time.go(wanted);
  shell.status(data.notes.join(" "));
  void shell.mark("data-ready");
  return shell;
}

register("batch_conveyor", mountConveyor);
