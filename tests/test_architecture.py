"""The import rules of CONTRIBUTING.md, kept."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AGENT = ROOT / "agent"
CORE = sorted((AGENT / "core").rglob("*.py"))
MODULES = sorted(AGENT.rglob("*.py"))
IMPURE = {
    "asyncio", "socket", "time", "threading", "random", "sqlite3", "click", "logging", "os", "pathlib",
    "subprocess", "concurrent", "multiprocessing", "secrets", "sqlalchemy", "aiosqlite",
}  # fmt: skip
LAYERS = ("core", "clock", "engines", "store", "session", "server", "fastagi", "app", "cli")


def imports(path: Path) -> set[str]:
    """Absolute dotted names of what a module imports, wherever in it."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.name)
def test_the_core_is_pure(path: Path) -> None:
    names = imports(path)
    assert not {name for name in names if name.split(".")[0] in IMPURE}
    assert not {name for name in names if name.startswith("agent.") and not name.startswith("agent.core")}
    opened = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name) and node.id == "open"
    ]
    assert not opened


def layer(name: str) -> int | None:
    parts = name.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[0] == "agent" and parts[1] in LAYERS else None


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(AGENT)))
def test_imports_go_downwards_only(path: Path) -> None:
    mine = layer(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if mine is None:
        return
    upward = {name for name in imports(path) if (other := layer(name)) is not None and other > mine}
    assert not upward


def test_only_the_clock_reads_the_time() -> None:
    readers = [path.name for path in MODULES if imports(path) & {"time", "time.monotonic", "time.time"}]
    assert readers == ["clock.py"]


def test_only_the_store_holds_sql() -> None:
    with_sql = [path for path in MODULES if any(n.split(".")[0] in ("sqlalchemy", "sqlite3") for n in imports(path))]
    assert {path.parent.name for path in with_sql} == {"store"}


def test_no_file_holds_two_ideas() -> None:
    assert not [path.name for path in MODULES if len(path.read_text().splitlines()) > 400]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_state_table_in_the_documentation_is_the_one_in_the_code(page: str) -> None:
    text = (ROOT / page).read_text()
    shown = text.split("<!-- state table -->")[1].split("<!-- end -->")[0].strip()
    assert shown == runpy.run_path(str(ROOT / "scripts" / "state-table"))["table"]()
