//! `SQLite` with a write-ahead log, prepared statements, and no sync of each transaction.

use rusqlite::{Connection, params};

use super::{Buffer, Peer, Place, Publish, Read, buffer, bytes, bytes_mut};

pub const PEER: Peer = Peer {
    name: "SQLite",
    writer: |place| Box::new(Database::new(place)),
    reader: |place| Box::new(Database::new(place)),
    is_contended: false,
    note: "in /dev/shm, WAL, synchronous=NORMAL, prepared statements",
};

struct Database {
    connection: Connection,
    record: Buffer,
}

impl Database {
    fn new(place: &Place) -> Self {
        let path = place.directory.join(format!("sqlite{}", place.size));
        let connection = Connection::open(path).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
                 CREATE TABLE IF NOT EXISTS latest (id INTEGER PRIMARY KEY, record BLOB);",
            )
            .expect("a table");
        Self {
            connection,
            record: buffer(place),
        }
    }
}

impl Publish for Database {
    fn publish(&mut self, record: &[u64]) {
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO latest VALUES (1, ?1)")
            .expect("prepared");
        statement.execute(params![bytes(record)]).expect("written");
    }
}

impl Read for Database {
    fn read(&mut self) -> &[u64] {
        let record = bytes_mut(&mut self.record);
        let mut statement = self
            .connection
            .prepare_cached("SELECT record FROM latest WHERE id = 1")
            .expect("prepared");
        let found = statement.query_row([], |row| {
            record.copy_from_slice(row.get_ref(0)?.as_blob()?);
            Ok(())
        });
        found.expect("written before");
        drop(statement);
        &self.record
    }
}
