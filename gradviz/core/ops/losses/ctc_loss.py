"""Connectionist temporal classification: the probability of a labelling, summed over all its alignments in time.

Between the labels of a target, and around them, the blank may be read, and a label may be read several times in a row:

    target 1 2, blank 0:   0 1 0 2 0      states a reading passes through, from left to right

`ahead[t, s]` is the logarithm of the probability of all ways to be in state s at time t, `behind[t, s]` of all ways to
go on from there (Graves et al., 2006). All samples and states are computed at once, one time step after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import no_kernel, noted
from ...op import FUNCTIONS, function, op
from ...tensor import Tensor
from ..kinds import underived
from ..linalg.products import wide_matmul


class Labels:
    """The states of each sample, and how many time steps and states it really has."""

    __slots__ = ("last", "skips", "states", "steps", "time")

    def __init__(self, device: Any, targets: Any, lengths: Any, times: Any, blank: int) -> None:
        states = np.full((len(lengths), 2 * targets.shape[1] + 1), blank, np.int64)
        states[:, 1::2] = targets
        skips = np.zeros(states.shape, bool)  # a label may follow another one directly, unless it is the same
        skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
        self.states, self.skips = device.wrap(states), device.wrap(skips)
        self.last = device.wrap(2 * np.asarray(lengths, np.int64))
        self.steps = device.wrap(np.asarray(times, np.int64))
        self.time = int(max(times, default=0))

    def __repr__(self) -> str:
        return f"labels of {self.states.shape[0]} samples"


def _log_sum(xp: Any, *parts: Any) -> Any:
    """log(sum(exp(part))), minus infinity where all are."""
    top = parts[0]
    for part in parts[1:]:
        top = xp.maximum(top, part)
    safe = xp.where(xp.isinf(top), 0.0, top).astype(top.dtype)
    return safe + xp.log(sum(xp.exp(part - safe) for part in parts))


def _moved(xp: Any, x: Any, by: int) -> Any:
    """The states `by` places further; minus infinity comes in at the end that is free."""
    gap = xp.full((x.shape[0], min(abs(by), x.shape[1])), -xp.inf, dtype=x.dtype)
    return xp.concatenate((gap, x[:, :-by]) if by > 0 else (x[:, -by:], gap), axis=1)


def _read(xp: Any, x: Any, labels: Labels) -> Any:
    """The log-probability of each state's label: (T, N, states)."""
    index = xp.broadcast_to(labels.states[None], (x.shape[0], *labels.states.shape))
    return xp.take_along_axis(x, index, axis=2)


def _ctc(xp: Any, x: Any, *, labels: Labels) -> Any:
    """The negative log-probability of each sample's target."""
    reads, count = _read(xp, x, labels), labels.states.shape[1]
    number = xp.arange(count)[None, :]
    now = xp.where(number <= xp.minimum(labels.last, 1)[:, None], 0.0, -xp.inf).astype(x.dtype)
    ahead = xp.full(reads.shape, -xp.inf, dtype=x.dtype)
    for t in range(labels.time):
        if t:
            jump = xp.where(labels.skips, _moved(xp, now, 2), -xp.inf).astype(x.dtype)
            now = _log_sum(xp, now, _moved(xp, now, 1), jump)
        now = now + reads[t]
        ahead[t] = now
    end, sample = xp.maximum(labels.steps - 1, 0), xp.arange(labels.last.size)
    before = xp.where(labels.last > 0, ahead[end, sample, xp.maximum(labels.last - 1, 0)], -xp.inf)
    out = -_log_sum(xp, ahead[end, sample, labels.last], before.astype(x.dtype))
    # With no time at all, only the empty target is certain.
    nothing = xp.where(labels.last > 0, xp.inf, 0.0)
    return xp.where(labels.steps > 0, out, nothing).astype(x.dtype), {"ahead": ahead}


def _ctc_input(xp: Any, y: Any, x: Any, loss: Any, ahead: Any, *, labels: Labels, zero_infinity: bool) -> Any:
    """exp(x) minus the probability that each label is read at each time, given the target; PyTorch's gradient.

    It supposes that x is normalised, and so differs from the derivative by what log_softmax's gradient takes away.
    """
    reads = _read(xp, x, labels)
    number = xp.arange(labels.states.shape[1])[None, :]
    ends = ((number == labels.last[:, None]) | (number == labels.last[:, None] - 1)) & (number >= 0)
    start = xp.where(ends, 0.0, -xp.inf).astype(x.dtype)
    now = xp.full(start.shape, -xp.inf, dtype=x.dtype)
    jumps = xp.concatenate((labels.skips[:, 2:], xp.zeros((labels.skips.shape[0], 2), dtype=bool)), axis=1)
    occupied = xp.zeros(reads.shape, dtype=x.dtype)
    for t in range(labels.time - 1, -1, -1):
        jump = xp.where(jumps[:, : start.shape[1]], _moved(xp, now, -2), -xp.inf).astype(x.dtype)
        on = _log_sum(xp, now, _moved(xp, now, -1), jump)
        on = xp.where((labels.steps - 1 == t)[:, None], start, on).astype(x.dtype)
        occupied[t] = xp.exp(ahead[t] + on + loss[:, None])
        now = on + reads[t]
    of_label = (labels.states[:, :, None] == xp.arange(x.shape[2])).astype(x.dtype)
    read = xp.swapaxes(wide_matmul(xp, xp.swapaxes(occupied, 0, 1), of_label), 0, 1)
    inside = (xp.arange(x.shape[0])[:, None] < labels.steps[None, :])[:, :, None]
    if zero_infinity:
        inside = inside & ~xp.isinf(loss)[None, :, None]
    return xp.where(inside, (xp.exp(x) - read) * y[None, :, None], 0.0).astype(x.dtype)


