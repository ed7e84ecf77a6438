"""The import rules of CONTRIBUTING.md, kept."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGENT = ROOT / "agent" / "bargein"
CORE = sorted((AGENT / "core").rglob("*.py"))
MODULES = sorted(AGENT.rglob("*.py"))
IMPURE = {
    "asyncio", "socket", "time", "threading", "random", "sqlite3", "click", "logging", "os", "pathlib",
    "subprocess", "concurrent", "multiprocessing", "secrets", "sqlalchemy", "aiosqlite",
}  # fmt: skip
# From the bottom to the top. A layer imports from those before it, never from one behind it.
LAYERS = (
    "errors", "core", "clock", "machine", "data", "config", "speech", "dialogue", "store", "pbx", "server", "offline",
    "app", "api", "doctor", "view", "web", "cli",
)  # fmt: skip
CORE_LAYERS = ("audio", "wire", "detector", "language", "turns")


def imports(path: Path) -> set[str]:
    """Absolute dotted names of what a module imports, wherever in it."""
    package = list(path.relative_to(AGENT.parent).with_suffix("").parts[:-1])
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
    assert not {name for name in names if name.startswith("bargein.") and not name.startswith("bargein.core")}
    opened = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name) and node.id == "open"
    ]
    assert not opened


def layer(name: str) -> int | None:
    """The layer of a dotted name; None for what is not ours."""
    parts = name.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[0] == "bargein" and parts[1] in LAYERS else None


def test_every_module_belongs_to_a_layer() -> None:
    rooms = {path.relative_to(AGENT).with_suffix("").parts[0] for path in MODULES} - {"__init__", "__main__"}
    assert rooms == set(LAYERS)
    assert {path.name for path in (AGENT / "core").iterdir() if path.is_dir()} - {"__pycache__"} == set(CORE_LAYERS)


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(AGENT)))
def test_the_core_imports_downwards_only(path: Path) -> None:
    parts = path.relative_to(AGENT / "core").parts
    if len(parts) == 1:
        return
    mine = CORE_LAYERS.index(parts[0])
    used = {name.split(".")[2] for name in imports(path) if name.startswith("bargein.core.") and name.count(".") > 1}
    assert not {room for room in used & set(CORE_LAYERS) if CORE_LAYERS.index(room) > mine}


def test_no_two_classes_share_a_name() -> None:
    names = [
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    assert not {name for name in names if names.count(name) > 1}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(AGENT)))
def test_imports_go_downwards_only(path: Path) -> None:
    mine = layer(".".join(path.relative_to(AGENT.parent).with_suffix("").parts))
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


def test_only_one_module_makes_the_url_of_a_file() -> None:
    """A `%` or `?` in a file's name has to be escaped, everywhere alike."""
    made = re.compile(r"""f"sqlite|"sqlite:///" *[+%]|SQLITE *\+|\{SQLITE\}""")
    makers = [path.name for path in MODULES if made.search(path.read_text())]
    assert makers == ["url.py"]


def test_no_file_holds_two_ideas() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert not [path.name for path in [*MODULES, *tests] if len(path.read_text().splitlines()) > 400]


def test_the_state_table_in_the_documentation_is_the_one_in_the_code() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    shown = text.split("<!-- state table -->")[1].split("<!-- end -->")[0].strip()
    assert shown == runpy.run_path(str(ROOT / "scripts" / "state-table"))["table"]()


def test_the_layout_in_the_documentation_is_that_of_the_folders() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    shown = set(
        re.findall(r"^\| `([a-z/]+)` \|", page.split("<!-- layout -->")[1].split("<!-- end -->")[0], re.MULTILINE)
    )
    folders = {path.parent.relative_to(AGENT) for path in AGENT.rglob("__init__.py")}
    inside = {
        str(folder) for folder in folders if 1 <= len(folder.parts) <= (2 if folder.parts[:1] == ("core",) else 1)
    }
    assert shown == inside - {"core"}


def test_the_tests_have_the_folders_of_the_package() -> None:
    folders = {str(path.parent.relative_to(ROOT / "tests")) for path in (ROOT / "tests").rglob("test_*.py")}
    packages = {str(path.parent.relative_to(AGENT)) for path in AGENT.rglob("__init__.py")}
    assert folders - packages - {"."} == {"asterisk", "conversations", "project"}


def test_the_glossary_is_short_and_in_order() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    terms = [row for row in rows if row != "term"]
    assert 30 <= len(terms) <= 40
    assert terms == sorted(terms, key=str.lower)
