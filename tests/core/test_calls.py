"""Calls written out as code do what the general call does, and leave to it what they do not foresee."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import calls, dispatch
from gradviz.core.device import CPU
from gradviz.core.events import Forward, observe
from gradviz.core.op import OPS, Op, override

WRITTEN = [op for op in OPS.values() if op.simple and (op.settings or op.aux or len(op.inputs) > 2)]


def test_names_of_inputs_and_settings_are_not_those_of_the_code() -> None:
    own = set(re.findall(r"[a-z_]\w*", re.sub(r"\{.*?\}|\.\w+|\"\w*\"", "", calls.CALL))) | set(calls.SHARED)
    for op in WRITTEN:
        used = {*op.inputs, *op.settings}
        assert not used & own, op.name
        assert not any(re.fullmatch(r"[xe]\d", name) for name in used), op.name


@pytest.mark.parametrize("with_aux", [False, True])
def test_the_code_of_every_operation_compiles(with_aux: bool) -> None:
    assert len(WRITTEN) > 200
    for op in WRITTEN:
        compile(calls.text(op, with_aux), op.name, "exec")


# expression -> whether it has something for the general call
CALLS: dict[str, bool] = {
    "x.sum(0)": False,
    "x.softmax(1)": False,
    "x.max(1).values": False,
    "torch.where(x > 0, x, w)": False,
    "torch.where(x > 0, x, 0.0)": True,
    "torch.lerp(x, w, x * w)": False,
    "torch.lerp(x, w, 0.25)": True,
    "torch.addcmul(x, w, x, value=3)": False,
    "torch.addcmul(x, w.double(), x)": True,
    "torch.clamp(x, w, w + 1)": False,
    "torch.clamp(x, w)": True,
    "torch.nn.functional.linear(x, w, w[0])": False,
    "torch.nn.functional.nll_loss(x, labels)": False,
    "torch.nn.functional.nll_loss(x, labels, weight=w[0].detach())": False,
    "torch.nn.functional.mse_loss(x, w)": False,
    "torch.nn.functional.leaky_relu(x, 0.1)": False,
    "x.bfloat16().max(1).values.float()": True,
    "torch.cat([x, w])": False,
    "torch.stack([x, w, x], 1)": False,
    "torch.cat([x.bfloat16(), w.bfloat16()]).float()": True,
}


def given() -> dict[str, Any]:
    draw = np.random.default_rng(1)
    x, w = (torch.tensor(draw.standard_normal((3, 3)).astype(np.float32), requires_grad=True) for _ in range(2))
    return {"torch": torch, "x": x, "w": w, "labels": torch.tensor([2, 0, 1])}


@pytest.fixture
def general(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that went to the general call."""
    seen: list[str] = []
    prepare = dispatch.prepare

    def noted(op: Op, inputs: Any) -> Any:
        seen.append(op.name)
        return prepare(op, inputs)

    monkeypatch.setattr(dispatch, "prepare", noted)
    return seen


@contextmanager
def all_general() -> Iterator[None]:
    """Every operation by the general call."""
    texts, calls.CALL = calls.CALL, calls.CALL.replace("if {unusual}:", "if True:")
    made = {op.name: op.call for op in OPS.values()}
    try:
        for op in WRITTEN:
            op.call = dispatch.written_out(op)
            op.__dict__.pop("call_with_aux", None)
        yield
    finally:
        calls.CALL = texts
        for op in WRITTEN:
            op.call = made[op.name]
            op.__dict__.pop("call_with_aux", None)


def outcome(expression: str) -> Any:
    names = given()
    out = eval(expression, names)
    node = out.grad_fn
    saved = [name for name in dir(node) if name.startswith("_saved_")]
    out.pow(2).sum().backward()
    edges = [None if f is None else f.name() for f, _ in node.next_functions]
    return out.detach().numpy(), names["x"].grad, names["w"].grad, node.name(), edges, saved


@pytest.mark.parametrize("expression", CALLS)
def test_as_the_general_call(expression: str, general: list[str]) -> None:
    outcome(expression)
    general.clear()
    found = outcome(expression)
    many = len(general)
    with all_general():
        want = outcome(expression)
    for a, b in zip(found[:3], want[:3], strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b)
    assert found[3:] == want[3:]
    assert bool(many) is CALLS[expression]


def test_an_input_too_few_is_named() -> None:
    x = torch.ones(2)
    for _ in range(2):
        with pytest.raises(TypeError, match="missing 1 required positional arguments: weight"):
            OPS["lerp"].call(x, x)


def test_observers_hear_of_settings_that_were_given() -> None:
    heard: list[Any] = []
    x = torch.ones(2, 3)
    with observe(lambda event: heard.append(event) if event.__class__ is Forward else None):
        x.sum(1)
        x.clone()
        x.clone(memory_format=torch.contiguous_format)
    assert heard[0].settings == {"dim": (1,), "keepdim": False}
    assert heard[1].settings == {}
    assert heard[2].settings == {"memory_format": torch.contiguous_format}


def test_an_overridden_forward_is_used() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    x.sum(0)
    override(CPU, "sum", lambda x, *, dim, keepdim: x[0] * 0)
    try:
        assert x.sum(0).tolist() == [0, 0]
    finally:
        override(CPU, "sum", OPS["sum"].forward)
    assert x.sum(0).tolist() == [4, 6]


def test_what_is_kept_may_be_no_inference_tensor() -> None:
    with torch.inference_mode():
        y = torch.ones(2, 2) * 2
    w = torch.ones(2, 2, requires_grad=True)
    for keeps in (
        lambda: w * y,
        lambda: w @ y,
        lambda: torch.where(y > 1, w, y).mul(y),
        lambda: torch.addcmul(w, w, y),
    ):
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
            keeps()
    assert (w + y).requires_grad
    assert torch.cat([w, y]).requires_grad


def test_first_calls_of_several_threads_at_once() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(20):
        call, found, start = dispatch.written_out(OPS["sum"]), [], threading.Barrier(4)

        def first(call: Any = call, found: list[Any] = found, start: threading.Barrier = start) -> None:
            start.wait()
            found.append(call(x, dim=(0,), keepdim=False).tolist())

        threads = [threading.Thread(target=first) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [[4, 6]] * 4
