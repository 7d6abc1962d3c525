//! Following a board in a thread of its own: its newest record, or each of its records, whatever
//! happens to the board.
//!
//! A replaced board is opened again at once. A board that does not exist, or cannot be read, is
//! opened again after [`POLL_INTERVAL`].

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pegel::dynamic::{Reader, Snapshot};
use pegel::{ErrorKind, Result};

/// How long a follower waits for something new before it checks whether it is still needed, whether
/// a writer is still alive, and whether a board exists again.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The minimum interval between two records: a faster writer takes no more of the machine.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

type Open = Box<dyn Fn() -> Result<Reader> + Send>;

/// What is new of a board.
pub enum Event {
    /// A board has the name now: its newest record, if it has one and only the newest are followed.
    Opened(Arc<Reader>, Option<Snapshot>),
    /// A record was published.
    Record(Arc<Reader>, Snapshot),
    /// Nothing was published for as long as the follower waited.
    Quiet(Arc<Reader>),
    /// No board has the name.
    Absent,
    /// The board cannot be read.
    Failed(pegel::Error),
}

/// Follows the board that has a name.
pub struct Follower {
    open: Open,
    reader: Option<Arc<Reader>>,
    is_every: bool,
    lineage: Option<u64>,
    /// The sequence of the last record.
    after: u64,
    /// How long to sleep before the next attempt.
    pause: Duration,
}

impl Follower {
    /// Follows the newest records; `open` opens the board.
    pub fn new(open: impl Fn() -> Result<Reader> + Send + 'static) -> Self {
        Self {
            open: Box::new(open),
            reader: None,
            is_every: false,
            lineage: None,
            after: 0,
            pause: Duration::ZERO,
        }
    }

    /// Follows every record after a sequence of a board of this lineage.
    #[must_use]
    pub fn every(self, lineage: u64, after: u64) -> Self {
        Self {
            is_every: true,
            lineage: Some(lineage),
            after,
            ..self
        }
    }

    /// Waits for what is new, for so long at most.
    pub fn next(&mut self, timeout: Duration) -> Event {
        thread::sleep(mem::take(&mut self.pause));
        let Some(reader) = self.reader.clone() else {
            return self.open();
        };
        match self.read(&reader, timeout) {
            Ok(snapshot) => {
                self.took(&snapshot);
                Event::Record(reader, snapshot)
            }
            Err(error) if error.kind() == ErrorKind::Timeout => Event::Quiet(reader),
            Err(error) if error.kind() == ErrorKind::Gone => self.open(),
            Err(error) => self.fail(error),
        }
    }

    fn read(&self, reader: &Reader, timeout: Duration) -> Result<Snapshot> {
        reader.wait(self.after, Some(timeout))?;
        if self.is_every {
            reader.read_after(self.after)
        } else {
            reader.read()
        }
    }

    fn open(&mut self) -> Event {
        self.reader = None;
        let opened = (self.open)().and_then(|reader| {
            let newest = if self.is_every {
                None
            } else {
                newest(&reader)?
            };
            Ok((Arc::new(reader), newest))
        });
        match opened {
            Ok((reader, newest)) => {
                // The sequences of a board that replaced the last one continue.
                if self.lineage.replace(reader.lineage()) != Some(reader.lineage()) {
                    self.after = 0;
                }
                match &newest {
                    Some(newest) => self.took(newest),
                    None if !self.is_every => self.after = 0,
                    None => {}
                }
                self.reader = Some(Arc::clone(&reader));
                Event::Opened(reader, newest)
            }
            Err(error) => self.fail(error),
        }
    }

    fn took(&mut self, snapshot: &Snapshot) {
        self.after = snapshot.stamp().sequence;
        if !self.is_every {
            self.pause = MIN_INTERVAL;
        }
    }

    fn fail(&mut self, error: pegel::Error) -> Event {
        self.reader = None;
        match error.kind() {
            // Replaced since it was opened.
            ErrorKind::Gone => self.pause = MIN_INTERVAL,
            _ => self.pause = POLL_INTERVAL,
        }
        match error.kind() {
            ErrorKind::Gone | ErrorKind::NotFound => Event::Absent,
            _ => Event::Failed(error),
        }
    }
}

/// The newest record; `None` if nothing has been published.
pub fn newest(reader: &Reader) -> Result<Option<Snapshot>> {
    match reader.read() {
        Err(error) if error.kind() == ErrorKind::Empty => Ok(None),
        read => read.map(Some),
    }
}
