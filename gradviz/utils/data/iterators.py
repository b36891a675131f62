"""One pass over a DataLoader: batches loaded in the loop itself, or by workers, some ahead."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from gradviz.core.errors import noted

from ._utils.fetch import State, fetcher
from ._utils.pin_memory import pin_memory
from ._utils.threads import ThreadPool
from ._utils.worker import Result, Start, Task
from .dataset import IterableDataset
from .sampler import draw_seed

if TYPE_CHECKING:
    from .dataloader import DataLoader

_END = object()
REPLICAS = (
    "For multiprocessing data-loading, this could be caused by not properly configuring the IterableDataset replica at "
    "each worker. Please see https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
)


class Pool(Protocol):
    """Workers, of either kind."""

    size: int
    state: State

    def send(self, worker: int, task: Task) -> None: ...
    def result(self, epoch: int) -> Result: ...
    def close(self) -> None: ...


class LoaderIterator:
    """What every pass does: it draws a seed for the workers, whether there are any or not, and counts its batches."""

    def __init__(self, loader: DataLoader[Any], seeded: bool = True) -> None:
        self._pins = loader.pin_memory and _can_pin(loader.pin_memory_device)
        self._dataset = loader.dataset
        self._index_sampler = loader._index_sampler
        self._promised = loader._promised
        self._workers = loader.num_workers
        self._yielded = 0
        self._keys: Iterator[Any] = iter(self._index_sampler)
        self._seed = draw_seed(loader.generator) if seeded else 0

    def __iter__(self) -> LoaderIterator:
        return self

    def __next__(self) -> Any:
        batch = self._next_data()
        self._yielded += 1
        if self._promised is not None and self._yielded > self._promised:
            warnings.warn(
                f"Length of IterableDataset {self._dataset} was reported to be {self._promised}(when accessing "
                f"len(dataloader)), but {self._yielded} samples have been fetched. {REPLICAS if self._workers else ''}",
                stacklevel=2,
            )
        return pin_memory(batch) if self._pins else batch

    def _next_data(self) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> NoReturn:
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


class SingleIterator(LoaderIterator):
    """Loads each batch when it is asked for."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.timeout:
            raise noted(
                AssertionError(
                    f"_SingleProcessDataLoaderIter requires timeout == 0\ntimeout={loader.timeout} needs workers: a "
                    "batch loaded in the loop itself cannot time out. Give num_workers=1 or more."
                )
            )
        self._fetch = _fetcher(loader)(loader.dataset, State())

    def _next_data(self) -> Any:
        return self._fetch(next(self._keys))


class PoolIterator(LoaderIterator):
    """Hands keys to workers and yields what they load, in the order of the sampler unless the loader says otherwise."""

    def __init__(self, loader: DataLoader[Any], pool: Pool | None = None) -> None:
        super().__init__(loader, seeded=pool is None)
        self._ahead = loader.prefetch_factor or 0
        if self._ahead <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        if pool is None:
            pool = start_pool(loader, self._seed)
            # As PyTorch does: a sampler that draws at once draws twice.
            self._keys = iter(self._index_sampler)
        self.pool = pool
        self._in_order, self._persistent = loader.in_order, loader.persistent_workers
        self._sent = self._received = self._turn = 0
        self._tasks = [0] * pool.size
        self._active = [True] * pool.size
        self._ready: dict[int, Result] = {}
        pool.state.epoch += 1
        self._epoch = pool.state.epoch
        try:
            for _ in range(self._ahead * pool.size):
                self._send()
        except BaseException:
            pool.close()
            raise

    def _next_data(self) -> Any:
        try:
            result = self._next_result()
            self._send()
        except StopIteration:
            if not self._persistent:
                self.pool.close()
            raise
        except BaseException:
            # An interrupt, a timeout or a worker that could not start: no batch will be asked for any more.
            self.pool.close()
            raise
        if result.error is not None:
            try:
                raise result.error
            finally:
                del result
        return result.data

    def _next_result(self) -> Result:
        """The result of the next batch; StopIteration after the last."""
        while self._received < self._sent:
            if self.pool.state.epoch != self._epoch:
                raise RuntimeError(
                    "A new pass over this DataLoader has begun. With persistent_workers=True all passes share the "
                    "workers, so only the newest can be continued."
                )
            result = self._in_turn() if self._in_order else self.pool.result(self._epoch)
            self._received += 1
            self._tasks[result.worker] -= 1
            if not isinstance(result.error, StopIteration) or not isinstance(self._dataset, IterableDataset):
                return result
            self._active[result.worker] = False
            self._send()
        raise StopIteration

    def _in_turn(self) -> Result:
        while self._received not in self._ready:
            result = self.pool.result(self._epoch)
            self._ready[result.number] = result
        return self._ready.pop(self._received)

    def _send(self) -> None:
        """Hands the keys of the next batch to the next worker whose stream has not ended."""
        workers = [(self._turn + i) % self.pool.size for i in range(self.pool.size)]
        worker = next((w for w in workers if self._free(w)), None)
        keys = next(self._keys, _END) if worker is not None else _END
        if worker is None or keys is _END:
            return
        self.pool.send(worker, Task(self._epoch, self._sent, keys))
        self._tasks[worker] += 1
        self._sent += 1
        self._turn = (worker + 1) % self.pool.size

    def _free(self, worker: int) -> bool:
        share = self._ahead * self.pool.size // max(1, sum(self._active))
        return self._active[worker] and (self._in_order or self._tasks[worker] < share)


def start_pool(loader: DataLoader[Any], seed: int) -> Pool:
    """The workers of a loader: processes if it has a multiprocessing_context, else threads."""
    start = Start(loader.dataset, loader.num_workers, seed, _fetcher(loader), loader.worker_init_fn, loader.timeout)
    if loader.multiprocessing_context is None:
        return ThreadPool(start)
    from ._utils.processes import ProcessPool

    return ProcessPool(start, loader.multiprocessing_context)


def _fetcher(loader: DataLoader[Any]) -> Any:
    return partial(fetcher, loader._auto_collation, loader.collate_fn, loader.drop_last)


def _can_pin(device: str) -> bool:
    """Whether there is a GPU to pin memory for; with PyTorch's warnings."""
    from gradviz import accelerator

    found = accelerator.is_available()
    if device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{device}'.",
            stacklevel=5,
        )
    if not found:
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be "
            "used.",
            stacklevel=5,
        )
    return found
