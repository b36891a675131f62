"""Random numbers steered by tensors: `bernoulli` by probabilities, `multinomial` by weights, `normal` by means.

What is drawn does not change smoothly with what steers the draw, so the gradients that flow back are zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import counts, errors
from ...device import CPU, as_device
from ...errors import noted
from ...mode import grad_mode
from ...op import function, op
from ...tensor import Tensor
from ..creation.factory import leaf, only_defaults, read_dtype, read_int, read_size, read_tensor
from ..kinds import underived
from .sample import beside, on_device, require_fractions, source


class Drawn:
    """Random numbers on their way into an op: a setting, so that the graph does not see them as an input."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __repr__(self) -> str:
        return "random"


_PRIVATE: dict[str, Any] = {"public": False, "x": lambda F, g: F.zero(g)}
_bernoulli = op("bernoulli", lambda x, *, drawn: drawn.array, **_PRIVATE)
_by_mean = op("normal_mean", lambda x, *, drawn: drawn.array, node="NormalBackward1", **_PRIVATE)
_by_std = op("normal_std", lambda x, *, drawn: drawn.array, node="NormalBackward2", **_PRIVATE)
_poisson = op("poisson", lambda x, *, drawn: drawn.array, **_PRIVATE)
_by_both = op(
    "normal_mean_std", lambda x, y, *, drawn: drawn.array, node="NormalBackward3", y=lambda F, g: F.zero(g), **_PRIVATE
)


def _unknown(name: str) -> Any:
    """The rule of a draw that PyTorch does not differentiate."""
    return underived(
        f"derivative for aten::{name} is not implemented\nWhat is drawn does not depend smoothly on inputs: use "
        ".detach() on them, or on the result."
    )


_bernoulli_p = op(
    "bernoulli_number", lambda x, *, drawn: drawn.array, node="NotImplemented", public=False, x=_unknown("bernoulli")
)
_binomial = op(
    "binomial", lambda x, y, *, drawn: drawn.array, node="NotImplemented", public=False,
    x=_unknown("binomial"), y=_unknown("binomial"),
)  # fmt: skip


def _recorded(call: Any, inputs: tuple[Tensor, ...], array: Any) -> Tensor:
    if grad_mode.get() and any(x._needs for x in inputs):
        made: Tensor = call(*inputs, drawn=Drawn(array))
        return made
    return Tensor._of(array, inputs[0].device)


@function
def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Zeros and ones: each element is 1 with the probability that `input` holds there, or with probability p."""
    x = read_tensor("bernoulli", "input", 1, input)
    draws = source("bernoulli", generator, x.device)
    if p is None:
        require_fractions("bernoulli_tensor_cpu_p_", x.dtype)
        drawn = draws.bernoulli_each(beside(draws, probabilities(x._array), x.device))
    else:
        drawn = draws.bernoulli(x._array.size, probability("bernoulli_", p))
    return _recorded(
        _bernoulli if p is None else _bernoulli_p,
        (x,),
        on_device(drawn.astype(x._array.dtype).reshape(x._array.shape), x.device),
    )


def probability(name: str, p: float) -> float:
    """p, if it is a probability."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p:g}")
    return float(p)


def probabilities(p: Any) -> Any:
    """An array, if it holds only probabilities."""
    if not bool(((p >= 0) & (p <= 1)).all()):
        raise noted(
            RuntimeError(
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.\nA probability lies between 0 and 1: "
                "apply torch.sigmoid to scores first."
            )
        )
    return p


