"""The stepper on what learners write: every kind of program steps, shows its true numbers and fits its budget."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.nn import functional as F
from gradviz.utils.checkpoint import checkpoint
from gradviz.widgets import BackpropStepper
from gradviz.widgets.graph.graphview import allowed
from tests.growth import growth

Program = Callable[[], Any]


def expression() -> Program:
    x, w, b = (torch.tensor(v, requires_grad=True) for v in (3.0, -2.0, 1.0))
    return lambda: (x * w + b) ** 2


def fan_out() -> Program:
    x = torch.tensor(0.5, requires_grad=True)

    def run() -> Any:
        y = x * x
        return y.sin() + y.exp() * y + x

    return run


def mlp() -> Program:
    net = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 5))
    x, target = torch.randn(8, 20), torch.randint(5, (8,))
    return lambda: F.cross_entropy(net(x), target)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6 * 7 * 7, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return self.fc(F.dropout(x.flatten(1), 0.25))


def cnn() -> Program:
    net = Net()
    x, target = torch.randn(4, 3, 16, 16), torch.randint(10, (4,))
    return lambda: F.cross_entropy(net(x), target)


def cell_loop(steps: int = 100) -> Program:
    cell = nn.LSTMCell(8, 16)
    xs = torch.randn(steps, 4, 8)

    def run() -> Any:
        h = c = torch.zeros(4, 16)
        for x in xs:
            h, c = cell(x, (h, c))
        return h.sum()

    return run


def lstm() -> Program:
    net, xs = nn.LSTM(4, 8), torch.randn(12, 2, 4)
    return lambda: net(xs)[0].sum()


def transformer() -> Program:
    block = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    x = torch.randn(2, 5, 16)
    return lambda: block(x).pow(2).mean()


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, x: Any) -> Any:
        return Cube.apply(x) * self.scale


def own() -> Program:
    module, x = Scaled(), torch.tensor([1.0, 2.0], requires_grad=True)
    return lambda: module(x).sum()


def in_place() -> Program:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)

    def run() -> Any:
        y = x * 1
        row, column = y[0], y[:, 1]
        row.mul_(10.0)
        y += 1
        column.copy_(row)
        return (y * column).sum()

    return run


def no_grad() -> Program:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    seen = torch.zeros(2)

    def run() -> Any:
        with torch.no_grad():
            seen.mul_(0.9).add_(x * 0.1)
            scale = (x * x).sum().sqrt()
        return (x / scale).sum() + (x.detach() * x).sum() + (x - seen).sum()

    return run


def double_backward() -> Program:
    x = torch.tensor([0.5, 1.5], requires_grad=True)

    def run() -> Any:
        y = (torch.tanh(x) * x).sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        return y + (g * g).sum()

    return run


def numbers_of_all_kinds() -> Program:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    w = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True)

    def run() -> Any:
        bad = torch.tensor([float("nan"), float("inf")])
        kept = torch.where(torch.isfinite(bad), bad, torch.zeros(2))
        return (z * z.conj()).real.sum() + (w * w).float().sum() + (kept * w.float()).sum() + torch.ones(0).sum()

    return run


def encoder() -> Program:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net, x = nn.TransformerEncoder(layer, 2), torch.randn(2, 4, 8)
    return lambda: net(x).pow(2).mean()


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.mask = torch.triu(torch.ones(4, 4), diagonal=1).bool()

    def forward(self, x: Any) -> Any:
        scores = self.q(x) @ self.k(x).transpose(-1, -2) / 8**0.5
        return scores.masked_fill(self.mask, float("-inf")).softmax(-1) @ self.v(x)


def masked_attention() -> Program:
    net, x = Attention(), torch.randn(2, 4, 8)
    return lambda: net(x).pow(2).mean()


class Both(torch.autograd.Function):
    """Two results, several tensors kept."""

    @staticmethod
    def forward(ctx, x):
        s, c = x.sin(), x.cos()
        ctx.save_for_backward(x, s, c)
        return s, c

    @staticmethod
    def backward(ctx, gs, gc):
        _, s, c = ctx.saved_tensors
        return gs * c - gc * s


class Doubled(torch.autograd.Function):
    """Writes into its input."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, g):  # noqa: ARG004
        return g * 2


