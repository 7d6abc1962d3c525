use std::path::PathBuf;

use clap::Args;
use pegel::dynamic::Writer;
use pegel::{ErrorKind, Options};

use crate::failure::{Failure, Result};
use crate::place::Place;
use crate::schema::{self, Description};

const MORE: &str = "\
A schema is a TOML file:
  slots = 16         # records in the ring: 4, 8, 16 ...; may be left out
  mode = \"0660\"      # permissions, octal; may be left out, and is 0640 then
  field = [          # in the order of the record
    { name = \"level\", type = \"f64\", unit = \"m\", default = 0.0 },
    { name = \"rain\", type = \"bool\", default = false },
    { name = \"volts\", type = \"f32\", unit = \"V\", count = 2, default = [0, 0] },
    { name = \"note\", type = \"text\", size = 24, default = \"\" },
  ]
Types: bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, and text, whose
size is in bytes of UTF-8. A field may also be a [[field]] table of its own.

Or the board holds a document, one JSON text or bytes of varying length:
  document = \"json\"  # or \"bytes\"
  capacity = 65536   # the longest one, in bytes
  default = \"{}\"

With defaults, of all fields or of none, a board that nothing was published to
gets them as its first record. A board that exists already keeps its record, so
`pegel create` may run at every start.

Examples:
  pegel create tank tank.toml
  pegel create config config.toml --mode 0660 --dir /run/station";

/// Make a board, unless it is there with the same fields
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Create {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// TOML file that describes the fields
    schema: PathBuf,
    /// Replace a board that has other fields or slots; its record is lost
    #[arg(long)]
    replace: bool,
    /// Records in the ring: 4, 8, 16 ... [default: the schema's, else by size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=65536))]
    slots: Option<u32>,
    /// Permissions, octal [default: the schema's, else 0640]
    #[arg(long, value_parser = schema::mode)]
    mode: Option<u32>,
}

impl Create {
    pub fn run(self, place: &Place) -> Result<()> {
        let Description {
            schema,
            slots,
            mode,
        } = schema::read(&self.schema).map_err(Failure::Failed)?;
        let options = Options {
            slots: self.slots.unwrap_or(slots),
            mode: self.mode.unwrap_or(mode),
            replace: self.replace,
            ..Options::default()
        };
        let board = place.board(&self.name)?;
        Writer::create(&board, &schema, &options).map_err(|error| {
            let replaceable = [
                ErrorKind::InvalidFields,
                ErrorKind::Corrupt,
                ErrorKind::Unsupported,
            ];
            if replaceable.contains(&error.kind()) && !self.replace {
                Failure::Failed(format!("{error} (--replace does it)"))
            } else {
                Failure::from(error)
            }
        })?;
        Ok(())
    }
}
