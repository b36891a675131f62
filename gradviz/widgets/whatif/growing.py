"""`GraphGrowth`: the graph grows as lines run. The learner's code beside the graph; step by step, line by line.

    GraphGrowth(f, x, w)                       runs f now, follows every line of it and of what it calls
    with GraphGrowth.live() as grown: ...      grows while the cell runs, and can be stepped through afterwards

A box never moves: of a run that is over the whole layout is known, and what was not made yet is left out; one that is
under way is laid out as it grows, and what has its place keeps it (viz/pinned.py).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradviz.core import events
from gradviz.core.clock import short_name
from gradviz.core.record import Recorder, Recording
from gradviz.core.tensor import Tensor
from gradviz.viz.graph import Record
from gradviz.viz.measure import clean
from gradviz.viz.numbers import full
from gradviz.viz.scene import formula, scene
from gradviz.widgets.graph.embed import embed, line
from gradviz.widgets.graph.source import recorded
from gradviz.widgets.live import LiveView
from gradviz.widgets.replay import replay_html
from gradviz.widgets.whatif.edit_source import shown
from gradviz.widgets.whatif.growing_svg import picture
from gradviz.widgets.whatif.growing_trace import Piece, Step, Trace

if TYPE_CHECKING:
    from gradviz.widgets.whatif.growing_now import GrowingNow

BOXES = 300  # above that many, modules fold
ROWS = 60


class GraphGrowth(LiveView):
    """The lines of a function and the graph they make, one line at a time.

    Args:
        source: a function or module, run now with `inputs` and followed line by line; or the tape of
            ``with torch.record() as tape:`` or a result, of which only the lines that made something are known.
        inputs: what `source` is called with.
        title: shown above the graph.
        depth: how deep modules are unfolded; None shows everything.
    """

    view = "growing"
    still = True  # a Replay: everything is known

    def __init__(self, source: Any, *inputs: Any, title: str | None = None, depth: int | None = None) -> None:
        self.title = "The graph grows" if title is None else title
        self.depth = depth
        if callable(source) and not isinstance(source, (Tensor, Recorder)):
            recording, self.trace = _followed(source, inputs)
        else:
            recording = _ours(recorded(source, inputs, backward=False))
            self.trace = _from_lines(recording)
        self._take(recording)

    def _take(self, recording: Recording) -> None:
        self.recording = recording
        self.record: Record = without_backward(shown(recording, self.title))

    # -- what is shown -------------------------------------------------------------------------------------------
    @functools.cached_property
    def scene(self) -> dict[str, Any]:
        """The whole graph, in its final places."""
        return scene(self.record, depth=self.depth, limit=BOXES)

    def steps(self) -> list[dict[str, Any]]:
        """Each time a line ran: piece, line, depth, the nodes it made, and which of its times this was."""
        now = {node["was"]: node["n"] for node in self.record["nodes"]}
        made: list[dict[str, Any]] = [
            {
                "piece": step.piece, "line": step.line, "depth": step.depth, "again": step.again,
                "made": [now[n] for n in range(step.first, step.last) if n in now],
            }
            for step in self.trace.steps
        ]  # fmt: skip
        while made and made[-1]["line"] == 0:
            made.pop()
        count: dict[tuple[int, int], int] = {}
        for step in made:
            key = (step["piece"], step["line"])
            count[key] = count.get(key, 0) + (not step["again"])
            step["time"] = max(count[key], 1)
        for step in made:
            step["times"] = max(count[step["piece"], step["line"]], 1)
        return made

    def data(self) -> dict[str, Any]:
        """What the view is given."""
        pieces = [
            {"name": line(p.name), "file": line(_file(p)), "lines": [[n, line(text, 160)] for n, text in p.lines()]}
            for p in self.trace.pieces
        ]
        steps = [
            [s["piece"], s["line"], s["depth"], int(s["again"]), s["time"], s["times"], s["made"]] for s in self.steps()
        ]
        extra = {"growth": {"pieces": pieces, "steps": steps, "note": self._note(), "live": False}}
        return embed(self.record, [self.scene], title=self.title, backward=False, extra=extra)

    def _note(self) -> str:
        left = self.trace.left_out
        return f"{left} lines that made nothing are left out" if left else ""

    def to_svg(self, *, animated: bool = True, theme: str = "light") -> str:
        return picture(self.scene, self.trace.pieces, self.steps(), animated=animated, theme=theme)

    def to_text(self) -> str:
        rows = self.table()[1:]
        count = len(self.record["nodes"])
        head = f"{self.title + ': ' if self.title else ''}{count} nodes made in {len(rows)} steps"
        body = [
            f"  {n:>4}  {where:<18} {code}" + (f"\n{'':26}+ {made}" if made else "") for n, where, code, made in rows
        ]
        if len(body) > ROWS:
            body = [*body[: ROWS // 2], f"  ... {len(body) - ROWS} more", *body[-ROWS // 2 :]]
        return "\n".join([clean(head), *body])

    def to_json(self) -> dict[str, Any]:
        pieces = [{"name": p.name, "file": _file(p), "lines": p.lines()} for p in self.trace.pieces]
        return {"scene": {**self.scene, "record": None}, "pieces": pieces, "steps": self.steps()}

    def table(self) -> list[list[str]]:
        """The steps as rows of text, under a head."""
        texts = [dict(piece.lines()) for piece in self.trace.pieces]
        rows = [["step", "line", "code", "adds"]]
        for i, step in enumerate(self.steps(), 1):
            piece = self.trace.pieces[step["piece"]]
            where = f"{piece.name}:{step['line']}" + (f" ({step['time']}/{step['times']})" if step["times"] > 1 else "")
            code = texts[step["piece"]].get(step["line"], "").strip() + ("  (goes on)" if step["again"] else "")
            rows.append([str(i), clean(where), clean(code), "; ".join(self._said(n) for n in step["made"])])
        return rows

    def _said(self, n: int) -> str:
        node = self.record["nodes"][n]
        names = {e["n"]: clean(self.record["nodes"][e["n"]]["label"]) for e in node["inputs"] if e.get("n") is not None}
        maths = formula(node, names) if node["kind"] == "op" else ""
        return f"{clean(node['label'])}{' = ' + maths if maths else ''} = {full(node['value'])}"

    def to_html(self) -> str:
        text, table = self.to_text(), self.table()
        html = functools.partial(
            replay_html, self.view, self.data(), text=text, table=table, caption="Lines as a table"
        )
        svg = self.to_svg()
        if len(svg) > 60_000:
            svg = self.to_svg(animated=False)
        return html(
            svg=svg
            if len(svg) <= 120_000
            else picture({**self.scene, "nodes": [], "edges": [], "groups": []}, self.trace.pieces, [])
        )

    # -- while it runs -------------------------------------------------------------------------------------------
    @classmethod
    def live(cls, *, title: str | None = None) -> GrowingNow:
        """A graph that grows while the ``with`` block runs: in JupyterLab it is shown at once."""
        from gradviz.widgets.whatif.growing_now import GrowingNow

        return GrowingNow(title=title)


def without_backward(record: Record) -> dict[str, Any]:
    """The record up to its first backward pass: what the lines that ran forward made."""
    steps = list(record["steps"])
    end = next((i for i, step in enumerate(steps) if step["kind"] == "backward_begin"), len(steps))
    return {**record, "steps": [step for step in steps[:end] if step["kind"] not in ("optimizer", "zero_grad")]}


def _followed(source: Any, inputs: Sequence[Any]) -> tuple[Recording, Trace]:
    """Run a function and follow its lines."""
    traces: list[Trace] = []

    def run() -> Any:  # without arguments: inputs go by the names that the function's own code has for them
        hearing = events.observers()  # `recorded` has made the innermost of them
        trace = Trace(next(o for o in reversed(hearing) if isinstance(o, Recorder)))
        traces.append(trace)
        with trace.running(listen=False):
            return source(*inputs)

    return _ours(recorded(run, (), backward=False)), traces[0]


def _from_lines(recording: Recording) -> Trace:
    """What a tape knows of lines: those that made something."""
    trace = Trace(recording.recorder)
    pieces: dict[str, int] = {}
    texts: dict[str, dict[int, str]] = {}
    first = 0
    for node in recording.nodes:
        if node["kind"] != "op":
            continue
        where = node["line"]
        file, number = (where["file"], where["lineno"]) if where else ("", len(texts.get("", {})) + 1)
        text = where["text"] if where else _short(node, recording.nodes)
        if file not in pieces:
            pieces[file] = len(trace.pieces)
            trace.pieces.append(Told(file or "operations", file))
        texts.setdefault(file, {})[number] = text
        last = trace.steps[-1] if trace.steps else None
        if last is None or (last.piece, last.line) != (pieces[file], number):
            trace.steps.append(Step(pieces[file], number, 1, first, node["n"] + 1))
        trace.steps[-1].last = first = node["n"] + 1
    for file, i in pieces.items():
        trace.pieces[i].known = texts[file]  # type: ignore[attr-defined]
    return trace


class Told(Piece):
    """Lines whose text a tape has written down, with gaps between them."""

    def __init__(self, name: str, file: str) -> None:
        super().__init__(name, file, 0, 0, True)
        self.known: dict[int, str] = {}

    def lines(self) -> list[tuple[int, str]]:
        out: list[tuple[int, str]] = []
        for number in sorted(self.known):
            if out and number > out[-1][0] + 1:
                out.append((-number, "⋮"))
            out.append((number, self.known[number]))
        return out


def _short(node: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> str:
    names = {e["n"]: nodes[e["n"]]["label"] for e in node["inputs"] if e.get("n") is not None}
    return f"{node['label']} = {formula(node, names) or node['op']}"


def _file(piece: Piece) -> str:
    return short_name(piece.file)


def _ours(found: Any) -> Recording:
    if isinstance(found, Recording):
        return found
    raise TypeError(
        "GraphGrowth follows code that computes with gradviz\nA graph of PyTorch can be seen whole: GraphView(loss)."
    )