def two_results() -> Program:
    x = torch.tensor([0.3, 0.7], requires_grad=True)

    def run() -> Any:
        s, c = Both.apply(x)
        return (s * c + c).sum()

    return run


def dirty() -> Program:
    x = torch.tensor([0.3, 0.7], requires_grad=True)
    return lambda: Doubled.apply(x * 3).pow(2).sum()


def hooks() -> Program:
    x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    w.register_hook(lambda g: g * 10)

    def run() -> Any:
        y = x * w
        y.register_hook(lambda g: g * 2)
        z = y * y
        z.grad_fn.register_hook(lambda given, _: (given[0] * 5, given[1]))
        return z + y

    return run


def checkpointed() -> Program:
    net, x = nn.Sequential(nn.Linear(4, 4), nn.Tanh()), torch.randn(2, 4)
    return lambda: checkpoint(net, x, use_reentrant=False).sum()


def transformed() -> Program:
    x, xs = torch.tensor([0.5, 1.5], requires_grad=True), torch.randn(4, 2)
    slope = torch.func.grad(lambda v: (v.tanh() * v).sum())
    return lambda: slope(x).pow(2).sum() + torch.func.vmap(lambda row: (row * x).sum().tanh())(xs).sum()


def indices() -> Program:
    x, rows = torch.randn(5, 4, requires_grad=True), torch.tensor([0, 3, 3])

    def run() -> Any:
        found = torch.gather(x, 1, torch.tensor([[0], [1], [2], [3], [0]]))
        kept = F.embedding(torch.tensor([0, 0, 2]), x)
        return x[rows].sum() + x[1:3, ::2].prod() + found.sum() + kept.pow(2).sum() + x[x > 0].sum()

    return run


def each_its_loss() -> Program:
    x, target = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    weights = torch.tensor([1.0, 0.0, 2.0, 0.5])
    return lambda: (F.cross_entropy(x, target, reduction="none") * weights).sum()


def sequences() -> Program:
    x, words = torch.randn(12, 2, 5, requires_grad=True), torch.tensor([[1, 2, 3], [1, 1, 2]])
    sizes = torch.tensor([12, 12]), torch.tensor([3, 3])
    return lambda: F.ctc_loss(x.log_softmax(2), words, *sizes)


PROGRAMS = [
    expression, fan_out, mlp, cnn, cell_loop, lstm, transformer, own, in_place, no_grad, double_backward,
    numbers_of_all_kinds, encoder, masked_attention, two_results, dirty, hooks, checkpointed, transformed, indices,
    each_its_loss, sequences,
]  # fmt: skip


def leaves_of(view: Any) -> dict[str, Any]:
    """The last `.grad` of each leaf, by its label."""
    nodes = view.record["nodes"]
    return {nodes[s["n"]]["label"]: s["after"] for s in view.record["steps"] if s["kind"] == "accumulate"}


@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__)
def test_program(make: Callable[[], Program]) -> None:
    torch.manual_seed(0)
    view = BackpropStepper(make(), title=make.__name__)
    nodes, steps = view.record["nodes"], view.record["steps"]
    json.dumps(view.record, allow_nan=False)
    scene = json.loads(json.dumps(view.to_json(), allow_nan=False))
    assert scene["format"] == "gradviz.scene/1"
    ET.fromstring(view.to_svg())
    assert view.to_text().startswith(f"{make.__name__}: graph of")
    assert len(view.to_html()) <= allowed(len(nodes))
    assert all(0 <= given.get("n", 0) < max(node["n"], 1) for node in nodes for given in node["inputs"])
    backward = [step for step in steps if step["kind"] == "backward"]
    assert backward
    sums: dict[int, Any] = {}
    for step in backward:
        assert step["n"] >= 0
        # What arrived is what goes in, unless a hook says that it changed it.
        assert step["n"] not in sums or sums[step["n"]] == step["grad"] or "hook" in step
        for message in step["messages"]:
            node = nodes[step["n"]]
            given = {(x["slot"], x.get("n")) for x in node["inputs"]}
            # A write into a part passes gradients on for the operation that was written, as in PyTorch; so does a
            # Function that writes into its input.
            assert (message["slot"], message["to"]) in given or node["op"] in ("copy_slices", "Doubled", "copy")
            sums[message["to"]] = message["sum"]
    assert leaves_of(view)


