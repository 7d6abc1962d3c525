//! Lines from a serial port become a board, and fields of another board become lines to it.

mod commands;
mod lines;
mod map;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pegel::dynamic::Writer;
use pegel::{Field, Options, Schema, Type, Value};
use pegel_program::failure::{Failure, Result};
use pegel_program::runtime;
use pegel_program::shutdown::Shutdown;
use pegel_program::target::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_serial::{DataBits, SerialPortBuilderExt, SerialStream, StopBits};

use self::commands::{Command, Commands};
use self::lines::{Assembler, Framer, Tally};
use self::map::Map;

const MORE: &str = "\
The map is a schema file, as `pegel create` takes it, with a section [serial]:

  [serial]
  port = \"/dev/ttyUSB0\"       # or --port; likewise baud, data_bits, parity,
                              # stop_bits
  baud = 9600
  format = \"pairs\"            # power=21.8 temperature=30
                              # \"json\": {\"power\": 21.8}; \"csv\": a header, rows
                              # \"patterns\": regular expressions, see below
  [serial.from]               # where the line calls a field otherwise
  power = \"P\"                 # for JSON a path: \"ac.power\"
  [serial.scale]              # what numbers are multiplied by
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

Only whole records are published. What is no record is counted in the board
NAME-serial: good, bad and lost lines, records, whether the port is there, and
the last complaint. A port that vanishes is opened again as soon as it is there.

With --write BOARD, a field of that board is sent as a line when it changes,
once. [serial.write] has the lines; {} is the value:

  [serial.write]
  limit = \"LIMIT {}\"

The board BOARD-sent has the sequence that was sent last, and whether it was.

Examples:
  pegel serial --map meter.toml
  pegel serial --map inverter.toml --port /dev/ttyACM0 --write control";

/// Longest pause between two attempts to open a port.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a device may take to take a line.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// How often the counters are published at most.
const TICK: Duration = Duration::from_secs(1);

