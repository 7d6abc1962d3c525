use std::io::{self, Write};

use clap::Args;
use nix::unistd::{Gid, Group, Uid, User};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{Details, Field, Info, Type, Value};
use pegel_program::failure::Result;
use pegel_program::follower;
use pegel_program::target::Target;
use pegel_program::{escape, json, value};
use serde_json::{Value as Json, json};

use crate::terminal::table;
use crate::time;

/// Print everything about a board
#[derive(Args)]
pub struct Show {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn run(self, target: &Target) -> Result<()> {
        let reader = target.reader(&self.name)?;
        let snapshot = follower::newest(&reader)?;
        if self.json {
            return Ok(json::print(&object(&reader, snapshot.as_ref())?)?);
        }
        print_facts(&reader, snapshot.as_ref())?;
        writeln!(io::stdout())?;
        match reader.schema().document() {
            Some(kind) => print_document(&reader, kind, snapshot.as_ref()),
            None => print_fields(&reader, snapshot.as_ref()),
        }
    }
}

fn object(reader: &Reader, snapshot: Option<&Snapshot>) -> Result<Json> {
    let info = reader.info();
    let alive = reader.writer_alive()?;
    let writer = reader.writer_process().filter(|_| alive);
    let mut board = json!({
        "board": reader.board(),
        "description": reader.schema().description(),
        "path": reader.path().to_string_lossy(),
        "mode": format!("{:04o}", info.mode),
        "owner": owner(info),
        "group": group(info),
        "segment_size": info.segment_size,
        "record_size": info.record_size,
        "slots": info.slots,
        "checksums": info.checksums,
        "durable": info.durable,
        "mirror": info.mirror,
        "synced": reader.durable_state().ok().flatten().map(|state| state.sequence),
        "schema_hash": format!("{:016x}", info.schema_hash),
        "writer_alive": alive,
        "writer_process": writer.as_ref().map(|process| process.id),
        "writer_program": writer.as_ref().map(|process| &process.name),
        "fields": reader.schema().fields().iter().map(json::described).collect::<Vec<_>>(),
        "sequence": 0,
        "generation": info.generation,
        "published": null,
        "age": null,
        "record": null,
    });
    if let (Some(snapshot), Json::Object(board)) = (snapshot, &mut board) {
        board.extend(json::stamp(snapshot));
        let record = json::record(reader, snapshot)?;
        board.insert("record".into(), record);
    }
    Ok(board)
}

fn print_facts(reader: &Reader, snapshot: Option<&Snapshot>) -> Result<()> {
    let info = reader.info();
    let writer = match (reader.writer_alive()?, reader.writer_process()) {
        (false, _) => "none now".to_owned(),
        (true, None) => "alive".to_owned(),
        (true, Some(process)) => {
            format!(
                "alive: {}, process {}",
                escape::line(&process.name),
                process.id
            )
        }
    };
    let checksums = if info.checksums {
        ", with checksums"
    } else {
        ""
    };
    let facts = [
        ("board", about(reader)),
        ("file", escape::line(&reader.path().to_string_lossy())),
        (
            "access",
            format!("{:04o} {}:{}", info.mode, owner(info), group(info)),
        ),
        (
            "ring",
            format!(
                "{} slots of {} bytes{checksums}",
                info.slots, info.record_size
            ),
        ),
        ("writer", format!("{writer}; {} so far", info.generation)),
        ("sequence", sequence(snapshot)),
        ("published", published(snapshot)),
    ];
    let mut facts = facts.map(|(fact, text)| [fact.to_owned(), text]).to_vec();
    if info.durable {
        let synced = match reader.durable_state() {
            Ok(Some(state)) => format!("sequence {} in {}", state.sequence, state.file.display()),
            Ok(None) => "no durable file yet".to_owned(),
            Err(error) => error.to_string(),
        };
        facts.push(["durable".to_owned(), escape::line(&synced)]);
    }
    if info.mirror {
        facts.push(["mirror", "of another machine's board; read-only here"].map(str::to_owned));
    }
    Ok(table::print(&facts)?)
}

