"""The palette: readable, the same in Python and in the browser, told apart by readers who see fewer colours."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from gradviz.viz.theme import SERIES, THEMES, contrast

KIT = (Path(__file__).resolve().parents[2] / "frontend" / "src" / "style.ts").read_text("utf-8")
NAMES = {
    "card": "node", "ground": "panel", "ink": "ink", "muted": "soft", "line": "line", "edge": "edge", "forward": "fwd",
    "forward-soft": "fwd-bg", "backward": "bwd", "backward-soft": "bwd-bg", "group": "upd", "group-soft": "upd-bg",
    "leaf": "leaf", "leaf-soft": "leaf-bg", "bad": "bad", "bad-soft": "bad-bg",
}  # fmt: skip
# How colours look without one kind of cone, on linear RGB: Machado, Oliveira, Fernandes (2009), severity 1.
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
PAIRS = [("forward", "backward"), ("backward", "leaf"), ("forward", "leaf"), ("forward", "bad")]  # sign, and states


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    t = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(a: str, b: str, kind: str | None = None) -> float:
    """The distance of two colours (CIE76), as somebody sees them."""
    seen = np.eye(3) if kind is None else np.array(BLIND[kind])
    return float(np.linalg.norm(lab(seen @ linear(a)) - lab(seen @ linear(b))))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", [None, *BLIND])
def test_sign_and_state_stay_apart(theme: str, kind: str | None) -> None:
    colours = THEMES[theme]
    pairs = PAIRS[:1] if kind == "tritanopia" else PAIRS  # blue and green are near then: a leaf's mark is a square
    assert {pair: d for pair in pairs if (d := apart(colours[pair[0]], colours[pair[1]], kind)) < 20} == {}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", [None, "protanopia", "deuteranopia"])
def test_the_first_lines_of_a_plot_stay_apart(theme: str, kind: str | None) -> None:
    first = SERIES[theme][:3]
    assert min(apart(a, b, kind) for a, b in itertools.combinations(first, 2)) >= 15
    assert min(apart(a, b) for a, b in itertools.combinations(SERIES[theme], 2)) >= 20


@pytest.mark.parametrize("theme", THEMES)
def test_lines_can_be_seen(theme: str) -> None:
    for colour in SERIES[theme]:
        assert min(contrast(colour, THEMES[theme][ground]) for ground in ("card", "ground")) >= 4.5


def test_distances_are_those_of_known_colours() -> None:
    assert apart("#ffffff", "#000000") == pytest.approx(100, abs=0.1)
    assert apart("#ff0000", "#ff0000") == 0
    assert apart("#ff0000", "#00a000", "deuteranopia") < 0.6 * apart("#ff0000", "#00a000")


@pytest.mark.parametrize("theme", THEMES)
def test_the_browser_has_the_same_colours(theme: str) -> None:
    light, dark = KIT.split(":host([data-theme=dark])")
    css = {"light": light, "dark": dark}[theme]
    found = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})[;}]", css))
    found = {
        name: "#" + "".join(c * 2 for c in value[1:]) if len(value) == 4 else value for name, value in found.items()
    }
    for name, variable in NAMES.items():
        assert found[variable] == THEMES[theme][name], f"{name} / --{variable}"
    assert tuple(found[f"s{i}"] for i in range(6)) == SERIES[theme]
