"""Comparing numbers by name: exact, approximate or off, by how much, and which one is the first that is off."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gradviz.teach.check import Unfinished, Verdict, Wrong, first_line

NEAR = 1e-5  # relative: what single precision and rounding may differ by


def close(a: float, b: float, rel: float = 1e-4) -> bool:
    """The same number, up to rounding."""
    return math.isclose(a, b, rel_tol=rel, abs_tol=rel * 1e-2)


def attempt(answer: Any, *arguments: Any, **settings: Any) -> Any:
    """Call the learner's function; that it is none, and an error of theirs, are named, not thrown."""
    if not callable(answer):
        raise Wrong(f"That is a {type(answer).__name__}, not a function.")
    try:
        return answer(*arguments, **settings)
    except Exception as error:
        raise Wrong(f"It raised {type(error).__name__}: {first_line(error)}") from error


def number(answer: Any, name: str) -> float:
    """The answer as one float: a number, or a tensor or array that holds exactly one."""
    found = numbers(answer, name)
    if len(found) != 1:
        raise Wrong(f"`{name}` should be one number; it holds {len(found)}.")
    return found[0]


def numbers(answer: Any, name: str) -> list[float]:
    """The answer as a flat list of floats."""
    if answer is ...:
        raise Unfinished(f"Still to do: `{name}`.")
    if callable(getattr(answer, "tolist", None)):
        answer = answer.tolist()
    if isinstance(answer, list | tuple):
        return [value for part in answer for value in numbers(part, name)]
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        kind = "None" if answer is None else f"a {type(answer).__name__}"
        raise Wrong(f"`{name}` should be a number; it is {kind}.")
    return [float(answer)]


def compare(answer: Any, reference: Mapping[str, Any], what: Mapping[str, str]) -> Verdict:
    """Compare name by name with the reference; `what` says, for each name, what it is."""
    if not isinstance(answer, Mapping):
        raise Wrong(
            f"Hand in all names together: `dict({', '.join(f'{name}=...' for name in list(reference)[:2])}, ...)`."
        )
    rows: list[tuple[str, str, str]] = [("name", "result", "max difference")]
    first = ""
    todo = [name for name in reference if answer.get(name, ...) is ...]
    for name, want in reference.items():
        if name in todo:
            rows.append((name, "still to do", ""))
            continue
        result, difference = against(numbers(answer[name], name), numbers(want, name))
        rows.append((name, result, f"{difference:.2g}"))
        if result == "off" and not first:
            first = name
    if first:
        later = " What comes after it may be off for that reason only." if first != list(reference)[-1] else ""
        return Verdict("wrong", f"The first one that is off is `{first}`: {what[first]}.{later}", rows)
    if todo:
        return Verdict("open", f"Right so far. Still to do: {', '.join(f'`{name}`' for name in todo)}.", rows)
    return Verdict("right", "Every name agrees with the engine.", rows)


def against(mine: list[float], want: list[float]) -> tuple[str, float]:
    """``exact``, ``approximate`` or ``off``, and the largest difference."""
    if len(mine) != len(want):
        return "off", math.inf
    difference = max((abs(a - b) for a, b in zip(mine, want, strict=True)), default=0.0)
    if difference == 0:
        return "exact", 0.0
    near = all(math.isclose(a, b, rel_tol=NEAR, abs_tol=1e-9) for a, b in zip(mine, want, strict=True))
    return ("approximate" if near else "off"), difference
