"""safetensors files: the same bytes as the real package writes, what it refuses refused, and its reading calls."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import gradviz
from gradviz import nn
from gradviz.utils import safetensors as ours

DTYPES = (
    "bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32", "uint32", "float32", "complex64",
    "float64", "int64", "uint64",
)  # fmt: skip
VALUES = {
    "all types": lambda t: {f"{9 - i // 10}{9 - i % 10}": t.ones(2, 3).to(getattr(t, n)) for i, n in enumerate(DTYPES)},
    "0-d and empty": lambda t: {"a": t.tensor(2.5), "b": t.zeros(0, 3), 'é\n"': t.zeros(2, 0, dtype=t.int64)},
    "parts of a memory": lambda t: (lambda x: {"a": x[:2], "b": x[2:5]})(t.arange(6.0)),
    "learned": lambda t: {"a": t.nn.Parameter(t.ones(2)), "b": t.ones(2, requires_grad=True)},
    "nothing": lambda t: {},
    "__metadata": lambda t: {"__metadata": t.ones(1)},
}  # fmt: skip


def real() -> Any:
    pytest.importorskip("torch")
    return pytest.importorskip("safetensors.torch")


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("metadata", [None, {"a": "ü"}])
def test_the_bytes_are_those_of_the_real_package(name: str, metadata: dict[str, str] | None) -> None:
    theirs, torch = real(), pytest.importorskip("torch")
    content = theirs.save(VALUES[name](torch), metadata)
    assert ours.save(VALUES[name](gradviz), metadata) == content
    found, expected = ours.load(content), theirs.load(content)
    assert list(found) == sorted(expected, key=list(found).index)
    assert {k: repr(v) for k, v in found.items()} == {k: repr(v) for k, v in expected.items()}


def _savable(t: Any) -> dict[str, tuple[Any, Any]]:
    whole = t.ones(4)
    return {
        "transposed": ({"a": t.ones(2, 3).T}, None),
        "shared": ({"a": whole, "b": whole}, None),
        "overlapping": ({"a": whole[:3], "b": whole[2:]}, None),
        "a list": ({"a": [1]}, None),
        "no dict": ([1], None),
        "a number as text": ({"a": whole}, {"a": 1}),
        "a number as name": ({1: whole}, None),
        "complex128": ({"a": t.ones(2, dtype=t.complex128)}, None),
    }


@pytest.mark.parametrize("name", _savable(gradviz))
def test_what_is_not_saved(name: str) -> None:
    theirs, torch = real(), pytest.importorskip("torch")
    with pytest.raises((ValueError, RuntimeError, TypeError, KeyError)) as expected:
        theirs.save(*_savable(torch)[name])
    with pytest.raises(expected.type) as found:
        ours.save(*_savable(gradviz)[name])
    sentence = " ".join(str(expected.value).split()).partition(":")[0]
    assert " ".join(str(found.value).split()).startswith(sentence)


def test_metadata_is_no_tensors_name() -> None:
    with pytest.raises(ValueError, match=r"^Key `__metadata__` is invalid"):
        ours.save({"__metadata__": gradviz.ones(1)})


def tensor(kind: str = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


def file(header: Any, content: bytes = bytes(4), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + content


FILES = {
    "short": b"abc",
    "a huge header": file(b"{}", length=2**63),
    "just too large": file(b"{}", length=100_000_001),
    "a long header": file(b"{}", length=50),
    "not utf-8": file(b'{"\xff":1}'),
    "a list": file(b"[]"),
    "half": file(b'{"a":'),
    "no header": file(b""),
    "empty": file({}, b""),
    "a missing field": file({"a": {"dtype": "F32"}}),
    "an unknown type": file({"a": tensor("X")}),
    "a negative size": file({"a": tensor(shape=[-1])}),
    "another size": file({"a": tensor(shape=[2])}),
    "a hole": file({"a": tensor(offsets=[4, 8])}, bytes(8)),
    "a hole between": file({"a": tensor(), "b": tensor(offsets=[8, 12])}, bytes(12)),
    "an overlap": file({"a": tensor(), "b": tensor()}),
    "half an overlap": file({"a": tensor(), "b": tensor(offsets=[2, 6])}, bytes(6)),
    "an end before the start": file({"a": tensor(offsets=[4, 0])}),
    "a short file": file({"a": tensor()}, bytes(3)),
    "a long file": file({"a": tensor()}, bytes(5)),
    "an overflow": file({"a": tensor(shape=[2**40, 2**40])}),
    "an overflow and a zero": file({"a": tensor(shape=[2**40, 2**40, 0])}),
    "a huge size": file({"a": tensor(shape=[2**70])}),
    "a huge offset": file({"a": tensor(offsets=[0, 2**62])}),
    "three offsets": file({"a": tensor(offsets=[0, 4, 4])}),
    "a number as metadata": file({"__metadata__": {"a": 1}, "a": tensor()}),
    "a list as metadata": file({"__metadata__": [1], "a": tensor()}),
    "null as metadata": file({"__metadata__": None, "a": tensor()}),
    "not a number": file(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}'),
    "a fraction": file(b'{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}'),
    "true as a size": file({"a": tensor(shape=[True])}),
    "text as a size": file({"a": tensor(shape="1")}),
    "another field": file({"a": {**tensor(), "x": 1}}),
    "spaces": file(b" " + json.dumps({"a": tensor()}).encode() + b"   "),
    "0-d": file({"a": tensor(shape=[])}),
    "trailing text": file(json.dumps({"a": tensor()}).encode() + b"x"),
    "trailing zeros": file(json.dumps({"a": tensor()}).encode() + b"\0"),
    "deep": file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a number as tensor": file({"a": 1}),
    "long digits": file(b'{"a":' + b"9" * 100_000 + b"}"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_opened_or_refused_as_by_the_real_package(name: str) -> None:
    theirs = real()
    content, expected = FILES[name], None
    tracemalloc.start()
    try:
        expected = {k: v.tolist() for k, v in theirs.load(content).items()}
    except Exception as error:
        with pytest.raises(ours.SafetensorError) as found:
            ours.load(content)
        sentence = ":".join(str(error).split(":")[:2]).partition("`")[0]  # which of two overlapping ones is a toss-up
        assert str(found.value).startswith(sentence)
    else:
        assert {k: v.tolist() for k, v in ours.load(content).items()} == expected
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_name_twice_is_refused_as_the_format_says() -> None:
    one = json.dumps(tensor())
    with pytest.raises(ours.SafetensorError, match="twice"):
        ours.load(file(f'{{"a":{one},"a":{one}}}'.encode()))


def test_types_that_gradviz_has_not() -> None:
    with pytest.raises(ours.SafetensorError, match="has the type F8_E4M3, which gradviz does not have"):
        ours.load(file({"a": tensor("F8_E4M3", [4])}))
    with pytest.raises(ours.SafetensorError, match="NumPy has at most 64"):
        ours.load(file({"a": tensor(shape=[1] * 65)}))
    assert ours.load(file({"a": tensor("BOOL", [4])}, b"\0\1\2\xff"))["a"].tolist() == [False, True, True, True]


def test_reading_parts(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    ours.save_file(
        {"a": gradviz.arange(12.0).reshape(3, 4), "s": gradviz.tensor(2, dtype=gradviz.int64)}, path, {"k": "v"}
    )
    with ours.safe_open(path, framework="pt", device="cpu") as opened:
        assert (opened.keys(), opened.offset_keys(), opened.metadata()) == (["a", "s"], ["s", "a"], {"k": "v"})
        part = opened.get_slice("a")
        assert (part.get_shape(), part.get_dtype()) == ([3, 4], "F32")
        assert (part[1:2, :2].tolist(), part[0].tolist(), part[..., -1].tolist()) == (
            [[4, 5]],
            [0, 1, 2, 3],
            [3, 7, 11],
        )
        found = opened.get_tensor("a")
        found[0, 0] = 5  # its own memory
        assert opened.get_tensor("a")[0, 0] == 0
        with pytest.raises(ours.SafetensorError, match=r"^File does not contain tensor z$"):
            opened.get_tensor("z")
        with pytest.raises(IndexError):
            part[5]
    with pytest.raises(ours.SafetensorError, match=r"^File is closed$"):
        opened.keys()
    for call, error, text in (
        (lambda: ours.safe_open(path, "xx"), ours.SafetensorError, "^framework xx is invalid$"),
        (lambda: ours.load_file(tmp_path / "none"), FileNotFoundError, "^No such file or directory: "),
        (
            lambda: ours.save_file({}, tmp_path / "none" / "a"),
            ours.SafetensorError,
            "^Error while serializing: I/O error",
        ),
        (lambda: ours.load([1]), TypeError, "^argument 'bytes': 'list' object is not an instance of 'bytes'"),
        (lambda: ours.load_file(path, backend="x"), NotImplementedError, "'backend'"),
    ):
        with pytest.raises(error, match=text):
            call()
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ours.SafetensorError, match="header too small"):
        ours.load_file(tmp_path / "empty")


def test_files_cross(tmp_path: Path) -> None:
    theirs, torch = real(), pytest.importorskip("torch")
    path = tmp_path / "model.safetensors"
    ours.save_file(VALUES["all types"](gradviz), path)
    assert {k: repr(v) for k, v in theirs.load_file(path).items()} == {
        k: repr(v) for k, v in VALUES["all types"](torch).items()
    }
    theirs.save_file(VALUES["all types"](torch), path)
    found = ours.load_file(path, device="cpu")
    assert {k: repr(v) for k, v in found.items()} == {k: repr(v) for k, v in VALUES["all types"](gradviz).items()}


def test_models_with_tied_weights(tmp_path: Path) -> None:
    theirs, torch = real(), pytest.importorskip("torch")

    def tied(t: Any) -> Any:
        model = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Linear(2, 2))
        model[1].weight = model[0].weight
        return model

    path, other = tmp_path / "ours", tmp_path / "theirs"
    model = tied(gradviz)
    ours.save_model(model, str(path))
    torch.manual_seed(1)
    twin = tied(torch)
    assert theirs.load_model(twin, path) == ours.load_model(tied(gradviz), path) == (set(), [])
    theirs.save_model(twin, str(other))
    assert path.read_bytes() == other.read_bytes()
    with pytest.raises(RuntimeError) as expected:
        theirs.load_model(torch.nn.Linear(2, 2), path)
    with pytest.raises(RuntimeError) as found:
        ours.load_model(nn.Linear(2, 2), path)
    assert str(found.value) == str(expected.value)
    loose = theirs.load_model(torch.nn.Linear(2, 2), path, strict=False)
    again = ours.load_model(nn.Linear(2, 2), path, strict=False)
    assert (again[0], sorted(again[1])) == (set(loose[0]), sorted(loose[1]))
