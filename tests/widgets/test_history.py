"""`watch`: every number is NumPy's, the run is the same as unwatched, memory stays bounded, nothing is kept alive."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.core import events
from gradviz.optim import step_hooks
from gradviz.widgets.history.history import History, snapshot, watch
from gradviz.widgets.history.history_data import KEPT_HISTOGRAMS

nn = torch.nn


class Net(nn.Module):
    """A module for the first activation, a function for the second."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2, self.out = nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 6), nn.Linear(6, 3)

    def forward(self, x: Any) -> Any:
        return self.out(F.relu(self.fc2(self.act(self.fc1(x)))))


def batches(count: int, seed: int = 1) -> list[tuple[Any, Any]]:
    torch.manual_seed(seed)
    return [(torch.randn(16, 4), torch.randint(0, 3, (16,))) for _ in range(count)]


def made(seed: int = 0) -> tuple[Net, Any]:
    torch.manual_seed(seed)
    net = Net()
    return net, torch.optim.Adam(net.parameters(), lr=0.01)


def train(net: Any, optimizer: Any, steps: int) -> None:
    for x, y in batches(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


def arrays(net: Any) -> dict[str, Any]:
    return {name: p.detach().numpy().astype(np.float64) for name, p in net.named_parameters()}


def close(a: Any, b: Any) -> bool:
    return bool(a == pytest.approx(b, rel=1e-12, abs=1e-300))


def test_every_number_is_numpys() -> None:
    net, optimizer = made()
    known: list[dict[str, dict[str, float]]] = []
    with watch(net, optimizer) as history:
        for x, y in batches(5):
            before = arrays(net)
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            grads = {name: p.grad.numpy().astype(np.float64) for name, p in net.named_parameters()}
            optimizer.step()
            after = arrays(net)
            known.append(
                {
                    name: {
                        "grad_norm": np.linalg.norm(grads[name]),
                        "grad_mean": np.abs(grads[name]).mean(),
                        "grad_zero": np.mean(grads[name] == 0),
                        "weight_norm": np.linalg.norm(before[name]),
                        "update_norm": np.linalg.norm(after[name] - before[name]),
                        "ratio": np.linalg.norm(after[name] - before[name]) / np.linalg.norm(before[name]),
                    }
                    for name in before
                }
            )
    assert history.iterations == [0, 1, 2, 3, 4]
    assert history.parameters == [f"{layer}.{kind}" for layer in ("fc1", "fc2", "out") for kind in ("weight", "bias")]
    for name in history.parameters:
        for quantity in known[0][name]:
            assert close(history.series(name, quantity), [row[name][quantity] for row in known]), (name, quantity)
        assert history.series(name, "grad_nan") == history.series(name, "weight_inf") == [0] * 5


def test_activations_are_numpys_and_named() -> None:
    net, optimizer = made()
    with torch.no_grad():
        net.fc1.weight.mul_(20)
        net.fc2.bias[:2] = -1000
    with watch(net, optimizer) as history:
        x, y = batches(1)[0]
        hidden = np.tanh(x.numpy() @ net.fc1.weight.detach().numpy().T + net.fc1.bias.detach().numpy())
        rectified = np.maximum(0, hidden @ net.fc2.weight.detach().numpy().T + net.fc2.bias.detach().numpy())
        with torch.no_grad():
            net(x * 100)  # nothing is learned from it
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    assert history.activations == ["act", "relu#1"]
    act, relu = (history.rows[0].activations[name] for name in history.activations)
    assert (act["n"], act["units"], relu["n"], relu["units"]) == (128, 8, 96, 6)
    assert act["saturated"] == np.mean(1 - hidden**2 < 0.05)
    assert act["saturated"] > 0.5
    assert relu["saturated"] is None
    assert relu["zero"] == np.mean(rectified == 0)
    assert relu["dead"] == np.mean((rectified == 0).all(axis=0)) >= 2 / 6
    assert relu["mean"] == pytest.approx(rectified.mean(), rel=1e-5)
    assert relu["std"] == pytest.approx(rectified.std(), rel=1e-5)


def test_a_unit_of_a_convolution_is_a_channel() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4, 2))
    with torch.no_grad():
        net[0].bias[1] = -1000
    history = watch(net)
    net(torch.randn(5, 1, 4, 4)).sum().backward()
    history.step()
    history.close()
    (facts,) = history.rows[0].activations.values()
    assert (facts["units"], facts["n"]) == (4, 5 * 4 * 4)
    assert facts["dead"] >= 0.25


