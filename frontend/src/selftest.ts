// The self-test: a button that sends back the number Python had sent, and a row of lights for what Python found.
import { el, say } from "./dom";
import { Shell } from "./shell";

interface Light {
  name: string;
  state: "ok" | "extra" | "broken";
  found: string;
  fix: string;
}

interface Model {
  get(name: string): unknown;
  on(event: string, hear: () => void): void;
  off(event: string, hear: () => void): void;
  send(message: unknown): void;
}

const GLYPH = { ok: "✓", extra: "–", broken: "✗", dark: "○" };
const WORD = { ok: "works", extra: "not here, not needed", broken: "broken" };
const PATIENCE = 8000; // milliseconds until a silent kernel is spoken of
const CSS = `
.press{background:var(--fwd);color:var(--bg);height:32px;padding:0 14px;font-weight:600}.press:hover{background:var(--fwd);color:var(--bg);filter:brightness(1.12)}
ul{list-style:none;margin:0;padding:0 14px 10px}li{display:grid;grid-template-columns:26px 92px 1fr;gap:2px 8px;padding:4px 2px;align-items:baseline}
.lamp{font-weight:700;text-align:center;border-radius:50%;width:22px;height:22px;line-height:22px;background:var(--panel);color:var(--soft)}
li[data-state=ok] .lamp{background:var(--leaf-bg);color:var(--leaf)}li[data-state=broken] .lamp{background:var(--bwd-bg);color:var(--bad)}
b{font-weight:600}.fix{grid-column:3;color:var(--soft);font:12px var(--mono);overflow-wrap:anywhere}li[data-state=broken] .fix{color:var(--bad)}
`;

function render({ model, el: host }: { model: Model; el: HTMLElement }): () => void {
  const shell = new Shell(host, "Self-test", "Self-test. Press the button to light the lights.", CSS);
  host.classList.add("gradviz");
  const list = el("ul");
  const button = el("button", { class: "press", type: "button", onclick: () => press() }, "Press me");
  shell.header.append(button);
  shell.body.append(list);
  let waiting: ReturnType<typeof setTimeout> | undefined;

  function press(): void {
    shell.announce("Your click is on its way to Python ...");
    clearTimeout(waiting);
    waiting = setTimeout(
      () => shell.status("No answer yet. Is the kernel busy with another cell, or stopped? Kernel → Restart Kernel, then run the cell again.", "error"),
      PATIENCE,
    );
    shell.safely(() => model.send({ press: model.get("nonce") }));
  }

  function show(): void {
    const lights = model.get("lights") as Light[];
    const what = model.get("what") as Record<string, string>;
    const rows = lights.length ? lights : Object.keys(what).map((name) => ({ name, state: "dark" as const, found: what[name], fix: "" }));
    list.replaceChildren(...rows.map((light) =>
      el("li", { "data-state": light.state, "data-name": light.name },
        el("span", { class: "lamp", "aria-hidden": "true" }, GLYPH[light.state]),
        el("b", {}, light.name),
        el("span", {}, light.found, light.state === "dark" ? null : el("span", { class: "quiet" }, `: ${WORD[light.state]}`)),
        light.fix && light.state !== "ok" ? el("span", { class: "fix" }, light.fix) : null)));
    if (!lights.length) return;
    clearTimeout(waiting);
    const broken = lights.filter((light) => light.state === "broken").length;
    say(shell.said, broken ? `${broken} of ${lights.length} lights are red; the repair stands beside them.` : "Everything the course needs works.");
    shell.status("");
    void shell.mark("data-lit", String(lights.length));
  }

  function trouble(): void {
    const error = String(model.get("error"));
    if (!error) return;
    clearTimeout(waiting);
    shell.status(error, "error");
  }

  model.on("change:lights", show);
  model.on("change:error", trouble);
  shell.announce("Press the button: your click travels to Python, and the answer lights the lights.");
  show();
  trouble();
  void shell.mark("data-ready");
  return () => {
    clearTimeout(waiting);
    model.off("change:lights", show);
    model.off("change:error", trouble);
    shell.close();
  };
}

export default { render };
