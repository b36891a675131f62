"""What momentum does on a bowl, from its rate, its momentum and the bowl's curvature: fates, factors, the best point.

On f = L x^2 / 2 a step of `SGD(lr=a, momentum=b)` multiplies the pair of velocity and error by one matrix,

    v <- b v + L x          (v)    (   b       L   ) (v)
    x <- x - a v            (x) <- ( -a b  1 - a L ) (x)

whose determinant is b and whose trace is T = 1 + b - a L. Its eigenvalues are the roots of s^2 - T s + b, and the
larger size of the two, the spectral radius, is the factor by which the error shrinks in each step in the long run.

Sources: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods" (1964); G. Goh, "Why Momentum
Really Works", Distill (2017). frontend/src/momentum.ts does the same, with the same roundings.
"""

from __future__ import annotations

import math
from typing import NamedTuple

FATES = ("creeps", "swings", "jumps", "diverges")
DOUBLE = 1e-12  # a discriminant as small as this is 0: the two eigenvalues are one


class Roots(NamedTuple):
    """The eigenvalues: `middle` plus and minus `half`, which is imaginary where `complex`."""

    middle: float
    half: float
    complex: bool

    @property
    def radius(self) -> float:
        """The larger size of the two."""
        return math.sqrt(self.middle**2 + self.half**2) if self.complex else abs(self.middle) + self.half

    def said(self, digits: int = 4) -> str:
        """`0.2 and 0.9`, `0.5 ± 0.3i`, or `0.8 twice`."""
        number = f".{digits}g"
        if self.complex:
            return f"{self.middle:{number}} ± {self.half:{number}}i"
        if not self.half:
            return f"{self.middle:{number}} twice"
        return f"{self.middle - self.half:{number}} and {self.middle + self.half:{number}}"


def roots(push: float, beta: float) -> Roots:
    """The eigenvalues where the rate times the curvature is `push`."""
    trace = 1 + beta - push
    inside = trace * trace - 4 * beta
    if abs(inside) < DOUBLE:
        inside = 0.0
    return Roots(trace / 2, math.sqrt(abs(inside)) / 2, inside < 0)


def fate(push: float, beta: float) -> str:
    """One of `FATES`: the eigenvalues are positive, complex, negative; or one is below -1."""
    found = roots(push, beta)
    if push > 2 * (1 + beta):
        return "diverges"
    if found.complex:
        return "swings"
    return "creeps" if found.middle >= 0 else "jumps"


def factor(lr: float, beta: float, curvatures: tuple[float, float]) -> float:
    """The convergence factor on a bowl with two curvatures: that of the slower direction."""
    return max(roots(lr * curvature, beta).radius for curvature in curvatures)


def best(curvatures: tuple[float, float]) -> tuple[float, float]:
    """Polyak's rate and momentum for two curvatures: no other pair has a smaller factor."""
    low, high = (math.sqrt(curvature) for curvature in curvatures)
    return (2 / (low + high)) ** 2, ((high - low) / (high + low)) ** 2


def best_plain(curvatures: tuple[float, float]) -> float:
    """The best rate without momentum."""
    return 2 / (curvatures[0] + curvatures[1])


def border(beta: float, sign: int) -> float:
    """Rate times curvature where swinging begins (sign -1) or ends (sign 1)."""
    return (1 + sign * math.sqrt(beta)) ** 2


def contour(radius: float, curvatures: tuple[float, float]) -> list[tuple[float, float]]:
    """The corners (rate, momentum) of the region where the factor is at most `radius`; none where it is nowhere.

    For one curvature L it is the quadrilateral with corners (1-r, 0), ((1-r)^2, r^2), ((1+r)^2, r^2), (1+r, 0), rates
    divided by L: on its slanted sides a real eigenvalue is r or -r, on its upper side both are complex of size r. For
    two curvatures it is what the two have in common: the left side of the flat one and the right side of the steep one.
    """
    r, (flat, steep) = radius, curvatures
    left = ((1 - r) / flat, (1 - r) ** 2 / flat)  # at the bottom, at the top
    right = ((1 + r) / steep, (1 + r) ** 2 / steep)
    if left[1] > right[1] * (1 + DOUBLE):
        return []
    if left[0] <= right[0]:
        return [(left[0], 0.0), (left[1], r * r), (right[1], r * r), (right[0], 0.0)]
    gap = (left[0] - right[0], left[1] - right[1])  # they cross on the way up
    up = gap[0] / (gap[0] - gap[1])
    return [(left[0] + up * (left[1] - left[0]), up * r * r), (left[1], r * r), (right[1], r * r)]