def test_a_module_called_twice_counts_together() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.act = nn.Linear(2, 3), nn.Linear(3, 5), nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.act(self.b(self.act(self.a(x))))

    net, x = Twice(), torch.randn(7, 2)
    history = watch(net)
    first = np.maximum(0, net.a(x).detach().numpy())
    second = np.maximum(0, net.b(torch.tensor(first)).detach().numpy())
    net(x).sum().backward()
    history.step()
    facts = history.rows[0].activations["act"]
    both = np.concatenate([first.ravel(), second.ravel()]).astype(np.float64)
    assert (facts["n"], facts["units"]) == (56, 8)
    assert facts["mean"] == pytest.approx(both.mean(), rel=1e-6)
    assert facts["std"] == pytest.approx(both.std(), rel=1e-6)
    assert facts["dead"] == ((first == 0).all(0).sum() + (second == 0).all(0).sum()) / 8
    history.close()


@pytest.mark.parametrize("options", [{}, {"histograms": True}, {"every": 2, "keep": 3}, {"activations": False}])
def test_the_run_is_the_same(options: dict[str, Any]) -> None:
    nets = []
    for watched in (False, True):
        net, optimizer = made()
        history = watch(net, optimizer, **options) if watched else None
        train(net, optimizer, 12)
        if history is not None:
            history.close()
        nets.append((net, torch.get_rng_state().numpy().tobytes()))
    (plain, random), (seen, random_seen) = nets
    assert random == random_seen
    for a, b in zip(plain.parameters(), seen.parameters(), strict=True):
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()
        assert a.grad.numpy().tobytes() == b.grad.numpy().tobytes()


def test_it_leaves_nothing_behind() -> None:
    net, optimizer = made()
    hooks = len(step_hooks._before_all), len(step_hooks._after_all)
    with watch(net, optimizer, histograms=True) as history:
        train(net, optimizer, 2)
        assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in net.modules())
        assert not optimizer._optimizer_step_pre_hooks
        assert not optimizer._optimizer_step_post_hooks
        assert net.training
    assert not events.watching
    assert (len(step_hooks._before_all), len(step_hooks._after_all)) == hooks
    history.close()
    with pytest.raises(RuntimeError, match="closed"):
        history.step()
    gone = [weakref.ref(net), weakref.ref(net.fc1.weight), weakref.ref(optimizer)]
    del net, optimizer
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    assert len(history) == 2


def test_one_that_is_forgotten_stops_by_itself() -> None:
    net, optimizer = made()
    hooks = len(step_hooks._before_all)
    history = watch(net, optimizer)
    assert events.watching
    del history
    gc.collect()
    assert not events.watching
    assert len(step_hooks._before_all) == hooks
    train(net, optimizer, 1)


def test_an_error_in_the_loop_closes_it() -> None:
    net, optimizer = made()
    try:
        with watch(net, optimizer) as history:
            train(net, optimizer, 1)
            raise KeyError("mine")
    except KeyError:
        pass
    assert not events.watching
    assert len(history) == 1