fn published(snapshot: Option<&Snapshot>) -> String {
    let Some(snapshot) = snapshot else {
        return "never".to_owned();
    };
    let stamp = snapshot.stamp();
    if !stamp.is_timed() {
        return "at an unknown time (unstamped writer)".to_owned();
    }
    let (moment, age) = (time::local(stamp.published_ns), time::age(stamp.age_ns));
    format!("{moment}, {age} ago")
}

fn print_fields(reader: &Reader, snapshot: Option<&Snapshot>) -> Result<()> {
    let abouts = reader.schema().fields().iter().map(about_field);
    let abouts: Vec<_> = abouts.collect();
    let heading = if abouts.iter().any(|about| !about.is_empty()) {
        "ABOUT"
    } else {
        ""
    };
    let mut rows = vec![["FIELD", "TYPE", "UNIT", "VALUE", heading].map(str::to_owned)];
    for (field, about) in reader.schema().fields().iter().zip(abouts) {
        let value = match snapshot {
            Some(snapshot) => listed(&snapshot.get(&field.name)?),
            None => "-".to_owned(),
        };
        rows.push([
            field.name.clone(),
            type_of(field),
            escape::line(&field.unit),
            value,
            about,
        ]);
    }
    Ok(table::print(&rows)?)
}

fn about(reader: &Reader) -> String {
    match reader.schema().description() {
        "" => reader.board().to_owned(),
        description => format!("{}: {}", reader.board(), escape::line(description)),
    }
}

fn sequence(snapshot: Option<&Snapshot>) -> String {
    match snapshot.map(Snapshot::stamp) {
        None => "0".to_owned(),
        Some(stamp) if stamp.is_default() => {
            format!("{}, the defaults; nothing is published yet", stamp.sequence)
        }
        Some(stamp) => stamp.sequence.to_string(),
    }
}

/// What people read about a field: its label, or else its description, and its limits.
fn about_field(field: &Field) -> String {
    let Details {
        label,
        description,
        min,
        max,
        ..
    } = &field.details;
    let name = if label.is_empty() { description } else { label };
    let limits = match (min, max) {
        (Some(min), Some(max)) => format!("{} to {}", listed(min), listed(max)),
        (Some(min), None) => format!("at least {}", listed(min)),
        (None, Some(max)) => format!("at most {}", listed(max)),
        (None, None) => String::new(),
    };
    let parts = [escape::line(name), limits];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// Texts are quoted, so that their ends can be seen.
pub fn listed(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => format!("{text:?}"),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(listed).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::F32(_)
        | Value::Float(_)
        | Value::Bytes(_) => value::text(value),
    }
}

fn type_of(field: &Field) -> String {
    let mut text = field.kind.name().to_owned();
    if field.kind == Type::Text {
        text = format!("{text}({})", field.size);
    }
    if field.count > 1 {
        text = format!("{text}[{}]", field.count);
    }
    text
}

fn print_document(reader: &Reader, kind: Type, snapshot: Option<&Snapshot>) -> Result<()> {
    let mut out = io::stdout().lock();
    let Some(snapshot) = snapshot else {
        return Ok(writeln!(out, "a document of {kind}")?);
    };
    let length = snapshot.stamp().record_size;
    writeln!(out, "a document of {kind}, {length} bytes")?;
    if kind == Type::Json {
        let document = format!("{:#}", json::document(reader, snapshot)?);
        writeln!(out, "{}", escape::json(&document))?;
    }
    Ok(())
}

pub fn owner(info: Info) -> String {
    let user = User::from_uid(Uid::from_raw(info.owner)).ok().flatten();
    user.map_or_else(|| info.owner.to_string(), |user| user.name)
}

pub fn group(info: Info) -> String {
    let group = Group::from_gid(Gid::from_raw(info.group)).ok().flatten();
    group.map_or_else(|| info.group.to_string(), |group| group.name)
}
