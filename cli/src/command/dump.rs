use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::{escape, json};
use serde_json::{Value as Json, json};

const MORE: &str = "\
Without --snapshot, JSON is printed: for people, other programs and an editor.
`pegel load` makes the board of it and publishes the records anew.

A snapshot file holds the records bit by bit, with their sequences and times, and
checksums: `pegel load` restores it as old as it is, or says that a bit has changed.
It is written whole or not at all, and is on the disk when this ends.

Examples:
  pegel dump config > config.json
  pegel dump inverter --snapshot /var/backups/inverter.snapshot";

/// Save a board, its schema and its records, in a file
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Dump {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Write a snapshot file instead of JSON: all records that the board holds
    #[arg(long, value_name = "FILE", conflicts_with = "last")]
    snapshot: Option<PathBuf>,
    /// Print the newest N records, oldest first
    #[arg(long, value_name = "N", default_value = "1")]
    last: u32,
}

impl Dump {
    pub fn run(self, target: &Target) -> Result<()> {
        let reader = target.reader(&self.name)?;
        if let Some(file) = &self.snapshot {
            return Ok(reader.save(file)?);
        }
        let (info, schema) = (reader.info(), reader.schema());
        let records = reader.last(self.last as usize)?;
        let records = records.iter().map(|snapshot| -> Result<Json> {
            let mut told = json::stamp(snapshot);
            told.insert("record".into(), json::record(&reader, snapshot)?);
            Ok(Json::Object(told))
        });
        let dumped = json!({
            "board": reader.board(),
            "description": schema.description(),
            "slots": info.slots,
            "mode": format!("{:04o}", info.mode),
            "checksum": info.checksums,
            "durable": info.durable,
            "fields": schema.fields().iter().map(json::described).collect::<Vec<_>>(),
            "records": records.collect::<Result<Vec<_>>>()?,
        });
        let text = serde_json::to_string_pretty(&dumped)
            .map_err(|error| Failure::Failed(error.to_string()))?;
        Ok(writeln!(io::stdout(), "{}", escape::json(&text))?)
    }
}
