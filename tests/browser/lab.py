"""A real JupyterLab and a real Chromium, driven through JupyterLab's own command registry.

    server = Server(folder)                 one JupyterLab with private settings, data and kernels; close() ends it
    page = Page(context.new_page(), server) one browser tab; page.open("nb.ipynb"), page.run_all(), page.ready()
    page.problems                           console errors and requests to other hosts: a test fails on any

Wait on what a view says about itself (`[data-ready]`, `[data-step="3"]`), never on time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import nbformat

REPO = Path(__file__).resolve().parent.parent.parent
VIEW = ".gradviz [data-ready], .gradviz[data-ready]"

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """One JupyterLab on 127.0.0.1 that touches no file outside `folder`."""

    def __init__(self, folder: Path, *arguments: str, patience: float = 90.0) -> None:
        self.root = folder / "notebooks"
        self.private = folder / "jupyter"
        self.root.mkdir(parents=True)
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._settings()
        self.log = folder / "jupyter.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *self._flags(), *arguments],
                cwd=self.root,
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._wait(patience)

    def environ(self) -> dict[str, str]:
        """The environment of the server and so of its kernels: everything Jupyter keeps is kept in `folder`."""
        private = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "GRADVIZ_HOME": "home",
        }
        path = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")]))
        fixed = {"PYTHONPATH": path, "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        return {**os.environ, **fixed, **{name: str(self.private / sub) for name, sub in private.items()}}

    def _flags(self) -> list[str]:
        return [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={urlsplit(self.url).port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=",
            "--LabApp.extension_manager=readonly",
            # should the test run be killed, nothing stays behind for long
            "--MappingKernelManager.cull_idle_timeout=900",
            "--ServerApp.shutdown_no_activity_timeout=1200",
        ]

    def _settings(self) -> None:
        for name, values in SETTINGS.items():
            file = self.private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")

    def api(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _wait(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, OSError):
                self.api("status")
                return
            time.sleep(0.1)
        self.close()
        raise RuntimeError(f"JupyterLab did not come up:\n{self.log.read_text('utf-8', 'replace')[-4000:]}")

    def kernels(self) -> int:
        """How many kernels run now."""
        return len(self.api("kernels"))

    def stop_kernels(self) -> None:
        """End every session: kernels and their widget models otherwise survive the page."""
        for session in self.api("sessions"):
            with contextlib.suppress(urllib.error.HTTPError):
                self.api(f"sessions/{session['id']}", "DELETE")

    def write(self, name: str, cells: list[str] | nbformat.NotebookNode) -> Path:
        """Put a notebook there: ready made, or one code cell for each string."""
        notebook = cells if isinstance(cells, nbformat.NotebookNode) else code_notebook(cells)
        file = self.root / name
        nbformat.write(notebook, file)
        return file

    def read(self, name: str) -> nbformat.NotebookNode:
        return nbformat.read(self.root / name, as_version=4)

    def stranger(self, name: str, copy: str) -> Path:
        """A copy of a notebook with outputs that this machine has never signed: what a fresh clone is."""
        notebook = self.read(name)
        notebook.metadata["copy"] = secrets.token_hex(8)  # the signature covers the whole notebook
        return self.write(copy, notebook)

    def close(self) -> None:
        """SIGTERM ends the server and its kernels; SIGKILL after 15 s."""
        if self.process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, OSError):
                self.stop_kernels()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def code_notebook(cells: list[str]) -> nbformat.NotebookNode:
    """A notebook of code cells with fixed ids, not yet run."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(text, id=f"cell-{i}") for i, text in enumerate(cells)]
    return notebook


CURRENT = "window.jupyterapp.shell.currentWidget"
KERNEL_IDLE = f"() => {CURRENT}?.context?.sessionContext?.session?.kernel?.status === 'idle'"
SHOWN = f"""path => {{
  const shown = {CURRENT};
  return shown?.context?.path === path && shown.context.isReady && shown.content.widgets.length > 0;
}}"""
DONE = f"() => window.gradvizDone && {CURRENT}.context.sessionContext.session?.kernel?.status === 'idle'"

# ipywidgets' own extension trips over a notebook without a kernel, and says in the console that the models of a saved
# notebook are gone; neither is ours, and nothing shows it to the reader
KNOWN = re.compile(
    r"reading 'kernel'.*@jupyter-widgets/jupyterlab-manager|widget model not found.*@jupyter-widgets", re.DOTALL
)


