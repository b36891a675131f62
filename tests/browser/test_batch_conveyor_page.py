"""BatchConveyor on a plain page: stepping, following a row, and every order that the page makes itself is torch's."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz.utils.data import DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler
from gradviz.widgets.data.batch_conveyor import BatchConveyor
from tests.browser.lab import View

N = 22
ROWS = TensorDataset(torch.arange(N).float(), torch.arange(N) % 3)
FACTS = "view => view.conveyor.map(epoch => ({...epoch.facts, steps: epoch.steps, sizes: epoch.sizes}))"


def said(view: View) -> str:
    return str(view.element.locator(".said").inner_text())


def shown(view: View) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = view.element.evaluate(FACTS)
    return found


def wanted(view: BatchConveyor) -> list[dict[str, Any]]:
    return [
        {**epoch.to_json()["facts"], "steps": epoch.steps, "sizes": epoch.sizes} for epoch in view.runs[0]
    ]  # fmt: skip


def test_rows_move_by_keys_and_mouse(show: Any) -> None:
    made = BatchConveyor(DataLoader(ROWS, batch_size=4, shuffle=True, drop_last=True), seed=0, classes=["a", "b", "c"])
    first, second = made.runs[0]
    view = show(made.to_html())
    assert shown(view) == wanted(made)
    assert view.step == 4
    view.press("Home", 0)
    assert "no row has been drawn" in said(view)
    view.press("ArrowRight", 1)
    row = first.steps[0]
    assert said(view) == f"Epoch 1, batch 0: row {row} ({'abc'[row % 3]}) takes place 1 of 4."
    assert view.element.locator(".belt .card").first.get_attribute("data-row") == str(first.steps[1])
    view.press("Control+ArrowRight", 4)
    assert "The batch is full" in said(view)
    assert "collated to [4] · [4]" in said(view)
    view.press("Control+ArrowRight", 8)
    view.press("Control+ArrowLeft", 4)
    view.press("Control+ArrowDown", N + 4)
    assert "Epoch 2, batch 0" in said(view)
    view.press("End", 2 * N)
    assert "dropped" in said(view)
    assert view.element.locator(".tray.left .slot.in").count() == 2
    view.element.locator(f".shelf .card[data-row='{row}']").click()
    at = second.steps.index(row)
    assert f"epoch 1 batch 0, epoch 2 batch {at // 4}" in said(view)
    assert view.element.locator(f".card.picked:not([data-row='{row}'])").count() == 0
    assert view.element.locator(".thread.picked").count() == (
        1 if at // 4 == 5 else view.element.locator(".thread.picked").count()
    )
    view.keyboard.press("t")
    assert view.element.locator(".twin tr").count() == 1 + 2 * 6


@pytest.mark.parametrize("generator", [None, "loader", "sampler"])
def test_the_page_makes_the_orders_of_the_engine(show: Any, generator: str | None) -> None:
    def loader(size: int, shuffle: bool, drop: bool) -> Any:
        if generator == "sampler":
            sampler = RandomSampler(ROWS, generator=torch.Generator())
            return DataLoader(ROWS, size, sampler=sampler, drop_last=drop)
        own = torch.Generator() if generator else None
        return DataLoader(ROWS, size, shuffle=shuffle, drop_last=drop, generator=own)

    view = show(BatchConveyor(loader(4, True, False), epochs=3, seed=0).to_html())
    seed, size = view.element.get_by_label("Seed"), view.element.get_by_label("batch_size", exact=True)
    for number, rows in ((1, 4), (12345, 7), (2**40 + 5, 22), (0, 1)):
        seed.fill(str(number))
        seed.press("Enter")
        size.fill(str(rows))
        size.press("Enter")
        assert shown(view) == wanted(BatchConveyor(loader(rows, True, False), epochs=3, seed=number))
    view.element.get_by_label("drop_last").check()
    size.fill("5")
    size.press("Enter")
    assert shown(view) == wanted(BatchConveyor(loader(5, True, True), epochs=3, seed=0))
    if generator != "sampler":
        view.element.get_by_label("shuffle").uncheck()
        assert shown(view) == wanted(BatchConveyor(loader(5, False, True), epochs=3, seed=0))
    view.focus()
    view.keyboard.press("r")
    assert shown(view) == wanted(BatchConveyor(loader(4, True, False), epochs=3, seed=0))
    view.keyboard.press("+")
    view.keyboard.press("n")
    assert shown(view) == wanted(BatchConveyor(loader(5, True, False), epochs=3, seed=1))


def test_a_loader_that_does_not_shuffle_can_be_made_to(show: Any) -> None:
    view = show(BatchConveyor(DataLoader(ROWS, 4)).to_html())
    view.element.get_by_label("shuffle").check()
    assert shown(view) == wanted(BatchConveyor(DataLoader(ROWS, 4, shuffle=True), seed=0))


def test_seeds_of_a_sampler_that_only_python_knows(show: Any) -> None:
    loader = DataLoader(ROWS, 5, sampler=WeightedRandomSampler([1.0] * N, N))
    view = show(BatchConveyor(loader, seed=[3, 4]).to_html())
    assert view.element.get_by_label("shuffle").count() == 0
    view.focus()
    view.keyboard.press("n")
    assert shown(view) == wanted(BatchConveyor(loader, seed=4))
    assert "×" in view.element.locator(".shelf").inner_text() or view.element.locator(".times:visible").count() == 0
    view.keyboard.press("End")
    assert "never drawn" in said(view)


@pytest.mark.parametrize("width", [600, 1600])
def test_large_and_empty_batches(show: Any, width: int) -> None:
    big = TensorDataset(torch.rand(2000, 4), torch.arange(2000) % 10)
    view = show(BatchConveyor(DataLoader(big, 64, shuffle=True), seed=0).to_html(), width=width, scheme="dark")
    assert view.element.locator(".tray").count() == 3
    view.press("End", 384)
    none = show(BatchConveyor(DataLoader(ROWS, 30, drop_last=True)).to_html(), width=width)
    assert "dropped" in none.element.locator(".facts").inner_text()
