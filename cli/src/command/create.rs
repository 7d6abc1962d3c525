use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use pegel::dynamic::Writer;
use pegel::{ErrorKind, Options};
use pegel_program::escape;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;

use crate::description::{self, Description};

const MORE: &str = "\
A schema is a TOML file:
  board = \"config\"            # its name, unless NAME is given
  description = \"For people\"  # may be left out, as the next four
  slots = 16                  # records in the ring: 4, 8, 16 ...
  mode = \"0660\"               # permissions, octal; 0640 if it is left out
  checksum = true             # in each publication; false if it is left out
  durable = true              # it comes back after a reboot, as it was synced

  [[field]]                   # one for each, in the order of the record
  name = \"interval\"
  type = \"f64\"                # bool, i8 to i64, u8 to u64, f32, f64, text
  unit = \"s\"                  # all that follows may be left out
  label = \"Interval\"
  description = \"From poll to poll\"
  default = 5.0               # until somebody publishes another value
  min = 1.0                   # of a number
  max = 3600.0

  [[field]]
  name = \"notes\"
  type = \"text\"
  size = 24                   # bytes of UTF-8, which a text needs
  count = 2                   # elements, if it is an array
  optional = true             # it may be unknown

Or the board holds a document, one JSON text or bytes of varying length:
  document = \"json\"           # or \"bytes\"
  capacity = 65536            # the longest one, in bytes
  default = \"{}\"

If each field has a default or is optional, and one has a default, a new board
begins with a record of them. A board that exists keeps its records, so `pegel
create` may run at every start; fields appended to its own are added if they
have defaults or are optional. Other labels, defaults and limits need --replace.

Examples:
  pegel create tank tank.toml
  pegel create config.toml --mode 0660 --dir /run/station";

/// Make a board, unless it is there with the same fields
#[derive(Args)]
#[command(after_help = MORE, override_usage = "pegel create [OPTIONS] [NAME] <SCHEMA>")]
pub struct Create {
    /// Board: NAME or DIRECTORY/NAME, unless the file names it; then the TOML file
    #[arg(value_name = "[NAME] SCHEMA", num_args = 1..=2, required = true)]
    name_and_schema: Vec<PathBuf>,
    /// Replace a board that is described otherwise; records are kept where one has
    /// the other's fields and perhaps more at their end
    #[arg(long)]
    replace: bool,
    /// Records in the ring: 4, 8, 16 ... [default: the schema's, else by size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=65536))]
    slots: Option<u32>,
    /// Permissions, octal [default: the schema's, else 0640]
    #[arg(long, value_parser = description::mode)]
    mode: Option<u32>,
    /// A checksum in each publication, which all readers verify [default: the schema's]
    #[arg(long)]
    checksum: bool,
    /// A durable file, from which it comes back after a reboot [default: the schema's]
    #[arg(long)]
    durable: bool,
}

impl Create {
    pub fn run(self, target: &Target) -> Result<()> {
        let (name, file) = match &*self.name_and_schema {
            [name, file] => (Some(name), file),
            files => (None, &files[0]),
        };
        let Description {
            board,
            schema,
            slots,
            mode,
            checksum,
            durable,
        } = description::read(file).map_err(Failure::Failed)?;
        let board = match (name, &board) {
            (Some(name), _) => target.board(&name.to_string_lossy())?,
            (None, Some(name)) => target.board_in_file(file, name)?,
            (None, None) => {
                return Err(Failure::Usage(format!(
                    "{} names no board; give NAME before it",
                    file.display()
                )));
            }
        };
        let options = Options {
            slots: self.slots.unwrap_or(slots),
            mode: self.mode.unwrap_or(mode),
            replace: self.replace,
            checksum: self.checksum || checksum,
            durable: self.durable || durable,
            ..Options::default()
        };
        let writer = Writer::create(&board, &schema, &options).map_err(|error| {
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
        if writer.reader().schema().details() != schema.details() {
            let kept = format!(
                "pegel: board {} keeps its own labels, defaults and limits; --replace takes those of {}",
                writer.reader().board(),
                file.display()
            );
            // A remark: nothing fails if nobody can read it.
            let _ = writeln!(io::stderr(), "{}", escape::line(&kept));
        }
        Ok(())
    }
}