/// Make a board of the lines that come from a serial port
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Serial {
    /// The file that says how lines become records
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// The device, such as /dev/ttyUSB0 [default: the map's]
    #[arg(long, value_name = "DEVICE")]
    port: Option<String>,
    /// Bits a second [default: the map's, else 9600]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(50..=4_000_000))]
    baud: Option<u32>,
    /// Bits of a character, 5 to 8 [default: the map's, else 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(5..=8))]
    data_bits: Option<u8>,
    /// [default: the map's, else none]
    #[arg(long, value_enum)]
    parity: Option<Parity>,
    /// 1 or 2 [default: the map's, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    stop_bits: Option<u8>,
    /// Board: NAME or DIRECTORY/NAME [default: the map's]
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    /// Send fields of this board as lines when they change
    #[arg(long, value_name = "BOARD")]
    write: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Parity {
    None,
    Even,
    Odd,
}

/// The port as it is to be opened.
struct Port {
    device: String,
    baud: u32,
    data_bits: DataBits,
    parity: tokio_serial::Parity,
    stop_bits: StopBits,
}

impl Serial {
    pub fn run(self, target: &Target) -> Result<()> {
        let map = map::read(&self.map).map_err(Failure::Failed)?;
        let port = self.port(&map)?;
        let Some(name) = self.board.as_ref().or(map.board.board.as_ref()) else {
            return Err(Failure::Usage(
                "name the board: --board NAME, or board = \"NAME\" in the map".to_owned(),
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
        let counters = Counters::create(&format!("{board}-serial"), &options)?;
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
            counters,
        };
        runtime::run(async |shutdown| bridge.run(commands, shutdown).await)
    }

    fn port(&self, map: &Map) -> Result<Port> {
        let told = &map.port;
        let wrong = |what: &str| Failure::Failed(format!("map {}: {what}", self.map.display()));
        let Some(device) = self.port.clone().or_else(|| told.device.clone()) else {
            return Err(Failure::Usage(
                "name the port: --port DEVICE, or port = in the map".to_owned(),
            ));
        };
        let parity = match (self.parity, told.parity.as_deref()) {
            (Some(parity), _) => parity,
            (None, None | Some("none")) => Parity::None,
            (None, Some("even")) => Parity::Even,
            (None, Some("odd")) => Parity::Odd,
            (None, Some(other)) => {
                return Err(wrong(&format!(
                    "parity is \"none\", \"even\" or \"odd\", not {other:?}"
                )));
            }
        };
        Ok(Port {
            device,
            baud: self.baud.or(told.baud).unwrap_or(9600),
            data_bits: match self.data_bits.or(told.data_bits).unwrap_or(8) {
                5 => DataBits::Five,
                6 => DataBits::Six,
                7 => DataBits::Seven,
                8 => DataBits::Eight,
                _ => return Err(wrong("data_bits are 5 to 8")),
            },
            parity: match parity {
                Parity::None => tokio_serial::Parity::None,
                Parity::Even => tokio_serial::Parity::Even,
                Parity::Odd => tokio_serial::Parity::Odd,
            },
            stop_bits: match self.stop_bits.or(told.stop_bits).unwrap_or(1) {
                1 => StopBits::One,
                2 => StopBits::Two,
                _ => return Err(wrong("stop_bits are 1 or 2")),
            },
        })
    }
}

/// Bytes of the longest complaint.
const BRIEF: u32 = 120;

/// As much of a text as a board has room for.
fn brief(text: &str) -> String {
    let mut brief = text.replace('\0', " ");
    while brief.len() > BRIEF as usize {
        brief.pop();
    }
    brief
}

/// What there is to know of the lines, in a board of its own.
struct Counters {
    writer: Writer,
    tally: Tally,
    records: u64,
    connected: bool,
    complaint: String,
    /// Something has changed since it was published.
    is_new: bool,
}

impl Counters {
    fn create(board: &str, options: &Options) -> Result<Self> {
        let counter = |name, label| Field::new(name, Type::U64).default(0_u64).label(label);
        let fields = vec![
            counter("good", "Lines that belong to a record"),
            counter(
                "bad",
                "Lines that are none of the format, or whose record lacks something",
            ),
            counter(
                "lost",
                "Lines that were cut, too long, or without their record's beginning",
            ),
            counter("records", "Records that were published"),
            Field::new("connected", Type::Bool)
                .default(false)
                .label("Whether the port is open"),
            Field::text("complaint", BRIEF)
                .default("")
                .label("Why the last line was bad, or the port is not open"),
        ];
        let schema = Schema::new(fields)?.describe("The lines of a serial port")?;
        let options = Options {
            slots: 0,
            ..*options
        };
        let writer = Writer::create(board, &schema, &options)?;
        // They go on where they were.
        let last = writer.reader().read()?;
        let so_far = |name| match last.get(name) {
            Ok(Value::UInt(count)) => count,
            _ => 0,
        };
        Ok(Self {
            tally: Tally {
                good: so_far("good"),
                bad: so_far("bad"),
                lost: so_far("lost"),
                reason: None,
            },
            records: so_far("records"),
            connected: false,
            complaint: String::new(),
            is_new: true,
            writer,
        })
    }

    fn take(&mut self, tally: Tally, records: u64) {
        self.is_new |= tally.good + tally.bad + tally.lost + records > 0;
        self.tally.good += tally.good;
        self.tally.bad += tally.bad;
        self.tally.lost += tally.lost;
        self.records += records;
        if let Some(reason) = tally.reason {
            self.complain(&reason);
        }
    }

    fn complain(&mut self, reason: &str) {
        let reason = brief(reason);
        self.is_new |= reason != self.complaint;
        self.complaint = reason;
    }

    fn connect(&mut self, connected: bool) {
        self.is_new |= self.connected != connected;
        self.connected = connected;
    }

    fn publish(&mut self) -> Result<()> {
        if !self.is_new {
            return Ok(());
        }
        let schema = self.writer.reader().schema().clone();
        let record = schema.encode(&[
            ("good", self.tally.good.into()),
            ("bad", self.tally.bad.into()),
            ("lost", self.tally.lost.into()),
            ("records", self.records.into()),
            ("connected", self.connected.into()),
            ("complaint", self.complaint.as_str().into()),
        ])?;
        self.writer.publish(&record)?;
        self.is_new = false;
        Ok(())
    }
}

struct Bridge<'map> {
    port: Port,
    framer: Framer,
    assembler: Assembler<'map>,
    writer: Writer,
    counters: Counters,
}

impl Bridge<'_> {
    /// Until it is told to end.
    async fn run(mut self, commands: Option<Commands>, mut shutdown: Shutdown) -> Result<()> {
        let mut commands = commands.map(Commands::start);
        let served = async {
            loop {
                match self.open() {
                    Ok(stream) => {
                        self.counters.connect(true);
                        self.counters.publish()?;
                        let complaint = self.serve(stream, commands.as_mut()).await?;
                        self.counters.complain(&complaint);
                    }
                    Err(error) => self.counters.complain(&error),
                }
                self.counters.connect(false);
                self.counters.publish()?;
                sleep(PATIENCE).await;
            }
        };
        let done = tokio::select! {
            served = served => served,
            () = shutdown.requested() => Ok(()),
        };
        self.counters.connect(false);
        self.counters.publish()?;
        done
    }

    fn open(&self) -> std::result::Result<SerialStream, String> {
        let Port { device, baud, .. } = &self.port;
        let builder = tokio_serial::new(device, *baud)
            .data_bits(self.port.data_bits)
            .parity(self.port.parity)
            .stop_bits(self.port.stop_bits);
        builder
            .open_native_async()
            .map_err(|error| format!("cannot open {device}: {error}"))
    }

    /// Reads until the port is gone, and says why it is.
    async fn serve(
        &mut self,
        mut stream: SerialStream,
        mut commands: Option<&mut mpsc::Receiver<Command>>,
    ) -> Result<String> {
        let mut bytes = vec![0; 4096];
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reason = loop {
            let command = async {
                match commands.as_deref_mut() {
                    Some(commands) => commands.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = stream.read(&mut bytes) => match read {
                    Ok(0) => break "the port was closed".to_owned(),
                    Ok(count) => self.take(&bytes[..count])?,
                    Err(error) => break error.to_string(),
                },
                command = command => match command {
                    Some(command) => {
                        let written = write(&mut stream, command.line.as_bytes()).await;
                        let told = written.as_ref().err().map(ToString::to_string);
                        command.done(told.clone());
                        if let Some(reason) = told {
                            break reason;
                        }
                    }
                    None => break "the commands have ended".to_owned(),
                },
                _ = tick.tick() => self.counters.publish()?,
            }
        };
        let mut tally = Tally::default();
        self.framer.cut(&mut tally);
        self.assembler.cut(&mut tally);
        self.counters.take(tally, 0);
        Ok(format!("{}: {reason}", self.port.device))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut tally, mut records) = (Tally::default(), Vec::new());
        let assembler = &mut self.assembler;
        self.framer.take(bytes, &mut tally, |line, tally| {
            records.extend(assembler.line(line, tally));
        });
        for record in &records {
            self.writer.publish(record)?;
        }
        self.counters.take(tally, records.len() as u64);
        Ok(())
    }
}

async fn write(stream: &mut SerialStream, line: &[u8]) -> io::Result<()> {
    let written = async {
        stream.write_all(line).await?;
        stream.flush().await
    };
    // Nothing is read meanwhile.
    let refused = |_| io::Error::new(io::ErrorKind::TimedOut, "it takes no line");
    timeout(WRITE_TIME, written).await.map_err(refused)?
}
