"""ChainRuleCard: the numbers of one node are the engine's, and add up."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.widgets import BackpropStepper
from gradviz.widgets.graph.chain_rule_card import ChainRuleCard

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e"


def neuron() -> tuple[Any, Any, Any]:
    x, w, b = torch.tensor(2.0), torch.tensor(-0.5, requires_grad=True), torch.tensor(0.75, requires_grad=True)
    b.grad = torch.tensor(0.25)
    return x, w, b


def loss_of(x: Any, w: Any, b: Any) -> Any:
    h = torch.tanh(w * x + b)
    return (h - 1.0) * (h - 1.0) + 0.1 * w * w


def test_every_contribution_and_its_sum() -> None:
    x, w, b = neuron()
    card = ChainRuleCard(lambda: loss_of(x, w, b), "w")
    loss_of(x, w, b).backward()
    rule = card.rule
    assert [p.who for p in rule.arrived] == ["mul_4", "mul_3", "mul"]
    products = []
    for part in rule.arrived:
        up, local, made = (float(v) for v in re.fullmatch(r"(\S+) × (\S+) = (\S+)", part.maths).groups())
        assert up * local == pytest.approx(made, rel=1e-4)
        products.append(made)
    assert sum(products) == pytest.approx(w.grad.item(), rel=1e-5)
    assert rule.arrived[-1].more.endswith(f"→ {w.grad.item():.6g} (3 of 3)")
    assert rule.grad == f"w.grad = {w.grad.item():.6g}"
    assert rule.state == "stored in .grad"


def test_what_was_in_grad_is_said() -> None:
    x, w, b = neuron()
    card = ChainRuleCard(lambda: loss_of(x, w, b), "b")
    loss_of(x, w, b).backward()
    assert card.rule.grad == f"b.grad = 0.25 + {b.grad.item() - 0.25:.6g} = {b.grad.item():.6g}"


def test_an_operation_puts_names_then_numbers_into_its_formula_and_its_rule() -> None:
    x, w, b = neuron()
    rule = ChainRuleCard(lambda: loss_of(x, w, b), "tanh").rule
    value = torch.tanh(torch.tensor(-0.25)).item()
    assert rule.forward == ["tanh = tanh(add)", f"= tanh(-0.25) = {value:.6g}"]
    (sent,) = rule.sent
    assert sent.maths == "g × (1 - tanh ** 2)"
    assert float(sent.more.rpartition("= ")[2]) == pytest.approx(float(rule.gradient) * (1 - value**2), rel=1e-5)
    assert rule.state == "passed on, freed"


def test_the_loss_is_meant_where_no_node_is_named() -> None:
    x, w, b = neuron()
    assert ChainRuleCard(lambda: loss_of(x, w, b)).rule.name == "add_2"


def test_a_node_by_number_by_name_and_by_tensor() -> None:
    x, w, b = neuron()
    hidden = torch.tanh(w * x + b)
    loss = (hidden - 1.0) ** 2
    by_name = ChainRuleCard(loss, "hidden")
    assert ChainRuleCard(loss, by_name.n).to_text() == by_name.to_text() == ChainRuleCard(loss, hidden).to_text()
    assert ChainRuleCard(loss, w).rule.name == "w"


@pytest.mark.parametrize(
    ("node", "error", "says"),
    [
        ("hiden", ValueError, "did you mean 'hidden'"),
        ("nothing like it", ValueError, "nodes: "),
        (99, IndexError, "outside the graph of"),
        (1.5, TypeError, "got float"),
        (torch.tensor(1.0), ValueError, "not a node of the graph"),
    ],
)
def test_a_wrong_node_is_refused(node: Any, error: Any, says: str) -> None:
    x, w, b = neuron()
    hidden = torch.tanh(w * x + b)
    with pytest.raises(error, match=re.escape(says)):
        ChainRuleCard((hidden - 1.0) ** 2, node)


def test_what_the_graph_knows_nothing_of() -> None:
    x, w, b = neuron()
    rule = ChainRuleCard(lambda: loss_of(x, w, b), "x").rule
    assert (rule.kind, rule.state, rule.arrived, rule.gradient) == ("constant", "needs no gradient", [], "")


def test_large_tensors_are_told_by_a_statistic() -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(20, 30), torch.randn(8, 20)
    rule = ChainRuleCard(lambda: net(x).pow(2).sum(), "weight").rule
    net(x).pow(2).sum().backward()
    assert rule.grad == f"weight.grad = norm {net.weight.grad.norm().item():.6g}"


def test_a_hook_is_said() -> None:
    w = torch.tensor(3.0, requires_grad=True)
    w.register_hook(lambda g: g * 10)
    card = ChainRuleCard(lambda: w * 2, "w")
    assert any(step.get("hook") for step in card.record["steps"])
    assert card.rule.grad == "w.grad = 20"
    assert "a hook changed" in card.to_text()


def test_its_forms() -> None:
    x, w, b = neuron()
    card, again = (ChainRuleCard(lambda: loss_of(x, w, b), "w", title="One neuron") for _ in range(2))
    assert card.to_html() == again.to_html()
    assert card.to_text().startswith("One neuron: w: leaf, scalar float32")
    for theme in ("light", "dark"):
        ET.fromstring(card.to_svg(theme=theme))
    assert json.loads(json.dumps(card.to_json()))["arrived"][0]["who"] == "mul_4"
    assert list(card._repr_mimebundle_()) == ["text/plain", "text/html"]
    assert len(card.to_html()) < 60_000
    assert w.grad is None


def test_of_a_large_graph_only_what_lies_around_is_kept() -> None:
    w = torch.tensor(0.99, requires_grad=True)

    def run() -> Any:
        y = w
        for _ in range(800):
            y = y * 1.001
        return y

    card = ChainRuleCard(run, "mul_400")
    data = card.data()
    assert len(data["record"]["nodes"]) < 12
    assert data["record"]["nodes"][data["n"]]["label"] == "mul_400"
    assert data["n"] in data["whole"]
    assert len(card.to_html()) < 60_000


def test_hostile_names() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record({HOSTILE + "x" * 10_000: w}) as tape:
        loss = (w * w).sum()
    card = ChainRuleCard(tape, 0, title=HOSTILE + "y" * 10_000)
    assert "<script>" not in card.to_svg()
    assert "<img src=x" not in card.to_html()
    ET.fromstring(card.to_svg())
    assert len(card.to_html()) < 60_000
    assert loss.item() == 5.0


def test_the_stepper_and_the_card_tell_the_same() -> None:
    x, w, b = neuron()
    steps = BackpropStepper(lambda: loss_of(x, w, b)).record["steps"]
    assert steps == list(ChainRuleCard(lambda: loss_of(x, w, b)).record["steps"])
