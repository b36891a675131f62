"""add_graph: the boxes, parameters, inputs and outputs are torch's; what is in the boxes is gradviz's graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradviz

pytest.importorskip("tensorboard")

from gradviz.utils.tensorboard import SummaryWriter
from tests.strict_device import strict
from tests.utils.test_tensorboard import real


def net(t: Any) -> Any:
    class Net(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = t.nn.Sequential(t.nn.Conv2d(1, 2, 3), t.nn.ReLU(), t.nn.BatchNorm2d(2))
            self.act = t.nn.Tanh()
            self.fc = t.nn.Linear(2, 3)
            self.scale = t.nn.Parameter(t.ones(3))

        def forward(self, x: Any, y: Any) -> Any:
            h = self.features(x).mean((2, 3))
            h = self.act(self.act(h))
            return self.fc(h) * self.scale + y, h

    return Net()


MODELS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "layers": (
        lambda t: t.nn.Sequential(t.nn.Linear(4, 8), t.nn.ReLU(), t.nn.Linear(8, 2)),
        lambda t: t.rand(1, 4),
    ),
    "own module": (net, lambda t: (t.rand(2, 1, 8, 8), t.rand(3))),
    "one layer": (lambda t: t.nn.Linear(2, 1), lambda t: [t.rand(3, 2)]),
}


def nodes(folder: Path) -> dict[str, Any]:
    """The nodes as TensorBoard reads them; no two have one name."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder))
    log.Reload()
    assert log.Tags()["graph"]
    assert log.RunMetadata("step1") is not None
    found = {node.name: node for node in log.Graph().node}
    assert len(found) == len(log.Graph().node)
    return found


def shape(node: Any) -> list[int]:
    return [dim.size for dim in node.attr["_output_shapes"].list.shape[0].dim]


def boxes(found: dict[str, Any]) -> set[str]:
    return {name.rpartition("/")[0] for name in found if "[" in name}


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", MODELS)
def test_the_boxes_and_ends_are_those_of_torch(name: str, tmp_path: Path) -> None:
    theirs, torch = real(), pytest.importorskip("torch")
    model, given = MODELS[name]
    for t, writer, folder in ((torch, theirs.SummaryWriter, "torch"), (gradviz, SummaryWriter, "gradviz")):
        with writer(str(tmp_path / folder)) as w:
            w.add_graph(model(t), given(t))
    expected, found = nodes(tmp_path / "torch"), nodes(tmp_path / "gradviz")
    assert boxes(found) == boxes(expected)
    for kind in ("input", "output"):
        ends = [[(n.op, shape(n)) for n in all.values() if n.name.startswith(f"{kind}/")] for all in (expected, found)]
        assert ends[0] == ends[1]
    assert list(found)[: list(found).index("output/output.1") + 1] == [
        name if "." in name and name.startswith("output") else name.partition(".")[0]
        for name in list(expected)[: list(expected).index("output/output.1") + 1]
    ]


