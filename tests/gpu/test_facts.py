"""The stand-in for CuPy behaves as CuPy is known to (facts.json). No GPU code is executed."""

from __future__ import annotations

import pytest

from .facts import EXPRESSIONS, known, outcome
from .stand_in import two_gpus


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_the_stand_in_behaves_as_cupy_does(what: str) -> None:
    with two_gpus() as cupy:
        assert outcome(EXPRESSIONS[what], cupy) == known()["facts"][what]


def test_every_fact_is_known_and_its_source_named() -> None:
    assert set(known()["facts"]) == set(EXPRESSIONS)
    assert known()["source"]
