"""`SignalPropagation`: every number is that of the network's own tensors; the grid, and the kernel's answers."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.history import signal_propagation
from gradviz.widgets.history.signal_propagation import SignalPropagation, verdict
from gradviz.widgets.history.signal_runs import Layer, Signals, measured, packed, signals_of
from gradviz.widgets.live import on_main_thread

Pair = tuple[list[Any], list[Any]]


def deep(activation: Any, depth: int, gain: float, width: int = 16) -> Pair:
    """A deep network as lesson 14 builds it."""
    torch.manual_seed(0)
    h = torch.randn(64, width, requires_grad=True)
    outputs = []
    for _ in range(depth):
        h = activation(h @ (torch.randn(width, width) * gain / math.sqrt(width)))
        h.retain_grad()
        outputs.append(h)
    (h * torch.randn(64, width)).sum().backward()
    return [o.detach() for o in outputs], [o.grad for o in outputs]


def relu(depth: int, gain: float) -> Pair:
    return deep(torch.relu, depth, gain)


def tanh(depth: int, gain: float) -> Pair:
    return deep(torch.tanh, depth, gain)


def made(**more: Any) -> SignalPropagation:
    return SignalPropagation(
        {"relu": relu, "tanh": tanh}, **{"depths": (2, 5, 9), "gains": (0.5, 1.0, 2.0), "depth": 5, **more}
    )


def test_every_number_is_that_of_the_tensors() -> None:
    view = made()
    for i, run in enumerate((relu, tanh)):
        for a, depth in enumerate((2, 5, 9)):
            for b, gain in enumerate((0.5, 1.0, 2.0)):
                got = view.grid[i][a][b]
                for layers, tensors in zip(got, run(depth, gain), strict=True):
                    assert len(layers) == depth
                    for one, tensor in zip(layers, tensors, strict=True):
                        values = np.abs(tensor.numpy().astype(np.float64)).ravel()
                        assert one.rms == pytest.approx(math.sqrt((values**2).mean()), rel=1e-12)
                        assert one.zero == (values == 0).mean()
                        edges = 2.0 ** np.arange(one.first, one.first + len(one.counts) + 1)
                        assert one.counts == np.histogram(values[values > 0], edges)[0].tolist()
                        assert sum(one.counts) == (values > 0).sum()
                assert got.ratio == pytest.approx(got.grads[0].rms / got.grads[-1].rms)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.0], (0, [], 0.0, 1.0, 0.0)),
        ([1.0, -2.0, 0.0, math.nan], (0, [1, 1], math.sqrt(5 / 3), 0.25, 0.25)),
        ([math.inf, math.nan], (0, [], 0.0, 0.0, 1.0)),
        ([4.0, 5.0, 7.9], (2, [3], math.sqrt((16 + 25 + 7.9**2) / 3), 0.0, 0.0)),
        ([1e300, 1e300], (996, [2], 1e300, 0.0, 0.0)),
        ([5e-324], (-1074, [1], 5e-324, 0.0, 0.0)),
    ],
)
def test_edges_of_what_is_measured(values: list[float], expected: tuple[Any, ...]) -> None:
    got = measured(np.array(values))
    assert (got.first, got.counts, got.zero, got.bad) == (expected[0], expected[1], expected[3], expected[4])
    assert got.rms == pytest.approx(expected[2])


def test_heights_are_the_counts_over_the_highest() -> None:
    one = Layer(-3, [1, 0, 350, 700, 35, 3], 1.0, 0.0, 0.0)
    assert one.heights == "-1:iz2"  # 17.5 rounds to the even 18, 1.75 to 2; what would be flat is left out
    xs, ys = zip(*one.hill, strict=True)
    assert ys == (0.0, pytest.approx(18 / 35), 1.0, pytest.approx(2 / 35), 0.0)
    assert xs == pytest.approx([math.log10(2) * (k + 0.5) for k in range(-2, 3)])
    assert Layer(0, [], 0.0, 1.0, 0.0).hill == []


def test_the_verdict() -> None:
    def run(*sizes: float, bad: float = 0.0) -> Signals:
        layers = [Layer(0, [1], size, 0.0, bad) for size in sizes]
        return Signals(layers, layers)

    assert verdict(run(1e-3, 1.0)).startswith("vanishing: times 0.001 ")
    assert verdict(run(100.0, 10.0, 1.0)) == "exploding: times 1e+02 from the last layer to the first, 10 a layer"
    assert verdict(run(0.11, 1.0)).startswith("level")
    assert verdict(run(0.0, 1.0)) == verdict(run(0.0, 0.0)) == "no gradient arrives at the first layer"
    assert verdict(run(1.0, 1.0, bad=0.1)) == "numbers that are not finite"


def test_the_text_says_the_layers_and_the_grid() -> None:
    view = made(gain=2.0, net="tanh")
    text = view.to_text()
    assert text.splitlines()[0].startswith("Signals through a deep network: tanh, depth 5, gain 2, ")
    for name in ("relu", "tanh"):
        assert f"Gradient at the first layer / at the last, {name}:" in text
    assert f"{view.grid[0][2][0].ratio:.1e}" in text
    assert view.table()[3][1] == f"{view.now.outputs[2].rms:.4g}"


def test_generators_grad_mode_and_bytes_stay() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state().tolist()
    with torch.no_grad():
        view = made()
    assert torch.get_rng_state().tolist() == before
    assert view.to_html() == made().to_html()
    json.dumps(view.to_json(), allow_nan=False)


def test_a_grid_of_three_nets_and_75_layers_fits_in_an_output() -> None:
    nets = {
        name: (lambda depth, gain, f=f: deep(f, depth, gain))
        for name, f in {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}.items()
    }
    assert len(SignalPropagation(nets).to_html()) < 100_000


# -- the kernel's side ---------------------------------------------------------------------------------------------
def test_the_kernel_answers_with_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    view, told = made(), []
    monkeypatch.setattr(view, "tell", lambda message, buffers=(): told.append(message))
    view.hear({"net": 1, "depth": 7, "gain": 1.3}, [])
    (answer,) = told
    assert answer["run"] == packed(signals_of(tanh, 7, 1.3))
    assert (answer["net"], answer["depth"], answer["gain"]) == (1, 7, 1.3)
    for bad in (
        {"net": 5, "depth": 7, "gain": 1.0},
        {"net": 0, "depth": 0, "gain": 1.0},
        {"net": 0, "depth": 1000, "gain": 1.0},
    ):
        with pytest.raises(ValueError, match="no such network"):
            view.hear(bad, [])


def test_an_error_in_the_learners_function_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(depth: int, gain: float) -> Pair:
        if depth == 3:
            raise RuntimeError("too deep")
        return relu(depth, gain)

    view, told = SignalPropagation(fails, depths=(2, 5), gains=(1.0,), depth=2), []
    monkeypatch.setattr(view, "tell", lambda message, buffers=(): told.append(message))
    view.hear({"net": 0, "depth": 3, "gain": 1.0}, [])
    assert told[0]["failed"] == "RuntimeError: too deep"


def test_a_network_is_never_run_beside_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a thread of JupyterLab's the work is left to the main loop, which does it between two cells."""
    queue: list[Any] = []

    class Shell:
        class kernel:
            class io_loop:
                add_callback = staticmethod(queue.append)

    import IPython

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    done: list[str] = []
    thread = threading.Thread(target=on_main_thread, args=(lambda: done.append("now"),))
    thread.start()
    thread.join()
    assert (done, len(queue)) == ([], 1)
    queue[0]()
    on_main_thread(lambda: done.append("at once"))
    assert done == ["now", "at once"]


