"""Polynomials and their ratios, by Horner's rule: how functions without a formula are approximated."""

from __future__ import annotations

from typing import Any

Coefficients = tuple[float, ...]


def polynomial(x: Any, coefficients: Coefficients) -> Any:
    """`coefficients[0] * x**n + ... + coefficients[n]`, in one new array."""
    first, *rest = coefficients
    total = x * (first if rest else 0)
    total += rest[0] if rest else first
    for c in rest[1:]:
        total *= x
        total += c
    return total


def ratio(x: Any, top_and_bottom: tuple[Coefficients, Coefficients]) -> Any:
    """One polynomial over another, the highest power first."""
    top, bottom = (polynomial(x, coefficients) for coefficients in top_and_bottom)
    top /= bottom
    return top
