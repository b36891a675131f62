"""The machines that tests without a GPU run on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from . import cudnn_on_cpu
from .stand_in import two_gpus


@pytest.fixture
def machine() -> Iterator[Any]:
    """Two GPUs: the stand-in for CuPy, which takes the place of that module."""
    with two_gpus() as cupy:
        yield cupy


@pytest.fixture
def cudnn_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The same, and a stand-in for cuDNN."""
    with cudnn_on_cpu.found(monkeypatch) as cupy:
        yield cupy
