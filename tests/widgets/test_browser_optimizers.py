"""frontend/src/optimizers.ts takes the engine's own steps: every optimiser, many options, run by node."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.optim import lr_scheduler
from gradviz.widgets.optim.descent import KNOWN, Walk, about, descend, undisturbed
from gradviz.widgets.whatif.program import program

FRONTEND = Path(__file__).resolve().parent.parent.parent / "frontend"
STEPS = 100


def valley(x: Any, y: Any) -> Any:
    return 0.5 * x * x + 2 * y * y + 0.3 * x * y


def rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def optim(name: str, **options: Any) -> Callable[[list[Any]], Any]:
    return lambda params: getattr(torch.optim, name)(params, **options)


def groups(params: list[Any]) -> Any:
    return torch.optim.SGD([{"params": params[:1], "lr": 0.02}, {"params": params[1:], "weight_decay": 0.1}], lr=0.05)


def cosine(params: list[Any]) -> Any:
    stepper = torch.optim.Adam(params, lr=0.2)
    return stepper, lr_scheduler.CosineAnnealingLR(stepper, STEPS)


def cycle(params: list[Any]) -> Any:
    stepper = torch.optim.SGD(params, lr=0.01, momentum=0.9)
    return stepper, lr_scheduler.OneCycleLR(stepper, 0.05, total_steps=STEPS + 1)


MAKERS: dict[str, tuple[Callable[..., Any], float | None]] = {
    "SGD": (optim("SGD", lr=0.02), None),
    "SGD momentum": (optim("SGD", lr=0.02, momentum=0.9), None),
    "SGD nesterov": (optim("SGD", lr=0.02, momentum=0.8, nesterov=True, weight_decay=0.01), None),
    "SGD dampening": (optim("SGD", lr=0.02, momentum=0.7, dampening=0.3), None),
    "SGD maximize": (optim("SGD", lr=0.001, maximize=True, weight_decay=0.3), None),
    "SGD clipped": (optim("SGD", lr=0.05, momentum=0.5), 0.7),
    "Adam": (optim("Adam", lr=0.1), None),
    "Adam amsgrad": (optim("Adam", lr=0.1, amsgrad=True, betas=(0.3, 0.9)), None),
    "Adam decay": (optim("Adam", lr=0.05, weight_decay=0.1), 2.0),
    "AdamW": (optim("AdamW", lr=0.05, weight_decay=0.2), None),
    "RMSprop": (optim("RMSprop", lr=0.02), None),
    "RMSprop centred": (optim("RMSprop", lr=0.01, centered=True, momentum=0.5, alpha=0.9), None),
    "Adagrad": (optim("Adagrad", lr=0.3), None),
    "Adagrad decay": (optim("Adagrad", lr=0.3, lr_decay=0.01, initial_accumulator_value=0.1), None),
    "Adadelta": (optim("Adadelta", lr=1.0), None),
    "NAdam": (optim("NAdam", lr=0.05), None),
    "NAdam decoupled": (optim("NAdam", lr=0.05, weight_decay=0.1, decoupled_weight_decay=True), None),
    "RAdam": (optim("RAdam", lr=0.1), None),
    "Adamax": (optim("Adamax", lr=0.1), None),
    "Rprop": (optim("Rprop", lr=0.05), None),
    "ASGD": (optim("ASGD", lr=0.02, t0=10, lambd=0.01), None),
    "two groups": (groups, None),
    "Adam cosine": (cosine, None),
    "SGD one cycle": (cycle, None),
}
FUNCTIONS = {
    "valley": (valley, (-4.0, 2.0)),
    "rosenbrock": (rosenbrock, (-1.2, 1.0)),
    "one side": (lambda x, y: (y - 1) ** 2, (-4.0, 2.0)),  # no gradient ever reaches x
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Any]], list[dict[str, Any]]]:
    """Runs walks by the browser's own code."""
    if shutil.which("node") is None or not (FRONTEND / "node_modules" / "esbuild").is_dir():
        pytest.skip("the browser's code is not run: node or frontend/node_modules is missing (npm ci in frontend/)")
    folder = tmp_path_factory.mktemp("optimizers")
    build = (
        'import { build } from "esbuild"; await build({ entryPoints: ["src/optimizers.ts"], bundle: true, '
        f'format: "esm", outfile: {json.dumps(str(folder / "optimizers.mjs"))} }});'
    )
    subprocess.run(["node", "--input-type=module", "-e", build], cwd=FRONTEND, check=True, timeout=120)
    (folder / "run.mjs").write_text(
        'import { readFileSync } from "node:fs"; import { descend } from "./optimizers.mjs";'
        'const words = (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v);'
        'const cases = JSON.parse(readFileSync(0, "utf8"));'
        "const walks = cases.map((c) => descend(c.program, c.start, c.steps, c.recipe, c.single));"
        "console.log(JSON.stringify(walks, words));",
        encoding="utf-8",
    )

    def run(cases: list[Any]) -> list[dict[str, Any]]:
        done = subprocess.run(
            ["node", "run.mjs"], cwd=folder, input=json.dumps(cases), capture_output=True, text=True, check=True
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


def walks(single: bool) -> list[tuple[str, Walk, dict[str, Any]]]:
    out = []
    with undisturbed(0):
        for which, (fn, start) in FUNCTIONS.items():
            for name, (make, clip) in MAKERS.items():
                walk = descend(fn, start, make, STEPS, clip=clip)
                assert walk.recipe is not None, (name, walk.why)
                case = {"program": program(fn, [start]), "start": start, "steps": STEPS, "recipe": walk.recipe}
                out.append((f"{name} on {which}", walk, {**case, "single": single}))
    return out


def numbers(rows: Any) -> Any:
    """Words for infinities and NaN as the numbers they are."""
    if isinstance(rows, list):
        return [numbers(row) for row in rows]
    return float(rows) if isinstance(rows, str | int | float) else rows


@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
def test_a_hundred_steps_agree(browser: Any, single: bool) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if single else torch.float64)
    try:
        cases = walks(single)
    finally:
        torch.set_default_dtype(before)
    for (name, walk, _), theirs in zip(cases, browser([case for *_, case in cases]), strict=True):
        for what in ("path", "losses", "grads"):
            mine = getattr(walk, what)
            flat = [v for row in mine for v in (row if isinstance(row, list) else [row])]
            other = [v for row in numbers(theirs[what]) for v in (row if isinstance(row, list) else [row])]
            assert other == pytest.approx(flat, rel=1e-6, abs=1e-6, nan_ok=True), (name, what)
        assert set(theirs["terms"]) == set(walk.terms), name
        for term, rows in walk.terms.items():
            for k, (a, b) in enumerate(zip(numbers(theirs["terms"][term]), rows, strict=True)):
                assert a == pytest.approx(b, rel=2e-4, abs=1e-5, nan_ok=True), (name, term, k)


