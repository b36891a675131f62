"""CIFAR10: the published layout in its variants, and files that are missing, damaged or hostile."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.utils.data import DataLoader, Subset, default_collate
from gradviz.utils.data.dataset import gatherer
from gradviz.vision import transforms
from gradviz.vision.datasets import CIFAR10, VisionDataset

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
PER_BATCH = 6


def python2(value: Any) -> bytes:
    """A pickle as Python 2 wrote the published files: str where Python 3 has bytes, NumPy's old module names."""
    return pickle.dumps(value, protocol=2).replace(b"cnumpy._core.", b"cnumpy.core.")


WRITERS = {
    "python 2": python2,
    **{f"protocol {n}": lambda value, n=n: pickle.dumps(value, protocol=n) for n in (2, 3, 4, 5)},
}


def batch(seed: int, n: int = PER_BATCH, keys: Any = str.encode) -> dict[Any, Any]:
    random = np.random.default_rng(seed)
    return {
        keys("batch_label"): b"a batch",
        keys("labels"): [int(k) for k in random.integers(0, 10, n)],
        keys("data"): random.integers(0, 256, (n, 3072), dtype=np.uint8),
        keys("filenames"): [b"image.png"] * n,
    }


def write(root: Path, dump: Any = WRITERS["protocol 3"], keys: Any = str.encode) -> Path:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for seed, name in enumerate([*BATCHES, "test_batch"]):
        (folder / name).write_bytes(dump(batch(seed, keys=keys)))
    names = [name.encode() for name in CLASSES]
    meta = {keys("num_cases_per_batch"): PER_BATCH, keys("label_names"): names, keys("num_vis"): 3072}
    (folder / "batches.meta").write_bytes(dump(meta))
    return folder


def pack(root: Path, folder: Path) -> Path:
    path = root / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    return path


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("keys", [str.encode, str])
def test_what_is_in_the_files(tmp_path: Path, name: str, keys: Any) -> None:
    write(tmp_path, WRITERS[name], keys)
    train, test = CIFAR10(tmp_path), CIFAR10(str(tmp_path), train=False)
    assert (len(train), len(test)) == (5 * PER_BATCH, PER_BATCH)
    for i in range(5):
        expected = batch(i)
        rows = slice(i * PER_BATCH, (i + 1) * PER_BATCH)
        assert train.targets[rows] == expected[b"labels"]
        planes = expected[b"data"].reshape(-1, 3, 32, 32)
        assert (train.data[rows].transpose(0, 3, 1, 2) == planes).all()
    assert (train.data.shape, train.data.dtype) == ((30, 32, 32, 3), np.uint8)
    assert train.classes == CLASSES
    assert train.class_to_idx["ship"] == 8


def test_samples_are_pil_images(tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image")
    write(tmp_path)
    data = CIFAR10(tmp_path)
    image, target = data[3]
    assert isinstance(image, image_module.Image)
    assert (image.mode, image.size, type(target)) == ("RGB", (32, 32), int)
    assert (np.asarray(image) == data.data[3]).all()
    assert data[-1][1] == data.targets[-1]
    with pytest.raises(IndexError):
        data[30]
    assert CIFAR10(tmp_path, target_transform=lambda t: -t)[3][1] == -target
    assert len(list(data)) == 30


def normal() -> transforms.Compose:
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5, 0.4, 0.3), (0.5, 0.6, 0.7))])


