"""Event files read back as plain data: as TensorBoard reads them, also while they grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradviz

pytest.importorskip("tensorboard")

from gradviz.utils.tensorboard import SummaryWriter, read, runs


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
