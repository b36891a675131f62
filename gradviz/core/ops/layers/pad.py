"""Growing tensors at their borders."""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel, noted
from ...op import OPS
from ...tensor import Tensor
from .reflection_pad import padded
from .sliding_windows import integers

Ends = tuple[tuple[int, int], ...]


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Grow the tensor at its borders: `pad` is (before, after) of the last dimension, then of the one before it, ...

    `mode` is "constant" (filled with `value`, 0 unless given), "reflect", "replicate" (the edge again) or "circular".
    Negative numbers cut away.
    """
    pad = integers("pad", "pad", pad)
    if len(pad) % 2:
        raise noted(RuntimeError(f"Padding length must be divisible by 2\npad is {pad}."))
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )
    given = tuple((pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2))
    if mode == "constant":
        ends = ((0, 0),) * (input.ndim - len(given)) + given
        if any(n + a < 0 or n + b < 0 or n + a + b < 0 for n, (a, b) in zip(input.shape, ends, strict=True)):
            raise RuntimeError("narrow(): length must be non-negative.")
        return OPS["constant_pad_nd"].call(input, widths=ends, value=0.0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _CHECKS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if input.ndim - len(given) not in (1, 2) or not 1 <= len(given) <= 3:
        raise noted(
            NotImplementedError(
                f"Padding size {len(pad)} is not supported for {input.ndim}D input tensor.\n"
                "Only the last 1, 2 or 3 dimensions are padded, and 1 or 2 come before them: (N, C, ...) or (C, ...)."
            )
        )
    if mode != "circular" and input.dtype.category == 0:
        raise no_kernel(f"{mode.removesuffix('e')}ion_pad{len(given)}d", input)
    _CHECKS[mode](input, given)
    return _circle(input, given) if mode == "circular" else padded(input, mode, given)


def _room(input: Tensor, ends: Ends) -> None:
    """What is left must be something."""
    dims = len(ends)
    sizes = [n + a + b for n, (a, b) in zip(input.shape[-dims:], ends, strict=True)]
    if min(sizes) < 1:
        axes = "DHW"[-dims:]
        have, made = (" ".join(f"{a}: {n}" for a, n in zip(axes, s, strict=True)) for s in (input.shape[-dims:], sizes))
        raise RuntimeError(f"input ({have}) is too small. Calculated output {made}")


def _check_reflection(input: Tensor, ends: Ends) -> None:
    for i, (n, each) in enumerate(zip(input.shape[-len(ends) :], ends, strict=True)):
        if max(each) >= n:
            raise noted(
                RuntimeError(
                    "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                    f"({each[0]}, {each[1]}) at dimension {input.ndim - len(ends) + i} of input {list(input.shape)}\n"
                    f"A reflection at the border of {n} places has {n - 1} places to show."
                )
            )
    _room(input, ends)


def _check_circle(input: Tensor, ends: Ends) -> None:
    for n, each in zip(input.shape[-len(ends) :], ends, strict=True):
        if max(each) > n:
            raise noted(
                RuntimeError(f"Padding value causes wrapping around more than once.\nThe size is {n}, pad is {each}.")
            )
        if n + sum(each) < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")


def _circle(input: Tensor, ends: Ends) -> Tensor:
    """What leaves at one border comes in at the other: the picture in the middle, then each border copied to the other.

    As in PyTorch these are writes into slices, and the graph shows them.
    """
    dims = list(enumerate(ends, input.ndim - len(ends)))
    shape = list(input.shape)
    for dim, each in dims:
        shape[dim] += sum(each)
    out = input.new_zeros(shape)
    middle, kept = out, input
    for dim, (before, after) in reversed(dims):
        middle = middle.narrow(dim, max(before, 0), shape[dim] - max(before, 0) - max(after, 0))
        cut = max(-before, 0)
        kept = kept.narrow(dim, cut, input.shape[dim] - cut - max(-after, 0))
    middle.copy_(kept)
    for dim, (before, after) in dims:
        stop = shape[dim] - max(after, 0)
        if before > 0:
            out.narrow(dim, 0, before).copy_(out.narrow(dim, stop - before, before))
        if after > 0:
            out.narrow(dim, stop, after).copy_(out.narrow(dim, max(before, 0), after))
    return out  # type: ignore[no-any-return]


_CHECKS = {"reflect": _check_reflection, "replicate": _room, "circular": _check_circle}
