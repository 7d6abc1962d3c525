//! On which condition a record is published.

use crate::board::reader::Reader;
use crate::error::{Error, ErrorKind, Result};

/// On which condition a record is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Always,
    /// If this is still the newest sequence (0: nothing published yet); else `CONFLICT`.
    Newest(u64),
    /// If the ring then still holds all publications after this one, which is the last that was
    /// acknowledged; else `FULL`.
    Acknowledged(u64),
}

impl Condition {
    /// Checks that it holds, for the holder of the writer lock.
    pub fn check(self, reader: &Reader) -> Result<()> {
        let name = reader.board();
        match self {
            Self::Always => Ok(()),
            Self::Newest(expected) => {
                let newest = reader.sequence()?;
                if newest == expected {
                    return Ok(());
                }
                let message = format!(
                    "board {name}: the newest sequence is {newest}, not {expected}: another \
                     writer has published. Read it again and retry."
                );
                Err(Error::new(ErrorKind::Conflict, message))
            }
            Self::Acknowledged(sequence) => {
                // One slot is the writer's own, from which readers keep away.
                let room = u64::from(reader.inner().layout.slot_count) - 1;
                let newest = reader.sequence()?;
                let Some(waiting) = newest.checked_sub(sequence) else {
                    let message = format!(
                        "board {name}: {sequence} cannot be acknowledged, as the newest sequence \
                         is {newest}. Remove the board with the answers, too."
                    );
                    return Err(Error::new(ErrorKind::InvalidArgument, message));
                };
                if waiting < room {
                    return Ok(());
                }
                let message = format!(
                    "board {name}: {waiting} publications wait to be acknowledged, of at most \
                     {room}. Wait, or check that the process that acknowledges them still runs."
                );
                Err(Error::new(ErrorKind::Full, message))
            }
        }
    }
}
