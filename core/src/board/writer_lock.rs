//! The writer lock, in the file beside a board. The kernel keeps it, and frees it when its holder
//! exits.

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

/// The shortest and the longest pause between two attempts.
const PAUSE: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// The writer lock of a board, held.
#[derive(Debug)]
pub struct WriterLock {
    file: ForkSafeFile,
    status: FileStat,
    path: PathBuf,
    /// Whether this process created the file, which is removed unless the board gets created.
    is_new: bool,
}

impl WriterLock {
    /// Takes the lock of a board, which is created with this mode unless it exists. `LOCKED` if
    /// another writer holds it.
    pub fn try_acquire(place: &BoardPath, board_mode: u32) -> Result<Self> {
        let path = &place.lock();
        let mut is_new = false;
        let mut tries = Tries::default();
        loop {
            // Without O_CREAT, which the kernel refuses for another user's file in a directory like
            // /tmp, even if it exists and may be written (fs.protected_regular).
            let (file, status) = match open_trusted(path, Access::LockOrRemove) {
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
            // The file may have been removed with its board before it was locked.
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

    /// Waits for the lock; `None` waits for ever. `LOCKED` if it was not released in time.
    pub fn acquire(place: &BoardPath, board_mode: u32, timeout: Option<Duration>) -> Result<Self> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut pause = PAUSE.0;
        loop {
            match Self::try_acquire(place, board_mode) {
                Err(error) if error.kind() == ErrorKind::Locked => {
                    let left =
                        deadline.map_or(pause, |end| end.saturating_duration_since(Instant::now()));
                    if left.is_zero() {
                        return Err(locked(place, holder(&place.lock())));
                    }
                    std::thread::sleep(pause.min(left));
                    pause = PAUSE.1.min(pause * 2);
                }
                taken => return taken,
            }
        }
    }

    /// Keeps the file, whatever fails from now on, as the board exists.
    pub fn keep_file(&mut self) {
        self.is_new = false;
    }

    /// Keeps the file, and gives it the board's owner and permissions for the users that may write
    /// the board: root may have created it.
    pub fn retain(&mut self, board: &FileStat) -> Result<()> {
        self.keep_file();
        // A lock is empty. Another file of this user may have been moved here by another user.
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
                // Its owner does it when it next takes the lock.
                Ok(()) | Err(Errno::EPERM) => {}
                Err(errno) => return Err(Error::system(errno, "change the mode of", &self.path)),
            }
        }
        Ok(())
    }

    /// Removes the file, as the board was removed. If that fails, as the file is another user's, it
    /// does no harm.
    pub fn remove(mut self) {
        self.is_new = false;
        let _left = remove(&self.path);
    }

    /// The path of the lock.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still names this file. If not, another writer may hold a lock, too.
    pub fn is_current(&self) -> bool {
        names(&self.path, &self.status)
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        if self.is_new {
            // The lock is still held. If the file cannot be removed, it does no harm.
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

/// A new file, with the owner, group and mode of the board, or of its durable file. A file of root
/// would exclude the board's owner if root's process crashed before `retain`.
fn draft(place: &BoardPath, board_mode: u32) -> Result<Draft> {
    let board = lstat(&place.board).or_else(|_| lstat(&durable::path_for(place)));
    // A file of another type is refused once the lock is held.
    let board = board.ok().filter(is_regular);
    let mode = board.map_or(board_mode, |board| valid_mode(board.st_mode));
    let draft = Draft::new(&place.directory, writers_only(mode), 0)?;
    if let Some(board) = board {
        draft.give_to(&board);
    }
    Ok(draft)
}
