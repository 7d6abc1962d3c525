"""The record as the one row of an SQLite database.

In WAL mode, as SQLite advises where readers shall not wait for a writer.
"""

import sqlite3
from pathlib import Path

from record import NAMES, RECORD

COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
TYPES = {float: "REAL", int: "INTEGER", bool: "INTEGER", str: "TEXT"}


def create(path: Path) -> None:
    declared = ", ".join(
        f'"{name}" {TYPES[type(value)]} NOT NULL' for name, value in RECORD.items()
    )
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"CREATE TABLE readings ({declared})")
    with connection:
        marks = ", ".join("?" * len(RECORD))
        connection.execute(f"INSERT INTO readings VALUES ({marks})", tuple(RECORD.values()))
    connection.close()
