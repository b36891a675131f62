"""The README is a promise: its commands, its table, its links and its example are read and run here."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest

LESSONS = 'python3 -m venv .venv && .venv/bin/pip install -e ".[lab]" && .venv/bin/gradviz lab'
TESTS = 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/gradviz test'


@pytest.fixture(scope="module")
def readme(repo: Path) -> str:
    return (repo / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", [LESSONS, TESTS], ids=["lessons", "tests"])
def test_each_command_stands_alone_in_its_block(readme: str, command: str) -> None:
    assert [block for block in blocks(readme, "sh") if block.strip() == command] == [command + "\n"]


def test_ci_can_find_the_test_command(readme: str) -> None:
    """.ci/run takes the one line that begins a venv and ends in `gradviz test`, and calls it verbatim."""
    found = [line for line in readme.splitlines() if re.fullmatch(r"python3 -m venv .*/gradviz test", line)]
    assert found == [TESTS]


def test_the_commands_use_extras_that_exist(readme: str, repo: Path) -> None:
    extras = tomllib.loads((repo / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    texts = [readme, (repo / "CONTRIBUTING.md").read_text("utf-8"), (repo / ".ci/run").read_text("utf-8")]
    named = {name for text in texts for group in re.findall(r'-e "\.\[([\w,]+)\]"', text) for name in group.split(",")}
    assert named <= extras.keys()


def test_the_lesson_table_is_the_course(readme: str) -> None:
    from gradviz.teach import course

    assert f"\n{course.table()}\n" in readme


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_local_link_leads_somewhere(repo: Path, page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (repo / page).read_text("utf-8"))
    assert [link for link in links if not (repo / link).exists()] == []


def test_the_example_prints_what_it_says(readme: str) -> None:
    pytest.importorskip("ipywidgets", reason="ipywidgets is not installed")
    (code,) = blocks(readme, "python")
    said = re.findall(r"print\(.*\)  # (.*)", code)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert out.getvalue().splitlines() == said
