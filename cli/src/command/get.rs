use std::io::{self, IsTerminal, Write};

use clap::Args;
use pegel::dynamic::{Reader, Snapshot};
use pegel::{Schema, Type};
use pegel_program::failure::Result;
use pegel_program::lookup::{self, Lookup};
use pegel_program::target::Target;
use pegel_program::{escape, json, value};
use serde_json::Value as Json;

use crate::command::watch;

const MORE: &str = "\
FIELD is a field, FIELD.N an element of an array (from 0), or the path into a
JSON document, such as inverters.0.power. Each value is printed bare on a line;
with --json it is JSON. The elements of an array have commas between them.

Without FIELD, all fields are printed as FIELD=VALUE, one a line, with control
characters escaped; with --json as one object. A document is printed as it is.
A terminal never gets control characters. An unknown value is an empty line, and
null in JSON.

With --last, the newest records that the board still holds are printed, oldest
first, a record a line: as `pegel watch` does, or the values of the named fields
with tabs between them.

Examples:
  pegel get tank level
  pegel get inverter string_power.0 string_power.1
  pegel get ahoy inverters.0.power
  pegel get inverter --last 10 ac_power temperature";

/// Print the newest values, bare
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Get {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Fields to print [default: all]
    #[arg(value_name = "FIELD")]
    fields: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the newest N records, oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
}

impl Get {
    pub fn run(self, target: &Target) -> Result<()> {
        let reader = target.reader(&self.name)?;
        if let Some(count) = self.last {
            return self.print_last(&reader, count);
        }
        let snapshot = reader.read()?;
        if self.fields.is_empty() {
            return if self.json {
                Ok(json::print(&json::record(&reader, &snapshot)?)?)
            } else {
                print_all(reader.schema(), &snapshot)
            };
        }
        let mut out = io::stdout().lock();
        for value in self.find(&reader, &snapshot)? {
            if self.json {
                writeln!(out, "{}", escape::json(&value.json().to_string()))?;
            } else if out.is_terminal() {
                writeln!(out, "{}", escape::line(&value.text()))?;
            } else {
                writeln!(out, "{}", value.text())?;
            }
        }
        Ok(())
    }

    /// All of them, or a message: a script never sees half of what it asked for.
    fn find(&self, reader: &Reader, snapshot: &Snapshot) -> Result<Vec<Lookup>> {
        let values = self.fields.iter();
        values
            .map(|field| lookup::find(reader, snapshot, field))
            .collect()
    }

    fn print_last(&self, reader: &Reader, count: u32) -> Result<()> {
        for snapshot in reader.last(count as usize)? {
            if self.fields.is_empty() {
                watch::print(reader, &snapshot, self.json)?;
                continue;
            }
            let found = self.find(reader, &snapshot)?.into_iter();
            let line = if self.json {
                escape::json(&found.map(Lookup::json).collect::<Json>().to_string())
            } else {
                let texts: Vec<_> = found.map(|found| escape::line(&found.text())).collect();
                texts.join("\t")
            };
            writeln!(io::stdout(), "{line}")?;
        }
        Ok(())
    }
}

fn print_all(schema: &Schema, snapshot: &Snapshot) -> Result<()> {
    let mut out = io::stdout().lock();
    if schema.document().is_some() {
        if out.is_terminal() {
            let text = String::from_utf8_lossy(snapshot.bytes());
            return Ok(writeln!(out, "{}", escape::lines(text.trim_end()))?);
        }
        out.write_all(snapshot.bytes())?;
        if schema.document() == Some(Type::Json) && !snapshot.bytes().ends_with(b"\n") {
            writeln!(out)?;
        }
        return Ok(());
    }
    for (name, value) in snapshot.values() {
        writeln!(out, "{name}={}", escape::line(&value::text(&value)))?;
    }
    Ok(())
}
