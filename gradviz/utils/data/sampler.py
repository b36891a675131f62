"""Samplers: in which order a DataLoader visits a dataset. The same seed gives PyTorch's order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.errors import noted
from gradviz.core.ops.random.distributions import multinomial
from gradviz.core.random import Generator, generator_for
from gradviz.core.tensor import Tensor

T = TypeVar("T", covariant=True)
BLOCK = 32


class Sampler(Generic[T]):
    """An order to visit a dataset in: subclasses give `__iter__` over keys, and `__len__` if they know it.

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.Sampler
    """

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} needs `def __iter__(self)` that yields keys of the dataset.")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ... in order."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Keys in random order: shuffled anew each time, or drawn with replacement.

    Without a generator, each pass draws a seed from the default generator and shuffles with a generator of its own.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.RandomSampler
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _require_bool("replacement", replacement, TypeError)
        empty = "\nThe dataset is empty: there is nothing to shuffle." if num_samples is None else ""
        _require_positive("num_samples", self.num_samples, empty)

    @property
    def num_samples(self) -> int:
        """How many keys a pass yields: by default as many as the dataset has now."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, samples = len(self.data_source), self.num_samples
        generator = self.generator if self.generator is not None else Generator().manual_seed(draw_seed(None))
        if self.replacement:
            for _ in range(samples // BLOCK):
                yield from generator.integers(BLOCK, 0, n).tolist()
            yield from generator.integers(samples % BLOCK, 0, n).tolist()
        else:
            for _ in range(samples // n):
                yield from generator.permutation(n).tolist()
            yield from generator.permutation(n).tolist()[: samples % n]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Given keys, shuffled anew each time."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        generator = self.generator if self.generator is not None else generator_for(CPU)
        for i in generator.permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Keys 0 ... len(weights)-1, each drawn as often as its weight says; weights need not add up to 1.

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.WeightedRandomSampler
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        _require_positive("num_samples", num_samples)
        _require_bool("replacement", replacement)
        array = np.asarray(weights.detach()._array if isinstance(weights, Tensor) else weights, dtype=np.float64)
        if array.ndim != 1:
            raise noted(
                ValueError(
                    f"weights should be a 1d sequence but given weights have shape {tuple(array.shape)}\n"
                    "Give one weight per sample of the dataset."
                )
            )
        self.weights = Tensor._of(array)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The keys of another sampler, `batch_size` at a time.

    >>> list(BatchSampler(range(10), batch_size=3, drop_last=False))
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        _require_positive("batch_size", batch_size)
        _require_bool("drop_last", drop_last)
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        keys = iter(self.sampler)
        while batch := list(itertools.islice(keys, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)


class InfiniteSampler(Sampler[None]):
    """None for ever: a stream needs no keys."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _require_positive(name: str, value: Any, hint: str = "") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}{hint}")


def _require_bool(name: str, value: Any, error: type[Exception] = ValueError) -> None:
    if not isinstance(value, bool):
        raise error(f"{name} should be a boolean value, but got {name}={value}")


def draw_seed(generator: Generator | None) -> int:
    """A seed from a generator, or the default one: what `torch.empty((), dtype=torch.int64).random_()` draws."""
    return int((generator if generator is not None else generator_for(CPU)).natural(1, np.int64)[0])
