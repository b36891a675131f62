"""`LiveView`: a view with the kernel behind it, for what a recording cannot hold.

In JupyterLab it is a widget that runs the same script as the saved picture; wherever there is no kernel the saved
picture, a Replay, is what shows. The widget carries a few lines only. The script is in a model of its own, one for all
views of a kind, so a page gets it once and gets it also while a cell is running.

NOTE [Who runs when]

JupyterLab delivers what the page says on another thread (a subshell) while a cell is running. Two things follow.
`hear` is called under the view's lock and must be short: set a flag, put something in a queue. And what is said to the
page must not depend on an answer: the kernel may be busy, or the page may not be there yet. So `renew` sets the whole
state, which a page gets whenever it comes; `tell` is for what may be lost because the next `renew` brings it.

NOTE [Two outputs]

JupyterLab shows a widget rather than anything else that an output holds, also where the kernel is gone and "Loading
widget..." is all that comes. So there it is given two outputs: the widget, and the saved picture, which is hidden while
the widget is alive and is what a notebook opened tomorrow shows. `settle` replaces the picture by one of today.
"""

from __future__ import annotations

import functools
import os
import threading
import zlib
from abc import abstractmethod
from collections.abc import Callable
from time import sleep
from typing import Any

from gradviz.widgets.base import View
from gradviz.widgets.replay import STATIC, runtime_text
from gradviz.widgets.timeline import Timeline, name_of

LIVE = STATIC / "live.js"
RATE = 20  # times a second that a page is told news, at most
LIVE_MIME = "application/vnd.jupyter.widget-view+json"
TWO_OUTPUTS = "JPY_SESSION_NAME"  # set by JupyterLab and Jupyter Notebook 7, whose outputs are `.jp-OutputArea-child`
FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "COLAB_RELEASE_TAG")  # set for kernels with a page


def interactive() -> bool:
    """Whether there is a page that may answer: a kernel that a notebook application started for someone.

    Not so in a script, in a notebook that is run by a program (nbval, nbconvert, papermill), and wherever the
    environment variable `GRADVIZ_HEADLESS` is set to anything but 0.
    """
    if os.environ.get("GRADVIZ_HEADLESS", "0") not in ("", "0"):
        return False
    return _in_kernel() and any(name in os.environ for name in FRONT_ENDS)


def _in_kernel() -> bool:
    import sys

    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


