"""Event files: nothing is lost, whatever ends the program; and they are read back, also while they grow."""

from __future__ import annotations

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

from gradviz.utils.tensorboard import FileWriter, RecordWriter, SummaryWriter, read, runs
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
    "an interrupt": ("raise KeyboardInterrupt", -2),
    "a signal": ("import signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -2),
    "exit": ("sys.exit(3)", 3),
    "forgotten": ("del writer; import gc; gc.collect()", 0),
    "a thread that exits": ("import threading; threading.Thread(target=writer.add_scalar, args=('y', 1)).start()", 0),
    "flushed, then killed": ("writer.flush(); os._exit(9)", 9),
    "closed, then killed": ("writer.close(); os._exit(9)", 9),
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
writer = SummaryWriter(sys.argv[1], flush_secs=0)
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
    assert "they are lost" in raised.value.__notes__[0]
    writer.close()  # which has nothing to do any more
    assert not worker.is_alive()


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


# -------------------------------------------------------------------------------------------------------- read back


def test_scalars_and_histograms_are_read_back(tmp_path: Path) -> None:
    values = gradviz.tensor([-2.0, 0.5, 0.5, 3.0])
    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=100.0 + step)
            writer.add_scalar("new", step / 7, step, new_style=True, double_precision=True)
            writer.add_histogram("w", values * (step + 1), step, bins=4)
        writer.add_text("t", "hello")
        writer.add_image("i", gradviz.zeros(3, 2, 2))
    log = read(tmp_path)
    assert log.scalars["loss"].steps == [0, 1, 2]
    assert log.scalars["loss"].values == pytest.approx([1, 1 / 2, 1 / 3])
    assert log.scalars["loss"].times == [100.0, 101.0, 102.0]
    assert log.scalars["new"].values == [0, 1 / 7, 2 / 7]
    assert log.tags == {
        "loss": "scalars", "new": "scalars", "w": "histograms", "t/text_summary": "text", "i": "images",
    }  # fmt: skip
    assert [h.step for h in log.histograms["w"]] == [0, 1, 2]
    last = log.histograms["w"][-1]
    assert (last.min, last.max, last.num, last.sum, last.sum_squares) == (-6, 9, 4, 6, 121.5)
    assert len(last.edges) == len(last.counts) + 1
    assert last.edges == sorted(last.edges)
    assert sum(last.counts) == 4
    assert (last.edges[0], last.edges[-1]) == (-6, 9)
    assert repr(log) == f"Log({str(tmp_path)!r}: 2 scalars, 1 histograms)"


@pytest.mark.oracle
def test_real_logs_are_read_as_tensorboard_reads_them(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from tests.utils.test_tensorboard import CALLS, real

    theirs, torch = real(), pytest.importorskip("torch")
    with theirs.SummaryWriter(str(tmp_path)) as writer:
        for name in ("many", "number", "histogram", "histogram of zeros", "raw histogram", "wall time", "image"):
            CALLS[name](torch, writer)
    with theirs.SummaryWriter(str(tmp_path), purge_step=40) as writer:
        writer.add_scalar("x0", -1, 40)
    expected = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0, "histograms": 0})
    expected.Reload()
    log = read(tmp_path)
    assert set(log.scalars) == set(expected.Tags()["scalars"])
    for tag, series in log.scalars.items():
        rows = [(e.step, e.value, e.wall_time) for e in expected.Scalars(tag)]
        assert list(zip(series.steps, series.values, series.times, strict=True)) == rows
    assert set(log.histograms) == set(expected.Tags()["histograms"])
    for tag, histograms in log.histograms.items():
        rows = [(e.step, e.histogram_value.bucket_limit, e.histogram_value.bucket) for e in expected.Histograms(tag)]
        assert [(h.step, h.edges[1:], h.counts) for h in histograms] == rows


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path / "whole") as writer:
        for step in range(20):
            writer.add_scalar("x", step, step)
    [whole] = (tmp_path / "whole").iterdir()
    data = whole.read_bytes()
    growing = tmp_path / "growing" / whole.name
    growing.parent.mkdir()
    growing.write_bytes(b"")
    log = read(growing.parent)
    events = 0
    with growing.open("ab") as file:
        for at in range(0, len(data), 7):
            file.write(data[at : at + 7])
            file.flush()
            events += log.refresh()
            steps = log.scalars["x"].steps if log.scalars else []
            assert steps == list(range(len(steps)))
    assert steps == list(range(20))
    assert (events, log.refresh()) == (21, 0)
    assert read(growing).scalars["x"].steps == steps


def test_a_new_file_of_the_run_is_found_and_purges(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step in range(6):
            writer.add_scalar("x", step, step)
            writer.add_histogram("h", gradviz.ones(2), step)
    log = read(tmp_path)
    with SummaryWriter(tmp_path, purge_step=3, filename_suffix=".later") as writer:
        writer.add_scalar("x", -3, 3)
    log.refresh()
    assert (log.scalars["x"].steps, log.scalars["x"].values) == ([0, 1, 2, 3], [0, 1, 2, -3])
    assert [h.step for h in log.histograms["h"]] == [0, 1, 2]
    assert read(tmp_path).scalars == log.scalars


def test_a_damaged_file_is_read_as_far_as_it_is_good(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step in range(9):
            writer.add_scalar("x", step, step)
    [file] = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.warns(RuntimeWarning, match="is damaged; what comes after it is not read"):
        log = read(tmp_path)
    assert log.scalars["x"].steps == list(range(8))
    assert log.refresh() == 0


def test_runs(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path / "all") as writer:
        writer.add_scalar("x", 1, 1)
        writer.add_scalars("loss", {"train": 1.0, "test": 2.0}, 5)
        writer.add_hparams({"lr": 0.1}, {"acc": 0.5}, run_name="first")
    found = runs(tmp_path)
    assert list(found) == ["all", "all/first", "all/loss_test", "all/loss_train"]
    assert found["all/loss_test"].scalars["loss"].values == [2.0]
    assert found["all/first"].scalars["acc"].values == [0.5]
    assert "." in runs(tmp_path / "all")
    with pytest.raises(FileNotFoundError, match="runs in it: all, all/first"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError, match="no event files in"):
        read(tmp_path / "nowhere")


def test_histograms_of_tensorflow_2_are_read(tmp_path: Path) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary

    from gradviz.utils.tensorboard.messages import of_tensor

    rows = [[0.0, 1.0, 3.0], [1.0, 2.0, 0.0], [2.0, 4.0, 1.0]]
    message = of_tensor("h", "histograms", "DT_DOUBLE", (3, 3), double_val=np.ravel(rows))
    empty = of_tensor("e", "histograms", "DT_DOUBLE", (0, 3))
    with SummaryWriter(tmp_path) as writer:
        for summary in (message, empty, Summary()):
            writer.file_writer.add_summary(summary, 2)
    log = read(tmp_path)
    [found] = log.histograms["h"]
    assert (found.edges, found.counts, found.min, found.max, found.num) == ([0, 1, 2, 4], [3, 0, 1], 0, 4, 4)
    assert (found.sum, found.sum_squares) == (4.5, 9.75)
    [found] = log.histograms["e"]
    assert found.counts == []


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
