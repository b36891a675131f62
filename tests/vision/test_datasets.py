"""MNIST and its relatives, CIFAR-100, folders, fake data, digits, and what all of them print."""

from __future__ import annotations

import builtins
import gzip
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.utils.data import DataLoader, Subset, default_collate
from gradviz.vision import datasets, transforms
from gradviz.vision.datasets import CIFAR100, KMNIST, MNIST, DatasetFolder, Digits, FakeData, FashionMNIST, ImageFolder
from gradviz.vision.datasets.mnist import FILES

SIZES = {"train": 20, "t10k": 5}


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    head = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.tobytes()


def images(part: str) -> np.ndarray:
    return np.random.default_rng(SIZES[part]).integers(0, 256, (SIZES[part], 28, 28), dtype=np.uint8)


def labels(part: str) -> np.ndarray:
    return (np.arange(SIZES[part]) % 10).astype(np.uint8)


def write_mnist(root: Path, name: str = "MNIST", packed: bool = True) -> Path:
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file in FILES:
        part = file.split("-")[0]
        content = idx(images(part) if "images" in file else labels(part))
        if packed:
            (folder / file).write_bytes(gzip.compress(content))
        else:
            (folder / file.removesuffix(".gz")).write_bytes(content)
    return folder


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST, KMNIST])
@pytest.mark.parametrize("packed", [True, False])
def test_mnist(tmp_path: Path, kind: Any, packed: bool) -> None:
    write_mnist(tmp_path, kind.__name__, packed)
    train, test = kind(tmp_path), kind(str(tmp_path), train=False)
    assert (len(train), len(test), len(kind.classes)) == (20, 5, 10)
    assert (train.data.shape, train.data.dtype) == ((20, 28, 28), gradviz.uint8)
    assert (train.targets.tolist(), train.targets.dtype) == (labels("train").tolist(), gradviz.int64)
    assert (test.data.numpy() == images("t10k")).all()
    assert train.class_to_idx[kind.classes[3]] == 3
    image, target = train[12]
    assert (image.mode, image.size, target) == ("L", (28, 28), 2)
    assert (np.asarray(image) == images("train")[12]).all()
    assert repr(train).splitlines()[0] == f"Dataset {kind.__name__}"
    assert repr(train).endswith("Split: Train")


