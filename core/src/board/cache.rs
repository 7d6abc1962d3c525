//! Boards that a process keeps open, for programs that open the same ones over and over: a worker of
//! php-fpm does with each request.

use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex};

use nix::sys::stat::{FileStat, lstat};

use crate::board::reader::Reader;
use crate::error::Result;
use crate::segment::path::BoardPath;
use crate::segment::trust::{Access, is_same};

/// As many as most sites have, and far less than descriptors.
const MOST: usize = 64;

/// Those opened last stand last.
static KEPT: Mutex<Vec<Arc<Reader>>> = Mutex::new(Vec::new());

impl Reader {
    /// As [`Reader::open`], and the process keeps the board open beyond the reader: the next call only looks
    /// whether its name still stands for this file, and whose that is.
    ///
    /// Kept are the 64 boards opened last: each with a descriptor and its memory, also when it is removed,
    /// until a call for it finds that out. A process that changes its user goes on reading what it has open.
    pub fn open_cached(board: &str) -> Result<Arc<Self>> {
        let place = BoardPath::parse(board)?;
        // Nobody waits: in a child forked while a thread of its parent was in here, that would be for ever.
        let Ok(mut kept) = KEPT.try_lock() else {
            return Ok(Arc::new(Self::at(place, Access::Read)?));
        };
        let is_there = |reader: &Arc<Self>| reader.path().as_os_str() == place.board.as_os_str();
        let known = kept.iter().rposition(is_there);
        let reader = known
            .map(|index| kept.remove(index))
            .filter(|reader| lstat(&place.board).is_ok_and(|now| reader.is_still(&now)));
        let reader = match reader {
            Some(reader) => reader,
            None => Arc::new(Self::at(place, Access::Read)?),
        };
        if kept.len() == MOST {
            kept.remove(0);
        }
        kept.push(Arc::clone(&reader));
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

    /// Whether opening would find what it found then: the same file, for the same to use.
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
