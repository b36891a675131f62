"""What a learner reads of an operation is mathematics: no words of the library's own, and none missing."""

from __future__ import annotations

import re

import pytest

import gradviz
from gradviz.core.formula import SPOKEN, formulas
from gradviz.core.op import OPS

CODE = re.compile(
    r"\bxp\b|\bF\.|\bsp\.|lambda|\bself\b|(?<!\w)_\w|place\.|astype|dtype|axis=|keepdim|0x|[{}]|_cpu|only\("
)


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_formula_is_mathematics(name: str) -> None:
    forward, rules = formulas(OPS[name])
    assert set(rules) == set(OPS[name].rules)
    for text in (forward, *rules.values()):
        assert text
        assert not CODE.search(text), text
        assert "the gradient of" not in text, text
        assert text.count("(") == text.count(")"), text
        assert len(text) <= 90, text


def test_no_text_is_left_over() -> None:
    assert not set(SPOKEN) - set(OPS)
    assert not {name for name in SPOKEN if len(SPOKEN[name]) - 1 > len(OPS[name].inputs)}


def test_text_is_read_from_what_is_executed() -> None:
    assert formulas(OPS["mul"]) == ("a * b", {"a": "g * b", "b": "g * a"})
    assert formulas(OPS["div"])[0] == "a / b"
    assert "mul" not in SPOKEN


def test_a_function_of_ones_own_is_called_by_its_name() -> None:
    class Double(gradviz.autograd.Function):
        @staticmethod
        def forward(_ctx, x):
            return x * 2

        @staticmethod
        def backward(_ctx, g):
            return g * 2

    assert formulas(Double) == ("Double(x)", {})
