"""Names are text: of tensors, parameters, modules, functions, and titles, whatever they hold and however long."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper, GraphView
from gradviz.widgets.graph.embed import NAME, line

NAMES = {
    "markup": "<img src=x onerror=alert(1)></text></svg><script>alert(2)</script>",
    "quotes": "\"' onload='alert(3)' \" --> ]]> &quot; &#39;",
    "newlines": "one\r\ntwo\u2028three\x00\x1b[31m",
    "direction": "\u202eevil\u2066\u200f",
    "long": "x" * 10_000,
}
CASES = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


class Net(torch.nn.Module):
    """One layer and one parameter under a name of one's own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._modules[name] = torch.nn.Linear(2, 2)
        self._parameters[name + "_p"] = torch.nn.Parameter(torch.ones(2))

    def forward(self, x: Any) -> Any:
        return (self._modules[self.name](x) * self._parameters[self.name + "_p"]).sum()


def stepper(name: str) -> BackpropStepper:
    net, x = Net(name), torch.ones(2)
    with torch.record({name: x}) as tape:
        tape.kept = net(x)
    return BackpropStepper(tape, title=name)


def packed(html: str) -> Any:
    data = html.split('data-gv-data="">', 1)[1].split("<", 1)[0]
    return json.loads(zlib.decompress(b64decode(data)))


@CASES
def test_in_html_and_svg(name: str) -> None:
    view = stepper(name)
    html = view.to_html()
    assert html.count("<script") == html.count("</script>") == 3
    assert html.count("<img") == html.count("<figure") == 1
    for text in (html, view.to_svg()):
        assert not {"\x00", "\x1b", "\u202e", "\u2066", "\u2028"} & set(text)
        assert "onerror=alert(1)>" not in text
    assert len(html) < 200_000


@CASES
def test_in_the_page(name: str) -> None:
    data = packed(stepper(name).to_html())
    texts = [data["title"][:NAME], *(n.get(key, "") for n in data["record"]["nodes"] for key in ("label", "path"))]
    assert max(map(len, texts)) <= NAME
    assert not {"\n", "\x00", "\u202e", "\u2066"} & set("".join(texts))


@CASES
def test_in_words(name: str) -> None:
    text = stepper(name).to_text()
    assert not {"\x00", "\x1b", "\u202e", "\u2028", "\r"} & set(text)
    assert max(map(len, text.splitlines()[1:])) < 400


def test_a_line() -> None:
    assert line("a\nb") == "a b"
    assert line("x" * 80) == "x" * 80
    assert line("x" * 81) == "x" * 79 + "…"


def test_parameters_of_two_modules_are_told_apart() -> None:
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    x = torch.ones(2)
    labels = {node["label"] for node in BackpropStepper(lambda: second(first(x)).sum()).record["nodes"]}
    assert {"first.weight", "first.bias", "second.weight", "second.bias", "x"} <= labels
    alone = {node["label"] for node in BackpropStepper(lambda: first(x).sum()).record["nodes"]}
    assert {"weight", "bias"} <= alone


def test_an_input_without_a_name() -> None:
    labels = [node["label"] for node in GraphView(torch.nn.Linear(2, 2), torch.ones(2)).record["nodes"]]
    assert "input" in labels


class Square(torch.autograd.Function):
    """A learner's own function, which computes with operations that are recorded too."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x * torch.ones(())

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * g


def test_what_a_function_does_inside_is_its_own_affair() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    view = BackpropStepper(lambda: (Square.apply(x) * x).sum())
    assert [node["label"] for node in view.record["nodes"]][:2] == ["x", "Square"]
    assert [node["op"] for node in view.record["nodes"] if node["kind"] == "op"] == ["Square", "mul", "sum"]
    assert [node["n"] for node in view.record["nodes"]] == [0, 1, 2, 3]
    assert "x.grad = [3, 12]" in view.to_text()
    assert view.record["steps"][-1]["kind"] == "backward_end"


def test_what_needs_no_gradient_stays() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    def loss() -> Any:
        with torch.no_grad():
            scale = (x * x).sum()
        return (Square.apply(x) / scale).sum()

    ops = [node["op"] for node in BackpropStepper(loss).record["nodes"] if node["kind"] == "op"]
    assert ops == ["mul", "sum", "Square", "div", "sum"]


def test_a_copy_of_a_recorder_goes_its_own_way() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    with torch.record() as tape:
        y = x * x
    again = tape.copy()
    again.ordinal(torch.ones(3))
    assert len(again.nodes) == len(tape.nodes) + 1
    assert tape.last_result() is y
