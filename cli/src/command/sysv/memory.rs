//! The segment under its semaphore: one text, padded with NULs.

use std::io;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use pegel_program::escape;
use pegel_program::failure::{Failure, Result};

use super::ipc::{Held, Segment, Semaphore};

/// How long a script may hold the semaphore before that is a complaint.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where it is.
#[derive(Clone, Copy)]
pub struct Place {
    pub key: i32,
    pub semaphore: i32,
    /// Bytes of a new segment; one that is there keeps its own.
    pub size: usize,
    /// Permissions of a new segment.
    pub mode: u32,
}

pub struct Memory {
    place: Place,
    segment: Segment,
    semaphore: Semaphore,
}

impl Memory {
    pub fn open(place: Place) -> Result<Self> {
        let failed = |what: &str, key: i32| {
            let what = format!("cannot open the {what} of key {key:#010x}");
            move |error: io::Error| {
                let advice = match error.kind() {
                    io::ErrorKind::PermissionDenied => "; `ipcs -i` shows whose it is",
                    _ => "",
                };
                Failure::Failed(format!("{what}: {error}{advice}"))
            }
        };
        let semaphore = Semaphore::open(place.semaphore, who_waits(place.mode))
            .map_err(failed("semaphore", place.semaphore))?;
        let segment = Segment::open(place.key, place.size, place.mode)
            .map_err(failed("shared memory", place.key))?;
        Ok(Self {
            place,
            segment,
            semaphore,
        })
    }

    /// What is removed under it is made anew, which costs what it held.
    pub fn reopen(&mut self) -> Result<()> {
        *self = Self::open(self.place)?;
        Ok(())
    }

    pub fn is_removed(&self) -> bool {
        self.segment.is_removed() || self.semaphore.last_user().is_err()
    }

    /// Holds the semaphore, or says who does not let go of it.
    pub fn hold(&self) -> Result<Held<'_>> {
        self.semaphore.acquire(PATIENCE).map_err(|error| {
            let key = self.place.semaphore;
            Failure::Failed(match error.kind() {
                io::ErrorKind::TimedOut => {
                    format!("the semaphore {key:#010x} is held {}", self.holder())
                }
                _ => format!("cannot hold the semaphore {key:#010x}: {error}"),
            })
        })
    }

    fn holder(&self) -> String {
        // Of another container, the kernel says 0.
        let process = self.semaphore.last_user().unwrap_or(0);
        if process == 0 {
            return "by a process of another container".to_owned();
        }
        match std::fs::read_to_string(format!("/proc/{process}/comm")) {
            Ok(name) => format!("by process {process} ({})", escape::line(name.trim_end())),
            Err(_) => format!(
                "by process {process}, which has ended without freeing it, and took it without SEM_UNDO; \
                 when no script is in the midst of it: python3 -c 'import sysv_ipc; \
                 sysv_ipc.Semaphore({:#x}).release()'",
                self.place.semaphore
            ),
        }
    }

    /// The bytes up to the first NUL. Torn, unless the semaphore is held.
    pub fn text(&self) -> Vec<u8> {
        let bytes = self.segment.bytes().iter();
        let bytes = bytes.map(|byte| byte.load(Ordering::Relaxed));
        bytes.take_while(|byte| *byte != 0).collect()
    }

    /// Whether there is room for a text.
    pub fn check(&self, text: &[u8]) -> Result<()> {
        // The last NUL is for those who read it as a C string.
        let most = self.segment.bytes().len().saturating_sub(1);
        if text.len() <= most {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "the text has {} bytes, of which the shared memory {:#010x} takes {most}; end all that use it, \
             remove it with `ipcrm -M {:#x}`, and choose a larger --size",
            text.len(),
            self.place.key,
            self.place.key
        )))
    }

    /// Replaces the text, while the semaphore is held. Who is killed in the midst of it leaves none, not half of it.
    pub fn write(&self, text: &[u8], _held: &Held) -> Result<()> {
        self.check(text)?;
        let bytes = self.segment.bytes();
        bytes[0].store(0, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let padded = text.iter().copied().chain(std::iter::repeat(0));
        for (place, byte) in bytes.iter().zip(padded).skip(1) {
            place.store(byte, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        let first = text.first().copied().unwrap_or(0);
        bytes[0].store(first, Ordering::Relaxed);
        Ok(())
    }

    pub fn remove(&self) -> Result<()> {
        let removed = self.segment.remove().and_then(|()| self.semaphore.remove());
        removed.map_err(|error| {
            Failure::Failed(format!(
                "cannot remove the shared memory and its semaphore: {error}"
            ))
        })
    }
}

/// Who may read the segment has to hold its semaphore, which is to write it.
fn who_waits(mode: u32) -> u32 {
    let readers = mode & 0o444;
    readers | readers >> 1
}
