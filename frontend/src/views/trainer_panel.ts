// TrainerPanel: the buttons, the settings and the curve of a training run. A click is a word to the kernel; what is shown
// is what the kernel says, so the panel never claims a pause that has not come.
import { Chart, type Told } from "../chart";
import { ownKeys, type CurveData } from "../curve";
import { el, put, say } from "../dom";
import { g } from "../number";
import { register, type Handle, type Port } from "../register";
import { icon } from "../transport";
import type { Num } from "../types";

type State = "idle" | "running" | "paused" | "stopped" | "finished" | "failed" | "forking";
type Name = "lr" | "momentum" | "clip";
type Settings = Record<Name, number | null>;
interface Status {
  state: State;
  iteration: number;
  total: number | null;
  epoch: number;
  epochs: number;
  settings: Settings;
  last: Record<string, Num>;
  note: string;
  error: string;
  trouble: string;
  rates?: [steps: number, samples: number] | null;
  seconds?: number;
  eta?: number | null;
  memory?: number | null;
}
interface PanelData {
  title: string;
  can: { start: boolean; fork: boolean; optimizer: string | null; groups: number };
  status: Status;
  curve: CurveData;
}

const ICONS = {
  go: "M4 2.5v11L13.5 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  step: "M3 3v10l6.5-5zM11 3h2v10h-2z",
  stop: "M3.5 3.5h9v9h-9z",
};
const WORDS: Record<State, [sign: string, word: string]> = {
  idle: ["○", "not started"], running: ["▶", "running"], paused: ["❚❚", "paused"], stopped: ["■", "stopped"],
  finished: ["✓", "finished"], failed: ["✕", "failed"], forking: ["⑂", "branching off"],
};
const CSS = `
.state[data-state=running],.state[data-state=forking]{background:var(--fwd-bg);color:var(--fwd)}
.state[data-state=paused]{background:var(--bwd-bg);color:var(--bwd)}.state[data-state=finished]{background:var(--leaf-bg);color:var(--leaf)}
.state[data-state=failed]{background:var(--bad-bg);color:var(--bad)}
.drive{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;padding:8px 14px;border-top:1px solid var(--line);background:var(--panel)}
.drive .icon{width:38px;height:30px;color:var(--ink);background:var(--bg)}.drive .icon:hover{background:var(--fwd-bg)}
.drive .main{width:46px;background:var(--fwd);color:var(--bg)}.drive .main:hover{background:var(--fwd);filter:brightness(1.12)}
.drive [aria-disabled]{pointer-events:none}
.bar{flex:1;min-width:170px;height:8px;border-radius:4px;background:var(--line);overflow:hidden}
.bar i{display:block;height:100%;background:var(--fwd);border-radius:4px}.bar.endless i{width:30%;opacity:.5}
.counts{font:12px var(--mono);color:var(--ink);white-space:nowrap}
.facts{display:flex;flex-wrap:wrap;gap:2px 18px;width:100%;font-size:12px;color:var(--soft)}.facts b{font:600 12px var(--mono);color:var(--ink)}
.knobs{display:flex;flex-wrap:wrap;align-items:center;gap:8px 22px;padding:8px 14px;border-top:1px solid var(--line)}
.knobs label,.branch label{display:inline-flex;align-items:center;gap:8px;color:var(--soft);font-size:12px;white-space:nowrap}
.knobs input[type=range]{width:120px;--fill:var(--line);--thumb:var(--upd)}
.knobs input[type=number],.branch input[type=number]{width:88px;height:26px;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:0 6px;font:12px var(--mono);color:var(--ink)}
.knobs button,.branch button{border-color:var(--line)}.branch .off{background:var(--upd);color:var(--bg);border:0;font-weight:600}
.branch{display:flex;flex-wrap:wrap;align-items:center;gap:8px 18px;padding:8px 14px;border-top:1px solid var(--line);background:var(--upd-bg)}
.trouble{margin:0;padding:8px 16px;max-height:220px;overflow:auto;border-top:1px solid var(--line);background:var(--bad-bg);color:var(--ink);font:12px/1.45 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere}
`;

