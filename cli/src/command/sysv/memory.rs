//! The segment under its semaphore: one text, padded with spaces or NULs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use nix::unistd::geteuid;
use pegel_program::escape;
use pegel_program::failure::{Failure, Result};

use super::ipc::Segment;
use super::semaphore::{Held, Semaphore};

/// How long a script can hold the semaphore before that is reported.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Which segment, and how it is created.
#[derive(Clone, Copy)]
pub struct Place {
    pub key: i32,
    pub semaphore: i32,
    /// The size of a new segment in bytes; one that exists keeps its own.
    pub size: usize,
    /// The permissions of a new segment, and the widest ones of one that exists.
    pub mode: u32,
    /// The byte that pads the text: a space for JSON, as scripts decode the whole segment; else
    /// NUL.
    pub padding: u8,
}

pub struct Memory {
    place: Place,
    segment: Segment,
    semaphore: Arc<Semaphore>,
}

impl Memory {
    pub fn open(place: Place) -> Result<Self> {
        let semaphore = Semaphore::open(place.semaphore, semaphore_mode(place.mode))
            .map_err(|error| cannot_open("semaphore", place.semaphore, &error))?;
        let segment = segment(&place)?;
        Ok(Self {
            place,
            segment,
            semaphore,
        })
    }

    /// Creates the segment again if a script removed it, and returns whether that was so.
    pub fn renew(&mut self) -> Result<bool> {
        let is_removed = self.segment.is_removed();
        if is_removed {
            self.segment = segment(&self.place)?;
        }
        Ok(is_removed)
    }

    /// How many times the semaphore was created again since the last call.
    pub fn take_renewals(&self) -> u64 {
        self.semaphore.take_renewals()
    }

    /// Holds the semaphore; the failure names the process that does not release it.
    pub fn hold(&self) -> Result<Held> {
        self.semaphore.acquire(TIMEOUT).map_err(|error| {
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
        // For a process of another container, the kernel returns 0.
        let process = self.semaphore.last_user().unwrap_or(0);
        if process == 0 {
            return "by a process of another container".to_owned();
        }
        match std::fs::read_to_string(format!("/proc/{process}/comm")) {
            Ok(name) => format!("by process {process} ({})", escape::line(name.trim_end())),
            Err(_) => format!(
                "by process {process}, which exited without releasing it, and acquired it without \
                 SEM_UNDO. When no script uses the memory, run python3 -c 'import sysv_ipc; \
                 sysv_ipc.Semaphore({:#x}).release()'",
                self.place.semaphore
            ),
        }
    }

    /// The bytes up to the first NUL, without the padding. It can be torn, unless the semaphore is
    /// held.
    pub fn text(&self) -> Vec<u8> {
        let bytes = self.segment.bytes().iter();
        let bytes = bytes.map(|byte| byte.load(Ordering::Relaxed));
        let mut text: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
        if self.place.padding != 0 {
            text.truncate(text.trim_ascii_end().len());
        }
        text
    }

    /// Checks that a text fits.
    pub fn check(&self, text: &[u8]) -> Result<()> {
        // A NUL at the end is for scripts that read a C string.
        let needed = usize::from(self.place.padding == 0);
        let most = self.segment.bytes().len().saturating_sub(needed);
        if text.len() <= most {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "the text must have at most {most} bytes, the size of the shared memory {:#010x} (got \
             {}). Stop its users, remove it with `ipcrm -M {:#x}`, and pass a larger --size",
            self.place.key,
            text.len(),
            self.place.key
        )))
    }

    /// Replaces the text, while the semaphore is held. If the bridge is killed meanwhile, the
    /// segment has no text, not a half one.
    pub fn write(&self, text: &[u8], _held: &Held) -> Result<()> {
        self.check(text)?;
        let bytes = self.segment.bytes();
        bytes[0].store(0, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let padded = text.iter().copied();
        let padded = padded.chain(std::iter::repeat(self.place.padding));
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

/// Opens the segment, or creates it. Any user can create a segment with a free key. If such a
/// segment, or one that more users can open than the board, were accepted, these users could read
/// and change the board.
fn segment(place: &Place) -> Result<Segment> {
    let segment = Segment::open(place.key, place.size, place.mode)
        .map_err(|error| cannot_open("shared memory", place.key, &error))?;
    let found = segment.permissions();
    let is_trusted = |user: u32| user == 0 || user == geteuid().as_raw();
    let problem = if !is_trusted(found.owner) || !is_trusted(found.creator) {
        format!(
            "another user owns or created it (got user {} and {}). Remove it with `ipcrm -M \
             {:#x}`, or pass another --key",
            found.owner, found.creator, place.key
        )
    } else if found.mode & !place.mode & 0o666 != 0 {
        format!(
            "its permissions must be at most {:04o} (got {:04o}). Remove it with `ipcrm \
             -M {:#x}`, or pass --mode",
            place.mode & 0o666,
            found.mode,
            place.key
        )
    } else {
        return Ok(segment);
    };
    let key = place.key;
    Err(Failure::Failed(format!(
        "the shared memory {key:#010x}: {problem}"
    )))
}

fn cannot_open(what: &str, key: i32, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => ". `ipcs -i` shows its owner",
        _ => "",
    };
    Failure::Failed(format!(
        "cannot open the {what} of key {key:#010x}: {error}{advice}"
    ))
}

/// A script that can read the segment must hold its semaphore, which needs the permission to write
/// it.
fn semaphore_mode(mode: u32) -> u32 {
    let readers = mode & 0o444;
    readers | readers >> 1
}
