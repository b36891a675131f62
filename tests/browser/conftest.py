"""One JupyterLab and one Chromium for the session; a tab for each test.

A test fails on any console error and on any request to an outside host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradviz.cli import probes
from tests.browser.lab import CHROMIUM_FLAGS, Page, Server, View

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's Chromium, started once."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser tests")
    binary = probes.chromium()
    if binary is None:
        pytest.skip("no Chromium found: no browser tests")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=binary, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The session's JupyterLab, on an empty folder of its own."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed: no browser tests")
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Page]:
    """A fresh browser tab without a server; the test fails if the console or the network saw anything wrong."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = Page(context.new_page())
    yield page
    page.close()
    context.close()
    assert page.problems == []


@pytest.fixture
def page(tab: Page, lab: Server) -> Iterator[Page]:
    """A fresh tab on the session's JupyterLab; its kernels end with the test."""
    tab.server = lab
    yield tab
    lab.stop_kernels()


@pytest.fixture
def show(tab: Page, tmp_path: Path) -> Callable[..., View]:
    """Put pieces of HTML (each a view's `to_html()`) on a plain page from a file and wait for the first view."""

    def open_page(*pieces: str, width: int = 1280, scheme: str = "light") -> View:
        file = tmp_path / "page.html"
        head = (
            "<!doctype html><meta charset='utf-8'><body style='margin:12px;background:Canvas;color-scheme:light dark'>"
        )
        file.write_text(head + "".join(pieces), encoding="utf-8")
        tab.tab.set_viewport_size({"width": width, "height": 900})
        tab.tab.emulate_media(color_scheme=scheme)
        tab.tab.goto(file.as_uri())
        return tab.ready()

    return open_page
