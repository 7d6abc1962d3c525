//! Waiting for the next publication: sleeping on the word that commits it.

use std::time::{Duration, Instant};

use crate::board::reader::Reader;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::wake_policy::{self, MAX_SLEEP, POLL_INTERVAL};
use crate::ring::{Head, StampWords};
use crate::segment::stamp::Publication;

impl Reader {
    /// Waits for a publication after the given one and returns its sequence. `None` waits for ever.
    ///
    /// `TIMEOUT` if nothing was published in time, `GONE` if the board was replaced or removed.
    pub fn wait(&self, after: u64, timeout: Option<Duration>) -> Result<u64> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let head = self.head()?;
            let newest = self.visible(head);
            if newest > after {
                return Ok(newest);
            }
            let left = deadline.map_or(MAX_SLEEP, |end| {
                end.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                let message = format!("{}: nothing after sequence {after} in time", self.named());
                return Err(Error::new(ErrorKind::Timeout, message));
            }
            if self.inner().is_removed()? {
                return Err(self.inner().gone());
            }
            if let Some(time) = self.longest_sleep(head)? {
                self.inner().sleep(head, left.min(time))?;
            }
        }
    }

    /// How long to sleep after this head; `None` if there is a newer one.
    fn longest_sleep(&self, head: Head) -> Result<Option<Duration>> {
        // The process that is replacing the board may crash before that is done.
        if head.gone {
            return Ok(Some(POLL_INTERVAL));
        }
        // The first publication wakes.
        if self.visible(head) == 0 {
            return Ok(Some(MAX_SLEEP));
        }
        let mut stamp = StampWords::default();
        let is_whole = self.inner().copy(head.sequence, &mut stamp, 0, &mut [])?;
        let moment = Publication::moment_of(&stamp);
        let time = match moment {
            None => POLL_INTERVAL,
            Some(moment) => {
                wake_policy::longest_sleep(clock::since_boot().saturating_sub(moment.since_boot))
            }
        };
        Ok(is_whole.then_some(time))
    }
}
