"""Datasets: where samples come from, one by one or as a stream, and how datasets are cut and joined."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.errors import noted
from gradviz.core.mode import is_grad_enabled
from gradviz.core.random import Generator, default_generator
from gradviz.core.tensor import Tensor

T = TypeVar("T", covariant=True)
Gather = Callable[[Sequence[int]], Any]


class Dataset(Generic[T]):
    """A map from keys (usually 0 ... len-1) to samples; subclasses give `__getitem__` and usually `__len__`.

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.Dataset
    """

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(
            f"Subclasses of Dataset should implement __getitem__.\n{type(self).__name__} does not: give it "
            "`def __getitem__(self, index)` that returns one sample."
        )

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T], Iterable[T]):
    """A stream of samples: subclasses give `__iter__`. Every worker iterates over all of it, see `get_worker_info`.

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.IterableDataset
    """

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples are rows: sample i is `(a[i], b[i], ...)` of tensors with the same first size.

    Raises AssertionError if the sizes differ. https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.TensorDataset
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        sizes = [t.size(0) for t in tensors]
        if len(set(sizes)) > 1:
            raise AssertionError(
                f"Size mismatch between tensors\nThe first sizes are {', '.join(map(str, sizes))}; a sample is one row "
                "of each tensor, so they must be equal."
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        size: int = self.tensors[0].size(0)
        return size

    def _gather(self, indices: Sequence[int]) -> Any:
        rows = np.asarray(indices)
        plain = all(type(t) is Tensor and t.device is CPU for t in self.tensors)
        recorded = is_grad_enabled() and any(t.requires_grad for t in self.tensors)
        if not plain or recorded or rows.dtype.kind not in "iu" or not _inside(rows, len(self)):
            return None
        return [Tensor._of(tensor._array[rows]) for tensor in self.tensors]


class StackDataset(Dataset[Any]):
    """Datasets side by side: sample i is the tuple of their samples i, or a dict of them if they are given by name.

    >>> pairs = StackDataset(image=[10, 20], label=["a", "b"])
    >>> pairs[1]
    {'image': 20, 'label': 'b'}

    Raises ValueError if the datasets have different lengths, or some have names and some not.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.StackDataset
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or``dict``- (via ``kwargs``) like input/output, but both "
                "types are given."
            )
        self.datasets = args or kwargs
        if not self.datasets:
            raise ValueError("At least one dataset should be passed")
        lengths = [len(dataset) for dataset in self._parts]
        self._length = lengths[0]
        if len(set(lengths)) > 1:
            raise noted(ValueError(f"Size mismatch between datasets\nTheir lengths are {lengths}; they must be equal."))

    @property
    def _parts(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _sample(self, values: Iterable[Any]) -> Any:
        return dict(zip(self.datasets, values, strict=True)) if isinstance(self.datasets, dict) else tuple(values)

    def __getitem__(self, index: Any) -> Any:
        return self._sample(dataset[index] for dataset in self._parts)

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        columns = [_many(dataset, indices) for dataset in self._parts]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}")
        return [self._sample(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[Any]):
    """Datasets one after the other. https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.ConcatDataset"""

    datasets: list[Dataset[Any]]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError(
                "ConcatDataset does not support IterableDataset\nA stream has no index: use ChainDataset for streams."
            )
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Where each dataset ends."""
        return list(itertools.accumulate(len(dataset) for dataset in sequence))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> Any:
        size = len(self)
        if idx < -size:
            raise noted(
                ValueError(
                    f"absolute value of index should not exceed dataset length\nIndex {idx} of a dataset of "
                    f"{size} samples."
                )
            )
        idx = idx + size if idx < 0 else idx
        which = bisect.bisect_right(self.cumulative_sizes, idx)
        return self.datasets[which][idx - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset[Any]):
    """Streams one after the other. https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.ChainDataset"""

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(
                    f"ChainDataset only supports IterableDataset\nIt was given a {type(dataset).__name__}: use "
                    "ConcatDataset."
                )
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        for dataset in self._streams():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._streams())


class Subset(Dataset[T]):
    """The samples of a dataset at `indices`. https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.Subset"""

    dataset: Dataset[T]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[T], indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise noted(
                NotImplementedError(
                    f"{kind.__name__} overrides __getitem__ but not __getitems__. When subclassing Subset and "
                    "overriding "
                    "__getitem__, you must also override __getitems__ to ensure DataLoader works correctly with your "
                    "custom logic.\nGive it `def __getitems__(self, indices): return [self[i] for i in indices]`."
                )
            )

    def __getitem__(self, idx: Any) -> T:
        return self.dataset[[self.indices[i] for i in idx] if isinstance(idx, list) else self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[T]:
        return _many(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)

    def _gather(self, indices: Sequence[int]) -> Any:
        gather = gatherer(self.dataset)
        return None if gather is None else gather([self.indices[i] for i in indices])


def _many(dataset: Any, indices: list[Any]) -> list[Any]:
    """Several samples: at once, if the dataset can."""
    many = getattr(dataset, "__getitems__", None)
    found: list[Any] = many(indices) if callable(many) else [dataset[i] for i in indices]
    return found


def random_split(
    dataset: Dataset[T], lengths: Sequence[int | float], generator: Generator | None = default_generator
) -> list[Subset[T]]:
    """Cuts a dataset at random into parts of the given lengths, or of the given fractions if they add up to 1.

    Raises ValueError if the lengths do not add up to the dataset's.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.random_split
    """
    size = len(dataset)  # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _from_fractions(lengths, size)
    if sum(lengths) != size:
        raise noted(
            ValueError(
                "Sum of input lengths does not equal the length of the input dataset!\n"
                f"{list(lengths)} add up to {sum(lengths)}; the dataset has {size} samples."
            )
        )
    order = (generator if generator is not None else default_generator).permutation(size).tolist()
    parts = iter(order)
    return [Subset(dataset, list(itertools.islice(parts, int(length)))) for length in lengths]


def _from_fractions(fractions: Sequence[float], size: int) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise noted(ValueError(f"Fraction at index {i} is not between 0 and 1\nIt is {fraction}."))
    lengths = [math.floor(size * fraction) for fraction in fractions]
    for i in range(size - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3)
    return lengths


def gatherer(dataset: Any) -> Gather | None:
    """A function that makes a whole batch at once, as collating its samples would, if the dataset has one.

    `_gather(indices)` returns None where it cannot; a subclass with a `__getitem__` of its own does not inherit it.
    """
    kind: Any = type(dataset)
    owner = next((base for base in kind.__mro__ if "_gather" in base.__dict__), None)
    if owner is None or kind.__getitem__ is not owner.__getitem__ or "__getitem__" in vars(dataset):
        return None
    gather: Gather = dataset._gather
    return gather


def _inside(rows: np.ndarray[Any, Any], size: int) -> bool:
    return rows.ndim == 1 and bool(len(rows)) and -size <= int(rows.min()) and int(rows.max()) < size
