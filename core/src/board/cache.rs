//! Boards that a process keeps open, for programs that open the same ones again and again, as a
//! worker of php-fpm does with each request.

use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex};

use nix::sys::stat::{FileStat, lstat};

use crate::board::reader::Reader;
use crate::error::Result;
use crate::segment::path::BoardPath;
use crate::segment::trust::{Access, is_same};

/// As many as most sites have, and far fewer than a process may have descriptors.
const CAPACITY: usize = 64;

/// In the order in which they were opened last.
static CACHE: Mutex<Vec<Arc<Reader>>> = Mutex::new(Vec::new());

impl Reader {
    /// As [`Reader::open`], and the process keeps the board open beyond the reader: the next call
    /// only checks whether the path still names this file, with the same owner and mode.
    ///
    /// The cache keeps the 64 boards opened last, each with a descriptor and its memory. A board
    /// that was removed stays until the next call for it. A process that changes its user still
    /// reads the boards that it has open.
    pub fn open_cached(board: &str) -> Result<Arc<Self>> {
        let path = BoardPath::parse(board)?;
        // To wait for the lock would be for ever in a child that was forked while a thread of its
        // parent held it.
        let Ok(mut cache) = CACHE.try_lock() else {
            return Ok(Arc::new(Self::at(path, Access::Read)?));
        };
        let has_path = |reader: &Arc<Self>| reader.path().as_os_str() == path.board.as_os_str();
        let known = cache.iter().rposition(has_path);
        let reader = known
            .map(|index| cache.remove(index))
            .filter(|reader| lstat(&path.board).is_ok_and(|now| reader.is_still(&now)));
        let reader = match reader {
            Some(reader) => reader,
            None => Arc::new(Self::at(path, Access::Read)?),
        };
        if cache.len() == CAPACITY {
            cache.remove(0);
        }
        cache.push(Arc::clone(&reader));
        Ok(reader)
    }

    /// The text that a program stored with [`Reader::set_user_data`], if any.
    pub fn user_data(&self) -> Option<&CStr> {
        self.user_data.get().map(CString::as_c_str)
    }

    /// Stores a text for this process: the next call that opens the same board gets it with this
    /// reader. Only the first text is stored.
    pub fn set_user_data(&self, user_data: &CStr) {
        self.user_data.get_or_init(|| user_data.to_owned());
    }

    /// Whether the path still names this file, with the same owner and mode. One system call.
    pub fn is_current(&self) -> bool {
        lstat(self.path()).is_ok_and(|now| self.is_still(&now))
    }

    /// Whether opening would find the same file, usable by the same users.
    fn is_still(&self, now: &FileStat) -> bool {
        let then = &self.inner().status;
        let use_of = |status: &FileStat| {
            (
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_nlink,
                status.st_size,
            )
        };
        is_same(now, then) && use_of(now) == use_of(then)
    }
}
