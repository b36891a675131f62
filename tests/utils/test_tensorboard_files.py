"""Event files: records as TensorBoard has them, and nothing is lost, whatever ends the program."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz

pytest.importorskip("tensorboard")

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as their_crc

from gradviz.utils.tensorboard import FileWriter, RecordWriter, SummaryWriter, read
from gradviz.utils.tensorboard.records import MANY, ROW, DamagedError, framed, masked_crc32c, records

SIZES = (0, 1, 3, 4, 200, MANY - 1, MANY, MANY + 1, MANY + ROW - 1, MANY + ROW + 1, 3 * MANY + 77)


@pytest.mark.parametrize("size", SIZES)
def test_checksums_are_tensorboards(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()
    assert masked_crc32c(data) == their_crc(data)
    assert masked_crc32c(bytes(size)) == their_crc(bytes(size))


def test_the_checksum_of_the_standard() -> None:
    from gradviz.utils.tensorboard.records import crc32c

    assert crc32c(b"123456789") == 0xE3069283


def test_records_are_read_up_to_the_last_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "r"
    texts = [b"", b"a", b"bc" * 5000]
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for text in texts:
            writer.write(text)
        writer.flush()
        assert not writer.closed
        writer.close()
        assert writer.closed
    whole = path.read_bytes()
    ends = [0]
    for text in texts:
        ends.append(ends[-1] + len(framed(text)))
    for length in [*range(ends[2] + 30), len(whole) - 1, len(whole)]:
        path.write_bytes(whole[:length])
        with path.open("rb") as file:
            found = list(records(file))
        assert [end for _, end in found] == [end for end in ends[1:] if end <= length]
        assert [text for text, _ in found] == texts[: len(found)]


@pytest.mark.parametrize("at", [0, 8, 12, 14])
def test_a_damaged_record_is_told(at: int, tmp_path: Path) -> None:
    data = bytearray(framed(b"good") + framed(b"bad") + framed(b"after"))
    data[len(framed(b"good")) + at] ^= 1
    (tmp_path / "r").write_bytes(data)
    with (tmp_path / "r").open("rb") as file:
        reading = records(file)
        assert next(reading)[0] == b"good"
        with pytest.raises(DamagedError, match="at byte 20 is damaged"):
            next(reading)


# ---------------------------------------------------------------------------------------------------- nothing is lost

START = """
import sys, os, gradviz
from gradviz.utils.tensorboard import SummaryWriter
writer = SummaryWriter(sys.argv[1], flush_secs=1000, max_queue=5)
for i in range(50):
    writer.add_scalar("x", i, i)
"""
ENDS = {
    "the end": ("", 0),
    "an error": ("raise ValueError", 1),
    "a signal": ("import signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -2),
    "exit": ("sys.exit(3)", 3),
    "a thread that exits": ("import threading; threading.Thread(target=writer.add_scalar, args=('y', 1)).start()", 0),
    "a forked child": ("pid = os.fork()\nif pid: os.waitpid(pid, 0)\nelse: sys.exit(0)", 0),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_lost_at(end: str, tmp_path: Path) -> None:
    code, status = ENDS[end]
    if "fork" in code and not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + code, str(tmp_path)], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode in (status, 130 if status == -2 else status), done.stderr
    assert read(tmp_path).scalars["x"].steps == list(range(50))


def test_nothing_is_lost_of_a_forgotten_writer(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, flush_secs=1000)
    worker = writer.file_writer.event_writer._worker
    for step in range(3):
        writer.add_scalar("x", step, step)
    del writer
    gc.collect()
    worker.join(20)
    assert not worker.is_alive()
    assert read(tmp_path).scalars["x"].steps == [0, 1, 2]


def test_events_are_seen_after_flush_secs(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path, flush_secs=0.05) as writer:
        log = read(tmp_path)
        writer.add_scalar("x", 1.0, 1)
        deadline = time.monotonic() + 20
        while not log.refresh() and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        assert log.scalars["x"].values == [1.0]
    with SummaryWriter(tmp_path / "slow", flush_secs=1000) as writer:
        log = read(tmp_path / "slow")
        writer.add_scalar("x", 1.0, 1)
        assert (log.refresh(), log.scalars) == (0, {})
        writer.flush()
        assert log.refresh() == 1


def test_the_queue_is_bounded_and_add_waits(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, max_queue=3)
    worker = writer.file_writer.event_writer._worker
    gate, writing, write = threading.Event(), threading.Event(), worker.file.write

    class Slow:
        closed = False

        def write(self, data: Any) -> int:
            writing.set()
            gate.wait(30)
            return write(data)

        def close(self) -> None:
            real.close()

    real, worker.file = worker.file, Slow()
    writer.add_scalar("x", 0, 0)
    flushing = threading.Thread(target=writer.flush)
    flushing.start()
    assert writing.wait(20)  # for the disk
    adding = threading.Thread(target=lambda: [writer.add_scalar("x", i, i) for i in range(1, 20)])
    deadline = time.monotonic() + 20
    adding.start()
    while worker.items.qsize() < 3 and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    adding.join(0.1)
    assert adding.is_alive()
    assert worker.items.qsize() == 3
    gate.set()
    adding.join(30)
    flushing.join(30)
    writer.close()
    assert read(tmp_path).scalars["x"].steps == list(range(20))


def test_many_threads(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path, max_queue=2) as writer:
        threads = [
            threading.Thread(target=lambda k=k: [writer.add_scalar(f"x{k}", i, i) for i in range(50)]) for k in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {tag: series.steps for tag, series in read(tmp_path).scalars.items()} == {
        f"x{k}": list(range(50)) for k in range(4)
    }


FULL = """
import resource, signal, sys
from gradviz.utils.tensorboard import SummaryWriter, read
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = SummaryWriter(sys.argv[1], flush_secs=1000, max_queue=0)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
seen = 0
try:
    for i in range(1000):
        writer.add_scalar("x", i, i)
        seen = i
        writer.flush()
