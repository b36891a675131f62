"""`save` and `load`: round trips with PyTorch both ways, and files that are damaged or hostile."""

from __future__ import annotations

import collections
import io
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
import gradviz.nn
from gradviz._serial import archive as zip_archive
from gradviz.serialization import load, save


def saved(value: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    save(value, file, **options)
    file.seek(0)
    return file


def with_attribute(t):
    x = t.ones(3)
    x.note = {"from": [1, 2]}
    return x


def with_metadata(t):
    made = collections.OrderedDict(weight=t.ones(2))
    made._metadata = collections.OrderedDict({"": {"version": 1}})
    return made


# Values made alike from either library.
VALUES = {
    "tensor": lambda t: t.arange(6.0).reshape(2, 3),
    "transposed": lambda t: t.arange(6.0).reshape(2, 3).T,
    "expanded": lambda t: t.ones(1, 3).expand(4, 3),
    "row of a matrix": lambda t: t.arange(6.0).reshape(2, 3)[1],
    "every second": lambda t: t.arange(10)[::2],
    "0-d": lambda t: t.tensor(2.5),
    "empty": lambda t: t.zeros(0, 3),
    "requires grad": lambda t: t.ones(2, requires_grad=True),
    "result": lambda t: t.ones(2, requires_grad=True) * 2,
    "parameter": lambda t: t.nn.Parameter(t.ones(2)),
    "frozen parameter": lambda t: t.nn.Parameter(t.ones(2), requires_grad=False),
    "attribute": with_attribute,
    "state": with_metadata,
    "dtype, size, device": lambda t: [t.float32, t.bfloat16, t.bool, t.ones(2, 3).shape, t.device("cpu")],
    "plain": lambda t: {"a": [1, -2, 2.5, True, None, "é\n", 2**70], "b": (1, (2, ())), 3: b"\x00\xff", 4.5: {1, 2}},
    "rare": lambda t: [bytearray(b"ab"), 1 + 2j, collections.Counter("aab"), set()],
    "same list twice": lambda t: [[1]] * 3,
    **{
        name: lambda t, name=name: t.tensor([[0, 1], [1, 0]]).to(getattr(t, name))
        for name in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
    },
    "complex64": lambda t: t.tensor([1 + 2j]),
    "complex128": lambda t: t.tensor([1 + 2j], dtype=t.complex128),
}


@pytest.mark.parametrize("name", VALUES)
def test_torch_opens_our_files(name: str) -> None:
    torch = pytest.importorskip("torch")
    found = torch.load(saved(VALUES[name](gradviz)), weights_only=True)
    expected = torch.load(_torch_saved(torch, VALUES[name](torch)), weights_only=True)
    assert (repr(found), type(found).__name__) == (repr(expected), type(expected).__name__)
    assert getattr(found, "_metadata", None) == getattr(expected, "_metadata", None)
    assert getattr(found, "note", None) == getattr(expected, "note", None)
    if isinstance(found, torch.Tensor):
        assert (found.stride(), found.storage_offset()) == (expected.stride(), expected.storage_offset())
        assert len(found.untyped_storage()) == len(expected.untyped_storage())


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("weights_only", [True, False])
def test_we_open_torchs_files(name: str, weights_only: bool) -> None:
    torch = pytest.importorskip("torch")
    value = VALUES[name](torch)
    found = load(_torch_saved(torch, value), weights_only=weights_only)
    expected = torch.load(_torch_saved(torch, value), weights_only=True)
    assert repr(found) == repr(expected)
    assert getattr(found, "_metadata", None) == getattr(value, "_metadata", None)
    assert getattr(found, "note", None) == getattr(value, "note", None)
    if isinstance(found, gradviz.Tensor):
        assert (found.stride(), found.is_leaf) == (value.stride(), True)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_our_own_files(name: str, protocol: int) -> None:
    value = VALUES[name](gradviz)
    found = load(saved(value, pickle_protocol=protocol))
    assert repr(found).replace(", grad_fn=<MulBackward0>", "") == repr(value).replace(
        "grad_fn=<MulBackward0>", "requires_grad=True"
    )
    assert type(found) is type(value)


def test_empty_bytes_and_frozen_sets_which_torch_refuses() -> None:
    for protocol in (2, 4):
        assert load(saved([b"", frozenset((1, 2))], pickle_protocol=protocol)) == [b"", frozenset((1, 2))]


def _torch_saved(torch: Any, value: Any) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return file


def test_views_share_memory_again_and_it_is_written_once() -> None:
    torch = pytest.importorskip("torch")
    whole = gradviz.arange(1000.0)
    file = saved({"whole": whole, "rows": whole.reshape(10, 100), "part": whole[5:8]})
    assert len(file.getvalue()) < 4000 + 2000
    for module in (gradviz, torch):
        found = module.load(io.BytesIO(file.getvalue())) if module is torch else load(file)
        found["whole"][5] = -1.0
        assert found["rows"][0, 5].item() == -1
        assert found["part"][0].item() == -1
    assert whole[5].item() == 5


def test_reversed_memory_is_saved_in_order() -> None:
    backwards = gradviz.from_numpy(np.arange(4.0)[::-1].copy()[::1])
    tensor = gradviz.Tensor._of(np.arange(4.0)[::-1])
    assert load(saved([tensor, backwards]))[0].tolist() == [3, 2, 1, 0]


def test_one_memory_as_two_types_is_refused() -> None:
    memory = np.zeros(4, np.float32)
    with pytest.raises(
        RuntimeError, match=r"^Cannot save multiple tensors or storages that view the same data as diff"
    ):
        saved([gradviz.Tensor._of(memory), gradviz.Tensor._of(memory.view(np.int32))])


class Net(gradviz.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = gradviz.nn.Linear(3, 4)
        self.second = gradviz.nn.Linear(4, 2)
        self.register_buffer("steps", gradviz.tensor(3))
        self.note = "kept"

    def forward(self, x):
        return self.second(gradviz.relu(self.first(x)))


def test_a_state_dict_goes_to_torch_and_back() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = Net(), torch.nn.Sequential(collections.OrderedDict(first=torch.nn.Linear(3, 4)))
    theirs.load_state_dict(torch.load(saved(Net().first.state_dict(prefix="first."))))
    again = load(_torch_saved(torch, theirs.state_dict()))
    assert ours.load_state_dict(again, strict=False).unexpected_keys == []
    assert ours.first.weight.tolist() == theirs.first.weight.tolist()


def test_a_whole_model() -> None:
    net = Net()
    with pytest.raises(pickle.UnpicklingError, match=r"^Weights only load failed\. .*test_serialization\.Net"):
        load(saved(net))
    again = load(saved(net), weights_only=False)
    x = gradviz.rand(5, 3)
    assert again(x).tolist() == net(x).tolist()
    assert (again.note, type(again), type(again.first.weight)) == ("kept", Net, gradviz.nn.Parameter)
    assert again.first.weight.requires_grad
    assert [name for name, _ in again.named_buffers()] == ["steps"]


# ------------------------------------------------------------------------------------------------- files and folders


def test_the_archive_is_laid_out_as_torchs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    value = lambda t: {"a": t.ones(5), "b": t.zeros(3)}
    save(value(gradviz), tmp_path / "ours.v1.pt")
    torch.save(value(torch), tmp_path / "theirs.v1.pt")
    with zipfile.ZipFile(tmp_path / "ours.v1.pt") as ours, zipfile.ZipFile(tmp_path / "theirs.v1.pt") as theirs:
        assert [n.removeprefix("ours.v1/") for n in ours.namelist()] == [
            n.removeprefix("theirs.v1/") for n in theirs.namelist()
        ]
        assert ours.testzip() is None
        for record in ours.infolist():
            ours.fp.seek(record.header_offset)
            header = ours.fp.read(30)
            name, extra = struct.unpack("<HH", header[26:30])
            assert (record.header_offset + 30 + name + extra) % 64 == 0, record.filename
        assert ours.read("ours.v1/data.pkl") == theirs.read("theirs.v1/data.pkl")


def test_the_same_value_gives_the_same_bytes() -> None:
    assert saved({"a": gradviz.ones(3)}).getvalue() == saved({"a": gradviz.ones(3)}).getvalue()


def test_paths(tmp_path: Path) -> None:
    save([1], tmp_path / "plain")
    save([2], str(tmp_path / "text.pt"))
    with (tmp_path / "open.pt").open("w+b") as file:
        file.write(b"header")
        save([3], file)
        file.seek(6)
        assert load(file) == [3]
    assert (load(tmp_path / "plain"), load(str(tmp_path / "text.pt"))) == ([1], [2])
    with pytest.raises(RuntimeError, match=r"^Parent directory .*nowhere does not exist"):
        save([1], tmp_path / "nowhere" / "model.pt")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.pt")
    save([4], os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_link_stays_a_link_and_a_mode_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "model.pt", tmp_path / "latest.pt"
    save([1], target)
    target.chmod(0o640)
    link.symlink_to(target)
    save([2], link)
    assert link.is_symlink()
    assert load(target) == [2]
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_an_interrupted_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    save([1], path)
    for fails in (KeyboardInterrupt, OSError("No space left on device")):

        def stop(*args: Any, fails: Any = fails) -> None:
            raise fails

        with monkeypatch.context() as patch:
            patch.setattr(zip_archive, "_write_record", stop)
            with pytest.raises((KeyboardInterrupt, OSError)):
                save([2], path)
        assert load(path) == [1]
        assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        save(lambda: 1, path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]


def test_what_is_no_file() -> None:
    with pytest.raises(AttributeError, match=r"expected 'f' to be string, path, or a file-like object with a 'write'"):
        save([1], 3)
    with pytest.raises(
        AttributeError, match=r"'int' object has no attribute .*You can only torch.load from a file that"
    ):
        load(3)


@pytest.mark.parametrize(
    "place",
    ["cpu", gradviz.device("cpu"), {"cpu": "cpu"}, {}, lambda storage, location: storage, lambda s, location: None],
    ids=["name", "device", "dict", "empty dict", "function", "function of None"],
)
def test_map_location(place: Any) -> None:
    assert load(saved(gradviz.ones(2)), map_location=place).tolist() == [1, 1]


def test_import_stays_light() -> None:
    program = "import sys, gradviz; print([m for m in ('zipfile', 'gradviz._serial', 'IPython') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
