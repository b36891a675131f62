"""`SelfTest`: the same picture on every machine, lights only after a press, a broken probe is a light and no crash."""

from __future__ import annotations

from typing import Any

import pytest

from gradviz.widgets import SelfTest, selftest
from gradviz.widgets.selftest import Light, look


def test_the_unlit_row_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    before = SelfTest()
    monkeypatch.setattr(selftest.shutil, "which", lambda name: None)
    monkeypatch.setenv("GRADVIZ_DATA", "/nowhere")
    after = SelfTest()
    after.press(after.nonce)
    assert (before.to_text(), before.to_html()) == (after.to_text(), after.to_html())
    assert str(after.nonce) not in after.to_html() or after.nonce < 100


def test_a_press_lights_every_light() -> None:
    test = SelfTest()
    assert (test.pressed, test.lights) == (False, [])
    lights = test.press(test.nonce)
    assert [light.name for light in lights] == list(selftest.WHAT)
    assert {light.state for light in lights} <= {"ok", "extra"}
    assert all(light.fix for light in lights if light.state != "ok")


def test_a_wrong_echo_is_broken() -> None:
    test = SelfTest()
    trip = test.press(test.nonce + 1)[1]
    assert (trip.name, trip.state) == ("round trip", "broken")
    assert not test.echoed


def test_a_probe_that_raises_is_a_red_light(monkeypatch: pytest.MonkeyPatch) -> None:
    def engine() -> Light:
        raise RuntimeError("no engine\nmore")

    monkeypatch.setattr(selftest, "LOOKS", (engine,))
    assert look() == [
        Light("engine", "broken", "RuntimeError: no engine", "Reinstall gradviz, then restart the kernel.")
    ]


def test_a_message_from_the_page() -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    test = SelfTest()
    widget: Any = selftest.live(test)
    widget._handle_custom_msg({"press": test.nonce}, [])
    assert test.echoed
    assert [light["name"] for light in widget.lights] == list(selftest.WHAT)
    widget._handle_custom_msg({"nonsense": 1}, [])
    assert widget.error.startswith("KeyError")


def test_the_bundle_has_text_and_html_with_and_without_anywidget(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = SelfTest()._repr_mimebundle_()
    assert {"text/plain", "text/html"} <= set(data)
    monkeypatch.setattr(selftest, "live", lambda test: None)
    data, _ = SelfTest()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
