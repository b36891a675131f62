"""From a record to a scene: boxes with their texts, routed arrows, frames; plain JSON that any renderer can draw."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.dtypes import mixed, name_arrows, name_boxes
from gradviz.viz.graph import Drawing, Frame, Item, drawing
from gradviz.viz.layout import Layout, Point, extent, layout
from gradviz.viz.measure import clean, clip, width
from gradviz.viz.numbers import brief, is_scalar, number, shape_text
from gradviz.viz.theme import SIZES as S

FORMAT = "gradviz.scene/1"
WIDEST = 1240  # left to right up to this many pixels, top to bottom beyond
BANDS = 60  # give every framed module layers of its own up to this many items
NAMED = 24  # write formulas with labels (`x * w`) up to this many items, with slots (`a * b`) beyond
MESSAGES = 48  # write products on the arrows of graphs with at most this many


def record_of(recording: Any) -> Mapping[str, Any]:
    """The record JSON of a Recording, or of a mapping that is one already."""
    found = recording if isinstance(recording, Mapping) else recording.to_json()
    if isinstance(found, str):
        import json

        found = json.loads(found)
    if not isinstance(found, Mapping) or "nodes" not in found:
        raise TypeError(f"expected a recording or its JSON, got {type(recording).__name__}")
    return found


def gradients(record: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """The last gradient of each node: its backward step's, or what a leaf's .grad became."""
    found: dict[int, Mapping[str, Any]] = {}
    for step in record["steps"]:
        if step["kind"] == "backward" and step.get("grad"):
            found[step["n"]] = step["grad"]
        elif step["kind"] == "accumulate" and step.get("after"):
            found[step["n"]] = step["after"]
    return found


def messages(record: Mapping[str, Any]) -> dict[tuple[int, int, str], str]:
    """For every arrow that carried a scalar back, (from, to, slot) of the forward arrow: `6 × 2 = 12`."""
    found: dict[tuple[int, int, str], str] = {}
    for step in record["steps"]:
        if step["kind"] != "backward":
            continue
        for message in step.get("messages", ()):
            product, local = message.get("product"), message.get("local")
            if not is_scalar(product):
                continue
            text = number(product["data"][0], 4)
            if is_scalar(local) and is_scalar(step.get("grad")):
                text = f"{number(step['grad']['data'][0], 4)} × {number(local['data'][0], 4)} = {text}"
            found[message["to"], step["n"], message["slot"]] = text
    return found


def formula(node: Mapping[str, Any], names: Mapping[int, str] | None = None) -> str:
    """The forward maths of an op with its constants put in (`a ** b` with b = 2 is `a ** 2`), and with `names` its
    inputs' labels too (`x ** 2`). Options of the array library, as in `sum(x, axis=dim)`, are left out."""
    settings = node.get("settings") or {}
    known = {k: number(v, 4) for k, v in settings.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    for entry in node["inputs"]:
        if entry.get("value") is not None:
            known[entry.get("slot") or ""] = number(entry["value"], 4)
        elif names and entry.get("n") is not None:
            known[entry.get("slot") or ""] = names[entry["n"]]
        elif names and "value" not in entry:
            known[entry.get("slot") or ""] = "?"  # nobody kept it
    text = re.sub(r",\s*\w+=[\w.]+", "", node.get("forward") or "")
    return clean(re.sub(r"(?<![\w.])[^\W\d]\w*", lambda m: known.get(m[0], m[0]), text) if known else text)


def _short_formula(node: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], named: bool) -> str:
    """The formula, with its inputs' labels where asked and short enough for a box."""
    names = {e["n"]: clean(nodes[e["n"]].get("label") or "") for e in node["inputs"] if e.get("n") is not None}
    text = formula(node, names) if named and all(0 < len(name) < 12 for name in names.values()) else ""
    return text if 0 < len(text) <= 22 else formula(node)


