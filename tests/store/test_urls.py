"""Names of database files: whatever the file system takes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

from bargein.errors import UserError
from bargein.store import CallFilter, Reader, Store, database_url, sqlite_file, sqlite_url

NAMES = (
    "a?b.db", "x%20y/t.db", "100%.db", "a b.db", "a#b.db", "?mode=memory", "file:x.db", "%3f.db", "ü.db", "a&b=c.db",
    ":memory:.db", ":memory:", "-x.db", "a;b.db", "a\nb.db", "sqlite:///x.db", "%", "caf\udce9.db",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_of_any_name_is_made_and_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    for url in (sqlite_url(name), sqlite_url(tmp_path / name)):
        store = await Store.open(url)
        store.call_started("c1")
        await store.close()
        assert os.listdir(os.path.dirname(name) or ".") == [os.path.basename(name)]
        async with await Reader.open(url) as log:
            assert (await log.call("c1")).id == "c1"
        assert os.fspath(sqlite_file(url) or "").endswith(os.path.basename(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_option_takes_the_name_of_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).touch()
    assert sqlite_file(database_url(name)) == Path(name)


def test_a_question_mark_without_options_is_part_of_the_name() -> None:
    assert sqlite_file("sqlite:///a?b.db") == Path("a?b.db")
    assert sqlite_file("sqlite:///a.db?mode=ro") == sqlite_file("sqlite:///a.db?") == Path("a.db")


def test_the_option_takes_a_url() -> None:
    for url in ("sqlite:///x.db", "postgresql://bob@db/calls"):
        assert database_url(url) == url


async def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(UserError, match="no such database 'mysql'"):
        await Reader.open(database_url("mysql://x/y"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://x.db", "write three slashes: sqlite:///x.db"),
        ("sqlite:///", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:///~/x.db", "write its whole name"),
        ("postgresql://bob:p@ss@db/calls", "as %40"),
        ("postgresql://bob@db:99999/calls", "no such port 99999"),
        ("postgresql://bob@db:0/calls", "no such port 0"),
        ("postgresql://bob@db:port/calls", "expected"),
    ],
)
async def test_a_wrong_url_is_one_line_that_says_what_to_write(url: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        await Reader.open(url)
    assert "ss" not in str(raised.value).replace("password", "").replace("slashes", "")  # nothing of a password


async def test_a_database_of_another_program_is_not_called_an_old_one(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(UserError, match="no tables of bargein"):
        await Reader.open(sqlite_url(file))


def test_a_filter_knows_whether_it_selects_by_time_only() -> None:
    assert CallFilter().by_time_only
    assert not CallFilter(interrupted=False).by_time_only
