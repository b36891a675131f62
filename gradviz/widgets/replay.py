"""Replay: HTML that is a picture everywhere and a working view wherever scripts run, with no kernel and no network.

    <figure>  <img>      the animated picture as a data address: shows in untrusted notebooks and where scripts are off
              <details>  every step as a table
              <script>   three: the data, deflated; the view, deflated; a few lines that put it in the picture's place

The bytes depend on the content alone, so a notebook that runs twice is the same file. The two packed scripts carry the
attributes `data-gv-data` and `data-gv-runtime`, by which a comparison of notebooks can leave them out.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradviz.viz.measure import clean, escape

STATIC = Path(__file__).resolve().parent / "static"
ROWS = 60  # of the step table; a longer one keeps its two ends


@functools.cache
def script(name: str) -> str:
    """The text of `static/<name>.js`."""
    return (STATIC / f"{name}.js").read_text(encoding="utf-8").strip()


@functools.cache
def runtime(view: str, parts: tuple[str, ...] = ()) -> tuple[str, str]:
    """What must run before `view` can be shown, packed; and the hash of it."""
    text, version = runtime_text(view, parts)
    return pack(text), version


def runtime_text(view: str, parts: tuple[str, ...] = ()) -> tuple[str, str]:
    """The kit, the parts, the view, as one script; and the hash of it."""
    names = ("kit", *(_file("part", name) for name in parts), _file("view", view))
    text = "\n".join(script(name) for name in names)
    return text, hashlib.sha256(text.encode()).hexdigest()[:8]


def _file(kind: str, name: str) -> str:
    """Views are in `view-<name>.js`, parts of the viewer in `part-<name>.js`."""
    return name if name in ("viewer", "canvas") else f"{kind}-{name}"


def pack(text: str) -> str:
    """Deflated and in base64: what the browser's DecompressionStream reads."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def compact(data: Any) -> str:
    """JSON without blanks, ASCII only; NaN and infinity must have been spelled out."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def table_html(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text as a table; the first row is its head."""
    if not rows:
        return ""
    head, *body = rows
    if len(body) > ROWS:
        left_out = f"… {len(body) - ROWS} more"
        body = [*body[: ROWS // 2], [left_out, *[""] * (len(head) - 1)], *body[-ROWS // 2 :]]
    top = "".join(f'<th scope="col">{escape(clean(cell))}</th>' for cell in head)
    lines = ("".join(f"<td>{escape(clean(cell))}</td>" for cell in row) for row in body)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"


def replay_html(
    view: str,
    data: Any,
    svg: str,
    text: str,
    table: Sequence[Sequence[str]],
    *,
    caption: str = "Steps as a table",
    parts: tuple[str, ...] = (),
) -> str:
    """A picture that becomes the view `view` where scripts run.

    Args:
        view: the name of a module in `static/`, which registers itself under it.
        data: JSON-able; handed to the view as it is.
        svg: the picture; may animate itself by CSS.
        text: the text twin; its first line is the picture's alternative text.
        table: rows of text, the first one the head; shown under the picture.
        caption: what opens the table.
        parts: further modules in `static/` that this one needs.
    """
    body = compact(data)
    packed, version = runtime(view, parts)
    name = hashlib.sha256(f"{view}\0{body}\0{svg}".encode()).hexdigest()[:12]
    picture = base64.b64encode(svg.encode()).decode("ascii")
    alt = escape(clean((text.strip().splitlines() or [view])[0])[:300])
    return (
        f'<figure class="gradviz" data-gv="{name}" data-gv-view="{view}@{version}" style="margin:0">'
        f'<img src="data:image/svg+xml;base64,{picture}" alt="{alt}" style="max-width:100%;height:auto">'
        f"<details><summary>{escape(caption)}</summary>{table_html(table)}</details>"
        f'<script type="text/plain" data-gv-data="">{pack(body)}</script>'
        f'<script type="text/plain" data-gv-runtime="">{packed}</script>'
        f"<script>{script('replay')}</script></figure>"
    )
