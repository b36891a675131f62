"""Sequences of different lengths in one tensor: filled up with padding, or packed without it (torch.nn.utils.rnn).

a a a        padded: a a a        packed: a b c | a b | a      batch_sizes: 3 2 1
b b                  b b .
c                    c . .
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

from gradviz.core import dtype as kinds
from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class PackedSequence_(NamedTuple):
    """The four parts of a PackedSequence."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


def bind(optional: Any, fn: Callable[[Any], Any]) -> Any:
    """`fn(optional)`, but None for None."""
    return None if optional is None else fn(optional)


class PackedSequence(PackedSequence_):
    """Sequences without padding, the longest first: all their first steps, then all second steps, and so on.

    `data` is (sum of lengths, *). `batch_sizes`, on the CPU, says how many sequences have each step. `sorted_indices`
    is the order in which the sequences were sorted, `unsorted_indices` its inverse; None where they came sorted.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.PackedSequence.html
    """

    def __new__(
        cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:  # fmt: skip
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:  # both as a pair
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. "
                "They should be instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn."
                " https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The same sequences on another device or of another type; itself if nothing changes."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        order = [bind(t, lambda t: t.to(data.device)) for t in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *order)

    def pin_memory(self) -> Self:
        """The same sequences in page-locked memory."""
        order = [bind(t, lambda t: t.pin_memory()) for t in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(self.data.pin_memory(), self.batch_sizes, *order)

    def cpu(self, *args: Any, **kwargs: Any) -> Self:
        """The same sequences in host memory."""
        return self.to(*args, **{"device": "cpu", **kwargs})

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """The same sequences on a CUDA device."""
        return self.to(*args, **kwargs) if args or "device" in kwargs else self.to(device="cuda", **kwargs)

    def double(self) -> Self:
        """The data as float64."""
        return self.to(dtype=kinds.float64)

    def float(self) -> Self:
        """The data as float32."""
        return self.to(dtype=kinds.float32)

    def half(self) -> Self:
        """The data as float16."""
        return self.to(dtype=kinds.float16)

    def long(self) -> Self:
        """The data as int64."""
        return self.to(dtype=kinds.int64)

    def int(self) -> Self:
        """The data as int32."""
        return self.to(dtype=kinds.int32)

    def short(self) -> Self:
        """The data as int16."""
        return self.to(dtype=kinds.int16)

    def char(self) -> Self:
        """The data as int8."""
        return self.to(dtype=kinds.int8)

    def byte(self) -> Self:
        """The data as uint8."""
        return self.to(dtype=kinds.uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in page-locked memory."""
        return self.data.is_pinned()  # type: ignore[no-any-return]


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The order that undoes an order; None for None."""
    if permutation is None:
        return None
    places = FUNCTIONS["arange"](permutation.numel(), dtype=permutation.dtype, device=permutation.device)
    return permutation.new_empty(permutation.shape).scatter_(0, permutation, places)  # type: ignore[no-any-return]


# -- with padding --------------------------------------------------------------------------------------------------
def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:  # fmt: skip
    """Sequences (L_i, *), filled up to the longest: (T, B, *), or (B, T, *) with `batch_first`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pad_sequence.html
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    found: list[Tensor] = list(sequences)
    if not found:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    if not found[0].ndim:
        raise noted(RuntimeError("ArrayRef: invalid slice, N = 1; size = 0\nA sequence has at least one dimension."))
    longest = max(x.shape[0] for x in found)
    leading = (len(found), longest) if batch_first else (longest, len(found))
    padded = found[0].new_full((*leading, *found[0].shape[1:]), padding_value)
    for i, x in enumerate(found):
        length = x.shape[0]
        start = 0 if padding_side == "right" else longest - length
        row = padded.select(0 if batch_first else 1, i)
        row.narrow(0, start, length).copy_(x)
    return padded  # type: ignore[no-any-return]


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences in a padded tensor, cut to their lengths; the inverse of `pad_sequence`.

    As in PyTorch the dimensions of `padded_sequences` are swapped in place unless `batch_first`.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.unpad_sequence.html
    """
    if not batch_first:
        padded_sequences.transpose_(0, 1)
    places = FUNCTIONS["arange"](padded_sequences.shape[1], device=lengths.device)
    return [row[places < length] for row, length in zip(padded_sequences, lengths, strict=True)]


# -- without padding -----------------------------------------------------------------------------------------------
def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:  # fmt: skip
    """Padded sequences (T, B, *), or (B, T, *) with `batch_first`, packed.

    Raises RuntimeError for lengths that are not sorted, the longest first, unless `enforce_sorted=False`, which sorts
    them. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pack_padded_sequence.html
    """
    if isinstance(lengths, Tensor):
        lengths = lengths.to(dtype=kinds.int64)
    else:
        lengths = FUNCTIONS["as_tensor"](lengths, dtype=kinds.int64, device="cpu")
    order = None
    if not enforce_sorted:
        lengths, order = FUNCTIONS["sort"](lengths, descending=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    data, batch_sizes = FUNCTIONS["_pack_padded_sequence"](input, lengths, batch_first)
    return PackedSequence(data, batch_sizes, order)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Packed sequences with padding, in their first order, and their lengths; the inverse of `pack_padded_sequence`.

    `total_length` is filled up to, where it is more than the longest.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pad_packed_sequence.html
    """
    sizes: list[int] = sequence.batch_sizes.tolist()
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(sizes)}"
        )
    data = sequence.data
    padded = data.new_full((steps, sizes[0], *data.shape[1:]), padding_value)
    start = taken = 0
    while start < len(sizes):  # all steps of one batch size at once
        size = sizes[start]
        stop = next((i for i in range(start, len(sizes)) if sizes[i] != size), len(sizes))
        rows = data[taken : taken + size * (stop - start)]
        padded[start:stop, :size] = rows.view(stop - start, size, *data.shape[1:])
        taken += rows.shape[0]
        start = stop
    lengths = FUNCTIONS["tensor"]([sum(size > i for size in sizes) for i in range(sizes[0])])
    if batch_first:
        padded = padded.transpose(0, 1)
    order = sequence.unsorted_indices
    if order is not None:
        padded, lengths = padded.index_select(0 if batch_first else 1, order), lengths[order.cpu()]
    return padded, lengths


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L_i, *) packed; see `pack_padded_sequence`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pack_sequence.html
    """
    lengths = FUNCTIONS["as_tensor"]([x.shape[0] for x in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences in a PackedSequence, in their first order; the inverse of `pack_sequence`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.unpack_sequence.html
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
