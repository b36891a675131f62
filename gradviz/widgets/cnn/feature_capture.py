"""What every layer of a network makes of a batch, and the gradient that reaches it: run on a copy, nothing changes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import gradviz as torch


class Layer(NamedTuple):
    """One call of one module: its output for one sample, the gradient that reached it, and its filters."""

    name: str
    kind: str
    output: Any  # (maps, rows, columns)
    grad: Any | None
    weight: Any | None  # (outputs, inputs, rows, columns) of a convolution
    weight_grad: Any | None


class Captured(NamedTuple):
    """The layers in the order they ran, the network's answer for the sample, and what was differentiated."""

    layers: list[Layer]
    scores: Any
    score: float
    of: str


def capture(
    model: Any,
    x: Any,
    *,
    sample: int,
    layers: Sequence[str] | None,
    target: int | None,
    loss: Callable[[Any], Any] | None,
) -> Captured:
    """Run a copy of `model` on `x` and go backward from the target's score, or from the loss."""
    twin = copy.deepcopy(model)
    names = {id(module): name for name, module in twin.named_modules()}
    wanted = _chosen(twin, layers)
    seen: list[tuple[str, Any, Any]] = []

    def hear(module: Any, _given: Any, out: Any) -> Any:
        if not isinstance(out, torch.Tensor) or not out.is_floating_point() or out.dim() < 2:
            return None
        seen.append((names[id(module)], module, out))
        return out.clone()  # what follows may write in place into what it is given

    handles = [module.register_forward_hook(hear) for module in wanted]
    state = torch.get_rng_state()
    try:
        with torch.enable_grad(), np.errstate(all="ignore"):
            for p in twin.parameters():
                p.requires_grad_(p.is_floating_point())
            out = twin(x)
            score, of = _score(out, sample, target, loss)
            weights = [module.weight for _, module, _ in seen if _is_convolution(module)]
            sought = [kept for _, _, kept in seen] + weights
            found = torch.autograd.grad(score, sought, allow_unused=True)
    finally:
        torch.set_rng_state(state)
        for handle in handles:
            handle.remove()
    grads, kernels = found[: len(seen)], iter(found[len(seen) :])
    made = []
    for (name, module, kept), grad in zip(seen, grads, strict=True):
        conv = _is_convolution(module)
        kernel = next(kernels) if conv else None
        made.append(
            Layer(
                name or type(module).__name__, type(module).__name__, _maps(kept, sample), _maps(grad, sample),
                _array(module.weight) if conv else None, None if kernel is None else _array(kernel),
            )
        )  # fmt: skip
    scores = _array(out[sample].flatten()) if isinstance(out, torch.Tensor) and out.dim() else np.zeros(0)
    return Captured(made, scores, float(score.item()), of)


def _chosen(model: Any, layers: Sequence[str] | None) -> list[Any]:
    """The modules asked for, or every one that holds no other and is not there to pass on what it is given."""
    known = dict(model.named_modules())
    if layers is not None:
        missing = [name for name in layers if name not in known]
        if missing:
            held = ", ".join(name for name in known if name)
            raise KeyError(f"no layer {missing[0]!r} in this model; its layers are: {held}")
        return [known[name] for name in layers]
    passing = (torch.nn.Flatten, torch.nn.Unflatten, torch.nn.Identity)
    return [m for m in known.values() if not list(m.children()) and not isinstance(m, passing)]


def _score(out: Any, sample: int, target: int | None, loss: Callable[[Any], Any] | None) -> tuple[Any, str]:
    """What is differentiated, and what it is called."""
    if loss is not None:
        value = loss(out)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise ValueError("loss must return a tensor with one number")
        return value, "the loss"
    if not isinstance(out, torch.Tensor) or out.dim() < 2:
        raise ValueError("the model's output is not (samples, classes): give loss=, a function of the output")
    row = out[sample].flatten()
    place = int(row.argmax().item()) if target is None else target
    if not 0 <= place < len(row):
        raise IndexError(f"target {place} is not one of the {len(row)} outputs")
    return row[place], f"output {place}"


def _is_convolution(module: Any) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(module, torch.nn.Conv2d) and weight is not None


def _array(tensor: Any) -> Any:
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float32)


def _maps(tensor: Any, sample: int) -> Any:
    """One sample as (maps, rows, columns); a vector is one map of one row."""
    if tensor is None:
        return None
    one = _array(tensor)[sample]
    if one.ndim == 1:
        return one[None, None]
    return one if one.ndim == 3 else one.reshape(-1, one.shape[-2], one.shape[-1]) if one.ndim > 3 else one[None]
