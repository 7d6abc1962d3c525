//! The boards that are served, and their descriptions in JSON.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use pegel::Type;
use pegel::dynamic::{Reader, Snapshot};
use pegel_program::args::serve::STATUS;
use pegel_program::failure::{self, Failure};
use pegel_program::follower::newest;
use pegel_program::refusals::{Refusals, follows};
use pegel_program::target::Target;
use pegel_program::{json, time};
use serde::Serialize;
use serde_json::{Number, Value as Json};
use utoipa::ToSchema;

use super::etag::Tag;
use super::problem::{Details, Problem, Result};

pub struct Boards {
    target: Target,
    /// Those that the command line names: as the library opens them.
    named: BTreeMap<String, String>,
    /// Whether all others of the directory are served, too.
    is_all: bool,
    writable: BTreeSet<String>,
}

impl Boards {
    pub fn new(target: Target, read: &[String], write: &[String]) -> failure::Result<Self> {
        let mut named = BTreeMap::new();
        for board in read.iter().chain(write) {
            let path = target.board(board)?;
            let before = named.insert(name_of(board).to_owned(), path.clone());
            if before.is_some_and(|before| before != path) {
                let name = name_of(board);
                let message =
                    format!("two boards have the name {name}; serve them with two servers");
                return Err(Failure::Usage(message));
            }
        }
        Ok(Self {
            target,
            named,
            is_all: read.is_empty(),
            writable: write
                .iter()
                .map(|board| name_of(board).to_owned())
                .collect(),
        })
    }

    /// The board as the library opens it.
    pub fn find(&self, name: &str) -> Result<String> {
        if let Some(board) = self.named.get(name) {
            return Ok(board.clone());
        }
        // With a slash, it would be another directory's.
        if self.is_all && !name.contains('/') {
            return Ok(format!("{}/{name}", self.target.directory().display()));
        }
        let detail = format!("board {name} is not served here: see /boards");
        Err(Problem::new(StatusCode::NOT_FOUND, detail).of(name))
    }

    /// As [`Self::find`], for writing.
    pub fn find_writable(&self, name: &str) -> Result<String> {
        let board = self.find(name)?;
        if self.is_writable(name) {
            return Ok(board);
        }
        let detail =
            format!("board {name} is read-only here; start the server with --write {name}");
        let problem = Problem::new(StatusCode::FORBIDDEN, detail);
        Err(problem.of(name))
    }

    pub fn names(&self) -> pegel::Result<Vec<String>> {
        let mut names: BTreeSet<_> = self.named.keys().cloned().collect();
        if self.is_all {
            // A client that follows all boards would follow the reports about itself.
            let listed = pegel::list(Some(&self.target.directory()))?;
            names.extend(listed.into_iter().filter(|name| !name.starts_with(STATUS)));
        }
        Ok(names.into_iter().collect())
    }

    pub fn is_writable(&self, name: &str) -> bool {
        self.writable.contains(name)
    }

    pub fn open(&self, name: &str) -> Result<Reader> {
        let board = self.find(name)?;
        self.open_path(&board)
            .map_err(|error| Problem::from(error).of(name))
    }

    /// Opens the board that [`Self::find`] returned.
    pub fn open_path(&self, board: &str) -> pegel::Result<Reader> {
        let is_named = self.named.values().any(|named| named == board);
        self.target.open_served(board, is_named)
    }

    /// The boards that clients of all boards follow.
    pub fn followed(
        &self,
        refusals: &mut Refusals,
        is_followed: impl Fn(&str) -> bool,
    ) -> pegel::Result<Vec<String>> {
        let directory = self.target.directory();
        let is_usable = |name: &str| {
            let board = format!("{}/{name}", directory.display());
            Ok(is_followed(name) || follows(self.open_path(&board))?)
        };
        let (mut names, others): (Vec<_>, Vec<_>) = self
            .names()?
            .into_iter()
            .partition(|name| self.named.contains_key(name));
        names.extend(refusals.filter(&directory, others, is_usable));
        Ok(names)
    }

    /// Reads a board; opens it again if it is replaced meanwhile.
    pub fn look<T>(&self, name: &str, look: impl Fn(&Reader) -> Result<T>) -> Result<T> {
        loop {
            let reader = self.open(name)?;
            match look(&reader) {
                Err(problem) if problem.is_gone() => {}
                Err(problem) => {
                    let problem = problem.of(name);
                    return Err(problem.at(reader.path()));
                }
                done => return done,
            }
        }
    }
}

fn name_of(board: &str) -> &str {
    board.rsplit('/').next().unwrap_or(board)
}

/// A record and what is known of its publication.
#[derive(Serialize, ToSchema)]
pub struct Publication {
    /// Counts the publications; 0: there is none yet.
    pub sequence: u64,
    /// How many writers the board has had by then; 0 for defaults, which nobody published.
    generation: u64,
    is_default: bool,
    /// Unix time in seconds; null if the writer leaves that out.
    #[schema(value_type = Option<f64>)]
    published: Option<Number>,
    /// How old it was when it was asked for, in seconds; null if the writer leaves that out.
    #[schema(value_type = Option<f64>)]
    age: Option<Number>,
    /// The fields by their names, or the document; null: there is none yet.
    record: Json,
}

