"""Views in Python: what they take, what they give, and that they leave the learner's session as it was."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper, GraphView
from gradviz.widgets.replay import replay_html, table_html

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


def leaf(value: Any = 3.0) -> Any:
    return torch.tensor(value, requires_grad=True)


def loss_of(w: Any) -> Any:
    return (w * w + 2.0 * w).sum()


def taped(w: Any) -> Any:
    with torch.record() as tape:
        tape.kept = loss_of(w)  # the result lives as long as the tape
    return tape


SOURCES: dict[str, Callable[[Any], Any]] = {
    "tensor": loss_of,
    "function": lambda w: lambda: loss_of(w),
    "tape": taped,
    "recording": lambda w: taped(w).recording,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("view", [BackpropStepper, GraphView])
def test_takes(view: Any, source: str) -> None:
    w = leaf()
    given = SOURCES[source](w)
    shown = view(given)
    kinds = {step["kind"] for step in shown.record["steps"]}
    if source != "recording":  # there the result is gone, and only what was recorded can be shown
        assert ("backward" in kinds) == (view is BackpropStepper)
    assert "<svg" in shown.to_svg()
    assert shown.to_json()["format"] == "gradviz.scene/1"


def test_the_session_is_left_as_it_was() -> None:
    w = leaf()
    w.grad = torch.tensor(10.0)
    loss = loss_of(w)
    shown = BackpropStepper(loss)
    assert w.grad.item() == 10.0
    after = [step["after"]["data"] for step in shown.record["steps"] if step["kind"] == "accumulate"]
    loss.backward()  # the graph has not been freed
    assert [[w.grad.item()]] == after == [[18.0]]


def test_a_tape_can_be_shown_twice() -> None:
    tape = taped(leaf())
    assert BackpropStepper(tape).to_html() == BackpropStepper(tape).to_html()


def test_a_tape_that_went_backward_is_shown_as_it_ran() -> None:
    w = leaf()
    with torch.record() as tape:
        loss_of(w).backward()
    steps = BackpropStepper(tape).record["steps"]
    assert sum(step["kind"] == "backward_begin" for step in steps) == 1


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        (3, TypeError, "got int"),
        (SimpleNamespace(named_parameters=list), TypeError, "a module needs something to be called with"),
        (lambda: 3, TypeError, "the function returned int"),
        (lambda: torch.tensor(1.0) * 2, RuntimeError, "does not require grad"),
        (lambda: leaf([1.0, 2.0]) * 2, RuntimeError, "grad can be implicitly created only for scalar outputs"),
    ],
)
def test_refuses(source: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        BackpropStepper(source)


def test_a_failing_function_leaves_the_session_usable() -> None:
    w = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError):
        BackpropStepper(lambda: (w + torch.tensor([1.0, 2.0, 3.0])).sum())
    assert w.grad is None
    assert BackpropStepper(lambda: loss_of(w)).record["nodes"]


def test_the_learners_names_are_used() -> None:
    w = leaf()
    squared = w * w
    total = squared + w
    assert {"w", "squared", "total"} <= {node["label"] for node in BackpropStepper(total).record["nodes"]}


def test_a_function_and_its_input() -> None:
    assert "tanh" in GraphView(torch.tanh, leaf([1.0, 2.0])).to_text()


def test_mime_bundle() -> None:
    view = BackpropStepper(loss_of(leaf()))
    bundle = view._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html"]
    assert bundle["text/plain"] == repr(view) == view.to_text()
    assert list(view._repr_mimebundle_(include=["text/plain"])) == ["text/plain"]
    assert list(view._repr_mimebundle_(exclude=["text/plain"])) == ["text/html"]


PROGRAM = """
import hashlib, gradviz as torch
from gradviz.widgets import BackpropStepper, GraphView
w = torch.tensor([0.1, -0.2, 0.7], requires_grad=True)
for view in (BackpropStepper(lambda: torch.tanh(w * w).sum(), title="t"), GraphView(lambda: torch.tanh(w).sum())):
    print(hashlib.sha256((view.to_html() + repr(view)).encode()).hexdigest())
"""


def test_bytes_are_the_same_in_every_process() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "random")
    }
    assert len(seen) == 1


class Page(HTMLParser):
    """Every element with its attributes, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.scripts and self.found[-1][0] == "script":
            self.scripts[-1] += data


def test_html_is_picture_table_and_three_scripts() -> None:
    page = Page(BackpropStepper(loss_of(leaf()), title="a title").to_html())
    tags = [tag for tag, _ in page.found]
    assert tags[:2] == ["figure", "img"]
    assert {"details", "summary", "table", "th", "td"} <= set(tags)
    assert tags.count("script") == 3
    image = dict(page.found)["img"]
    assert image["alt"]
    assert base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")).startswith(b"<svg")
    addresses = [v for _, attributes in page.found for v in attributes.values() if v and re.search(r"https?:|//", v)]
    assert all(v.startswith("data:image/svg+xml;base64,") for v in addresses)


def test_hostile_names_stay_text() -> None:
    w = leaf([1.0, 2.0])
    with torch.record({HOSTILE: w}) as tape:
        tape.kept = loss_of(w)
    html = BackpropStepper(tape, title=HOSTILE).to_html()
    page = Page(html)
    assert [tag for tag, _ in page.found].count("img") == 1
    assert [tag for tag, _ in page.found].count("script") == 3
    assert "alert(2)" not in "".join(page.scripts)
    assert len(html) < 200_000


def test_a_table_keeps_its_two_ends() -> None:
    rows = [["step", "what"], *[[str(i), "<b>"] for i in range(500)]]
    html = table_html(rows)
    assert "<b>" not in html
    assert html.count("<tr>") == 62
    assert "… 440 more" in html
    assert "<td>0</td>" in html
    assert "<td>499</td>" in html


def test_an_unknown_view_is_an_error_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        replay_html("no_such_view", {}, "<svg/>", "text", [])


def in_modules(depth: int | None) -> BackpropStepper:
    """A record in which two modules of three operations each ran."""
    w = leaf()
    with torch.record() as tape:
        y = w
        for _ in range(6):
            y = torch.tanh(y)
        loss = y * y
    view = BackpropStepper(tape, depth=depth)
    for node in view.record["nodes"]:
        if node["op"] == "tanh":
            node["path"], node["module"] = ("first" if node["n"] <= 3 else "second"), "Tanh"
    assert loss.requires_grad
    return view


def test_the_fold_key_has_another_depth_to_show() -> None:
    whole, folded = in_modules(None).scenes
    assert len(folded["nodes"]) < len(whole["nodes"])
    assert {node["kind"] for node in folded["nodes"]} >= {"group"}
    first, second = in_modules(0).scenes
    assert len(first["nodes"]) < len(second["nodes"])


def test_without_modules_there_is_nothing_to_fold() -> None:
    assert len(BackpropStepper(loss_of(leaf())).scenes) == 1
