"""The module tree on a plain page: walked by keys and mouse, searched, sorted; readable at every width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.vision.models.resnet import Bottleneck, ResNet
from gradviz.widgets.tensors.module_tree import ModuleTree

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
NAMELESS = (
    "host => [...host.shadowRoot.querySelectorAll('input,select,button,summary,[tabindex],[role=treeitem]')]"
    ".filter(e => e.checkVisibility() && !e.ariaLabel && !e.textContent.trim() && !e.closest('label')).length"
)


def net() -> Any:
    torch.manual_seed(0)
    made = ResNet(Bottleneck, [3, 8, 36, 3], num_classes=10)
    made.layer1.eval()
    for p in made.layer2.parameters():
        p.requires_grad_(False)
    return made


def drawn(host: Any, change: Any) -> None:
    """Do something and wait until it has been painted."""
    before = host.get_attribute("data-drawn")
    change()
    host.page.wait_for_function("([h, b]) => h.dataset.drawn !== b", arg=[host.element_handle(), before])


def press(host: Any, *keys: str) -> None:
    for key in keys:
        drawn(host, lambda key=key: host.page.keyboard.press(key))


def said(host: Any) -> str:
    return str(host.locator(".said").inner_text())


def selected(host: Any) -> Any:
    return host.locator("[role=treeitem][aria-selected=true]")


def test_walked_by_keys(show: Any) -> None:
    model = net()
    host = show(ModuleTree(model, torch.randn(1, 3, 32, 32)).to_html()).element
    host.focus()
    press(host, "Home", "ArrowDown")
    count = sum(p.numel() for p in model.conv1.parameters())
    assert said(host).startswith(f"conv1 Conv2d, output (1, 64, 16, 16), {count:,} parameters, trainable")
    host.page.keyboard.press("/")
    host.page.keyboard.type("layer3.17.conv2")
    assert host.locator(".tools small").inner_text() == "1 of 423"
    host.page.keyboard.press("Enter")
    host.page.keyboard.press("Escape")
    assert host.locator(".side .path").inner_text() == "layer3.17.conv2"
    assert selected(host).is_visible()
    press(host, "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert "×35" in selected(host).inner_text()
    press(host, "ArrowLeft")
    assert selected(host).get_attribute("aria-expanded") == "false"
    press(host, "*", "End")
    assert said(host).startswith("fc Linear")
    assert host.locator("[role=treeitem]").count() < 80, "of 427 rows only those in sight are drawn"
    press(host, "c", "s", "Home", "ArrowDown")
    assert said(host).startswith("layer3 Sequential")


def test_clicked(show: Any) -> None:
    host = show(ModuleTree(net()).to_html()).element
    row = host.locator("[role=treeitem]", has_text="layer3")
    drawn(host, lambda: row.click())
    before = host.locator("[role=treeitem]").count()
    drawn(host, lambda: row.locator("[data-twist]").click())
    assert host.locator("[role=treeitem]").count() == before - 2
    drawn(host, lambda: host.locator("button", has_text="Parameters").click())
    mean = host.locator("[role=treeitem]", has_text="running_mean")
    assert mean.is_visible()
    drawn(host, lambda: host.locator("[role=treeitem]", has_text="bn1").first.locator("[data-twist]").click())
    assert mean.count() == 0
    host.locator("summary").click()
    heads = host.locator(".head span").all_inner_texts()
    assert "memory" not in heads
    host.locator("[data-column=memory]").check()
    assert "memory" in host.locator(".head span").all_inner_texts()
    assert host.locator("[role=treeitem]").first.inner_text().count("MB") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_is_named_and_can_be_read(show: Any, width: int, scheme: str) -> None:
    view = show(ModuleTree(net(), torch.randn(1, 3, 32, 32)).to_html(), width=width, scheme=scheme)
    host = view.element
    assert host.get_attribute("data-theme") == scheme
    assert host.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert host.locator(".left").evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    assert host.evaluate(NAMELESS) == 0
    poor = [text for text in host.evaluate(CONTRAST) if text["ratio"] < 4.5]
    assert poor == []
    heads = host.locator(".head span").all_inner_texts()
    assert heads[:2] == (["module", "settings"] if width > 1000 else ["module", "output"])
    host.focus()
    host.page.keyboard.press("t")
    assert host.locator(".twin li").first.inner_text().startswith("ResNet, output (1, 10)")
    host.page.keyboard.press("Escape")
    host.page.keyboard.press("?")
    assert host.locator(".help").is_visible()


def test_a_failed_run_is_shown(show: Any) -> None:
    host = show(ModuleTree(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2)), torch.randn(2, 3)).to_html()).element
    assert "stopped in 1 (Linear): RuntimeError: mat1 and mat2" in host.locator("[role=alert]").inner_text()
    assert "stopped here" in host.locator("[role=treeitem]").nth(2).inner_text()