def test_every_arrow_has_both_ends_and_names_are_unique(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(net(gradviz), (gradviz.rand(2, 1, 8, 8), gradviz.rand(3)))
    found = nodes(tmp_path)
    assert {name for node in found.values() for name in node.input} <= set(found)
    add = found["Net/add"]
    assert list(add.input) == ["Net/mul", "input/y"]
    assert (add.op, shape(add)) == ("add", [2, 3])
    assert list(found["Net/Linear[fc]/addmm"].input) == [
        "Net/Linear[fc]/bias/bias",
        "Net/Tanh[act]/tanh_2",
        "Net/Linear[fc]/t",
    ]
    assert b"stride: [1, 1]" in found["Net/Sequential[features]/Conv2d[0]/conv2d"].attr["attr"].s
    assert list(found["output/output.1"].input) == ["Net/tuple"]
    assert list(found["Net/tuple"].input) == ["Net/add", "Net/Tanh[act]/tanh_2"]


def test_the_model_is_run_in_evaluation_mode_and_left_as_it_was(tmp_path: Path) -> None:
    model = gradviz.nn.Sequential(gradviz.nn.BatchNorm1d(3), gradviz.nn.Dropout())
    model[1].eval()
    before = model[0].running_mean.clone()
    state = gradviz.get_rng_state()
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(model, gradviz.ones(4, 3) * 5)
    assert [m.training for m in model.modules()] == [True, True, False]
    assert gradviz.equal(model[0].running_mean, before)
    assert gradviz.equal(gradviz.get_rng_state(), state)
    assert "Sequential/BatchNorm1d[0]/running_mean/running_mean" in nodes(tmp_path)


def test_a_model_on_another_device(tmp_path: Path) -> None:
    strict()
    model, given = net(gradviz), (gradviz.rand(2, 1, 8, 8), gradviz.rand(3))
    found = []
    for device in ("cpu", "strict"):
        with SummaryWriter(tmp_path / device) as writer:
            writer.add_graph(model.to(device), tuple(x.to(device) for x in given))
        found.append(nodes(tmp_path / device))
    assert found[0] == found[1]


class Out(gradviz.nn.Module):
    def __init__(self, give: Callable[[Any], Any]) -> None:
        super().__init__()
        self.give = give

    def forward(self, x: Any) -> Any:
        return self.give(x)


OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "a list": lambda x: [x + 1, x],
    "a dict": lambda x: {"a": x * 2, "b": {"c": x}},
    "the input": lambda x: x,
    "a dict's part": lambda x: (x["k"] if isinstance(x, dict) else x) + 1,
    "written in place": lambda x: x.clone().add_(1).mul_(2),
    "fan-out": lambda x: x * x + x,
    "no grad": lambda x: x.detach() + 1,
    "a number inside": lambda x: x + gradviz.ones(2) * 3,
}


def loop(x: Any) -> Any:
    add = gradviz.ones(2)
    for _ in range(3):
        step = gradviz.rand(2)
        x = x + step * add
    return x


OUTPUTS["constants of one name"] = loop


@pytest.mark.parametrize("name", OUTPUTS)
def test_other_models(name: str, tmp_path: Path) -> None:
    given = gradviz.rand(2)
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(Out(OUTPUTS[name]), {"k": given} if "part" in name else given, use_strict_trace=False)
    found = nodes(tmp_path)
    assert {n for node in found.values() for n in node.input} <= set(found)
    assert [n for n in found if n.startswith("input/")] == ["input/x.k" if "part" in name else "input/x"]
    assert found["output/output.1"].input


CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "a list": lambda x: [x + 1, x],
    "a dict": lambda x: {"a": x * 2},
    "a list inside": lambda x: (x, [x + 1]),
    "a dict inside": lambda x: (x, {"a": x + 1}),
    "a tuple": lambda x: (x, (x + 1, x * 2)),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_that_may_change_are_told_as_by_torch(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, torch = real(), pytest.importorskip("torch")

    class Theirs(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return CONTAINERS[name](x)

    told = []
    for writer, model, given in (
        (theirs.SummaryWriter, Theirs(), torch.ones(2)),
        (SummaryWriter, Out(CONTAINERS[name]), gradviz.ones(2)),
    ):
        with warnings.catch_warnings(record=True) as warned, writer(str(tmp_path / type(model).__name__)) as w:
            warnings.simplefilter("always")
            error = None
            try:
                w.add_graph(model, given)
            except RuntimeError as raised:
                error = str(raised)
        said = {str(one.message) for one in warned if "output of the tracer" in str(one.message)}
        told.append((error, said, capsys.readouterr().out))
    assert told[0] == told[1]
    assert (told[1][0] is None) == ("dict" not in name)


def test_a_model_that_fails_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = gradviz.nn.Linear(2, 3)
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            writer.add_graph(model, gradviz.ones(4, 5))
        with pytest.raises(TypeError, match="input_to_model"):
            writer.add_graph(model)
    assert "No graph saved" in capsys.readouterr().out
    assert model.training


def test_verbose_prints_the_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(gradviz.nn.Linear(2, 3), gradviz.ones(4, 2), verbose=True)
    assert "Linear/addmm = addmm(Linear/bias/bias, input/input, Linear/t)" in capsys.readouterr().out
