// StateDictDiff: the saved numbers, the model's, and their difference; a step loads one name as load_state_dict does it, and
// the last one says whether it returns or raises. Nothing but the picture changes.
import { Board, BOARD, choice } from "../board";
import { el, put, say } from "../dom";
import { floats, heat } from "../heat";
import { g } from "../number";
import { real } from "../real";
import { register } from "../register";
import { Shell } from "../shell";
import type { Num } from "../types";

export interface Side {
  about: string;
  size?: [number, number]; // rows and columns that are drawn
  whole?: [number, number]; // and how many there are
  numbers?: Num[]; // all of a small tensor
  floats?: string; // a sample of a large one, in base64
  drawn?: boolean; // as colours, although its numbers are here
}
export interface Row {
  name: string;
  verdict: Verdict;
  far: Num | null;
  saved: Side | null;
  model: Side | null;
  after: Side | null; // the saved numbers in the model's dtype, where that differs
  said: string;
}
export interface StateDicts {
  title: string;
  names: [string, string];
  strict: boolean;
  errors: [string[], string[]]; // under strict=False, under strict=True
  note: string;
  rows: Row[];
}
type Verdict = keyof typeof VERDICTS;

/** glyph, words before loading, glyph and words once loaded, colour */
const VERDICTS = {
  equal: ["=", "equal", "✓", "copied", "soft"],
  differs: ["≠", "other numbers", "✓", "copied", "fwd"],
  cast: ["≈", "another dtype", "✓", "converted", "bwd"],
  shape: ["✗", "another shape", "✗", "refused", "bad"],
  missing: ["?", "not saved", "–", "kept", "bad"],
  unexpected: ["+", "no place for it", "–", "ignored", "bad"],
} as const;

const CSS = `${BOARD}
.stage{padding:0;display:grid;grid-template-columns:minmax(200px,32%) minmax(0,1fr);border-top:1px solid var(--line);min-height:300px}
.rows{max-height:430px;overflow:auto;background:var(--panel);border-right:1px solid var(--line);padding:6px}
.rows button{display:grid;grid-template-columns:20px minmax(0,1fr) auto;gap:0 6px;width:100%;height:auto;padding:4px 6px;text-align:left;align-items:baseline;border-left:3px solid transparent;border-radius:5px;white-space:normal}
.rows button[aria-selected=true]{border-left-color:var(--fwd)}
.rows b{font:600 12.5px/1.5 var(--mono);color:var(--ink);overflow-wrap:anywhere}.rows small{grid-column:2/4;font:11.5px/1.4 var(--mono);color:var(--soft);overflow-wrap:anywhere}
.rows .glyph{font-weight:700;text-align:center}.rows .state{font-size:12px;white-space:nowrap}
.soft{color:var(--soft)}.fwd{color:var(--fwd)}.bwd{color:var(--bwd)}.bad{color:var(--bad)}.done{color:var(--leaf)}
.sides{display:flex;flex-wrap:wrap;gap:14px 18px;align-content:flex-start;align-items:flex-start;padding:14px 16px;min-width:0}
figure{margin:0;flex:0 1 auto;max-width:100%}figcaption{font-size:12px;color:var(--soft);margin-bottom:6px;max-width:100%;overflow-wrap:anywhere}figcaption b{color:var(--ink);font-size:13px}
.sign{align-self:center;font-size:20px;color:var(--soft)}
.numbers{border-collapse:separate;border-spacing:2px}.numbers td{min-width:52px;height:26px;padding:0 5px;text-align:right;font:12px var(--mono);border:1px solid var(--line);border-radius:4px;background:color-mix(in srgb,var(--hue,var(--bg)) var(--share,0%),var(--bg))}
.numbers.new td{animation:arrive .5s ease-out}@keyframes arrive{from{transform:translateX(-14px);opacity:.2}}
canvas{display:block;width:190px;max-width:100%;image-rendering:pixelated;border:1px solid var(--line);border-radius:4px}
.none{min-width:110px;padding:18px 12px;border:1px dashed var(--edge);border-radius:6px;color:var(--soft);text-align:center;font:12px var(--mono);overflow-wrap:anywhere;max-width:260px}
.far{flex-basis:100%;font:13px/1.5 var(--mono);color:var(--soft)}
@container (max-width:680px){.stage{grid-template-columns:minmax(0,1fr)}.rows{border-right:0;border-bottom:1px solid var(--line);max-height:210px}}
`;

