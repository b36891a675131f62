"""`TrainerPanel`: what it shows is what the trainer did, the same each time; what a page says reaches the trainer."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.utils.data import DataLoader, TensorDataset
from gradviz.widgets import live
from gradviz.widgets.training.fork import fork
from gradviz.widgets.training.trainer import Trainer
from gradviz.widgets.training.trainer_panel import TrainerPanel
from tests.waiting import until

BUDGET = 120_000
HOSTILE = '<img src=x onerror="alert(1)">\n\u202e' + "y" * 10_000


def panel(**options: Any) -> TrainerPanel:
    torch.manual_seed(0)
    x = torch.randn(64, 5)
    model = nn.Linear(5, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=8, shuffle=True)
    return TrainerPanel(model, optimizer, nn.CrossEntropyLoss(), loader, **{"epochs": 2, **options})


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """As if there were a page; returns what it is told by single messages."""
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    monkeypatch.setattr(live, "interactive", lambda: True)
    told: list[Any] = []
    classes = live._classes()
    assert classes is not None
    monkeypatch.setattr(classes[0], "send", lambda self, message, buffers=None: told.append((message, buffers)))
    return told


def say(view: TrainerPanel, **message: Any) -> None:
    view._widget._handle_custom_msg({"said": message}, [])


def test_it_shows_what_the_trainer_did() -> None:
    view = panel().run()
    shown = view.to_json()
    losses = view.curve.lines["", "loss"].points.arrays()[1].tolist()
    assert shown["curve"]["lines"][0]["points"]["values"] == pytest.approx(losses, rel=1e-7)
    assert shown["status"] == {
        "state": "finished",
        "iteration": 16,
        "total": 16,
        "epoch": 2,
        "epochs": 2,
        "settings": {"lr": 0.1, "momentum": 0.9, "clip": None},
        "last": {"loss": losses[-1]},
        "note": "",
        "error": "",
        "trouble": "",
    }
    text = view.to_text().splitlines()
    assert text[0] == f"Training: finished, 16 of 16 steps, loss {losses[-1]:.6g}"
    assert text[1] == "epoch 2 of 2; lr 0.1, momentum 0.9"


def test_it_is_the_same_each_time_and_holds_no_times() -> None:
    a, b = panel().run(), panel().run()
    fork(a, 3, lr=0.01)
    fork(b, 3, lr=0.01)
    assert a._repr_mimebundle_() == b._repr_mimebundle_()
    assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
    assert not {"rates", "seconds", "eta", "memory"} & set(a.to_json()["status"])
    for theme in ("light", "dark"):
        ET.fromstring(a.to_svg(theme))
    assert len(a.to_html()) < BUDGET


def test_a_snapshot_is_a_picture_and_no_trainer() -> None:
    view = panel().run()
    still = view.snapshot()
    before = still.to_html()
    assert before == view.to_html()
    view.run(epochs=1)
    fork(view, 2, lr=0.5)
    assert still.to_html() == before != view.to_html()
    with pytest.raises(RuntimeError, match="snapshot"):
        still.run()
    with pytest.raises(RuntimeError, match="snapshot"):
        still.steps([1])


def test_long_runs_and_hostile_names_stay_within_the_budget() -> None:
    view = TrainerPanel(optimizer=None, title=HOSTILE)
    for batch in view.steps(range(20_000)):
        view.log({"loss": 1 / (1 + batch), HOSTILE: 0.1 * batch, "nan": float("nan")})
    for i in range(20):
        view.curve.mark(i, HOSTILE)
    html, svg = view.to_html(), view.to_svg()
    assert len(html) < BUDGET
    ET.fromstring(svg)
    assert "<img src=x" not in html + svg
    assert "\u202e" not in html + svg + view.to_text()
    assert view.to_json()["status"]["last"]["nan"] == "nan"


def test_a_trainer_has_its_settings_already() -> None:
    with pytest.raises(TypeError, match="title"):
        TrainerPanel(Trainer(), epochs=3)
    with pytest.raises(TypeError, match="unexpected"):
        TrainerPanel(epoch=3)


def test_buttons_and_fields(page: list[Any]) -> None:
    view = panel(epochs=100_000, interactive=True)
    view._repr_mimebundle_()
    say(view, do="resume")
    until(lambda: view.trainer.iteration > 3)
    say(view, do="pause")
    until(lambda: view.trainer.state == "paused")
    at = view.trainer.iteration
    say(view, do="step")
    until(lambda: view.trainer.iteration == at + 1 and view.trainer.state == "paused")
    say(view, set={"lr": 0.02})
    say(view, set={"clip": 1})
    until(lambda: view.trainer.knobs.read() == {"lr": 0.02, "momentum": 0.9, "clip": 1.0})
    say(view, fork=2, set={"lr": 0.5}, steps=4)
    until(lambda: view.trainer.branches)
    branch = view.trainer.branches[0]
    assert (branch.at, branch.iteration, branch.settings) == (2, 6, {"lr": 0.5})
    until(lambda: view.trainer.state == "paused")
    say(view, do="stop")
    until(lambda: not view.trainer._alive())
    assert view.trainer.state == "stopped"
    until(lambda: view._pump._thread is None)
    assert view._pump.error is None
    assert view._widget.data["status"]["state"] == "stopped", "a page that comes later starts from this"
    assert {"rates", "seconds", "eta", "memory"} <= set(view._widget.data["status"])


def test_what_cannot_be_is_said_on_the_page(page: list[Any]) -> None:
    view = panel(interactive=False)
    view._repr_mimebundle_()
    for message, says in (
        ({"set": {"lr": -1}}, "ValueError: lr must be"),
        ({"set": {"speed": 1}}, "ValueError: There is no setting"),
        ({"do": "explode"}, "ValueError: no such button"),
        ({"do": "resume"}, "RuntimeError: This run belongs to a cell"),
        ({"nothing": 1}, "KeyError"),
    ):
        page.clear()
        say(view, **message)
        assert page[0][0]["failed"].startswith(says)
    page.clear()
    say(view, fork=3, set={})
    until(lambda: any("failed" in message for message, _ in page))
    failed = next(message["failed"] for message, _ in page if "failed" in message)
    assert failed.startswith("ValueError: The run has done 0 steps")


def test_the_curve_can_be_looked_at_closer(page: list[Any]) -> None:
    view = TrainerPanel(optimizer=None)
    for batch in view.steps(range(30_000)):
        view.log(loss=float(batch % 7))
    view._repr_mimebundle_()
    page.clear()
    say(view, window=[100, 300])
    told = page[0][0]["told"]
    assert told["window"] == [100, 300]
    assert len(told["lines"][0]["points"]) == 16 * (201 + 2), "every point, and one on each side"


def test_a_page_costs_little(page: list[Any]) -> None:
    view = panel(epochs=40, interactive=True)
    view._repr_mimebundle_()
    view.run().wait()
    until(lambda: view._pump._thread is None)
    seconds = view.trainer.speed.seconds + 1.5
    assert len(page) <= 1.3 * live.RATE * seconds + 3


def test_the_panel_is_free_while_it_trains() -> None:
    view = panel(epochs=100_000, interactive=True)
    view.run()
    assert view.trainer._thread in threading.enumerate()
    view.stop(wait=True)
    assert view.trainer._thread not in threading.enumerate()


CELLS = [
    """
import gradviz as torch
from gradviz import nn
from gradviz.widgets.training.fork import fork
from gradviz.widgets.training.trainer_panel import TrainerPanel
from tests.waiting import until
torch.manual_seed(0)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
batches = [(torch.randn(8, 3), torch.zeros(8, 1))] * 9
""",
    "panel = TrainerPanel(net, optimizer, nn.MSELoss(), batches, epochs=3)\npanel.run()",
    "panel.wait()\nfork(panel, 4, lr=0.5)",
    "panel.snapshot()",
]


def test_a_notebook_that_a_program_runs_gives_the_same_each_time() -> None:
    """nbval, nbconvert and papermill: no page, so no thread and no widget, and every output the same."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    client = pytest.importorskip("nbclient", reason="nbclient is not installed")
    runs = []
    for _ in range(2):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
        client.NotebookClient(book, timeout=120, kernel_name="python3").execute()
        runs.append([cell.outputs for cell in book.cells])
    assert runs[0] == runs[1]
    for i in (1, 3):
        (output,) = runs[0][i]
        assert set(output.data) == {"text/plain", "text/html"}
        assert output.data["text/plain"].startswith("Training: finished, 27 of 27 steps")