impl Publication {
    pub fn of(reader: &Reader, snapshot: Option<&Snapshot>) -> Result<Self> {
        let Some(snapshot) = snapshot else {
            return Ok(Self {
                sequence: 0,
                generation: reader.info().generation,
                is_default: false,
                published: None,
                age: None,
                record: Json::Null,
            });
        };
        let stamp = snapshot.stamp();
        let seconds = |ns| stamp.is_timed().then(|| time::seconds(ns));
        Ok(Self {
            sequence: stamp.sequence,
            generation: stamp.generation,
            is_default: stamp.is_default(),
            published: seconds(stamp.published_ns),
            age: seconds(stamp.age_ns),
            record: json::record(reader, snapshot).map_err(|failure| Problem::failure(&failure))?,
        })
    }
}

/// A board and its newest record.
#[derive(Serialize, ToSchema)]
pub struct Board {
    #[serde(rename = "board")]
    name: String,
    /// Whether a writer has the board open now.
    writer_alive: bool,
    #[serde(flatten)]
    publication: Publication,
}

impl Board {
    pub fn of(reader: &Reader, snapshot: Option<&Snapshot>) -> Result<Self> {
        Ok(Self {
            name: reader.board().to_owned(),
            writer_alive: reader.writer_alive()?,
            publication: Publication::of(reader, snapshot)?,
        })
    }
}

/// What a board is made of.
#[derive(Serialize, ToSchema)]
pub struct Schema {
    board: String,
    description: String,
    /// Drawn when the board was new, and kept when it is replaced: its entity tags begin with it.
    lineage: String,
    /// `json` or `bytes`, if its records are documents.
    document: Option<&'static str>,
    /// Bytes of a record; of a document, at most.
    record_size: usize,
    slots: u32,
    #[serde(rename = "schema_hash")]
    hash: String,
    /// Whether it may be written here.
    writable: bool,
    /// In their order: name, type, unit, size, count, optional, label, description, default, min,
    /// max.
    #[schema(value_type = Vec<Object>)]
    fields: Vec<Json>,
}

impl Schema {
    pub fn of(reader: &Reader, is_writable: bool) -> Self {
        let (info, schema) = (reader.info(), reader.schema());
        Self {
            board: reader.board().to_owned(),
            description: schema.description().to_owned(),
            lineage: format!("{:016x}", reader.lineage()),
            document: schema.document().map(Type::name),
            record_size: info.record_size,
            slots: info.slots,
            hash: format!("{:016x}", info.schema_hash),
            writable: is_writable,
            fields: schema.fields().iter().map(json::described).collect(),
        }
    }
}

/// A board in the list: one that cannot be read has an error instead.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Listed {
    Board(Summary),
    Broken {
        board: String,
        #[schema(value_type = Details)]
        error: Problem,
    },
}

#[derive(Serialize, ToSchema)]
pub struct Summary {
    board: String,
    description: String,
    /// `json` or `bytes`, if its records are documents.
    document: Option<&'static str>,
    fields: Vec<FieldSummary>,
    writable: bool,
    writer_alive: bool,
    /// 0: nothing was published yet.
    sequence: u64,
    /// Unix time in seconds; null if the writer leaves that out.
    #[schema(value_type = Option<f64>)]
    published: Option<Number>,
    /// In seconds; null if the writer leaves that out.
    #[schema(value_type = Option<f64>)]
    age: Option<Number>,
}

#[derive(Serialize, ToSchema)]
pub struct FieldSummary {
    name: String,
    r#type: &'static str,
    unit: String,
    /// How many elements, if it is more than one.
    count: u32,
}

impl Boards {
    pub fn listed(&self, name: &str) -> Listed {
        let summary = self.look(name, |reader| {
            let snapshot = newest(reader)?;
            let stamp = snapshot.as_ref().map(Snapshot::stamp);
            let timed = stamp.filter(|stamp| stamp.is_timed());
            let schema = reader.schema();
            let fields = schema.fields().iter().map(|field| FieldSummary {
                name: field.name.clone(),
                r#type: field.kind.name(),
                unit: field.unit.clone(),
                count: field.count,
            });
            Ok(Summary {
                board: name.to_owned(),
                description: schema.description().to_owned(),
                document: schema.document().map(Type::name),
                fields: fields.collect(),
                writable: self.is_writable(name),
                writer_alive: reader.writer_alive()?,
                sequence: stamp.map_or(0, |stamp| stamp.sequence),
                published: timed.map(|stamp| time::seconds(stamp.published_ns)),
                age: timed.map(|stamp| time::seconds(stamp.age_ns)),
            })
        });
        match summary {
            Ok(summary) => Listed::Board(summary),
            Err(error) => Listed::Broken {
                board: name.to_owned(),
                error,
            },
        }
    }
}

/// The state in which a board was read.
pub fn tag(reader: &Reader, snapshot: Option<&Snapshot>) -> Tag {
    let sequence = snapshot.map_or(0, |snapshot| snapshot.stamp().sequence);
    Tag::of(reader, sequence)
}
