"""`GraphView`: the graph of any result, function or module, to look at, search and click through."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradviz.viz.dtypes import types_of
from gradviz.viz.scene import scene
from gradviz.viz.svg import to_svg
from gradviz.viz.text import to_text, told, written
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import embed
from gradviz.widgets.graph.source import data_of, recorded
from gradviz.widgets.replay import ROWS, replay_html

FOLDED = 120  # boxes of the picture when the whole graph would make the page too large
TOO_LARGE = "This graph is too large for a still picture: it is drawn where scripts may run."
SVG_LIMIT = 800  # boxes above which the viewer draws on a canvas (frontend/src/viewer.ts)
SECOND = 400  # boxes up to which another folding depth is kept for the C key


def allowed(nodes: int) -> int:
    """Bytes one output may have: 118 kB up to 200 nodes, growing to 496 kB at 1,600."""
    return 118_000 + 270 * max(0, min(nodes, 1600) - 200)


class GraphView(View):
    """The graph of a computation.

    Args:
        source: a tensor (its graph is walked back), a function or module (run now with `inputs`), or the tape of
            ``with torch.record() as tape:``.
        inputs: what `source` is called with.
        title: shown above the graph.
        depth: how deep modules are unfolded; None shows everything, 0 one box for each outermost call.
        params: what tensors are called, ``dict(net.named_parameters())`` as torchviz's make_dot takes it.

    A loss, a function or a module of PyTorch is taken too, where PyTorch is loaded (gradviz/widgets/pytorch).
    """

    backward = False
    gradient: Any = None  # what a backward pass starts with

    def __init__(
        self,
        source: Any,
        *inputs: Any,
        title: str | None = None,
        depth: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.recording = recorded(source, inputs, backward=self.backward, params=params, gradient=self.gradient)
        self.record: Mapping[str, Any] = data_of(self.recording, title)
        self.title = title or ""
        self.depth = depth

    @functools.cached_property
    def scenes(self) -> list[dict[str, Any]]:
        """The picture at the depth asked for and, where modules can fold and it is not too large, at another depth."""
        shown = scene(self.record, depth=self.depth)
        if len(shown["nodes"]) > SECOND or not any(node["path"] for node in self.record["nodes"]):
            return [shown]
        for depth in (2, 1, 0) if self.depth is None else (None,):
            other = scene(self.record, depth=depth)
            fewer, more = sorted([len(shown["nodes"]), len(other["nodes"])])
            if fewer < 0.8 * more and more <= SECOND:
                return [shown, other]
        return [shown]

    def to_svg(self, *, animated: bool = True, theme: str = "light") -> str:
        return to_svg(self.marked(self.scenes[0]), animated=animated, theme=theme)

    def marked(self, scene: dict[str, Any]) -> dict[str, Any]:
        """A scene for the still picture, with the marks that the parts of the viewer put on its boxes."""
        return scene

    def to_text(self) -> str:
        return to_text(self.record)

    def to_json(self) -> dict[str, Any]:
        return self.scenes[0]

    def table(self) -> list[list[str]]:
        """The steps as rows of text, under a head."""
        steps = list(enumerate(told(self.record), 1))
        more = len(steps) - ROWS
        if more > 0:
            steps = [*steps[: ROWS // 2], *steps[1 - ROWS // 2 :]]
        texts = written(self.record, [step for _, step in steps])
        rows = [[str(i), text] for (i, _), text in zip(steps, texts, strict=True)]
        if more > 0:
            rows.insert(ROWS // 2, [f"… {more + 1} more", ""])
        return [["step", "what happens"], *rows]

    def parts(self) -> dict[str, Any]:
        """What is added to the viewer, in order (frontend/src/parts/): each by its name, with what it needs."""
        return {"quiz": None} if self.backward and self._steps_back() else {}

    def _all_parts(self) -> dict[str, Any]:
        """With the key of the arrows' types, where there are several."""
        return self.parts() | ({"dtypes": None} if any(types_of(s) for s in self.scenes) else {})

    def data(self) -> dict[str, Any]:
        """What the viewer is given."""
        parts = self._all_parts()
        extra = {name: needs for name, needs in parts.items() if needs is not None}
        backward = self.backward and self._steps_back()
        return embed(self.record, self.scenes, title=self.title, backward=backward, parts=list(parts), extra=extra)

    def modules(self) -> tuple[str, ...]:
        """The scripts the viewer needs besides its own."""
        large = max(len(s["nodes"]) for s in self.scenes) > SVG_LIMIT
        return (*self._all_parts(), *(("canvas",) if large else ()))

    def to_html(self) -> str:
        table, parts = self.table(), self.modules()
        html = functools.partial(replay_html, "viewer", self.data(), text=self.to_text(), table=table, parts=parts)
        room = (allowed(len(self.record["nodes"])) - len(html(svg=""))) * 3 // 4
        return html(svg=self._picture(room))

    def _steps_back(self) -> bool:
        return any(step["kind"] == "backward" for step in self.record["steps"])

    def _picture(self, room: int) -> str:
        """The richest that fits in `room` bytes; words alone when nothing does."""
        whole = self.scenes[0]
        svg = ""
        for drawn, animated in pictures(whole, lambda: scene(self.record, depth=self.depth, limit=FOLDED)):
            svg = to_svg(self.marked(drawn), animated=animated)
            if len(svg) <= room:
                return svg
        words = {"nodes": [], "edges": [], "groups": [], "width": 620, "height": 20, "note": TOO_LARGE}
        return to_svg({**whole, **words}, animated=False)


def pictures(whole: dict[str, Any], folded: Callable[[], dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bool]]:
    """(scene, animated) from the richest to the barest."""
    yield whole, True
    yield whole, False
    less = folded()
    if len(less["nodes"]) < len(whole["nodes"]):
        yield less, True
        yield less, False
    keep = ("id", "n", "kind", "x", "y", "w", "h", "title")
    yield {**whole, "rows": [], "nodes": [{key: node[key] for key in keep} for node in whole["nodes"]]}, False
