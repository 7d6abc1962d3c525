"""Files: one that is replaced by renaming, and a database."""

import json
import sqlite3

from way import Polled, Reader, Value, Way, Writer


class File(Way):
    name = "file, replaced by renaming"
    waiting = "polls"

    def writer(self) -> Writer:
        path, draft = self.place / "value.json", self.place / "value.json.new"

        class FileWriter(Writer):
            def publish(self, now: Value) -> None:
                draft.write_text(json.dumps(now))
                draft.rename(path)

        return FileWriter()

    def reader(self) -> Reader:
        path = self.place / "value.json"

        class FileReader(Polled):
            def get(self) -> Value:
                now: Value = json.loads(path.read_bytes())
                return now

        return FileReader()


class Database(Way):
    name = "database (SQLite, WAL)"
    waiting = "polls"

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.place / "values.db", isolation_level=None, timeout=10)
        # A process crash loses nothing; a power failure can lose the last values.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def writer(self) -> Writer:
        connection = self.connect()
        connection.execute("CREATE TABLE latest (id INTEGER PRIMARY KEY, value TEXT)")

        class DatabaseWriter(Writer):
            def publish(self, now: Value) -> None:
                connection.execute("REPLACE INTO latest VALUES (1, ?)", [json.dumps(now)])

            def close(self) -> None:
                connection.close()

        return DatabaseWriter()

    def reader(self) -> Reader:
        connection = self.connect()

        class DatabaseReader(Polled):
            def get(self) -> Value:
                (text,) = connection.execute("SELECT value FROM latest").fetchone()
                now: Value = json.loads(text)
                return now

            def close(self) -> None:
                connection.close()

        return DatabaseReader()


WAYS = [File, Database]
