//! Waiting for the next publication: sleeping on the word that commits it.

use std::time::{Duration, Instant};

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::reader::Reader;
use crate::ring::Stamp;
use crate::snapshot::Publication;
use crate::waking::unwoken;

/// A waiter looks so often whether the board was removed by one who does not know Pegel.
const GLANCE: Duration = Duration::from_secs(1);
/// A waiter looks so often at a board that is just being replaced.
const TRANSITION: Duration = Duration::from_millis(1);

impl Reader {
    /// Waits for a publication after the given one and says its sequence. `None` waits for ever.
    ///
    /// `TIMEOUT` when nothing came, `GONE` when the board was replaced or removed meanwhile.
    pub fn wait(&self, after: u64, timeout: Option<Duration>) -> Result<u64> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let head = self.head()?;
            let newest = self.visible(head);
            if newest > after {
                return Ok(newest);
            }
            let left = deadline.map_or(GLANCE, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let message = format!("{}: nothing after sequence {after} in time", self.named());
                return Err(Error::new(ErrorKind::Timeout, message));
            }
            if self.inner().segment.status(self.path())?.st_nlink == 0 {
                return Err(self.inner().gone());
            }
            let glance = if head.gone { TRANSITION } else { GLANCE };
            // Lapped since: there is something newer.
            let mut stamp = Stamp::default();
            if self.inner().copy(head.sequence, &mut stamp, &mut [])? {
                let moment = Publication::moment_of(&stamp);
                let age = clock::since_boot().saturating_sub(moment.since_boot);
                let time = left.min(glance);
                let time = unwoken(age).map_or(time, |unwoken| time.min(unwoken));
                self.inner().sleep(head, time);
            }
        }
    }
}