@function
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None, out: Any = None
) -> Tensor:
    """Per row of `input`, `num_samples` column numbers, each as likely as its weight there."""
    x, samples = read_tensor("multinomial", "input", 1, input), read_int("multinomial", "num_samples", 2, num_samples)
    weights = x._array
    if not x.dtype.is_floating_point:
        kind = errors.scalar_type(x.dtype)
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {kind}")
    if weights.ndim not in (1, 2):
        raise noted(RuntimeError(f"prob_dist must be 1 or 2 dim\nIts shape is {tuple(weights.shape)}."))
    if samples <= 0:
        raise noted(RuntimeError(f"cannot sample n_sample <= 0 samples\nnum_samples is {samples}."))
    if not replacement and samples > weights.shape[-1]:
        raise noted(
            RuntimeError(
                "cannot sample n_sample > prob_dist.size(-1) samples without replacement\n"
                f"num_samples is {samples}, there are {weights.shape[-1]} categories. replacement=True allows repeats."
            )
        )
    rows = weights if weights.ndim == 2 else weights[None]
    if not bool(((rows >= 0) & (rows < float("inf"))).all()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not bool((rows.sum(axis=1) > 0).all()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    draws = source("multinomial", generator, x.device)
    drawn = draws.multinomial(beside(draws, rows, x.device), samples, bool(replacement))
    return Tensor._of(on_device(drawn.reshape(*weights.shape[:-1], samples), x.device), x.device)


@function(method=False)
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers with the given means and standard deviations: tensors, or two numbers and a size."""
    only_defaults("normal", layout=layout, pin_memory=pin_memory)
    given = tuple(x for x in (mean, std) if isinstance(x, Tensor))
    if bool(given) == (size is not None):
        raise noted(
            TypeError(
                "normal() received an invalid combination of arguments\n"
                "Give tensors of means or standard deviations, or two numbers and a size: normal(0.0, 1.0, (2, 3))."
            )
        )
    check_std(std)
    if not given:
        shape, kind, place = read_size("normal", (size,)), read_dtype("normal", dtype), as_device(device)
        require_fractions("normal_kernel_cpu", kind.to_real())
        drawn = source("normal", generator, place).normal(int(np.prod(shape, dtype=np.int64)), kind.numpy, mean, std)
        return leaf(on_device(drawn.reshape(shape), place), place, requires_grad)
    for tensor in given:
        require_fractions("normal_kernel_cpu", tensor.dtype.to_real())
    place, kind = given[0].device, given[0].dtype.numpy
    shapes = [tuple(x._array.shape) for x in given]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise noted(RuntimeError(errors.broadcast("normal", shapes[0], shapes[1]))) from None
    scale = std._array if isinstance(std, Tensor) else std
    shift = mean._array if isinstance(mean, Tensor) else mean
    drawn = source("normal", generator, place).normal(int(np.prod(shape, dtype=np.int64)), kind).reshape(shape)
    made = (on_device(drawn, place) * scale + shift).astype(kind)
    which = {(True, True): _by_both, (True, False): _by_mean, (False, True): _by_std}
    return _recorded(which[isinstance(mean, Tensor), isinstance(std, Tensor)], given, made)


def check_std(std: Any) -> None:
    """RuntimeError for a negative standard deviation."""
    if isinstance(std, Tensor):
        if not bool((std._array >= 0).all()):
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


@function(method=False)
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Numbers of events: at each place as many as happen at the rate that `input` holds there."""
    x = read_tensor("poisson", "input", 1, input)
    require_fractions("poisson_cpu", x.dtype)
    if not bool((x._array >= 0).all()):
        raise noted(
            RuntimeError("invalid Poisson rate, expected rate to be non-negative\nApply torch.exp to scores first.")
        )
    drawn = counts.poisson(source("poisson", generator, CPU), x.device.to_numpy(x._array))
    return _recorded(_poisson, (x,), x.device.wrap(drawn.astype(x.dtype.numpy).reshape(x._array.shape)))


@function(method=False)
def binomial(count: Tensor, prob: Tensor, generator: Any = None) -> Tensor:
    """Numbers of successes in `count` trials that succeed with chance `prob`; no gradients flow back."""
    n, p = read_tensor("binomial", "count", 1, count), read_tensor("binomial", "prob", 2, prob)
    for name, x in (("count", n), ("prob", p)):
        if not x.dtype.is_floating_point:
            kind = errors.scalar_type(x.dtype)
            raise noted(ValueError(f"binomial only supports floating-point dtypes for {name}, got: {kind}"))
    if n.dtype is not p.dtype:
        found, expected = errors.scalar_type(p.dtype), errors.scalar_type(n.dtype)
        raise noted(RuntimeError(f"Found dtype {found} but expected {expected}\nConvert one of them first."))
    try:
        trials, chances = np.broadcast_arrays(n.device.to_numpy(n._array), p.device.to_numpy(p._array))
    except ValueError:
        raise noted(RuntimeError(errors.broadcast("binomial", n._array.shape, p._array.shape))) from None
    drawn = counts.binomial(source("binomial", generator, CPU), trials.astype(np.float64), chances.astype(np.float64))
    return _recorded(_binomial, (n, p), n.device.wrap(drawn.astype(n.dtype.numpy).reshape(trials.shape)))
