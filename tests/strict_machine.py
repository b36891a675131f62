"""What the stand-in for a GPU keeps account of: launches, waits of the host, the current device, a capture.

A launch is a call that computes: views, shapes, memory that is only taken and conversions that find nothing to convert
are none. It is not the number of kernels: CuPy needs several for some calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cublas_on_cpu import PRODUCTS, cublas

CAPTURED_SYNC = "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"
CAPTURED_CUBLAS = "calling cuBLAS API during stream capture is currently unsupported"  # by CuPy
# These only take memory; and these return their argument itself where there is nothing to do.
TAKES_MEMORY = {"empty", "empty_like"}
MAY_RETURN_IT = {"astype", "asarray", "ascontiguousarray"}


class Machine:
    """One stand-in machine; `here` is the one that all stand-in arrays belong to."""

    def __init__(self) -> None:
        self.device: int | None = None  # the current one of several, or None where there is only one
        self.launches: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.capture: list[tuple[Callable[..., Any], Any, Any, Any]] | None = None
        self.capture_mode = 0
        self.allocate: Callable[[int], Any] | None = None
        self.allocators = 0  # how many blocks say which allocator to use
        self.ways: dict[tuple[str, str], Callable[..., Any]] = {}  # functions that compute otherwise than NumPy's
        self.linalg = "raise"  # what comes of a matrix that has no such decomposition: an error, or nonsense

    def reset(self) -> None:
        """Count from nothing."""
        self.launches.clear()
        self.waits.clear()

    def wait(self, what: str) -> None:
        """The host waits until the device has done all its work: an error inside a capture."""
        self.waits[what] += 1
        if self.capture is not None:
            raise RuntimeError(f"{CAPTURED_SYNC} ({what})")

    def launch(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Compute. Inside a capture it is written down, and changes nothing but new memory, which holds nonsense."""
        if name in PRODUCTS:
            if self.capture is not None and arrays((args, kwargs))[0].dtype.kind not in "biu":
                raise NotImplementedError(CAPTURED_CUBLAS)
            function = cublas.of(name, function)
        if self.capture is None:
            with np.errstate(all="ignore"):
                result = function(*args, **kwargs)
        elif name in TAKES_MEMORY:
            result = function(*args, **kwargs)
            result.reshape(-1).view(np.uint8).fill(0xAB)
        elif getattr(function, "kernel", False):  # it gives nothing back: there is no need to run it
            result = None
            self.capture.append((function, args, kwargs, result))
        else:
            before = [(a, a.copy()) for a in arrays((args, kwargs)) if a.flags.writeable]
            with np.errstate(all="ignore"):
                result = function(*args, **kwargs)
            result = np.asarray(result) if isinstance(result, np.generic) else result
            self.capture.append((function, args, kwargs, result))
            for array, kept in before:
                array[...] = kept
            for made in arrays(result):
                if made.base is None and not any(made is a for a, _ in before):
                    made.view(np.uint8).fill(0xAB) if made.size and made.ndim and made.flags.c_contiguous else None
        itself = name in MAY_RETURN_IT and any(result is a for a in arrays(args))
        if not (itself or name in TAKES_MEMORY or is_view(result, args)):
            self.launches[name] += 1
        return result


def is_view(result: Any, args: Any) -> bool:
    """Whether the result shows the memory of an argument in another shape."""
    return (
        isinstance(result, np.ndarray)
        and result.base is not None
        and any(np.may_share_memory(result, a) and result is not a for a in arrays(args))
    )


def arrays(values: Any) -> list[Any]:
    """The NumPy arrays among values, in tuples, lists and dicts too."""
    if isinstance(values, np.ndarray):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (tuple, list)):
        return []
    return [a for v in values for a in arrays(v)]


def replay(steps: list[tuple[Callable[..., Any], Any, Any, Any]]) -> None:
    """Do what was captured, on the same memory."""
    for function, args, kwargs, result in steps:
        with np.errstate(all="ignore"):
            again = function(*args, **kwargs)
        given = arrays((args, kwargs))
        for old, new in zip(arrays(result), [np.asarray(a) for a in arrays_or_numbers(again)], strict=True):
            if old.size and not any(old is a or np.may_share_memory(old, a) for a in given):
                old[...] = new


def arrays_or_numbers(values: Any) -> list[Any]:
    """The arrays among values, and NumPy's numbers."""
    return [values] if isinstance(values, np.generic) else arrays(values)


here = Machine()
