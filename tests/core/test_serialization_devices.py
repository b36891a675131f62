"""Saving from and loading to a device that is not the CPU: a stand-in whose arrays are not NumPy's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import gradviz
from gradviz.serialization import load, save
from gradviz.utils import safetensors
from tests.strict_device import strict


@pytest.fixture(autouse=True)
def device() -> Any:
    return strict()


def file(legacy: bool = False) -> io.BytesIO:
    x = gradviz.arange(12.0).reshape(3, 4).to("strict")
    made = io.BytesIO()
    value = {
        "whole": x,
        "row": x[1],
        "turned": x.T,
        "one": gradviz.ones(1, 3).to("strict").expand(4, 3),
        "cpu": gradviz.ones(2),
    }
    save(value, made, _use_new_zipfile_serialization=not legacy)
    made.seek(0)
    return made


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (None, "strict"),
        ("cpu", "cpu"),
        ({"strict": "cpu"}, "cpu"),
        (lambda storage, location: storage.cpu() if location == "strict" else None, "cpu"),
        ("strict", "strict"),
    ],
)
def test_tensors_go_where_they_are_wanted_and_share_memory(legacy: bool, place: Any, expected: str) -> None:
    found = load(file(legacy), map_location=place)
    assert [v.device.type for v in found.values()] == [expected] * 4 + ["strict" if place == "strict" else "cpu"]
    found["whole"][1, 0] = 99
    assert found["row"].cpu().tolist() == [99, 5, 6, 7]
    assert found["turned"][0].cpu().tolist() == [0, 99, 8]
    assert (found["turned"].stride(), found["one"].stride()) == ((1, 4), (0, 1))


def test_a_huge_view_of_little_memory_moves_little() -> None:
    made = io.BytesIO()
    save(gradviz.ones(1).expand(2**40), made)
    made.seek(0)
    assert load(made, map_location="strict").shape == (2**40,)


def test_safetensors(tmp_path: Path) -> None:
    x = gradviz.arange(6.0).reshape(2, 3).to("strict")
    safetensors.save_file({"a": x[:1], "b": x[1:]}, tmp_path / "model")
    found = safetensors.load_file(tmp_path / "model", device="strict")
    assert (found["b"].device.type, found["b"].cpu().tolist()) == ("strict", [[3, 4, 5]])
    with pytest.raises(RuntimeError, match=r"^Some tensors share memory"):
        safetensors.save({"a": x, "b": x[1]})
