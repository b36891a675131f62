"""Samplers and the order of a DataLoader, against PyTorch with the same seeds."""

from __future__ import annotations

import multiprocessing
import os
import pickle

import pytest

import gradviz
import gradviz.utils.data as ours
from gradviz.core.random import Generator, initial_seed, manual_seed

torch = pytest.importorskip("torch")
theirs = torch.utils.data

# A name, and how to make the sampler from a module of samplers and a generator (None: the default one).
SAMPLERS = {
    "sequential": lambda d, g: d.SequentialSampler(range(7)),
    "random": lambda d, g: d.RandomSampler(range(100), generator=g),
    "random of one": lambda d, g: d.RandomSampler(range(1), generator=g),
    "random, more than there are": lambda d, g: d.RandomSampler(range(10), num_samples=25, generator=g),
    "random, fewer": lambda d, g: d.RandomSampler(range(10), num_samples=4, generator=g),
    "replacement": lambda d, g: d.RandomSampler(range(10), replacement=True, num_samples=70, generator=g),
    "subset": lambda d, g: d.SubsetRandomSampler([5, 9, 2, 8, 40], generator=g),
    "weighted": lambda d, g: d.WeightedRandomSampler([0.1, 3.0, 0.0, 2.0], 50, generator=g),
    "weighted, one": lambda d, g: d.WeightedRandomSampler([0.1, 3.0, 0.0, 2.0], 1, generator=g),
    "weighted, no replacement": lambda d, g: d.WeightedRandomSampler([0.1, 3, 1, 2], 3, replacement=False, generator=g),
    "batches": lambda d, g: d.BatchSampler(d.RandomSampler(range(11), generator=g), 4, False),
    "batches, drop last": lambda d, g: d.BatchSampler(d.RandomSampler(range(11), generator=g), 4, True),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("own_generator", [False, True])
def test_samplers_draw_as_torchs(name: str, own_generator: bool) -> None:
    torch.manual_seed(11)
    manual_seed(11)
    mine = SAMPLERS[name](ours, Generator().manual_seed(3) if own_generator else None)
    reference = SAMPLERS[name](theirs, torch.Generator().manual_seed(3) if own_generator else None)
    assert len(mine) == len(reference)
    for _ in range(3):
        assert list(mine) == list(reference)
    assert float(gradviz.rand(1)) == float(torch.rand(1)), "the default generator is elsewhere than torch's"


LOADERS = [
    {},
    {"batch_size": 4},
    {"batch_size": 4, "shuffle": True},
    {"batch_size": 4, "shuffle": True, "drop_last": True},
    {"batch_size": None},
    {"batch_size": None, "shuffle": True},
    {"batch_size": 3, "sampler": [3, 1, 4, 1, 5]},
    {"batch_sampler": [[3, 1], [4], [1, 5, 9]]},
]


@pytest.mark.parametrize("options", LOADERS, ids=str)
@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("workers", [0, 3])
def test_two_epochs_come_in_torchs_order(options: dict, own_generator: bool, workers: int) -> None:
    torch.manual_seed(7)
    manual_seed(7)
    rows = list(range(30))
    reference = theirs.DataLoader(
        rows, generator=torch.Generator().manual_seed(1) if own_generator else None, **options
    )
    mine = ours.DataLoader(
        rows, generator=Generator().manual_seed(1) if own_generator else None, num_workers=workers, **options
    )
    assert len(mine) == len(reference)
    for _ in range(2):
        assert [repr(batch) for batch in mine] == [repr(batch) for batch in reference]
    assert float(gradviz.rand(1)) == float(torch.rand(1)), "the default generator is elsewhere than torch's"
    assert initial_seed() == 7


@pytest.mark.parametrize("lengths", [[3, 7], [10], [0.3, 0.3, 0.4], [0.25, 0.75], [0.5, 0.5]])
def test_random_split(lengths: list) -> None:
    parts = ours.random_split(range(10), lengths, generator=Generator().manual_seed(42))
    expected = theirs.random_split(range(10), lengths, generator=torch.Generator().manual_seed(42))
    assert [list(p) for p in parts] == [list(p) for p in expected]
    manual_seed(5)
    torch.manual_seed(5)
    assert [list(p) for p in ours.random_split(range(10), lengths)] == [
        list(p) for p in theirs.random_split(range(10), lengths)
    ]


class Empty:
    def __len__(self) -> int:
        return 0


class Stream:
    """Made into an IterableDataset of either library."""

    def __iter__(self):
        return iter(range(5))


def stream(d):
    return type("Numbers", (Stream, d.IterableDataset), {})()


# What must fail: the same type and the same first sentence.
WRONG = {
    "negative workers": lambda d: d.DataLoader([1], num_workers=-1),
    "negative timeout": lambda d: d.DataLoader([1], timeout=-1),
    "prefetch without workers": lambda d: d.DataLoader([1], prefetch_factor=2),
    "negative prefetch": lambda d: d.DataLoader([1], num_workers=1, prefetch_factor=-2),
    "persistent without workers": lambda d: d.DataLoader([1], persistent_workers=True),
    "sampler and shuffle": lambda d: d.DataLoader([1], sampler=[0], shuffle=True),
    "batch_sampler and batch_size": lambda d: d.DataLoader([1], batch_sampler=[[0]], batch_size=2),
    "batch_sampler and shuffle": lambda d: d.DataLoader([1], batch_sampler=[[0]], shuffle=True),
    "no batches to drop": lambda d: d.DataLoader([1], batch_size=None, drop_last=True),
    "batch size 0": lambda d: d.DataLoader([1], batch_size=0),
    "batch size 1.5": lambda d: d.DataLoader([1], batch_size=1.5),
    "drop_last 1": lambda d: d.BatchSampler([1], 2, 1),
    "empty and shuffled": lambda d: d.DataLoader([], shuffle=True),
    "stream, shuffled": lambda d: d.DataLoader(stream(d), shuffle=True),
    "stream with sampler": lambda d: d.DataLoader(stream(d), sampler=[0]),
    "stream with batch_sampler": lambda d: d.DataLoader(stream(d), batch_sampler=[[0]]),
    "length of a stream": lambda d: len(d.DataLoader(stream(d))),
    "timeout without workers": lambda d: iter(d.DataLoader([1], timeout=1)),
    "set batch_size": lambda d: setattr(d.DataLoader([1]), "batch_size", 2),
    "replacement 1": lambda d: d.RandomSampler([1], replacement=1),
    "no samples": lambda d: d.RandomSampler([1], num_samples=0),
    "weights 2-d": lambda d: d.WeightedRandomSampler([[1.0]], 2),
    "weights, samples": lambda d: d.WeightedRandomSampler([1.0], True),
    "weights, too many": lambda d: list(d.WeightedRandomSampler([1.0], 2, replacement=False)),
    "weights, negative": lambda d: list(d.WeightedRandomSampler([-1.0, 2.0], 1, replacement=False)),
    "context without workers": lambda d: d.DataLoader([1], multiprocessing_context="fork"),
    "no such context": lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context="thread"),
    "no context": lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context=3),
    "rank": lambda d: d.DistributedSampler([1], num_replicas=2, rank=2),
    "stack nothing": lambda d: d.StackDataset(),
    "stack both": lambda d: d.StackDataset([1], a=[1]),
    "stack lengths": lambda d: d.StackDataset([1], [1, 2]),
    "no __getitem__": lambda d: d.Dataset()[0],
    "no __iter__": lambda d: d.Sampler().__iter__(),
    "no datasets": lambda d: d.ConcatDataset([]),
    "concat of a stream": lambda d: d.ConcatDataset([stream(d)]),
    "concat index": lambda d: d.ConcatDataset([[1, 2]])[-3],
    "concat index beyond": lambda d: d.ConcatDataset([[1, 2]])[2],
    "chain of a map": lambda d: list(d.ChainDataset([[1]])),
    "split sum": lambda d: d.random_split([1, 2], [1, 2]),
    "split fraction": lambda d: d.random_split([1, 2], [1.5, -0.5]),
    "collate objects": lambda d: d.default_collate([object()]),
    "collate None": lambda d: d.default_collate([None]),
    "collate sizes": lambda d: d.default_collate([[1], [1, 2]]),
    "collate nothing": lambda d: d.default_collate([]),
    "collate keys": lambda d: d.default_collate([{"a": 1}, {"b": 1}]),
    "subset half overridden": lambda d: type("S", (d.Subset,), {"__getitem__": lambda s, i: i})([1], [0]),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_torchs(name: str) -> None:
    with pytest.raises(Exception) as expected:
        WRONG[name](theirs)
    with pytest.raises(expected.type) as found:
        WRONG[name](ours)
    first = str(expected.value).split("\n")[0].split(". ")[0]
    assert str(found.value).startswith(first)


