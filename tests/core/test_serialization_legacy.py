"""Files in the format from before PyTorch 1.6: theirs here, ours there, and damaged ones."""

from __future__ import annotations

import collections
import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
import gradviz.nn
from gradviz.serialization import get_unsafe_globals_in_checkpoint, load, save

torch = pytest.importorskip("torch")
ALLOWED = (RuntimeError, EOFError, pickle.UnpicklingError)

VALUES = {
    "tensor": lambda t: t.arange(6.0).reshape(2, 3),
    "views": lambda t: (lambda x: [x, x[2:5], x.reshape(2, 5).T])(t.arange(10)),
    "many storages": lambda t: [t.full((2,), i, dtype=t.int16 if i % 2 else t.float64) for i in range(12)],
    "state": lambda t: collections.OrderedDict(weight=t.ones(2, 3), steps=t.tensor(3), note="x"),
    "parameter": lambda t: t.nn.Parameter(t.ones(2)),
    "0-d and empty": lambda t: [t.tensor(2.5), t.zeros(0, 3)],
    "half": lambda t: [t.ones(3, dtype=t.bfloat16), t.ones(3, dtype=t.float16), t.ones(2, dtype=t.bool)],
    "uint16": lambda t: t.tensor([1, 2, 65535], dtype=t.uint16),
    "complex": lambda t: t.tensor([1 + 2j]),
    "requires grad": lambda t: t.ones(2, requires_grad=True),
    "plain": lambda t: {"a": [1, (2, None)], "size": t.ones(2, 3).shape, "type": t.float32},
}


def theirs(value: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False, **options)
    file.seek(0)
    return file


def ours(value: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    save(value, file, _use_new_zipfile_serialization=False, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_both_ways(name: str, protocol: int) -> None:
    expected = repr(VALUES[name](torch))
    assert repr(load(theirs(VALUES[name](torch), pickle_protocol=protocol))) == expected
    assert repr(load(theirs(VALUES[name](torch)), weights_only=False)) == expected
    if name != "uint16" and protocol == 2:  # PyTorch cannot open its own such files
        assert repr(torch.load(ours(VALUES[name](gradviz)))) == expected
    assert repr(load(ours(VALUES[name](gradviz), pickle_protocol=protocol))) == expected


def test_views_share_memory_again() -> None:
    for whole, part, _ in (load(theirs(VALUES["views"](torch))), load(ours(VALUES["views"](gradviz)))):
        part[0] = -1
        assert whole[2].item() == -1


def test_a_file_that_does_not_start_at_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"header" + ours([gradviz.ones(2)]).getvalue())
    with path.open("rb") as file:
        file.seek(6)
        assert load(file)[0].tolist() == [1, 1]


def test_a_whole_model_of_torchs() -> None:
    file = theirs(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()))
    assert get_unsafe_globals_in_checkpoint(file)[:1] == ["torch.nn.modules.container.Sequential"]
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"^Weights only load failed\. .*Sequential"):
        load(file)
    file.seek(0)
    model = load(file, weights_only=False)
    assert (type(model), type(model[0])) == (gradviz.nn.Sequential, gradviz.nn.Linear)
    assert repr(model) == repr(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()))


def test_every_truncation_is_an_error() -> None:
    content = theirs(VALUES["many storages"](torch)).getvalue()
    for length in range(0, len(content), 7):
        with pytest.raises(ALLOWED):
            load(io.BytesIO(content[:length]))


def test_changed_bytes_never_do_more_than_raise() -> None:
    content = np.frombuffer(theirs([*VALUES["many storages"](torch), {"a": 1.5}]).getvalue(), np.uint8)
    random = np.random.default_rng(3)
    opened = 0
    for _ in range(800):
        changed = content.copy()
        changed[random.integers(len(content), size=random.integers(1, 4))] ^= random.integers(1, 256, dtype=np.uint8)
        try:
            load(io.BytesIO(changed.tobytes()))
            opened += 1
        except ALLOWED:
            continue
    assert 0 < opened < 800


def _end(content: bytes, storage: bytes) -> io.BytesIO:
    return io.BytesIO(content[: len(content) - 16] + storage)


def test_absurd_lengths_allocate_nothing() -> None:
    content = theirs(torch.ones(2)).getvalue()
    tracemalloc.start()
    with pytest.raises(RuntimeError, match="ends after the file does"):
        load(_end(content, (2**60).to_bytes(8, "little") + bytes(8)))
    with pytest.raises(RuntimeError, match="should hold 2 elements"):
        load(_end(content, (1).to_bytes(8, "little") + bytes(8)))
    wrong = {b"K\x01.": "Invalid protocol version: 1", b"X\xff\xff\xff\x7f.": "damaged", b"I" + b"1" * 10**6: "damaged"}
    for program, text in wrong.items():
        with pytest.raises(ALLOWED, match=text):
            load(io.BytesIO(content[:15] + b"\x80\x02" + program + content[15:]))
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_mapping_is_refused(tmp_path: Path) -> None:
    save([1], tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match=r"^mmap can only be used with files saved with"):
        load(tmp_path / "old.pt", mmap=True)
    assert load(tmp_path / "old.pt") == [1]
