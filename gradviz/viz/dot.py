"""make_dot: the autograd graph as a `graphviz.Digraph` with torchviz's contents, shown by our own renderer.

`.source`, `.render()` and `.pipe()` are Graphviz's and need the `dot` program; looking at the object needs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from gradviz.viz.layout import layout
from gradviz.viz.measure import clip, escape, width
from gradviz.viz.svg import data_uri, to_svg
from gradviz.viz.theme import SIZES as S
from gradviz.viz.walk import Thing, Walk

COLOURS = {"leaf": "lightblue", "saved": "orange", "output": "darkolivegreen1", "base": "darkolivegreen3"}
TIME_LIMIT = 60.0  # seconds `dot` may take
MOST = 2000  # boxes our own renderer shows


@functools.cache
def _dot_class() -> type[Any]:
    """The Digraph subclass, made when it is first needed: `import gradviz` does not import graphviz."""
    try:
        import graphviz
    except ImportError as error:
        raise ImportError("make_dot needs the graphviz package: pip install 'gradviz[lab]'") from error

    class Dot(graphviz.Digraph):  # type: ignore[misc]
        """A Digraph that shows itself without the `dot` program, and runs `dot` with a time limit."""

        walk: Walk
        time_limit = TIME_LIMIT

        def __repr__(self) -> str:
            return f"Dot({len(self.walk.things)} nodes, {len(self.walk.arrows)} arrows)"

        def to_svg(self) -> str:
            """The graph drawn by gradviz."""
            return to_svg(_scene(self.walk))

        def to_html(self) -> str:
            """The picture as an image that also shows in untrusted notebooks."""
            return f'<img src="{data_uri(self.to_svg())}" alt="{escape(repr(self))}" style="max-width:100%">'

        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, str]:
            return {"text/plain": repr(self), "text/html": self.to_html()}

        def _run(self, engine: str | None, kind: str, neato_no_op: Any) -> bytes:
            import subprocess

            command = [engine or self.engine, f"-T{kind}"] + ([f"-n{int(neato_no_op)}"] if neato_no_op else [])
            try:
                done = subprocess.run(command, input=self.source.encode(), capture_output=True, timeout=self.time_limit)
            except FileNotFoundError as error:
                raise graphviz.ExecutableNotFound(command) from error
            except subprocess.TimeoutExpired as error:
                raise TimeoutError(
                    f"{command[0]} took more than {self.time_limit:g} s on {self!r}; "
                    "set .time_limit higher, or use .to_svg(), which needs no Graphviz"
                ) from error
            if done.returncode:
                raise graphviz.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
            data: bytes = done.stdout
            return data

        def pipe(
            self, format: str | None = None, renderer: str | None = None, formatter: str | None = None,
            neato_no_op: bool | int | None = None, quiet: bool = False, *, engine: str | None = None,
            encoding: str | None = None,
        ) -> Any:  # fmt: skip
            """What `dot` makes of the graph, as bytes, or as text with `encoding`."""
            kind = ":".join(t for t in (format or self.format, renderer, formatter) if t)
            data = self._run(engine, kind, neato_no_op)
            return data if encoding is None else data.decode(encoding)

        def render(
            self, filename: Any = None, directory: Any = None, view: bool = False, cleanup: bool = False,
            format: str | None = None, renderer: str | None = None, formatter: str | None = None,
            neato_no_op: bool | int | None = None, quiet: bool = False, quiet_view: bool = False, *,
            outfile: Any = None, engine: str | None = None, raise_if_result_exists: bool = False,
            overwrite_source: bool = False,
        ) -> str:  # fmt: skip
            """Save the source and what `dot` makes of it; returns the path of the picture."""
            from pathlib import Path

            if outfile is not None:
                path = Path(outfile)
                kind = format or path.suffix.lstrip(".").lower() or self.format
                source = path.with_suffix(".gv")
            else:
                kind = format or self.format
                source = Path(directory or self.directory or "", filename or self.filename)
                path = source.with_name(".".join(t for t in (source.name, renderer, formatter, kind) if t))
            if raise_if_result_exists and path.exists():
                raise graphviz.FileExistsError(f"output file exists: {str(path)!r}")
            picture: bytes = self.pipe(kind, renderer, formatter, neato_no_op, engine=engine)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not cleanup:
                source.write_text(self.source, encoding="utf-8")
            path.write_bytes(picture)
            if view or quiet_view:
                self._view(str(path), format=kind, quiet=quiet_view)
            return str(path)

    return Dot


def make_dot(
    var: Any,
    params: Mapping[str, Any] | None = None,
    show_attrs: bool = False,
    show_saved: bool = False,
    max_attr_chars: int = 50,
) -> Any:
    """The autograd graph that made `var` (a tensor or several), like torchviz's make_dot.

    Grey boxes are backward functions, light blue leaves, green the result, orange saved tensors (`show_saved`);
    `params` maps names to tensors, `show_attrs` lists what each function keeps. Our tensors and PyTorch's both work.
    """
    made = _dot_class()
    import graphviz

    walk = Walk(params, show_attrs, show_saved, max_attr_chars)
    for one in var if isinstance(var, list | tuple) else [var]:
        walk.tensor(one)
    shared = {
        "style": "filled", "shape": "box", "align": "left", "fontsize": "10", "ranksep": "0.1", "height": "0.2",
        "fontname": "monospace",
    }  # fmt: skip
    dot = made(node_attr=shared, graph_attr={"size": "12,12"})
    dot.walk = walk
    for n, thing in enumerate(walk.things):
        colour = {"fillcolor": COLOURS[thing.kind]} if thing.kind in COLOURS else {}
        dot.node(str(n), graphviz.escape(_label(thing)), **colour)
    for arrow in walk.arrows:
        style = {"none": {"dir": "none"}, "dotted": {"style": "dotted"}, "": {}}[arrow.style]
        dot.edge(str(arrow.start), str(arrow.end), **style)
    side = max(12.0, 0.15 * len(dot.body))
    dot.graph_attr.update(size=f"{side:g},{side:g}")
    return dot


def _label(thing: Thing) -> str:
    if thing.kind == "fn":
        name, *rows = thing.lines
        return "\n".join([name, "-" * max(len(name), *map(len, rows)), *rows]) if rows else name
    name, size = thing.lines
    return f"{name}\n {size}"


def _scene(walk: Walk) -> dict[str, Any]:
    """The walk as a scene for our renderer; only the first MOST boxes of a larger graph."""
    kinds = {"fn": "op", "leaf": "leaf", "saved": "saved", "output": "output", "base": "output"}
    things = walk.things[:MOST]
    arrows = [a for a in walk.arrows if a.start < len(things) and a.end < len(things)]
    titles, subs, sizes = [], [], []
    for thing in things:
        first = thing.lines[0] or thing.lines[1]
        second = "" if thing.kind == "fn" or not thing.lines[0] else thing.lines[1]
        titles.append(clip(first, 220, S["title"]))
        subs.append(clip(second, 120, S["small"], mono=True))
        wide = width(titles[-1], S["title"]) * 1.2 + (width(subs[-1], S["small"], mono=True) + 12 if subs[-1] else 0)
        sizes.append((int(wide + 2 * S["side"] + 1.5) // 2 * 2, 30.0))
    # what a function kept stands before it, as if it were an input: the lines have no heads, and loops cannot arise
    edges = [(a.end, a.start) if a.style == "none" and things[a.start].kind == "fn" else a[:2] for a in arrows]
    placed = layout(sizes, edges, direction="tb", gap=34, beside=16)
    nodes: list[dict[str, Any]] = []
    for i, (thing, title, sub, (w, h)) in enumerate(zip(things, titles, subs, sizes, strict=True)):
        node = {"id": i, "n": None, "kind": kinds[thing.kind], "x": placed.x[i] - w / 2, "y": placed.y[i] - h / 2}
        full = thing.lines[0] or thing.lines[1]
        tip = " | ".join([full, *thing.lines[1:]] if thing.kind == "fn" and len(thing.lines) > 1 else [full])
        nodes.append({**node, "w": w, "h": h, "title": title, "sub": sub} | ({"tip": tip} if tip != title else {}))
    return {
        "format": "gradviz.scene/1", "width": placed.width, "height": placed.height, "direction": "tb", "rows": [],
        "nodes": nodes, "groups": [], "title": "", "record": None,
        "edges": [
            {"from": a, "to": b, "points": [list(p) for p in route], "plain": arrow.style != ""}
            for (a, b), route, arrow in zip(edges, placed.routes, arrows, strict=True)
        ],
        "note": f"the first {MOST:,} of {len(walk.things):,} nodes" if len(walk.things) > MOST else "",
    }  # fmt: skip
