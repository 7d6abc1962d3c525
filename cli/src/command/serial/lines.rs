//! From bytes to lines, and from lines to whole records. What is cut, doubled or garbled never becomes one.

use std::collections::HashMap;

use pegel::dynamic::Encoded;
use pegel::{Field, Schema, Type, Value};
use pegel_program::value::FieldPath;
use serde_json::Value as Json;

use super::map::{Format, Map};

/// What became of lines.
#[derive(Default)]
pub struct Tally {
    /// That a record was made of, or that have a place in one and say nothing of a field.
    pub good: u64,
    /// That are none of the format, or of a record that lacks something.
    pub bad: u64,
    /// Too long, cut, or of a record whose beginning or end is missing.
    pub lost: u64,
    /// Why the last one was bad.
    pub reason: Option<String>,
}

/// Cuts bytes into lines.
pub struct Framer {
    line: Vec<u8>,
    max_line: usize,
    /// Until the next line end, nothing counts: what came before is not known, or too long.
    skips: bool,
}

impl Framer {
    pub fn new(max_line: usize) -> Self {
        Self {
            line: Vec::new(),
            max_line,
            skips: false,
        }
    }

    /// Takes bytes, and hands over each line that they end.
    pub fn take(
        &mut self,
        bytes: &[u8],
        tally: &mut Tally,
        mut line: impl FnMut(&str, &mut Tally),
    ) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, is_end) = match part.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (part, false),
            };
            if self.line.len() + part.len() > self.max_line {
                self.skips = true;
                self.line.clear();
            }
            if !self.skips {
                self.line.extend_from_slice(part);
            }
            if is_end {
                if self.skips {
                    tally.lost += 1;
                } else {
                    let text = String::from_utf8_lossy(&self.line);
                    line(text.trim_end_matches('\r'), tally);
                }
                self.skips = false;
                self.line.clear();
            }
        }
    }

    /// The connection is gone: what was begun is lost.
    pub fn cut(&mut self, tally: &mut Tally) {
        tally.lost += u64::from(!self.line.is_empty() || self.skips);
        self.line.clear();
        self.skips = false;
    }
}

/// Makes records of lines.
pub struct Assembler<'map> {
    map: &'map Map,
    /// Of CSV.
    columns: Option<Vec<String>>,
    /// The lines of a record that has begun, and what they say so far.
    begun: Option<(u64, Found)>,
    /// The line of the moment may be cut at its beginning.
    may_be_cut: bool,
}

/// What lines said, by the names that they use.
#[derive(Default)]
struct Found {
    values: HashMap<String, Json>,
    /// Why it can be no record.
    fault: Option<String>,
}

impl<'map> Assembler<'map> {
    pub fn new(map: &'map Map) -> Self {
        let columns = match &map.format {
            Format::Csv { columns, .. } => columns.clone(),
            _ => None,
        };
        Self {
            map,
            columns,
            begun: None,
            may_be_cut: true,
        }
    }

    /// The connection is gone, and another one begins in the middle of anything.
    pub fn cut(&mut self, tally: &mut Tally) {
        tally.lost += self.begun.take().map_or(0, |(lines, _)| lines);
        self.may_be_cut = true;
    }

    /// Takes a line; a record, if it completes one.
    pub fn line(&mut self, line: &str, tally: &mut Tally) -> Option<Encoded> {
        let is_cut = std::mem::take(&mut self.may_be_cut);
        let map = self.map;
        match &map.format {
            Format::Json => self.single(tally, json(line)),
            Format::Csv { delimiter, .. } => {
                let cells: Vec<_> = line.split(*delimiter).map(str::trim).collect();
                if self.is_header(&cells) {
                    self.columns = Some(cells.into_iter().map(str::to_owned).collect());
                    tally.good += 1;
                    return None;
                }
                let Some(columns) = self.columns.as_ref().filter(|_| !is_cut) else {
                    tally.lost += 1;
                    return None;
                };
                let found = row(columns, &cells);
                self.single(tally, found)
            }
            _ if is_cut && !matches!(map.format, Format::Patterns { frame: Some(_), .. }) => {
                tally.lost += 1;
                None
            }
            Format::Pairs => self.single(tally, Ok(pairs(line))),
            Format::Patterns {
                patterns,
                other,
                frame: None,
            } => {
                let mut found = Found::default();
                if found.capture(patterns, line) {
                    return self.single(tally, Ok(found));
                }
                if other.iter().any(|other| other.is_match(line)) {
                    tally.good += 1;
                    return None;
                }
                self.single(tally, Err("it matches no pattern".to_owned()))
            }
            Format::Patterns {
                patterns,
                other,
                frame: Some((start, end)),
            } => {
                let (is_start, is_end) = (start.is_match(line), end.is_match(line));
                if is_start {
                    // The end of the one before did not come.
                    tally.lost += self.begun.take().map_or(0, |(lines, _)| lines);
                    self.begun = Some((0, Found::default()));
                }
                let Some((lines, found)) = &mut self.begun else {
                    tally.lost += 1;
                    return None;
                };
                *lines += 1;
                let is_known = found.capture(patterns, line) || is_start || is_end;
                if !is_known && !other.iter().any(|other| other.is_match(line)) {
                    // Two lines that have become one, perhaps of two records.
                    found.fault = Some(format!("{line:?} matches no pattern"));
                }
                if !is_end {
                    return None;
                }
                let (lines, found) = self.begun.take()?;
                self.count(tally, lines, &found)
            }
        }
    }

