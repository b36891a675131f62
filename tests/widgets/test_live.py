"""`LiveView` without a page: who is asked when, what is told, and what goes wrong in hear."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
import zlib
from typing import Any

import pytest

from gradviz.widgets import live
from gradviz.widgets.live import RATE, LiveView, Pump, heard_at_once, interactive
from gradviz.widgets.timeline import Timeline, name_of
from gradviz.widgets.training.loss_curve import LossCurve


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a notebook application had started this process as a kernel."""
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    monkeypatch.setattr(live, "interactive", lambda: True)


class Words(LossCurve):
    heard: list[Any]

    def hear(self, message: Any, buffers: Any) -> None:
        if message == "bad":
            raise ValueError("that is bad")
        self.heard.append((message, self.lock._is_owned()))  # type: ignore[attr-defined]


def sent(view: LiveView, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(view._widget, "send", lambda message, buffers=None: found.append((message, buffers)))
    return found


def shown(view: LiveView) -> Any:
    return view._repr_mimebundle_()


def test_without_a_page_it_is_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not interactive()
    monkeypatch.setattr(live, "_in_kernel", lambda: True)
    monkeypatch.delenv("GRADVIZ_HEADLESS", raising=False)
    for name in live.FRONT_ENDS:
        monkeypatch.delenv(name, raising=False)
    assert not interactive(), "a kernel that nbval or nbconvert started has no page"
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    assert interactive()
    for off in ("1", "true", "yes"):
        monkeypatch.setenv("GRADVIZ_HEADLESS", off)
        assert not interactive()
    monkeypatch.setenv("GRADVIZ_HEADLESS", "0")
    assert interactive()
    monkeypatch.setenv("GRADVIZ_HEADLESS", "1")
    assert set(LossCurve([1.0])._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_with_a_page_it_is_both(page: None) -> None:
    view = Words([1.0])
    data, _ = shown(view)
    assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert data["text/html"] == view.to_html()
    again, _ = shown(view)
    assert again["application/vnd.jupyter.widget-view+json"] == data["application/vnd.jupyter.widget-view+json"]


def test_in_jupyterlab_there_are_two_outputs(page: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display

    shown_: list[tuple[Any, Any]] = []

    def put(data: Any, **how: Any) -> None:
        shown_.append((data, how))

    monkeypatch.setattr(IPython.display, "display", put)
    monkeypatch.setattr(IPython.display, "update_display", put)
    view = Words([1.0])
    monkeypatch.delenv(live.TWO_OUTPUTS, raising=False)
    with pytest.raises(NotImplementedError):
        view._ipython_display_()  # IPython then asks for the one bundle that has both
    view.settle()
    assert shown_ == []
    monkeypatch.setenv(live.TWO_OUTPUTS, "a.ipynb")
    view._ipython_display_()
    (widget, _), (picture, how) = shown_
    assert set(widget) == {live.LIVE_MIME}
    assert set(picture) == {"text/plain", "text/html"}
    view.add(loss=0.5)
    view.settle()
    assert shown_[2][1]["display_id"] == how["display_id"]
    assert "2 " in shown_[2][0]["text/plain"]
    with pytest.raises(NotImplementedError):
        view.snapshot()._ipython_display_()


def test_the_saved_picture_beside_a_widget_is_the_replay_that_waits() -> None:
    html = LossCurve([1.0]).to_html()
    made = live.waiting(html)
    for attribute in ("data-gv-data", "data-gv-runtime"):
        piece = html.split(f'<script type="text/plain" {attribute}="">')[1].split("</script>")[0]
        assert piece in made
    assert made.startswith('<figure data-gv-live="" data-gv-on="" class="gradviz"')
    assert made.count("<script>") == html.count("<script>") == 1
    assert html.rsplit("<script>", 1)[1].removesuffix("</script></figure>") in made


def test_a_still_view_is_never_a_widget(page: None) -> None:
    assert set(LossCurve([1.0]).snapshot()._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_the_script_is_in_one_model_for_all_views(page: None) -> None:
    a, b = Words([1.0]), Words([2.0])
    shown(a), shown(b)
    assert a._widget.runtime == b._widget.runtime
    code = zlib.decompress(live._scripts[a._widget.view].code).decode()
    assert "loss_curve" in code
    assert len(a._widget._esm) < 3000, "every widget carries this"


def test_hear_is_called_under_the_lock_and_its_errors_go_to_the_page(
    page: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = Words([1.0])
    view.heard = []
    shown(view)
    said = sent(view, monkeypatch)
    view._widget._handle_custom_msg({"said": "hello"}, [])
    assert view.heard == [("hello", True)]
    view._widget._handle_custom_msg({"said": "bad"}, [])
    view._widget._handle_custom_msg({"nonsense": 1}, [])
    assert said[0] == ({"failed": "ValueError: that is bad"}, None)
    assert said[1][0]["failed"].startswith("KeyError")


def test_what_the_page_says_goes_where_the_page_meant_it() -> None:
    class Comm:
        def _reply_subshell_for(self, data: Any, default: Any) -> Any:
            return "the thread that spoke last"

    class Widget:
        comm = Comm()

    heard_at_once(Widget())
    assert Widget.comm._reply_subshell_for({}, "a subshell") == "a subshell"
    heard_at_once(object())  # other kernels have no such thing


def test_news_are_batched(page: None, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = LossCurve()
    shown(curve)
    messages = sent(curve, monkeypatch)
    start = time.monotonic()
    n = 0
    while time.monotonic() - start < 1.0:
        curve.add(loss=n)
        n += 1
        time.sleep(0.001)
    deadline = time.monotonic() + 5
    while curve._pump._thread is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert curve._pump.error is None
    assert len(messages) <= 1.3 * RATE
    told = [(said["told"]["points"][0][1], len(buffers[0]) // 16) for said, buffers in messages]
    assert told, "single points are told on the way"
    line = curve._widget.data["lines"][0]
    assert line["count"] == n, "in the end the whole state is there for a page that comes later"
    assert len(line["points"]) == 16 * n
    for (at, many), (following, _) in itertools.pairwise(told):
        assert following >= at + many


def test_a_pump_ends_by_itself_and_starts_again() -> None:
    calls: list[str] = []
    pump = Pump(lambda: calls.append("send"), lambda: calls.append("rest"))
    for _ in range(2):
        pump.wake()
        deadline = time.monotonic() + 5
        while pump._thread is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert pump._thread is None
    assert calls == ["send", "rest", "send", "rest"]
    wrong = Pump(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    wrong.wake()
    while wrong._thread is not None:
        time.sleep(0.02)
    assert isinstance(wrong.error, ZeroDivisionError)


def test_no_widget_no_thread() -> None:
    before = threading.active_count()
    curve = LossCurve()
    for i in range(1000):
        curve.add(loss=i)
    curve.to_html()
    assert threading.active_count() == before


def test_importing_it_needs_neither_jupyter_nor_a_thread() -> None:
    code = (
        "import sys, threading\n"
        "from gradviz.widgets.training.loss_curve import LossCurve\n"
        "from gradviz.widgets.training.trainer_panel import TrainerPanel\n"
        "LossCurve([1.0]).to_html()\n"
        "bad = [m for m in ('anywidget', 'ipywidgets', 'IPython', 'tensorboard', 'torch') if m in sys.modules]\n"
        "assert not bad and threading.active_count() == 1, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_timeline_moves_its_widgets_and_hears_them(page: None) -> None:
    time_ = Timeline("t")
    a, b = LossCurve([1.0, 2.0], timeline=time_), LossCurve([1.0], timeline=time_)
    shown(a), shown(b)
    assert a._widget.timeline == "t"
    assert a._widget.moment == {}
    time_.go(1)
    assert a._widget.moment == b._widget.moment == {"move": 1, "iteration": 1}
    time_.go(1, "backward", 3)
    assert a._widget.moment == {"move": 2, "iteration": 1, "phase": "backward", "op": 3}
    a._widget._handle_custom_msg({"said": {}, "moved": {"iteration": 0}}, [])
    assert (time_.iteration, time_.phase, time_.op) == (0, None, None)
    late = LossCurve([1.0], timeline=time_)
    shown(late)
    assert late._widget.moment["move"] == 2
    assert name_of(time_) == "t"
