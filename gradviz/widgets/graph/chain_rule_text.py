"""The chain rule at one node, in words and numbers: what `ChainRuleCard` writes and draws (as frontend/src/card.ts)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gradviz.viz.measure import clean
from gradviz.viz.numbers import brief, number
from gradviz.viz.text import name_of, sums_before

WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?!\w*\()")
LIBRARY = re.compile(r"(^|\W)(_\w|xp\b|F\b)|\w=")  # a text that names the library's own parts says nothing to a reader
Record = Mapping[str, Any]


class Part(NamedTuple):
    """One contribution: from (or to) whom, what it is, the rule and the numbers of it, the sum so far."""

    who: str
    n: int
    maths: str
    more: str = ""


class ChainRule(NamedTuple):
    """Everything about one node at the end of its record."""

    kind: str
    name: str
    shape: str
    forward: list[str]
    state: str
    arrived: list[Part]
    gradient: str
    grad: str
    sent: list[Part]
    source: str
    hook: str = ""  # what a hook did to the gradient


def show(value: Mapping[str, Any] | None, statistic: str = "norm") -> str:
    """A value as the card writes it: all of it up to four numbers, else a statistic."""
    return brief(value, statistic, 6, 60) if value else "?"


def readable(formula: str | None) -> str:
    """A formula, unless it is written in the library's own terms."""
    return formula if formula and not LIBRARY.search(formula) else ""


def rewrite(formula: str, naming: Callable[[str], str | None]) -> str:
    """A formula with other words for its names."""

    def put(found: re.Match[str]) -> str:
        at, end = found.span()
        if (at and formula[at - 1] == ".") or formula[end : end + 1] == "=":
            return found[0]
        return naming(found[0]) or found[0]

    return WORD.sub(put, formula).replace(" * ", " × ")


def input_name(given: Mapping[str, Any], record: Record) -> str:
    """What an input is called: its node's name, or the number it is."""
    if given.get("n") is not None:
        return name_of(record["nodes"][given["n"]])
    if "value" not in given:
        return "?"
    value = given["value"]
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return number(value, 4) if plain else clean(str(value))


def named(formula: str, node: Record, record: Record) -> str:
    """A formula with the learner's own names: `a * b` is `x × w`."""

    def naming(word: str) -> str | None:
        given = next((e for e in node["inputs"] if e.get("slot") == word), None)
        if given is not None:
            return input_name(given, record)
        setting = (node.get("settings") or {}).get(word)
        if word == "out":
            return name_of(node)
        return number(setting) if isinstance(setting, int | float) and not isinstance(setting, bool) else None

    return rewrite(formula, naming)


def substituted(formula: str, node: Record, record: Record, grad: Mapping[str, Any] | None) -> str:
    """A formula with numbers put in; nothing when one of the tensors is too large to be written out."""
    whole = True

    def put(value: Mapping[str, Any] | None) -> str:
        nonlocal whole
        whole &= bool(value and value.get("data") is not None and len(value["data"]) <= 4)
        text = show(value, "mean")
        return f"({text})" if text.startswith("-") else text

    def naming(word: str) -> str | None:
        given = next((e for e in node["inputs"] if e.get("slot") == word), None)
        if given is not None:
            n = given.get("n")
            return input_name(given, record) if n is None else put(record["nodes"][n]["value"])
        setting = (node.get("settings") or {}).get(word)
        if word in ("out", "g"):
            return put(node["value"] if word == "out" else grad)
        return number(setting) if isinstance(setting, int | float) and not isinstance(setting, bool) else None

    text = rewrite(formula, naming)
    text = re.sub(r"\(\((-[^()]*)\)\)", r"(\1)", text)
    return re.sub(r"^\((-[^()]*)\)(?! \*\*)", r"\1", text) if whole else ""


def product(grad: Mapping[str, Any] | None, message: Record) -> str:
    """`1 × 3 = 3` where the local derivative is a factor, else `→ 3`."""
    local, made = message.get("local"), message["product"]
    one = made and made.get("data") is not None and len(made["data"]) == 1
    short = local and local.get("data") is not None and len(local["data"]) <= 4
    return f"{show(grad)} × {show(local)} = {show(made)}" if local and (one or short) else f"→ {show(made)}"