def test_mnist_in_batches(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    fast = MNIST(tmp_path, transform=transform)
    slow = MNIST(tmp_path, transform=lambda image: transform(image))
    for data in (fast, Subset(fast, range(20))):
        x, y = next(iter(DataLoader(data, batch_sampler=[[3, 0, -1]])))
        expected = default_collate([slow[i] for i in (3, 0, -1)])
        assert (x.tolist(), y.tolist()) == (expected[0].tolist(), expected[1].tolist())
        assert (x.shape, y.dtype) == ((3, 1, 28, 28), gradviz.int64)


def test_mnist_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True to download it"):
        MNIST(tmp_path)
    monkeypatch.setattr(MNIST, "mirrors", ("http://127.0.0.1:9/", "http://127.0.0.1:9/other/"))
    with pytest.raises(RuntimeError, match=r"Error downloading train-images-idx3-ubyte\.gz"):
        MNIST(tmp_path, download=True)
    write_mnist(tmp_path / "made", packed=False)
    assert len(MNIST(tmp_path / "made", download=True)) == 20


DAMAGE = {
    "text": (b"hello, this is text", "does not begin"),
    "empty": (b"", "does not begin"),
    "too short": (idx(images("train"))[:-5], "bytes follow"),
    "a size that lies": (b"\0\0\x08\x03" + b"\xff" * 12 + b"1", "1 bytes follow"),
    "floats": (idx(np.zeros((2, 2, 2), ">f4"), 13), "3 dimensions of float32, not 3 of uint8"),
    "two dimensions": (idx(np.zeros((2, 2), np.uint8)), "2 dimensions of uint8, not 3"),
    "other number": (idx(images("t10k")), "20 labels for 5 images"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_mnist_damaged(tmp_path: Path, name: str) -> None:
    content, text = DAMAGE[name]
    folder = write_mnist(tmp_path, packed=False)
    (folder / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(RuntimeError, match=rf"(?s)^Dataset not found\..*is damaged: .*{text}"):
        MNIST(tmp_path)


def test_cifar100(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name, n in (("train", 7), ("test", 3)):
        random = np.random.default_rng(n)
        entry = {
            b"data": random.integers(0, 256, (n, 3072), dtype=np.uint8),
            b"fine_labels": [99] * n,
            b"coarse_labels": [19] * n,
        }
        (folder / name).write_bytes(pickle.dumps(entry, 2))
    names = {b"fine_label_names": [f"fine {i}".encode() for i in range(100)], b"coarse_label_names": [b"coarse"] * 20}
    (folder / "meta").write_bytes(pickle.dumps(names, 2))
    data = CIFAR100(tmp_path)
    assert (len(data), data.targets, data.classes[99], data.data.shape) == (7, [99] * 7, "fine 99", (7, 32, 32, 3))
    assert len(CIFAR100(tmp_path, train=False)) == 3


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    image_module = pytest.importorskip("PIL.Image")
    for name, files in {"dog": ["b.png", "a.JPG", "notes.txt"], "cat": ["sub/1.png"], "zebra": ["z.webp"]}.items():
        for file in files:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if file.endswith("txt"):
                path.write_text("text")
            else:
                image_module.new("L", (4, 3), 77).save(path)
    (tmp_path / "readme").write_text("no class")
    return tmp_path


def test_image_folder(folders: Path) -> None:
    data = ImageFolder(folders, transform=transforms.ToTensor(), target_transform=lambda t: t * 10)
    assert data.classes == ["cat", "dog", "zebra"]
    assert data.class_to_idx == {"cat": 0, "dog": 1, "zebra": 2}
    assert [(Path(p).relative_to(folders).as_posix(), t) for p, t in data.samples] == [
        ("cat/sub/1.png", 0), ("dog/a.JPG", 1), ("dog/b.png", 1), ("zebra/z.webp", 2),
    ]  # fmt: skip
    assert (data.targets, data.imgs, len(data)) == ([0, 1, 1, 2], data.samples, 4)
    image, target = data[3]
    assert (image.shape, target) == ((3, 3, 4), 20)
    assert ImageFolder(folders)[0][0].mode == "RGB"
    only = ImageFolder(folders, is_valid_file=lambda path: path.endswith("png"), allow_empty=True)
    assert only.targets == [0, 1]
    assert DatasetFolder(folders, lambda path: Path(path).name, (".txt",), allow_empty=True)[0] == ("notes.txt", 1)


def test_image_folder_errors(folders: Path, tmp_path: Path) -> None:
    (folders / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"Found no valid file for the classes empty\. Supported extensions are"
    ):
        ImageFolder(folders)
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        ImageFolder(folders / "empty")
    with pytest.raises(ValueError, match="Both extensions and is_valid_file cannot be None or not None"):
        DatasetFolder(folders, str)
    assert datasets.folder.is_image_file("x.JPeG")
    assert not datasets.folder.is_image_file("x.txt")


def test_fake_data_is_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    data = FakeData(size=5, image_size=(3, 6, 7), num_classes=4, random_offset=11)
    gradviz.manual_seed(3)
    before = gradviz.get_rng_state().tolist()
    image, target = data[2]
    assert gradviz.get_rng_state().tolist() == before, "the program's own stream does not move"
    torch.manual_seed(2 + 11)
    expected = torch.randn(3, 6, 7).mul(255).byte().permute(1, 2, 0)
    assert np.asarray(image).tolist() == expected.tolist()
    assert int(target) == int(torch.randint(0, 4, size=(1,)))
    assert np.asarray(data[2][0]).tolist() == expected.tolist()
    assert len(list(data)) == len(data) == 5
    assert repr(data) == "Dataset FakeData\n    Number of datapoints: 5"
    with pytest.raises(IndexError, match="FakeData index out of range"):
        data[5]


def test_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.arange(10 * 64).reshape(10, 8, 8) % 17.0
    if "sklearn.datasets" not in sys.modules:  # a stand-in: its numbers come with the wheel
        made = types.ModuleType("sklearn.datasets")
        made.load_digits = lambda: types.SimpleNamespace(images=pixels, target=np.arange(10))
        monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
        monkeypatch.setitem(sys.modules, "sklearn.datasets", made)
    data, train, test = Digits(), Digits(train=True), Digits(train=False)
    assert [len(d) for d in (data, train, test)] == [10, 8, 2]
    assert (data.data.dtype, int(data.data.max()), int(data.data[0, 0, 8 - 1])) == (gradviz.uint8, 255, 112)
    image, target = test[0]
    assert (image.mode, image.size, target) == ("L", (8, 8), 8)
    assert Digits(transform=transforms.ToTensor())[0][0].shape == (1, 8, 8)
    assert repr(test) == "Dataset Digits\n    Number of datapoints: 2\n    Split: Test"
    assert repr(data) == "Dataset Digits\n    Number of datapoints: 10"


def test_digits_of_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    train, test = Digits(train=True), Digits(train=False)
    assert (len(train), len(test)) == (1437, 360)
    assert sorted(set(train.targets.tolist())) == list(range(10))
    assert int(train.data.max()) == 255


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match="scikit-learn is not installed: run `pip install scikit-learn`"):
        Digits()
