"""What a DataLoader will do: which rows go into which batch, pass by pass, found out on copies.

The sampler, the batch sampler and the generators are copied and the copies are run; the seeds that a pass draws are
drawn from the copies as the loader's iterators draw them (gradviz/utils/data/iterators.py). The generators that all
share (torch's, Python's, NumPy's) are put back afterwards.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.core.random import Generator, default_generator
from gradviz.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, Sampler, SequentialSampler
from gradviz.utils.data.sampler import draw_seed
from gradviz.widgets.optim.descent import undisturbed

MOST_DRAWN = 2_000_000  # keys of a pass; a sampler that never ends is stopped here
MOST_STREAM = 200  # items that are taken from a stream


@dataclass
class Pass:
    """One pass: the keys of each batch, and the keys that the sampler gave and no batch holds."""

    batches: list[list[Any]]
    dropped: list[Any] = field(default_factory=list)
    reordered: bool = False  # the batches do not follow the sampler's order
    ended: bool = True  # False: a stream that has more to give

    @property
    def keys(self) -> list[Any]:
        """The keys of all batches, in order."""
        return [key for batch in self.batches for key in batch]


class _Tap(Sampler[Any]):
    """A sampler that remembers what it has given."""

    def __init__(self, sampler: Any) -> None:
        self.inner = sampler
        self.given: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        for key in self.inner:
            self.given.append(key)
            yield key

    def __len__(self) -> int:
        return len(self.inner)

    def __getattr__(self, name: str) -> Any:
        if name in ("inner", "given"):  # while it is being copied
            raise AttributeError(name)
        return getattr(self.inner, name)


def passes(loader: DataLoader[Any], count: int, seed: int | None = None, set_epoch: bool = False) -> list[Pass]:
    """The next `count` passes of a loader over a map-style dataset.

    Args:
        seed: None: as the generators stand now; else as after ``torch.manual_seed(seed)`` and the same for the
            generators of the loader and of its samplers.
        set_epoch: call ``sampler.set_epoch(k)`` before pass k, as a loop with a DistributedSampler does.
    """
    with undisturbed():
        sampler, generator = _copied(loader)
        reseed(seed, [generator, *generators(sampler)])
        tap = _tapped(sampler)
        kept = loader.persistent_workers and loader._pool is not None
        made = []
        for epoch in range(count):
            if set_epoch:
                _set_epoch(sampler, epoch)
            if tap is not None:
                tap.given = []
            keys = iter(sampler)
            if not kept:
                draw_seed(generator)  # of the workers, drawn whether there are any or not
                if loader.num_workers:
                    keys = iter(sampler)  # a pool of workers asks again when it starts
            kept = kept or bool(loader.num_workers and loader.persistent_workers)
            made.append(_one_pass(keys, loader._auto_collation, tap))
        return made


def reseed(seed: int | None, of: Sequence[Generator | None]) -> None:
    """Start torch's generator and these, Python's and NumPy's, from one number."""
    if seed is None:
        return
    default_generator.manual_seed(seed)
    for generator in of:
        if generator is not None:
            generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002


def generators(sampler: Any) -> list[Generator]:
    """The generators that a sampler, and the samplers in it, hold."""
    held = vars(sampler).values() if hasattr(sampler, "__dict__") else ()
    found = [value for value in held if isinstance(value, Generator)]
    inner = [value for value in held if isinstance(value, Sampler)]
    return found + [generator for one in inner for generator in generators(one)]


def _copied(loader: DataLoader[Any]) -> tuple[Any, Generator | None]:
    """Copies of what decides the order. The dataset itself is shared: samplers only ask for its length."""
    memo: dict[int, Any] = {}
    data: Any = loader.dataset
    while data is not None and id(data) not in memo:
        memo[id(data)] = data
        data = getattr(data, "dataset", None)
    try:
        made: tuple[Any, Generator | None] = copy.deepcopy((loader._index_sampler, loader.generator), memo)
    except Exception as error:
        kind = type(loader._index_sampler).__name__
        inner = getattr(loader.batch_sampler, "sampler", None)
        name = kind if inner is None else f"{kind} of a {type(inner).__name__}"
        raise TypeError(
            f"BatchConveyor runs a copy of the sampler, so that yours does not move, and this one ({name}) cannot be "
            f"copied: {error}. A Python generator can be read only once: give the DataLoader a list of keys, or a "
            "Sampler whose __iter__ makes them."
        ) from error
    return made


def _tapped(sampler: Any) -> _Tap | None:
    """Listen to the sampler inside a batch sampler; None if it has none."""
    inner = getattr(sampler, "sampler", None)
    if inner is None or not hasattr(sampler, "__dict__") or "sampler" not in vars(sampler):
        return None
    sampler.sampler = tap = _Tap(inner)
    return tap


def _set_epoch(sampler: Any, epoch: int) -> None:
    while sampler is not None:
        if callable(getattr(type(sampler), "set_epoch", None)):
            sampler.set_epoch(epoch)
        sampler = vars(sampler).get("inner", vars(sampler).get("sampler")) if hasattr(sampler, "__dict__") else None


