use std::io::{self, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use pegel::dynamic::{Reader, Snapshot};
use pegel::{Info, durable};
use pegel_program::failure::Result;
use pegel_program::follower;
use pegel_program::json;
use pegel_program::target::Target;
use serde_json::{Map, Value as Json, json};

use crate::command::show::{group, owner};
use crate::terminal::screen::{Line, Look, Screen};
use crate::terminal::table;
use crate::time;

const MORE: &str = "\
RATE is the average over the publications that the board still holds, until now:
it falls while nothing is published. A board that cannot be read is listed with
the reason, such as DENIED; `pegel show NAME` has the message. A durable board
that has not been restored yet is NOT_FOUND. With --json, such a board has the
key `error` instead of the others; sizes are in bytes, `rate` is in publications
a second.";

const HEAD: [&str; 9] = [
    "BOARD", "FIELDS", "SIZE", "SLOTS", "SEQUENCE", "RATE", "AGE", "WRITER", "ACCESS",
];

/// List the boards
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Ls {
    /// Print one JSON object a board, one a line
    #[arg(long)]
    json: bool,
    /// Repeat every SECONDS, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1")]
    #[arg(require_equals = true, value_parser = time::pause)]
    watch: Option<Duration>,
}

impl Ls {
    pub fn run(self, target: &Target) -> Result<()> {
        let mut screen = if self.json { None } else { Screen::new() };
        loop {
            let boards = boards(target)?;
            if self.json {
                for (name, board) in &boards {
                    json::print(&object(name, board))?;
                }
            } else {
                print(
                    target,
                    &boards,
                    screen.as_mut().filter(|_| self.watch.is_some()),
                )?;
            }
            let Some(pause) = self.watch else {
                return Ok(());
            };
            io::stdout().flush()?;
            sleep(pause);
            if !self.json && screen.is_none() {
                writeln!(io::stdout())?;
            }
        }
    }
}

type Board = (String, pegel::Result<Listed>);

fn boards(target: &Target) -> Result<Vec<Board>> {
    let directory = target.directory();
    let mut names = pegel::list(Some(&directory))?;
    names.extend(kept(&directory, &names));
    let boards = names.into_iter().map(|name| {
        let board = Listed::read(target, &format!("{}/{name}", directory.display()));
        (name, board)
    });
    Ok(boards.collect())
}

/// The boards that have only a durable file: no program has restored them yet.
fn kept(directory: &Path, there: &[String]) -> Vec<String> {
    // Not every user can list that directory, and most systems have none.
    let files = durable::list().unwrap_or_default().into_iter();
    let names = files.filter_map(|(_, state)| {
        let state = state.ok()?;
        let name = state.board.file_name()?.to_str()?.to_owned();
        (state.is_in(directory) && !there.contains(&name)).then_some(name)
    });
    names.collect()
}

fn print(target: &Target, boards: &[Board], screen: Option<&mut Screen>) -> Result<()> {
    if boards.is_empty() && screen.is_none() {
        let directory = target.directory();
        let _ = writeln!(io::stderr(), "no boards in {}", directory.display());
        return Ok(());
    }
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(boards.iter().map(|(name, board)| row(name, board)));
    let Some(screen) = screen else {
        return Ok(table::print(&rows)?);
    };
    let lines = table::lines(&rows).into_iter().enumerate();
    let lines = lines.map(|(index, text)| {
        let is_well = index == 0 || boards[index - 1].1.is_ok();
        let look = match (index, is_well) {
            (0, _) => Look::Heading,
            (_, true) => Look::Plain,
            (_, false) => Look::Bad,
        };
        vec![(look, text)]
    });
    Ok(screen.draw(&lines.collect::<Vec<Line>>())?)
}

struct Listed {
    reader: Reader,
    /// `None` when nothing has been published.
    snapshot: Option<Snapshot>,
    rate: Option<f64>,
    writer_alive: bool,
}

impl Listed {
    fn read(target: &Target, board: &str) -> pegel::Result<Self> {
        let reader = target.open(board)?;
        let snapshot = follower::newest(&reader)?;
        let rate = snapshot.as_ref().and_then(|newest| rate(&reader, newest));
        let writer_alive = reader.writer_alive()?;
        Ok(Self {
            reader,
            snapshot,
            rate,
            writer_alive,
        })
    }

    /// How many, or the type of the document.
    fn fields(&self) -> String {
        let schema = self.reader.schema();
        match schema.document() {
            Some(kind) => kind.name().to_owned(),
            None => schema.fields().len().to_string(),
        }
    }
}

/// Publications a second, since the oldest that the board holds.
fn rate(reader: &Reader, newest: &Snapshot) -> Option<f64> {
    let oldest = reader.read_after(0).ok()?;
    let (oldest, newest) = (oldest.stamp(), newest.stamp());
    if !oldest.is_timed() || oldest.age_ns <= 0 {
        return None;
    }
    let count = newest.sequence.checked_sub(oldest.sequence)?;
    // Nobody needs the last digits of a rate.
    #[allow(clippy::cast_precision_loss)]
    (count > 0).then(|| count as f64 / (oldest.age_ns as f64 / 1e9))
}

fn row(name: &str, board: &pegel::Result<Listed>) -> [String; 9] {
    let board = match board {
        Ok(board) => board,
        Err(error) => {
            let mut row = [(); 9].map(|()| "-".to_owned());
            name.clone_into(&mut row[0]);
            error.kind().name().clone_into(&mut row[8]);
            return row;
        }
    };
    let info = board.reader.info();
    let stamp = board.snapshot.as_ref().map(Snapshot::stamp);
    let age = stamp.filter(|stamp| stamp.is_timed());
    [
        name.to_owned(),
        board.fields(),
        size(info.segment_size),
        info.slots.to_string(),
        stamp.map_or(0, |stamp| stamp.sequence).to_string(),
        board.rate.map_or_else(|| "-".to_owned(), time::rate),
        age.map_or_else(|| "-".to_owned(), |stamp| time::age(stamp.age_ns)),
        if board.writer_alive { "alive" } else { "none" }.to_owned(),
        access(info),
    ]
}

fn access(info: Info) -> String {
    let durable = if info.durable { ", durable" } else { "" };
    let mirror = if info.mirror { ", mirror" } else { "" };
    let (owner, group) = (owner(info), group(info));
    format!("{:04o} {owner}:{group}{durable}{mirror}", info.mode)
}

/// Bytes in the unit that fits.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

fn object(name: &str, board: &pegel::Result<Listed>) -> Json {
    let board = match board {
        Ok(board) => board,
        Err(error) => {
            let error = json!({ "status": error.kind().name(), "message": error.to_string() });
            return json!({ "board": name, "error": error });
        }
    };
    let (info, schema) = (board.reader.info(), board.reader.schema());
    let mut object = json!({
        "board": name,
        "fields": schema.document().is_none().then(|| schema.fields().len()),
        "document": schema.document().map(pegel::Type::name),
        "record_size": info.record_size,
        "segment_size": info.segment_size,
        "slots": info.slots,
        "rate": board.rate,
        "mode": format!("{:04o}", info.mode),
        "owner": owner(info),
        "group": group(info),
        "durable": info.durable,
        "mirror": info.mirror,
        "writer_alive": board.writer_alive,
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
