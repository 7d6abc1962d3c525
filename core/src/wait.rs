//! Waiting for the next publication: sleeping on the word that commits it.

use std::time::{Duration, Instant};

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::reader::Reader;
use crate::ring::{Copied, Head};
use crate::snapshot::Publication;

/// Publications that follow each other faster, in nanoseconds, wake nobody (`Writer` tells why): a
/// waiter then looks by itself after so long.
pub(crate) const BRISK_NS: i64 = 20_000;
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
            let time = left.min(glance).min(self.brisk_time(head));
            if !time.is_zero() {
                self.inner().sleep(head, time);
            }
        }
    }

    /// How long the next publication could still come without waking anybody, or else for ever.
    fn brisk_time(&self, head: Head) -> Duration {
        let stamp = match self.inner().ring().copy(head.sequence, &mut []) {
            Copied::Whole(stamp) => stamp,
            Copied::Lapped => return Duration::ZERO,
        };
        let moment = Publication::moment_of(&stamp);
        let age = clock::since_boot().saturating_sub(moment.since_boot);
        match u64::try_from(BRISK_NS.saturating_sub(age)) {
            Ok(left) if age >= 0 => Duration::from_nanos(left),
            _ => Duration::MAX,
        }
    }
}
