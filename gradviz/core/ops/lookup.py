"""Looking rows up in a table, one of which is only padding and learns nothing."""

from __future__ import annotations

from typing import Any

from ..op import op


def _embedding_rule(F: Any, g: Any, weight_shape: tuple[int, ...], into: Any) -> Any:
    """Add every row of the gradient into its row; padding rows go into one more, which is then cut off."""
    rows, *rest = weight_shape
    grown = F.index_add_zeros(g, shape=(rows + 1, *rest), index=(into,))
    return F.narrow(grown, dim=0, start=0, length=rows)


# `index` says which rows are read, `into` where their gradients go.
padded_embedding = op(
    "padded_embedding", lambda weight, *, index, into: weight[index], node="EmbeddingBackward0", public=False,
    weight=lambda F, g, *, weight_shape, into: _embedding_rule(F, g, weight_shape, into),
)  # fmt: skip
