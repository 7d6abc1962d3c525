//! Assembles whole records from lines. A line that is cut, doubled or garbled never becomes one.

use std::collections::HashMap;

use pegel::dynamic::Encoded;
use pegel::{Field, Schema, Type, TypeClass, Value};
use pegel_program::value::FieldPath;
use regex_lite::Regex;
use serde_json::Value as Json;

use super::framer::Tally;
use super::map::{Format, Map};
use super::unique;

/// Assembles records from lines.
pub struct Assembler<'map> {
    map: &'map Map,
    /// The columns of CSV, once they are known.
    columns: Option<Vec<String>>,
    /// The number of lines of the record that has begun, and their values so far.
    begun: Option<(u64, Found)>,
    /// Whether the beginning of the next line may be missing.
    may_be_cut: bool,
}

/// The values of lines, by the names in the lines.
#[derive(Default)]
struct Found {
    values: HashMap<String, Json>,
    /// Why they cannot become a record.
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

    /// Discards the record that has begun, as the connection is lost: the next one can begin
    /// anywhere.
    pub fn cut(&mut self, tally: &mut Tally) {
        tally.lost += self.begun.take().map_or(0, |(lines, _)| lines);
        self.may_be_cut = true;
    }

    /// Takes a line, and returns the record that it completes, if any.
    pub fn line(&mut self, line: &[u8], tally: &mut Tally) -> Option<Encoded> {
        let is_cut = std::mem::take(&mut self.may_be_cut);
        let map = self.map;
        let Ok(line) = std::str::from_utf8(line) else {
            return self.garbled(is_cut, line, tally);
        };
        match &map.format {
            Format::Json => self.single(tally, json(line)),
            Format::Csv { delimiter, .. } => self.csv(*delimiter, is_cut, line, tally),
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
                self.single(
                    tally,
                    Err(format!("the line matches no pattern (got {line:?})")),
                )
            }
            Format::Patterns {
                patterns,
                other,
                frame: Some((start, end)),
            } => {
                let frame = (start.is_match(line), end.is_match(line));
                self.framed(frame, patterns, other, line, tally)
            }
        }
    }

    /// A row of values, or the header that names its columns.
    fn csv(
        &mut self,
        delimiter: char,
        is_cut: bool,
        line: &str,
        tally: &mut Tally,
    ) -> Option<Encoded> {
        let cells: Vec<_> = line.split(delimiter).map(str::trim).collect();
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

    /// A line of a record of several lines; `frame` says whether it starts one, and ends one.
    fn framed(
        &mut self,
        (is_start, is_end): (bool, bool),
        patterns: &[Regex],
        other: &[Regex],
        line: &str,
        tally: &mut Tally,
    ) -> Option<Encoded> {
        if is_start {
            // The previous record has no end.
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
            // Perhaps two lines have become one, and perhaps of two records.
            found.fault = Some(format!("the line matches no pattern (got {line:?})"));
        }
        if !is_end {
            return None;
        }
        let (lines, found) = self.begun.take()?;
        self.count(tally, lines, &found)
    }

    /// Counts a line that is not text.
    fn garbled(&mut self, is_cut: bool, line: &[u8], tally: &mut Tally) -> Option<Encoded> {
        let line = String::from_utf8_lossy(line);
        let reason = format!("the line is not valid UTF-8 (got {line:?})");
        match &mut self.begun {
            Some((lines, found)) => {
                *lines += 1;
                found.fault = Some(reason);
            }
            None if is_cut => tally.lost += 1,
            None => {
                tally.bad += 1;
                tally.reason = Some(reason);
            }
        }
        None
    }

    /// Returns the record of one line, and counts the line.
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

    /// Whether the cells are names of columns: all fields that a record needs are among them.
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
                None => return Err(format!("field {name} is missing")),
                Some(given) => {
                    let value = self.value(schema, field, given)?;
                    schema
                        .set(&mut record, name, &value)
                        .map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(record)
    }

    fn value(&self, schema: &Schema, field: &Field, given: &Json) -> Result<Value, String> {
        let name = &field.name;
        let text = match given {
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
        // Devices print this for a sensor that has no value.
        if field.kind.is_number() && text.eq_ignore_ascii_case("nan") {
            return if field.optional {
                Ok(Value::Null)
            } else {
                Err(format!("field {name} must be a number (got {text:?})"))
            };
        }
        let text = match self.map.scale.get(name) {
            Some(scale) => {
                let number: f64 = text
                    .parse()
                    .map_err(|_| format!("field {name} must be a number (got {text:?})"))?;
                let scaled = number * scale;
                if field.kind.class() == TypeClass::Float {
                    scaled.to_string()
                } else {
                    scaled.round().to_string()
                }
            }
            None => plain(field.kind, &text).to_owned(),
        };
        let value = FieldPath::find(schema, name).and_then(|path| path.parse(&text));
        value.map_err(|failure| failure.to_string())
    }
}

/// A value in Rust's notation: meters write a plus sign, and other words for booleans.
fn plain(kind: Type, text: &str) -> &str {
    match kind.class() {
        TypeClass::Text => text,
        TypeClass::Bool => match text {
            "1" | "on" | "ON" | "True" | "TRUE" => "true",
            "0" | "off" | "OFF" | "False" | "FALSE" => "false",
            text => text,
        },
        TypeClass::Integer | TypeClass::Float => text.strip_prefix('+').unwrap_or(text),
        TypeClass::Json | TypeClass::Bytes => unreachable!("documents have no fields"),
    }
}

impl Found {
    /// Adds the groups of the patterns that match a line, and returns whether one does.
    fn capture(&mut self, patterns: &[Regex], line: &str) -> bool {
        let mut is_known = false;
        for pattern in patterns {
            let Some(captures) = pattern.captures(line) else {
                continue;
            };
            is_known = true;
            for name in pattern.capture_names().flatten() {
                if let Some(value) = captures.name(name) {
                    self.add(name, Json::from(value.as_str()));
                }
            }
        }
        is_known
    }

    fn add(&mut self, name: &str, value: Json) {
        let before = self.values.insert(name.to_owned(), value);
        if before.is_some_and(|before| before != self.values[name]) {
            self.fault = Some(format!("{name} occurs twice with different values"));
        }
    }
}

fn json(line: &str) -> Result<Found, String> {
    let not_json = |error| format!("the line is not valid JSON: {error}");
    unique::check(line).map_err(not_json)?;
    match serde_json::from_str(line).map_err(not_json)? {
        Json::Object(object) => Ok(Found {
            values: object.into_iter().collect(),
            fault: None,
        }),
        _ => Err("the line is not a JSON object".to_owned()),
    }
}

/// The value of a name, or of a path such as `ac.power`.
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

/// Parses KEY=VALUE, separated by blanks, commas or semicolons.
fn pairs(line: &str) -> Found {
    let mut found = Found::default();
    for word in line
        .split([' ', '\t', ',', ';'])
        .filter(|word| !word.is_empty())
    {
        match word.split_once(['=', ':']) {
            Some((key, value)) if !key.is_empty() => found.add(key, Json::from(value)),
            _ => found.fault = Some(format!("{word:?} is not KEY=VALUE")),
        }
    }
    found
}

fn row(columns: &[String], cells: &[&str]) -> Result<Found, String> {
    if columns.len() != cells.len() {
        return Err(format!(
            "the line must have {} columns (got {})",
            columns.len(),
            cells.len()
        ));
    }
    let mut found = Found::default();
    for (column, cell) in columns.iter().zip(cells) {
        // An empty cell is a missing value.
        if !cell.is_empty() {
            found.add(column, Json::from(*cell));
        }
    }
    Ok(found)
}
