"""BatchConveyor: the batches it shows are those that the loader yields afterwards, and showing them moves nothing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)
from gradviz.widgets.data.batch_conveyor import BatchConveyor
from gradviz.widgets.data.loader_trace import recipe

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000
N = 22
ROWS = TensorDataset(torch.arange(N).float(), torch.arange(N) % 3)


class AtOnce(Sampler[int]):
    """Draws when the iterator is made, not when it is read."""

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(N).tolist())

    def __len__(self) -> int:
        return N


class ByPython(Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        rows = list(range(N))
        random.shuffle(rows)
        yield from rows


class ByNumPy(Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        yield from np.random.permutation(N)  # noqa: NPY002


class Counts(Sampler[int]):
    """Another order each time, from a count of its own."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[int]:
        self.passes += 1
        return iter([(i * 5 + self.passes) % N for i in range(N)])


class Buckets(Sampler[list[int]]):
    """A batch sampler that sorts what its sampler gives, and leaves two rows out."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def __iter__(self) -> Iterator[list[int]]:
        rows = sorted(self.sampler)[:20]
        yield from (rows[i : i + 5] for i in range(0, 20, 5))


def seeded() -> Any:
    return torch.Generator().manual_seed(5)


def sharing() -> dict[str, Any]:
    generator = seeded()
    return {"batch_size": 7, "sampler": RandomSampler(ROWS, generator=generator), "generator": generator}


LOADERS: dict[str, Callable[[], dict[str, Any]]] = {
    "sequential": lambda: {"batch_size": 4},
    "shuffle": lambda: {"batch_size": 4, "shuffle": True},
    "generator, drop_last": lambda: {"batch_size": 4, "shuffle": True, "generator": seeded(), "drop_last": True},
    "shared generator": sharing,
    "sampler's generator": lambda: {"batch_size": 7, "sampler": RandomSampler(ROWS, generator=seeded())},
    "loader's generator": lambda: {"batch_size": 7, "sampler": RandomSampler(ROWS), "generator": seeded()},
    "weighted": lambda: {"batch_size": 5, "sampler": WeightedRandomSampler(torch.arange(N).float(), 30)},
    "subset, drop_last": lambda: {"batch_size": 3, "sampler": SubsetRandomSampler([3, 5, 7, 11]), "drop_last": True},
    "replacement": lambda: {"batch_size": 7, "sampler": RandomSampler(ROWS, replacement=True, num_samples=50)},
    "at once": lambda: {"batch_size": 4, "sampler": AtOnce()},
    "at once, workers": lambda: {"batch_size": 4, "sampler": AtOnce(), "num_workers": 2},
    "at once, kept workers": lambda: {
        "batch_size": 4, "sampler": AtOnce(), "num_workers": 2, "persistent_workers": True
    },
    "workers": lambda: {"batch_size": 4, "shuffle": True, "num_workers": 2},
    "kept workers": lambda: {"batch_size": 4, "shuffle": True, "num_workers": 2, "persistent_workers": True},
    "Python's random": lambda: {"batch_size": 4, "sampler": ByPython()},
    "NumPy's random": lambda: {"batch_size": 4, "sampler": ByNumPy()},
    "a state of its own": lambda: {"batch_size": 4, "sampler": Counts()},
    "no batches": lambda: {"batch_size": None, "shuffle": True},
    "buckets": lambda: {"batch_sampler": Buckets(RandomSampler(ROWS))},
    "a list of lists": lambda: {"batch_sampler": [[0, 1], [5], [1, 2, -1]]},
    "batch sampler": lambda: {"batch_sampler": BatchSampler(RandomSampler(ROWS), 8, True)},
    "ranks": lambda: {"batch_size": 4, "sampler": DistributedSampler(ROWS, 3, 1)},
}  # fmt: skip


def states(loader: Any) -> list[Any]:
    numpys: Any = np.random.get_state()  # noqa: NPY002
    own = [one.get_state().tolist() for one in (loader.generator, getattr(loader.sampler, "generator", None)) if one]
    passes = getattr(loader.sampler, "passes", None)
    return [torch.get_rng_state().tolist(), random.getstate(), numpys[1].tolist(), numpys[2], own, passes]


def start(loader: Any, seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    for one in (loader.generator, getattr(loader.sampler, "generator", None)):
        if one is not None:
            one.manual_seed(seed)


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("name", LOADERS)
def test_the_batches_are_those_of_the_loader(name: str, seed: int | None) -> None:
    loader = DataLoader(ROWS, **LOADERS[name]())
    start(loader, 1)
    torch.rand(3)  # somewhere in the stream
    before, attributes = states(loader), dict(vars(loader))
    view = BatchConveyor(loader, epochs=3, seed=seed)
    view.to_html(), view.to_svg(), view.to_text()
    assert states(loader) == before
    assert all(vars(loader)[key] is value for key, value in attributes.items())
    if seed is not None:
        start(loader, seed)
    for epoch in view.runs[0]:
        real = [batch[0].reshape(-1).int().tolist() for batch in loader]
        assert epoch.batches() == real


def test_what_becomes_of_the_rows() -> None:
    loader = DataLoader(ROWS, batch_size=4, shuffle=True, drop_last=True)
    for epoch in BatchConveyor(loader, epochs=2, seed=0).runs[0]:
        assert epoch.facts.dropped == epoch.dropped_shown == 2
        assert sorted(epoch.steps) == list(range(N))
        assert epoch.facts.never == epoch.facts.repeated == 0
    weights = [1.0] * 11 + [0.0] * 11
    (epoch,) = BatchConveyor(DataLoader(ROWS, 4, sampler=WeightedRandomSampler(weights, N)), epochs=1, seed=0).runs[0]
    held = [at for batch in epoch.batches() for at in batch]
    assert epoch.facts.repeated == sum(held.count(at) > 1 for at in set(held)) > 0
    assert epoch.facts.never == N - len(set(held))
    assert set(epoch.never) == set(range(N)) - set(held)


def test_two_epochs_are_compared() -> None:
    text = BatchConveyor(DataLoader(ROWS, 4), epochs=2).to_text()
    assert "the same order as epoch 1" in text
    view = BatchConveyor(DataLoader(ROWS, 2, shuffle=True), epochs=2, seed=0)
    one, two = ({frozenset(batch) for batch in epoch.batches()} for epoch in view.runs[0])
    moved = sum(a != b for a, b in zip(view.runs[0][0].steps, view.runs[0][1].steps, strict=True))
    assert (
        f"{moved} of {N} places hold another row; of 11 pairs that shared a batch, {len(one & two)}" in view.to_text()
    )


def test_where_the_order_comes_from() -> None:
    said = {name: BatchConveyor(DataLoader(ROWS, **LOADERS[name]()), epochs=1).depends for name in LOADERS}
    assert said["shuffle"] == said["weighted"] == said["workers"] == said["loader's generator"] == ["default"]
    assert said["generator, drop_last"] == said["sampler's generator"] == ["own"]
    assert said["Python's random"] == ["python"]
    assert said["NumPy's random"] == ["numpy"]
    assert said["sequential"] == said["a list of lists"] == said["a state of its own"] == []


def test_ranks_need_set_epoch() -> None:
    sampler = DistributedSampler(ROWS, 2, 0)
    loader = DataLoader(ROWS, 4, sampler=sampler)
    assert "call it before each epoch" in BatchConveyor(loader).to_text()
    view = BatchConveyor(loader, set_epoch=True)
    assert sampler.epoch == 0
    for k, epoch in enumerate(view.runs[0]):
        sampler.set_epoch(k)
        assert epoch.batches() == [batch[0].int().tolist() for batch in loader]


class Named(Dataset[Any]):
    """Rows by name, some of them hostile."""

    held = {"a": 1.0, HOSTILE: 2.0, "c": 3.0, "d": 4.0}

    def __getitem__(self, key: str) -> dict[str, Any]:
        return {"x": torch.tensor([self.held[key]]), "label": HOSTILE}

    def __len__(self) -> int:
        return len(self.held)


def test_keys_that_are_no_numbers_and_hostile_names() -> None:
    loader = DataLoader(Named(), batch_sampler=[["a", HOSTILE], ["c", "a"]])
    view = BatchConveyor(loader, title=HOSTILE, epochs=1)
    assert view.runs[0][0].batches() == [[0, 1], [2, 0]]
    assert view.runs[0][0].facts.never == 1
    assert view.key_of(0) == "a"
    for text in (view.to_svg(), view.to_html()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text


class Stream(IterableDataset[Any]):
    def __init__(self, count: int | None = 10, shared: bool = False) -> None:
        self.count, self.shared, self.begun = count, shared, 0

    def __iter__(self) -> Iterator[Any]:
        self.begun += 1
        info, i = get_worker_info(), 0
        while self.count is None or i < self.count:
            if not (self.shared and info is not None and i % info.num_workers != info.id):
                yield torch.tensor([float(i)]), i % 2
            i += 1


def test_streams() -> None:
    stream = Stream()
    view = BatchConveyor(DataLoader(stream, batch_size=4, drop_last=True))
    assert stream.begun == 0
    assert [epoch.batches() for epoch in view.runs[0]] == [[[0, 1, 2, 3], [4, 5, 6, 7]]] * 2
    assert view.runs[0][0].steps[-2:] == [8, 9]
    assert view.runs[0][0].facts.never is None
    endless = BatchConveyor(DataLoader(Stream(None), batch_size=64), epochs=1)
    assert endless.runs[0][0].facts.rows == 192
    assert "has more than 200 items" in endless.to_text()


@pytest.mark.parametrize(("shared", "repeated"), [(False, 10), (True, 0)])
def test_workers_of_a_stream(shared: bool, repeated: int) -> None:
    loader = DataLoader(Stream(10, shared), batch_size=2, num_workers=2)
    (epoch,) = BatchConveyor(loader, epochs=1).runs[0]
    assert epoch.facts.repeated == repeated
    assert [len(batch[0]) for batch in loader] == epoch.sizes


def test_a_dataset_that_writes_into_itself_is_not_touched() -> None:
    class Spoils(Dataset[Any]):
        def __init__(self) -> None:
            self.rows = torch.ones(6, 2)

        def __getitem__(self, i: int) -> Any:
            self.rows[i] *= 2
            return self.rows[i]

        def __len__(self) -> int:
            return 6

    data = Spoils()
    BatchConveyor(DataLoader(data, batch_size=2))
    assert torch.equal(data.rows, torch.ones(6, 2))


def test_collate_is_shown_and_its_errors() -> None:
    view = BatchConveyor(DataLoader(ROWS, batch_size=4), epochs=1)
    assert view.collated[0][0] == ["[4] · [4]"] * 5 + ["[2] · [2]"]
    assert view.template == "[n] · [n]"

    class Ragged(Dataset[Any]):
        def __getitem__(self, i: int) -> Any:
            return torch.zeros(i % 3 + 1)

        def __len__(self) -> int:
            return 6

    told = BatchConveyor(DataLoader(Ragged(), batch_size=3), epochs=1).collated[0][0][0]
    assert told.startswith("✗ RuntimeError: stack expects each tensor to be equal size")
    own = BatchConveyor(DataLoader(Ragged(), batch_size=3, collate_fn=lambda rows: rows), epochs=1)
    assert own.collated[0][0][0] == "[1] · [2] · [3]"


def test_images_are_the_rows_and_classes_have_letters() -> None:
    images = torch.rand(5, 1, 6, 6, generator=seeded())
    data = TensorDataset(images, torch.tensor([0, 1, 2, 1, 0]))
    view = BatchConveyor(DataLoader(data, batch_size=2), classes=["cat", "cow", "dog"])
    want = np.rint(images.numpy()[:, 0, :, :, None] * 255).astype(np.uint8)
    assert np.array_equal(view.cards.pixels, want)
    assert view.cards.letters == ["A", "B", "C"]
    assert view.label_of(2) == "dog"


def test_large_datasets_keep_to_the_budget() -> None:
    big = TensorDataset(torch.rand(60_000, 4), torch.arange(60_000) % 10)
    view = BatchConveyor(DataLoader(big, batch_size=64, shuffle=True), seed=0)
    assert view.runs[0][0].facts.batches == 938
    assert sum(view.runs[0][0].sizes) == 192
    assert not view.recut
    assert len(view.to_html()) < 120_000
    images = TensorDataset(torch.rand(400, 3, 32, 32), torch.arange(400) % 10)
    assert len(BatchConveyor(DataLoader(images, batch_size=32, shuffle=True), seed=0).to_html()) < 120_000


def test_only_what_the_page_can_make_again_can_be_changed() -> None:
    can = {name: BatchConveyor(DataLoader(ROWS, **LOADERS[name]()), epochs=1) for name in LOADERS}
    known = {name for name, view in can.items() if view.recipe is not None}
    samplers = {"sampler's generator", "loader's generator", "shared generator"}
    assert known == {"sequential", "shuffle", "generator, drop_last", "workers", "kept workers"} | samplers
    assert not can["buckets"].recut
    assert not can["a list of lists"].recut
    assert can["weighted"].recut
    loader = DataLoader(ROWS, 4, shuffle=True, num_workers=1, persistent_workers=True)
    list(loader)
    assert recipe(loader) is None  # its workers are there: which seed comes next depends on them


PROGRAM = """
import hashlib, gradviz as torch
from gradviz.widgets.data.batch_conveyor import BatchConveyor
from gradviz.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(12.0), torch.arange(12) % 3)
view = BatchConveyor(DataLoader(data, batch_size=5, shuffle=True), seed=[0, 1])
print(hashlib.sha256((view.to_html() + repr(view)).encode()).hexdigest())
"""


def test_bytes_are_the_same_in_every_process() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(seen) == 1


def test_bad_input() -> None:
    with pytest.raises(TypeError, match="shows a DataLoader; got TensorDataset"):
        BatchConveyor(ROWS)
    for epochs in (0, 7, 1.5, True):
        with pytest.raises(ValueError, match="epochs must be"):
            BatchConveyor(DataLoader(ROWS), epochs)
    for seed in (-1, 1.5, "a", True):
        with pytest.raises(ValueError, match="a seed is a whole number"):
            BatchConveyor(DataLoader(ROWS), seed=seed)
    with pytest.raises(TypeError, match="can be read only once"):
        BatchConveyor(DataLoader(ROWS, sampler=(i for i in range(4))))
    with pytest.raises(IndexError) as caught:
        BatchConveyor(DataLoader(ROWS, sampler=[0, 40]))
    assert "sample 40" in " ".join(caught.value.__notes__)


def test_as_data() -> None:
    view = BatchConveyor(DataLoader(ROWS, batch_size=4, shuffle=True), seed=0)
    json.dumps(view.to_json(), allow_nan=False)
    assert view.to_json()["format"] == "gradviz.batch_conveyor/1"
    assert repr(view) == view.to_text()
