"""A record is the same whenever its statistics are worked out: at the end, or as soon as somebody looks."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import gradviz as torch
from gradviz.core import record_nodes, whence
from gradviz.core.record import Recorder


def network() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 3))


def train(net: Any, tape: Recorder, look: bool) -> None:
    """Two steps of a small network; `look` reads the record after each part."""
    x, y = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        assert not look or tape.recording.nodes[-1]["value"]["data"] == [loss.item()]
        loss.backward()
        assert not look or all(step["grad"]["shape"] is not None for step in tape.steps if "grad" in step)
        optimizer.step()


@pytest.mark.parametrize("thumbnails", [False, True])
def test_looking_changes_nothing(thumbnails: bool) -> None:
    made = []
    for look in (False, True):
        net = network()
        with torch.record(thumbnails=thumbnails) as tape:
            train(net, tape, look)
        made.append(json.dumps(tape.recording.to_json()))
    assert made[0] == made[1]


def test_a_recording_goes_on_with_its_tape_and_a_copy_does_not() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.record() as tape:
        y = x * 2
        now, copied = tape.recording, tape.copy()
        z = y.sum()
        z.backward()
    assert [step["kind"] for step in copied.recording.steps] == ["forward"]
    assert [node.get("variable") for node in copied.recording.nodes] == [None, None]
    assert now.to_json() == tape.recording.to_json()
    assert [node.get("variable") for node in now.nodes] == [None, "y", "z"]


def test_a_tape_that_begins_inside_a_module_knows_where_it_is() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = network(), torch.nn.Linear(3, 1)

        def forward(self, x: Any) -> Any:
            with torch.record() as self.tape:
                x = self.last(self.inner(x)) * 2
                self.late = torch.nn.Tanh()
                return self.late(x) + 1

    net = Net()
    net(torch.ones(1, 6))
    steps = [(s["kind"][7:], s["path"]) for s in net.tape.steps if s["kind"] != "forward"]
    inside = [("enter", "inner.0"), ("exit", "inner.0"), ("enter", "inner.1"), ("exit", "inner.1")]
    assert steps[:6] == [("enter", "inner"), *inside, ("enter", "inner.2")]
    both = [(what, path) for path in ("last", "late") for what in ("enter", "exit")]
    assert steps[6:] == [("exit", "inner.2"), ("exit", "inner"), *both]
    ops = [(n["op"], n["path"], n["module"]) for n in net.tape.nodes if n["op"] in ("relu", "mul", "tanh", "add")]
    assert ops == [("relu", "inner.1", "ReLU"), ("mul", "", "Net"), ("tanh", "late", "Tanh"), ("add", "", "Net")]


def test_a_module_that_is_built_meanwhile_is_its_parameters() -> None:
    """And not the memory that they had before they were drawn, which differs from run to run."""
    with torch.record() as tape:
        net = torch.nn.Linear(3, 2)
        torch.nn.Parameter(net.weight.exp())
    assert [node["op"] for node in tape.recording.nodes] == ["uniform_", "uniform_", "exp"]
    values = [node["value"]["data"] for node in tape.recording.nodes]
    assert values[:2] == [p.flatten().tolist() for p in net.parameters()]


def test_what_is_overwritten_later_was_seen_before() -> None:
    """Statistics are put off, the numbers are not: gradients and results are written over before anybody looks."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record() as tape:
        y = x * 3
        y.sum().backward()
        with torch.no_grad():
            x.grad.fill_(100.0)
            y.zero_()
    accumulated = next(step for step in tape.steps if step["kind"] == "accumulate")
    assert accumulated["after"]["data"] == [3.0, 3.0]
    made = next(node for node in tape.recording.nodes if node["op"] == "mul")
    assert made["value"]["data"] == [3.0, 6.0]


def test_a_hook_that_writes_into_the_gradient_is_seen() -> None:
    """What arrives is not what was sent, though it lies in the same memory."""

    def tripled(g: Any) -> None:
        g.mul_(3.0)

    for watched in ("leaf", "result"):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        with torch.record() as tape:
            y = x * x
            (x if watched == "leaf" else y).register_hook(tripled)
            (y * y).sum().backward()
        last = [step for step in tape.steps if step["kind"] == "accumulate"][-1]
        assert last["after"]["data"] == [float(g) for g in x.grad], watched
        arrived = {step["n"]: step["grad"]["data"] for step in tape.steps if step["kind"] == "backward"}
        product = next(n["n"] for n in tape.recording.nodes if n["op"] == "mul")
        assert arrived[product] == ([2.0, 8.0] if watched == "leaf" else [6.0, 24.0]), watched


def test_lines_are_those_of_the_user() -> None:
    with torch.record() as tape:
        a = torch.ones(2) * 2
        b = a + 1
        b.relu_()
    lines = [node["line"] for node in tape.recording.nodes if node["kind"] == "op"]
    assert [line["text"] for line in lines[-2:]] == ["b = a + 1", "b.relu_()"]
    assert {line["file"] for line in lines} == {"test_record.py"}


def test_a_record_says_what_was_asked_for_then() -> None:
    """Entries are written out late; a list that the program goes on to change is put into words at once."""
    x, dims = torch.ones(2, 3, 4), [0, 1]
    with torch.record() as tape:
        x.sum(dims)
        dims.append(2)
    assert next(n for n in tape.recording.nodes if n["op"] == "sum")["settings"]["dim"] == [0, 1]