def _one_pass(keys: Iterator[Any], batched: bool, tap: _Tap | None) -> Pass:
    batches, held = [], 0
    for entry in keys:
        batch = list(entry) if batched else [entry]
        batches.append(batch)
        held += len(batch)
        if held > MOST_DRAWN:
            raise ValueError(
                f"The sampler has given {held:,} keys in one pass and goes on. BatchConveyor shows passes that end; "
                "does its __iter__ stop?"
            )
    made = Pass(batches)
    if tap is not None:
        left = Counter(hashed(key) for key in tap.given)
        left.subtract(Counter(hashed(key) for key in made.keys))
        for key in reversed(tap.given):  # of equal keys, the last one given is the one left over
            if left[hashed(key)] > 0:
                left[hashed(key)] -= 1
                made.dropped.insert(0, key)
        made.reordered = made.keys != tap.given[: len(made.keys)]
    return made


def hashed(key: Any) -> Any:
    """A key as something to count by."""
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


# -- what the order depends on -------------------------------------------------------------------------------------
def sources(loader: DataLoader[Any], count: int = 1) -> list[str]:
    """Which generators the sampler draws from: "default", "own", "python", "numpy"."""
    with undisturbed():
        sampler, generator = _copied(loader)
        held = [generator, *generators(sampler)]
        for _ in range(count):
            draw_seed(generator)
        seeded = _states(held)
    with undisturbed():
        sampler, generator = _copied(loader)
        held = [generator, *generators(sampler)]
        for _ in range(count):
            draw_seed(generator)
            for _ in itertools.islice(iter(sampler), MOST_DRAWN):
                pass
        drawn = _states(held)
    names = ["default", "python", "numpy", *["own"] * len(held)]
    return list(
        dict.fromkeys(name for name, before, after in zip(names, seeded, drawn, strict=True) if before != after)
    )


def _states(held: Sequence[Generator | None]) -> list[Any]:
    numpys: Any = np.random.get_state()  # noqa: NPY002
    known = [default_generator.state_bytes(), repr(random.getstate()), repr([numpys[1].tobytes(), numpys[2]])]
    return known + [None if one is None else one.state_bytes() for one in held]


@dataclass
class Recipe:
    """How the page makes the same order from a seed: one of PyTorch's samplers, cut by its BatchSampler."""

    shuffle: bool
    count: int
    own: bool  # shuffles with a generator that was given; else with a fresh one, seeded by the default generator
    base: bool  # the workers' seed comes from the same generator
    once: bool  # and only in the first pass


def recipe(loader: DataLoader[Any]) -> Recipe | None:
    """None if the page cannot know the order that another seed gives."""
    sampler: Any = loader.sampler
    if type(loader.batch_sampler) is not BatchSampler or loader._pool is not None:
        return None
    count = len(loader.dataset)  # type: ignore[arg-type]
    once = bool(loader.num_workers and loader.persistent_workers)
    if type(sampler) is SequentialSampler and len(sampler) == count:
        given = loader.generator is not None
        return Recipe(False, count, given, True, once)
    plain = type(sampler) is RandomSampler and not sampler.replacement and sampler.num_samples == count
    if not plain or len(sampler.data_source) != count:
        return None
    return Recipe(True, count, sampler.generator is not None, sampler.generator is loader.generator, once)


# -- streams -------------------------------------------------------------------------------------------------------
class _Taken(IterableDataset[Any]):
    """A stream of (number, item) that counts what it has given."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.taken = inner, 0

    def __iter__(self) -> Iterator[Any]:
        for item in self.inner:
            self.taken += 1
            yield self.taken - 1, item


def stream_passes(
    loader: DataLoader[Any], dataset: Any, count: int, seed: int | None, most: int = MOST_STREAM
) -> tuple[list[Pass], dict[int, Any]]:
    """The next passes over a copy of a stream, and the items by their number in it.

    Items are all that can be known: a stream has no keys and often no end. Several workers are run as threads; what two
    of them give is the same item if it has the same content.
    """
    made: list[Pass] = []
    items: dict[int, Any] = {}
    same: dict[Any, int] = {}
    with undisturbed():
        generator = copy.deepcopy(loader.generator)
        reseed(seed, [generator])
        for _ in range(count):
            tap = _Taken(dataset)
            twin = DataLoader(
                tap, batch_size=loader.batch_size, drop_last=loader.drop_last, collate_fn=lambda batch: batch,
                num_workers=loader.num_workers, worker_init_fn=loader.worker_init_fn, generator=generator,
            )  # fmt: skip
            batches: list[list[int]] = []
            held = 0
            one = Pass([])
            for batch in twin:
                pairs = batch if loader.batch_size is not None else [batch]
                if held + len(pairs) > most:
                    one.ended = False
                    break
                held += len(pairs)
                if loader.num_workers > 1:
                    pairs = [(same.setdefault(_content(item), len(same)), item) for _, item in pairs]
                batches.append([number for number, _ in pairs])
                items.update(pairs)
            one.batches = batches
            if one.ended and not loader.num_workers:
                one.dropped = list(range(held, tap.taken))
            made.append(one)
    return made, items


def _content(item: Any) -> Any:
    """What an item is, by its numbers: equal for equal items."""
    if isinstance(item, (tuple, list)):
        return tuple(_content(part) for part in item)
    if isinstance(item, dict):
        return tuple((key, _content(part)) for key, part in item.items())
    if hasattr(item, "detach") or isinstance(item, np.ndarray):
        array = np.asarray(item.detach().cpu().numpy() if hasattr(item, "detach") else item)
        return array.shape, str(array.dtype), array.tobytes()
    return repr(item)
