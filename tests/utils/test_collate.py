"""Datasets and collating, against PyTorch."""

from __future__ import annotations

import collections
import types
from typing import Any, NamedTuple

import numpy as np
import pytest

import gradviz
import gradviz.utils.data as ours
from gradviz.utils.data._utils import collate
from gradviz.utils.data.dataset import gatherer

torch = pytest.importorskip("torch")
theirs = torch.utils.data


class Point(NamedTuple):
    x: Any
    y: Any


class Bag(dict):
    """A mapping of the user's."""


class Row(list):
    """A sequence of the user's."""


BATCHES = {
    "tensors": lambda t: [t.ones(2, 3), t.zeros(2, 3)],
    "0-d tensors": lambda t: [t.tensor(1), t.tensor(2)],
    "mixed dtypes": lambda t: [t.ones(2), t.ones(2, dtype=t.float64)],
    "bfloat16": lambda t: [t.ones(2, dtype=t.bfloat16)] * 2,
    "ints": lambda t: [1, 2, 3],
    "bools": lambda t: [True, False],
    "bool and int": lambda t: [True, 3],
    "floats": lambda t: [1.5, 2.5],
    "float and int": lambda t: [1.5, 2],
    "arrays": lambda t: [np.ones(2), np.zeros(2)],
    "uint8 arrays": lambda t: [np.ones((2, 2), np.uint8)],
    "scalars": lambda t: [np.float32(1), np.float32(2)],
    "bool scalars": lambda t: [np.bool_(True), np.bool_(False)],
    "text": lambda t: ["a", "b"],
    "bytes": lambda t: [b"a"],
    "tuples": lambda t: [(1, 2.0, "a"), (3, 4.0, "b")],
    "lists": lambda t: [[1, t.ones(2)], [2, t.zeros(2)]],
    "ranges": lambda t: [range(2), range(2)],
    "dicts": lambda t: [{"x": 1, "y": (1, 2)}, {"x": 2, "y": (3, 4)}],
    "ordered": lambda t: [collections.OrderedDict(x=1), collections.OrderedDict(x=2)],
    "named": lambda t: [Point(1, t.ones(1)), Point(2, t.zeros(1))],
    "empty tuples": lambda t: [(), ()],
    "int and float": lambda t: [1, 2.5],
    "user's dict": lambda t: [Bag(x=1), Bag(x=2)],
    "user's list": lambda t: [Row([1, 2.0]), Row([3, 4.0])],
    "frozen mapping": lambda t: [types.MappingProxyType({"x": 1}), types.MappingProxyType({"x": 2})],
    "bytearrays": lambda t: [bytearray(b"ab"), bytearray(b"cd")],
}


@pytest.mark.parametrize("name", BATCHES)
def test_default_collate(name: str) -> None:
    found = ours.default_collate(BATCHES[name](gradviz))
    expected = theirs.default_collate(BATCHES[name](torch))
    assert repr(found) == repr(expected)
    assert type(found).__name__ == type(expected).__name__


CONVERTED = [
    np.ones(2),
    np.float32(2),
    [np.ones(1), 3],
    (1, np.zeros(1)),
    {"a": np.ones(1)},
    Point(1, np.ones(1)),
    "a",
    7,
    Bag(x=np.ones(1)),
    Row([np.ones(1)]),
    range(3),
    np.array(["a"]),
    np.array([None]),
]


@pytest.mark.parametrize("value", CONVERTED, ids=repr)
def test_default_convert(value: object) -> None:
    assert repr(ours.default_convert(value)) == repr(theirs.default_convert(value))


class Image:
    def __init__(self, value: float) -> None:
        self.value = value


class Photo(Image):
    pass


def test_types_of_ones_own() -> None:
    """The exact type first, then the first entry it is an instance of; containers are taken apart on the way."""

    def images(batch, *, collate_fn_map=None):
        return [image.value for image in batch]

    def reversed_text(batch, *, collate_fn_map):
        assert collate_fn_map is not None
        return batch[::-1]

    batch = [{"i": Image(1.0), "p": (Photo(2.0), "a")}, {"i": Image(3.0), "p": (Photo(4.0), "b")}]
    for d in (collate, torch.utils.data._utils.collate):
        made = d.collate(
            batch, collate_fn_map={(Image, int): images, str: reversed_text, Photo: lambda b, **_: "photos"}
        )
        assert made == {"i": [1.0, 3.0], "p": ["photos", ("b", "a")]}
        with pytest.raises(TypeError, match="default_collate: batch must contain"):
            d.collate([3, 4])
        d.default_collate_fn_map[Image] = images
        try:
            assert d.default_collate(batch[0]["p"][:1]) == [2.0]
        finally:
            del d.default_collate_fn_map[Image]
    assert (
        list(map(str, collate.default_collate_fn_map))[1:]
        == list(map(str, torch.utils.data._utils.collate.default_collate_fn_map))[1:]
    )