TRANSFORMS = {
    "ToTensor": transforms.ToTensor,
    "ToTensor and Normalize": normal,
    "nested": lambda: transforms.Compose([transforms.Compose([transforms.ToTensor()]), normal().transforms[1]]),
    "by a function": lambda: transforms.Compose([transforms.ToTensor(), lambda x: x * 2]),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_short_way_gives_what_the_images_give(tmp_path: Path, name: str) -> None:
    pytest.importorskip("PIL.Image")
    write(tmp_path)
    transform = TRANSFORMS[name]()
    direct, images = CIFAR10(tmp_path, transform=transform), CIFAR10(tmp_path, transform=lambda image: transform(image))
    assert images.transform is not transform
    for i in (0, 7, -1):
        assert direct[i][0].dtype is gradviz.float32
        assert direct[i][0].tolist() == images[i][0].tolist()
    rows = [5, 0, -2, 5]
    for dataset in (direct, Subset(direct, range(30))):
        loaded = next(iter(DataLoader(dataset, batch_sampler=[rows])))
        expected = default_collate([images[i] for i in rows])
        assert [t.tolist() for t in loaded] == [t.tolist() for t in expected]
        assert [t.dtype for t in loaded] == [t.dtype for t in expected]
        assert loaded[0].is_contiguous()


def test_batches_are_made_at_once_only_where_that_is_the_same(tmp_path: Path) -> None:
    write(tmp_path)

    class Own(CIFAR10):
        def __getitem__(self, index):
            return index, 0

    class OwnTensor(transforms.ToTensor):
        def __call__(self, pic):
            return gradviz.zeros(1)

    assert gatherer(CIFAR10(tmp_path, transform=normal()))([0, 1]) is not None
    assert gatherer(Own(tmp_path, transform=normal())) is None
    for data in (
        CIFAR10(tmp_path),
        CIFAR10(tmp_path, transform=OwnTensor()),
        CIFAR10(tmp_path, transform=transforms.Compose([])),
        CIFAR10(tmp_path, transform=normal(), target_transform=str),
        CIFAR10(tmp_path, transform=transforms.Compose([transforms.ToTensor(), transforms.RandomHorizontalFlip()])),
    ):
        assert gatherer(data)([0, 1]) is None
    assert gatherer(CIFAR10(tmp_path, transform=normal()))([0, 99]) is None
    with pytest.raises(IndexError) as caught:
        list(DataLoader(CIFAR10(tmp_path, transform=normal()), batch_sampler=[[0, 99]]))
    assert "while loading sample 99 of CIFAR10" in caught.value.__notes__[0]


def test_repr(tmp_path: Path) -> None:
    write(tmp_path)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    data = CIFAR10(tmp_path, train=False, transform=transform, target_transform=transforms.Lambda(int))
    assert (
        repr(data)
        == f"""\
Dataset CIFAR10
    Number of datapoints: 6
    Root location: {tmp_path}
    Split: Test
    StandardTransform
Transform: Compose(
               ToTensor()
               Normalize(mean=(0.5,), std=(0.5,))
           )
Target transform: Lambda()"""
    )
    assert repr(CIFAR10(tmp_path)).endswith("Split: Train")


def test_transforms_for_both_at_once() -> None:
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform can be passed as argument"):
        VisionDataset("here", transforms=lambda x, y: (x, y), transform=abs)


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    real = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("PIL"):
            raise ImportError("No module named 'PIL'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "PIL.Image", raising=False)
    assert CIFAR10(tmp_path, transform=normal())[0][0].shape == (3, 32, 32)
    with pytest.raises(
        ImportError, match="CIFAR10 gives PIL images, and Pillow is not installed: run `pip install pillow`"
    ):
        CIFAR10(tmp_path)[0]


# ------------------------------------------------------------------------------------------------- missing and damaged


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADVIZ_DATA", "/somewhere")
    with pytest.raises(RuntimeError) as caught:
        CIFAR10(tmp_path)
    first, rest = str(caught.value), caught.value.__notes__[0].splitlines()
    assert first == "Dataset not found or corrupted. You can use download=True to download it"
    assert str(tmp_path / "cifar-10-batches-py") in rest[0]
    assert "data_batch_1" in rest[0]
    assert "GRADVIZ_DATA is '/somewhere'" in rest[1]
    monkeypatch.delenv("GRADVIZ_DATA")
    with pytest.raises(RuntimeError, match="GRADVIZ_DATA is not set"):
        CIFAR10(tmp_path)
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    with pytest.raises(RuntimeError, match=r"Error downloading cifar-10-python\.tar\.gz"):
        CIFAR10(tmp_path, download=True)
    folder = write(tmp_path)
    assert len(CIFAR10(tmp_path, download=True)) == 30, "what is there need not be downloaded"
    (folder / "data_batch_3").unlink()
    with pytest.raises(RuntimeError, match="for data_batch_3, and for"):
        CIFAR10(tmp_path)
    assert len(CIFAR10(tmp_path, train=False)) == PER_BATCH


def test_the_archive_is_unpacked(tmp_path: Path) -> None:
    folder = write(tmp_path / "made")
    pack(tmp_path, folder)
    assert len(CIFAR10(tmp_path)) == 30
    assert len(CIFAR10(tmp_path, train=False)) == PER_BATCH
    assert {file.name for file in (tmp_path / folder.name).iterdir()} == {*BATCHES, "test_batch", "batches.meta"}


def _entry(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


ENTRIES = {
    "outside": (_entry("../../outside", size=4), "does not hold"),
    "absolute": (_entry("/tmp/outside", size=4), "does not hold"),
    "a link": (
        _entry("cifar-10-batches-py/data_batch_1", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "is not a file",
    ),
    "a device": (_entry("cifar-10-batches-py/data_batch_1", type=tarfile.CHRTYPE), "is not a file"),
    "another file": (_entry("cifar-10-batches-py/readme.html", size=4), "does not hold"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_hostile_archive(tmp_path: Path, name: str) -> None:
    entry, text = ENTRIES[name]
    root = tmp_path / "root"
    root.mkdir()
    with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.addfile(entry, io.BytesIO(b"evil"))
    with pytest.raises(RuntimeError, match=rf"(?s)Dataset not found or corrupted.*{text}"):
        CIFAR10(root)
    assert [file.name for file in tmp_path.iterdir()] == ["root"]
    assert not list(root.glob("cifar-10-batches-py/*"))


def test_a_truncated_archive(tmp_path: Path) -> None:
    path = pack(tmp_path, write(tmp_path / "made"))
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2):
        path.write_bytes(content[:length])
        shutil.rmtree(tmp_path / "cifar-10-batches-py", ignore_errors=True)
        with pytest.raises(RuntimeError, match=r"cifar-10-python\.tar\.gz is damaged"):
            CIFAR10(tmp_path)
    assert not list(tmp_path.rglob("*.part"))


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def good() -> dict[bytes, Any]:
    return batch(0)


DAMAGE = {
    "empty": (b"", ""),
    "truncated": (pickle.dumps(good(), 3)[:5000], ""),
    "text": (b"hello, this is no pickle", ""),
    "a list": (pickle.dumps([1], 3), "holds a list where a dict is expected"),
    "no data": (pickle.dumps({b"labels": [1]}, 3), "'data' is not a uint8 array of rows of 3072"),
    "no labels": (pickle.dumps({b"data": good()[b"data"]}, 3), "'labels' is not a list of 6 numbers"),
    "float data": (pickle.dumps({**good(), b"data": np.zeros((6, 3072))}, 3), "which image data does not need"),
    "objects": (pickle.dumps({**good(), b"data": np.array([{}], object)}, 3), "which image data does not need"),
    "narrow data": (pickle.dumps({**good(), b"data": np.zeros((6, 3), np.uint8)}, 3), "rows of 3072"),
    "too few labels": (pickle.dumps({**good(), b"labels": [1, 2]}, 3), "one per image"),
    "wrong labels": (pickle.dumps({**good(), b"labels": [11] * 6}, 3), "class numbers from 0 to 9"),
    "a program": (pickle.dumps({**good(), b"x": print}, 3), "builtins.print"),
    "a size that lies": (
        pickle.dumps(good(), 3).replace(b"K\x06M\x00\x0c\x86", b"K\x07M\x00\x0c\x86"),
        "comes with 18432 bytes",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path)
    content, text = DAMAGE[name]
    (folder / "data_batch_2").write_bytes(content)
    with pytest.raises(RuntimeError, match=rf"(?s)^Dataset not found or corrupted\..*data_batch_2 is damaged.*{text}"):
        CIFAR10(tmp_path)


def test_damaged_names(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": []}, 3))
    with pytest.raises(RuntimeError, match=r"batches\.meta is damaged: it has no list 'label_names'"):
        CIFAR10(tmp_path)


def test_nothing_in_the_files_runs(tmp_path: Path) -> None:
    folder = write(tmp_path / "data")
    trace = tmp_path / "was-here"
    (folder / "data_batch_2").write_bytes(pickle.dumps({**good(), b"extra": Evil(trace)}, 3))
    with pytest.raises(RuntimeError, match="system"):
        CIFAR10(tmp_path / "data")
    assert not trace.exists()
