"""Histograms and precision-recall curves as messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData

from gradviz.core.errors import noted

from ._convert_np import make_np
from .messages import of_tensor

FEWEST = 1e-7  # instead of 0 where precision and recall divide


def default_bins() -> list[float]:
    """The limits that TensorBoard's own histograms have: from 1e-12 in steps of a tenth, both signs, and 0."""
    limit, positive = 1e-12, []
    while limit < 1e20:
        positive.append(limit)
        limit *= 1.1
    return [-x for x in reversed(positive)] + [0] + positive


def histogram_raw(
    name: str,
    min: float,
    max: float,
    num: float,
    sum: float,
    sum_squares: float,
    bucket_limits: Any,
    bucket_counts: Any,
) -> Any:
    """A histogram that was counted elsewhere. `bucket_limits` are the upper ones, the first bucket's lower is -inf."""
    histo = HistogramProto(
        min=min, max=max, num=num, sum=sum, sum_squares=sum_squares, bucket_limit=bucket_limits, bucket=bucket_counts
    )
    return Summary(value=[Summary.Value(tag=name, histo=histo)])


def histogram(name: str, values: Any, bins: Any, max_bins: int | None = None) -> Any:
    """The histogram of some values. `bins` is what numpy.histogram takes; more than `max_bins` are joined."""
    histo = make_histogram(make_np(values).astype(float), bins, max_bins)
    return Summary(value=[Summary.Value(tag=name, histo=histo)])


def make_histogram(values: Any, bins: Any, max_bins: int | None = None) -> Any:
    """The message of a histogram: empty buckets at both ends are left out, but one below the first that is filled.

    Raises ValueError for no values, and where all lie outside the bins.
    """
    if values.size == 0:
        raise ValueError("The input has no element.")
    values = values.reshape(-1)
    counts, limits = np.histogram(values, bins=bins)
    if max_bins is not None and len(counts) > max_bins:
        counts, limits = _joined(counts, limits, len(counts) // max_bins)
    filled = np.flatnonzero(counts)
    if not len(filled) and len(counts) > 1:
        raise noted(
            ValueError(
                "The histogram is empty, please file a bug report.\n"
                f"All {len(values)} values, {values.min():g} to {values.max():g}, lie outside the bins, "
                f"{limits[0]:g} to {limits[-1]:g}, or are NaN: there is nothing to draw."
            )
        )
    first, last = (int(filled[0]), int(filled[-1])) if len(filled) else (1, 0)  # the only bucket, empty
    below = [0] if first == 0 else []  # nothing lies below the first limit
    kept = [*below, *counts[max(first - 1, 0) : last + 1].tolist()]
    return HistogramProto(
        min=values.min(), max=values.max(), num=len(values), sum=values.sum(), sum_squares=values.dot(values),
        bucket_limit=limits[first : last + 2].tolist(), bucket=kept,
    )  # fmt: skip


def _joined(counts: Any, limits: Any, by: int) -> tuple[Any, Any]:
    """Every `by` neighbouring buckets as one; the last may hold fewer."""
    if len(counts) % by:
        counts = np.pad(counts, (0, by - len(counts) % by))
    return counts.reshape(-1, by).sum(axis=-1), np.append(limits[:-1:by], limits[-1])


def pr_curve(tag: str, labels: Any, predictions: Any, num_thresholds: int = 127, weights: Any = None) -> Any:
    """The precision-recall curve of predictions between 0 and 1 for labels that are 0 or 1."""
    num_thresholds = min(num_thresholds, 127)
    return _curve(tag, compute_curve(labels, predictions, num_thresholds, weights), num_thresholds)


def pr_curve_raw(
    tag: str, tp: Any, fp: Any, tn: Any, fn: Any, precision: Any, recall: Any, num_thresholds: int = 127,
    weights: Any = None,
) -> Any:  # fmt: skip
    """The same from its six rows. Raises NotImplementedError for `weights`: what was counted is weighted already."""
    if weights is not None:
        raise NotImplementedError("weights: the counts of a precision-recall curve are weighted already")
    return _curve(tag, np.stack((tp, fp, tn, fn, precision, recall)), min(num_thresholds, 127))


def _curve(tag: str, data: Any, num_thresholds: int) -> Any:
    content = PrCurvePluginData(version=0, num_thresholds=num_thresholds)
    return of_tensor(tag, "pr_curves", "DT_FLOAT", data.shape, content, float_val=data.reshape(-1).tolist())


def compute_curve(labels: Any, predictions: Any, num_thresholds: int, weights: Any = None) -> Any:
    """True and false positives, true and false negatives, precision and recall at each threshold, as six rows."""
    weights = 1.0 if weights is None else weights
    at = np.int32(np.floor(predictions * (num_thresholds - 1)))
    truth = labels.astype(np.float64)

    def above(weighted: Any) -> Any:  # how much lies at each threshold or above it
        span = (0, num_thresholds - 1)
        return np.histogram(at, bins=num_thresholds, range=span, weights=weighted)[0][::-1].cumsum()[::-1]

    tp, fp = above(truth * weights), above((1.0 - truth) * weights)
    tn, fn = fp[0] - fp, tp[0] - tp
    return np.stack((tp, fp, tn, fn, tp / np.maximum(FEWEST, tp + fp), tp / np.maximum(FEWEST, tp + fn)))
