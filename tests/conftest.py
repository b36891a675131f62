"""What every test shares: a header that says what is here, and an account of what was skipped.

GRADVIZ_REQUIRE="torch,browser" turns a skip for want of PyTorch or a browser into a failure: continuous integration
sets it, so that a test which silently stops running is seen. The names are those of gradviz.cli.needs.
"""

from __future__ import annotations

import gc
import json
import os
import re
import signal
from pathlib import Path

import pytest

from gradviz.cli import needs, probes

REQUIRED: set[str] = needs.names(os.environ.get("GRADVIZ_REQUIRE", ""))
_skipped: dict[str, str] = {}


# A shell that starts the tests in the background has them ignore interrupts, which the programs they start inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    device, why = probes.gpu()
    browser = probes.chromium() if probes.version("playwright") else None
    return [
        f"numpy: {probes.version('numpy')}, {probes.blas()}",
        f"torch: {probes.version('torch') or 'not installed, oracle tests are skipped'}",
        f"browser: {browser or 'no Chromium (or no playwright), browser tests are skipped'}",
        f"CUDA: {device or f'no GPU code is executed ({why})'}",
        *([f"required: {', '.join(sorted(REQUIRED))}"] if REQUIRED else []),
    ]


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a skip a failure when what it wants is required."""
    if not REQUIRED or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    need = needs.of_skip(_reason(report))
    if need is not None and need.name in REQUIRED:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, but GRADVIZ_REQUIRE asks for {need.name}: {_reason(report)}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    _refuse(report)
    return report


def _remember(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        _skipped[report.nodeid] = _reason(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _remember(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _remember(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Append to the file named by GRADVIZ_SKIPS, from which `gradviz test` makes its closing list."""
    file = os.environ.get("GRADVIZ_SKIPS")
    if file and not os.environ.get("PYTEST_XDIST_WORKER") and _skipped:
        with Path(file).open("a", encoding="utf-8") as out:
            out.writelines(json.dumps({"test": test, "reason": reason}) + "\n" for test, reason in _skipped.items())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Names must be the same in every process, or the tests cannot be spread over several."""
    wrong = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]{6,}", item.nodeid)]
    if wrong:
        raise pytest.UsageError("These tests need `ids=...`, their names hold an address: " + ", ".join(wrong))


@pytest.fixture(scope="module", autouse=True)
def what_is_kept() -> None:
    """The collector need not look again at what outlives a module: the tests themselves, PyTorch, its database."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared(repo: Path) -> Path:
    """The folder `shared` beside the repository (programs and data from outside it); skips where it is absent."""
    folder = repo.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is not here")
    return folder
