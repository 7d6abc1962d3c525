//! Lines from a serial port become a board, and fields of another board become lines to the port.

mod bridge;
mod commands;
mod framer;
mod lines;
mod map;
mod port;
mod unique;

use std::path::PathBuf;

use clap::Args;
use pegel::Options;
use pegel::dynamic::Writer;
use pegel_program::failure::{Failure, Result};
use pegel_program::runtime;
use pegel_program::status::Status;
use pegel_program::target::Target;

use self::bridge::Bridge;
use self::commands::Commands;
use self::framer::Framer;
use self::lines::Assembler;
use self::port::{Parity, Port};

const MORE: &str = "\
The map is a schema file, as `pegel create` takes it, with a section [serial]:

  [serial]
  port = \"/dev/ttyUSB0\"       # or --port; likewise baud, data_bits, parity,
                              # stop_bits; hangup = false is --no-hangup
  baud = 9600
  format = \"pairs\"            # power=21.8 temperature=30
                              # \"json\": {\"power\": 21.8}; \"csv\": a header, rows
                              # \"patterns\": regular expressions, see below
  max_line = 4096             # maximum length of a line, in bytes
  [serial.from]               # the name of a field in the lines, if different
  power = \"P\"                 # for JSON a path: \"ac.power\"
  [serial.scale]              # factors for numbers
  power = 0.1

With format = \"patterns\", the named groups of `patterns` are the fields. A
record of several lines starts with a line that `start` matches and ends with
one that `end` matches; a line without a field must match `other`, or the record
is bad. Write numbers with their exact count of digits, so that a lost digit is
noticed:

  format = \"patterns\"
  start = '^/'
  end = '^!$'
  other = ['^$', '^1-0:\\d+\\.\\d+\\.\\d+\\*255\\(.*\\)$']
  patterns = ['^1-0:16\\.7\\.0\\*255\\((?<power>-?\\d{6}\\.\\d{2})\\*W\\)$']

Only whole records are published. A line ends with LF, CR or both. The board
NAME-serial counts good, bad and lost lines and records, and has the last
failure. A port that disappears is opened again when it is back.

With --write BOARD, a field of that board is sent as a line when it changes,
once. [serial.write] has the lines; {} is the value:

  [serial.write]
  limit = \"LIMIT {}\"

The board BOARD-sent has the sequence that was sent last, and whether it was.

Examples:
  pegel serial --map meter.toml
  pegel serial --map inverter.toml --port /dev/ttyACM0 --write control";

/// Publish the lines of a serial port as records of a board
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Serial {
    /// File that says how lines become records
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// Device, such as /dev/ttyUSB0 [default: the map's]
    #[arg(long, value_name = "DEVICE")]
    port: Option<String>,
    /// Bits per second [default: the map's, else 9600]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(50..=4_000_000))]
    baud: Option<u32>,
    /// Bits per character, 5 to 8 [default: the map's, else 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(5..=8))]
    data_bits: Option<u8>,
    /// Parity [default: the map's, else none]
    #[arg(long, value_enum)]
    parity: Option<Parity>,
    /// Stop bits, 1 or 2 [default: the map's, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    stop_bits: Option<u8>,
    /// Keep DTR on at exit, so that the next start does not reset an Arduino
    #[arg(long)]
    no_hangup: bool,
    /// Board: NAME or DIRECTORY/NAME [default: the map's]
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    /// Board whose fields are sent as lines when they change
    #[arg(long, value_name = "BOARD")]
    write: Option<String>,
}

impl Serial {
    pub fn run(self, target: &Target) -> Result<()> {
        let map = map::read(&self.map).map_err(Failure::Failed)?;
        let port = Port::new(&self, &map)?;
        let Some(name) = self.board.as_ref().or(map.board.board.as_ref()) else {
            return Err(Failure::Usage(
                "no board is given: use --board NAME, or board = \"NAME\" in the map".to_owned(),
            ));
        };
        let board = target.board(name)?;
        let options = Options {
            slots: map.board.slots,
            mode: map.board.mode,
            checksum: map.board.checksum,
            ..Options::default()
        };
        let durable = Options {
            durable: map.board.durable,
            ..options
        };
        let writer = Writer::create(&board, &map.board.schema, &durable)?;
        let of_status = Options {
            slots: 0,
            ..options
        };
        let description = "The lines of a serial port";
        let status = format!("{board}-serial");
        let status = Status::create_with(&status, description, &bridge::NUMBERS, &of_status)?;
        let commands = self.write.as_ref().map(|name| {
            let board = target.board(name)?;
            Commands::open(&board, &map.write, &options)
        });
        let commands = commands.transpose()?;
        let bridge = Bridge {
            port,
            framer: Framer::new(map.max_line),
            assembler: Assembler::new(&map),
            writer,
            status,
        };
        runtime::run(async |shutdown| bridge.run(commands, shutdown).await)
    }
}
