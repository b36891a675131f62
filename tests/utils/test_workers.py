"""Worker threads: order, errors with their traceback, time limits, interrupts, and nothing left behind."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import threading
import time
import traceback
import warnings

import pytest

import gradviz
import gradviz.utils.data as data
from gradviz.core.random import initial_seed, manual_seed


def workers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("DataLoader worker")]


def none_left(seconds: float = 5.0) -> bool:
    gc.collect()
    end = time.monotonic() + seconds
    while workers() and time.monotonic() < end:
        time.sleep(0.01)
    return not workers()


@pytest.fixture(autouse=True)
def no_thread_is_left():
    assert none_left()
    yield
    assert none_left(), "a worker outlived its loader"


class Slow(data.Dataset):
    """Samples that take different times, so that workers overtake one another."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        time.sleep(0.004 * (index % 3 == 0))
        return index


@pytest.mark.parametrize("count", [1, 2, 5])
def test_order_does_not_depend_on_who_is_faster(count: int) -> None:
    for batch_size in (1, 4, 7):
        loader = data.DataLoader(Slow(), batch_size=batch_size, num_workers=count)
        assert [b.tolist() for b in loader] == [b.tolist() for b in data.DataLoader(Slow(), batch_size=batch_size)]


class Broken(data.Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        if index == 7:
            raise KeyError("no such image")
        return index


@pytest.mark.parametrize("count", [0, 2])
def test_an_error_names_the_sample_and_keeps_its_traceback(count: int) -> None:
    batches = iter(data.DataLoader(Broken(), batch_size=3, num_workers=count))
    assert next(batches).tolist() == [0, 1, 2]
    next(batches)
    with pytest.raises(KeyError) as caught:
        next(batches)
    text = "".join(traceback.format_exception(caught.value))
    assert "while loading sample 7 of Broken" in text
    assert 'raise KeyError("no such image")' in text
    assert ("worker 0 of 2" in text) == (count == 2)
    if count:
        assert next(batches).tolist() == [9, 10, 11], "the pass goes on after an error, as in PyTorch"


def test_an_error_while_collating_names_the_batch() -> None:
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size") as caught:
        list(data.DataLoader([gradviz.ones(2), gradviz.ones(3)], batch_size=2))
    assert "the batch of samples [0, 1]" in caught.value.__notes__[0]


def test_an_error_in_the_init_function_arrives() -> None:
    def init(worker: int) -> None:
        raise ValueError(f"cannot open shard {worker}")

    with pytest.raises(ValueError, match="cannot open shard 0"):
        next(iter(data.DataLoader(Slow(), num_workers=2, worker_init_fn=init)))


def test_init_function_runs_in_each_worker() -> None:
    seen = []
    loader = data.DataLoader(
        Slow(), num_workers=3, worker_init_fn=lambda i: seen.append((i, data.get_worker_info().id))
    )
    assert len(list(loader)) == 24
    assert sorted(seen) == [(0, 0), (1, 1), (2, 2)]
    assert data.get_worker_info() is None


class Noise(data.Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        time.sleep(0.001 * (index % 4))
        return gradviz.rand(2)


def test_random_numbers_do_not_depend_on_turns() -> None:
    def batches() -> list:
        manual_seed(3)
        found = [b.tolist() for b in data.DataLoader(Noise(), batch_size=2, num_workers=2)]
        return [found, float(gradviz.rand(1))]

    first = batches()
    assert batches() == first
    manual_seed(3)
    list(data.DataLoader([1], batch_size=2))
    assert float(gradviz.rand(1)) == first[1], "workers leave the program's own stream alone"


def test_each_worker_has_a_seed_of_its_own() -> None:
    class Seeds(Slow):
        def __getitem__(self, index):
            time.sleep(0.002)
            info = data.get_worker_info()
            return info.id, info.seed, initial_seed()

    manual_seed(1)
    rows = [tuple(int(column) for column in batch) for batch in data.DataLoader(Seeds(), num_workers=2)]
    assert {(worker, seed - rows[0][1]) for worker, seed, _ in rows} == {(0, 0), (1, 1)}
    assert all(seed == initial for _, seed, initial in rows)


def test_each_worker_has_generators_of_its_own() -> None:
    """Python's and NumPy's own are shared by all threads: `rng` has others, seeded as a process's would be."""

    class Draws(Slow):
        def __getitem__(self, index):
            info = data.get_worker_info()
            assert gradviz.thread_safe_generator() is info.rng.torch_generator
            assert (info.worker_method, info.dataset) == ("thread", self)
            return info.id, info.rng.random_generator.random(), info.rng.numpy_generator.random(), info.seed

    manual_seed(1)
    loader = data.DataLoader(Draws(), None, num_workers=2)
    rows = list(loader)
    manual_seed(1)
    assert rows == list(loader)
    assert rows[0][1] == random.Random(rows[0][3]).random()
    assert len({row[1] for row in rows}) == len({row[2] for row in rows}) == 24


def test_each_worker_has_a_copy_of_the_dataset_object() -> None:
    class Opens(Slow):
        shared, mine = [], None

        def __getitem__(self, index):
            self.mine = self.mine or data.get_worker_info().id + 1
            self.shared.append(index)
            return self.mine

    dataset = Opens()
    assert list(data.DataLoader(dataset, None, num_workers=2)) == [1, 2] * 12
    assert dataset.mine is None
    assert sorted(dataset.shared) == list(range(24))


class Sleeper(data.Dataset):
    def __init__(self) -> None:
        self.wake = threading.Event()

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.wake.wait(20)
        return index


def test_timeout() -> None:
    dataset = Sleeper()
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.1 seconds"):
        next(iter(data.DataLoader(dataset, num_workers=2, timeout=0.1)))
    dataset.wake.set()


def test_leaving_a_loop_ends_the_workers() -> None:
    for batch in data.DataLoader(Slow(), num_workers=3):
        assert batch.tolist() == [0]
        break
    assert none_left()


def test_persistent_workers_are_the_same_threads() -> None:
    class Who(Slow):
        def __getitem__(self, index):
            return threading.get_ident()

    loader = data.DataLoader(Who(), num_workers=2, persistent_workers=True)
    names = [{int(thread) for thread in loader} for _ in range(3)]
    assert names[0] == names[1] == names[2]
    assert len(workers()) == 2
    first = iter(loader)
    next(first)
    assert len(list(loader)) == 24
    with pytest.raises(RuntimeError, match="A new pass over this DataLoader has begun"):
        next(first)


class Numbers(data.IterableDataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self):
        info = data.get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(start, self.n, step))

    def __len__(self):
        return self.n


@pytest.mark.parametrize(
    ("count", "options", "expected"),
    [
        (0, {"batch_size": 3}, [[0, 1, 2], [3, 4, 5], [6]]),
        (0, {"batch_size": 3, "drop_last": True}, [[0, 1, 2], [3, 4, 5]]),
        (0, {"batch_size": None}, [0, 1, 2, 3, 4, 5, 6]),
        (2, {"batch_size": 2}, [[0, 2], [1, 3], [4, 6], [5]]),
        (3, {"batch_size": 2}, [[0, 3], [1, 4], [2, 5], [6]]),
        (3, {"batch_size": 2, "drop_last": True}, [[0, 3], [1, 4], [2, 5]]),
        (9, {"batch_size": None}, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_streams(count: int, options: dict, expected: list) -> None:
    loader = data.DataLoader(Numbers(7), num_workers=count, **options)
    for _ in range(2):
        found = [b.tolist() if isinstance(b, gradviz.Tensor) else b for b in loader]
        assert found == expected


def test_streams_one_after_the_other() -> None:
    joined = Numbers(2) + Numbers(3)
    assert list(joined) == [0, 1, 0, 1, 2]
    assert len(joined) == 5


def test_a_stream_longer_than_it_said() -> None:
    class Longer(Numbers):
        def __len__(self):
            return 2

    loader = data.DataLoader(Longer(4))
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2"):
        assert len(list(loader)) == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(data.DataLoader(Longer(4)))) == 4, "nobody asked for the length"


INTERRUPTED = """
import _thread, threading, time
import gradviz.utils.data as data

class Slow(data.Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        time.sleep(0.05)
        return index

threading.Timer(0.4, _thread.interrupt_main).start()
try:
    for batch in data.DataLoader(Slow(), batch_size=100, num_workers=3):
        pass
except KeyboardInterrupt:
    print("interrupted")
end = time.monotonic() + 10
while any(t.name.startswith("DataLoader worker") for t in threading.enumerate()) and time.monotonic() < end:
    time.sleep(0.02)
print([t.name for t in threading.enumerate()])
"""


def test_an_interrupt_ends_the_workers() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["interrupted", "['MainThread']"], done.stderr


def test_a_program_ends_though_its_workers_wait() -> None:
    program = (
        INTERRUPTED.split("threading.Timer", maxsplit=1)[0]
        + "batches = iter(data.DataLoader(Slow(), num_workers=2))\nnext(batches)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
