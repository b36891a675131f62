"""The arguments of `save` and `load`, and what `torch.serialization` lets a program set."""

from __future__ import annotations

import io
import mmap
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

import gradviz
from gradviz import serialization
from gradviz.serialization import load, save


def saved(value: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    save(value, file, **options)
    file.seek(0)
    return file


def test_a_mapped_file_is_the_programs_own(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    whole = gradviz.arange(10.0)
    save({"whole": whole, "part": whole[3:5], "half": gradviz.ones(3, dtype=gradviz.bfloat16)}, path)
    found = load(path, mmap=True)
    assert (found["whole"].tolist(), found["half"].tolist()) == (whole.tolist(), [1, 1, 1])
    found["whole"][3] = -1
    assert found["part"].tolist() == [-1, 4]
    assert load(path)["whole"][3] == 3
    save({"whole": gradviz.zeros(2)}, path)
    assert found["whole"].tolist()[4:] == [4, 5, 6, 7, 8, 9], "the mapping keeps the file that it mapped"


def test_a_shared_mapping_writes_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save(gradviz.zeros(3), path)
    with serialization.set_default_mmap_options(mmap.MAP_SHARED):
        assert serialization.get_default_mmap_options() == mmap.MAP_SHARED
        load(path, mmap=True)[1] = 5
    assert serialization.get_default_mmap_options() == mmap.MAP_PRIVATE
    with zipfile.ZipFile(path) as archive, pytest.raises(zipfile.BadZipFile):  # the checksum is the old one's
        archive.read("model/data/0")
    assert load(path, mmap=True).tolist() == [0, 5, 0]
    with pytest.raises(ValueError, match=r"^Invalid argument in function set_default_mmap_options, expected mmap"):
        serialization.set_default_mmap_options(3)


def test_mapping_needs_a_path() -> None:
    with pytest.raises(ValueError, match=r"^f must be a file path in order to use the mmap argument$"):
        load(saved([1]), mmap=True)


@pytest.mark.parametrize("weights_only", [True, False])
def test_the_encoding_of_python_2(weights_only: bool) -> None:
    def file() -> io.BytesIO:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02U\x02\xc3\xa9.")
        made.seek(0)
        return made

    assert load(file(), weights_only=weights_only) == "é"
    assert load(file(), weights_only=weights_only, encoding="latin1") == "Ã©"
    assert load(file(), weights_only=weights_only, encoding="bytes") == "é".encode()


class Recorded(pickle.Unpickler):
    seen: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        self.seen.append(name)
        return super().find_class(module, name)


class Module:
    Unpickler = Recorded


def test_a_pickle_module() -> None:
    assert load(saved([3], pickle_module=pickle), pickle_module=pickle) == [3]
    assert load(saved({1: io.BytesIO}), pickle_module=Module) == {1: io.BytesIO}
    assert Recorded.seen == ["BytesIO"]
    with pytest.raises(RuntimeError, match=r"^Can not safely load weights when explicit pickle_module is specified"):
        load(saved([3]), pickle_module=pickle, weights_only=True)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: save(1, io.BytesIO(), pickle_module=json_like), "pickle_module"),
        (lambda: load(saved(1), errors="strict"), "'errors'"),
        (lambda: load(saved(1), weights_only=False, protocol=3), "'protocol'"),
        (lambda: serialization.register_package(1, None, None), "register_package"),
        (lambda: serialization.skip_data(), "skip_data"),
        (lambda: serialization.set_crc32_options(False), "compute_crc32=False"),
    ],
)
def test_what_is_not_supported_is_named(call: Any, argument: str) -> None:
    with pytest.raises(NotImplementedError, match=argument):
        call()


json_like = type("json", (), {})


def test_the_order_of_bytes_of_files_that_do_not_tell_it() -> None:
    kinds = serialization.LoadEndianness
    plain = saved(gradviz.tensor([1, 256], dtype=gradviz.int16), _disable_byteorder_record=True)
    with zipfile.ZipFile(plain) as archive:
        assert "archive/byteorder" not in archive.namelist()
    found = {}
    for kind in (None, kinds.NATIVE, kinds.LITTLE, kinds.BIG):
        serialization.set_default_load_endianness(kind)
        assert serialization.get_default_load_endianness() is kind
        found[kind] = load(io.BytesIO(plain.getvalue())).tolist()
    serialization.set_default_load_endianness(None)
    assert found == {None: [1, 256], kinds.NATIVE: [1, 256], kinds.LITTLE: [1, 256], kinds.BIG: [256, 1]}
    with pytest.raises(TypeError, match=r"^Invalid argument type in function set_default_load_endianness$"):
        serialization.set_default_load_endianness("big")
    assert serialization.get_crc32_options()


def test_map_location_gets_storages() -> None:
    seen = []

    def place(storage: Any, location: str) -> Any:
        seen.append((storage.nbytes(), location))
        return storage.cpu() if len(seen) > 1 else None

    load(saved([gradviz.ones(2), gradviz.ones(3, dtype=gradviz.int8)]), map_location=place)
    assert seen == [(8, "cpu"), (3, "cpu")]
    with pytest.raises(RuntimeError, match="map_location returned a str"):
        load(saved(gradviz.ones(2)), map_location=lambda storage, location: "cpu")
    with pytest.raises(ZeroDivisionError):
        load(saved(gradviz.ones(2)), map_location=lambda storage, location: 1 // 0)


class Point:
    pass


def test_the_names_that_would_be_refused(tmp_path: Path) -> None:
    names = serialization.get_unsafe_globals_in_checkpoint
    save({"a": Point(), "b": gradviz.ones(2)}, tmp_path / "point.pt")
    full = f"{Point.__module__}.Point"
    assert [n for n in names(tmp_path / "point.pt") if not n.startswith("copyreg")] == [full]
    for protocol in (2, 4):
        assert full in names(saved(Point(), pickle_protocol=protocol))
        with serialization.safe_globals([Point]):
            assert full not in names(saved(Point(), pickle_protocol=protocol))
    assert names(saved(gradviz.ones(2))) == []
    with pytest.raises(ValueError, match=r"^Expected tuple of length 2"):
        serialization.add_safe_globals([(Point,)])
    with pytest.raises(TypeError, match=r"^Expected second item in tuple to be str"):
        serialization.add_safe_globals([(Point, 3)])
