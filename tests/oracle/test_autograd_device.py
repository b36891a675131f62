"""Autograd's tools on the strict stand-in device: the same numbers, and nothing leaves the device unasked."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from tests.strict_device import strict

A, U, G = torch.autograd.functional, torch.func, torch.autograd.graph


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        out = x * x
        ctx.save_for_backward(x, out)
        return out, x * 2

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        return g * 2 * ctx.saved_tensors[0] + h * 2


def hooks(x: Any) -> Any:
    y = x * 2
    y.register_hook(lambda g: g * 3)
    y.retain_grad()
    z = y.exp()
    z.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    z.grad_fn.register_hook(lambda gi, go: (gi[0] + 1,))
    return torch.autograd.grad(z.sum(), x)[0], y.grad


def anomaly(x: Any) -> Any:
    with torch.autograd.set_detect_anomaly(True):
        return torch.autograd.grad((x * x).sum(), x)


def inference(x: Any) -> Any:
    with torch.inference_mode():
        y = x * 2 + torch.ones(3, device=x.device)
    return y


def packed(x: Any) -> Any:
    with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = (x * x).exp().sigmoid()
    return torch.autograd.grad(y.sum(), x)


def on_cpu(x: Any) -> Any:
    with G.save_on_cpu():
        y = (x * x).sin()
    return torch.autograd.grad(y.sum(), x)


CASES = {
    "a Function": lambda x: torch.autograd.grad(sum(o.sum() for o in Square.apply(x)), x),
    "an output of a Function unused": lambda x: torch.autograd.grad(Square.apply(x)[0].sum(), x),
    "batched": lambda x: torch.autograd.grad(
        x * x, x, torch.eye(3, dtype=x.dtype, device=x.device), is_grads_batched=True
    ),
    "unused": lambda x: torch.autograd.grad((x * x).sum(), (x, x * 1), materialize_grads=True),
    "hooks": hooks,
    "anomaly": anomaly,
    "inference": inference,
    "packed": packed,
    "kept on the CPU": on_cpu,
    "jacobian": lambda x: A.jacobian(lambda a: a**2, x),
    "hessian": lambda x: A.hessian(lambda a: (a**3).sum(), x),
    "hvp": lambda x: A.hvp(lambda a: (a**3).sum(), x, torch.ones_like(x)),
    "jvp": lambda x: U.jvp(lambda a: a**2, (x,), (torch.ones_like(x),)),
    "jacfwd": lambda x: U.jacfwd(lambda a: a**2)(x),
    "func.hessian": lambda x: U.hessian(lambda a: (a**3).sum())(x),
    "vmap": lambda x: torch.vmap(U.grad(lambda a: a**3))(x),
    "checkpoint": lambda x: torch.autograd.grad(
        torch.utils.checkpoint.checkpoint(lambda a: (a * a).sin(), x, use_reentrant=False).sum(), x
    ),
    "reentrant checkpoint": lambda x: torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=True),
    "gradcheck": lambda x: [torch.autograd.gradcheck(torch.sin, x), torch.autograd.gradgradcheck(torch.sin, x)],
    "run by hand": lambda x: (x * x).grad_fn(torch.ones_like(x)),
}


def numbers(value: Any) -> Any:
    """Tensors as lists, whatever they are in."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().tolist()
    return [numbers(v) for v in value] if isinstance(value, (tuple, list)) else value


@pytest.mark.parametrize("name", CASES)
def test_same_as_on_the_cpu(name: str) -> None:
    def run(device: Any) -> Any:
        x = torch.tensor([0.5, 1.0, -1.5], dtype=torch.float64, device=device).requires_grad_()
        made = CASES[name](x)
        if isinstance(made, torch.Tensor) and made.requires_grad:
            made = [made, torch.autograd.grad(made.sum(), x)] if "reentrant" not in name else made
        return numbers(made)

    device = strict()
    with device:
        there = run(device)
    assert there == run("cpu")
