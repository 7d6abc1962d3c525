//! Whose turn it is to write: the lock in the file beside a board. The kernel keeps it, and frees it
//! when its holder dies.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, fchmod, lstat};

use crate::board::writer_process::{WriterProcess, holder};
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::segment::lock::{ForkSafeFile, Lock, try_lock};
use crate::segment::mode::{valid_mode, writers_only};
use crate::segment::path::BoardPath;
use crate::segment::trust::{Access, Tries, is_regular, names, open_trusted};
use crate::segment::{Draft, give, remove};

/// The shortest and the longest sleep between two tries of one who waits.
const PATIENCE: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// The held lock of a board.
#[derive(Debug)]
pub struct WriterLock {
    file: ForkSafeFile,
    status: FileStat,
    path: PathBuf,
    /// Made by this turn, and of no use unless something comes of it.
    is_new: bool,
}

impl WriterLock {
    /// Takes the turn for a board of this mode, or for the one that is there; `LOCKED` when somebody else has it.
    pub fn take(place: &BoardPath, board_mode: u32) -> Result<Self> {
        let path = &place.lock();
        let mut is_new = false;
        let mut tries = Tries::default();
        loop {
            // Not O_CREAT: the kernel refuses that for a file of somebody else in a directory like
            // /tmp, though it exists and may be written (fs.protected_regular).
            let (file, status) = match open_trusted(path, Access::Tidy) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    is_new = draft(place, board_mode)?.link(path)?;
                    tries.again(path, None)?;
                    continue;
                }
                opened => opened?,
            };
            let file = ForkSafeFile::new(file);
            if !try_lock(&file, Lock::Exclusive, path)? {
                return Err(locked(place, None));
            }
            // It may have been removed with its board before it was locked.
            if names(path, &status) {
                return Ok(Self {
                    file,
                    status,
                    path: path.clone(),
                    is_new,
                });
            }
            tries.again(path, Some(&status))?;
        }
    }

    /// Waits for the turn; `None` waits for ever. `LOCKED` when it did not come in time.
    pub fn wait(place: &BoardPath, board_mode: u32, timeout: Option<Duration>) -> Result<Self> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut pause = PATIENCE.0;
        loop {
            match Self::take(place, board_mode) {
                Err(error) if error.kind() == ErrorKind::Locked => {
                    let left =
                        deadline.map_or(pause, |end| end.saturating_duration_since(Instant::now()));
                    if left.is_zero() {
                        return Err(locked(place, holder(&place.lock())));
                    }
                    std::thread::sleep(pause.min(left));
                    pause = PATIENCE.1.min(pause * 2);
                }
                taken => return taken,
            }
        }
    }

    /// The board is there: whatever fails from here on, it has its lock.
    pub fn stay(&mut self) {
        self.is_new = false;
    }

    /// The turn is used: its lock stays, with access for exactly those who may write the board, and with its owner, be it
    /// root who writes now.
    pub fn keep(&mut self, board: &FileStat) -> Result<()> {
        self.stay();
        // A lock is empty. What is not may be a file of this user's that somebody else put here, and shall have.
        if self.status.st_size != 0 {
            return Ok(());
        }
        let owned = |status: &FileStat| (status.st_uid, status.st_gid);
        if owned(&self.status) != owned(board) {
            give(&self.file, board);
        }
        let wanted = writers_only(board.st_mode);
        if self.status.st_mode & 0o7777 != wanted {
            match fchmod(&*self.file, Mode::from_bits_truncate(wanted)) {
                // Its owner will, when next it takes the board.
                Ok(()) | Err(Errno::EPERM) => {}
                Err(errno) => return Err(Error::system(errno, "change the mode of", &self.path)),
            }
        }
        Ok(())
    }

    /// The board is removed, and so is the lock. One that stays, as it may be another user's, is in nobody's way.
    pub fn discard(mut self) {
        self.is_new = false;
        let _left = remove(&self.path);
    }

    /// The path of the lock.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the lock's name still stands for it. If not, somebody else may have the turn, too.
    pub fn is_current(&self) -> bool {
        names(&self.path, &self.status)
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        if self.is_new {
            // Still held. If it cannot be removed, it is in nobody's way.
            let _kept = remove(&self.path);
        }
    }
}

fn locked(place: &BoardPath, holder: Option<WriterProcess>) -> Error {
    let (name, lock) = (&place.name, place.lock());
    let path = lock.display();
    let message = match holder {
        Some(process) => format!("board {name} has a writer: {process} holds {path}"),
        None => format!("board {name} has a writer, which holds {path}"),
    };
    Error::new(ErrorKind::Locked, message)
}

/// A new lock, which has the owner, group and mode of the board that is there, or that comes back from its durable file: one
/// that is root's, be it for a moment, would keep the board's owner out if root dies then.
fn draft(place: &BoardPath, board_mode: u32) -> Result<Draft> {
    let board = lstat(&place.board).or_else(|_| lstat(&durable::path_for(place)));
    // What else may stand there, a link among them, is refused once the turn is taken.
    let board = board.ok().filter(is_regular);
    let mode = board.map_or(board_mode, |board| valid_mode(board.st_mode));
    let draft = Draft::new(&place.directory, writers_only(mode), 0)?;
    if let Some(board) = board {
        draft.give_to(&board);
    }
    Ok(draft)
}
