"""DataLoader: a dataset, visited in a sampler's order, in batches, perhaps loaded ahead by worker threads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from gradviz.core.errors import noted
from gradviz.core.random import Generator

from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .fetch import State, fetcher
from .sampler import BatchSampler, InfiniteSampler, RandomSampler, SequentialSampler, draw_seed
from .workers import Pool, ThreadedIterator

T = TypeVar("T", covariant=True)
FIXED = frozenset(("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"))


NO_PREFETCH = (
    "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable multiprocessing, "
    "otherwise set prefetch_factor to None."
)


class DataLoader(Generic[T]):
    """Iterates over a dataset in batches. Each `for` over it is one pass.

    `shuffle=True` visits the samples in a new random order each pass; the same seed gives PyTorch's order. Workers
    (`num_workers`) are threads. `pin_memory` is accepted and changes nothing: memory of NumPy arrays is not pinned.
    Raises ValueError for options that exclude one another.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
    """

    _ready = False

    def __init__(
        self,
        dataset: Dataset[T],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[T]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_numbers(num_workers, timeout, prefetch_factor, persistent_workers)
        _refuse(multiprocessing_context=multiprocessing_context, pin_memory_device=pin_memory_device)
        _refuse(in_order=None if in_order else in_order)
        if isinstance(dataset, IterableDataset):
            _check_stream(shuffle, sampler, batch_sampler)
        _check_batches(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:
            sampler = _default_sampler(dataset, bool(shuffle), generator)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn: Callable[[Any], Any] = (
            collate_fn if collate_fn is not None else default_collate if batch_sampler is not None else default_convert
        )
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._pool: Pool | None = None
        self._promised: int | None = None
        self._ready = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._ready and name in FIXED:
            raise noted(
                ValueError(
                    f"{name} attribute should not be set after {type(self).__name__} is initialized\nMake a new "
                    "DataLoader."
                )
            )
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self.batch_sampler is not None else self.sampler

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        size = self._promised = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return size
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        # As in PyTorch, each pass first draws a seed for the workers, whether there are any or not.
        if self._pool is not None and not self._pool.state.stopped:
            return self._checked(ThreadedIterator(self._pool, iter(self._index_sampler), self.prefetch_factor or 1))
        keys = iter(self._index_sampler)
        seed = draw_seed(self.generator)
        make_fetch = partial(fetcher, self.dataset, self._auto_collation, self.collate_fn, self.drop_last)
        if not self.num_workers:
            if self.timeout:
                raise AssertionError(
                    f"_SingleProcessDataLoaderIter requires timeout == 0\ntimeout={self.timeout} needs workers: a "
                    "batch loaded in the loop itself cannot time out. Give num_workers=1 or more."
                )
            return self._checked(map(make_fetch(State()), keys))
        pool = Pool(self.dataset, self.num_workers, seed, make_fetch, self.worker_init_fn, self.timeout)
        if self.persistent_workers:
            self._pool = pool
        return self._checked(ThreadedIterator(pool, keys, self.prefetch_factor or 1))

    def _checked(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches; a stream that promised a length and yields more is reported."""
        return batches if self._promised is None else _count(batches, self.dataset, self._promised)


def _default_sampler(dataset: Any, shuffle: bool, generator: Generator | None) -> Any:
    if isinstance(dataset, IterableDataset):
        return InfiniteSampler()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


def _count(batches: Iterator[Any], dataset: Any, promised: int) -> Iterator[Any]:
    for number, batch in enumerate(batches, 1):
        if number > promised:
            warnings.warn(
                f"Length of IterableDataset {dataset} was reported to be {promised} (when accessing len(dataloader)), "
                f"but {number} samples have been fetched. ",
                stacklevel=2,
            )
        yield batch


def _refuse(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value not in (None, ""):
            raise NotImplementedError(
                f"DataLoader does not support the argument {name!r} (got {value!r}): its workers are threads of this "
                "process."
            )


def _check_numbers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    problems = (
        (
            num_workers < 0,
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.",
        ),
        (timeout < 0, "timeout option should be non-negative"),
        (num_workers == 0 and prefetch_factor is not None, NO_PREFETCH),
        (prefetch_factor is not None and prefetch_factor < 0, "prefetch_factor option should be non-negative"),
        (persistent_workers and num_workers == 0, "persistent_workers option needs num_workers > 0"),
    )
    _raise_first(problems)


def _check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    expected = "DataLoader with IterableDataset: expected unspecified "
    hint = "A stream comes in its own order: shuffle or select in its __iter__."
    problems = (
        (bool(shuffle), f"{expected}shuffle option, but got shuffle={shuffle}\n{hint}"),
        (sampler is not None, f"{expected}sampler option, but got sampler={sampler}\n{hint}"),
        (batch_sampler is not None, f"{expected}batch_sampler option, but got batch_sampler={batch_sampler}\n{hint}"),
    )
    _raise_first(problems)


def _check_batches(batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop: bool) -> None:
    several = batch_size != 1 or bool(shuffle) or sampler is not None or drop
    problems = (
        (sampler is not None and bool(shuffle), "sampler option is mutually exclusive with shuffle"),
        (
            batch_sampler is not None and several,
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last",
        ),
        (
            batch_sampler is None and batch_size is None and drop,
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last",
        ),
    )
    _raise_first(problems)


def _raise_first(problems: Iterable[tuple[bool, str]]) -> None:
    for wrong, text in problems:
        if wrong:
            raise ValueError(text)
