"""Worker processes: PyTorch's order, seeds and errors, and how batches travel."""

from __future__ import annotations

import multiprocessing
import os
import random
import time

import numpy as np
import pytest

import gradviz
import gradviz.utils.data as data
from gradviz.utils.data._utils import transport
from tests.utils.processes import FORK, MARKS, Rows, helpers, nothing_is_left  # noqa: F401

torch = pytest.importorskip("torch")
theirs = torch.utils.data
pytestmark = MARKS


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_batches_are_those_of_the_loop(start: str) -> None:
    expected = [(x.tolist(), y.tolist()) for x, y in data.DataLoader(Rows(), batch_size=5)]
    loader = data.DataLoader(
        Rows(), batch_size=5, num_workers=2, multiprocessing_context=start, persistent_workers=True
    )
    for _ in range(2):
        assert [(x.tolist(), y.tolist()) for x, y in loader] == expected


class Draws:
    """What each of the three generators draws in a worker; made a Dataset of either library."""

    t: object

    def __len__(self):
        return 8

    def __getitem__(self, index):
        info = self.d.get_worker_info()
        return [
            info.id,
            info.num_workers,
            info.seed,
            info.dataset is self,
            info.worker_method,
            info.rng is None,
            random.random(),
            np.random.rand(),  # noqa: NPY002
            float(self.t.rand(1)),
            self.t.initial_seed() == info.seed,
            self.t.get_num_threads(),
        ]


def test_workers_draw_what_pytorchs_draw() -> None:
    def drawn(t, d) -> list:
        dataset = type("Set", (Draws, d.Dataset), {"t": t, "d": d})()
        t.manual_seed(5)
        found = [list(d.DataLoader(dataset, batch_size=None, collate_fn=str, **FORK)) for _ in range(2)]
        return [found, float(t.rand(1))]

    assert drawn(gradviz, data) == drawn(torch, theirs)


@pytest.mark.parametrize("kind", ["map", "stream"])
def test_two_passes_come_in_pytorchs_order(kind: str) -> None:
    def passes(t, d, persistent: bool) -> list:
        class Numbers(d.IterableDataset):
            def __iter__(self):
                info = d.get_worker_info()
                return iter(range(info.id, 12, info.num_workers))

        t.manual_seed(9)
        options = {"shuffle": True} if kind == "map" else {}
        source = range(11) if kind == "map" else Numbers()
        loader = d.DataLoader(source, batch_size=2, persistent_workers=persistent, **options, **FORK)
        found = [[b.tolist() for b in loader] for _ in range(2)]
        return [found, float(t.rand(1))]

    for persistent in (False, True):
        assert passes(gradviz, data, persistent) == passes(torch, theirs, persistent)


def test_init_functions_see_the_copy_of_the_worker() -> None:
    class Shard(data.IterableDataset):
        start, step = 0, 1

        def __iter__(self):
            return iter(range(self.start, 6, self.step))

    def init(worker: int) -> None:
        info = data.get_worker_info()
        info.dataset.start, info.dataset.step = worker, info.num_workers

    shard = Shard()
    for context in ("fork", None):
        loader = data.DataLoader(shard, None, num_workers=2, worker_init_fn=init, multiprocessing_context=context)
        assert list(loader) == [0, 1, 2, 3, 4, 5]
        assert shard.step == 1


def test_an_error_has_pytorchs_text_and_names_the_sample() -> None:
    batches = iter(data.DataLoader(Rows(raises=7), batch_size=3, **FORK))
    reference = iter(theirs.DataLoader(Rows(raises=7), batch_size=3, collate_fn=len, **FORK))
    for _ in range(2):
        next(batches), next(reference)
    with pytest.raises(KeyError) as expected:
        next(reference)
    with pytest.raises(KeyError) as caught:
        next(batches)
    assert len(list(reference)) == 5  # or its workers would be waited for
    lines = str(caught.value).split("\n")
    assert lines[:2] == str(expected.value).split("\n")[:2]
    assert lines[0] == "Caught KeyError in DataLoader worker process 0."
    assert 'raise KeyError("no such image")' in str(caught.value)
    assert "while loading sample 7 of Rows" in str(caught.value)
    assert next(batches)[1].tolist() == [9, 10, 11], "the pass goes on after an error, as in PyTorch"


class OddError(Exception):
    def __init__(self, one, two) -> None:
        super().__init__(one, two)


