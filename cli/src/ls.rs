use std::io::{self, Write};

use clap::Args;
use pegel::ErrorKind;
use pegel::dynamic::{Reader, Snapshot};
use serde_json::{Map, Value as Json, json};

use crate::failure::Result;
use crate::place::Place;
use crate::show::{group, owner};
use crate::{json, table, time};

const MORE: &str = "\
A board that cannot be read is listed with the reason, such as DENIED; `pegel
show NAME` says more. With --json, it has a key `error` instead of the others.";

/// List the boards
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Ls {
    /// Print one JSON object a board, one a line
    #[arg(long)]
    json: bool,
}

impl Ls {
    pub fn run(self, place: &Place) -> Result<()> {
        let directory = place.directory().map_or_else(pegel::directory, Into::into);
        let names = pegel::list(Some(&directory))?;
        let boards: Vec<_> = names
            .iter()
            .map(|name| {
                (
                    name,
                    Listed::read(place, &format!("{}/{name}", directory.display())),
                )
            })
            .collect();
        if self.json {
            for (name, board) in boards {
                json::print(&object(name, board))?;
            }
            return Ok(());
        }
        if boards.is_empty() {
            let _ = writeln!(io::stderr(), "no boards in {}", directory.display());
            return Ok(());
        }
        let head = ["BOARD", "SEQUENCE", "AGE", "WRITER", "ACCESS", "HOLDS"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(boards.into_iter().map(|(name, board)| row(name, board)));
        Ok(table::print(&rows)?)
    }
}

struct Listed {
    reader: Reader,
    /// `None` when nothing has been published.
    snapshot: Option<Snapshot>,
    writer_alive: bool,
}

impl Listed {
    fn read(place: &Place, board: &str) -> pegel::Result<Self> {
        let reader = place.open(board)?;
        let snapshot = match reader.read() {
            Err(error) if error.kind() == ErrorKind::Empty => None,
            read => Some(read?),
        };
        let writer_alive = reader.writer_alive()?;
        Ok(Self {
            reader,
            snapshot,
            writer_alive,
        })
    }

    fn holds(&self) -> String {
        let schema = self.reader.schema();
        match (schema.document(), schema.fields().len()) {
            (Some(kind), _) => kind.name().to_owned(),
            (None, 1) => "1 field".to_owned(),
            (None, count) => format!("{count} fields"),
        }
    }
}

fn row(name: &str, board: pegel::Result<Listed>) -> [String; 6] {
    let board = match board {
        Ok(board) => board,
        Err(error) => {
            let unknown = || "-".to_owned();
            let reason = error.kind().name().to_owned();
            return [
                name.to_owned(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                reason,
            ];
        }
    };
    let info = board.reader.info();
    let stamp = board.snapshot.as_ref().map(Snapshot::stamp);
    [
        name.to_owned(),
        stamp.map_or(0, |stamp| stamp.sequence).to_string(),
        stamp
            .filter(|stamp| stamp.is_timed())
            .map_or_else(|| "-".to_owned(), |stamp| time::age(stamp.age_ns)),
        if board.writer_alive { "alive" } else { "none" }.to_owned(),
        format!("{:04o} {}:{}", info.mode, owner(info), group(info)),
        board.holds(),
    ]
}

fn object(name: &str, board: pegel::Result<Listed>) -> Json {
    let board = match board {
        Ok(board) => board,
        Err(error) => {
            let error = json!({ "status": error.kind().name(), "message": error.to_string() });
            return json!({ "board": name, "error": error });
        }
    };
    let info = board.reader.info();
    let mut object = json!({
        "board": name,
        "mode": format!("{:04o}", info.mode),
        "owner": owner(info),
        "group": group(info),
        "writer_alive": board.writer_alive,
        "holds": board.holds(),
        "sequence": 0,
        "generation": info.generation,
        "published": null,
        "age": null,
    });
    if let (Some(snapshot), Json::Object(object)) = (&board.snapshot, &mut object) {
        let stamp: Map<_, _> = json::stamp(snapshot);
        object.extend(stamp);
    }
    object
}
