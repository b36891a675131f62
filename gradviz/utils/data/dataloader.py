"""DataLoader: a dataset, visited in a sampler's order, in batches, perhaps loaded ahead by workers.

NOTE [Threads or processes]

    num_workers=2                                       2 threads
    num_workers=2, multiprocessing_context="fork"       2 processes; also "spawn", "forkserver" or a context

PyTorch starts processes either way; the two differ only where no context is given. Threads are what a beginner can
count on: they start in no time, work with a dataset written in a notebook, need no `if __name__ == "__main__":`, send
nothing between processes, and are the same on every system. They help as far as loading is in NumPy, Pillow, zlib or
files, which run beside one another. A `__getitem__` that is long in Python itself gains nothing from threads: ask for
processes.

Either way a worker has its own copy of the dataset object and its own random numbers, with PyTorch's seeds:
`base_seed + worker_id`. In a process these are `random`, `numpy.random` and gradviz; in a thread gradviz's are the
worker's own, and `random` and `numpy.random`, which all threads share, have stand-ins in `get_worker_info().rng`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from gradviz.core.errors import noted
from gradviz.core.random import Generator

from ._utils.collate import default_collate, default_convert
from ._utils.worker import get_worker_info
from .checks import check_batches, check_numbers, check_stream, context_of, warn_of_many
from .dataset import Dataset, IterableDataset
from .iterators import LoaderIterator, Pool, PoolIterator, SingleIterator
from .sampler import BatchSampler, InfiniteSampler, RandomSampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T = TypeVar("T", covariant=True)
FIXED = frozenset(("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"))


class DataLoader(Generic[T]):
    """Iterates over a dataset in batches. Each `for` over it is one pass.

    >>> for images, labels in DataLoader(dataset, batch_size=64, shuffle=True):
    ...     train(images, labels)

    Args:
        dataset: what to load: a map from keys to samples, or an IterableDataset.
        batch_size: samples in a batch; None yields single samples.
        shuffle: visit the samples in a new random order each pass; the same seed gives PyTorch's order.
        sampler: an order of your own, any iterable of keys. Excludes `shuffle`.
        batch_sampler: any iterable of lists of keys. Excludes the four above but `dataset`, and `drop_last`.
        num_workers: how many workers load ahead; 0 loads in the loop itself.
        collate_fn: from a list of samples to a batch; `default_collate` where not given.
        pin_memory: put every batch into memory that a GPU reads by itself; without a GPU a warning, as in PyTorch.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a batch of the workers; 0 waits as long as it takes.
        worker_init_fn: called in each worker with its number, before it loads.
        multiprocessing_context: None, and workers are threads; "fork", "spawn", "forkserver" or a context of
            `multiprocessing`, and they are processes. Processes that are not forked import the dataset's module anew:
            it cannot be a notebook. See NOTE [Threads or processes] in this file.
        generator: where random orders and the workers' seeds are drawn from.
        prefetch_factor: batches that each worker loads ahead, 2 where not given.
        persistent_workers: keep the workers for the next pass.
        pin_memory_device: ignored with a warning, as in PyTorch.
        in_order: False yields batches as they are ready, whoever is faster.

    A worker's error is raised in the loop: a thread's is the very error, a process's one of the same type with the
    worker's traceback as its text; both name the sample. Raises ValueError for options that exclude one another, and
    RuntimeError for a batch that is not there in time or a worker that was killed.
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
        check_numbers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.num_workers = num_workers
        self.multiprocessing_context = multiprocessing_context
        if isinstance(dataset, IterableDataset):
            check_stream(shuffle, sampler, batch_sampler)
        check_batches(batch_size, shuffle, sampler, batch_sampler, drop_last)
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
        self.collate_fn: Callable[[Any], Any] = (
            collate_fn if collate_fn is not None else default_collate if batch_sampler is not None else default_convert
        )
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._pool: Pool | None = None
        self._promised: int | None = None
        self._ready = True
        self.check_worker_number_rationality()

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
    def multiprocessing_context(self) -> Any:
        """How worker processes are started; None if the workers are threads."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, value: Any) -> None:
        self._context = context_of(value, self.num_workers)

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

    def __iter__(self) -> LoaderIterator:
        if not self.num_workers:
            return SingleIterator(self)
        if self._pool is not None and not self._pool.state.stopped:
            return PoolIterator(self, self._pool)
        self.check_worker_number_rationality()
        batches = PoolIterator(self)
        if self.persistent_workers:
            self._pool = batches.pool
        return batches

    def check_worker_number_rationality(self) -> None:
        """Warns if there are more worker processes than processors. Threads that wait for files cost little."""
        if self._context is not None:
            warn_of_many(self.num_workers)


def _default_sampler(dataset: Any, shuffle: bool, generator: Generator | None) -> Any:
    if isinstance(dataset, IterableDataset):
        return InfiniteSampler()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