@pytest.mark.parametrize("clear", ["none", "zero", "keep"])
def test_a_loop_by_hand(clear: str) -> None:
    net, _ = made()
    sizes, changes = [], []
    with watch(net) as history:
        for x, y in batches(4):
            before = arrays(net)["fc1.weight"]
            F.cross_entropy(net(x), y).backward()
            sizes.append(np.linalg.norm(net.fc1.weight.grad.numpy().astype(np.float64)))
            with torch.no_grad():
                for p in net.parameters():
                    p -= 0.1 * p.grad
                    if clear == "none":
                        p.grad = None
                    elif clear == "zero":
                        p.grad.zero_()
            changes.append(np.linalg.norm(arrays(net)["fc1.weight"] - before))
            history.step()
    assert close(history.series("fc1.weight", "grad_norm"), sizes)
    assert close(history.series("fc1.weight", "update_norm"), changes)
    assert history.activations == ["act", "relu#1"]


def test_gradients_by_hand() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    v = torch.tensor([3.0], requires_grad=True)
    history = watch({"w": w, "v": v})
    for given in (lambda g: list(g), lambda g: {"w": g[0]}):
        grads = torch.autograd.grad((w * w).sum() * v.sum(), [w, v])
        with torch.no_grad():
            w -= 0.01 * grads[0]
        history.step(given(grads))
    assert history.series("w", "grad_norm")[0] == pytest.approx(np.linalg.norm([6.0, 12.0]))
    assert history.series("v", "grad_norm")[1] is None
    assert history.series("v", "update_norm") == [0, 0]
    with pytest.raises(ValueError, match="1 gradients for 2 parameters"):
        history.step([w])
    with pytest.raises(KeyError, match="'u'"):
        history.step({"u": w})
    history.close()


def test_gradients_are_those_the_step_uses() -> None:
    net, optimizer = made()
    with watch(net, optimizer) as history:
        for part in batches(2):
            for k in range(3):  # three backward passes to a step, then clipped
                F.cross_entropy(net(part[0] + k), part[1]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.01)
            optimizer.step()
            optimizer.zero_grad()
    total = np.sqrt(sum(history.series(name, "grad_norm")[0] ** 2 for name in history.parameters))
    assert total == pytest.approx(0.01, rel=1e-4)
    assert history.rows[0].activations["act"]["n"] == 128, "the first pass of three"


def test_a_step_with_a_closure_and_an_optimizer_of_ones_own() -> None:
    class Mine(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.5})

        def step(self, closure: Any = None) -> Any:
            loss = closure() if closure else None
            with torch.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p.add_(p.grad, alpha=-group["lr"])
            return loss

    for kind in (Mine, lambda ps: torch.optim.LBFGS(ps, lr=0.1, max_iter=2)):
        w = torch.tensor([1.0, -2.0], requires_grad=True)
        optimizer = kind([w])

        def closure(w: Any = w, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            return loss

        with watch([w], optimizer) as history:
            optimizer.step(closure)
            optimizer.step(closure)
        assert history.iterations == [0, 1]
        assert history.series("p0", "update_norm")[0] > 0
        assert history.series("p0", "grad_norm")[1] is not None


def test_only_the_steps_of_the_optimizer_count() -> None:
    (a, first), (b, second) = made(0), made(1)
    with watch(a, first) as history, watch(b) as other:
        train(b, second, 3)
        train(a, first, 2)
    assert len(history) == 2
    assert len(other) == 3


def test_what_has_no_gradient_is_not_measured() -> None:
    net, _ = made()
    net.fc1.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    with watch(net, optimizer) as history:
        train(net, optimizer, 2)
    assert history.series("fc1.weight", "grad_norm") == [None, None]
    assert history.series("fc1.weight", "update_norm") == [0, 0]
    assert history.series("fc1.weight", "weight_norm")[0] > 0


def test_memory_is_bounded() -> None:
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.0)
    w.grad = torch.ones(1)
    with watch([w], optimizer, keep=50, every=3, histograms=True) as history:
        for _ in range(1000):
            optimizer.step()
    assert history.count == 1000
    assert history.stride == 24
    assert history.iterations == list(range(0, 1000, 24))
    assert "one in 24 kept" in repr(history)
    with watch([w], optimizer, keep=1000, histograms="gradients") as history:
        for _ in range(300):
            optimizer.step()
    with_bins = [row.index for row in history.rows if row.histograms]
    assert len(history) == 300
    assert with_bins == list(range(0, 300, 8))
    assert len(with_bins) <= KEPT_HISTOGRAMS


