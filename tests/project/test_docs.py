"""The documentation: every page is in the site, every link leads somewhere, and the commands of the task pages work."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from bargein.cli import load_command
from bargein.core.turns.records import Resolution
from bargein.data import WEIGHTS
from tests.cli.conftest import runner
from tests.cli.log_of_two import run

__all__ = ["runner"]  # a fixture

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TASKS = ("extension", "queue", "read-log", "tune", "privacy", "upgrade", "remove", "install")
READ = ("calls", "interruptions", "show", "stats", "export", "prune", "forget")  # run to their end on a log
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _files(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [file for part in (nav.values() if isinstance(nav, dict) else nav) for file in _files(part)]


def test_every_page_is_in_the_site() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(_files(nav)) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]


def test_pictures_are_small() -> None:
    assert not [file for file in (DOCS / "images").iterdir() if file.stat().st_size > 150_000]


def _defined(path: Path) -> set[str]:
    """Functions of a module by name, methods as Class.method; classes too."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
    return found


def test_every_function_on_the_route_of_a_frame_is_in_the_file_beside_it() -> None:
    route = (ROOT / "CONTRIBUTING.md").read_text().split("<!-- route -->")[1].split("<!-- end -->")[0]
    rows = [row.split("|")[1:-1] for row in route.splitlines() if row.startswith("| ") and "`" in row]
    assert len(rows) > 20
    for step, functions, files, *_ in rows:
        paths = re.findall(r"`([\w./]+)`", files)
        folder = f"{paths.pop()}/" if " in `" in files else ""
        sources = [
            ROOT / "agent" / "bargein" / (path if (ROOT / "agent" / "bargein" / path).exists() else folder + path)
            for path in paths
        ]
        known = set().union(*map(_defined, sources))
        assert set(re.findall(r"`([\w.]+)`", functions)) <= known, step


def test_every_resolution_is_explained() -> None:
    table = (DOCS / "interruptions.md").read_text().split("what happened")[1]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(Resolution)


def test_every_file_of_weights_has_a_model_card() -> None:
    titles = [page.read_text().splitlines()[0] for page in (DOCS / "models").iterdir()]
    assert {name for title in titles for name in re.findall(r"\w+\.npz", title)} == {
        file.name for file in WEIGHTS.iterdir()
    }


def _commands(page: str) -> list[list[str]]:
    """The commands of bargein in the page's examples."""
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [re.match(r"(?:sudo (?:-u bargein )?)?\S*\bbargein ([a-z].*)", line) for line in lines]
    return [shlex.split(re.split(r" > | \| ", match[1])[0], comments=True) for match in found if match]


@pytest.mark.parametrize("page", TASKS)
def test_the_commands_of_a_task_are_there(page: str, runner: CliRunner) -> None:
    commands = _commands(page)
    assert commands or page == "install"
    for name, *words in commands:
        command = load_command(name)
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known, (name, used - known)
        if name in READ and page in ("read-log", "queue", "privacy", "remove"):
            if name == "prune" and "--older-than" not in words:
                Path("bargein.toml").write_text("[privacy]\nkeep_calls_days = 365\n")
            assert isinstance(command, click.Command)
            run(runner, name, *words)


def test_the_flow_on_the_page_of_queues_is_good(tmp_path: Path) -> None:
    flow = re.findall(r"```yaml\n(.*?)```", (DOCS / "queue.md").read_text(), re.DOTALL)[0]
    (tmp_path / "flow.yaml").write_text(flow)
    checked = CliRunner().invoke(load_command("check"), [str(tmp_path / "flow.yaml")])  # type: ignore[arg-type]
    assert checked.exit_code == 0, (checked.output, checked.exception)