def test_every_known_optimiser_is_tried() -> None:
    assert {name.split()[0] for name in MAKERS} >= set(KNOWN)
    text = (FRONTEND / "src" / "optimizers.ts").read_text(encoding="utf-8")
    table = text[text.index("export const RULES") : text.index("\n};\n\nconst PAIRS")]
    for name in KNOWN:
        assert f"\n  {name}(" in table or f"\n  {name}:" in table, name


def test_the_parts_of_a_step_are_described() -> None:
    """Each part that is recorded has a name and a symbol, and each that is described is recorded."""
    for name, walk, case in walks(True):
        described = about(walk, case["recipe"]["clip"])
        assert described["keys"] == list(walk.terms), name
        assert len(described["parts"]) == len(described["keys"])
        assert described["formulas"], name


def test_the_parts_make_the_step() -> None:
    """What is shown adds up: the step is what the formula makes of the parts, by plain arithmetic."""
    with undisturbed(0):
        sgd = descend(valley, (-4.0, 2.0), optim("SGD", lr=0.02, momentum=0.9, nesterov=True), 20)
        adam = descend(valley, (-4.0, 2.0), optim("Adam", lr=0.1), 20)
        adamw = descend(valley, (-4.0, 2.0), optim("AdamW", lr=0.1, weight_decay=0.2), 20)
    for k in range(20):
        for i in range(2):
            assert sgd.terms["step"][k][i] == pytest.approx(-0.02 * sgd.terms["n"][k][i], rel=1e-3, abs=1e-6)
            for walk in (adam, adamw):
                t = walk.terms
                moved = -0.1 * t["mhat"][k][i] / (math.sqrt(t["vhat"][k][i]) + 1e-8)
                moved += t["shrink"][k][i] if "shrink" in t else 0
                assert t["step"][k][i] == pytest.approx(moved, rel=1e-3, abs=1e-6)
