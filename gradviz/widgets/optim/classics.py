"""Functions of two numbers on which optimisers are compared, with a start, bounds and their minima.

    OptimizerRace("rosenbrock", optimizers=[SGD, Adam], lr=0.01)

Sources: Jamil and Yang, "A literature survey of benchmark functions for global optimization problems", 2013; the cliff
is the shape of figure 8.3 in Goodfellow, Bengio and Courville, "Deep Learning", 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Place = tuple[float, float]


class Classic(NamedTuple):
    """A function with what is needed to show it."""

    fn: Callable[..., Any]
    start: Place
    bounds: tuple[Place, Place]
    minima: tuple[Place, ...]


def valley(x: Any, y: Any) -> Any:
    """A long quadratic valley: twenty times as curved across as along."""
    return 0.05 * x * x + y * y


def rosenbrock(x: Any, y: Any) -> Any:
    """A curved valley with a flat floor (Rosenbrock, 1960)."""
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def beale(x: Any, y: Any) -> Any:
    """Flat in the middle, steep at the corners (Beale, 1958)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def himmelblau(x: Any, y: Any) -> Any:
    """Four minima, all of the same depth (Himmelblau, 1972)."""
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2


def saddle(x: Any, y: Any) -> Any:
    """Downhill along y on both sides of a pass, with a floor in the end."""
    return 0.5 * x * x - 0.5 * y * y + 0.05 * y**4


def cliff(x: Any, y: Any) -> Any:
    """A gentle slope that ends at a steep wall: one gradient on the wall throws a walk far back."""
    import gradviz as torch

    return 0.15 * (x - 2.5) ** 2 + 0.1 * y * y + 3 * torch.sigmoid(12 * (1 - x))


def ravine(x: Any, y: Any) -> Any:
    """Waves across a slope: many small valleys on the way down (in the manner of Rastrigin, 1974)."""
    import gradviz as torch

    return 0.08 * (x * x + y * y) + 0.6 - 0.3 * (torch.cos(3 * x) + torch.cos(3 * y))


CLASSICS: dict[str, Classic] = {
    "valley": Classic(valley, (-8.0, 1.6), ((-10, 4), (-2.2, 2.2)), ((0, 0),)),
    "rosenbrock": Classic(rosenbrock, (-1.4, 1.2), ((-2, 2), (-0.8, 2.4)), ((1, 1),)),
    "beale": Classic(beale, (1.0, 1.6), ((-1.5, 4.2), (-1.8, 2.0)), ((3, 0.5),)),
    "himmelblau": Classic(
        himmelblau,
        (0.2, -0.4),
        ((-5.5, 5.5), (-5, 5)),
        ((3, 2), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)),
    ),
    "saddle": Classic(saddle, (-2.2, 0.02), ((-3, 3), (-3.4, 3.4)), ((0, 5**0.5), (0, -(5**0.5)))),
    "cliff": Classic(cliff, (-1.6, 1.2), ((-2.5, 5), (-2.2, 2.2)), ((2.5, 0),)),
    "ravine": Classic(ravine, (-3.4, 2.6), ((-4.4, 3.2), (-3.2, 3.6)), ((0, 0),)),
}
