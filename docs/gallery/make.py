"""The gallery: `python docs/gallery/make.py [folder] [name ...]` runs the pages and writes a page for each view.

Every page is one HTML file that needs no kernel, no network and no other file: open it, step, drag. What it shows comes
from a real run of the code printed under it.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STYLE = (HERE / "style.css").read_text("utf-8")
sys.path.insert(0, str(HERE))

from gallery_pages import PAGES  # noqa: E402  (it lies beside this file)


def title_of(make: Callable[[], Any]) -> tuple[str, str]:
    """The view's name and what it shows: the first line of the function's docstring, and the rest."""
    name, _, text = inspect.getdoc(make).partition("\n")  # type: ignore[union-attr]
    return name.strip(), " ".join(text.split())


def code_of(make: Callable[[], Any]) -> str:
    """The lines that made the view, as a learner would write them in cells."""
    lines = inspect.getsource(make).splitlines()
    end = max(i for i, line in enumerate(lines) if line.strip().endswith('"""'))
    body = textwrap.dedent("\n".join(lines[end + 1 :]))
    before, _, after = body.rpartition("return ")
    known = make.__globals__
    helpers = [known[name] for name in make.__code__.co_names if name in known]
    shown = [inspect.getsource(helper) for helper in helpers if inspect.isfunction(helper)]
    return "\n\n".join(["import gradviz as torch", *shown, f"{before}{after}"]).replace("  # fmt: skip", "")


def page(head: str, body: str) -> str:
    """A whole HTML file."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(head)} · gradviz</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def write(folder: Path, names: list[str]) -> list[Path]:
    """Run and write the pages asked for (all without names), and the index of all."""
    from gradviz.viz.svg import data_uri

    folder.mkdir(parents=True, exist_ok=True)
    written, cards = [], []
    makers = {make.__name__: make for make in PAGES}
    for i, (name, make) in enumerate(makers.items()):
        head, text = title_of(make)
        file = folder / f"{name}.html"
        if names and name not in names and file.exists():
            continue
        view = make()
        order = list(makers)
        links = [(order[i - 1], "←"), ("index", "Gallery"), (order[(i + 1) % len(order)], "→")]
        nav = "".join(f'<a href="{target}.html">{escape(label)}</a>' for target, label in links)
        file.write_text(
            page(
                head,
                f"<nav>{nav}</nav><h1>{escape(head)}</h1><p>{escape(text)}</p>{view.to_html()}"
                f"<h2>The code</h2><pre><code>{escape(code_of(make))}</code></pre>",
            ),
            encoding="utf-8",
        )
        written.append(file)
        cards.append(
            f'<li><a href="{name}.html"><img alt="" src="{data_uri(still(view))}">'
            f"<b>{escape(head)}</b><span>{escape(text)}</span></a></li>"
        )
        print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)
    if not names:
        body = (
            "<h1>The views of gradviz</h1><p>Each page is one file: it steps, drags and plays without a kernel and "
            f"without a network, and every number in it comes from the run shown under it.</p><ul>{''.join(cards)}</ul>"
        )
        index = folder / "index.html"
        index.write_text(page("The views", body), encoding="utf-8")
        written.append(index)
    return written


def still(view: Any) -> str:
    """The view's picture, not animated where it can be asked for."""
    try:
        return str(view.to_svg(animated=False))
    except TypeError:
        return str(view.to_svg())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "site", sys.argv[2:])
