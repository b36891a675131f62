"""What `SignalPropagation` keeps of one network: how the sizes of each layer's numbers are spread, and their scale.

A number's size is counted in octaves: 2^k up to 2^(k+1) is one bin, which is the exponent of the number itself, so the
counts are exact. For the picture each bin has one character, its height from 0 to 35 against the highest bin of its
layer: `-3:0az9` are four bins from 2^-3 on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.tensor import Tensor

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
LAYERS = 200

Run = Callable[[int, float], tuple[Sequence[Any], Sequence[Any]]]


class Layer(NamedTuple):
    """The numbers of one layer, its outputs or their gradients.

    Attributes:
        first: the exponent of the lowest bin
        counts: how many sizes are in each octave from there on
        rms: the root of the mean square of the finite ones; "size" in the picture
        zero: the share that is exactly 0
        bad: the share that is NaN or infinite
    """

    first: int
    counts: list[int]
    rms: float
    zero: float
    bad: float

    @property
    def heights(self) -> str:
        """The bins as characters; those at the ends that would be flat are left out."""
        top = max(self.counts, default=0)
        tall = [round(35 * count / top) for count in self.counts]
        some = [i for i, height in enumerate(tall) if height] or [0]
        kept = tall[some[0] : some[-1] + 1]
        return f"{self.first + some[0]}:" + "".join(DIGITS[height] for height in kept)

    @property
    def hill(self) -> list[tuple[float, float]]:
        """The heights over their octaves, in powers of ten: from 0 to 1, and on the ground at both ends."""
        first, digits = self.heights.split(":")
        if not digits:
            return []
        at = [math.log10(2) * (int(first) + i - 0.5) for i in range(len(digits) + 2)]
        return list(zip(at, [0.0, *(int(digit, 36) / 35 for digit in digits), 0.0], strict=True))


class Signals(NamedTuple):
    """A network, from its first layer to its last."""

    outputs: list[Layer]
    grads: list[Layer]

    @property
    def ratio(self) -> float:
        """The gradient's size at the first layer, compared with that at the last; NaN where the last has none."""
        first, last = self.grads[0].rms, self.grads[-1].rms
        return first / last if last else math.nan


def signals_of(run: Run, depth: int, gain: float) -> Signals:
    """Run a network and measure it.

    Raises:
        TypeError: it did not return two sequences of tensors.
        ValueError: it has no layer, too many, or a gradient is missing.
    """
    try:
        outputs, grads = (list(part) for part in run(depth, gain))
    except (TypeError, ValueError) as error:
        raise TypeError(
            "SignalPropagation: the function must return two lists, the outputs of all layers and their gradients.\n"
            f"Called with depth={depth} and gain={gain:g} it did not: {error}"
        ) from error
    if len(outputs) != len(grads) or not 1 <= len(outputs) <= LAYERS:
        raise ValueError(
            f"SignalPropagation: as many gradients as outputs, from 1 to {LAYERS}; "
            f"got {len(outputs)} outputs and {len(grads)} gradients."
        )
    missing = [i + 1 for i, grad in enumerate(grads) if grad is None]
    if missing:
        raise ValueError(
            f"SignalPropagation: layer {missing[0]} has no gradient.\n"
            "Call retain_grad() on each output before the loss, and backward() after it."
        )
    return Signals([measured(one) for one in outputs], [measured(one) for one in grads])


def measured(one: Any) -> Layer:
    """The octaves and the scale of one tensor."""
    flat = np.asarray(one.device.to_numpy(one._array) if isinstance(one, Tensor) else one).reshape(-1)
    if flat.dtype.kind not in "fiub" or not flat.size:
        raise TypeError(f"SignalPropagation: a layer must hold real numbers; got {flat.size} of {flat.dtype}.")
    sizes = np.abs(flat.astype(np.float64))
    fine = sizes[np.isfinite(sizes)]
    some = fine[fine > 0]
    zero, bad = (fine.size - some.size) / sizes.size, (sizes.size - fine.size) / sizes.size
    if not some.size:
        return Layer(0, [], 0.0, zero, bad)
    exponents = np.frexp(some)[1] - 1  # x = m * 2^e with 0.5 <= m < 1
    first, top = int(exponents.min()), some.max()
    rms = float(top * np.sqrt(np.square(some / top).sum() / fine.size))  # no square leaves the range
    return Layer(first, np.bincount(exponents - first).tolist(), rms, zero, bad)


def packed(signals: Signals) -> list[list[Any]]:
    """As a page gets it: of outputs and gradients the heights of all layers, their sizes, what is 0 or not finite."""
    made = []
    for layers in signals:
        odd = [[i, _four(one.zero), _four(one.bad)] for i, one in enumerate(layers) if one.zero or one.bad]
        made.append([" ".join(one.heights for one in layers), [_four(one.rms) for one in layers], odd])
    return made


def _four(value: float) -> float:
    """Four digits, as they are shown."""
    return float(f"{value:.4g}")
