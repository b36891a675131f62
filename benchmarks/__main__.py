"""`python -m benchmarks [name ...]`: each row beside torch in one run; a full run writes benchmarks/RESULTS.md."""

from __future__ import annotations

# ruff: noqa: E402  (the number of threads is read when NumPy is imported)
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np
import torch

import gradviz

from . import cifar_step, dataloader, imports, optimizers, recording, small_ops
from .timing import Row

PARTS = {
    "small_ops": small_ops,
    "cifar_step": cifar_step,
    "optimizers": optimizers,
    "dataloader": dataloader,
    "recording": recording,
    "imports": imports,
}
HERE = Path(__file__).parent


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    rows = [r for name in names or PARTS for r in PARTS[name].rows(gradviz, torch)]
    text = table(rows)
    print(text)
    if not names:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "# Benchmarks",
        "",
        (
            f"`python -m benchmarks`, {datetime.now(UTC).date()}, one process, one thread, calls interleaved; medians, "
            "quartiles of the ratio."
        ),
        (
            f"gradviz {gradviz.__version__}, torch {torch.__version__}, NumPy {np.__version__}, "
            f"Python {platform.python_version()}, {platform.machine()}. In the recording rows the second column is the "
            "plain run."
        ),
        "",
        "| work | gradviz us | torch us | ratio | quartiles | goal |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.work} | {r.ours:.2f} | {r.torch:.2f} | {r.ratio:.2f} | {r.low:.2f} - {r.high:.2f} | {r.goal} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
