"""ErrorGraph: every classic mistake, told by the node and the line; and the learner's session is as it was."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn as nn
from gradviz.widgets.errors.error_graph import ErrorGraph
from tests.growth import growth
from tests.widgets import error_programs as P

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


def marked(view: ErrorGraph, kind: str) -> list[str]:
    return [n["label"] for n in view.record["nodes"] if (n.get("badge") or {}).get("kind") == kind]


def badge(view: ErrorGraph, label: str) -> str:
    return next(n["badge"]["text"] for n in view.record["nodes"] if n["label"] == label and n.get("badge"))


def places(view: ErrorGraph) -> dict[str, str]:
    return {place["role"]: place["text"] for place in view.said["places"]}


def whole(view: ErrorGraph) -> None:
    """What every picture must be."""
    assert view.to_svg().startswith("<svg")
    assert len(view.to_html()) < 120_000
    text = view.to_text()
    assert view.said["headline"] in text
    assert all(place["text"] in text for place in view.said["places"])
    assert view.to_json()["cause"] == view.said["cause"]


@pytest.mark.parametrize("name", P.INPLACE)
def test_written_over(name: str) -> None:
    program, user, kept, line, before, after = P.INPLACE[name]
    view = ErrorGraph(program)
    whole(view)
    assert view.said["cause"] == "inplace"
    assert view.said["headline"].startswith(f"{user} keeps {kept} for its gradient")
    assert user in marked(view, "stop")
    assert places(view)["overwritten here"] == line
    assert f"Version {before} of it was kept; in memory is version {after}." in view.said["facts"]
    (write,) = [n for n in view.record["nodes"] if (n.get("badge") or {}).get("kind") == "bad"]
    assert write["line"]["text"] == line
    assert write["inplace"]
    assert f"version {before} became {before + 1}" in write["badge"]["text"]


def test_written_over_by_an_optimizer() -> None:
    view = ErrorGraph(P.by_the_optimizer)
    whole(view)
    assert "keeps w for its gradient" in view.said["headline"]
    assert places(view)["overwritten here"] == "step()"
    assert marked(view, "bad") == ["w"]
    assert "step after every backward" in view.said["fix"]


@pytest.mark.parametrize("name", P.FREED)
def test_freed(name: str) -> None:
    program, line, lost, what = P.FREED[name]
    view = ErrorGraph(program)
    whole(view)
    assert view.said["cause"] == "freed"
    assert places(view)["freed here"] == line
    assert lost in [*marked(view, "bad"), *marked(view, "removed")]
    assert what in badge(view, lost)
    assert len(marked(view, "bad")) == 1


def test_the_fix_is_for_the_case() -> None:
    assert ErrorGraph(P.hidden_state).said["right"] == "state = state.detach()"
    assert ErrorGraph(P.same_loss_twice).said["right"] == "loss.backward(retain_graph=True)"

    def run() -> None:
        net = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid(), nn.ReLU(inplace=True))
        net(P.vector()).sum().backward()

    assert ErrorGraph(run).said["fix"] == "The write is done by 2 (ReLU): make it with inplace=False."


@pytest.mark.parametrize("name", P.SHAPES)
def test_shapes(name: str) -> None:
    call, brief, shapes = P.SHAPES[name]
    view = ErrorGraph(call)
    whole(view)
    assert view.said["cause"] == "shape"
    failed = view.record["nodes"][view.centre]
    assert failed["texts"]["value"] == f"✗ {brief}"
    assert [given["note"] for given in failed["inputs"]] == shapes
    shown = next(n for n in view.scenes[0]["nodes"] if n["n"] == view.centre)
    assert (shown["value"], shown["badge"]["kind"]) == (f"✗ {brief}", "bad")
    for given in failed["inputs"]:
        bare = given["note"].replace("[", "").replace("]", "")
        shape = view.record["nodes"][given["n"]]["shape"]
        assert bare == ("×".join(map(str, shape)) or "()"), given["slot"]
    assert view.said["fix"]


@pytest.mark.parametrize("name", P.REFUSED)
def test_other_refused_calls(name: str) -> None:
    call, op = P.REFUSED[name]
    view = ErrorGraph(call)
    whole(view)
    assert view.said["cause"] in ("refused", "leaf")
    assert view.record["nodes"][view.centre]["op"] == op
    assert view.said["error"].partition(": ")[2][:40] in view.said["headline"]


def test_a_mismatch_inside_a_module_says_where() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(100, 10))

        def forward(self, x: Any) -> Any:
            return self.head(self.conv(x))

    net = Net().eval()
    view = ErrorGraph(net, torch.ones(2, 1, 8, 8))
    whole(view)
    failed = view.record["nodes"][view.centre]
    assert (failed["path"], failed["module"], failed["op"]) == ("head.2", "Linear", "linear")
    labels = [n["label"] for n in view.record["nodes"]]
    assert {"conv.weight", "conv.bias", "head.2.weight", "head.2.bias", "conv2d", "relu"} <= set(labels)
    assert "144 features" in view.said["headline"]
    assert "in head.2 (Linear)" in view.said["places"][0]["role"]
    assert not net.training


def test_a_model_made_in_the_block_is_shown_by_its_parameters() -> None:
    def run() -> Any:
        net = nn.Linear(3, 2)
        return net(torch.ones(1, 4))

    kinds = [(n["kind"], n["label"]) for n in ErrorGraph(run).record["nodes"]]
    assert ("leaf", "weight") in kinds
    assert not any("uniform" in label for _, label in kinds)


@pytest.mark.parametrize("name", P.CUT)
def test_the_cut_leaf(name: str) -> None:
    program, how, before, line = P.CUT[name]
    w = P.vector()
    with ErrorGraph(leaves={"w": w}, show=False) as view:
        loss = program(w)
    whole(view)
    assert view.said["cause"] == "detached"
    assert f"{how} cuts the way at {before}." in view.said["headline"]
    assert places(view)["cut here"] == line
    assert len(marked(view, "bad")) == 1
    assert "w" in [*marked(view, "stop")]
    (note,) = {i["note"] for n in view.record["nodes"] for i in n["inputs"] if i.get("note")}
    assert how in note
    if loss.requires_grad:
        loss.backward()
        assert w.grad is None


def test_backward_of_something_cut_off() -> None:
    def run() -> Any:
        w = P.vector()
        P.by_detach(w).backward()

    view = ErrorGraph(run)
    whole(view)
    assert view.said["cause"] == "no_graph"
    assert "does not require grad. No gradient gets from" in view.said["headline"]
    assert places(view)["cut here"] == "d = h.detach()"
    assert "backward fails" in places(view)


def test_leaves_that_get_none_for_other_reasons() -> None:
    w, unused, frozen = P.vector(), P.vector(), torch.ones(3)
    scaled = w * 2
    loss = (scaled * frozen).sum()
    assert "is not a leaf" in ErrorGraph(loss, leaves=[scaled]).said["headline"]
    assert "does not ask for a gradient" in ErrorGraph(loss, leaves=[frozen]).said["headline"]
    assert "was computed without unused" in ErrorGraph(loss, leaves=[unused]).said["headline"]
    assert ErrorGraph(loss, leaves=[w]).said["cause"] == "fine"
    assert "nothing it was computed from" in ErrorGraph(lambda: (frozen * 2).sum().backward()).said["headline"]
    assert w.grad is None


def test_an_intended_detach_is_no_mistake() -> None:
    w, v = P.vector(), P.vector()

    def run() -> Any:
        target = (v * 2).detach()
        return ((w - target) ** 2).sum()

    assert ErrorGraph(run).said["cause"] == "fine"
    assert ErrorGraph(run, leaves={"v": v}).said["cause"] == "detached"


@pytest.mark.parametrize("name", P.NONFINITE)
def test_the_first_nan_or_infinity(name: str) -> None:
    program, node, kind, forward, given = P.NONFINITE[name]
    view = ErrorGraph(program)
    whole(view)
    assert view.said["cause"] == "nonfinite"
    assert marked(view, "bad") == [node]
    assert kind in view.said["headline"]
    assert ("going back" in view.said["headline"]) is not forward
    assert given in view.to_text()
    if forward:
        wrong = {n["label"] for n in view.record["nodes"] if n["value"]["nan"] or n["value"]["inf"]}
        assert {node, *marked(view, "changed")} == wrong
    else:
        assert "x" in marked(view, "changed")


def test_what_does_not_reach_the_result_is_not_blamed() -> None:
    def run() -> Any:
        x = P.vector(-1.0, 4.0)
        torch.log(x)  # looked at, and not used
        return (x * x).sum()

    assert ErrorGraph(run).said["cause"] == "fine"


def test_anomaly_mode() -> None:
    def run() -> Any:
        x = P.vector(0.0, 4.0)
        with torch.autograd.set_detect_anomaly(True):
            y = torch.sqrt(x) * torch.tensor([0.0, 1.0])
            y.sum().backward()

    with pytest.warns(UserWarning, match="Error detected in SqrtBackward0"), np.errstate(all="ignore"):
        view = ErrorGraph(run)
    whole(view)
    assert view.said["error"].startswith("RuntimeError: Function 'SqrtBackward0' returned nan")
    assert view.said["cause"] == "anomaly"
    assert marked(view, "bad") == ["sqrt"]
    assert "0 × inf is no number" in view.said["headline"]
    assert "0 arrived at sqrt at [0]; x = 0." in view.said["facts"]


def test_backward_of_many() -> None:
    def run() -> Any:
        y = P.vector() * 2
        y.backward()

    view = ErrorGraph(run)
    whole(view)
    assert "y has shape (3,)" in view.said["headline"]
    assert marked(view, "bad") == ["y"]


def test_an_unknown_error_still_gets_the_graph() -> None:
    def run() -> Any:
        y = P.vector() * 2
        settings: dict[str, float] = {}
        return y * settings["scale"]

    view = ErrorGraph(run)
    whole(view)
    assert view.said["cause"] == "unknown"
    assert view.said["error"] == "KeyError: 'scale'"
    assert places(view)["raised here"] == 'return y * settings["scale"]'
    assert marked(view, "stop") == ["y"]


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.size = 5
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g.sum().repeat(ctx.size)


def test_an_unknown_error_on_the_way_back_names_the_step() -> None:
    def run() -> None:
        y = Wrong.apply(P.vector())
        y.sum().backward()

    view = ErrorGraph(run)
    whole(view)
    assert "returned an invalid gradient at index 0 - got [5]" in view.said["headline"]
    assert marked(view, "bad") == ["y"]
    assert places(view)["the step back of y"] == "y = Wrong.apply(P.vector())"


def test_gradients_that_went_wrong_in_the_block() -> None:
    x = P.vector(0.0, 4.0)
    with ErrorGraph(show=False) as view:
        y = torch.sqrt(x)
        loss = y.sum()
        loss.backward()
    assert view.said["cause"] == "nonfinite"
    assert marked(view, "bad") == ["y"]
    assert x.grad.tolist() == [float("inf"), 0.25]  # what the block itself did stays


def test_an_error_before_anything_ran() -> None:
    def run() -> Any:
        raise ValueError(HOSTILE)

    view = ErrorGraph(run)
    whole(view)
    assert view.record["nodes"] == []
    assert "<img" not in view.to_svg()


def test_nothing_went_wrong() -> None:
    w = P.vector()
    view = ErrorGraph(lambda: (w * w).sum())
    whole(view)
    assert view.said["cause"] == "fine"
    assert w.grad is None


# -- the ways to make one ---------------------------------------------------------------------------------------------
def test_the_block_lets_the_error_pass() -> None:
    view = ErrorGraph()
    with pytest.raises(RuntimeError, match="must match the size"), view:
        P.W + torch.ones(3)
    assert view.said["cause"] == "shape"


def test_the_block_swallows_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with ErrorGraph(show=True) as view:
        P.W + torch.ones(3)
    assert view.to_text() in capsys.readouterr().out
    with pytest.raises(KeyboardInterrupt), ErrorGraph(show=True):
        raise KeyboardInterrupt
    with pytest.raises(RuntimeError, match="nothing has run yet"):
        ErrorGraph().to_svg()


def test_a_loss() -> None:
    w = P.vector()
    w.grad = torch.ones(3)
    y = w * 2
    bad = (y * y).sum() + (w * 3).sum()
    y += 1
    for _ in range(2):  # trying did not change anything
        view = ErrorGraph(bad)
        assert view.said["cause"] == "inplace"
        assert places(view)["overwritten here"] == "y += 1"
        assert w.grad.tolist() == [1.0, 1.0, 1.0]
    good = (w * w).sum()
    assert ErrorGraph(good).said["cause"] == "fine"
    good.backward()
    assert w.grad.tolist() == [3.0, 5.0, 7.0]
    assert ErrorGraph(good).said["cause"] == "freed"
    assert w.grad.tolist() == [3.0, 5.0, 7.0]


def test_a_tape_and_its_error() -> None:
    w = P.vector()
    with pytest.raises(RuntimeError) as error, torch.record() as tape:
        (w * torch.ones(4)).sum()
    assert ErrorGraph(tape).said["cause"] == "unknown"  # the error itself is gone: only its text is known
    try:
        raise error.value
    except RuntimeError:
        view = ErrorGraph(tape)
    assert view.said["cause"] == "shape"
    whole(view)
    assert len(tape.recording.nodes) == len(ErrorGraph(tape).record["nodes"])


def test_sources_it_does_not_take() -> None:
    with pytest.raises(TypeError, match="got int"):
        ErrorGraph(3)
    with pytest.raises(TypeError, match="leaves must be tensors, got str"):
        ErrorGraph(lambda: P.W.sum(), leaves=["w"])
    real = pytest.importorskip("torch")
    for source in (real.ones(1), lambda: real.ones(1), lambda: (real.ones(1), 2)):
        with pytest.raises(TypeError, match="got a tensor of PyTorch"):
            ErrorGraph(source)


def test_leaves_in_every_form() -> None:
    net = nn.Linear(3, 1)
    loss = (net(torch.ones(1, 3)).detach() * P.vector(1.0)).sum()
    for leaves in (net.parameters(), net.named_parameters(), list(net.parameters()), dict(net.named_parameters())):
        assert ErrorGraph(loss, leaves=leaves).said["cause"] == "detached"
    assert "without weight" in ErrorGraph(loss, leaves=net.named_parameters()).said["headline"]


def test_a_long_loop_in_the_block() -> None:
    def refused(n: int) -> ErrorGraph:
        w = P.vector()
        with ErrorGraph(show=True) as view:
            for i in range(n):
                loss = ((w * i).sin() ** 2).sum()
            loss + torch.ones(2, 2) @ torch.ones(3)
        return view

    view = refused(1000)
    assert growth(refused, 100, 1000) < 30
    assert view.said["cause"] == "shape"
    assert len(view.to_html()) < 300_000
    assert any("nearest" in fact for fact in view.said["facts"])


def test_nothing_is_held() -> None:
    import gc
    import weakref

    def run() -> Any:
        big = torch.ones(3, requires_grad=True) * 2
        alive.append(weakref.ref(big))
        return big + torch.ones(4)

    alive: list[Any] = []
    view = ErrorGraph(run)
    view.error = None  # the traceback holds its frames, as Python's own does
    gc.collect()
    assert alive[0]() is None


def test_hostile_names() -> None:
    w = P.vector()
    with ErrorGraph(leaves={HOSTILE: w}, title=HOSTILE, show=False) as view:
        view.kept = P.by_detach(w)  # type: ignore[attr-defined]
    assert view.said["cause"] == "detached"
    for page in (view.to_svg(), view.to_html()):
        assert "<img src=x" not in page
        assert "\u202e" not in page
    assert len(view.to_html()) < 120_000


def test_a_large_program_is_shown_by_its_part_that_matters() -> None:
    def run() -> Any:
        x = P.vector()
        for _ in range(400):
            x = torch.tanh(x * 1.01)
        return x + torch.ones(4)

    view = ErrorGraph(run)
    assert "the 18 nearest of" in view.to_svg()
    assert len(view.to_html()) < 330_000
    assert view.record["nodes"][view.centre]["op"] == "add"


PROGRAM = """
import hashlib, sys
from gradviz.widgets.errors.error_graph import ErrorGraph
from tests.widgets import error_programs as P
views = [ErrorGraph(p) for p in (P.add_in_place, P.shared_part, P.SHAPES["conv1d"][0], P.softmax_by_hand)]
print([hashlib.sha256((v.to_html() + repr(v)).encode()).hexdigest() for v in views])
"""


def test_bytes_are_the_same_in_every_process() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(seen) == 1


def test_dark_and_light_have_the_same_words() -> None:
    view = ErrorGraph(P.add_in_place)
    texts = [re.findall(r">([^<>]+)</text>", view.to_svg(theme=theme)) for theme in ("light", "dark")]
    assert texts[0] == texts[1]