def test_skipped_iterations_are_not_heard() -> None:
    net, optimizer = made()
    with watch(net, optimizer, every=2):
        train(net, optimizer, 1)
        assert not events.watching
        train(net, optimizer, 1)
        assert events.watching


def test_non_finite_values_are_counted() -> None:
    w = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    with watch({"w": w}, optimizer) as history:
        w.grad = torch.tensor([float("nan"), float("inf"), 1.0, -float("inf")])
        optimizer.step()
    facts = history.rows[0].parameters["w"]
    assert (facts["grad_nan"], facts["grad_inf"], facts["weight_nan"], facts["weight_inf"]) == (1, 2, 1, 2)
    assert np.isnan(facts["grad_norm"])
    assert facts["weight_norm"] == np.linalg.norm([1.0, 2, 3, 4])


def test_a_loop_on_another_thread() -> None:
    net, optimizer = made()
    with watch(net, optimizer) as history:
        thread = threading.Thread(target=train, args=(net, optimizer, 3))
        thread.start()
        thread.join()
    assert len(history) == 3
    assert all(row.activations for row in history.rows)


def test_json_and_back() -> None:
    net, optimizer = made()
    with watch(net, optimizer, histograms=True) as history:
        train(net, optimizer, 3)
        net.out.bias.grad[0] = float("nan")
        optimizer.step()
    data = json.loads(json.dumps(history.to_json(), allow_nan=False))
    again = History.from_json(data)
    assert again.to_json() == history.to_json()
    assert again.parameters == history.parameters
    assert again.series("fc2.weight", "ratio") == history.series("fc2.weight", "ratio")
    assert np.isnan(again.series("out.bias", "grad_norm")[3])
    with pytest.raises(ValueError, match="no history"):
        History.from_json({"format": "x"})


def test_a_snapshot() -> None:
    net, _ = made()
    x, y = batches(1)[0]
    F.cross_entropy(net(x), y).backward()
    net.out.bias.grad = None
    taken = snapshot(net)
    for name, p in net.named_parameters():
        known = None if p.grad is None else np.linalg.norm(p.grad.numpy().astype(np.float64))
        assert taken.series(name, "grad_norm") == [pytest.approx(known, rel=1e-12) if known is not None else None]
    assert not events.watching


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: watch(torch.ones(2)), TypeError, "one tensor"),
        (lambda: watch(3), TypeError, "got int"),
        (lambda: watch([]), ValueError, "no parameter"),
        (lambda: watch([1.0]), TypeError, "'p0' is no tensor"),
        (lambda: watch(nn.ReLU()), ValueError, "no parameters"),
        (lambda: watch(nn.Linear(1, 1), object()), TypeError, r"history\.step"),
        (lambda: watch(nn.Linear(1, 1), every=0), ValueError, "every must be"),
        (lambda: watch(nn.Linear(1, 1), keep=1), ValueError, "keep must be"),
        (lambda: watch(nn.Linear(1, 1), histograms="weights"), ValueError, "'weights' are not known"),
        (lambda: watch([torch.ones(1)], histograms="activations"), ValueError, "need a module"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
    assert not events.watching


def test_unknown_series() -> None:
    net, optimizer = made()
    with watch(net, optimizer) as history:
        train(net, optimizer, 1)
    with pytest.raises(KeyError, match="'fc9'"):
        history.series("fc9", "grad_norm")
    with pytest.raises(KeyError, match="'speed'"):
        history.series("fc1.weight", "speed")