# -- what is refused -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"nets": 3}, TypeError, "takes a function"),
        ({"nets": {}}, TypeError, "takes a function"),
        ({"nets": {str(i): relu for i in range(7)}}, TypeError, "up to 6"),
        ({"nets": lambda depth, gain: None}, TypeError, "must return two lists"),
        ({"nets": lambda depth, gain: ([], [])}, ValueError, "from 1 to 200"),
        ({"nets": lambda depth, gain: ([torch.ones(2)], [None])}, ValueError, "layer 1 has no gradient"),
        ({"nets": lambda depth, gain: (["a"], ["b"])}, TypeError, "real numbers"),
        ({"depth": 7}, ValueError, "depth=7 is not among"),
        ({"gain": 3.0}, ValueError, "gain=3.0 is not among"),
        ({"depths": (5, 2)}, ValueError, "ascending"),
        ({"depths": (2.5, 5)}, ValueError, "whole"),
        ({"gains": (0.0, 1.0)}, ValueError, "above 0"),
        ({"gains": 3}, TypeError, "list of numbers"),
        ({"net": "elu"}, KeyError, "no net 'elu'"),
    ],
)
def test_bad_input(given: dict[str, Any], error: type[Exception], words: str) -> None:
    options = {"nets": {"relu": relu}, "depths": (2, 5), "gains": (1.0, 2.0), "depth": 5, **given}
    with pytest.raises(error, match=words):
        SignalPropagation(options.pop("nets"), **options)


def test_a_grid_that_is_too_large_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_propagation, "BYTES", 1000)
    with pytest.raises(ValueError, match="Take fewer or smaller depths"):
        made()


def test_names_are_text() -> None:
    name = '"><script>alert(1)</script>\u202e\n' + "x" * 10_000
    view = SignalPropagation({name: relu}, depths=(2,), gains=(1.0,), depth=2, title=name)
    assert "<script>alert" not in view.to_svg()
    assert "\u202e" not in view.to_text()
    assert len(view.to_html()) < 60_000


def test_dead_and_broken_layers_are_drawn() -> None:
    def dead(depth: int, gain: float) -> Pair:
        return deep(lambda z: torch.relu(z - 50), depth, gain)

    def broken(depth: int, gain: float) -> Pair:
        return deep(lambda z: torch.exp(z * 300), depth, gain)

    with np.errstate(all="ignore"):
        view = SignalPropagation({"dead": dead, "broken": broken}, depths=(4,), gains=(1.0,), depth=4)
    assert "no gradient arrives" in view.to_text()
    assert view.to_svg().count(">all 0<") == 7  # the last layer's gradient is the loss's own
    assert verdict(view.grid[1][0][0]) == "numbers that are not finite"
    json.dumps(view.data(), allow_nan=False)