def chain_rule(record: Record, n: int) -> ChainRule:
    """The facts about a node: its formula, all that reached it in the last pass, what it passed on."""
    node, nodes = record["nodes"][n], record["nodes"]
    before = sums_before(record)
    arrived: list[Part] = []
    sent: list[Part] = []
    gradient = state = grad = hook = ""
    for step in record["steps"]:
        kind = step["kind"]
        if step.get("n") == n and step.get("hook"):
            hook = clean(step["hook"])
        if kind == "backward_begin":
            arrived, sent, gradient, hook = [], [], "", ""
            if step["root"] == n:
                gradient, state = "1", "final"
        elif kind == "backward" and step["n"] >= 0:
            for m in step["messages"]:
                if m["to"] == n:
                    so = before.get(id(m))
                    sum_ = f"{show(so)} += {show(m['product'])} → {show(m['sum'])}" if so else show(m["sum"])
                    more = f"{sum_} ({m['k']} of {m['of']})" if m["of"] > 1 else ""
                    arrived.append(Part(name_of(nodes[step["n"]]), step["n"], product(step["grad"], m), more))
                    gradient, state = show(m["sum"]), "final" if m["k"] == m["of"] else f"partial {m['k']} of {m['of']}"
            if step["n"] == n:
                sent = [_sent(record, node, step, m) for m in step["messages"] if m["to"] >= 0]
                gradient, state = show(step["grad"]), "passed on, freed" if step["frees"] else "passed on"
        elif kind == "accumulate" and step["n"] == n:
            old, state = step["before"], "stored in .grad"
            sum_ = f"{show(old)} + {gradient} = " if old else ""
            grad = f"{name_of(node)}.grad = {sum_}{show(step['after'])}"
    state = state or ("not reached" if node["requires_grad"] else "needs no gradient")
    line = node.get("line")
    kind = node["op"] if node["kind"] == "op" else "constant" if node["kind"] == "const" else "leaf"
    shape = f"[{', '.join(map(str, node['shape']))}]" if node["shape"] else "scalar"
    source = f"{line['file']}:{line['lineno']}  {clean(line['text'].strip())}" if line else ""
    title, dtype = name_of(node), node["dtype"].removeprefix("torch.")
    forward = _forward(record, node)
    return ChainRule(
        clean(kind), title, f"{shape} {dtype}", forward, state, arrived, gradient, grad, sent, source, hook
    )


def _forward(record: Record, node: Record) -> list[str]:
    name, rule = name_of(node), readable(node.get("forward"))
    if node["kind"] != "op":
        return [f"{name} = {show(node['value'], 'mean')}"]
    if not rule:
        rule = f"{clean(node['op'])}({', '.join(input_name(e, record) for e in node['inputs'])})"
        return [f"{name} = {rule}", f"= {show(node['value'], 'mean')}"]
    numbers = substituted(rule, node, record, None)
    return [
        f"{name} = {named(rule, node, record)}",
        f"= {numbers + ' = ' if numbers else ''}{show(node['value'], 'mean')}",
    ]


def _sent(record: Record, node: Record, step: Record, m: Record) -> Part:
    rule = readable((node.get("rules") or {}).get(m["slot"]))
    numbers = substituted(rule, node, record, step["grad"]) if rule else ""
    made = show(m["product"])
    maths = named(rule, node, record) if rule else f"by the rule of {clean(node['op'] or '')}"
    return Part(
        name_of(record["nodes"][m["to"]]),
        m["to"],
        maths,
        f"= {numbers} = {made}" if numbers and numbers != made else f"= {made}",
    )


def written(rule: ChainRule) -> list[str]:
    """The card as lines of text."""
    out = [f"{rule.name}: {rule.kind}, {rule.shape}", f"  {rule.forward[0]}"]
    out += [f"  {' ' * len(rule.name)} {line}" for line in rule.forward[1:]]
    out.append(f"  gradient: {rule.state}{', ' + rule.gradient if rule.gradient else ''}")
    out += [f"    from {p.who}: {p.maths}{'  sum ' + p.more if p.more else ''}" for p in rule.arrived]
    out += [f"    {rule.hook}"] if rule.hook else []
    out += [f"  {rule.grad}"] if rule.grad else []
    out += [f"    to {p.who}: {p.maths} {p.more}" for p in rule.sent]
    out += [f"  {rule.source}"] if rule.source else []
    return out
