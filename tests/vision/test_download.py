"""Downloading from a server on this machine that misbehaves, and unpacking archives that do."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import pickle
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradviz.vision.datasets import CIFAR10, MNIST, download, utils
from gradviz.vision.datasets.download import fetch
from gradviz.vision.datasets.mnist import FILES
from gradviz.vision.datasets.progress import Progress
from gradviz.vision.datasets.unpack import extract

CONTENT = bytes(range(256)) * 2000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server:
    """Serves CONTENT in the ways that the path asks for, and keeps what it was asked."""

    def __init__(self) -> None:
        server = self
        self.asked: list[tuple[str, str | None]] = []
        self.content = CONTENT
        self.files: dict[str, bytes] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                how = self.path.strip("/").split("/")[0]
                given = self.headers.get("Range")
                server.asked.append((how, given))
                getattr(server, f"do_{how}", server.do_plain)(self, given)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, how: str) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/{how}/file.bin"

    def send(self, h: Any, code: int, body: bytes, length: int | None = None, **headers: str) -> None:
        h.send_response(code)
        h.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            h.send_header(name.replace("_", "-"), value)
        h.end_headers()
        h.wfile.write(body)

    def do_plain(self, h: Any, given: str | None) -> None:
        """Understands ranges."""
        content = self.files.get(h.path.rpartition("/")[2], self.content)
        if given is None:
            return self.send(h, 200, content)
        start, size = int(given.removeprefix("bytes=").rstrip("-")), len(content)
        if start >= size:
            return self.send(h, 416, b"", Content_Range=f"bytes */{size}")
        return self.send(h, 206, content[start:], Content_Range=f"bytes {start}-{size - 1}/{size}")

    def do_norange(self, h: Any, given: str | None) -> None:
        self.send(h, 200, self.content)

    def do_missing(self, h: Any, given: str | None) -> None:
        self.send(h, 404, b"nothing")

    def do_down(self, h: Any, given: str | None) -> None:
        self.send(h, 503, b"")

    def do_wrong(self, h: Any, given: str | None) -> None:
        self.send(h, 200, b"x" * len(self.content))

    def do_breaks(self, h: Any, given: str | None) -> None:
        """Gives the next 100,000 bytes and hangs up."""
        start = int((given or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        size = len(self.content)
        code = 206 if given else 200
        part = self.content[start : start + 100_000]
        self.send(h, code, part, size - start, Content_Range=f"bytes {start}-{size - 1}/{size}")
        h.close_connection = True

    def do_stuck(self, h: Any, given: str | None) -> None:
        self.send(h, 200 if not given else 206, b"", 10, Content_Range="bytes 5-9/10")
        h.close_connection = True

    def do_endless(self, h: Any, given: str | None) -> None:
        h.send_response(200)
        h.end_headers()
        try:
            for _ in range(100):
                h.wfile.write(bytes(100_000))
        except OSError:
            pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("sums", [{"md5": MD5}, {"sha256": hashlib.sha256(CONTENT).hexdigest()}, {}])
def test_a_file_arrives(server: Server, tmp_path: Path, sums: dict[str, str]) -> None:
    path = fetch([server.url("plain")], tmp_path / "new" / "file.bin", **sums, progress=False)
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == {"file.bin"}
    if sums:
        fetch([server.url("plain")], path, **sums, progress=False)
        assert server.asked == [("plain", None)], "what is there and right is not asked for again"


def test_mirrors_in_order(server: Server, tmp_path: Path) -> None:
    hows = ["missing", "down", "wrong", "plain", "norange"]
    refused = "http://127.0.0.1:9/file.bin"
    path = fetch([refused, *map(server.url, hows)], tmp_path / "file.bin", md5=MD5, progress=False)
    assert path.read_bytes() == CONTENT
    assert [how for how, _ in server.asked] == hows[:4]


def test_all_fail(server: Server, tmp_path: Path) -> None:
    addresses = [server.url("missing"), server.url("wrong"), "ftp://x/y", "file:///etc/passwd"]
    with pytest.raises(RuntimeError, match=r"^Error downloading file\.bin") as caught:
        fetch(addresses, tmp_path / "file.bin", md5=MD5)
    note = caught.value.__notes__[0]
    for text in ("HTTP 404", f"not {{'md5': '{MD5}'}}", "ftp://x/y: only http and https", "passwd: only http"):
        assert text in note
    assert names(tmp_path) == set()


@pytest.mark.parametrize("how", ["plain", "norange"])
def test_a_part_is_continued(server: Server, tmp_path: Path, how: str) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:123_456])
    fetch([server.url(how)], tmp_path / "file.bin", md5=MD5, progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.asked == [(how, "bytes=123456-")]


@pytest.mark.parametrize(
    "part", [CONTENT, b"y" * 1000, CONTENT + b"more"], ids=["whole", "of another file", "too long"]
)
def test_other_parts(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "file.bin.part").write_bytes(part)
    fetch([server.url("plain")], tmp_path / "file.bin", md5=MD5, progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_without_a_checksum_no_part_is_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    fetch([server.url("plain")], tmp_path / "file.bin", progress=False)
    assert server.asked == [("plain", None)]


def test_a_connection_that_breaks_off(server: Server, tmp_path: Path) -> None:
    fetch([server.url("breaks")], tmp_path / "file.bin", md5=MD5, progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.asked) == 6
    assert server.asked[2] == ("breaks", "bytes=200000-")


def test_without_a_checksum_it_begins_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"Error downloading file\.bin"):
        fetch([server.url("breaks")], tmp_path / "file.bin", progress=False)
    assert server.asked == [("breaks", None)] * download.TRIES
    assert names(tmp_path) == set()


def test_a_server_that_gives_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        fetch([server.url("stuck")], tmp_path / "file.bin", md5=MD5, progress=False)
    assert "the connection ended after 0 of 10 bytes" in caught.value.__notes__[0]
    assert len(server.asked) == download.TRIES


@pytest.mark.parametrize(
    ("how", "text"), [("plain", "it would be 512000 bytes"), ("endless", "it has more than 300000")]
)
def test_too_large(server: Server, tmp_path: Path, how: str, text: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        fetch([server.url(how)], tmp_path / "file.bin", progress=False, largest=300_000)
    assert text in caught.value.__notes__[0]
    assert not (tmp_path / "file.bin").exists()


def test_an_interrupt_leaves_a_part_that_is_continued(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Progress, n: int) -> None:
        if self.done > 200_000:
            raise KeyboardInterrupt
        self.done += n

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "add", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch([server.url("plain")], tmp_path / "file.bin", md5=MD5)
    assert names(tmp_path) == {"file.bin.part"}
    have = (tmp_path / "file.bin.part").stat().st_size
    assert 200_000 < have < len(CONTENT)
    fetch([server.url("plain")], tmp_path / "file.bin", md5=MD5, progress=False)
    assert server.asked[-1] == ("plain", f"bytes={have}-")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        with Progress("data.zip", 2_000_000, stream=stream) as bar:
            bar.add(500_000)
            bar.drawn = 0.0
            bar.add(500_000)
    assert plain.getvalue().startswith("data.zip:  50% [############............] 1.0 MB of 2.0 MB, ")
    assert plain.getvalue().count("\n") == 1
    assert "\r" not in plain.getvalue()
    drawn = terminal.getvalue().split("\r")
    assert len(drawn) == 4
    assert "25%" in drawn[1]
    assert drawn[-1].endswith("\n")
    assert Progress("x", None, 10).line().startswith("x: 10 B, ")


# ----------------------------------------------------------------------------------------------------------- unpacking


def tar(path: Path, *entries: tuple[Any, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as made:
        for info, body in entries:
            entry = tarfile.TarInfo(info) if isinstance(info, str) else info
            entry.size = len(body)
            made.addfile(entry, io.BytesIO(body))
    return path


def zipped(path: Path, *entries: tuple[Any, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in entries:
            made.writestr(name, body)
    return path


def of_type(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def symlink(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


GOOD = [("set/one.txt", b"1"), ("set/deep/two.txt", b"22"), ("three", b"")]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"])
def test_good_archives(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"data{ending}"
    if ending == ".zip":
        zipped(path, *GOOD)
    else:
        tar(path, *GOOD, mode="w:" + {".tar": "", ".tgz": "gz"}.get(ending, ending[5:]))
    target = tmp_path / "out"
    extract(path, target)
    extract(path, target)
    found = {str(f.relative_to(target)): f.read_bytes() for f in target.rglob("*") if f.is_file()}
    assert found == dict(GOOD)


@pytest.mark.parametrize(("ending", "module"), [(".gz", gzip)])
def test_a_single_file(tmp_path: Path, ending: str, module: Any) -> None:
    path = tmp_path / f"labels{ending}"
    path.write_bytes(module.compress(b"hello"))
    assert utils.extract_archive(path, remove_finished=True) == str(tmp_path)
    assert (tmp_path / "labels").read_bytes() == b"hello"
    assert names(tmp_path) == {"labels"}


OUTSIDE = "would lie outside"
HOSTILE = {
    "tar up": (lambda p: tar(p, *GOOD, ("../evil", b"x")), ".tar.gz", OUTSIDE),
    "tar deep up": (lambda p: tar(p, ("a/../../evil", b"x")), ".tar.gz", OUTSIDE),
    "tar absolute": (lambda p: tar(p, ("/tmp/evil", b"x")), ".tar.gz", OUTSIDE),
    "tar backslash": (lambda p: tar(p, ("..\\evil", b"x")), ".tar.gz", OUTSIDE),
    "tar drive": (lambda p: tar(p, ("C:/evil", b"x")), ".tar.gz", OUTSIDE),
    "tar symlink": (lambda p: tar(p, *GOOD, (of_type("l", tarfile.SYMTYPE, "/etc"), b"")), ".tar.gz", "is a link"),
    "tar hard link": (lambda p: tar(p, (of_type("l", tarfile.LNKTYPE, "/etc/passwd"), b"")), ".tar.gz", "is a link"),
    "tar device": (lambda p: tar(p, (of_type("d", tarfile.CHRTYPE), b"")), ".tar.gz", "is a device"),
    "tar pipe": (lambda p: tar(p, (of_type("d", tarfile.FIFOTYPE), b"")), ".tar.gz", "is a device"),
    "tar bomb": (lambda p: tar(p, ("a", bytes(70 << 20))), ".tar.gz", "as only bombs do"),
    "zip up": (lambda p: zipped(p, *GOOD, ("../evil", b"x")), ".zip", OUTSIDE),
    "zip absolute": (lambda p: zipped(p, ("/evil", b"x")), ".zip", OUTSIDE),
    "zip symlink": (lambda p: zipped(p, (symlink("l"), b"/etc/passwd")), ".zip", "is a link"),
    "zip bomb": (lambda p: zipped(p, *((f"{i}", bytes(23 << 20)) for i in range(3))), ".zip", "as only bombs do"),
    "gz bomb": (lambda p: p.write_bytes(gzip.compress(bytes(70 << 20))), ".gz", "as only bombs do"),
    "truncated tar": (lambda p: p.write_bytes(tar(p, *GOOD).read_bytes()[:-30]), ".tar.gz", "it is damaged"),
    "truncated zip": (lambda p: p.write_bytes(zipped(p, *GOOD).read_bytes()[:-30]), ".zip", "it is damaged"),
    "no tar": (lambda p: p.write_bytes(b"hello" * 100), ".tar.gz", "it is damaged"),
    "no gz": (lambda p: p.write_bytes(b"hello" * 100), ".gz", "it is damaged"),
    "empty zip": (lambda p: p.write_bytes(b""), ".zip", "it is damaged"),
    "twice the same name": (lambda p: tar(p, ("a", b"x"), ("a", b"y")), ".tar.gz", "it is damaged"),
    "a file as folder": (lambda p: tar(p, ("a", b"x"), ("a/b", b"y")), ".tar.gz", "it is damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(tmp_path: Path, name: str) -> None:
    make, ending, text = HOSTILE[name]
    path = tmp_path / "here" / f"data{ending}"
    path.parent.mkdir()
    make(path)
    with pytest.raises(RuntimeError, match=f"is not unpacked: .*{text}"):
        extract(path, path.parent)
    assert names(tmp_path) == {"here"}
    assert names(path.parent) == {path.name}, "nothing is left, not even what was good"


def test_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradviz.vision.datasets.unpack.MOST_FILES", 2)
    with pytest.raises(RuntimeError, match="more than 2 entries"):
        extract(tar(tmp_path / "a.tar.gz", *GOOD), tmp_path / "out")


def test_an_unknown_kind(tmp_path: Path) -> None:
    (tmp_path / "data.rar").write_bytes(b"x")
    with pytest.raises(RuntimeError, match=r"Unknown compression or archive type: '\.rar'"):
        extract(tmp_path / "data.rar", tmp_path)


def test_an_interrupted_unpacking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    path = tar(tmp_path / "a.tar.gz", *GOOD)
    monkeypatch.setattr("gradviz.vision.datasets.unpack._move", interrupt)
    with pytest.raises(KeyboardInterrupt):
        extract(path, tmp_path / "out")
    assert names(tmp_path / "out") == set()


# ------------------------------------------------------------------------------------------------- torchvision's names


def test_torchvisions_names(server: Server, tmp_path: Path) -> None:
    server.content = tar(tmp_path / "made.tar.gz", *GOOD).read_bytes()
    md5 = utils.calculate_md5(tmp_path / "made.tar.gz")
    url = server.url("plain")
    utils.download_and_extract_archive(url, tmp_path / "root", filename="set.tar.gz", md5=md5)
    assert (tmp_path / "root/set/one.txt").read_bytes() == b"1"
    assert utils.check_integrity(tmp_path / "root/set.tar.gz", md5)
    assert utils.check_md5(tmp_path / "root/set.tar.gz", md5)
    assert not utils.check_integrity(tmp_path / "root/set.tar.gz", MD5)
    assert not utils.check_integrity(tmp_path / "nothing")
    utils.download_url(url, tmp_path / "root", "set.tar.gz")
    assert len(server.asked) == 1, "a file that is there is not asked for again"
    with pytest.raises(NotImplementedError, match="max_redirect_hops"):
        utils.download_url(url, tmp_path, max_redirect_hops=0)
    utils.download_and_extract_archive(
        url, tmp_path / "other", tmp_path / "there", "set.tar.gz", md5, remove_finished=True
    )
    assert names(tmp_path / "other") == set()
    assert "three" in names(tmp_path / "there")


def test_mnist_downloads(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = {
        "images-idx3": b"\0\0\x08\x03" + bytes([0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]),
        "labels-idx1": b"\0\0\x08\x01\0\0\0\2",
    }
    body = {"images-idx3": bytes(2 * 28 * 28), "labels-idx1": b"\7\3"}
    for name in FILES:
        kind = name.split("-", 1)[1].removesuffix("-ubyte.gz")
        server.files[name] = gzip.compress(head[kind] + body[kind])
    sums = [hashlib.md5(server.files[name], usedforsecurity=False).hexdigest() for name in FILES]
    monkeypatch.setattr(MNIST, "mirrors", (server.url("missing")[:-8], server.url("plain")[:-8]))
    monkeypatch.setattr(MNIST, "sums", sums)
    data = MNIST(tmp_path, download=True)
    assert (data.targets.tolist(), data.data.shape) == ([7, 3], (2, 28, 28))
    assert [how for how, _ in server.asked] == ["missing", "plain"] * 4
    assert len(MNIST(tmp_path, train=False, download=True)) == 2
    assert len(server.asked) == 8, "what is there is not asked for again"


def test_cifar_downloads(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {b"data": np.zeros((3, 3072), np.uint8), b"labels": [2, 1, 0]}
    files = {
        **dict.fromkeys([*CIFAR10.train_list, *CIFAR10.test_list], entry),
        CIFAR10.meta: {b"label_names": [b"a", b"b", b"c"]},
    }
    packed = [(f"{CIFAR10.base_folder}/{name}", pickle.dumps(value, 2)) for name, value in files.items()]
    content = tar(tmp_path / "made.tar.gz", *packed).read_bytes()
    server.files[CIFAR10.filename] = content
    monkeypatch.setattr(CIFAR10, "url", server.url("wrong"))
    monkeypatch.setattr(CIFAR10, "mirrors", (server.url("plain").replace("file.bin", CIFAR10.filename),))
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(content, usedforsecurity=False).hexdigest())
    root = tmp_path / "root"
    root.mkdir()
    (root / CIFAR10.filename).write_bytes(content[:100])
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        CIFAR10(root)
    assert len(CIFAR10(root, download=True)) == 15, "a damaged archive is replaced"
    assert CIFAR10(root, train=False).targets == [2, 1, 0]
