// A cursor that can be stepped, scrubbed and played. It knows nothing of what it moves through, so several views may share one.
import type { Actions } from "./keys";

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const BEAT = 1100; // milliseconds a frame at speed 1

type Listener = (now: number, before: number) => void;

export class Timeline {
  cursor = 0;
  playing = false;
  #pace = 2;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners: Listener[] = [];
  #moods: (() => void)[] = [];
  /** May refuse a step forward (the quiz asks first). */
  gate: ((next: number) => boolean) | null = null;

  constructor(readonly length: number) {}

  get speed(): number {
    return SPEEDS[this.#pace];
  }

  on(moved: Listener): void {
    this.#listeners.push(moved);
  }

  onMood(changed: () => void): void {
    this.#moods.push(changed);
  }

  go(to: number): void {
    const next = Math.max(0, Math.min(this.length, Math.round(to)));
    if (next === this.cursor || (next === this.cursor + 1 && this.gate && !this.gate(next))) return;
    const before = this.cursor;
    this.cursor = next;
    for (const hear of this.#listeners) hear(next, before);
    if (next === this.length) this.pause();
  }

  by(steps: number): void {
    this.go(this.cursor + steps);
  }

  play(): void {
    if (this.playing) return;
    if (this.cursor === this.length) this.go(0);
    this.playing = true;
    this.#mood();
    this.#beat();
  }

  pause(): void {
    clearTimeout(this.#timer);
    if (!this.playing) return;
    this.playing = false;
    this.#mood();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  faster(by: number): void {
    this.#pace = Math.max(0, Math.min(SPEEDS.length - 1, this.#pace + by));
    this.#mood();
  }

  #beat(): void {
    this.#timer = setTimeout(() => {
      if (!this.playing) return;
      const before = this.cursor;
      this.by(1);
      if (this.cursor === before) this.pause();
      else if (this.playing) this.#beat();
    }, BEAT / this.speed);
  }

  #mood(): void {
    for (const hear of this.#moods) hear();
  }
}

/** What the keys for walking do, in every view. Asked anew at each press: a view may have taken another timeline by then. */
export function walking(time: () => Timeline): Actions {
  const still = (move: (now: Timeline) => void) => () => {
    time().pause();
    move(time());
  };
  return {
    next: still((t) => t.by(1)), previous: still((t) => t.by(-1)), ten: still((t) => t.by(10)), "back-ten": still((t) => t.by(-10)),
    first: still((t) => t.go(0)), last: still((t) => t.go(t.length)), play: () => time().toggle(), slower: () => time().faster(-1), faster: () => time().faster(1),
  };
}

/** A place in a run, for views that show different sides of it: which iteration, and where within it. */
export interface Moment {
  iteration: number;
  phase?: string;
  op?: number;
}

interface Channel {
  last: Moment | null;
  hear: Set<(moment: Moment) => void>;
}

/** All views on the page that were given the same timeline move together. Returns how to tell the others, and how to leave. */
export function join(name: string | null | undefined, moved: (moment: Moment) => void): { tell(moment: Moment): void; leave(): void } {
  if (!name) return { tell: () => undefined, leave: () => undefined };
  const page = globalThis as unknown as { gradvizTimelines?: Record<string, Channel> };
  const channel = ((page.gradvizTimelines ??= {})[name] ??= { last: null, hear: new Set() });
  channel.hear.add(moved);
  if (channel.last) moved(channel.last);
  return {
    tell(moment) {
      channel.last = moment;
      for (const hear of [...channel.hear]) if (hear !== moved) hear(moment);
    },
    leave: () => void channel.hear.delete(moved),
  };
}