const values = (side: Side): ArrayLike<number> => (side.numbers ? side.numbers.map(real) : side.floats !== undefined ? floats(side.floats) : []);

/** What the model holds under this name: its own, or once loaded what was copied. */
export function held(row: Row, loaded: boolean): Side | null {
  if (!loaded || row.verdict === "shape" || row.verdict === "missing" || row.verdict === "unexpected") return row.model;
  return row.after ?? (row.saved && row.model ? { ...row.saved, about: row.model.about } : row.model);
}

/** What is drawn of the difference: entry by entry, where both sides show the same entries. */
export function difference(a: Side | null, b: Side | null): Side | null {
  if (!a?.size || !b?.size || a.whole!.join() !== b.whole!.join()) return null;
  const [p, q] = [values(a), values(b)];
  const apart = Array.from(p, (v, i) => (Object.is(v, q[i]) ? 0 : v - q[i]));
  return { about: "", size: a.size, whole: a.whole, numbers: apart, drawn: a.floats !== undefined };
}

export function mountStateDicts(host: HTMLElement, data: StateDicts): Shell {
  const shell = new Shell(host, data.title, `${data.title}: ${data.rows.length} names. Right loads the next one. Press ? for keys.`, CSS);
  const { rows, names } = data;
  let strict = data.strict;
  let chosen = 0;
  const list = el("div", { class: "rows", role: "listbox", "aria-label": "Names" });
  const sides = el("div", { class: "sides" });
  const options = rows.map((row, i) => {
    const [glyph, state] = [el("span", { class: "glyph", "aria-hidden": "true" }), el("span", { class: "state" })];
    const about = [row.saved?.about ?? "–", row.model?.about ?? "–"];
    const button = el("button", { type: "button", role: "option", tabindex: "-1", onclick: () => pick(i) }, glyph, el("b", { dir: "auto" }, row.name), state,
      el("small", { dir: "auto" }, about[0] === about[1] ? about[0] : about.join(" → ")));
    list.append(button);
    return { button, glyph, state };
  });

  const outcome = (): string => {
    const errors = data.errors[Number(strict)];
    const call = `load_state_dict(strict=${strict ? "True" : "False"})`;
    return errors.length ? `${call} raises: ${errors.join(", ")}. What fits has been copied by then.` : `${call} returns: everything that was saved is in place.`;
  };
  const total = rows.length;
  const board = new Board(shell, {
    length: total + 1,
    what: "name",
    stretches: [{ phase: "forward", from: 0, to: total, name: "Loading" }, { phase: "update", from: total, to: total + 1, name: "End" }],
    said: "Every name, and what loading does with it",
    table: () => [["", "name", names[0], names[1], "before", "loading"], ...rows.map((row, i) =>
      [String(i + 1), row.name, row.saved?.about ?? "–", row.model?.about ?? "–", VERDICTS[row.verdict].slice(0, 2).join(" "), row.said])],
    row: (step) => Math.min(step, total),
    also: [["Ctrl + Up / Down", "look at another name"]],
    hint: "A step loads one name, in the order that load_state_dict takes",
    actions: { "walk-up": () => pick(Math.max(0, chosen - 1)), "walk-down": () => pick(Math.min(total - 1, chosen + 1)) },
    draw(step) {
      if (step > 0) chosen = Math.min(step, total) - 1;
      paint(step, true);
    },
  });

  function pick(i: number): void {
    board.time.pause();
    chosen = i;
    paint(board.time.cursor, false);
  }

  function paint(step: number, moved: boolean): void {
    options.forEach(({ button, glyph, state }, i) => {
      const [mark, words, then, after, colour] = VERDICTS[rows[i].verdict];
      const loaded = i < step;
      const good = then === "✓";
      say(glyph, loaded ? then : mark);
      put(glyph, "class", `glyph ${loaded && good ? "done" : colour}`);
      say(state, loaded ? after : words);
      put(state, "class", `state ${loaded && good ? "done" : colour}`);
      put(button, "aria-selected", String(i === chosen));
      put(button, "aria-label", `${rows[i].name}: ${loaded ? after : words}`);
    });
    // not scrollIntoView, which would scroll the notebook too
    const { button } = options[chosen];
    if (button.offsetTop < list.scrollTop || button.offsetTop + button.offsetHeight > list.scrollTop + list.clientHeight)
      list.scrollTop = button.offsetTop - list.clientHeight / 2;
    const row = rows[chosen];
    const loaded = chosen < step;
    const now = held(row, loaded);
    const apart = difference(row.saved, now);
    const top = most([row.saved, row.model]);
    const scale = most([difference(row.saved, row.model)]) || top;
    sides.replaceChildren(...[
      block(names[0], row.saved, top, false),
      el("div", { class: "sign", "aria-hidden": "true" }, loaded ? "→" : ""),
      block(names[1], now, top, moved && loaded && step === chosen + 1 && now !== row.model),
      apart ? block("difference", apart, scale, false) : null,
      el("div", { class: "far" }, far(row, loaded)),
    ].filter((part): part is HTMLElement => part !== null));
    host.dataset.chosen = String(chosen);
    shell.announce(step === 0 && moved ? data.title && summary() : step > total && moved ? outcome() : `${row.name}: ${loaded ? row.said : VERDICTS[row.verdict][1]}`);
  }

  function summary(): string {
    const of = (kind: string): number => rows.filter((row) => row.verdict === kind).length;
    const told = Object.entries(VERDICTS).filter(([kind]) => of(kind)).map(([kind, words]) => `${of(kind)} ${words[1]}`);
    return `${total} name${total === 1 ? "" : "s"}: ${told.join(", ")}.`;
  }

  shell.header.append(choice("Names that are missing or have no place", [["true", "strict=True"], ["false", "strict=False"]], strict ? "true" : "false", (value) => {
    strict = value === "true";
    board.time.go(total + 1);
    shell.announce(outcome());
  }));
  board.stage.append(list, sides);
  shell.body.append(board.stage);
  shell.status(data.note);
  board.begin();
  return shell;
}

