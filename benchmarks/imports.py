"""Import time, each in a fresh interpreter, and what gradviz adds to NumPy."""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import Any

from .timing import Row


def rows(ours: Any, theirs: Any) -> list[Row]:
    times: dict[str, list[float]] = {"numpy": [], "gradviz": [], "torch": []}
    for _ in range(5):
        for name, found in times.items():
            code = f"import time; a = time.perf_counter(); import {name}; print(time.perf_counter() - a)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            found.append(float(done.stdout))
    numpy, gradviz, torch = (statistics.median(v) * 1e6 for v in times.values())
    added = (gradviz - numpy) / 1e6
    work = f"import (NumPy alone {numpy / 1e6:.3f} s; gradviz adds {added:.3f} s)"
    return [Row(work, gradviz, torch, gradviz / torch, gradviz / torch, "adds <= 0.15 s")]
