"""Finding the operation whose gradient went wrong."""

from __future__ import annotations

import warnings
from typing import Any

from ..core.anomaly import Anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return Anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether NaN in backward is an error while anomaly mode is on."""
    return Anomaly.check_nan


class set_detect_anomaly:
    """Turns anomaly mode on or off: at once, and until the end of the `with` block when used as one.

    While it is on, backward raises where a gradient holds NaN and shows the line of the forward call.
    https://docs.pytorch.org/docs/2.13/autograd.html#anomaly-detection
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.prev, self.prev_check_nan = Anomaly.enabled, Anomaly.check_nan
        Anomaly.set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        Anomaly.set(self.prev, self.prev_check_nan)


class detect_anomaly:
    """Anomaly mode for a `with` block."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before: Any = (Anomaly.enabled, Anomaly.check_nan)
        Anomaly.set(True, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        Anomaly.set(*self._before)