def _texts(drawn: Drawing, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The texts of every item: title, sub, value, grad, and tip where the title had to be clipped."""
    nodes = record["nodes"]
    grads = gradients(record)
    several = {m["to"] for s in record["steps"] for m in s.get("messages", ()) if m.get("of", 1) > 1}
    found = []
    for item in drawn.items:
        node = nodes[item.n] if item.n is not None else None
        entry: dict[str, Any] = {
            "n": item.n,
            "kind": item.kind,
            "title": item.label,
            "sub": "",
            "value": "",
            "grad": "",
        }
        if item.kind == "group":
            ops = sum(nodes[n]["kind"] == "op" for n in item.members)
            entry["sub"] = f"{ops} op{'s' if ops != 1 else ''}"
            entry["members"] = item.members
        elif node is not None and item.kind == "op":
            entry["sub"] = _short_formula(node, nodes, len(drawn.items) <= NAMED)
        elif node is not None and item.kind in ("leaf", "const"):
            entry["sub"] = shape_text(node.get("shape") or ())
        if node is not None and item.kind != "portal":
            entry["value"] = brief(node.get("value"))
            if not entry["value"] and item.kind in ("op", "group"):
                entry["value"] = shape_text(node.get("shape") or ())
            entry["grad"] = brief(grads.get(node["n"]), "norm")
            entry["several"] = node["n"] in several
            entry |= node.get("texts", {})
        found.append(entry)
    return found


def _size(entry: dict[str, Any], rows: Sequence[str]) -> tuple[float, float]:
    """The box of an item; clips its texts to the widest box allowed."""
    most = S["most"] - 2 * S["side"]
    portal = entry["kind"] == "portal"
    size = S["small"] if portal else S["title"]
    whole = entry["title"]
    entry["title"] = clip(whole, 120 if portal else most / 1.2, size)
    if entry["title"] != whole:
        entry["tip"] = whole
    title = width(entry["title"], size) * 1.2
    if portal:
        return int(title + 24), S["portal"]
    room = most - title - 12
    entry["sub"] = clip(entry["sub"], room, S["small"], mono=True) if room > 30 else ""
    sub = width(entry["sub"], S["small"], mono=True) + 12 if entry["sub"] else 0
    figures = [width(entry[row], S["number"], mono=True) + 26 for row in rows if entry[row]]
    if entry.pop("several", False):  # "2/3" stands beside a partial sum, which may be longer than the last
        figures.append(S["several"])
    wide = min(max(title + sub, *figures, S["least"] - 2 * S["side"]) + 2 * S["side"], S["most"])
    count = 1 if rows and entry["kind"] == "const" else len(rows)
    return int(wide + 1.5) // 2 * 2, S["head"] + S["row"] * count + (S["foot"] if count else 3)


def _frame_boxes(
    frames: Sequence[Frame], items: Sequence[Item], placed: Layout, sizes: Sequence[tuple[float, float]]
) -> list[dict[str, Any]]:
    """The frames that can be drawn: those that cover no stranger's box and cut no other frame."""
    boxes = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, (w, h) in zip(placed.x, placed.y, sizes, strict=True)
    ]
    deepest = max((f.path.count(".") for f in frames), default=0)
    kept: list[tuple[tuple[float, float, float, float], set[int], dict[str, Any]]] = []
    for frame in sorted(frames, key=lambda f: (-f.path.count("."), f.items[0])):
        inside = set(frame.items)
        pad = 9 + 7 * min(deepest - frame.path.count("."), 3)
        left = min(boxes[i][0] for i in inside) - pad
        top = min(boxes[i][1] for i in inside) - pad - 13
        right = max(boxes[i][2] for i in inside) + pad
        bottom = max(boxes[i][3] for i in inside) + pad
        if any(
            b[0] < right and b[2] > left and b[1] < bottom and b[3] > top
            for i, b in enumerate(boxes)
            if i not in inside
        ):
            continue
        area = (left, top, right, bottom)
        if any(
            a[0] < right and a[2] > left and a[1] < bottom and a[3] > top
            and not (held <= inside and a[0] > left and a[1] > top + 9 and a[2] < right and a[3] < bottom)
            for a, held, _ in kept
        ):  # fmt: skip
            continue
        entry = {
            "path": clean(frame.path), "x": left, "y": top, "w": right - left, "h": bottom - top,
            "label": clip(frame.label, right - left - 16, S["small"]),
        }  # fmt: skip
        kept.append((area, inside, entry))
    return [entry for _, _, entry in reversed(kept)]


def _place(
    drawn: Drawing, sizes: Sequence[tuple[float, float]], notes: Sequence[str], direction: str
) -> tuple[str, Layout]:
    """Lay the items out, left to right where that fits a notebook, else top to bottom."""
    edges = [(link.a, link.b) for link in drawn.links]
    team = [-1] * len(drawn.items)
    for k, frame in enumerate(drawn.frames):
        for i in frame.items:
            team[i] = k
    framed = bool(drawn.frames)
    words = max((width(n, S["small"], mono=True) for n in notes), default=0.0)

    level = min(max(52.0, words + 30 if words else 0), 150)
    room = {
        "lr": {"gap": level + (12 if framed else 0), "beside": 22.0 if framed else 18.0},
        "tb": {"gap": (48.0 if words else 40.0) + (12 if framed else 0), "beside": 22.0},
    }
    bands = framed and len(sizes) <= BANDS
    if direction == "auto":
        across, down = extent(sizes, edges, team=team if bands else (), **room["lr"])
        direction = "lr" if across + 32 <= max(WIDEST, down) else "tb"
    return direction, layout(
        sizes, edges, direction=direction, team=team if framed else (), bands=bands, **room[direction]
    )