def test_split_of_length_zero_warns() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        ours.random_split(range(1), [0.9, 0.1])


def test_memory_that_is_not_pinned() -> None:
    """Both warn at each pass, and load."""
    for options in ({"pin_memory": True}, {"pin_memory": True, "pin_memory_device": "cuda"}):
        texts = []
        for d in (ours, theirs):
            with pytest.warns(UserWarning, match="pin_memory") as caught:
                assert next(iter(d.DataLoader([1], **options))).tolist() == [1]
            assert d is theirs or {w.filename for w in caught} == {__file__}
            texts.append([str(w.message) for w in caught])
        assert texts[0] == texts[1]


def test_workers_that_load_nothing_ahead() -> None:
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(ours.DataLoader([1], num_workers=1, prefetch_factor=0))


def test_more_processes_than_processors() -> None:
    with pytest.warns(UserWarning, match="900 worker processes") as found:
        ours.DataLoader([1], num_workers=900, multiprocessing_context="fork")
    with pytest.warns(UserWarning, match="900 worker processes") as expected:
        theirs.DataLoader([1], num_workers=900, multiprocessing_context="fork")
    assert str(found[0].message) == str(expected[0].message)
    assert found[0].filename == __file__
    ours.DataLoader([1], num_workers=900)  # threads


