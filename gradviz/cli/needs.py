"""The things that are good to have but not needed: what each gives, which skips are for want of it, how to get it.

`gradviz doctor`, `gradviz test` and the test suite's GRADVIZ_REQUIRE read this one table.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Need(NamedTuple):
    """One optional thing. `skip` matches the reason of a test skipped for want of it."""

    name: str
    gives: str
    skip: str
    get: str


NEEDS = (
    Need(
        "browser",
        "driving the lessons in a real browser",
        r"chromium|browser|playwright",
        "apt install chromium   (or set GRADVIZ_CHROMIUM to a Chrome or Chromium)",
    ),
    Need(
        "oracle",
        "comparing every number with PyTorch",
        r"could not import '?torch|(needs?|no|without) (py)?torch|torch is not|expecttest|oracle",
        'pip install -e ".[oracle]"',
    ),
    Need(
        "dot", "Graphviz rendering of make_dot", r"graphviz|\bdot\b", "apt install graphviz   (brew install graphviz)"
    ),
    Need("nvrtc", "compiling the kernels for GPUs", r"\bnvrtc\b", 'pip install -e ".[test]"   on Linux'),
    Need(
        "gpu",
        "running on an NVIDIA GPU",
        r"\bgpu\b|cuda|cupy",
        'pip install -e ".[cuda12]"   on a machine with an NVIDIA driver (".[cuda13]" for CUDA 13)',
    ),
    Need("logs", "logs for TensorBoard", r"\btensorboard", 'pip install -e ".[tensorboard]"'),
    Need("mpi", "data-parallel runs over MPI", r"\bmpi", 'pip install -e ".[mpi]"'),
    Need(
        "data",
        "CIFAR-10, the real images",
        r"GRADVIZ_DATA|cifar|\.\./shared",
        "set GRADVIZ_DATA to the folder that holds cifar-10-batches-py",
    ),
    Need("binder", "the dry run of the Binder image", r"repo2docker|binder", 'pip install -e ".[dev]"'),
    Need(
        "dev",
        "packaging and style checks",
        r"\b(hatchling|ruff|mypy|import-linter|lint-imports|pre-commit)\b",
        'pip install -e ".[dev]"',
    ),
    Need(
        "node",
        "rebuilding the front end",
        r"\bnode\b|\bnpm\b|vitest",
        "apt install nodejs npm, then npm ci in frontend/",
    ),
    Need(
        "lab",
        "the lessons themselves",
        r"\b(jupyter\w*|ipy\w+|IPython|anywidget|nb\w+)'? is not installed|import '?(jupyter|ipy|IPy|anyw|nb)",
        'pip install -e ".[lab]"',
    ),
    Need(
        "accelerator",
        "small calls, compiled",
        r"\bC compiler\b|accelerator",
        "pip install ./accelerator   in a checkout, with a C compiler",
    ),
    Need("extras", "SciPy and Pillow", r"\b(scipy|PIL|pillow|hypothesis)\b", 'pip install -e ".[test]"'),
)

ALIASES = {
    "torch": "oracle",
    "chromium": "browser",
    "repo2docker": "binder",
    "graphviz": "dot",
    "cuda": "gpu",
    "tensorboard": "logs",
}


def of_skip(reason: str) -> Need | None:
    """Which need a skip reason speaks of, or None for a skip of another kind."""
    return next((need for need in NEEDS if re.search(need.skip, reason, re.IGNORECASE)), None)


def names(text: str) -> set[str]:
    """Read a list such as "torch,browser" (the value of GRADVIZ_REQUIRE); ValueError names a word that is no need."""
    words = {ALIASES.get(word, word) for word in text.replace(",", " ").split()}
    unknown = words - {need.name for need in NEEDS}
    if unknown:
        raise ValueError(
            f"GRADVIZ_REQUIRE knows no {', '.join(sorted(unknown))}; it knows {', '.join(need.name for need in NEEDS)}"
        )
    return words
