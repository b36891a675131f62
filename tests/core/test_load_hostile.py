"""Files that are damaged, hostile or of another kind: a clear error, nothing run, nothing large made."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz import serialization
from gradviz.serialization import load, save

ALLOWED = (RuntimeError, EOFError, pickle.UnpicklingError)


def saved(value: Any) -> io.BytesIO:
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return file


def changed(file: io.BytesIO, record: str, change: Any) -> io.BytesIO:
    """The archive with the content of one record changed (removed where `change` gives None)."""
    made = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.endswith(f"/{record}"):
                content = change(content)
            if content is not None:
                new.writestr(info.filename, content)
    made.seek(0)
    return made


def whole() -> io.BytesIO:
    return saved({"weight": gradviz.arange(300.0), "step": 3})


def test_every_truncation_is_an_error() -> None:
    content = whole().getvalue()
    for length in [0, 1, 3, 4, 30, 64, 65, *range(100, len(content), 97), len(content) - 1]:
        with pytest.raises(ALLOWED) as caught:
            load(io.BytesIO(content[:length]))
        assert str(caught.value), length


def test_flipped_bytes_never_do_more_than_raise() -> None:
    content = bytearray(whole().getvalue())
    random = np.random.default_rng(0)
    for _ in range(400):
        position = int(random.integers(len(content)))
        old = content[position]
        content[position] ^= int(random.integers(1, 256))
        with contextlib.suppress(*ALLOWED):
            load(io.BytesIO(bytes(content)))
        content[position] = old


def test_changed_pickles_never_do_more_than_raise() -> None:
    """The pickle has no checksum of its own once the record's is right."""
    random = np.random.default_rng(1)

    def change(program: bytes) -> bytes:
        new = bytearray(program)
        for _ in range(int(random.integers(1, 4))):
            new[int(random.integers(len(new)))] = int(random.integers(256))
        return bytes(new)

    for _ in range(400):
        with contextlib.suppress(*ALLOWED):
            load(changed(whole(), "data.pkl", change))


