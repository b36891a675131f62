"""The command line: which word runs what, what doctor finds, and what `gradviz test` says at its end."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from gradviz.cli import commands, doctor, main, needs, probes
from gradviz.cli import test as tests
from gradviz.version import __version__


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["--version"], 0, f"gradviz {__version__}"),
        ([], 0, "usage: gradviz COMMAND"),
        (["--help"], 0, "lessons"),
        (["lap"], 2, "there is no command 'lap'"),
    ],
)
def test_words(argv: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == status
    out = capsys.readouterr()
    assert said in out.out + out.err


@pytest.mark.parametrize("word", commands.COMMANDS)
def test_every_command_explains_itself(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main([word, "--help"])
    except SystemExit as left:
        status = left.code
    assert status == 0
    assert f"gradviz {word}" in capsys.readouterr().out


def test_doctor_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for word in ("Python", "NumPy", "JupyterLab", "anywidget", "GPU", "dot", "Chromium", "torch", "data"):
        assert word in out
    assert importlib.metadata.version("numpy") in out


def test_doctor_on_a_bare_machine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(probes, "first_line", lambda *command: None)
    monkeypatch.setattr(probes, "chromium", lambda: None)
    monkeypatch.setattr(probes, "version", lambda name: None)
    monkeypatch.delenv("GRADVIZ_DATA", raising=False)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "jupyterlab is missing" in out
    assert "no NVIDIA driver answers here" in out
    for name in ("browser", "dot", "data", "oracle", "lab"):
        assert doctor.GET[name].split("   ")[0] in out


@pytest.mark.parametrize(("value", "there"), [(None, False), ("nowhere", False), (".", True)])
def test_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None, there: bool) -> None:
    monkeypatch.delenv("GRADVIZ_DATA", raising=False)
    if value:
        monkeypatch.setenv("GRADVIZ_DATA", str(tmp_path / value))
    folder, said = probes.data_folder()
    assert (folder is not None) == there
    assert "GRADVIZ_DATA" in said


REASONS = {
    "could not import 'torch': No module named 'torch'": "oracle",
    "no Chromium found: no browser tests": "browser",
    "playwright is not installed: no browser tests": "browser",
    "dot is not installed": "dot",
    "no CUDA device": "gpu",
    "GRADVIZ_DATA is not set": "data",
    "../shared is not here": "data",
    "repo2docker is not installed": "binder",
    "import-linter is not installed": "dev",
    "jupyterlab is not installed": "lab",
    "could not import 'ipywidgets': No module named 'ipywidgets'": "lab",
    "SIGTERM does not let JupyterLab clean up on Windows": None,
    "PyTorch has no such function": None,
}


@pytest.mark.parametrize("reason", REASONS)
def test_skips_are_understood(reason: str) -> None:
    need = needs.of_skip(reason)
    assert (need and need.name) == REASONS[reason]


def test_required_needs_are_named() -> None:
    assert needs.names("torch,browser") == {"oracle", "browser"}
    with pytest.raises(ValueError, match="knows no tensorflow"):
        needs.names("tensorflow")


def test_the_stages(repo: Path) -> None:
    one, two, many = (tests.stages(repo, cores=cores)[:2] for cores in (1, 2, 16))
    assert [stage.name for stage in two] == ["tests", "browser"]
    assert not any("-n" in stage.arguments for stage in one)
    workers = [[stage.arguments[stage.arguments.index("-n") + 1] for stage in planned] for planned in (two, many)]
    assert workers == [["2", "2"], ["4", "2"]], "a browser and a JupyterLab each take a gigabyte"


def outcome(name: str, status: int) -> tests.Outcome:
    return tests.Outcome(tests.Stage(name, []), status, 1.0)


def test_the_closing_list() -> None:
    skipped = [{"test": "tests/a.py::test", "reason": "no CUDA device"}, {"test": "tests/b.py", "reason": "just so"}]
    text = tests.closing([outcome("tests", 0), outcome("browser", 1)], skipped)
    assert "FAILED" in text
    assert needs.of_skip("no CUDA device").get in text
    assert "tests/b.py: just so" in text
    assert "Nothing was skipped." in tests.closing([outcome("tests", 0)], [])


def test_an_installed_gradviz_has_no_tests(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("gradviz.cli.places.checkout", lambda: None)
    assert main(["test"]) == 1
    assert "without its tests" in capsys.readouterr().err
