"""The picture of the goals: it shows the numbers of the table, and what is missed lies over its goal."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.chart import WIDTH, chart, rows, x

SVG = "{http://www.w3.org/2000/svg}"
TABLE = """\
| work | size | goal | gradviz, 1 thread | / torch | gradviz, 2 threads | / torch | accelerated | memory | / torch |
|---|---|---|---|---|---|---|---|---|---|
| a < b & c, a step | 8 | ≤ 0.9 | 3 s | 0.50 (0.4 - 0.6) | 4 s | **0.95** (0.9 - 1) † | 0.30 · 0.40 | 1 MB | 3 |
| no goal | 8 |  | 3 µs | 0.50 (0.40 - 0.60) | 4 µs | 0.95 (0.90 - 1.00) |  | 1 MB | 3 |
| threads alone | 8 | ≤ 2 |  |  | 4 µs | **70.5** (60.0 - 80.0) |  | 1 MB | 3 |
"""


def circles(svg: str) -> list[tuple[str, float]]:
    """The class and the place of every one."""
    found = ET.fromstring(svg).iter(SVG + "circle")
    return [(it.attrib["class"], float(it.attrib["cx"])) for it in found][2:]  # after those of the legend


def test_every_ratio_of_a_row_with_a_goal_is_in_its_place() -> None:
    first, last = rows(TABLE)
    assert first == ("a < b & c, 8", 0.9, (0.5, 0.95), (0.3, 0.4))
    assert last == ("threads alone, 8", 2.0, (None, 70.5), ())
    svg = chart(TABLE)
    assert circles(svg) == [
        ("plain one", x(0.5)),
        ("missed more", x(0.95)),
        ("missed more", x(70.5)),
    ]
    assert x(0.5) < x(0.9) < x(0.95) < x(70.5) < WIDTH
    assert f"M{x(0.3)} " in svg
    assert [it.text for it in ET.fromstring(svg).iter(SVG + "text")].count("a < b & c, 8") == 1


def test_the_committed_picture_is_that_of_the_table(repo: Path) -> None:
    table = (repo / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    assert (repo / "benchmarks/RESULTS.svg").read_text(encoding="utf-8") == chart(table)
