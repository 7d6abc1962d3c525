//! Following a board: an iterator over its publications.

use std::time::Duration;

use crate::board::reader::Reader;
use crate::board::snapshot::Snapshot;
use crate::error::{ErrorKind, Result};

/// Iterates over the newest record and each newer one, without those that the loop was too slow
/// for; or over every publication. A board that is replaced is opened again.
///
/// Ends when nothing is published within the timeout. An error is an item, too, and the next item
/// is another attempt.
#[derive(Debug)]
pub struct Follow {
    reader: Reader,
    after: u64,
    is_every: bool,
    timeout: Option<Duration>,
}

impl Follow {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            reader,
            after: 0,
            is_every: false,
            timeout: None,
        }
    }

    /// Begins with the publications after this sequence.
    #[must_use]
    pub fn after(self, sequence: u64) -> Self {
        Self {
            after: sequence,
            ..self
        }
    }

    /// Returns every publication in order, each once, if the ring still holds it; each stamp has
    /// the number of those missed before.
    #[must_use]
    pub fn every(self) -> Self {
        Self {
            is_every: true,
            ..self
        }
    }

    /// Ends when nothing is published for this long.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    fn read(&self) -> Result<Snapshot> {
        self.reader.wait(self.after, self.timeout)?;
        if self.is_every {
            self.reader.read_after(self.after)
        } else {
            self.reader.read()
        }
    }

    /// Opens the board that has the name now. If that replaced the previous one, its sequences
    /// continue.
    fn reopen(&mut self) -> Result<()> {
        let fresh = self.reader.reopen()?;
        if fresh.lineage() != self.reader.lineage() {
            self.after = 0;
        }
        self.reader = fresh;
        Ok(())
    }
}

impl Iterator for Follow {
    type Item = Result<Snapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read() {
                Ok(snapshot) => {
                    self.after = snapshot.stamp().sequence;
                    return Some(Ok(snapshot));
                }
                Err(error) => match error.kind() {
                    ErrorKind::Timeout => return None,
                    ErrorKind::Gone => {
                        if let Err(error) = self.reopen() {
                            return Some(Err(error));
                        }
                    }
                    _ => return Some(Err(error)),
                },
            }
        }
    }
}
