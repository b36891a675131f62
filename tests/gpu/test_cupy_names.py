"""The stand-in device knows only what CuPy knows: its tables against the real CuPy wheel. No GPU is needed."""

import inspect
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict_device import ELEMENTWISE, PLAIN, SIGNATURES

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install cupy-cuda12x (no GPU is needed for this)")
FUNCTIONS = dict(re.findall(r"(\w+)\(([^)]*)\)", SIGNATURES))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_function_and_its_keywords(name: str) -> None:
    function = getattr(cupy, name)
    wanted = [p.strip() for p in FUNCTIONS[name].split(",")]
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return  # a ufunc or a built-in: its name is all there is to check
    if {p.kind for p in parameters.values()} & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
        return
    missing = [p for p in wanted[1:] if p not in parameters]
    assert not missing, f"cupy.{name}{inspect.signature(function)} has no {missing}"


@pytest.mark.parametrize("name", sorted({*ELEMENTWISE, *PLAIN}))
def test_name(name: str) -> None:
    assert hasattr(cupy, name)
