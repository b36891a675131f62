"""Rows of tables by their numbers, alone or in bags, and numbers as rows."""

from __future__ import annotations

import warnings

from gradviz.core.errors import noted
from gradviz.core.mode import no_grad
from gradviz.core.ops.layers import embedding as lookup
from gradviz.core.ops.layers import embedding_bag as bags
from gradviz.core.tensor import Tensor

MODES = {"sum": bags.SUM, "mean": bags.MEAN, "max": bags.MAX}


def _shorten(weight: Tensor, input: Tensor, max_norm: float | None, norm_type: float) -> None:
    """With `max_norm`, shrink the rows that are looked up, in the table itself."""
    if max_norm is not None:
        with no_grad():
            lookup.embedding_renorm_(weight, input, max_norm, norm_type)


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of `weight` (n, d) with the numbers in `input` (*) -> (*, d). `padding_idx`'s row gets no gradient.

    `max_norm` first shrinks those rows, in the table itself, to at most this `norm_type`-norm; `scale_grad_by_freq`
    divides each row's gradient by how often it is looked up.
    """
    rows = weight.shape[0] if weight.ndim else 0
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    _shorten(weight, input, max_norm, norm_type)
    return lookup.embedding(weight, input, -1 if padding_idx is None else padding_idx, scale_grad_by_freq, sparse)


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """The sum, mean or maximum of the rows of `weight` in each bag: rows of `input` (bags, n), or, for `input` of one
    dimension, the parts that start at `offsets`. Rows `padding_idx` are left out.
    """
    if weight.dtype.name == "int64" and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is "
            "deprecated, and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    samples = per_sample_weights
    if samples is not None and input.size() != samples.size():
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({samples.shape}) is not None, then it must have the same shape as "
            f"the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim == 2:
        input, offsets, samples = _rows_as_bags(input, offsets, samples)
        include_last_offset = False
    elif input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    elif offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    elif offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    _check_mode(mode, scale_grad_by_freq, sparse)
    _shorten(weight, input, max_norm, norm_type)
    if samples is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )
    return bags.embedding_bag(
        weight, input, offsets, scale_grad_by_freq, MODES[mode], sparse, samples, include_last_offset, padding_idx
    )[0]  # fmt: skip


def _rows_as_bags(
    input: Tensor, offsets: Tensor | None, samples: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Rows one after the other, and where each starts."""
    if offsets is not None:
        raise noted(
            ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type\n{type(offsets)}"
            )
        )
    xp, (count, length) = input.device.xp, input.shape
    starts = Tensor._of((xp.arange(count) * length).astype(input._array.dtype), input.device)
    return input.reshape(-1), starts, None if samples is None else samples.reshape(-1)


def _check_mode(mode: str, scale_grad_by_freq: bool, sparse: bool) -> None:
    if mode not in MODES:
        raise noted(ValueError(f"mode has to be one of sum, mean or max\nGot {mode!r}."))
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Class numbers (*) as rows of zeros with a single 1 (*, num_classes)."""
    if input.dtype.name != "int64":
        raise noted(RuntimeError("one_hot is only applicable to index tensor of type LongTensor.\nUse tensor.long()."))
    values = input._array
    if values.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if values.size and int(values.min()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    count = int(values.max()) + 1 if num_classes == -1 else num_classes
    if values.size and int(values.max()) >= count:
        raise RuntimeError("Class values must be smaller than num_classes.")
    xp = input.device.xp
    return Tensor._of((values[..., None] == xp.arange(count)).astype(xp.int64), input.device)
