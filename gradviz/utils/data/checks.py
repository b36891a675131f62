"""The checks of a DataLoader's arguments. The texts are PyTorch's."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

from gradviz.core.errors import noted

NO_PREFETCH = (
    "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable multiprocessing, "
    "otherwise set prefetch_factor to None."
)


def check_numbers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    """The arguments about workers."""
    problems = (
        (
            num_workers < 0,
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.",
        ),
        (timeout < 0, "timeout option should be non-negative"),
        (num_workers == 0 and prefetch_factor is not None, NO_PREFETCH),
        (prefetch_factor is not None and prefetch_factor < 0, "prefetch_factor option should be non-negative"),
        (persistent_workers and num_workers == 0, "persistent_workers option needs num_workers > 0"),
    )
    _raise_first(problems)


def check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    """What a stream cannot have."""
    expected = "DataLoader with IterableDataset: expected unspecified "
    hint = "A stream comes in its own order: shuffle or select in its __iter__."
    problems = (
        (bool(shuffle), f"{expected}shuffle option, but got shuffle={shuffle}\n{hint}"),
        (sampler is not None, f"{expected}sampler option, but got sampler={sampler}\n{hint}"),
        (batch_sampler is not None, f"{expected}batch_sampler option, but got batch_sampler={batch_sampler}\n{hint}"),
    )
    _raise_first(problems)


def check_batches(batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop: bool) -> None:
    """What excludes one another."""
    several = batch_size != 1 or bool(shuffle) or sampler is not None or drop
    problems = (
        (sampler is not None and bool(shuffle), "sampler option is mutually exclusive with shuffle"),
        (
            batch_sampler is not None and several,
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last",
        ),
        (
            batch_sampler is None and batch_size is None and drop,
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last",
        ),
    )
    _raise_first(problems)


def context_of(given: Any, num_workers: int) -> Any:
    """The multiprocessing context that an argument stands for."""
    if given is None:
        return None
    if num_workers <= 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            f"num_workers={num_workers}"
        )
    import multiprocessing
    from multiprocessing.context import BaseContext

    if isinstance(given, str):
        known = multiprocessing.get_all_start_methods()
        if given not in known:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {known!r}, but got "
                f"multiprocessing_context={given!r}"
            )
        return multiprocessing.get_context(given)
    if not isinstance(given, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={given}"
        )
    return given


def warn_of_many(num_workers: int) -> None:
    """Warns if there will be more worker processes than processors to run them."""
    aware = hasattr(os, "sched_getaffinity")
    most = len(os.sched_getaffinity(0)) if aware else os.cpu_count()
    if most is not None and num_workers <= most:
        return
    suggested = (
        "DataLoader is not able to compute a suggested max number of worker in current system."
        if most is None
        else f"Our suggested max number of worker in current system is {most}"
        f"{'' if aware else ' (`cpuset` is not taken into account)'}, which is smaller than what this DataLoader is "
        "going to create."
    )
    warnings.warn(
        f"This DataLoader will create {num_workers} worker processes in total. {suggested} Please be aware that "
        "excessive worker creation might get DataLoader running slow or even freeze, lower the worker number to avoid "
        "potential slowness/freeze if necessary.",
        stacklevel=4,
    )


def _raise_first(problems: Iterable[tuple[bool, str]]) -> None:
    for wrong, text in problems:
        if wrong:
            raise noted(ValueError(text))
