"""`GraphDiff`: two runs side by side: train and eval, with and without detach, before and after a change.

    GraphDiff(lambda: loss(net.train(), x), lambda: loss(net.eval(), x), labels=("train", "eval"))

Both are drawn on one layout, so that what they share stands in the same place and a gap is a gap.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.measure import clean
from gradviz.viz.numbers import brief, full, shape_text
from gradviz.viz.scene import gradients, scene
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import embed
from gradviz.widgets.graph.embed import line as short_line
from gradviz.widgets.graph.graph_align import Pair, align
from gradviz.widgets.graph.graph_diff_svg import picture
from gradviz.widgets.graph.source import data_of, recorded
from gradviz.widgets.replay import replay_html

LIMIT = 300  # boxes drawn before modules fold
STILL = 80  # the same in the still picture
LISTED = 200  # differences that are told one by one
MARK = {"removed": "−", "added": "+", "changed": "≠"}


class GraphDiff(View):
    """Two records, aligned by structure, with what is only in one and what differs.

    Args:
        a, b: each a loss, a function (run now), or the tape of ``with torch.record() as tape:``.
        labels: what the two are called.
        backward: whether gradients are compared too; None: where both have one number to start from.
        title: shown above.
        depth: how deep modules are unfolded; None shows everything.
        direction: how the graphs run: "tb", "lr" or "auto".

    Raises: TypeError or RuntimeError as GraphView and BackpropStepper do, with a note that says for which of the two.
    """

    def __init__(
        self,
        a: Any,
        b: Any,
        *,
        labels: Sequence[str] = ("a", "b"),
        backward: bool | None = None,
        title: str | None = None,
        depth: int | None = None,
        direction: str = "tb",
    ) -> None:
        if len(labels) != 2 or isinstance(labels, str):
            raise ValueError(f"labels must be two names, got {labels!r}\nSay labels=('train', 'eval').")
        if direction not in ("auto", "lr", "tb"):
            raise ValueError(f"direction must be 'auto', 'lr' or 'tb', got {direction!r}")
        self.labels = tuple(short_line(str(label), 60) for label in labels)
        self.title, self.depth, self.direction = short_line(title or "", 200), depth, direction
        self.records = [_record(x, label, backward) for x, label in zip((a, b), self.labels, strict=True)]
        self.pairs: list[Pair] = align(self.records[0]["nodes"], self.records[1]["nodes"])
        self._grads = [gradients(record) for record in self.records]
        self.differences = self._compare()
        self._mark()

    # -- what differs ---------------------------------------------------------------------------------------------
    def _compare(self) -> list[dict[str, Any]]:
        """Every difference, {kind, a, b, label, what: [(name, in a, in b)]}: first what is only in one, then other
        values, then other gradients alone; within these in the order of the runs."""
        partner = {x: y for x, y in self.pairs if x is not None and y is not None}
        both = all(self._grads)
        found = []
        for x, y in self.pairs:
            nodes = [
                record["nodes"][n] if n is not None else None for record, n in zip(self.records, (x, y), strict=True)
            ]
            label = clean((nodes[0] or nodes[1] or {}).get("label") or "")
            if x is None or y is None:
                side = 0 if y is None else 1
                n = x if x is not None else y
                what = _facts(nodes[side], None if n is None else self._grads[side].get(n))
                kind = "removed" if side == 0 else "added"
                found.append({"kind": kind, "a": x, "b": y, "label": short_line(label, 60), "what": what})
                continue
            what = self._changes(
                nodes, (self._grads[0].get(x), self._grads[1].get(y)) if both else (None, None), partner
            )
            if what:
                found.append({"kind": "changed", "a": x, "b": y, "label": short_line(label, 60), "what": what})
        return sorted(found, key=_rank)

    def _changes(self, nodes: list[Any], grads: tuple[Any, Any], partner: Mapping[int, int]) -> list[list[str]]:
        first, second = nodes
        found: list[list[str]] = []

        def compare(name: str, one: str, two: str) -> None:
            if one != two:
                found.append([name, short_line(one, 120), short_line(two, 120)])

        if not _equal(first["value"], second["value"]):
            found.append(["value", *_apart(first["value"], second["value"])])
        if not _equal(*grads):
            found.append(["gradient", *_apart(*grads)])
        compare("shape", shape_text(first["shape"]) or "scalar", shape_text(second["shape"]) or "scalar")
        compare("dtype", first["dtype"], second["dtype"])
        if first["kind"] == "op":
            compare("requires grad", _yes(first["requires_grad"]), _yes(second["requires_grad"]))
        for name in dict.fromkeys([*first["settings"], *second["settings"]]):
            compare(name, str(first["settings"].get(name)), str(second["settings"].get(name)))
        theirs = {i["slot"]: i for i in second["inputs"]}
        for given in first["inputs"]:
            other = theirs.get(given["slot"], {})
            if given.get("n") is None and other.get("n") is None:
                compare(f"input {given['slot']}", str(given.get("value")), str(other.get("value")))
            elif partner.get(given.get("n", -1)) != other.get("n"):
                compare(f"input {given['slot']}", self._name(0, given), self._name(1, other))
        return found

    def _name(self, side: int, given: Mapping[str, Any]) -> str:
        n = given.get("n")
        return clean(self.records[side]["nodes"][n]["label"]) if n is not None else str(given.get("value"))

    def _mark(self) -> None:
        for d in self.differences:
            for side, n in enumerate((d["a"], d["b"])):
                if n is not None:
                    self.records[side]["nodes"][n]["badge"] = {"kind": d["kind"], "text": self._said(d)[:300]}

    def _said(self, d: Mapping[str, Any]) -> str:
        """One difference as a line."""
        if d["kind"] == "changed":
            return "; ".join(f"{name} {one} → {two}" for name, one, two in d["what"])
        where = self.labels[0] if d["kind"] == "removed" else self.labels[1]
        return f"only in {where}" + "".join(f"; {name} {value}" for name, value in d["what"])

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes are in both, only in one, and changed."""
        kinds = [d["kind"] for d in self.differences]
        both = sum(x is not None and y is not None for x, y in self.pairs)
        return {"both": both, **{kind: kinds.count(kind) for kind in MARK}}

    # -- one layout for both ----------------------------------------------------------------------------------------
    def _union(self) -> dict[str, Any]:
        """A record that holds the nodes of both, each pair once; `of` tells which node of each it is."""
        place = [{n: k for k, pair in enumerate(self.pairs) if (n := pair[side]) is not None} for side in (0, 1)]
        nodes = []
        for k, pair in enumerate(self.pairs):
            there = [(side, self.records[side]["nodes"][n]) for side, n in enumerate(pair) if n is not None]
            given = {
                (i["slot"], place[side][i["n"]]): {**i, "n": place[side][i["n"]]}
                for side, node in there for i in node["inputs"] if i.get("n") is not None
            }  # fmt: skip
            plain = [i for i in there[0][1]["inputs"] if i.get("n") is None]
            texts = {
                "value": max((brief(node["value"]) for _, node in there), key=len),
                "grad": max((brief(self._grads[side].get(node["n"]), "norm") for side, node in there), key=len),
            }
            texts = {key: text for key, text in texts.items() if text}
            nodes.append({**there[0][1], "n": k, "inputs": [*given.values(), *plain], "texts": texts, "badge": None})
        steps = [{"kind": "forward", "n": k} for k, node in enumerate(nodes) if node["kind"] == "op"]
        return {"nodes": nodes, "steps": steps, "meta": {"title": ""}}

    @functools.cached_property
    def scenes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The two pictures, on one layout."""
        return self._drawn(LIMIT)

    @functools.cached_property
    def still(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The same for the still picture, in which modules fold earlier."""
        return self.scenes if max(len(s["nodes"]) for s in self.scenes) <= STILL else self._drawn(STILL)

    def _drawn(self, limit: int) -> tuple[dict[str, Any], dict[str, Any]]:
        whole = scene(self._union(), depth=self.depth, direction=self.direction, limit=limit, with_record=False)
        return self._side(whole, 0), self._side(whole, 1)

    def _side(self, whole: Mapping[str, Any], side: int) -> dict[str, Any]:
        """What of the common layout is in one record, with its own texts; `holes` are where the other has a box."""
        mine = [pair[side] for pair in self.pairs]
        record = self.records[side]
        own = scene(record, depth=None, direction="tb", limit=10**9, with_record=False) if len(mine) <= LIMIT else None
        texts = {node["n"]: node for node in (own["nodes"] if own is not None else ()) if node["kind"] != "portal"}
        nodes, holes = [], []
        for box in whole["nodes"]:
            inside = [mine[k] for k in box.get("members", ()) if mine[k] is not None]
            n = mine[box["n"]] if box["n"] is not None else None
            if n is None and not inside:
                holes.append({key: box[key] for key in ("x", "y", "w", "h")})
                continue
            kept = {key: box[key] for key in ("id", "kind", "x", "y", "w", "h", "title", "tip") if key in box}
            if box["kind"] in ("op", "leaf", "const") and n in texts:
                kept |= {key: texts[n][key] for key in ("title", "sub", "tip", "badge") if key in texts[n]}
            if n is not None and box["kind"] != "portal":
                kept |= {"value": brief(record["nodes"][n]["value"]) or shape_text(record["nodes"][n]["shape"])}
                kept |= {"grad": brief(self._grads[side].get(n), "norm")}
            if box["kind"] == "group":
                ops = sum(record["nodes"][m]["kind"] == "op" for m in inside)
                kept |= {"members": inside, "sub": f"{ops} op{'s' if ops != 1 else ''}"}
                marks = [mark for m in inside if (mark := record["nodes"][m].get("badge"))]
                if marks and any(self.pairs[k][1 - side] is not None for k in box["members"]):
                    marks = [{"kind": "changed", "text": f"{len(marks)} of {len(inside)} nodes inside differ"}]
                kept |= {"badge": marks[0]} if marks else {}
            nodes.append({**kept, "n": n})
        there = {node["id"] for node in nodes}
        edges = [
            {**edge, "n_from": mine[edge["n_from"]], "n_to": mine[edge["n_to"]]}
            for edge in whole["edges"]
            if edge["from"] in there and edge["to"] in there and self._joined(side, edge)
        ]
        groups = [g for g in whole["groups"] if any(_within(node, g) for node in nodes)]
        return {**whole, "nodes": nodes, "edges": edges, "groups": groups, "holes": holes, "title": self.labels[side]}

    def _joined(self, side: int, edge: Mapping[str, Any]) -> bool:
        """Whether this record has the arrow."""
        start, end = (self.pairs[edge[key]][side] for key in ("n_from", "n_to"))
        if start is None or end is None:
            return False
        given = [i for i in self.records[side]["nodes"][end]["inputs"] if i.get("n") == start]
        return any(edge["slot"] in ("", i["slot"]) for i in given)

    # -- what a view gives ------------------------------------------------------------------------------------------
    @property
    def heading(self) -> str:
        """The title, or the two names."""
        return self.title or f"{self.labels[0]} | {self.labels[1]}"

    @property
    def summary(self) -> str:
        """How much differs, in one line."""
        counts = self.counts
        if not self.differences:
            return f"the same: {counts['both']} nodes in both, with equal numbers"
        parts = [f"{counts['both']} nodes in both"]
        parts += [f"{counts['removed']} only in {self.labels[0]}"] * bool(counts["removed"])
        parts += [f"{counts['added']} only in {self.labels[1]}"] * bool(counts["added"])
        parts += [f"{counts['changed']} that differ"] * bool(counts["changed"])
        return ", ".join(parts)

    def to_svg(self, *, theme: str = "light") -> str:
        lines = [(d["kind"], f"{d['label']}: {self._said(d)}") for d in self.differences]
        return picture(self.heading, self.summary, self.labels, self.still, lines, theme)

    def to_text(self) -> str:
        out = [f"GraphDiff: {self.heading}", f"  {self.summary}"]
        out.extend(f"  {MARK[d['kind']]} {d['label']}: {self._said(d)}" for d in self.differences[:LISTED])
        if len(self.differences) > LISTED:
            out.append(f"  ... {len(self.differences) - LISTED} more")
        return "\n".join(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": "gradviz.diff/1", "labels": list(self.labels), "title": self.title, "counts": self.counts,
            "pairs": [list(pair) for pair in self.pairs], "differences": self.differences, "scenes": list(self.scenes),
        }  # fmt: skip

    def table(self) -> list[list[str]]:
        """The differences as rows of text, under a head."""
        rows = [["", "node", "what", *self.labels]]
        for d in self.differences:
            for what in d["what"] or [["", ""]]:
                mine = (
                    what[1:] if d["kind"] == "changed" else [what[1], ""] if d["kind"] == "removed" else ["", what[1]]
                )
                rows.append([MARK[d["kind"]], d["label"], what[0], *mine])
        return rows

    def data(self) -> dict[str, Any]:
        """What the view is given."""
        sides = [
            {**embed(record, [drawn], title=label, backward=bool(grads)), "holes": drawn["holes"]}
            for record, drawn, label, grads in zip(self.records, self.scenes, self.labels, self._grads, strict=True)
        ]
        return {
            "title": self.heading, "summary": self.summary, "labels": list(self.labels), "sides": sides,
            "pairs": [list(pair) for pair in self.pairs], "differences": self.differences[:LISTED],
            "more": max(0, len(self.differences) - LISTED),
        }  # fmt: skip

    def to_html(self) -> str:
        html = functools.partial(
            replay_html, "graph_diff", self.data(), text=self.to_text(), table=self.table(), caption="Differences"
        )
        return html(svg=self.to_svg())


