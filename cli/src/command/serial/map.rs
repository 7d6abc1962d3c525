//! The file that defines how lines become records: a schema, as `pegel create` takes it, with a
//! section [serial].

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use pegel::Schema;
use regex_lite::Regex;
use serde::Deserialize;

use crate::description::{self, Description};

/// The default maximum length of a line, in bytes.
const MAX_LINE: usize = 4096;

pub struct Map {
    pub board: Description,
    pub port: Port,
    pub format: Format,
    /// The maximum length of a line, in bytes.
    pub max_line: usize,
    /// The name in the lines, by field.
    pub from: HashMap<String, String>,
    /// The factor of the numbers, by field.
    pub scale: HashMap<String, f64>,
    /// The line with a value, by field of the command board.
    pub write: BTreeMap<String, String>,
}

pub enum Format {
    Json,
    Pairs,
    /// Columns between delimiters; `None` if a header names them.
    Csv {
        delimiter: char,
        columns: Option<Vec<String>>,
    },
    Patterns {
        patterns: Vec<Regex>,
        /// Lines that may occur and have no field.
        other: Vec<Regex>,
        /// The first and the last line of a record, if a record has more than one.
        frame: Option<(Regex, Regex)>,
    },
}

/// The port in the map; the command line takes precedence.
pub struct Port {
    pub device: Option<String>,
    pub baud: Option<u32>,
    pub data_bits: Option<u8>,
    pub parity: Option<String>,
    pub stop_bits: Option<u8>,
    /// Whether DTR drops at exit.
    pub hangup: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    format: String,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    other: Vec<String>,
    start: Option<String>,
    end: Option<String>,
    delimiter: Option<char>,
    columns: Option<Vec<String>>,
    max_line: Option<usize>,
    #[serde(default)]
    from: HashMap<String, String>,
    #[serde(default)]
    scale: HashMap<String, f64>,
    #[serde(default)]
    write: BTreeMap<String, String>,
    port: Option<String>,
    baud: Option<u32>,
    data_bits: Option<u8>,
    parity: Option<String>,
    stop_bits: Option<u8>,
    hangup: Option<bool>,
}

pub fn read(path: &Path) -> Result<Map, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the map {shown}: {error}"))?;
    parse(&text).map_err(|error| format!("map {shown}: {}", error.trim_end()))
}

fn parse(text: &str) -> Result<Map, String> {
    let mut table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let section = table
        .remove("serial")
        .ok_or("no section [serial]; see `pegel serial --help`")?;
    let section: Section = section
        .try_into()
        .map_err(|error: toml::de::Error| format!("[serial]: {error}"))?;
    let board = description::parse(&table.to_string())?;
    if board.schema.document().is_some() {
        return Err("the board must have fields, not a document".to_owned());
    }
    for (what, names) in [
        ("from", section.from.keys().collect::<Vec<_>>()),
        ("scale", section.scale.keys().collect()),
    ] {
        if let Some(name) = names
            .into_iter()
            .find(|name| board.schema.field(name).is_err())
        {
            return Err(format!("[serial.{what}]: the board has no field {name}"));
        }
    }
    if section.max_line == Some(0) {
        return Err("max_line must be at least 1 byte (got 0)".to_owned());
    }
    let format = format(&section, &board.schema)?;
    Ok(Map {
        board,
        format,
        max_line: section.max_line.unwrap_or(MAX_LINE),
        from: section.from,
        scale: section.scale,
        write: section.write,
        port: Port {
            device: section.port,
            baud: section.baud,
            data_bits: section.data_bits,
            parity: section.parity,
            stop_bits: section.stop_bits,
            hangup: section.hangup,
        },
    })
}

fn format(section: &Section, schema: &Schema) -> Result<Format, String> {
    let has_patterns = !section.patterns.is_empty()
        || !section.other.is_empty()
        || section.start.is_some()
        || section.end.is_some();
    let has_columns = section.delimiter.is_some() || section.columns.is_some();
    if has_patterns && section.format != "patterns" {
        return Err(format!(
            "patterns, start and end need format = \"patterns\" (got {:?})",
            section.format
        ));
    }
    if has_columns && section.format != "csv" {
        return Err(format!(
            "delimiter and columns need format = \"csv\" (got {:?})",
            section.format
        ));
    }
    match &*section.format {
        "json" => Ok(Format::Json),
        "pairs" => Ok(Format::Pairs),
        "csv" => Ok(Format::Csv {
            delimiter: section.delimiter.unwrap_or(','),
            columns: section.columns.clone(),
        }),
        "patterns" => patterns(section, schema),
        other => Err(format!(
            "format must be \"json\", \"pairs\", \"csv\" or \"patterns\" (got {other:?})"
        )),
    }
}

fn patterns(section: &Section, schema: &Schema) -> Result<Format, String> {
    let regex = |pattern: &String| {
        Regex::new(pattern).map_err(|error| format!("pattern {pattern:?}: {error}"))
    };
    let patterns: Vec<_> = section
        .patterns
        .iter()
        .map(regex)
        .collect::<Result<_, _>>()?;
    let groups = patterns
        .iter()
        .flat_map(|pattern| pattern.capture_names().flatten());
    let groups: Vec<_> = groups.collect();
    let source = |name: &String| section.from.get(name).unwrap_or(name).clone();
    let is_absent = |name: &&String| !groups.contains(&&*source(name));
    let needed = schema
        .fields()
        .iter()
        .filter(|field| !field.may_be_missing());
    if let Some(name) = needed.map(|field| &field.name).find(is_absent) {
        return Err(format!(
            "field {name}: no pattern has its group (?<{}>...)",
            source(name)
        ));
    }
    let frame = match (&section.start, &section.end) {
        (Some(start), Some(end)) => Some((regex(start)?, regex(end)?)),
        (None, None) => None,
        _ => return Err("start and end must be given together".to_owned()),
    };
    let other = section.other.iter().map(regex).collect::<Result<_, _>>()?;
    Ok(Format::Patterns {
        patterns,
        other,
        frame,
    })
}