def _pickle(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def _storage(key: bytes = b"0", kind: bytes = b"torch\nFloatStorage", count: int = 300) -> bytes:
    name = b"X" + struct.pack("<I", len(key)) + key
    size = b"\x8a\x08" + struct.pack("<q", count)
    return b"(X\x07\x00\x00\x00storagec" + kind + b"\n" + name + b"X\x03\x00\x00\x00cpu" + size + b"tQ"


def _tensor(storage: bytes, offset: int = 0, size: int = 300, stride: int = 1) -> bytes:
    numbers = [b"\x8a\x08" + struct.pack("<q", n) for n in (offset, size, stride)]
    body = storage + numbers[0] + numbers[1] + b"\x85" + numbers[2] + b"\x85\x89N"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + body + b"tR"


def _doubled() -> bytes:
    """A list of two lists, which are one list of two lists, and so on: its text would have 2**60 parts."""
    return b"]q\x000" + b"".join(b"](h%ch%ceq%c0" % (i, i, i + 1) for i in range(60)) + b"h\x3c"


class Evil:
    """Runs a command when an ordinary unpickler opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


HOSTILE = {
    "a call": (_pickle(b"cos\nsystem\n(X\x04\x00\x00\x00truetR"), "os.system"),
    "a name": (_pickle(b"cbuiltins\neval\n"), "builtins.eval"),
    "a dotted name": (_pickle(b"ctorch\nTensor.__class__\n"), "torch.Tensor.__class__"),
    "an instance": (_pickle(b"(itypes\nSimpleNamespace\n"), "INST"),
    "an extension": (_pickle(b"\x82\x01"), "EXT1"),
    "state of a class": (_pickle(b"ctorch\nTensor\nN}X\x03\x00\x00\x00sumK\x01s\x86b"), "sets the state of"),
    "state of a tensor": (
        _pickle(_tensor(_storage()), b"}X\x06\x00\x00\x00_arrayK\x01sb"),
        "sets the state of a Tensor",
    ),
    "attributes of a dict": (
        _pickle(b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb"),
        "on an OrderedDict",
    ),
    "private attributes": (
        _pickle(
            b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n(",
            _storage(),
            b"K\x00K\x02\x85K\x01\x85\x89Nt}X\x05\x00\x00\x00_gradK\x01stR",
        ),
        "sets the attributes",
    ),
    "a huge buffer": (_pickle(b"c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R"), "damaged"),
    "a deep key": (_pickle(b"}", b"K\x01", b"\x85" * 100_000, b"K\x02s"), "as the key of a dict"),
    "a huge storage": (_pickle(_tensor(_storage(count=2**50), size=2**50)), "should hold"),
    "a view past the end": (_pickle(_tensor(_storage(), offset=1)), "does not fit its storage"),
    "a wide stride": (_pickle(_tensor(_storage(), size=3, stride=2**40)), "does not fit its storage"),
    "a negative size": (_pickle(_tensor(_storage(), size=-1)), "by offset, size and stride"),
    "a negative stride": (_pickle(_tensor(_storage(), offset=299, stride=-1)), "by offset, size and stride"),
    "a negative offset": (_pickle(_tensor(_storage(), offset=-1)), "by offset, size and stride"),
    "a huge empty tensor": (_pickle(_tensor(_storage(), size=2**62, stride=0)), "does not fit|damaged"),
    "another record": (_pickle(_tensor(_storage(b"../data.pkl"))), "not found|should hold"),
    "no record": (_pickle(_tensor(_storage(b"7"))), "file not found"),
    "a text as storage": (_pickle(b"X\x01\x00\x00\x00aQ"), "where a storage is expected"),
    "no storage type": (_pickle(_tensor(_storage(kind=b"torch\nfloat32"))), "describes a storage by"),
    "an empty stack": (_pickle(b"0"), "damaged"),
    "no stop": (b"\x80\x02K\x01", "damaged"),
    "no memo": (_pickle(b"h\x07"), "memo"),
    "one text a million times": (
        _pickle(
            b"c_codecs\nencode\nq\x00X", struct.pack("<I", 10**5), b"a" * 10**5, b"q\x01", b"(h\x00h\x01\x85R" * 10**5
        ),
        "copied many times over",
    ),
    "lists that hold one another": (_pickle(_doubled(), b"Q"), "a storage"),
    "a doubled key": (_pickle(b"}", _doubled(), b"K\x01s"), "as the key of a dict"),
    "a doubled location": (
        _pickle(b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000", _doubled(), b"K\x01tQ"),
        "describes a storage by",
    ),
    "a doubled state": (_pickle(b"ccollections\nOrderedDict\n)R", _doubled(), b"b"), "sets the state of"),
    "a doubled name": (_pickle(_doubled(), _doubled(), b"\x93"), "damaged"),
    "a doubled device": (_pickle(b"ctorch\ndevice\n", _doubled(), b"\x85R"), "describes a device by"),
    "a huge number as key": (
        _pickle(b"}\x8b", struct.pack("<i", 10**5), b"\x01" * 10**5, b"K\x01s"),
        "as the key of a dict",
    ),
    "a device that is none": (_pickle(b"ctorch\ndevice\n]\x85R"), "describes a device by"),
    "a size that is none": (_pickle(b"ctorch\nSize\n(K\x01J\xff\xff\xff\xfft\x85R"), "describes a size by"),
    "a million dimensions": (_pickle(_tensor(_storage()).replace(b"\x85\x89N", b"\x89N")), "damaged|by offset"),
    "pairs to count": (_pickle(b"ccollections\nCounter\n](K\x01", b"\x85" * 10**5, b"K\x01\x86e\x85R"), "counts"),
    "a name that is a list": (_pickle(b"](h\x00e]\x93"), "damaged|memo"),
    "half an opcode": (b"\x80\x02X\xff\xff\xff\x7f.", "damaged"),
    "an absurd length": (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.", "damaged"),
    "an unknown opcode": (_pickle(b"\xff"), "damaged"),
    "long digits": (_pickle(b"I" + b"9" * 10**5 + b"\n"), "damaged"),
    "a million marks": (_pickle(b"(" * 10**6), "damaged|empty"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles(name: str) -> None:
    program, text = HOSTILE[name]
    tracemalloc.start()
    with pytest.raises((pickle.UnpicklingError, RuntimeError), match=text):
        load(changed(whole(), "data.pkl", lambda _: program))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6, "something large was made before the refusal"


def test_nothing_runs(tmp_path: Path) -> None:
    trace = tmp_path / "was-here"
    for weights_only in (None, True):
        with pytest.raises(pickle.UnpicklingError, match=r"^Weights only load failed\. .*system"):
            load(saved({"a": Evil(trace)}), weights_only=weights_only)
    assert not trace.exists()
    load(saved({"a": Evil(trace)}), weights_only=False)
    assert trace.exists(), "the file would have run a command"


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


def test_classes_the_user_allows() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"(?s)Point was not an allowed global.*add_safe_globals"):
        load(saved(Point(3)))
    with serialization.safe_globals([Point]):
        assert serialization.get_safe_globals() == [Point]
        assert load(saved([Point(3)]))[0].x == 3
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([(Point, f"{Point.__module__}.Point")])
    assert load(saved(Point(4))).x == 4
    serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError):
        load(saved(Point(3)))


def _compressed() -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1, 2))
        archive.writestr("archive/data/0", bytes(50_000_000))
    made.seek(0)
    return made


def _twice() -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1, 2))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("archive/data.pkl", pickle.dumps(2, 2))
    made.seek(0)
    return made


def _overlapping() -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1, 2))
        archive.writestr("archive/data/0", bytes(400))
        archive.writestr("archive/data/1", bytes(400))
        archive.filelist[2].header_offset = archive.filelist[1].header_offset + 100
    made.seek(0)
    return made


def _other_zip() -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("readme.txt", "hello")
    made.seek(0)
    return made


WRONG_FILES = {
    "compressed": (_compressed, RuntimeError, "is compressed"),
    "overlapping records": (_overlapping, RuntimeError, "overlaps"),
    "a record twice": (_twice, RuntimeError, "appears twice"),
    "another zip": (_other_zip, RuntimeError, "was not written by save: it holds readme.txt"),
    "tar": (lambda: io.BytesIO(b"sys_info".ljust(257, b"\0") + b"ustar" + bytes(250)), RuntimeError, "oldest format"),
    "a pickle": (lambda: io.BytesIO(pickle.dumps([1])), pickle.UnpicklingError, r"^Weights only load failed\. "),
    "text": (lambda: io.BytesIO(b"hello"), pickle.UnpicklingError, "does not start as a file that save"),
    "empty": (io.BytesIO, EOFError, "the file is empty"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_files_of_other_kinds(name: str) -> None:
    make, kind, text = WRONG_FILES[name]
    with pytest.raises(kind, match=text):
        load(make())


def test_a_torchscript_file(tmp_path: Path) -> None:
    file = whole()
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/constants.pkl", b"")
    with pytest.raises(RuntimeError, match=r"^Cannot use ``weights_only=True`` with TorchScript archives"):
        load(io.BytesIO(file.getvalue()))


def test_saved_on_cuda_and_opened_without() -> None:
    file = changed(
        saved(gradviz.ones(2)), "data.pkl", lambda p: p.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    )
    assert load(file, map_location="cpu").tolist() == [1, 1]
    file.seek(0)
    assert load(file, map_location={"cuda:0": "cpu"}).tolist() == [1, 1]
    file.seek(0)
    if not gradviz.cuda.is_available():
        with pytest.raises(RuntimeError, match=r"^Attempting to deserialize object on a CUDA device"):
            load(file)


def test_a_big_endian_file() -> None:
    file = changed(whole(), "byteorder", lambda _: b"big")
    file = changed(file, "data/0", lambda raw: np.frombuffer(raw, "<f4").astype(">f4").tobytes())
    assert load(file)["weight"].tolist() == list(range(300))
