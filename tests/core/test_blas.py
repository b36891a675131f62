"""What NumPy's OpenBLAS says of itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gradviz.core import blas

ASK = "from gradviz.core import blas; print(blas.is_wide())"


def test_a_function_that_it_has_not() -> None:
    assert blas.function("no_such_function") is None


def test_whether_small_matrices_are_multiplied_16_numbers_at_a_time() -> None:
    if blas.function("get_corename") is None:
        pytest.skip("NumPy multiplies by another library")
    said = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "OPENBLAS_CORETYPE": "Haswell"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False\n"


def test_without_openblas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "function", lambda name: None)
    assert blas.is_wide.__wrapped__() is False


@pytest.mark.parametrize(("name", "wide"), [(b"SkylakeX", True), (b"Cooperlake", True), (b"Zen", False)])
def test_by_the_name_of_the_processor(name: bytes, wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell() -> bytes:
        return name

    monkeypatch.setattr(blas, "function", {"get_corename": tell}.get)
    assert blas.is_wide.__wrapped__() is wide
