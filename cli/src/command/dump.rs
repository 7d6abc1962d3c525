use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::{escape, json};
use serde_json::{Value as Json, json};

const MORE: &str = "\
Without --snapshot, JSON is printed: for people, other programs and an editor.
`pegel load` creates the board from it and publishes the records again.

A snapshot file holds the exact records with their sequences, times and
checksums: `pegel load` restores them with their age, or reports that a bit has
changed. The file is written atomically, and is on disk when this ends.

Examples:
  pegel dump config > config.json
  pegel dump inverter --snapshot /var/backups/inverter.snapshot";

/// Save a board, its schema and its records
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
            let mut object = json::stamp(snapshot);
            object.insert("record".into(), json::record(&reader, snapshot)?);
            Ok(Json::Object(object))
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
