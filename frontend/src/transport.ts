// The row of controls under a view: to the start, back, play, on, to the end, speed, and the scrubber with its phases.
import { el, put, say, svg } from "./dom";
import { SPEEDS, type Timeline } from "./timeline";

const ICONS = {
  first: "M1.5 3h2v10h-2zM9 3v10L3.5 8zM14.5 3v10L9 8z",
  previous: "M3 3h2v10H3zM12 3v10L5.5 8z",
  play: "M4 2.5v11L13.5 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  next: "M4 3v10l6.5-5zM11 3h2v10h-2z",
  last: "M1.5 3v10l5.5-5zM7 3v10l5.5-5zM12.5 3h2v10h-2z",
};

export function icon(d: string): SVGElement {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d }));
}

export interface Stretch {
  phase: "forward" | "backward" | "update";
  from: number;
  to: number;
  name?: string;
}

export const PHASES = { forward: "Forward", backward: "Backward", update: "Update" };
const COLOUR = { forward: "var(--fwd)", backward: "var(--bwd)", update: "var(--upd)" };

export function transport(time: Timeline, stretches: Stretch[], what = "step"): HTMLElement {
  const button = (key: keyof typeof ICONS, label: string, run: () => void): HTMLButtonElement =>
    el("button", { class: "icon", type: "button", title: label, "aria-label": label, "data-do": key, onclick: run }, icon(ICONS[key]));
  const still = (move: () => void) => () => {
    time.pause();
    move();
  };
  const first = button("first", "To the start (Home)", still(() => time.go(0)));
  const previous = button("previous", "Step back (Left)", still(() => time.by(-1)));
  const play = button("play", "Play (Space)", () => time.toggle());
  play.classList.add("play");
  const next = button("next", "Next step (Right)", still(() => time.by(1)));
  const last = button("last", "To the end (End)", still(() => time.go(time.length)));
  const speed = el("select", { "aria-label": "Speed ([ and ])", title: "Speed ([ and ])" });
  for (const s of SPEEDS) speed.append(el("option", { value: s }, `${s}×`));
  speed.addEventListener("change", () => time.faster(SPEEDS.indexOf(Number(speed.value)) - SPEEDS.indexOf(time.speed)));
  const range = el("input", { type: "range", min: 0, max: time.length, step: 1, "aria-label": `Timeline: ${what}`, oninput: () => still(() => time.go(range.valueAsNumber))() });
  const bands = el("div", { class: "stretches", "aria-hidden": "true" });
  for (const s of stretches) {
    const band = el("span", { class: s.phase }, (s.to - s.from) / time.length < 0.09 ? "" : (s.name ?? PHASES[s.phase]));
    band.style.flex = `${s.to - s.from} 1 0px`;
    bands.append(band);
  }
  const count = el("span", { class: "count" });
  const show = (): void => {
    const at = time.cursor;
    const now = stretches.find((s) => at > s.from && at <= s.to) ?? stretches[0];
    range.value = String(at);
    put(range, "aria-valuetext", `${what} ${at} of ${time.length}`);
    range.style.setProperty("--thumb", now ? COLOUR[now.phase] : null);
    range.style.setProperty("--fill", paint(stretches, at, time.length));
    say(count, `${at} / ${time.length}`);
    // Not `disabled`: a disabled button drops the keyboard focus and with it every key of the view.
    for (const b of [first, previous]) put(b, "aria-disabled", at === 0 ? "true" : null);
    for (const b of [next, last]) put(b, "aria-disabled", at === time.length ? "true" : null);
  };
  const mood = (): void => {
    play.replaceChildren(icon(time.playing ? ICONS.pause : ICONS.play));
    const label = time.playing ? "Pause (Space)" : "Play (Space)";
    put(play, "aria-label", label);
    put(play, "title", label);
    speed.value = String(time.speed);
  };
  time.on(show);
  time.onMood(mood);
  show();
  mood();
  return el("div", { class: "transport", role: "group", "aria-label": "Timeline" },
    el("div", { class: "group" }, first, previous, play, next, last), el("div", { class: "track" }, bands, range), count, speed);
}

/** The track: each phase in its colour up to the cursor, pale after it. */
function paint(stretches: Stretch[], at: number, length: number): string {
  const stops: string[] = [];
  const add = (colour: string, from: number, to: number): void => {
    if (to > from) stops.push(`${colour} ${((100 * from) / length).toFixed(3)}% ${((100 * to) / length).toFixed(3)}%`);
  };
  for (const s of stretches) {
    add(COLOUR[s.phase], s.from, Math.min(s.to, at));
    add(`color-mix(in srgb, ${COLOUR[s.phase]} 28%, var(--bg))`, Math.max(s.from, at), s.to);
  }
  return stops.length ? `linear-gradient(90deg,${stops.join(",")})` : "var(--line)";
}
