"""SummaryWriter: what happens in training, written for TensorBoard."""

from __future__ import annotations

import contextlib
import socket
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from . import embedding, histograms, images, summary
from ._convert_np import make_np
from .file_writer import FileWriter
from .graph import graph

__all__ = ["FileWriter", "SummaryWriter"]


class SummaryWriter:
    """Writes what happens in training to event files, which TensorBoard (and `gradviz.utils.tensorboard.read`) reads.

    The calls return at once; a thread writes. What was added is in the file after `flush`, `close`, at the end of a
    `with` block, and when the program ends, also by an error or an interrupt.

    Args:
        log_dir: the folder; runs/<date>_<time>_<host><comment> if it is None
        comment: what the default folder's name ends with
        purge_step: a run that goes on after a crash at step T + X begins with `purge_step=T`: TensorBoard then leaves
            out what the earlier files of the folder hold from step T on
        max_queue: how many events may wait to be written before a call waits
        flush_secs: how often, in seconds, what waits goes to the disk
        filename_suffix: what the names of the event files end with

    Every call takes a `global_step`, the place on the horizontal axis, and most a `walltime`, seconds since 1970
    instead of now. Values are tensors of any device, NumPy arrays or numbers.

    Raises OSError when the disk refuses: in the call after, and again until a `flush` succeeds.

        with SummaryWriter("runs/first") as writer:
            for step in range(100):
                writer.add_scalar("loss", loss, step)

    https://docs.pytorch.org/docs/stable/tensorboard.html
    """

    def __init__(
        self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
        flush_secs: float = 120, filename_suffix: str = "",
    ) -> None:  # fmt: skip
        if not log_dir:
            now = datetime.now().astimezone().strftime("%b%d_%H-%M-%S")
            log_dir = str(Path("runs") / f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = log_dir
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self._projector: Any = None
        self.default_bins = histograms.default_bins()
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        """The writer of the folder itself: a new one at first, and in the call after a `close`."""
        if self.all_writers is None or self.file_writer is None:
            self.file_writer = self._new_writer(self.log_dir)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
            if self.purge_step is not None:
                start = SessionLog(status=SessionLog.START)
                self.file_writer.add_event(Event(step=self.purge_step, file_version="brain.Event:2"))
                self.file_writer.add_event(Event(step=self.purge_step, session_log=start))
                self.purge_step = None
        return self.file_writer

    def _new_writer(self, folder: Any) -> FileWriter:
        return FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)

    def _add(self, message: Any, global_step: Any = None, walltime: float | None = None) -> None:
        self._get_file_writer().add_summary(message, global_step, walltime)

    def get_logdir(self) -> Any:
        """The folder."""
        return self.log_dir

    # -- numbers -----------------------------------------------------------------------------------------------
    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: Any = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """A number. `new_style` writes it as a tensor, `double_precision` that as float64."""
        message = summary.scalar(tag, scalar_value, new_style=new_style, double_precision=double_precision)
        self._add(message, global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Numbers that are drawn in one chart: each name has a run of its own, in a folder beside the others'."""
        walltime = time.time() if walltime is None else walltime
        folder = self._get_file_writer().get_logdir()
        writers = self.all_writers
        assert writers is not None
        for tag, value in tag_scalar_dict.items():
            run = f"{folder}/{main_tag.replace('/', '_')}_{tag}"
            if run not in writers:
                writers[run] = self._new_writer(run)
            writers[run].add_summary(summary.scalar(main_tag, value), global_step, walltime)

    def add_tensor(self, tag: str, tensor: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """A tensor as it is."""
        self._add(summary.tensor_proto(tag, tensor), global_step, walltime)

    def add_histogram(
        self, tag: str, values: Any, global_step: Any = None, bins: Any = "tensorflow",
        walltime: float | None = None, max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """How values are distributed. `bins` is "tensorflow" or what numpy.histogram takes."""
        bins = self.default_bins if isinstance(bins, str) and bins == "tensorflow" else bins
        self._add(summary.histogram(tag, values, bins, max_bins=max_bins), global_step, walltime)

    def add_histogram_raw(
        self, tag: str, min: float, max: float, num: float, sum: float, sum_squares: float, bucket_limits: Any,
        bucket_counts: Any, global_step: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """A histogram that was counted elsewhere, with the upper limit of each bucket."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
        message = summary.histogram_raw(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
        self._add(message, global_step, walltime)

    def add_pr_curve(
        self, tag: str, labels: Any, predictions: Any, global_step: Any = None, num_thresholds: int = 127,
        weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """The precision-recall curve of predictions between 0 and 1 for labels that are 0 or 1."""
        message = summary.pr_curve(tag, make_np(labels), make_np(predictions), num_thresholds, weights)
        self._add(message, global_step, walltime)

    def add_pr_curve_raw(
        self, tag: str, true_positive_counts: Any, false_positive_counts: Any, true_negative_counts: Any,
        false_negative_counts: Any, precision: Any, recall: Any, global_step: Any = None,
        num_thresholds: int = 127, weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """The same from what was counted elsewhere, a row of `num_thresholds` numbers each."""
        counts = (true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts)
        tp, fp, tn, fn = map(make_np, counts)
        recalled = make_np(recall)
        message = summary.pr_curve_raw(tag, tp, fp, tn, fn, make_np(precision), recalled, num_thresholds, weights)
        self._add(message, global_step, walltime)

    # -- things to see and hear --------------------------------------------------------------------------------
    def add_image(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:  # fmt: skip
        """An image, of 0 to 255 (uint8) or 0 to 1, whose dimensions are those of `dataformats`: CHW, HWC, HW ..."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_images(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:  # fmt: skip
        """Images in a grid, eight to a row."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_image_with_boxes(
        self, tag: str, img_tensor: Any, box_tensor: Any, global_step: Any = None, walltime: float | None = None,
        rescale: float = 1, dataformats: str = "CHW", labels: Any = None,
    ) -> None:  # fmt: skip
        """An image with boxes (left, top, right, bottom) and their labels, if they are as many."""
        labels = [labels] if isinstance(labels, str) else labels
        if labels is not None and len(labels) != box_tensor.shape[0]:
            labels = None
        message = summary.image_boxes(tag, img_tensor, box_tensor, rescale, dataformats, labels)
        self._add(message, global_step, walltime)

    def add_figure(
        self, tag: str, figure: Any, global_step: Any = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """A matplotlib figure, or a list of them, as an image. Raises ImportError without matplotlib."""
        form = "NCHW" if isinstance(figure, list) else "CHW"
        self.add_image(tag, images.figure_to_image(figure, close), global_step, walltime, dataformats=form)

    def add_video(
        self, tag: str, vid_tensor: Any, global_step: Any = None, fps: float = 4, walltime: float | None = None
    ) -> None:
        """Films (N, T, C, H, W) as one moving picture."""
        self._add(summary.video(tag, vid_tensor, fps), global_step, walltime)

    def add_audio(
        self, tag: str, snd_tensor: Any, global_step: Any = None, sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """A sound of one channel, from samples between -1 and 1."""
        self._add(summary.audio(tag, snd_tensor, sample_rate=sample_rate), global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None) -> None:
        """A text, shown as Markdown."""
        self._add(summary.text(tag, text_string), global_step, walltime)

    def add_mesh(
        self, tag: str, vertices: Any, colors: Any = None, faces: Any = None,
        config_dict: dict[str, Any] | None = None, global_step: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Points or a surface in space: vertices (B, N, 3), their colours, faces (B, M, 3) of numbers of vertices."""
        self._add(summary.mesh(tag, vertices, colors, faces, config_dict), global_step, walltime)

    def add_embedding(
        self, mat: Any, metadata: Any = None, label_img: Any = None, global_step: int | None = None,
        tag: str = "default", metadata_header: Any = None,
    ) -> None:  # fmt: skip
        """Points (N, D) for the projector, with a label (or a row of them) and a picture (N, C, H, W) for each."""
        points = make_np(mat)
        step = 0 if global_step is None else global_step
        self._projector = embedding.write(
            Path(self._get_file_writer().get_logdir()), self._projector, points, metadata, label_img, step, tag,
            metadata_header,
        )  # fmt: skip

    # -- what the run is ---------------------------------------------------------------------------------------
    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """The graph of a model, which is run once in evaluation mode on an input or a tuple of inputs."""
        self._get_file_writer().add_graph(graph(model, input_to_model, verbose, use_strict_trace))

    def add_onnx_graph(self, prototxt: Any) -> None:
        """Not there: gradviz reads no ONNX files."""
        raise NotImplementedError("add_onnx_graph: gradviz reads no ONNX files; add_graph draws a model's graph")

    def add_hparams(
        self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, Any] | None = None, run_name: str | None = None,
        global_step: Any = None,
    ) -> None:  # fmt: skip
        """A run's hyperparameters and what came of them, as a run of its own in a folder in this one's."""
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        messages = summary.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        folder = Path(self._get_file_writer().get_logdir()) / (run_name or str(time.time()))
        with SummaryWriter(log_dir=folder) as writer:
            for message in messages:
                writer._add(message, global_step)
            for tag, value in metric_dict.items():
                writer.add_scalar(tag, value, global_step)

    def add_custom_scalars(self, layout: dict[str, dict[str, Any]]) -> None:
        """Which scalars are drawn together: {category: {chart: ["Multiline", tags] or ["Margin", three tags]}}."""
        self._add(summary.custom_scalars(layout))

    def add_custom_scalars_multilinechart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart with a line for each tag."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart with a line and a band around it: the tags of the value, the lower and the upper end."""
        if len(tags) != 3:
            raise AssertionError(f"Expected 3 tags, got {len(tags)}.")
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    # -- the file ----------------------------------------------------------------------------------------------
    def flush(self) -> None:
        """Returns when everything added is in the files."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the files. A call after it begins a new file."""
        writers, self.file_writer, self.all_writers = self.all_writers or {}, None, None
        with contextlib.ExitStack() as stack:  # each is closed, whatever the others raise
            for writer in writers.values():
                stack.callback(writer.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()
