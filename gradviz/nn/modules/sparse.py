"""Embedding: a table of vectors, looked up by number, one by one or in bags."""

from __future__ import annotations

from typing import Any

from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from ..parameter import Parameter
from .linear import empty_parameter
from .module import Module


class _Table(Module):
    """What Embedding and EmbeddingBag share: the table, its start, and the row that stays zero."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool

    def _row(self, padding_idx: int | None, name: str) -> int | None:
        """`padding_idx` counted from the front."""
        if padding_idx is None or padding_idx == 0:
            return padding_idx
        if not -self.num_embeddings <= padding_idx < self.num_embeddings:
            raise AssertionError(f"{name} must be within num_embeddings")
        return padding_idx % self.num_embeddings

    def _fill(self, weight: Tensor | None, freeze: bool, device: Any, dtype: Any) -> None:
        """Make the table, or take a given one."""
        size = (self.num_embeddings, self.embedding_dim)
        if weight is None:
            self.weight = empty_parameter(*size, device=device, dtype=dtype)
            self.reset_parameters()
        elif tuple(weight.shape) != size:
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        else:
            self.weight = Parameter(weight)
        self.weight.requires_grad_(not freeze)

    def reset_parameters(self) -> None:
        """Draw all rows from the normal distribution; zero the padding row."""
        init.normal_(self.weight)
        self._fill_padding_idx_with_zero()

    def _fill_padding_idx_with_zero(self) -> None:
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def _changed(self) -> list[str]:
        """The settings that the repr shows only where they are not the usual ones."""
        usual = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        return [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]


def _rows_and_size(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
    rows, size = embeddings.shape
    return rows, size


class Embedding(_Table):
    """Row i of `weight` for every number i of the input. Shape: integers (*) -> (*, embedding_dim).

    Args: the row `padding_idx` starts at zero and gets no gradient. With `max_norm`, rows that are looked up are first
    shrunk, in the table itself, to at most this `norm_type`-norm. `scale_grad_by_freq` divides the gradient of a row by
    how often it was looked up in the batch. Rows start as normal numbers. Sparse gradients are refused.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Embedding.html
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Tensor | None = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = self._row(padding_idx, "Padding_idx")
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.sparse = sparse
        self._fill(_weight, _freeze, device, dtype)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """An Embedding with a given table; with `freeze` it is not trained."""
        rows, size = _rows_and_size(embeddings)
        return cls(
            rows, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings,
            _freeze=freeze,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        padding = [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]
        sparse = ["sparse=True"] if self.sparse is not False else []
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *padding, *self._changed(), *sparse])


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag of numbers, without the rows themselves.

    Shape: bags (B, n), or numbers (n) with `offsets` (B) where each bag begins -> (B, embedding_dim). Numbers
    `padding_idx` are left out. `per_sample_weights` in the input's shape scale the rows of a sum.
    `include_last_offset` says that the last offset is the end. Other arguments as for Embedding.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.EmbeddingBag.html
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Tensor | None = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.padding_idx = self._row(padding_idx, "padding_idx")
        self._fill(_weight, False, device, dtype)
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:  # fmt: skip
        """An EmbeddingBag with a given table; with `freeze` it is not trained."""
        rows, size = _rows_and_size(embeddings)
        made = cls(
            rows, size, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset,
            padding_idx,
        )  # fmt: skip
        made.weight.requires_grad = not freeze
        return made

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:  # fmt: skip
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
            self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        padding = [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]
        sizes = [str(self.num_embeddings), str(self.embedding_dim)]
        return ", ".join([*sizes, *self._changed(), f"mode={self.mode!r}", *padding])
