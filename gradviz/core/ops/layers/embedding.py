"""Looking rows up in a table, one of which is only padding and learns nothing."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...checks import within
from ...clock import wrote
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..indexing.getitem import _embedding
from ..indexing.take import beside


def into_rows(F: Any, g: Any, weight_shape: tuple[int, ...], into: Any) -> Any:
    """Add every row of the gradient into its row; padding rows go into one more, which is then cut off."""
    rows, *rest = weight_shape
    grown = F.index_add_zeros(g, shape=(rows + 1, *rest), index=(into,))
    return F.narrow(grown, dim=0, start=0, length=rows)


# `index` says which rows are read, `into` where their gradients go, `share` (a constant) how much of each.
padded_embedding = op(
    "padded_embedding", lambda weight, share, *, index, into: weight[index], node="EmbeddingBackward0", public=False,
    weight=lambda F, g, share, *, weight_shape, into:
        into_rows(F, g if share is None else g * share, weight_shape, into),
)  # fmt: skip


# -- reading the arguments -----------------------------------------------------------------------------------------
def check_index(name: str, tensor: Tensor) -> None:
    """RuntimeError for an index that is neither int64 nor int32."""
    if tensor.dtype.name not in ("int64", "int32"):
        raise noted(
            RuntimeError(
                "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
                f"but got {tensor.type()} instead (while checking arguments for {name})\n"
                "The indices are row numbers: make them with tensor.long()."
            )
        )


def unsupported_sparse(name: str, weight: Tensor, sparse: bool) -> None:
    """NotImplementedError for gradients as sparse tensors; without gradients `sparse` means nothing."""
    if sparse and weight.requires_grad:
        raise NotImplementedError(f"{name}(): argument 'sparse'=True is not supported, only False")


def frequency_share(weight: Tensor, index: Any) -> Any:
    """For each looked-up row, one over how often it is looked up."""
    xp = weight.device.xp
    counts = xp.bincount(index.reshape(-1), minlength=weight.shape[0])
    return (1 / counts[index]).astype(weight._array.dtype)


@function(method=False)
def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """The rows of `weight` (n, d) with the numbers in `indices` (*) -> (*, d). `padding_idx`'s row gets no gradient."""
    unsupported_sparse("embedding", weight, sparse)
    if weight.ndim != 2:
        raise noted(RuntimeError(f"'weight' must be 2-D\nIts shape is {tuple(weight.shape)}, not (rows, size)."))
    check_index("embedding", indices)
    beside(indices, "embedding", weight)
    index, rows = indices._array, weight.shape[0]
    text = f"index out of range in self\nThe indices must lie in [0, {rows}), the rows of the weight."
    within(weight.device.xp, index, 0, rows, lambda bad: noted(IndexError(text)))
    if padding_idx < 0 and not scale_grad_by_freq:
        return _embedding.call(weight, index=index)
    into = index if padding_idx < 0 else weight.device.xp.where(index == padding_idx, rows, index)
    share = Tensor._of(frequency_share(weight, index)[..., None], weight.device) if scale_grad_by_freq else None
    return padded_embedding.call(weight, share, index=index, into=into)


@function(method=False, name="embedding_renorm_")
def embedding_renorm_(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Shrink the rows of `weight` that `indices` names to the length `max_norm`, where they are longer."""
    check_index("embedding_renorm_", indices)
    if weight.dtype.category < 2:
        kind = errors.scalar_type(weight.dtype)
        raise RuntimeError(f"norm(): input dtype should be either floating point or complex. Got {kind} instead.")
    xp, rows = weight.device.xp, weight.shape[0]
    seen = xp.unique(indices._array.reshape(-1))
    outside = seen[(seen < 0) | (seen >= rows)]
    if outside.size:
        raise IndexError(
            f"select(): index {int(outside[0])} out of range for tensor of size {list(weight.shape)} at dimension 0"
        )
    lengths = Tensor._of(weight._array[seen], weight.device).norm(norm_type, 1)._array
    factors = xp.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1.0).astype(weight._array.dtype)
    if bool((factors != 1).any()):
        weight._array[seen] = weight._array[seen] * factors[:, None]
        wrote(weight)
    return weight
