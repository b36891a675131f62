"""GradScaler against torch's on the CPU: the same program under both libraries gives the same scales and steps."""

# ruff: noqa: E501  (tables)

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.device import Device
from gradviz.core.tensor import Tensor
from tests.strict_device import StrictArray, namespace, sp, to_device

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.oracle
INF = float("inf")


def both(program: Callable[[Any], Any]) -> Any:
    """What a program gives under torch, after asserting that gradviz gives the same."""
    want = program(torch)
    got = program(gradviz)
    assert got == want
    return want


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """The type and the first line of what a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error).partition("\n")[0]
    return "", ""


def planted(seed: int, steps: int = 200) -> list[float]:
    """What the gradient of each step is multiplied by: mostly 1, at some steps inf or NaN."""
    rng = np.random.default_rng(seed)
    return [float(rng.choice([INF, -INF, float("nan")])) if rng.random() < 0.12 else 1.0 for _ in range(steps)]


def run(
    t: Any, seed: int, *, reload_at: int = -1, clip: bool = False, fused: bool | None = None, two: bool = False
) -> Any:
    """200 steps with planted infs; the scale, the counter and the parameter after each."""
    p = t.nn.Parameter(t.tensor([1.0, -2.0, 3.0]))
    q = t.nn.Parameter(t.tensor([0.5]))
    first = t.optim.SGD([p], lr=1e-3, momentum=0.9, fused=fused)
    second = t.optim.Adam([q], lr=1e-3, fused=fused)
    optimizers, params = ([first, second], [p, q]) if two else ([first], [p])
    settings = {"init_scale": 1024.0, "growth_factor": 1.5, "backoff_factor": 0.25, "growth_interval": 7}
    scaler, log = t.amp.GradScaler("cpu", **settings), []
    for step, factor in enumerate(planted(seed)):
        if step == reload_at:
            saved = scaler.state_dict()
            scaler = t.amp.GradScaler("cpu")
            scaler.load_state_dict(saved)
        for o in optimizers:
            o.zero_grad()
        scaler.scale((p * p).sum() + (q * q).sum()).backward()
        bad = (p, q)[step % 2] if two else p
        bad.grad.mul_(factor)
        if clip:
            for o in optimizers:
                scaler.unscale_(o)
            t.nn.utils.clip_grad_norm_(params, 0.5)
        for o in optimizers:
            scaler.step(o)
        scaler.update()
        state = scaler.state_dict()
        log.append((state["scale"], state["_growth_tracker"], [f"{v:.4f}" for v in (*p.tolist(), *q.tolist())]))
    return log


@pytest.mark.parametrize("options", [
    {}, {"reload_at": 93}, {"clip": True}, {"two": True}, {"two": True, "clip": True, "reload_at": 40},
    {"fused": True}, {"fused": True, "two": True}, {"fused": True, "clip": True},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1])
def test_the_scale_over_200_steps(seed: int, options: dict[str, Any]) -> None:
    log = both(lambda t: run(t, seed, **options))
    assert len({scale for scale, *_ in log}) > 10
    assert log[0][2] != log[-1][2]


def test_the_scale_stops_growing_where_float32_ends() -> None:
    def program(t: Any) -> Any:
        p = t.nn.Parameter(t.ones(1))
        scaler, o = (
            t.amp.GradScaler("cpu", init_scale=1e37, growth_factor=3.0, growth_interval=1),
            t.optim.SGD([p], 0.0),
        )
        made = []
        for _ in range(6):
            scaler.scale(p.sum() * 1e-38).backward()
            scaler.step(o)
            scaler.update()
            made.append(scaler.get_scale())
            o.zero_grad()
        return made

    made = both(program)
    assert made[-1] == made[-2] < INF


def test_lists_of_losses_and_steps_with_arguments() -> None:
    def program(t: Any) -> Any:
        p = t.nn.Parameter(t.ones(2))
        s = t.amp.GradScaler("cpu", init_scale=8.0)
        losses = s.scale([p.sum(), (p * 2, [p * 3])])
        told: list[Any] = []

        class Own(t.optim.SGD):
            def step(self, closure: Any = None, note: Any = None) -> Any:
                told.append(note)
                super().step()
                return "returned"

        o = Own([p], lr=0.5)
        losses[0].backward()
        result = s.step(o, note="passed on")
        s.update()
        nested = [losses[1][0].tolist(), losses[1][1][0].tolist()]
        return [type(losses).__name__, type(losses[1]).__name__, nested, result, told, p.tolist(), s.get_scale()]

    both(program)


MISTAKES = {
    "unscaled twice": "s.scale(l).backward(); s.unscale_(o); s.unscale_(o)",
    "unscaled after the step": "s.scale(l).backward(); s.step(o); s.unscale_(o)",
    "stepped twice": "s.scale(l).backward(); s.step(o); s.step(o)",
    "never scaled": "l.backward(); s.step(o)",
    "never scaled, updated": "s.update()",
    "never scaled, unscaled": "s.unscale_(o)",
    "no gradients": "s.scale(l); s.step(o)",
    "updated without a step": "s.scale(l).backward(); s.update()",
    "closure": "s.scale(l).backward(); s.step(o, closure=lambda: l)",
    "closure by position": "s.scale(l).backward(); s.step(o, lambda: l)",
    "float16 parameters": "h = t.nn.Parameter(t.ones(1).half()); o = t.optim.SGD([h], 0.1); s.scale(h.sum()).backward(); s.step(o)",
    "a scale that is no number": "s.scale(l); s.update(t.ones(2))",
    "a scale with a gradient": "s.scale(l); s.update(t.ones(1, requires_grad=True))",
    "not a tensor": "s.scale(3)",
    "growth": "t.amp.GradScaler('cpu', growth_factor=1.0)",
    "backoff": "t.amp.GradScaler('cpu', backoff_factor=1.0)",
    "empty state": "s.load_state_dict({})",
    "pickled in the middle": "import pickle; s.scale(l).backward(); s.step(o); pickle.dumps(s)",
    "fused, stepped twice": "o = t.optim.SGD([p], 0.1, fused=True); s.scale(l).backward(); s.step(o); s.step(o)",
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_refused_as_in_torch(name: str) -> None:
    def program(t: Any) -> Any:
        p = t.nn.Parameter(t.ones(1))
        space = {"t": t, "p": p, "l": (p * 2).sum(), "o": t.optim.SGD([p], 0.1), "s": t.amp.GradScaler("cpu")}
        return outcome(lambda: exec(MISTAKES[name], space))

    assert (both(program)[0] != "") is (name != "closure by position")


def test_settings_and_saving() -> None:
    def program(t: Any) -> Any:
        s = t.amp.GradScaler("cpu", init_scale=3.0)
        made: list[Any] = [s.state_dict(), s.is_enabled(), s.get_scale(), s._get_growth_tracker()]
        s.set_growth_factor(4.0)
        s.set_backoff_factor(0.1)
        s.set_growth_interval(2)
        made += [s.get_growth_factor(), s.get_backoff_factor(), s.get_growth_interval()]
        s.scale(t.ones(1))
        s.update(7.0)
        made.append(s.state_dict())
        s.update(t.tensor(9.0))
        made.append(s.state_dict())
        s.load_state_dict({**s.state_dict(), "scale": 2.5, "_growth_tracker": 1})
        made.append(s.state_dict())
        made.append(pickle.loads(pickle.dumps(s)).state_dict())
        off = t.amp.GradScaler("cpu", enabled=False)
        x = t.ones(1)
        made += [off.scale(x) is x, off.state_dict(), off.get_scale(), off.is_enabled()]
        off.update()
        off.load_state_dict({})
        return made

    both(program)


def test_older_spellings_and_no_gpu_warn_as_torch() -> None:
    def program(t: Any) -> Any:
        heard = []
        for make in (
            lambda: t.cpu.amp.GradScaler(), lambda: t.cuda.amp.GradScaler(), lambda: t.amp.GradScaler(),
            lambda: t.cpu.amp.autocast(), lambda: t.cuda.amp.autocast(), lambda: t.autocast("cuda"),
            lambda: t.cuda.amp.custom_fwd(lambda ctx: None), lambda: t.cuda.amp.custom_bwd(lambda ctx: None),
            lambda: t.autocast("cpu", dtype=t.float32), lambda: t.get_autocast_gpu_dtype(),
            lambda: t.set_autocast_cpu_dtype(t.bfloat16), lambda: t.is_autocast_cpu_enabled(),
        ):  # fmt: skip
            with warnings.catch_warnings(record=True) as found:
                warnings.simplefilter("always")
                make()
            heard += [(w.category.__name__, str(w.message).partition(" (Triggered")[0]) for w in found]
        return heard

    both(program)


# -- no host is waited for -----------------------------------------------------------------------------------------
class ReadError(AssertionError):
    """A value of the device was read by the host."""


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """A stand-in GPU whose arrays raise when the host reads them."""

    def refuse(self: Any, *args: Any) -> Any:
        raise ReadError

    for name in ("item", "tolist", "__float__", "__int__", "__bool__", "__index__"):
        monkeypatch.setattr(StrictArray, name, refuse)
    return Device(
        "strict", 3, namespace(), array_type=StrictArray, wrap=to_device, to_numpy=refuse, sp=sp,
        address=lambda array: array._a.__array_interface__["data"][0],
    )  # fmt: skip


def steps_on(device: Any, factors: list[float], fused: bool | None) -> list[Any]:
    """The scale and the parameter after each step, read past the device."""
    p = gradviz.nn.Parameter(Tensor._of(to_device(np.array([1.0, -2.0], np.float32)), device))
    o = gradviz.optim.SGD([p], lr=0.1, momentum=0.9, fused=fused)
    s = gradviz.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    log = []
    for factor in factors:
        o.zero_grad()
        s.scale((p * p).sum()).backward()
        p.grad.mul_(factor)
        s.step(o)
        s.update()
        assert s._scale is not None
        log.append((float(s._scale._array._a), p._array._a.tolist()))
    return log


def test_a_fused_step_waits_for_nothing(device: Any) -> None:
    """Scale, unscale, skip and update on the device give torch's numbers while no value is read."""
    factors = [1.0, INF, 1.0, 1.0, float("nan"), 1.0]
    log = steps_on(device, factors, True)

    p = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    o, s = torch.optim.SGD([p], lr=0.1, momentum=0.9), torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    for factor, (scale, values) in zip(factors, log, strict=True):
        o.zero_grad()
        s.scale((p * p).sum()).backward()
        p.grad.mul_(factor)
        s.step(o)
        s.update()
        assert scale == s.get_scale()
        np.testing.assert_allclose(values, p.tolist(), rtol=1e-6)


def test_a_plain_step_asks_once_as_in_torch(device: Any) -> None:
    with pytest.raises(ReadError):
        steps_on(device, [1.0], None)
