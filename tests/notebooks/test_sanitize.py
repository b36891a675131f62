"""What nbval leaves out of a comparison: the packed programs of the views, and nothing that a learner reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper, replay

CONFIG = Path(__file__).with_name("sanitize.cfg").read_text(encoding="utf-8")


def sanitized(text: str) -> str:
    """As nbval reads the file: every `regex:` with the `replace:` after it, in order."""
    regex, replace = (re.findall(f"^{word}: (.*)$", CONFIG, flags=re.MULTILINE) for word in ("regex", "replace"))
    assert len(regex) == len(replace) > 0
    for pattern, token in zip(regex, replace, strict=True):
        text = re.sub(pattern, token, text)
    return text


def html(value: float = 3.0) -> str:
    x = torch.tensor(value, requires_grad=True)
    y = x * x
    return BackpropStepper(y).to_html()


def test_a_new_viewer_is_not_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    before = html()
    original = replay.script
    monkeypatch.setattr(replay, "script", lambda name: original(name) + "\n/* edited */\n")
    replay.runtime.cache_clear()
    after = html()
    replay.runtime.cache_clear()
    assert before != after
    assert sanitized(before) == sanitized(after)


def test_the_packed_programs_are_gone() -> None:
    text = sanitized(html())
    assert text.count("PACKED") == 2
    assert text.count("PROGRAM") == 1
    assert len(text) < len(html()) / 2


def test_another_number_is_a_difference() -> None:
    assert sanitized(html(3.0)) != sanitized(html(3.001))


@pytest.mark.parametrize("text", ["x.grad = 6", "<td>1 × 3 = 3</td>", '<img alt="graph of 1 operation, 1 leaf">'])
def test_what_is_read_stays(text: str) -> None:
    assert sanitized(text) == text