_once = underived("derivative for aten::_ctc_loss_backward is not implemented")
_ctc_loss = op(
    "ctc_loss", lambda xp, x, *, labels, zero_infinity: _ctc(xp, x, labels=labels), public=False, aux=("ahead",),
    saved_names={"x": "log_probs", "out": "result0", "ahead": "result1"},
    x=lambda F, g, x, out, ahead, *, labels, zero_infinity:
        F.ctc_loss_input(g, x, out, ahead, labels=labels, zero_infinity=zero_infinity),
)  # fmt: skip
op("ctc_loss_input", _ctc_input, node="CtcLossBackwardBackward0", public=False, y=_once, x=_once)


# -- torch.ctc_loss ------------------------------------------------------------------------------------------------
@function(method=False)
def ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """The negative log-probability of each target under log-probabilities (time, samples, labels).

    `targets` is (samples, longest target), or all targets one after the other. `reduction`: 0 for each sample's loss,
    1 for the mean of the losses divided by their targets' lengths, 2 for the sum. `zero_infinity` counts a target that
    is too long for its time as 0 instead of infinity.
    """
    times, lengths = _lengths(input_lengths, target_lengths)
    single = log_probs.ndim == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    rows = _targets(x, targets.unsqueeze(0) if single else targets, times, lengths, blank)
    labels = Labels(x.device, rows, lengths, times, blank)
    each = _ctc_loss.call(x, labels=labels, zero_infinity=zero_infinity)
    if zero_infinity:
        infinite = FUNCTIONS["eq"](each, float("inf"))
        each = FUNCTIONS["where"](infinite, each.new_zeros(()), each)
    if reduction == 1:
        shares = x.device.wrap(np.maximum(np.asarray(lengths), 1).astype(x._array.dtype))
        return (each / Tensor._of(shares, x.device)).mean()  # type: ignore[no-any-return]
    if reduction == 2:
        return each.sum()  # type: ignore[no-any-return]
    return each.squeeze(0) if single else each


def _lengths(*given: Any) -> tuple[list[int], list[int]]:
    """Both lengths as lists: two tensors, or two sequences of integers."""
    kinds = [isinstance(value, Tensor) for value in given]
    if kinds[0] != kinds[1] or not (kinds[0] or all(isinstance(value, (list, tuple)) for value in given)):
        raise noted(
            TypeError(
                "ctc_loss() received an invalid combination of arguments\n"
                "The input and target lengths are two tensors, or two sequences of integers."
            )
        )
    made = []
    for name, value in zip(("input_lengths", "target_lengths"), given, strict=True):
        if isinstance(value, Tensor):
            if value.dtype.category != 1:
                raise RuntimeError(f"{name} must be integral")
            value = value.reshape(-1).tolist()
        made.append([int(n) for n in value])
    return made[0], made[1]


_WHILE = "(while checking arguments for ctc_loss_allocate_outputs)"


def _targets(x: Tensor, targets: Tensor, times: list[int], lengths: list[int], blank: int) -> Any:
    """The targets on the host, one row for each sample; PyTorch's errors for what does not fit."""
    if x.ndim != 3:
        raise noted(
            RuntimeError(
                f"Expected 3-dimensional tensor, but got {x.ndim + 1}-dimensional tensor for argument #1 'log_probs' "
                f"{_WHILE}\nThe log-probabilities are (time, samples, labels)."
            )
        )
    if x.dtype.name not in ("float32", "float64"):
        raise no_kernel("ctc_loss_cpu", x)
    steps, samples, classes = x.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, value in (("input_lengths", times), ("target_lengths", lengths)):
        if len(value) != samples:
            raise noted(RuntimeError(f"{name} must be of size batch_size\n{len(value)} lengths, {samples} samples."))
    for name, value, most in (("input_lengths", times, steps), ("target_lengths", lengths, None)):
        for n in value:
            if n < 0:
                raise RuntimeError(f"Expected {name} to have value at least 0, but got value {n} {_WHILE}")
            if most is not None and n > most:
                raise RuntimeError(f"Expected {name} to have value at most {most}, but got value {n} {_WHILE}")
    host, longest = targets.device.to_numpy(targets._array).astype(np.int64), max(lengths, default=0)
    if host.ndim == 2:
        if host.shape[1] < longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size {host.shape[1]} for "
                f"argument #2 'targets' {_WHILE}"
            )
        return host[:, :longest]
    if host.size != sum(lengths):
        raise RuntimeError(
            f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size {host.size} for argument #2 "
            f"'targets' {_WHILE}"
        )
    rows, start = np.full((samples, longest), blank, np.int64), 0
    for i, n in enumerate(lengths):
        rows[i, :n] = host[start : start + n]
        start += n
    return rows