def _short(value: float) -> float:
    return int(value) if value == int(value) else value


def scene(
    recording: Any,
    *,
    depth: int | None = None,
    direction: str = "auto",
    limit: int = 800,
    portals: int = 3,
    merge: bool = False,
    with_record: bool = True,
) -> dict[str, Any]:
    """The picture of a recording as JSON ("gradviz.scene/1").

    `depth` folds modules (None shows all, 0 one box for each outermost call), `direction` is "lr", "tb" or "auto",
    `limit` is the most items drawn before modules fold by themselves, `portals` the most arrows a leaf keeps.

    nodes: x, y is the left top corner; `n` the record ordinal whose value and gradient the box shows (a group's is
    its output, `members` are all). Texts are final: the renderer only draws them. Absent keys are empty.
    A record's node may carry a `badge` ({"kind", "text"}, kinds in svg.BADGES): a mark on its box that says why.
    It may also carry `texts` ({"sub", "value"}) to be written instead of its own, and an input a `note` for its arrow.
    edges: `from` and `to` are node ids; points are corners, joined by curves that leave and arrive along `direction`.
    Where several types of floats meet, `dtype` is that of the value an edge carries.
    """
    if direction not in ("auto", "lr", "tb"):
        raise ValueError(f"direction must be 'auto', 'lr' or 'tb', got {direction!r}")
    record = record_of(recording)
    drawn = drawing(record, depth=depth, limit=limit, portals=portals, merge=merge)
    entries = _texts(drawn, record)
    several = mixed(record, [entry["n"] for entry in entries])
    if several:
        name_boxes(record, entries)
    rows = [row for row in ("value", "grad") if any(entry[row] for entry in entries)]
    sizes = [_size(entry, rows) for entry in entries]
    said = messages(record) if len(drawn.links) <= MESSAGES else {}
    said |= {(i["n"], x["n"], i["slot"]): i["note"] for x in record["nodes"] for i in x["inputs"] if i.get("note")}
    notes = [said.get((link.n_from, link.n_to, link.slot), "") for link in drawn.links]
    way, placed = _place(drawn, sizes, notes, direction)
    frames = _frame_boxes(drawn.frames, drawn.items, placed, sizes)
    dx = max(0.0, 12 - min((f["x"] for f in frames), default=12))
    dy = max(0.0, 12 - min((f["y"] for f in frames), default=12))
    wide = max([placed.width, *(f["x"] + f["w"] + 12 for f in frames)]) + dx
    tall = max([placed.height, *(f["y"] + f["h"] + 12 for f in frames)]) + dy

    nodes = []
    for i, (entry, (w, h)) in enumerate(zip(entries, sizes, strict=True)):
        x, y = _short(placed.x[i] - w / 2 + dx), _short(placed.y[i] - h / 2 + dy)
        node = {"id": i, "n": entry["n"], "kind": entry["kind"], "x": x, "y": y, "w": _short(w), "h": _short(h)}
        badge = next(
            (record["nodes"][n]["badge"] for n in drawn.items[i].members if record["nodes"][n].get("badge")), None
        )
        if badge and entry["kind"] != "portal":
            node["badge"] = badge
        nodes.append(node | {k: entry[k] for k in ("title", "sub", "value", "grad", "tip", "members") if entry.get(k)})
    edges = []
    for link, note, route in zip(drawn.links, notes, placed.routes, strict=True):
        edge = {"from": link.a, "to": link.b, "slot": link.slot, "n_from": link.n_from, "n_to": link.n_to}
        points: list[Point] = [(_short(x + dx), _short(y + dy)) for x, y in route]
        edges.append(edge | {"points": [list(p) for p in points]} | ({"message": note} if note else {}))
    if several:
        name_arrows(record, edges)
    for frame in frames:
        frame |= {
            "x": _short(frame["x"] + dx),
            "y": _short(frame["y"] + dy),
            "w": _short(frame["w"]),
            "h": _short(frame["h"]),
        }
    return {
        "format": FORMAT,
        "width": _short(wide),
        "height": _short(tall),
        "direction": way,
        "rows": rows,
        "nodes": nodes,
        "edges": edges,
        "groups": frames,
        "note": drawn.note,
        "title": clean((record.get("meta") or {}).get("title") or ""),
        "record": record if with_record else None,
    }
