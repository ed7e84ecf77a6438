"""The documentation: every page is in the site, every link leads somewhere, and the examples run."""

from __future__ import annotations

import ast
import asyncio
import re
import shlex
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from bargein.cli import load_command
from bargein.core.turns.records import Callback, Resolution
from bargein.data import WEIGHTS
from bargein.speech.catalog import tts
from bargein.store import Store
from tests.cli.conftest import runner
from tests.cli.log_of_two import FIRST, LAST, run
from tests.store.victim import cut

__all__ = ["runner"]  # a fixture

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OUTSIDE = ("serve", "web", "doctor", "engines")  # need Asterisk, a network, or somebody to stop them
ENDS = {"tail": ["--once"], "tune": ["--fast"], "replay": ["--fast"]}  # so that they end, and need no recognizer
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _files(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [file for part in (nav.values() if isinstance(nav, dict) else nav) for file in _files(part)]


def test_every_page_is_in_the_site() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(_files(nav)) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_the_confusion_matrix_is_what_the_script_prints() -> None:
    script = [sys.executable, ROOT / "scripts" / "bench" / "confusion"]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert (DOCS / "confusion.md").read_text().split("```")[1].strip() == printed.strip()


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


def _commands(page: Path) -> list[list[str]]:
    """The commands of bargein in the page's examples."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [re.match(r"(?:sudo (?:-u bargein )?)?\S*\bbargein ([a-z].*)", line) for line in lines]
    return [shlex.split(re.split(r" > | \| | #", match[1])[0]) for match in found if match]


def _stem(page: Path) -> str:
    return page.stem


async def _log() -> None:
    store = await Store.open("sqlite:///bargein.db")
    store.interruption(cut(1, LAST))
    store.callback(FIRST, Callback("+15550100", "", ""))
    await store.close()


@pytest.fixture
def example(runner: CliRunner) -> CliRunner:
    """What the examples speak of: recordings in which the caller speaks at 2.9 s, two interruptions, a label, a promise
    to call back, a flow, a period."""
    words = tts("hibari").synthesize("No wait, I want the blue one.").pcm
    both = np.random.default_rng(1).normal(0, 12, (7 * 8000, 2))
    both[:, 1] = np.resize(tts("hibari").synthesize("We have the red mug for ten dollars and more.").pcm, len(both))
    both[23_200 : 23_200 + len(words), 0] += words[: len(both) - 23_200]
    for number in range(2):
        file = Path(f"recordings/2026/{number}.wav")
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as wav:
            wav.setparams((2, 2, 8000, 0, "NONE", ""))
            wav.writeframes(np.clip(both, -32768, 32767).astype("<i2").tobytes())
    asyncio.run(_log())
    run(runner, "label", "last#2", "right")
    Path("flow.yaml").write_text(re.findall(r"```yaml\n(.*?)```", (DOCS / "queue.md").read_text(), re.DOTALL)[0])
    Path("bargein.toml").write_text("[privacy]\nkeep_calls_days = 365\n")
    return runner


@pytest.mark.parametrize("page", [page for page in (ROOT / "README.md", *PAGES) if _commands(page)], ids=_stem)
def test_the_examples_of_a_page_run(page: Path, example: CliRunner) -> None:
    for name, *words in _commands(page):
        command = load_command(name)
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known, (name, used - known)
        if name not in OUTSIDE:
            run(example, name, *words, *ENDS.get(name, ()))


def test_the_flow_on_the_page_of_queues_is_good(tmp_path: Path) -> None:
    flow = re.findall(r"```yaml\n(.*?)```", (DOCS / "queue.md").read_text(), re.DOTALL)[0]
    (tmp_path / "flow.yaml").write_text(flow)
    checked = CliRunner().invoke(load_command("check"), [str(tmp_path / "flow.yaml")])  # type: ignore[arg-type]
    assert checked.exit_code == 0, (checked.output, checked.exception)
