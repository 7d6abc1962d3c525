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
  description = \"For people\"  # optional, like the next four
  slots = 16                  # records in the ring: 4, 8, 16 ...
  mode = \"0660\"               # permissions, octal [default: 0640]
  checksum = true             # in each publication [default: false]
  durable = true              # the synced record is restored after a reboot

  [[field]]                   # one for each field, in the order of the record
  name = \"interval\"
  type = \"f64\"                # bool, i8 to i64, u8 to u64, f32, f64, text
  unit = \"s\"                  # optional, like all that follows
  label = \"Interval\"
  description = \"From poll to poll\"
  default = 5.0               # until another value is published
  min = 1.0                   # numbers only
  max = 3600.0

  [[field]]
  name = \"notes\"
  type = \"text\"
  size = 24                   # bytes of UTF-8; required for a text
  count = 2                   # elements of an array
  optional = true             # the value can be unknown

Or the board holds a document, one JSON text or bytes of varying length:
  document = \"json\"           # or \"bytes\"
  capacity = 65536            # maximum length in bytes
  default = \"{}\"

If each field has a default or is optional, and one has a default, a new board
begins with a record of the defaults. An existing board keeps its records, so
`pegel create` can run at every start. Fields that are appended to those of the
board are added if they have defaults or are optional. Changed labels, defaults
and limits need --replace.

Examples:
  pegel create tank tank.toml
  pegel create config.toml --mode 0660 --dir /run/station";

/// Create a board, unless it exists with the same fields
#[derive(Args)]
#[command(after_help = MORE, override_usage = "pegel create [OPTIONS] [NAME] <SCHEMA>")]
pub struct Create {
    /// Board, NAME or DIRECTORY/NAME, unless the file has it; then the TOML file
    #[arg(value_name = "[NAME] SCHEMA", num_args = 1..=2, required = true)]
    name_and_schema: Vec<PathBuf>,
    /// Replace a board with another schema; its records are kept if one schema is
    /// the other with fields appended
    #[arg(long)]
    replace: bool,
    /// Records in the ring: 4, 8, 16 ... [default: the schema's, else by size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=65536))]
    slots: Option<u32>,
    /// Permissions, octal [default: the schema's, else 0640]
    #[arg(long, value_parser = description::mode)]
    mode: Option<u32>,
    /// Add a checksum to each publication, which readers verify [default: the schema's]
    #[arg(long)]
    checksum: bool,
    /// Restore the synced record after a reboot [default: the schema's]
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
                    "{} does not name its board; give NAME before it",
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
                Failure::Failed(format!("{error} (pass --replace)"))
            } else {
                Failure::from(error)
            }
        })?;
        if writer.reader().schema().details() != schema.details() {
            let kept = format!(
                "pegel: board {} keeps its own labels, defaults and limits; \
                 pass --replace to take those of {}",
                writer.reader().board(),
                file.display()
            );
            // Only a remark: the board is created, whether or not standard error is open.
            let _ = writeln!(io::stderr(), "{}", escape::line(&kept));
        }
        Ok(())
    }
}