except OSError as error:
    print(type(error).__name__, error.errno is not None, error.filename is not None, *error.__notes__)
try:
    writer.add_scalar("x", -1, -1)
except OSError:
    print("again")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print("some", len(read(sys.argv[1]).scalars["x"]) < seen + 1)
writer.flush()
writer.add_scalar("x", seen + 1, seen + 1)
writer.close()
print(read(sys.argv[1]).scalars["x"].steps == list(range(seen + 2)))
"""


def test_a_full_disk_is_told_and_flush_tries_again(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("OSError True True The newest events, ")
    assert "call flush(), which tries again" in first
    assert rest == ["again", "some True", "True"]


def test_a_disk_that_stays_full_is_told_by_close(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    worker = writer.file_writer.event_writer._worker

    class Full:
        closed = False

        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            self.closed = True

    worker.file.close()
    worker.file = Full()
    writer.add_scalar("x", 1, 1)
    with pytest.raises(OSError, match="No space left") as raised:
        writer.close()
    assert "are lost" in raised.value.__notes__[0]
    writer.close()  # which has nothing to do any more
    assert not worker.is_alive()


def test_a_refused_write_is_tried_again_by_itself_but_not_all_the_time(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, flush_secs=0)
    worker = writer.file_writer.event_writer._worker
    tried: list[float] = []

    class Twice:
        closed = False

        def write(self, data: Any) -> int:
            tried.append(time.monotonic())
            if len(tried) < 2:
                raise OSError(28, "No space left on device")
            return real.write(data)

        def close(self) -> None:
            real.close()

    real, worker.file = worker.file, Twice()
    writer.add_scalar("x", 1, 1)
    deadline = time.monotonic() + 20
    while (len(tried) < 2 or worker.error) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    writer.close()
    assert tried[1] - tried[0] >= 0.9
    assert read(tmp_path).scalars["x"].steps == [1]


def test_what_is_lost_at_the_end_is_told(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    limited = (
        FULL.split("seen = 0")[0] + "for i in range(90): writer.file_writer.event_writer._worker.items.put(b'x' * 99)"
    )
    done = subprocess.run([sys.executable, "-c", limited, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "bytes of them, could not be written and are lost" in done.stderr
    assert str(tmp_path) in done.stderr


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        SummaryWriter(tmp_path / "file")


def test_a_writer_is_of_one_process(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        worker = writer.file_writer.event_writer._worker
        worker.pid += 1
        with pytest.raises(RuntimeError, match="belongs to process") as raised:
            writer.add_scalar("x", 1, 1)
        assert "in each process" in raised.value.__notes__[0]
        worker.pid -= 1


def test_file_writer(tmp_path: Path) -> None:
    writer = FileWriter(tmp_path)
    writer.add_event(Event(), step=gradviz.tensor(3), walltime=7.0)
    writer.reopen()  # which does nothing: it is open
    writer.close()
    writer.close()
    for call in (lambda: writer.add_event(Event()), writer.flush):
        with pytest.raises(OSError, match="Writer is closed"):
            call()
    writer.reopen()
    with pytest.raises(TypeError, match="Expected an event_pb2"):
        writer.event_writer.add_event("x")
    writer.add_event(Event(step=4))
    writer.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert writer.get_logdir() == str(tmp_path)


def test_after_close_comes_a_new_file(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    for step in range(3):
        writer.add_scalar("x", step, step)
        writer.close()
    writer.flush()
    assert len(list(tmp_path.iterdir())) == 3
    assert read(tmp_path).scalars["x"].steps == [0, 1, 2]


# ------------------------------------------------------------------------------------------------------- what it costs


def test_import_brings_nothing() -> None:
    code = (
        "import sys, gradviz, gradviz.utils; "
        "print([m for m in sys.modules if m.split('.')[0] in ('tensorboard', 'google') or m == 'concurrent.futures'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_the_package_it_says_what_to_install() -> None:
    code = (
        "import sys, gradviz; sys.modules['tensorboard'] = None; gradviz.as_torch()\n"
        "try: from torch.utils.tensorboard import SummaryWriter\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "gradviz.utils.tensorboard needs the tensorboard package: pip install 'gradviz[tensorboard]'\n"
    )
