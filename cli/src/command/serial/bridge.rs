//! The loop between the port and the boards.

use std::io;
use std::time::Duration;

use pegel::dynamic::Writer;
use pegel_program::failure::Result;
use pegel_program::shutdown::Shutdown;
use pegel_program::status::{Number, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_serial::SerialStream;

use super::commands::{Command, Commands};
use super::framer::{Framer, Tally};
use super::lines::Assembler;
use super::port::Port;

/// Pause between two attempts to open the port.
const RETRY: Duration = Duration::from_secs(1);
/// How long a device may take to accept a line.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Minimum interval between two reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The numbers of the status board.
pub const NUMBERS: [Number; 5] = [
    ("connected", "1 while the port is open"),
    ("good", "Lines that belong to a record"),
    (
        "bad",
        "Lines that are not of the format, or whose record lacks something",
    ),
    (
        "lost",
        "Lines that were cut, too long, or without the beginning of their record",
    ),
    ("records", "Records that were published"),
];
/// What fails while the port is not open.
const PORT: &str = "port";

pub struct Bridge<'map> {
    pub port: Port,
    pub framer: Framer,
    pub assembler: Assembler<'map>,
    pub writer: Writer,
    pub status: Status,
}

impl Bridge<'_> {
    /// Runs until the shutdown is requested.
    pub async fn run(mut self, commands: Option<Commands>, mut shutdown: Shutdown) -> Result<()> {
        let mut commands = commands.map(Commands::start);
        self.connect(false);
        let served = async {
            loop {
                match self.port.open() {
                    Ok(stream) => {
                        self.status.ok(PORT);
                        self.connect(true);
                        let reason = self.serve(stream, commands.as_mut()).await?;
                        self.status.fail(PORT, &reason);
                    }
                    Err(reason) => self.status.fail(PORT, &reason),
                }
                self.connect(false);
                sleep(RETRY).await;
            }
        };
        let done = tokio::select! {
            served = served => served,
            () = shutdown.requested() => Ok(()),
        };
        self.connect(false);
        done
    }

    fn connect(&self, is_connected: bool) {
        self.status.set("connected", u64::from(is_connected));
        self.status.report();
    }

    /// Reads until the port is lost, and returns the reason.
    async fn serve(
        &mut self,
        mut stream: SerialStream,
        mut commands: Option<&mut mpsc::Receiver<Command>>,
    ) -> Result<String> {
        let mut bytes = vec![0; 4096];
        let mut tick = interval(REPORT_INTERVAL);
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
                        let failure = written.err().map(|error| error.to_string());
                        command.done(failure.clone());
                        if let Some(reason) = failure {
                            break reason;
                        }
                    }
                    None => break "the thread of the commands has ended".to_owned(),
                },
                _ = tick.tick() => self.status.report(),
            }
        };
        let mut tally = Tally::default();
        self.framer.cut(&mut tally);
        self.assembler.cut(&mut tally);
        self.count(tally, 0);
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
        self.count(tally, records.len() as u64);
        Ok(())
    }

    fn count(&self, tally: Tally, records: u64) {
        self.status.add("good", tally.good);
        self.status.add("bad", tally.bad);
        self.status.add("lost", tally.lost);
        self.status.add("records", records);
        if let Some(reason) = tally.reason {
            self.status.note(&reason);
        }
    }
}

async fn write(stream: &mut SerialStream, line: &[u8]) -> io::Result<()> {
    let written = async {
        stream.write_all(line).await?;
        stream.flush().await
    };
    // Nothing is read while this waits.
    let late = |_| {
        let seconds = WRITE_TIMEOUT.as_secs();
        let reason = format!("the device did not accept a line within {seconds} s");
        io::Error::new(io::ErrorKind::TimedOut, reason)
    };
    timeout(WRITE_TIMEOUT, written).await.map_err(late)?
}