/** 75 s as 1:15, 4000 s as 1:06:40. */
export function clock(seconds: number): string {
  const s = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** Three digits and thousands in groups: 0.482, 31.4, 1,250, 20,300. */
export function rough(v: number): string {
  return v >= 1000 ? Number(v.toPrecision(3)).toLocaleString("en-US") : g(v, 3);
}

/** A number that was typed: at Enter (which JupyterLab keeps from the field) and when the field is left, once each. */
function committed(field: HTMLInputElement, take: (v: number) => void): void {
  let sent = "";
  const commit = (): void => {
    if (field.value === sent || !Number.isFinite(field.valueAsNumber)) return;
    sent = field.value;
    take(field.valueAsNumber);
  };
  field.addEventListener("focus", () => (sent = field.value));
  field.addEventListener("change", commit);
  field.addEventListener("keydown", (e) => e.key === "Enter" && commit());
}

class Panel {
  readonly chart: Chart;
  status: Status;
  #state = el("span", { class: "chip state" });
  #main: HTMLButtonElement;
  #step: HTMLButtonElement;
  #stop: HTMLButtonElement;
  #fill = el("i");
  #bar = el("div", { class: "bar", role: "progressbar", "aria-label": "Progress" }, this.#fill);
  #counts = el("span", { class: "counts" });
  #facts = el("div", { class: "facts" });
  #knobs: ((now: Settings) => void)[] = [];
  #trouble = el("pre", { class: "trouble", hidden: true, tabindex: 0, role: "region", "aria-label": "What went wrong" });
  #form: HTMLElement | null = null;
  #forkAt: HTMLInputElement | null = null;
  #waiting = ""; // a word that was sent and not yet answered

  constructor(readonly host: HTMLElement, readonly data: PanelData, readonly port?: Port) {
    this.status = data.status;
    const label = `${data.title}: a training run. ${port ? "Space pauses and resumes, full stop takes one step. " : ""}Arrow keys move the cursor over the steps, question mark lists the keys.`;
    const chart = (this.chart = new Chart(host, data.title, label, data.curve, port, CSS));
    chart.shell.heading.after(this.#state);
    const button = (what: keyof typeof ICONS, title: string, run: () => void): HTMLButtonElement =>
      el("button", { class: "icon", type: "button", title, "aria-label": title, "data-do": what, onclick: run }, icon(ICONS[what]));
    this.#main = button("pause", "Pause", () => this.toggle());
    this.#main.classList.add("main");
    this.#step = button("step", "One step (.)", () => this.say("step"));
    this.#stop = button("stop", "Stop", () => this.say("stop"));
    const drive = el("div", { class: "drive", role: "group", "aria-label": "The run" },
      port && el("div", { class: "group" }, this.#main, this.#step, this.#stop), this.#bar, this.#counts, this.#facts);
    chart.shell.body.prepend(drive, this.#settings());
    if (port && data.can.fork) chart.stage.before(this.#branch());
    chart.shell.body.append(this.#trouble);
    if (port) {
      chart.actions.play = () => this.toggle();
      chart.ownKeys = { ".": () => this.say("step"), f: () => this.openFork() };
      chart.keys.unshift([".", "one training step"], ...(data.can.fork ? [["f", "fork at the cursor"] as [string, string]] : []));
      chart.hint += " Space pauses and resumes the training.";
      const heard = (): void => {
        this.#waiting = "";
      };
      host.addEventListener("gradviz-failed", heard);
      chart.shell.later(() => host.removeEventListener("gradviz-failed", heard));
    }
    chart.moved = () => {
      if (this.#forkAt && chart.curve.cursor !== null) this.#forkAt.value = String(Math.round(chart.curve.cursor));
    };
    this.show();
    chart.news();
  }

  // -- words to the kernel --------------------------------------------------------------------------------------------
  say(what: string): void {
    this.#waiting = what;
    this.port?.send({ do: what });
    this.show();
  }

  toggle(): void {
    if (!this.port) return;
    this.say(this.status.state === "running" || this.status.state === "forking" ? "pause" : "resume");
  }

  set(name: Name, value: number | null): void {
    this.port?.send({ set: { [name]: value } });
  }

  // -- settings -------------------------------------------------------------------------------------------------------
  #settings(): HTMLElement {
    const { settings } = this.status;
    const box = el("div", { class: "knobs", role: "group", "aria-label": "Settings" });
    if (!this.port) {
      const words = (Object.keys(NAMES) as Name[]).filter((n) => settings[n] !== null).map((n) => el("span", { class: "chip" }, `${NAMES[n]} ${g(settings[n]!, 4)}`));
      box.append(...words, this.data.can.optimizer ? el("span", { class: "chip" }, this.data.can.optimizer) : "");
      box.hidden = !box.childElementCount || !this.data.can.optimizer;
      return box;
    }
    if (settings.lr !== null) box.append(this.#knob("lr", settings.lr));
    if (settings.momentum !== null) box.append(this.#knob("momentum", settings.momentum));
    if (this.data.can.optimizer) box.append(this.#clip());
    if (this.data.can.fork) box.append(el("span", { class: "grow" }), el("button", { type: "button", title: "Run on from an earlier step with other settings (F)", "data-do": "fork", onclick: () => this.openFork() }, "Fork here…"));
    box.hidden = !box.childElementCount;
    return box;
  }

  /** A slider and a field for one number; the rate's slider is logarithmic. */
  #knob(name: "lr" | "momentum", first: number): HTMLElement {
    const log = name === "lr";
    const base = first > 0 ? first : 0.1;
    const [low, high] = log ? [base / 1000, base * 100] : [0, 0.999];
    const place = (v: number): number => (log ? Math.log(Math.max(v, low) / low) / Math.log(high / low) : v / high);
    const value = (part: number): number => Number((log ? low * (high / low) ** part : part * high).toPrecision(3));
    const range = ownKeys(el("input", { type: "range", min: 0, max: 1, step: 0.005, "aria-label": NAMES[name] }));
    const field = el("input", { type: "number", min: 0, step: "any", "aria-label": `${NAMES[name]}, exactly`, "data-set": name });
    range.addEventListener("input", () => (field.value = String(value(range.valueAsNumber))));
    range.addEventListener("change", () => this.set(name, value(range.valueAsNumber)));
    committed(field, (v) => this.set(name, v));
    this.#knobs.push((now) => {
      const v = now[name];
      const at = this.chart.shell.root.activeElement;
      if (v === null) return;
      if (at !== field) field.value = g(v);
      if (at !== range) range.value = String(place(v));
      put(range, "aria-valuetext", g(v, 4));
    });
    return el("label", {}, NAMES[name], range, field);
  }

  #clip(): HTMLElement {
    const on = el("input", { type: "checkbox", "aria-label": "Clip the norm of the gradients" });
    const field = el("input", { type: "number", min: 0, step: "any", value: 1, "aria-label": "Norm that gradients are clipped to", "data-set": "clip" });
    on.addEventListener("change", () => this.set("clip", on.checked ? field.valueAsNumber || 1 : null));
    committed(field, (v) => v > 0 && this.set("clip", v));
    this.#knobs.push((now) => {
      on.checked = now.clip !== null;
      if (now.clip !== null && this.chart.shell.root.activeElement !== field) field.value = g(now.clip);
    });
    return el("label", { title: "Gradients longer than this, all together, are scaled down to it" }, on, "clip", field);
  }

  #branch(): HTMLElement {
    const at = (this.#forkAt = el("input", { type: "number", min: 0, step: 1, "aria-label": "Step to branch off at", "data-fork": "at" }));
    const fields = (Object.keys(NAMES) as Name[]).filter((n) => n === "clip" || this.status.settings[n] !== null).map((name) => {
      const field = el("input", { type: "number", min: 0, step: "any", placeholder: "same", "aria-label": `${NAMES[name]} of the branch`, "data-fork": name });
      return { name, field };
    });
    const steps = el("input", { type: "number", min: 1, step: 1, placeholder: "to here", "aria-label": "How many steps", "data-fork": "steps" });
    const go = (): void => {
      const set: Partial<Settings> = {};
      for (const { name, field } of fields) if (Number.isFinite(field.valueAsNumber)) set[name] = field.valueAsNumber;
      this.port!.send({ fork: at.valueAsNumber || 0, set, steps: Number.isFinite(steps.valueAsNumber) ? steps.valueAsNumber : null });
      this.#form!.hidden = true;
      this.host.focus({ preventScroll: true });
    };
    this.#form = el("div", { class: "branch", hidden: true, role: "group", "aria-label": "Branch off" },
      el("label", {}, "from step", at), ...fields.map(({ name, field }) => el("label", {}, NAMES[name], field)), el("label", {}, "for steps", steps),
      el("button", { type: "button", class: "off", "data-do": "branch", onclick: go }, "Branch off"),
      el("button", { type: "button", onclick: () => void (this.#form!.hidden = true) }, "Cancel"));
    return this.#form;
  }

  openFork(): void {
    if (!this.#form) return;
    this.#form.hidden = !this.#form.hidden;
    if (this.#form.hidden) return;
    const { cursor } = this.chart.curve;
    this.#forkAt!.value = String(Math.round(cursor ?? Math.max(0, Math.floor(this.status.iteration / 2))));
    this.#form.querySelector<HTMLInputElement>("[data-fork=lr],[data-fork=at]")?.focus();
    this.#form.querySelector<HTMLInputElement>("[data-fork=lr]")?.focus();
  }

  // -- what the kernel says ---------------------------------------------------------------------------------------------
  hear(told: Told & { status?: Status }, buffers: DataView[]): void {
    if (told.status) this.take(told.status);
    this.chart.hear(told, buffers);
  }

  take(status: Status): void {
    if (status.state !== this.status.state || status.iteration !== this.status.iteration) this.#waiting = "";
    this.status = status;
    this.show();
  }

  show(): void {
    const s = this.status;
    const [sign, word] = WORDS[s.state];
    const soon: Record<string, string> = { pause: "pausing…", resume: "starting…", stop: "stopping…", step: "stepping…" };
    say(this.#state, this.#waiting ? (soon[this.#waiting] ?? word) : `${sign} ${word}`);
    this.#state.dataset.state = s.state;
    const going = s.state === "running" || s.state === "forking";
    const what = going ? "pause" : "go";
    if (this.#main.dataset.do !== what) {
      this.#main.dataset.do = what;
      this.#main.replaceChildren(icon(ICONS[what]));
    }
    const label = going ? "Pause (Space)" : s.state === "idle" ? "Start (Space)" : s.state === "finished" ? "Train on (Space)" : "Resume (Space)";
    for (const key of ["title", "aria-label"]) put(this.#main, key, label);
    put(this.#step, "aria-disabled", going || s.state === "finished" ? "true" : null);
    put(this.#stop, "aria-disabled", going || s.state === "paused" ? null : "true");
    this.#progress(s);
    for (const knob of this.#knobs) knob(s.settings);
    this.#trouble.hidden = !s.trouble;
    say(this.#trouble, s.trouble);
    if (s.error) this.chart.shell.status(`Step ${s.iteration} failed: ${s.error}`, "error");
    else if (s.note) this.chart.shell.status(s.note);
    else if (this.chart.shell.statusLine.textContent?.startsWith("Step ")) this.chart.shell.status("");
    this.host.dataset.state = s.state;
    this.host.dataset.iteration = String(s.iteration);
  }

  #progress(s: Status): void {
    const part = s.total ? Math.min(1, s.iteration / s.total) : 0;
    this.#fill.style.width = s.total ? `${(100 * part).toFixed(1)}%` : "";
    this.#bar.classList.toggle("endless", !s.total);
    put(this.#bar, "aria-valuenow", s.total ? String(s.iteration) : null);
    put(this.#bar, "aria-valuemax", s.total ? String(s.total) : null);
    const epoch = s.epochs > 1 ? ` · epoch ${s.epoch} of ${s.epochs}` : "";
    say(this.#counts, `${s.iteration}${s.total ? ` / ${s.total}` : " steps"}${epoch}`);
    const facts: [string, string][] = [];
    if (s.rates) facts.push(["steps/s", rough(s.rates[0])], ["samples/s", rough(s.rates[1])]);
    if (s.eta !== null && s.eta !== undefined) facts.push(["time left", clock(s.eta)]);
    if (s.seconds && s.seconds > 1) facts.push(["trained for", clock(s.seconds)]);
    if (s.memory) facts.push(["memory", `${rough(s.memory / 2 ** 20)} MiB`]);
    this.#facts.hidden = !facts.length;
    this.#facts.replaceChildren(...facts.map(([name, value]) => el("span", {}, `${name} `, el("b", {}, value))));
  }
}

const NAMES: Record<Name, string> = { lr: "learning rate", momentum: "momentum", clip: "clip" };

export function mountTrainerPanel(host: HTMLElement, data: PanelData, port?: Port): Handle {
  const panel = new Panel(host, data, port);
  port?.hear((told: Told & { status?: Status }, buffers) => panel.hear(told, buffers));
  void panel.chart.shell.mark("data-ready");
  return {
    update(next) {
      const { status, curve } = next as PanelData;
      panel.take(status);
      panel.chart.curve.take(curve);
      panel.chart.news();
    },
    close: () => panel.chart.shell.close(),
  };
}

register("trainer_panel", mountTrainerPanel);