class View:
    """One painted view: its element and the few things every stepper understands."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.keyboard = element.page.keyboard

    def focus(self) -> None:
        self.element.focus()

    @property
    def step(self) -> int:
        return int(self.element.get_attribute("data-step"))

    def wait_step(self, step: int) -> None:
        """Until the view says that it has painted this step."""
        self.element.page.wait_for_function(
            "([view, step]) => view.getAttribute('data-step') === String(step)",
            arg=[self.element.element_handle(), step],
        )

    def press(self, key: str, step: int) -> None:
        """A key, and the step it must lead to."""
        self.focus()
        self.keyboard.press(key)
        self.wait_step(step)

    def do(self, button: str, step: int) -> None:
        """A button of the transport (first, previous, next, last), and the step it must lead to."""
        self.element.locator(f"[data-do={button}]").click()
        self.wait_step(step)

    @property
    def length(self) -> int:
        """How many steps there are."""
        return int(self.element.locator("input[type=range]").first.get_attribute("max"))

    def card(self, label: str) -> str:
        """Click the node with this label in the picture and read the card that opens beside it."""
        self.element.locator("svg.graph text.title").get_by_text(label, exact=True).first.click(force=True)
        self.element.locator("aside.card strong").get_by_text(label, exact=True).wait_for()
        return str(self.element.locator("aside.card").inner_text())


class Page:
    """One browser tab on one server. Every console error and every request elsewhere is remembered in `problems`."""

    def __init__(self, tab: Any, server: Server | None = None) -> None:
        self.tab = tab
        self.server = server
        self.problems: list[str] = []
        tab.set_default_timeout(30_000)
        tab.on("console", self._console)
        tab.on("pageerror", lambda error: self._page_error(error.stack or str(error)))
        tab.on("dialog", lambda dialog: dialog.accept())  # "leave a page with unsaved changes?"
        tab.route(self._outside, self._refuse)

    def _console(self, message: Any) -> None:
        text = f"{message.text} ({message.location})"
        if message.type == "error" and not KNOWN.search(text):
            self.problems.append(f"console: {text}")

    def _page_error(self, text: str) -> None:
        if not KNOWN.search(text):
            self.problems.append(f"page error: {text}")

    @staticmethod
    def _outside(url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")

    def _refuse(self, route: Any) -> None:
        self.problems.append(f"request to an outside host: {route.request.url}")
        route.abort()

    # ------------------------------------------------------------------------------------------------ notebooks

    def open(self, name: str, *, kernel: bool = True) -> Page:
        """Open a notebook; with kernel=False none is started."""
        assert self.server is not None
        at = f"{self.server.url}/lab/tree/{quote(name)}" if kernel else f"{self.server.url}/lab"
        self.tab.goto(f"{at}?token={self.server.token}&reset", wait_until="domcontentloaded")
        self.tab.wait_for_function("() => window.jupyterapp?.shell?.currentWidget !== undefined")
        if not kernel:
            self.tab.evaluate("async () => { await window.jupyterapp.restored; }")
            no_kernel = {"shouldStart": False, "autoStartDefault": False}
            self.command("docmanager:open", path=name, factory="Notebook", kernelPreference=no_kernel)
        self.tab.wait_for_function(SHOWN, arg=name)
        self.tab.wait_for_selector(".jp-Notebook .jp-Cell")
        if kernel:
            self.tab.wait_for_function(KERNEL_IDLE)
        return self

    def command(self, command: str, **arguments: Any) -> None:
        """Fire a JupyterLab command and do not wait for it: a run that never ends must not hang the test."""
        fire = "([c, a]) => { window.gradvizDone = false;"
        then = " window.jupyterapp.commands.execute(c, a).finally(() => { window.gradvizDone = true; }); }"
        self.tab.evaluate(fire + then, [command, arguments])

    def run_all(self, timeout: float = 120.0) -> Page:
        self.command("notebook:run-all-cells")
        self.tab.wait_for_function(DONE, timeout=timeout * 1000)
        return self

    def select_cell(self, index: int) -> None:
        steps = "n.activeCellIndex = i; n.deselectAll(); n.mode = 'command';"
        self.tab.evaluate(f"i => {{ const n = {CURRENT}.content; {steps} }}", index)

    def run_cell(self, index: int, timeout: float = 120.0) -> None:
        self.select_cell(index)
        self.command("notebook:run-cell")
        self.tab.wait_for_function(DONE, timeout=timeout * 1000)

    def save(self) -> None:
        self.tab.evaluate(f"async () => {{ await {CURRENT}.context.save(); }}")

    def trust(self) -> None:
        """Mark every cell as trusted, as File > Trust Notebook does after its question, and show the outputs again."""
        self.tab.evaluate(f"() => {{ for (const cell of {CURRENT}.content.model.cells) cell.trusted = true; }}")

    def trusted(self) -> bool:
        every = "every(cell => cell.type !== 'code' || cell.trusted)"
        return bool(self.tab.evaluate(f"() => Array.from({CURRENT}.content.model.cells).{every}"))

    def has_kernel(self) -> bool:
        return bool(self.tab.evaluate(f"() => !!{CURRENT}.context.sessionContext.session?.kernel"))

    def cell_count(self) -> int:
        return int(self.tab.evaluate(f"() => {CURRENT}.content.widgets.length"))

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The outputs of one cell as they would be saved."""
        found: list[dict[str, Any]] = self.tab.evaluate(
            f"i => {CURRENT}.content.widgets[i].model.sharedModel.getOutputs()", index
        )
        return found

    # ---------------------------------------------------------------------------------------------------- views

    def ready(self, index: int = 0) -> View:
        """View number `index` of the page, once it has been painted."""
        view = self.tab.locator(VIEW).nth(index)
        view.wait_for(state="visible")
        return View(view)

    def views(self) -> int:
        """How many views of the page are painted now."""
        return int(self.tab.locator(VIEW).count())

    def theme(self, name: str) -> None:
        """JupyterLab's theme: "light" or "dark"."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name.title()}")
        self.tab.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(name == 'light').lower()}'")

    def screenshot(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=str(file))

    def close(self) -> None:
        self.tab.close(run_before_unload=False)