class LiveView(View):
    """A view that can hear from the page and tell it things."""

    view: str  # the name of the view's script
    still = False  # a picture that is to stay as it is, never a widget
    _widget: Any = None
    _display_id: str | None = None  # by which the output with the saved picture can be replaced

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """What the script is given: the same as in the saved picture."""

    def modules(self) -> tuple[str, ...]:
        """The scripts that the view needs besides its own."""
        return ()

    def hear(self, message: Any, buffers: Any) -> None:
        """Something the page said."""
        raise NotImplementedError(f"{type(self).__name__} does not listen")

    def tell(self, message: Any, buffers: Any = ()) -> None:
        """Say something to every place on the page where this view is shown now; nothing where it is not shown."""
        if self._widget is not None:
            self._widget.send({"told": message}, buffers=list(buffers))

    def between_cells(self, work: Callable[[], None]) -> None:
        """Do what `hear` was asked for, never beside a running cell; what goes wrong is said on the page."""

        def guarded() -> None:
            try:
                with self.lock:
                    work()
            except Exception as error:
                if self._widget is None:
                    raise
                self._widget.send({"failed": f"{type(error).__name__}: {error}"})

        on_main_thread(guarded)

    def renew(self) -> None:
        """Show the view's data as they are now; a page that comes later starts from them."""
        if self._widget is not None:
            self._widget.data = self.data()

    @property
    def shown(self) -> bool:
        """Whether a page was given this view as a widget."""
        return self._widget is not None

    @property
    def lock(self) -> threading.RLock:
        """Held while the page is heard; hold it too while changing what `hear` changes."""
        return self.__dict__.setdefault("_lock", threading.RLock())  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Let the notebook keep the picture as it is now. Not for every step: it takes as long as `to_html`."""
        if self._display_id is not None:
            from IPython.display import update_display

            update_display(self._saved_bundle(), raw=True, display_id=self._display_id)

    def _saved_bundle(self) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/html": waiting(self.to_html())}

    def _ipython_display_(self) -> None:
        if self.still or not interactive() or TWO_OUTPUTS not in os.environ:
            raise NotImplementedError  # then IPython asks for the mime bundle
        from IPython.display import display

        made = self._repr_mimebundle_()
        if not isinstance(made, tuple) or LIVE_MIME not in made[0]:
            raise NotImplementedError  # a view that needs no kernel as it is now
        data, meta = made
        if self._display_id is None:
            self._display_id = f"gradviz-{os.urandom(8).hex()}"
        display({LIVE_MIME: data[LIVE_MIME]}, raw=True, metadata=meta)  # no text: nbval counts those
        display(self._saved_bundle(), raw=True, display_id=self._display_id)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        still = super()._repr_mimebundle_(include, exclude)
        if self.still or not interactive():
            return still
        if self._widget is None:
            self._widget = widget(self)
        else:
            self.renew()
        if self._widget is None:
            return still
        data, meta = self._widget._repr_mimebundle_(include=include, exclude=exclude)
        return {**data, **still}, meta


@functools.cache
def _classes() -> tuple[type, type] | None:
    """The widget of a view and the model that holds a script; None where anywidget is not installed."""
    try:
        import anywidget
        import ipywidgets
        import traitlets
    except ImportError:
        return None

    class Script(ipywidgets.Widget):  # type: ignore[misc]
        code = traitlets.Bytes().tag(sync=True)

    class Live(anywidget.AnyWidget):
        _esm = LIVE
        view = traitlets.Unicode().tag(sync=True)
        runtime = traitlets.Unicode().tag(sync=True)
        data: Any = traitlets.Dict().tag(sync=True)
        timeline = traitlets.Unicode().tag(sync=True)
        moment: Any = traitlets.Dict().tag(sync=True)

    return Live, Script


_scripts: dict[str, Any] = {}  # by view and version: one model each, kept as long as the kernel


def widget(view: LiveView) -> Any | None:
    """The widget of a view; None where anywidget is not installed."""
    classes = _classes()
    if classes is None:
        return None
    live, script = classes
    text, version = runtime_text(view.view, view.modules())
    key = f"{view.view}@{version}"
    if key not in _scripts:
        _scripts[key] = script(code=zlib.compress(text.encode(), 9))
    time = getattr(view, "timeline", None)
    made = live(view=key, runtime=_scripts[key].model_id, data=view.data(), timeline=name_of(time) or "")
    if isinstance(time, Timeline):
        made.moment = time.moment()
        time.follow(made)
    heard_at_once(_scripts[key])
    heard_at_once(made)

    def receive(_widget: Any, message: Any, buffers: Any) -> None:
        try:
            if "moved" in message:
                if isinstance(time, Timeline):
                    time.heard(message["moved"])
                return
            with view.lock:
                view.hear(message["said"], buffers)
        except Exception as error:
            made.send({"failed": f"{type(error).__name__}: {error}"})

    made.on_msg(receive)
    return made


def on_main_thread(work: Callable[[], None]) -> None:
    """Do it between two cells: a learner's code that ran beside a cell would disturb that cell's random numbers."""
    import sys

    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    loop = getattr(getattr(shell, "kernel", None), "io_loop", None)
    if loop is None or threading.current_thread() is threading.main_thread():
        work()
    else:
        loop.add_callback(work)


def heard_at_once(widget: Any) -> None:
    """Let a widget hear while a cell is running, whichever thread spoke to it last.

    ipykernel (7.2 and later) sends what the page says to the thread that last spoke through the same comm: after a cell
    has told the page something that is the main thread, which is busy. JupyterLab names the thread it means; take it.
    """
    comm: Any = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, meant: meant


# The widget's output is hidden while there is nothing in it, the picture's while the widget before it is alive.
HIDE = (
    "<style>.jp-OutputArea-child:not(:has(.gradviz)):has(+.jp-OutputArea-child figure[data-gv-live]),"
    ".jp-OutputArea-child:has(.gradviz>[data-theme])+.jp-OutputArea-child:has(figure[data-gv-live])"
    "{display:none}</style>"
)
# The picture becomes a view of its own only where no widget has come after two seconds.
WAIT = (
    '(()=>{const f=document.currentScript.closest("figure"),o=f.closest(".jp-OutputArea-child");let n=0;const go=()=>{'
    'if(!f.isConnected||o?.previousElementSibling?.querySelector(".gradviz>[data-theme]"))return;'
    'if(o&&++n<20)return setTimeout(go,100);f.removeAttribute("data-gv-on");%s};go()})()'
)


def waiting(html: str) -> str:
    """A saved picture that leaves the place to the widget before it; see NOTE [Two outputs]."""
    head, script = html.rsplit("<script>", 1)
    code = script.removesuffix("</script></figure>")
    figure = head.replace("<figure ", '<figure data-gv-live="" data-gv-on="" ', 1)
    return f"{figure}{HIDE}<script>{WAIT.replace('%s', code)}</script></figure>"


class Pump:
    """Calls `send` soon after each `wake`, from a thread of its own, at most `RATE` times a second.

    Many wakes are one call. When there was nothing to send for a second `rest` is called, the thread ends, and `wake`
    starts another, so no thread stays. What these raise is kept in `error`: there is nobody to raise it to.
    """

    def __init__(self, send: Callable[[], None], rest: Callable[[], None] | None = None, rate: float = RATE) -> None:
        self.send, self.rest, self.pause = send, rest, 1 / rate
        self.error: BaseException | None = None
        self._news = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """There is something to send."""
        if self._news.is_set():
            return
        with self._lock:
            self._news.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gradviz pump", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            if not self._news.wait(1.0):
                self._try(self.rest)
                with self._lock:
                    if not self._news.is_set():
                        self._thread = None
                        return
            self._news.clear()
            self._try(self.send)
            sleep(self.pause)

    def _try(self, work: Callable[[], None] | None) -> None:
        try:
            if work is not None:
                work()
        except Exception as error:
            self.error = error
