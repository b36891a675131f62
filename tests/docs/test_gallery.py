"""The gallery's pages: real runs, the same bytes each time, small, and free of addresses."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent.parent
GALLERY = REPO / "docs" / "gallery"
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink"}


def build(folder: Path, seed: str) -> dict[str, str]:
    """All pages, made in a fresh process."""
    env = {**os.environ, "PYTHONHASHSEED": seed, "GRADVIZ_HEADLESS": "1"}
    command = [sys.executable, str(GALLERY / "make.py"), str(folder)]
    done = subprocess.run(command, env=env, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build(tmp_path_factory.mktemp("gallery"), "0")


def test_the_bytes_are_the_same_under_any_hash_seed(site: dict[str, str], tmp_path: Path) -> None:
    again = build(tmp_path, "12345")
    assert sorted(again) == sorted(site)
    assert [name for name in site if again[name] != site[name]] == []


def test_every_view_has_a_page(site: dict[str, str]) -> None:
    from gradviz import widgets

    bases = {"View", "LiveView", "SelfTest", "LiveStepper"}  # the last is the stepper's picture, driven by a kernel
    views = {
        name for name, it in vars(widgets).items()
        if isinstance(it, type) and issubclass(it, widgets.View) and name not in bases
    }  # fmt: skip
    shown = {name for page in site.values() for name in re.findall(r"<h1>(\w+)", page)}
    assert views - shown == set()


def test_pages_are_small_and_fetch_nothing(site: dict[str, str]) -> None:
    for name, text in site.items():
        assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)<]*", text)) <= NAMESPACES, name
        assert "0x7f" not in text
        if name != "index.html":
            assert len(text) < 200_000, name


def test_the_still_pictures_are_well_formed(site: dict[str, str]) -> None:
    for name, text in site.items():
        for packed in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', text):
            root = ET.fromstring(base64.b64decode(packed))
            assert root.tag.endswith("svg"), name
            assert not [e for e in root.iter() if e.tag.rpartition("}")[2] in ("script", "foreignObject")], name


def test_the_committed_pages_are_made_with_the_current_views(site: dict[str, str]) -> None:
    """After a change of the front end: `python docs/gallery/make.py`. Their numbers may differ in the last digit."""
    import zlib

    from gradviz.widgets.replay import STATIC, script

    current = sorted((script(file.stem) for file in STATIC.glob("*.js")), key=len, reverse=True)
    committed = {path.name: path.read_text("utf-8") for path in (GALLERY / "site").iterdir()}
    assert sorted(committed) == sorted(site)
    for name, text in committed.items():
        for packed in re.findall(r'data-gv-runtime="">([^<]*)</script>', text):
            code = zlib.decompress(base64.b64decode(packed)).decode()
            for known in current:
                code = code.replace(known, "")
            assert code.strip() == "", f"{name} shows a view that is not what frontend/ builds now"