@pytest.mark.parametrize("look", [False, True])
def test_a_result_that_is_written_over_its_input_says_so(look: bool) -> None:
    x = torch.ones(3, requires_grad=True)
    with torch.record() as tape:
        y = x * 2
        y.add_(1)
        assert not look or len(tape.nodes) == 3
        y.mul_(2)
    assert [(n["op"], n["inplace"]) for n in tape.recording.nodes] == [
        (None, False), ("mul", False), ("add", True), ("mul", True),
    ]  # fmt: skip


def test_a_record_lets_go_of_its_copies_when_it_is_dropped() -> None:
    """By reference counting alone: a training loop that records each step must not wait for the collector."""

    def step() -> Any:
        with torch.record() as tape:
            net(torch.randn(4, 6)).sum().backward()
        return weakref.ref(tape)

    net = network()
    gc.collect()
    gc.disable()
    try:
        assert step()() is None
    finally:
        gc.enable()


def test_gradients_after_a_pass_inside_a_pass_are_those_of_then() -> None:
    """A pass without hooks may be recorded without copies; one around it in which hooks write may not."""
    from gradviz.utils.checkpoint import checkpoint

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record() as tape:
        y = x * 3
        y.register_hook(lambda g: g.mul_(10.0))
        checkpoint(torch.sin, y, use_reentrant=True).sum().backward()
    sent = [m for s in tape.steps if s["kind"] == "backward" for m in s["messages"]]
    product = next(m for m in sent if tape.nodes[m["to"]]["op"] == "mul")["product"]["data"]
    assert product == pytest.approx([float(v) for v in torch.cos(y).detach()])


def test_a_line_inside_modules_is_the_line_that_called_them() -> None:
    net = torch.nn.Sequential(network(), torch.nn.ReLU())
    net[1].register_forward_hook(lambda module, given, made: made * 2)
    with torch.record() as tape:
        out = net(torch.randn(4, 6))
        out.sum()
    lines = {node["line"]["text"] for node in tape.recording.nodes if node["op"] in ("addmm", "relu")}
    assert lines == {"out = net(torch.randn(4, 6))"}
    assert next(n for n in tape.recording.nodes if n["op"] == "mul")["line"]["text"].startswith("net[1].register")


VIEWS: dict[str, Callable[[Any], Any]] = {
    "t": lambda x: x.t(),
    "mT": lambda x: x.mT,
    "transpose": lambda x: x.transpose(0, 1),
    "permute": lambda x: x.view(2, 4, 12).permute(2, 0, 1),
    "movedim": lambda x: x.view(2, 4, 12).movedim(0, -1),
    "reshape": lambda x: x.t().unsqueeze(0).reshape(1, 12, 8),
    "flatten": lambda x: x.flatten(),
    "unflatten": lambda x: x.unflatten(1, (3, -1)),
    "squeeze": lambda x: x.unsqueeze(1).squeeze(1),
    "expand": lambda x: x[None].expand(1, 8, 12),
    "narrow": lambda x: x.narrow(1, 0, 12),
    "slice": lambda x: x[:, ::1],
    "select": lambda x: x.unsqueeze(0)[0],
    "unfold": lambda x: x.unfold(1, 12, 1),
    "split": lambda x: x.split(8)[0],
    "unbind": lambda x: x.unsqueeze(0).unbind(0)[0],
    "detach": lambda x: x.detach(),
    "as_strided": lambda x: x.as_strided((12, 8), (8, 1)),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("thumbnails", [False, True])
def test_views_look_as_they_did_then(view: Callable[[Any], Any], thumbnails: bool) -> None:
    """A view of all that its input holds is seen in the copy of that, whatever is written into the memory later."""
    seen = []
    for look in (True, False):
        x = torch.arange(96.0).reshape(8, 12)
        with torch.record(thumbnails=thumbnails) as tape:
            y = x * 2
            if look:
                tape.recording.to_json()
            made = view(y)
            if look:
                tape.recording.to_json()
            y.numpy().fill(7.0)
        seen.append(tape.recording.nodes)
        last = seen[-1][-1]["value"]
        assert last["shape"] == list(made.shape)
        assert last["max"] == 190.0
        assert ("thumb" in last) == thumbnails
    assert seen[0] == seen[1]


def test_a_view_of_a_view_of_a_view_is_as_deep_as_one_likes() -> None:
    x = torch.arange(96.0).reshape(8, 12)
    with torch.record(thumbnails=True) as tape:
        for _ in range(3000):
            x = x.t()
    first, last = (tape.recording.nodes[n]["value"] for n in (0, -1))
    assert last == first
    assert len(tape.recording.nodes) == 3001


def test_lines_are_right_when_there_are_more_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whence, "MANY", 2)
    whence.lines.clear()
    x = torch.ones(2)
    for _ in range(2):
        with torch.record() as tape:
            a = x * 2
            b = a + 1
            c = b.exp()
            c.sum()
        texts = [node["line"]["text"] for node in tape.recording.nodes if node["kind"] == "op"]
        assert texts == ["a = x * 2", "b = a + 1", "c = b.exp()", "c.sum()"]
    assert len(whence.lines) <= 2


def test_settings_are_told_as_they_were_however_many_there_have_been(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_nodes, "MANY", 2)
    x = torch.ones(2, 3, 4)
    dims: list[Any] = [(0, 1), [0, 1], (1, 2), (0,), [2], (0, 1)]
    with torch.record() as tape:
        for dim in dims:
            x.sum(dim)
            if isinstance(dim, list):
                dim.append(5)
    said = [node["settings"]["dim"] for node in tape.recording.nodes if node["op"] == "sum"]
    assert said == [[0, 1], [0, 1], [1, 2], [0], [2], [0, 1]]