def _record(source: Any, label: str, backward: bool | None) -> dict[str, Any]:
    """The record of one side, with its backward pass where there can be one."""
    try:
        made = recorded(source, backward=backward)
    except Exception as error:
        error.add_note(f"This was {label!r}, one of the two that GraphDiff compares.")
        raise
    found = data_of(made, None)
    return {**found, "nodes": [dict(node) for node in found["nodes"]]}


def _rank(d: Mapping[str, Any]) -> int:
    names = {what[0] for what in d["what"]}
    return 0 if d["kind"] != "changed" else 2 if names == {"gradient"} else 1


def _facts(node: Any, grad: Any) -> list[list[str]]:
    """What is said of a node that has no partner."""
    found = [["value", short_line(full(node["value"]), 120)]] if node["value"] else []
    return found + ([["gradient", short_line(full(grad), 120)]] if grad else [])


def _equal(one: Any, two: Any) -> bool:
    """Whether two values of a record are the same numbers: all of them where they are kept, else their statistics."""
    if one is None or two is None:
        return one is two or one is None or two is None
    if one.get("data") is not None and two.get("data") is not None:
        return bool(one["data"] == two["data"])
    keys = ("min", "max", "mean", "std", "norm", "nan", "inf", "zero")
    return all(one.get(key) == two.get(key) for key in keys)


def _apart(one: Any, two: Any) -> list[str]:
    """Two values with as many digits as it takes to tell them apart."""
    for digits in (6, 9, 17):
        texts = [short_line(full(value, digits), 120) for value in (one, two)]
        if texts[0] != texts[1]:
            break
    return texts


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _within(node: Mapping[str, Any], frame: Mapping[str, Any]) -> bool:
    x, y = node["x"] + node["w"] / 2, node["y"] + node["h"] / 2
    return bool(frame["x"] < x < frame["x"] + frame["w"] and frame["y"] < y < frame["y"] + frame["h"])
