"""SQLite's search index. FTS5 would merge its parts whenever it likes, for seconds in a large log, while it locks out
every writer. So it may not (migrations.py); whoever writes to the index also merges a little, in a transaction of its
own.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, text

ROWS = tuple(  # what FTS5 reads to take the words of some calls out of its index
    text(f"SELECT sum(length({column})) FROM said_{table} WHERE id IN :numbers").bindparams(
        bindparam("numbers", expanding=True)
    )
    for table, column in (("content", "c0"), ("docsize", "sz"))
)
PAGES = 40  # that one step writes: a few ms
STEP = f"INSERT INTO said (said, rank) VALUES ('merge', {PAGES})"
WHOLE = "INSERT INTO said (said, rank) VALUES ('merge', -1)"  # begin to merge all parts into one
OPTIMIZE = "INSERT INTO said (said) VALUES ('optimize')"  # the same at once
# A step ends only between two words, and all calls that have the word belong to one: in a large log that is seconds.
MOST_CALLS = 20_000


def merge(connection: Connection, command: str = STEP) -> bool:
    """One step. Returns whether there may be more to merge; PostgreSQL needs none of it."""
    if connection.dialect.name != "sqlite":
        return False
    before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    connection.exec_driver_sql(command)
    after = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return bool(after - before > 1)  # the command itself counts as one (the documentation of FTS5, "merge")


def is_small(connection: Connection) -> bool:
    """Whether all parts can be merged without holding up a writer."""
    if connection.dialect.name != "sqlite":
        return True
    rows = f"SELECT count(*) FROM (SELECT 1 FROM said_docsize LIMIT {MOST_CALLS + 1})"
    return bool(connection.exec_driver_sql(rows).scalar_one() <= MOST_CALLS)
