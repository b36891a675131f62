"""Two graphs laid beside each other: which node of one is which of the other.

Operations are aligned in the order they ran by a longest common subsequence (Needleman and Wunsch, 1970), where a pair
counts for more the more it has in common: the module, what it was made of, what is made of it, the shape, the
name. Leaves are paired by name, then by what uses them. The result depends on the two records alone.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]
Pair = tuple[int | None, int | None]
TABLE = 250_000  # cells of the exact alignment; larger graphs are aligned by runs of equal operations


def align(a: Sequence[Node], b: Sequence[Node]) -> list[Pair]:
    """Pairs (node of a, node of b), None where there is no partner, in an order that both graphs could have run in."""
    ops = [[node for node in nodes if node["kind"] == "op"] for nodes in (a, b)]
    marks = [_marks(nodes) for nodes in (a, b)]
    chain = _chain(ops[0], ops[1], marks[0], marks[1])
    partner = {x: y for x, y in chain if x is not None and y is not None}
    leaves = _leaves(a, b, partner)
    return _with_leaves(a, b, chain, leaves)


def _digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def _marks(nodes: Sequence[Node]) -> list[tuple[str, str]]:
    """For each node what it was made of, and what was made of it, as one word each."""
    below: list[str] = []
    for node in nodes:
        given = [(i["slot"], below[i["n"]] if i.get("n") is not None else str(i.get("value"))) for i in node["inputs"]]
        first = node["op"] if node["kind"] == "op" else (node["kind"], tuple(node["shape"]))
        below.append(_digest(first, given))
    users: list[list[tuple[int, str]]] = [[] for _ in nodes]
    for node in nodes:
        for i in node["inputs"]:
            if i.get("n") is not None:
                users[i["n"]].append((node["n"], i["slot"]))
    above: list[str] = [""] * len(nodes)
    for node in reversed(nodes):
        used = sorted((nodes[n]["op"], slot, above[n]) for n, slot in users[node["n"]])
        above[node["n"]] = _digest(node["op"], used)
    return list(zip(below, above, strict=True))


def _alike(x: Node, y: Node, mx: tuple[str, str], my: tuple[str, str]) -> int:
    """How much speaks for a pair; 0: they are not the same operation."""
    if x["op"] != y["op"] or x["output"] != y["output"]:
        return 0
    score = 4 + 4 * (x["path"] == y["path"]) + 3 * (mx[0] == my[0]) + 3 * (mx[1] == my[1])
    named = x.get("variable") is not None and x.get("variable") == y.get("variable")
    line = (x.get("line") or {}).get("text")
    same = line is not None and line == (y.get("line") or {}).get("text")
    return int(score + (x["shape"] == y["shape"]) + 2 * named + same)


def _chain(a: list[Node], b: list[Node], ma: list[tuple[str, str]], mb: list[tuple[str, str]]) -> list[Pair]:
    """The two sequences of operations as one."""
    if len(a) * len(b) > TABLE:
        return _by_runs(a, b)
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    alike = [[_alike(x, y, ma[x["n"]], mb[y["n"]]) for y in b] for x in a]
    for i in range(len(a) - 1, -1, -1):
        row, under, same = best[i], best[i + 1], alike[i]
        for j in range(len(b) - 1, -1, -1):
            pair = under[j + 1] + same[j] if same[j] else -1
            row[j] = max(pair, under[j], row[j + 1])
    found: list[Pair] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if alike[i][j] and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            found.append((a[i]["n"], b[j]["n"]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            found.append((a[i]["n"], None))
            i += 1
        else:
            found.append((None, b[j]["n"]))
            j += 1
    return [*found, *((x["n"], None) for x in a[i:]), *((None, y["n"]) for y in b[j:])]


def _by_runs(a: list[Node], b: list[Node]) -> list[Pair]:
    """The same for large graphs: runs of operations that are equal by name, module and shape."""
    keys = [[(x["op"], x["path"], tuple(x["shape"]), x["output"]) for x in nodes] for nodes in (a, b)]
    names: dict[Any, int] = {}
    numbered = [[names.setdefault(key, len(names)) for key in side] for side in keys]
    found: list[Pair] = []
    for tag, i0, i1, j0, j1 in difflib.SequenceMatcher(None, numbered[0], numbered[1], autojunk=False).get_opcodes():
        if tag == "equal":
            found.extend((x["n"], y["n"]) for x, y in zip(a[i0:i1], b[j0:j1], strict=True))
        else:
            found.extend((x["n"], None) for x in a[i0:i1])
            found.extend((None, y["n"]) for y in b[j0:j1])
    return found


def _leaves(a: Sequence[Node], b: Sequence[Node], partner: dict[int, int]) -> dict[int, int]:
    """Leaves and constants: those with a name of their own by it, the rest by what uses them."""
    free = [{node["n"]: node for node in nodes if node["kind"] != "op"} for nodes in (a, b)]
    found: dict[int, int] = {}
    names: dict[tuple[str, str], int] = {}
    for n, node in free[1].items():
        names.setdefault((node["kind"], node["label"]), n)
    for n, node in free[0].items():
        m = names.get((node["kind"], node["label"])) if not _numbered(node) else None
        if m is not None and m not in found.values():
            found[n] = m
    taken = set(found.values())
    for x, y in partner.items():
        theirs = {i["slot"]: i.get("n") for i in b[y]["inputs"]}
        for given in a[x]["inputs"]:
            n, m = given.get("n"), theirs.get(given["slot"])
            if n is None or m is None or n not in free[0] or m not in free[1] or n in found or m in taken:
                continue
            if a[n]["shape"] == b[m]["shape"]:
                found[n] = m
                taken.add(m)
    return found


def _numbered(node: Node) -> bool:
    """Whether it has no name of its own: `const_2`."""
    return str(node["label"]).rpartition("_")[0] in ("const", "leaf")


def _with_leaves(a: Sequence[Node], b: Sequence[Node], chain: list[Pair], leaves: dict[int, int]) -> list[Pair]:
    """The whole sequence: each leaf just before the first operation that uses it, those nobody uses at the end."""
    back = {m: n for n, m in leaves.items()}
    found: list[Pair] = []
    seen: tuple[set[int], set[int]] = (set(), set())

    def place(n: int | None, m: int | None) -> None:
        n = back.get(m) if n is None and m is not None else n
        m = leaves.get(n) if m is None and n is not None else m
        if n in seen[0] or m in seen[1]:
            return
        for side, x in zip(seen, (n, m), strict=True):
            if x is not None:
                side.add(x)
        found.append((n, m))

    for x, y in chain:
        for given in a[x]["inputs"] if x is not None else ():
            if given.get("n") is not None and a[given["n"]]["kind"] != "op":
                place(given["n"], None)
        for given in b[y]["inputs"] if y is not None else ():
            if given.get("n") is not None and b[given["n"]]["kind"] != "op":
                place(None, given["n"])
        found.append((x, y))
    for node in a:
        if node["kind"] != "op":
            place(node["n"], None)
    for node in b:
        if node["kind"] != "op":
            place(None, node["n"])
    return found
