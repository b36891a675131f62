// The course: the list that Python made, with the progress that no notebook may hold. Links are opened by JupyterLab itself,
// in the same window, and whenever the list comes into sight again Python is asked for today's.
interface Model {
  get(name: string): unknown;
  on(event: string, hear: () => void): void;
  off(event: string, hear: () => void): void;
  send(message: unknown): void;
}

const LAB = /\/lab(?:\/workspaces\/[^/]+)?\/tree\/(.*)$/; // .../lab/tree/FOLDER/00_start.ipynb

/** Where a notebook beside this one lies, as JupyterLab counts; null in any other application. */
export function beside(name: string, pathname: string): string | null {
  const here = LAB.exec(pathname)?.[1];
  return here === undefined ? null : decodeURIComponent(here).replace(/[^/]*$/, "") + name;
}

function render({ model, el: host }: { model: Model; el: HTMLElement }): () => void {
  const show = (): void => {
    // Python escaped every name in it; parsed apart from the page, so that no script in it could run.
    host.replaceChildren(...new DOMParser().parseFromString(String(model.get("html")), "text/html").body.childNodes);
  };
  // JupyterLab's own listener, further out, reads these two attributes; without them the link is an ordinary one.
  const aim = (event: Event): void => {
    const link = (event.target as Element).closest("a[href]");
    const path = link && beside(String(link.getAttribute("href")), location.pathname);
    if (!link || path === null) return;
    link.setAttribute("data-commandlinker-command", "docmanager:open");
    link.setAttribute("data-commandlinker-args", JSON.stringify({ path }));
  };
  let seen = false;
  const watch = new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && seen) model.send({ again: true });
    seen ||= entry.isIntersecting;
  });
  host.addEventListener("click", aim, true);
  model.on("change:html", show);
  show();
  watch.observe(host);
  host.setAttribute("data-ready", "");
  return () => {
    watch.disconnect();
    host.removeEventListener("click", aim, true);
    model.off("change:html", show);
  };
}

export default { render };
