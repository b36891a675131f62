"""The static picture of a module tree, and its table: the rows that are open at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.viz.measure import clip, width
from gradviz.viz.plot import document, short
from gradviz.viz.theme import LIGHT
from gradviz.widgets.tensors.module_text import count_text
from gradviz.widgets.tensors.tensor_cells import write
from gradviz.widgets.tensors.tensor_read import size_text

WIDE = 860
SIDE, ROW, TOP = 16, 24, 78
MOST = 44  # rows of the picture
NAME = 300.0
# key -> title, width, to the right
COLUMNS: dict[str, tuple[str, float, bool]] = {
    "settings": ("settings", 180, False),
    "output": ("output", 120, False),
    "params": ("parameters", 84, True),
    "share": ("share", 76, False),
    "memory": ("memory", 70, True),
    "activations": ("activations", 76, True),
    "flops": ("FLOPs", 62, True),
    "mode": ("mode", 58, False),
    "learns": ("learns", 80, False),
    "dtype": ("dtype", 70, False),
    "device": ("device", 60, False),
}
MODES = {"train": "▶ train", "eval": "■ eval", "mixed": "◧ mixed"}


def learns(row: dict[str, Any]) -> str:
    """Whether its parameters learn, by glyph and word."""
    total, learning = row.get("all", 0), row.get("learn", 0)
    if not total:
        return ""
    return "● trainable" if learning == total else f"◐ {100 * learning / total:.3g} %" if learning else "○ frozen"


def cell(key: str, row: dict[str, Any], data: dict[str, Any]) -> str:
    """What a column says of a row; the share is a bar and a number."""
    if key == "params":
        told = f"{row['all']:,}" if row.get("all") else "—"
        return f"({told})" if "same" in row and row.get("all") else told
    if key == "share":
        whole = data["facts"]["params"]
        return percent(row["all"] / whole) if whole and row.get("all") and "same" not in row else ""
    if key == "memory":
        held = row.get("b", 0) + row.get("g", 0) + row.get("f", 0)
        return size_text(held) if held else "—"
    if key in ("activations", "flops"):
        n = row.get("a" if key == "activations" else "fl", 0)
        return (size_text(n) if key == "activations" else count_text(n)) if n else "—"
    if key in ("dtype", "device"):
        return str(data["kinds"][row.get("d", 0)][0 if key == "dtype" else 1])
    made = {"settings": row.get("x", ""), "output": row.get("o", ""), "mode": MODES[row["m"]], "learns": learns(row)}
    return str(made[key])


def percent(part: float) -> str:
    """A share in three digits at most."""
    return f"{100 * part:.3g} %" if part >= 0.01 else f"{100 * part:.1g} %" if part >= 1e-4 else "< 0.01 %"


def visible(data: dict[str, Any]) -> list[tuple[int, int, int]]:
    """The rows that are open at first, with their level and how many equal neighbours each stands for."""
    rows = data["rows"]
    children: list[list[int]] = [[] for _ in rows]
    for i, row in enumerate(rows):
        if row["u"] >= 0:
            children[row["u"]].append(i)
    out: list[tuple[int, int, int]] = []
    waiting: list[tuple[int, int, int]] = [(0, 0, 1)]
    while waiting:
        i, level, times = waiting.pop()
        out.append((i, level, times))
        if level < data["depth"] and times == 1:
            waiting += [(k, level + 1, n) for k, n in reversed(runs(children[i], rows, children))]
    return out


def runs(
    places: Sequence[int], rows: Sequence[dict[str, Any]], children: Sequence[Sequence[int]]
) -> list[tuple[int, int]]:
    """Neighbours that look the same as one: two or more of those with children, three or more of the others."""
    out: list[tuple[int, int]] = []
    at = 0
    while at < len(places):
        end = at + 1
        while end < len(places) and rows[places[end]].get("s", 0) == rows[places[at]].get("s", 0):
            end += 1
        if end - at >= (2 if children[places[at]] else 3):
            out.append((places[at], end - at))
        else:
            out += [(place, 1) for place in places[at:end]]
        at = end
    return out


def name_of(i: int, times: int, rows: Sequence[dict[str, Any]]) -> str:
    """`layer1`, or `0 … 11` for twelve equal neighbours."""
    if times == 1:
        return str(rows[i]["n"]) if rows[i]["u"] >= 0 else ""
    last = [k for k, row in enumerate(rows) if row["u"] == rows[i]["u"] and k >= i][times - 1]
    return f"{rows[i]['n']} … {rows[last]['n']}"


def table(data: dict[str, Any]) -> list[list[str]]:
    """A row of text for each module: its path, class and every column that is shown."""
    rows = data["rows"]
    paths: list[str] = []
    for row in rows:
        up = row["u"]
        paths.append(f"{paths[up]}.{row['n']}" if up > 0 else row["n"] or "(the model)")
    head = ["module", "class", *(COLUMNS[key][0] for key in data["columns"])]
    return [
        head,
        *(
            [path, row["c"], *(cell(key, row, data) for key in data["columns"])]
            for path, row in zip(paths, rows, strict=True)
        ),
    ]


def draw(data: dict[str, Any]) -> str:
    """The tree as an SVG document."""
    shown = visible(data)
    rest = len(shown) - MOST
    shown = shown[:MOST]
    columns = _fitting(data["columns"])
    wide = max(WIDE, SIDE * 2 + NAME + sum(COLUMNS[key][1] for key in columns))
    out = [write(clip(data["title"], wide - 2 * SIDE, 15), SIDE, 28, "ink", 15, weight=600)]
    out.append(write(clip(data["totals"], wide - 2 * SIDE, 12), SIDE, 48, "muted", 12))
    x = SIDE + NAME
    out.append(write("module", SIDE, TOP - 8, "muted", 11))
    for key in columns:
        title, room, right = COLUMNS[key]
        out.append(write(title, x + (room - 10 if right else 0), TOP - 8, "muted", 11, anchor="end" if right else ""))
        x += room
    ends = [TOP + k * ROW for k in range(len(shown) + 1)]
    for k, (i, level, times) in enumerate(shown):
        out += _row(data, i, level, times, ends[k], columns, wide)
    out.append(_stems(shown))
    tall = float(ends[-1] + 10)
    notes = [f"and {rest:,} more rows" if rest > 0 else "", data["error"], data["note"]]
    for text in notes:
        if text:
            out.append(
                write(clip(text, wide - 2 * SIDE, 11), SIDE, tall + 8, "bad" if text == data["error"] else "muted", 11)
            )
            tall += 18
    return document(out, wide, tall + 4, f"{data['title']}: {data['totals']}")


def _fitting(columns: Sequence[str]) -> list[str]:
    """The columns for which the picture has room, in their order."""
    room = 1180 - 2 * SIDE - NAME
    out = []
    for key in columns:
        room -= COLUMNS[key][1]
        if room < 0:
            break
        out.append(key)
    return out


def _row(
    data: dict[str, Any], i: int, level: int, times: int, y: float, columns: Sequence[str], wide: float
) -> list[str]:
    row = data["rows"][i]
    base = y + 16
    out = [f'<path d="M{SIDE} {short(y)}h{short(wide - 2 * SIDE)}" stroke="{LIGHT["frame"]}"/>']
    x = SIDE + level * 18.0
    name = clip(name_of(i, times, data["rows"]), 150, 12)
    if name:
        out.append(write(name, x, base, "ink", 12, weight=600))
        x += width(name, 12) * 1.14 + 9
    kind = clip(row["c"], max(20.0, SIDE + NAME - x - (34 if times > 1 or "same" in row else 8)), 12)
    out.append(write(kind, x, base, "group" if _has_children(data, i) else "forward", 12))
    x += width(kind, 12) * 1.05 + 8
    if times > 1:
        out.append(write(f"×{times}", x + 4, base, "backward", 12, weight=700))
    elif "same" in row:
        out.append(write("↻", x + 4, base, "backward", 12, weight=700))
    if row.get("bad"):
        out.append(write("✕", x + 14, base, "bad", 12, weight=700))
    x = SIDE + NAME
    for key in columns:
        _, room, right = COLUMNS[key]
        told = cell(key, {**row, **_times(row, times)}, data)
        if key == "share" and told:
            part = min(1.0, times * row["all"] / data["facts"]["params"])
            bar = f'<rect x="{short(x)}" y="{short(y + 7)}" height="9" rx="3"'
            out.append(f'{bar} width="{short(room - 36)}" fill="{LIGHT["frame"]}"/>')
            out.append(f'{bar} width="{short(max(1.0, part * (room - 36)))}" fill="{LIGHT["forward"]}"/>')
            out.append(write(told, x + room - 33, base, "muted", 9))
        else:
            ink = "muted" if key in ("settings", "dtype", "device") else "ink"
            ink = "backward" if told.startswith(("○", "◐", "■", "◧")) else ink
            out.append(
                write(
                    clip(told, room - (22 if key == "settings" else 8), 11),
                    x + (room - 10 if right else 0),
                    base,
                    ink,
                    11,
                    anchor="end" if right else "",
                )
            )
        x += room
    return out


def _times(row: dict[str, Any], times: int) -> dict[str, Any]:
    """The costs of equal neighbours together."""
    return {key: row[key] * times for key in ("all", "learn", "b", "g", "f", "a", "fl") if key in row}


def _has_children(data: dict[str, Any], i: int) -> bool:
    return i + 1 < len(data["rows"]) and data["rows"][i + 1]["u"] == i


def _stems(shown: Sequence[tuple[int, int, int]]) -> str:
    """The lines from each module to those in it."""
    d = ""
    for k, (_, level, _) in enumerate(shown):
        last = k
        for j in range(k + 1, len(shown)):
            if shown[j][1] <= level:
                break
            if shown[j][1] == level + 1:
                last = j
        if last > k:
            x = SIDE + level * 18 + 5
            d += f"M{x} {TOP + (k + 1) * ROW - 2}V{TOP + last * ROW + 12}"
            d += "".join(f"M{x} {TOP + j * ROW + 12}h8" for j in range(k + 1, last + 1) if shown[j][1] == level + 1)
    return f'<path d="{d}" stroke="{LIGHT["line"]}" fill="none"/>' if d else ""
