// The few lines that turn a saved picture into a view: unpack the data and the view's module from the page itself (no
// address, no eval), run the module once per page, put the view where the picture was. When anything fails the picture stays.
import type {} from "./register";

async function inflate(packed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(packed.trim()), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

async function upgrade(figure: HTMLElement): Promise<void> {
  const text = (name: string): string => figure.querySelector(`script[data-gv-${name}]`)?.textContent ?? "";
  const key = figure.dataset.gvView!; // "viewer@<hash of the module>": outputs of several versions can share a page
  const name = key.split("@")[0];
  const [data, code] = await Promise.all([inflate(text("data")), globalThis.gradvizViews?.[key] ? "" : inflate(text("runtime"))]);
  if (!globalThis.gradvizViews?.[key]) {
    const script = document.createElement("script");
    script.textContent = code;
    figure.append(script);
    script.remove();
    globalThis.gradvizViews![key] = globalThis.gradvizViews![name];
  }
  const host = document.createElement("div");
  const still = [...figure.children].filter((c) => /^(IMG|FIGCAPTION|DETAILS)$/.test(c.tagName)) as HTMLElement[];
  figure.prepend(host);
  try {
    globalThis.gradvizViews![key](host, JSON.parse(data));
    still.forEach((c) => (c.hidden = true));
  } catch (error) {
    host.remove();
    throw error;
  }
}

for (const figure of document.querySelectorAll<HTMLElement>("figure[data-gv]:not([data-gv-on])")) {
  figure.setAttribute("data-gv-on", "");
  upgrade(figure).catch((error: unknown) => {
    const note = document.createElement("p");
    note.setAttribute("role", "status");
    note.textContent = `The picture could not be made interactive here: ${error instanceof Error ? error.message : String(error)}`;
    figure.append(note);
  });
}