def test_a_map_for_tensors_is_used_for_rows_too() -> None:
    data = ours.TensorDataset(gradviz.arange(4))
    kept = collate.default_collate_fn_map[gradviz.Tensor]
    collate.default_collate_fn_map[gradviz.Tensor] = lambda batch, **_: "mine"
    try:
        assert next(iter(ours.DataLoader(data, batch_size=2))) == ["mine"]
    finally:
        collate.default_collate_fn_map[gradviz.Tensor] = kept


def test_collating_keeps_gradients() -> None:
    x = gradviz.ones(2, requires_grad=True)
    batch = ours.default_collate([x, x * 2])
    batch.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def datasets(t, d):
    x, y = t.arange(20.0).reshape(10, 2), t.arange(10)
    whole = d.TensorDataset(x, y)
    return {
        "tensors": whole,
        "subset": d.Subset(whole, [7, 1, -1, 5]),
        "subset of subset": d.Subset(d.Subset(whole, [7, 1, 3, 5]), [2, 0]),
        "concat": d.ConcatDataset([whole, d.Subset(whole, [4]), [(t.ones(2), t.tensor(5))]]),
        "sum": whole + whole,
        "one column": d.TensorDataset(x),
        "stack": d.StackDataset(whole, list("abcdefghij")),
        "stack by name": d.StackDataset(row=whole, number=d.Subset(range(10), list(range(10)))),
        "subset of stack": d.Subset(d.StackDataset(x, y), [3, 1]),
    }


@pytest.mark.parametrize("name", list(datasets(gradviz, ours)))
def test_datasets(name: str) -> None:
    mine, reference = datasets(gradviz, ours)[name], datasets(torch, theirs)[name]
    assert len(mine) == len(reference)
    assert [repr(mine[i]) for i in range(len(mine))] == [repr(reference[i]) for i in range(len(reference))]
    for size in (1, 3):
        found = [repr(b) for b in ours.DataLoader(mine, batch_size=size)]
        assert found == [repr(b) for b in theirs.DataLoader(reference, batch_size=size)]


def test_rows_gathered_at_once_are_the_rows_stacked() -> None:
    data = ours.TensorDataset(gradviz.rand(50, 3), gradviz.arange(50))
    rows = [4, 40, -1, 0, 4]
    at_once = gatherer(data)(rows)
    one_by_one = ours.default_collate([data[i] for i in rows])
    assert [t.tolist() for t in at_once] == [t.tolist() for t in one_by_one]
    assert gatherer(data)([50]) is None, "an index beyond the end is left to the dataset, which says what is wrong"
    at_once[0].zero_()
    assert data.tensors[0].sum() > 0, "a batch owns its memory"


def test_overridden_getitem_is_used() -> None:
    class Doubled(ours.TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * t for t in super().__getitem__(index))

    data = Doubled(gradviz.arange(4))
    assert gatherer(data) is None
    assert [b[0].tolist() for b in ours.DataLoader(data, batch_size=2)] == [[0, 2], [4, 6]]


def test_many_at_once_by_getitems() -> None:
    class Rows(ours.Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [10 * i for i in indices]

    assert [b.tolist() for b in ours.DataLoader(Rows(), batch_size=2)] == [[0, 10], [20, 30]]


def test_tensors_that_need_gradients_stay_in_the_graph() -> None:
    x = gradviz.ones(4, requires_grad=True)
    (batch,) = next(iter(ours.DataLoader(ours.TensorDataset(x), batch_size=2)))
    batch.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 0]


def test_stacks_ask_for_many_at_once() -> None:
    class Short(ours.Dataset):
        def __len__(self):
            return 3

        def __getitems__(self, indices):
            return [10 * i for i in indices][:2]

    assert ours.StackDataset(Short()).__getitems__([1, 2]) == [(10,), (20,)]
    with pytest.raises(ValueError, match=r"Nested dataset's output size mismatch\. Expected 3, got 2"):
        ours.StackDataset(Short()).__getitems__([0, 1, 2])


def test_sizes_that_differ() -> None:
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors\nThe first sizes are 2, 3;"):
        ours.TensorDataset(gradviz.ones(2), gradviz.ones(3))