@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__)
def test_its_last_gradients_are_those_of_backward(make: Callable[[], Program]) -> None:
    """What the stepper shows at its end is what `.grad` becomes, on leaves that had none."""
    torch.manual_seed(0)
    program = make()
    state = torch.get_rng_state()
    shown = leaves_of(BackpropStepper(program))
    torch.set_rng_state(state)
    with torch.record() as tape:
        program().backward()
    ran = tape.recording
    after = [step["after"] for step in ran.steps if step["kind"] == "accumulate"]
    assert list(shown.values()) == after


def test_time_grows_as_a_long_lstm_does() -> None:
    """How long its picture takes is in benchmarks/PICTURES.md."""

    def drawn(steps: int) -> BackpropStepper:
        view = BackpropStepper(cell_loop(steps))
        view.to_svg()
        return view

    assert len(drawn(100).record["nodes"]) > 1500
    assert growth(drawn, 25, 100) < 12


def test_a_deep_graph() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record() as tape:
        y = x
        for _ in range(10_000):
            y = y * 1.0001
        y.sum().backward()
    recording = tape.recording
    assert len(recording.nodes) == 10_002
    assert sum(step["kind"] == "backward" for step in recording.steps) == 10_001


def test_in_place_writes_and_what_is_outside_the_graph_have_their_own_nodes() -> None:
    ops = {node["op"] for node in BackpropStepper(in_place()).record["nodes"]}
    assert {"copy_slices", "as_strided_view", "select", "mul", "copy"} <= ops
    view = BackpropStepper(no_grad())
    by_op = {node["op"]: node for node in view.record["nodes"]}
    assert by_op["detach"]["inputs"][0]["n"] is not None
    assert not by_op["detach"]["requires_grad"]
    assert by_op["detach"]["forward"] == "x, outside the graph"


def test_odd_numbers_are_shown() -> None:
    text = BackpropStepper(numbers_of_all_kinds()).to_text()
    assert "1+2j" in text
    assert "nan" in text
    assert "inf" in text


def test_a_hook_is_said_where_it_changed_something_and_nothing_is_a_product_that_is_none() -> None:
    view = BackpropStepper(hooks())
    said = [step["hook"] for step in view.record["steps"] if "hook" in step]
    assert said == [
        "a hook changed what mul_2 passes on to mul from 6",
        "a hook changed the gradient of mul from 37 to 74",
        "a hook changed the gradient of w from 148 to 1480",
    ]
    assert all(text in view.to_text() for text in said[:2])
    assert "hooks" in view.parts()
    for step in view.record["steps"]:
        for m in step.get("messages", ()):
            if m["local"]:
                assert step["grad"]["data"][0] * m["local"]["data"][0] == m["product"]["data"][0]


@pytest.mark.parametrize("make", [p for p in PROGRAMS if p is not hooks], ids=lambda make: make.__name__)
def test_where_there_are_no_hooks_none_is_said(make: Callable[[], Program]) -> None:
    torch.manual_seed(0)
    assert "hooks" not in BackpropStepper(make()).parts()


def test_two_passes_add_up_in_grad() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record({"w": w}) as tape:
        (w * w).sum().backward()
        (w * 3).sum().backward()
    view = BackpropStepper(tape)
    before, after = [(s["before"], s["after"]) for s in view.record["steps"] if s["kind"] == "accumulate"][-1]
    assert (before["data"], after["data"]) == ([2.0, 4.0], [5.0, 7.0])
    assert "hooks" not in view.parts()
