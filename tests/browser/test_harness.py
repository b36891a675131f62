"""The harness itself, on a page without any view: if this fails, look here before looking at a widget."""

from __future__ import annotations

import pytest

from tests.browser.lab import Page

SCRIPTED = """from IPython.display import HTML
HTML('<div class="gradviz" id="v">view</div><script>'
     'document.getElementById("v").setAttribute("data-ready", "")</script><p>after</p>')"""


def test_runs_saves_and_reopens(page: Page) -> None:
    page.server.write("harness.ipynb", ["x = 41", SCRIPTED, "print(x + 1)"])
    page.open("harness.ipynb").run_all()
    page.ready()
    assert page.outputs(2) == [{"output_type": "stream", "name": "stdout", "text": "42\n"}]
    page.save()
    page.server.stop_kernels()

    page.open("harness.ipynb", kernel=False)
    page.ready()
    assert page.trusted()
    assert not page.has_kernel()
    assert page.server.kernels() == 0

    page.server.stranger("harness.ipynb", "stranger.ipynb")
    page.open("stranger.ipynb", kernel=False)
    assert not page.trusted()
    page.tab.get_by_text("after", exact=True).wait_for()
    assert page.views() == 0
    page.trust()
    page.ready()


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("console.error('a view broke')", "a view broke"),
        ("setTimeout(() => { throw new Error('thrown later') })", "thrown later"),
        ("fetch('https://example.org/x.js').catch(() => 0)", "outside host: https://example.org/x.js"),
    ],
    ids=["console", "uncaught", "network"],
)
def test_sees_what_goes_wrong(tab: Page, code: str, seen: str) -> None:
    tab.tab.goto("data:text/html,<p>page</p>")
    tab.tab.evaluate(f"() => {{ {code} }}")
    tab.tab.wait_for_timeout(300)
    assert any(seen in problem for problem in tab.problems), tab.problems
    tab.problems.clear()