def test_an_error_that_one_text_cannot_make_is_a_runtime_error() -> None:
    class LocalError(Exception):
        pass

    for error in (OddError(1, 2), LocalError("x")):

        def fail(batch, error=error):
            raise error

        with pytest.raises(RuntimeError, match=f"Caught {type(error).__name__} in DataLoader worker process 0"):
            next(iter(data.DataLoader([1], collate_fn=fail, num_workers=1, multiprocessing_context="fork")))


def test_what_cannot_be_sent_is_an_error() -> None:
    for value, error in ((lambda: 0, AttributeError), (gradviz.ones(1, requires_grad=True) * 2, RuntimeError)):
        with pytest.raises(error, match="DataLoader worker process 0"):
            next(iter(data.DataLoader([value], None, num_workers=1, multiprocessing_context="fork")))


def test_what_cannot_start_says_why() -> None:
    loader = data.DataLoader([1], collate_fn=lambda b: b, num_workers=2, multiprocessing_context="spawn")
    with pytest.raises(Exception, match="pickle") as caught:
        iter(loader)
    assert "define them in a module" in caught.value.__notes__[0]


def test_an_error_in_the_init_function_arrives() -> None:
    def init(worker: int) -> None:
        raise ValueError(f"cannot open shard {worker}")

    with pytest.raises(ValueError, match="Caught ValueError in DataLoader worker process"):
        next(iter(data.DataLoader(Rows(), worker_init_fn=init, **FORK)))


def test_leaving_a_loop_ends_the_workers() -> None:
    for persistent in (False, True):
        for x, _ in data.DataLoader(Rows(), persistent_workers=persistent, **FORK):
            assert x.tolist() == [[0, 0, 0]]
            break
        assert multiprocessing.active_children() == []


def test_persistent_workers_are_the_same_processes() -> None:
    class Who(Rows):
        def __getitem__(self, index):
            return os.getpid()

    loader = data.DataLoader(Who(), persistent_workers=True, **FORK)
    passes = [{int(pid) for pid in loader} for _ in range(3)]
    assert passes[0] == passes[1] == passes[2]
    assert len(passes[0] - {os.getpid()}) == 2
    first = iter(loader)
    next(first)
    assert len(list(loader)) == 24
    with pytest.raises(RuntimeError, match="A new pass over this DataLoader has begun"):
        next(first)


def test_two_loaders_at_once() -> None:
    """The workers of the second are forked with the first one's handles: both end all the same."""
    one, two = (iter(data.DataLoader(Rows(), **FORK)) for _ in range(2))
    assert [int(next(one)[1]), int(next(two)[1]), int(next(one)[1])] == [0, 0, 1]
    del one
    assert len(list(two)) == 23


def test_batches_as_they_are_ready() -> None:
    class Turns(data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, index):
            time.sleep(0.5 * (index == 0))
            return index

    for context in ("fork", None):
        loader = data.DataLoader(Turns(), num_workers=2, in_order=False, multiprocessing_context=context)
        found = [int(b) for b in loader]
        assert sorted(found) == list(range(8))
        assert found[0] == 1
        assert found[-1] == 0 or found.index(0) > 3, "the fast worker is given the rest"


def test_large_arrays_come_through_shared_memory() -> None:
    size = transport.LARGE // 4
    loader = data.DataLoader(Rows(n=transport.HELD + 6, size=size), batch_size=1, **FORK)
    batches = [x for x, _ in loader]
    assert all(float(x[0, 0]) == i == float(x[0, -1]) for i, x in enumerate(batches))
    if hasattr(os, "memfd_create"):
        assert len(transport._mapped) == transport.HELD, "the rest was copied: handles are few"
    for x in batches:
        x += 1
    assert batches[1][0, :2].tolist() == [2, 2]
    del batches, x
    assert len(transport._mapped) == 0


def test_values_travel_unchanged() -> None:
    ours, other = multiprocessing.Pipe()
    big = np.arange(transport.LARGE // 2, dtype=np.float32)
    whole = gradviz.arange(10**6)
    values = [
        {"a": big, "b": [gradviz.from_numpy(big[::16]), "text", None], "c": big[:3]},
        (gradviz.ones(2, dtype=gradviz.bfloat16), gradviz.tensor(True), gradviz.zeros(0)),
        whole[5:7],
        [gradviz.ones(2, requires_grad=True), big[:60].reshape(2, -1).T],
    ]
    with ours, other:
        for value in values:
            packet = transport.pack(value)
            assert len(packet.message) < 300_000, "a view travels without the memory it shows"
            packet.send(ours)
            assert repr(transport.receive(other)) == repr(value)
