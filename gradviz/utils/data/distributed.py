"""DistributedSampler: each of several processes visits its own part of a dataset."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeVar

from gradviz.core.errors import noted
from gradviz.core.random import Generator

from .sampler import Sampler

T = TypeVar("T", covariant=True)


class DistributedSampler(Sampler[T]):
    """The keys of process `rank` of `num_replicas`: every `num_replicas`-th one, shuffled alike in all processes.

    Without `drop_last` the first keys are visited once more until all processes have equally many. Call `set_epoch`
    before each pass, or all passes have the same order. Raises ValueError for a rank out of range.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.distributed.DistributedSampler
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise noted(
                RuntimeError(
                    "Requires distributed package to be available\nHow many processes there are and which one this is "
                    "cannot be asked here: give num_replicas and rank."
                )
            )
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        size = len(dataset)
        self.num_samples = size // num_replicas if drop_last else -(-size // num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[T]:
        size = len(self.dataset)
        order: Any = range(size)
        if self.shuffle:
            order = Generator().manual_seed(self.seed + self.epoch).permutation(size).tolist()
        again = itertools.chain.from_iterable(itertools.repeat(list(order), math.ceil(self.total_size / max(size, 1))))
        return itertools.islice(again, self.rank, self.total_size, self.num_replicas)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The pass that comes next, on which its order depends."""
        self.epoch = epoch