    /// A record of one line.
    fn single(&self, tally: &mut Tally, found: Result<Found, String>) -> Option<Encoded> {
        match found {
            Ok(found) => self.count(tally, 1, &found),
            Err(reason) => {
                tally.bad += 1;
                tally.reason = Some(reason);
                None
            }
        }
    }

    fn count(&self, tally: &mut Tally, lines: u64, found: &Found) -> Option<Encoded> {
        match self.record(found) {
            Ok(record) => {
                tally.good += lines;
                Some(record)
            }
            Err(reason) => {
                tally.bad += lines;
                tally.reason = Some(reason);
                None
            }
        }
    }

    fn source<'a>(&'a self, field: &'a Field) -> &'a str {
        self.map.from.get(&field.name).unwrap_or(&field.name)
    }

    /// Whether these are the names of columns: of all fields that a record needs.
    fn is_header(&self, cells: &[&str]) -> bool {
        let has_own = matches!(
            &self.map.format,
            Format::Csv {
                columns: Some(_),
                ..
            }
        );
        let mut needed = self
            .map
            .board
            .schema
            .fields()
            .iter()
            .filter(|field| !field.may_be_missing());
        !has_own && needed.all(|field| cells.contains(&self.source(field)))
    }

    fn record(&self, found: &Found) -> Result<Encoded, String> {
        if let Some(fault) = &found.fault {
            return Err(fault.clone());
        }
        let schema = &self.map.board.schema;
        let mut record = schema.template();
        for field in schema.fields() {
            let name = &field.name;
            match lookup(&found.values, self.source(field)) {
                None | Some(Json::Null) if field.may_be_missing() => {}
                None => return Err(format!("it says nothing of {name}")),
                Some(said) => {
                    let value = self.value(schema, field, said)?;
                    schema
                        .set(&mut record, name, &value)
                        .map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(record)
    }

    fn value(&self, schema: &Schema, field: &Field, said: &Json) -> Result<Value, String> {
        let name = &field.name;
        let text = match said {
            Json::String(text) => text.trim().to_owned(),
            Json::Array(elements) => {
                let elements = elements.iter().map(|element| match element {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                });
                elements.collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        let text = match self.map.scale.get(name) {
            Some(scale) => {
                let number: f64 = text
                    .parse()
                    .map_err(|_| format!("{name}: {text:?} is no number"))?;
                let scaled = number * scale;
                let is_integer = !matches!(field.kind, Type::F32 | Type::F64);
                if is_integer {
                    scaled.round().to_string()
                } else {
                    scaled.to_string()
                }
            }
            None => plain(field.kind, &text).to_owned(),
        };
        let value = FieldPath::find(schema, name).and_then(|path| path.parse(&text));
        value.map_err(|failure| failure.to_string())
    }
}

/// A number as Rust reads it: meters write signs and leading zeros.
fn plain(kind: Type, text: &str) -> &str {
    match kind {
        Type::Text => text,
        Type::Bool => match text {
            "1" | "on" | "ON" | "True" | "TRUE" => "true",
            "0" | "off" | "OFF" | "False" | "FALSE" => "false",
            text => text,
        },
        _ => text.strip_prefix('+').unwrap_or(text),
    }
}

impl Found {
    /// Takes what patterns find in a line; whether one matches.
    fn capture(&mut self, patterns: &[regex_lite::Regex], line: &str) -> bool {
        let mut is_known = false;
        for pattern in patterns {
            let Some(captures) = pattern.captures(line) else {
                continue;
            };
            is_known = true;
            for name in pattern.capture_names().flatten() {
                if let Some(said) = captures.name(name) {
                    self.say(name, Json::from(said.as_str()));
                }
            }
        }
        is_known
    }

    fn say(&mut self, name: &str, value: Json) {
        let before = self.values.insert(name.to_owned(), value);
        if before.is_some_and(|before| before != self.values[name]) {
            self.fault = Some(format!("it says {name} twice, and not the same"));
        }
    }
}

fn json(line: &str) -> Result<Found, String> {
    match serde_json::from_str(line) {
        Ok(Json::Object(object)) => Ok(Found {
            values: object.into_iter().collect(),
            fault: None,
        }),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}

/// A member, or by its path, such as `ac.power`, that of a member.
fn lookup<'a>(values: &'a HashMap<String, Json>, path: &str) -> Option<&'a Json> {
    if let Some(value) = values.get(path) {
        return Some(value);
    }
    let mut steps = path.split('.');
    let first = values.get(steps.next()?)?;
    steps.try_fold(first, |value, step| match value {
        Json::Object(object) => object.get(step),
        Json::Array(array) => array.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// KEY=VALUE, between blanks, commas or semicolons.
fn pairs(line: &str) -> Found {
    let mut found = Found::default();
    for word in line
        .split([' ', '\t', ',', ';'])
        .filter(|word| !word.is_empty())
    {
        match word.split_once(['=', ':']) {
            Some((key, value)) if !key.is_empty() => found.say(key, Json::from(value)),
            _ => found.fault = Some(format!("{word:?} is no KEY=VALUE")),
        }
    }
    found
}

fn row(columns: &[String], cells: &[&str]) -> Result<Found, String> {
    if columns.len() != cells.len() {
        return Err(format!(
            "it has {} columns instead of {}",
            cells.len(),
            columns.len()
        ));
    }
    let mut found = Found::default();
    for (column, cell) in columns.iter().zip(cells) {
        // An empty cell says nothing.
        if !cell.is_empty() {
            found.say(column, Json::from(*cell));
        }
    }
    Ok(found)
}
