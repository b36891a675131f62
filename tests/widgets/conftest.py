"""Fixtures that several tests of views use."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from gradviz.widgets.training.trainer import Trainer
from tests.waiting import until


@pytest.fixture
def threads() -> Iterator[None]:
    """No run outlives its test."""
    before = set(threading.enumerate())
    yield
    for trainer in [t for t in gc.get_objects() if type(t) is Trainer]:
        trainer.stop()
    until(lambda: set(threading.enumerate()) <= before)