function far(row: Row, loaded: boolean): string {
  if (row.far === null) return "";
  if (!loaded) return `largest difference ${g(real(row.far), 4)}`;
  return row.verdict === "cast" ? row.said : "largest difference 0";
}

/** The largest finite size among what is drawn of some sides. */
function most(found: (Side | null)[]): number {
  let top = 0;
  for (const side of found) if (side?.size) for (const v of Array.from(values(side))) if (Number.isFinite(v)) top = Math.max(top, Math.abs(v));
  return top;
}

function block(name: string, side: Side | null, top: number, fresh: boolean): HTMLElement {
  const caption = el("figcaption", { dir: "auto" }, el("b", {}, name), side?.about ? ` ${side.about}` : "");
  if (!side?.size) return el("figure", {}, caption, el("div", { class: "none" }, side ? side.about : "nothing"));
  const [r, c] = side.size;
  const numbers = values(side);
  const [R, C] = side.whole!;
  if (side.floats !== undefined || side.drawn) {
    const canvas = el("canvas", { role: "img", "aria-label": `${name}: ${r} by ${c} numbers as colours` });
    canvas.style.aspectRatio = `${c} / ${Math.max(r, c / 6)}`;
    // its colours are the page's, so it must be in the page first
    requestAnimationFrame(() => heat(canvas, numbers, r, c, top));
    caption.append(el("div", {}, R * C > r * c ? `${r} × ${c} of ${R} × ${C}, evenly picked` : `${r} × ${c}`));
    return el("figure", {}, caption, canvas);
  }
  const line = (y: number): HTMLElement => el("tr", {}, ...Array.from({ length: c }, (_, x) => cell(numbers[y * c + x], top)));
  return el("figure", {}, caption, r * c ? el("table", { class: `numbers${fresh ? " new" : ""}` }, el("tbody", {}, ...Array.from({ length: r }, (_, y) => line(y)))) : el("div", { class: "none" }, "empty"));
}

function cell(v: number, top: number): HTMLElement {
  const share = Number.isFinite(v) ? (40 * Math.abs(v)) / (top || 1) : 40;
  const hue = !Number.isFinite(v) ? "bad" : v < 0 ? "bwd" : "fwd";
  return el("td", { style: `--hue:var(--${hue});--share:${Math.min(40, share).toFixed(1)}%` }, g(v, 4));
}

register("state_dict_diff", mountStateDicts);