def test_multiprocessing_context() -> None:
    for d in (ours, theirs):
        loader = d.DataLoader([1], num_workers=1, multiprocessing_context="spawn")
        assert loader.multiprocessing_context.get_start_method() == "spawn"
        loader.multiprocessing_context = multiprocessing.get_context("fork")
        loader.multiprocessing_context = None
        assert loader.multiprocessing_context is None
        with pytest.raises(TypeError, match="should be a valid context"):
            loader.multiprocessing_context = 3


@pytest.mark.parametrize("size", [1, 7, 10])
@pytest.mark.parametrize("replicas", [1, 3, 4])
@pytest.mark.parametrize("drop_last", [False, True])
def test_distributed_sampler(size: int, replicas: int, drop_last: bool) -> None:
    for shuffle in (False, True):
        for rank in range(replicas):
            arguments = (range(size), replicas, rank, shuffle, 5, drop_last)
            if drop_last and size < replicas:
                continue
            mine, reference = ours.DistributedSampler(*arguments), theirs.DistributedSampler(*arguments)
            for epoch in range(3):
                mine.set_epoch(epoch)
                reference.set_epoch(epoch)
                assert list(mine) == list(reference)
            assert (len(mine), mine.total_size) == (len(reference), reference.total_size)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_sampler_that_draws_at_once() -> None:
    """With workers PyTorch starts the sampler twice, and the second order counts."""

    def batches(t, d, workers: int) -> list:
        class Eager(d.Sampler):
            def __iter__(self):
                return iter(t.randperm(8).tolist())

        t.manual_seed(2)
        options = {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "fork"} if workers else {}
        loader = d.DataLoader(range(8), sampler=Eager(), **options)
        return [[int(b) for b in loader] for _ in range(2)]

    for workers in (0, 1):
        assert batches(gradviz, ours, workers) == batches(torch, theirs, workers)


def test_iterators() -> None:
    for workers in (0, 2):
        batches = iter(ours.DataLoader(range(10), batch_size=4, num_workers=workers))
        assert iter(batches) is batches
        assert len(batches) == 3
        with pytest.raises(NotImplementedError):
            pickle.dumps(batches)
