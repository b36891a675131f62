"""From a record to what is drawn: one item for each node, modules folded, shared leaves repeated beside their users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradviz.viz.measure import clean

Record = Mapping[str, Any]
Key = tuple[tuple[str, ...], int]  # a module call: its path and which of its calls this is


@dataclass(slots=True)
class Item:
    """One drawn thing: an op, a leaf, a constant, a portal (a leaf again) or a folded group; `n` is its record node."""

    kind: str
    n: int | None
    label: str
    path: str = ""
    members: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Link:
    """An arrow between two items, and the record nodes it joins."""

    a: int
    b: int
    slot: str
    n_from: int
    n_to: int


@dataclass(slots=True)
class Frame:
    """A module call whose inside is visible: the items that belong to it."""

    path: str
    label: str
    items: list[int]


@dataclass(slots=True)
class Drawing:
    """Everything layout needs."""

    items: list[Item]
    links: list[Link]
    frames: list[Frame]
    note: str


def parts(path: str | None, module: str | None) -> tuple[str, ...]:
    """Where something ran: nothing outside modules, ("",) in the outermost one, ("", "fc1") in its child."""
    if not path:
        return () if module is None else ("",)
    return ("", *path.split("."))


class Calls:
    """Which module call each op belongs to, at any depth.

    A call is a run of neighbouring ops in the order they ran, so folding calls can never make a loop.
    """

    def __init__(self, record: Record) -> None:
        nodes = record["nodes"]
        self.ops = [node["kind"] == "op" for node in nodes]
        self.leaves = [node["kind"] == "leaf" for node in nodes]
        self.paths = [parts(n.get("path"), n.get("module")) if n["kind"] == "op" else () for n in nodes]
        self.deepest = max((len(p) for p in self.paths), default=0)
        self.names = {p: node.get("module") or "" for p, node in zip(self.paths, nodes, strict=True) if p}
        self.users: list[list[int]] = [[] for _ in nodes]
        for node in nodes:
            for entry in node["inputs"]:
                if entry.get("n") is not None:
                    self.users[entry["n"]].append(node["n"])
        self.events: list[int | tuple[tuple[str, ...], str]] = []
        ran = set()
        for step in record["steps"]:
            if step["kind"] == "module_enter":
                kind = step.get("module") or ""
                self.events.append((parts(step.get("path"), kind), kind))
                self.names[parts(step.get("path"), kind)] = kind
            elif step["kind"] == "forward" and self.ops[step["n"]] and step["n"] not in ran:
                ran.add(step["n"])
                self.events.append(step["n"])
        if len(ran) < sum(self.ops):
            self.events = [n for n, is_op in enumerate(self.ops) if is_op]

    def at(self, length: int, merge: bool = False) -> tuple[list[Key | None], dict[Key, str]]:
        """For each node the call whose path has `length` parts, and what each call is named.

        Leaves belong to the call that alone uses them; constants, which are data, stay outside. `merge` joins calls
        that follow one another.
        """
        owner: list[Key | None] = [None] * len(self.paths)
        entered: dict[Key, int] = {}
        kinds: dict[Key, str] = {}
        serial, pending, kind = 0, 0, ""
        last: tuple[str, ...] | None = None
        for event in self.events:
            if isinstance(event, tuple):
                if len(event[0]) == length:
                    pending += 1
                    last = last if merge and kind in ("", event[1]) else None
                    kind = event[1]
                continue
            path = self.paths[event]
            if len(path) < length:
                last = None
                continue
            if path[:length] != last:
                serial += 1
                last = path[:length]
            key = (path[:length], serial)
            owner[event] = key
            entered[key] = entered.get(key, 0) + pending
            kinds.setdefault(key, kind if pending else self.names.get(key[0], ""))
            pending = 0
        for n, is_leaf in enumerate(self.leaves):
            if is_leaf:
                homes = {owner[u] for u in self.users[n]}
                if len(homes) == 1:
                    owner[n] = homes.pop()
        return owner, {key: _title(key[0][-1], kinds[key], entered[key]) for key in kinds}


def _title(name: str, kind: str, times: int) -> str:
    """`fc1 · Linear`, or `LSTMCell ×100`."""
    return clean(" · ".join(t for t in (name, kind) if t) or "model") + (f" ×{times}" if times > 1 else "")


def _fold(record: Record, calls: Calls, depth: int | None, merge: bool, portals: int) -> Drawing:
    """One drawing at a fixed depth; no limit is applied."""
    length = None if depth is None else depth + 1
    owner: Sequence[Key | None] = [None] * len(record["nodes"])
    titles: dict[Key, str] = {}
    if length is not None and calls.deepest:
        owner, titles = calls.at(length, merge)
    drawn = _grouped(record, calls, owner, titles, portals)
    drawn.frames = _frames(calls, drawn.items, drawn.links, length)
    return drawn


def _grouped(
    record: Record, calls: Calls, owner: Sequence[Key | None], titles: Mapping[Key, str], portals: int
) -> Drawing:
    """One item for each node without an owner, and one for each owner."""
    nodes = record["nodes"]
    items: list[Item] = []
    of: list[int] = []
    groups: dict[Key, int] = {}
    for node, key in zip(nodes, owner, strict=True):
        if key is None:
            of.append(len(items))
            label = node.get("label") or node.get("op") or node["kind"]
            items.append(Item(node["kind"], node["n"], clean(label), node.get("path") or "", [node["n"]]))
            continue
        if key not in groups:
            groups[key] = len(items)
            items.append(Item("group", None, titles[key], ".".join(key[0][1:])))
        of.append(groups[key])
        group = items[groups[key]]
        group.members.append(node["n"])
        if node["kind"] == "op" and (
            not calls.users[node["n"]] or any(owner[u] != key for u in calls.users[node["n"]])
        ):
            group.n = node["n"]
    links: list[Link] = []
    seen: set[tuple[int, int, int]] = set()
    for node in nodes:
        b = of[node["n"]]
        for entry in node["inputs"]:
            n = entry.get("n")
            if n is None or of[n] == b:
                continue
            grouped = items[b].kind == "group"
            if grouped and (of[n], b, n) in seen:
                continue
            seen.add((of[n], b, n))
            links.append(Link(of[n], b, "" if grouped else entry["slot"], n, node["n"]))
    _portals(items, links, portals)
    return Drawing(items, links, [], "")


def _portals(items: list[Item], links: list[Link], most: int) -> None:
    """Draw a leaf with more than `most` users again beside every user but the first."""
    uses: dict[int, list[Link]] = {}
    for link in links:
        if items[link.a].kind in ("leaf", "const"):
            uses.setdefault(link.a, []).append(link)
    for a, found in uses.items():
        if len({link.b for link in found}) <= most:
            continue
        home = {found[0].b: a}
        for link in found:
            if link.b not in home:
                home[link.b] = len(items)
                leaf = items[a]
                items.append(Item("portal", leaf.n, leaf.label, leaf.path, leaf.members))
            link.a = home[link.b]


def _frames(calls: Calls, items: list[Item], links: list[Link], length: int | None) -> list[Frame]:
    """Module calls that show more than one item, the outer ones first.

    One that only repeats another is left out, and so is the outermost call if it is the only one.
    """
    deepest = calls.deepest if length is None else min(calls.deepest, length - 1)
    frames: list[Frame] = []
    users: dict[int, set[int]] = {}
    for link in links:
        users.setdefault(link.a, set()).add(link.b)
    told: set[tuple[int, ...]] = set()
    for size in range(1, deepest + 1):
        owner, titles = calls.at(size)
        if size == 1 and len(titles) == 1:
            continue
        held: dict[Key, list[int]] = {}
        home: dict[int, Key | None] = {}
        for i, item in enumerate(items):
            if item.kind in ("op", "group"):
                home[i] = owner[item.members[-1]] if item.members else None
        for i, item in enumerate(items):
            key = home.get(i)
            if item.kind in ("leaf", "portal"):
                homes = {home.get(u) for u in users.get(i, ())}
                key = homes.pop() if len(homes) == 1 else None
            if key is not None:
                held.setdefault(key, []).append(i)
        for key, inside in held.items():
            mark = tuple(inside)
            if len(inside) > 1 and mark not in told and any(items[i].kind in ("op", "group") for i in inside):
                told.add(mark)
                frames.append(Frame(".".join(key[0][1:]), titles[key], inside))
    return frames


def _in_runs(record: Record, calls: Calls, count: int, portals: int) -> Drawing:
    """Neighbouring operations, in the order they ran, as about `count` boxes: for what has no modules to fold by."""
    ops = [n for n in calls.events if isinstance(n, int)]
    size = -(-len(ops) // count)
    owner: list[Key | None] = [None] * len(record["nodes"])
    for i, n in enumerate(ops):
        owner[n] = ((), i // size)
    for n, is_op in enumerate(calls.ops):
        if not is_op:
            homes = {owner[u] for u in calls.users[n]}
            owner[n] = homes.pop() if len(homes) == 1 else None
    names: dict[Key, Counter[str]] = {}
    for n in ops:
        names.setdefault(owner[n], Counter())[str(record["nodes"][n].get("op"))] += 1  # type: ignore[arg-type]
    titles = {key: clean(", ".join(name for name, _ in held.most_common(3))) for key, held in names.items()}
    drawn = _grouped(record, calls, owner, titles, portals)
    drawn.note = f"{len(record['nodes']):,} nodes: each box stands for {size:,} operations, in the order they ran"
    return drawn


def drawing(
    record: Record,
    *,
    depth: int | None = None,
    limit: int = 800,
    most: int = 10_000,
    portals: int = 3,
    merge: bool = False,
) -> Drawing:
    """What to draw of a record.

    `depth` folds every module call at that depth (0 is one box for each outermost call, 1 for each child of it, None
    unfolds all);
    `merge` joins repeated calls. Above `limit` items modules are folded further by themselves and `note` says so;
    what then still has more than `most` is drawn as runs of operations.
    """
    calls = Calls(record)
    result = _folded(record, calls, depth, limit, merge, portals)
    return result if len(result.items) <= max(most, limit) else _in_runs(record, calls, limit // 2, portals)


def _folded(record: Record, calls: Calls, depth: int | None, limit: int, merge: bool, portals: int) -> Drawing:
    """At the depth asked for, or folded further until no more than `limit` items are left, as far as that goes."""
    result = _fold(record, calls, depth, merge, portals)
    if len(result.items) <= limit or not calls.deepest:
        if len(result.items) > limit:
            result.note = f"{len(result.items):,} nodes: text is left out of the picture"
        return result
    whole = len(result.items)
    start = calls.deepest - 1 if depth is None else depth - 1
    for merged in [False, True] if not merge else [True]:
        for level in range(start, -1, -1):
            folded = _fold(record, calls, level, merged, portals)
            if len(folded.items) < len(result.items):
                result = folded
            if len(folded.items) <= limit:
                folded.note = f"{whole:,} nodes: modules are folded to depth {level}"
                folded.note += ", repeated calls joined" if merged else ""
                return folded
    result.note = f"{whole:,} nodes: folded as far as the modules allow"
    return result
