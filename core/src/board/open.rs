//! The opening ladder: from a file to a board whose bytes have been checked.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytemuck::{bytes_of, pod_read_unaligned};
use nix::errno::Errno;
use nix::sys::stat::FileStat;

use crate::board::Board;
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::Head;
use crate::schema::Schema;
use crate::schema::{FIELD_SIZE, MAX_DETAILS, MAX_FIELDS};
use crate::segment::Segment;
use crate::segment::layout::{
    BYTE_ORDER, CHECKSUMS, DURABLE, HEADER_SIZE, Header, LAYOUT_VERSION, Layout, MAGIC, MIRROR,
};
use crate::segment::path::BoardPath;
use crate::segment::seed::header_of;
use crate::segment::trust::{Access, open_trusted};

/// How many bytes of a file are read at once: all but the slots, for most boards.
const START: usize = 1024;

impl Board {
    /// Opens the board of a path. Each step of the ladder has its own error.
    pub fn open(place: BoardPath, access: Access) -> Result<Self> {
        let (file, status) = match open_trusted(&place.board, access) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent(&place)),
            opened => opened?,
        };
        Self::of(place, access, file, status)
    }

    /// The board in a file that was opened for this access.
    pub fn of(place: BoardPath, access: Access, file: File, status: FileStat) -> Result<Self> {
        let path = &place.board;
        let size = usize::try_from(status.st_size).unwrap_or(0);
        // By pread, so that a file that is truncated meanwhile is an error, not a SIGBUS.
        let read = |offset: usize, bytes: &mut [u8]| {
            let read = file.read_exact_at(bytes, offset as u64);
            read.map_err(|error| read_failed(path, &error))
        };
        let too_few = || damaged(path, &format!("its {size} bytes are too few"));
        let (mut most, mut all) = ([0; START], Vec::new());
        let mut start = &mut most[..size.min(START)];
        read(0, start)?;
        let header = start.get(..HEADER_SIZE).ok_or_else(too_few)?;
        let header: Header = pod_read_unaligned(header);
        check_kind(path, &header)?;
        let fields = header.field_count as usize;
        let details = header.details_size as usize;
        if fields > MAX_FIELDS || details > MAX_DETAILS {
            let claim = format!("its header has {fields} fields and {details} bytes of details");
            return Err(damaged(path, &claim));
        }
        let end = HEADER_SIZE + fields * FIELD_SIZE + details;
        if end > size {
            return Err(too_few());
        }
        if end > start.len() {
            all.extend_from_slice(start);
            all.resize(end, 0);
            read(start.len(), &mut all[start.len()..])?;
            start = &mut all;
        }
        let (table, details) = start[HEADER_SIZE..end].split_at(fields * FIELD_SIZE);
        let schema = Schema::from_bytes(table, details)
            .map_err(|error| damaged(path, &format!("invalid fields: {error}")))?;
        let layout = Layout::new(
            fields,
            details.len(),
            schema.record_size(),
            header.slot_count,
            header.flags,
        )
        .ok_or_else(|| damaged(path, "its sizes are impossible"))?;
        // The header follows from the fields and the slots.
        let expected = header_of(&layout, &schema, header.base_sequence, header.lineage);
        if header.checksum != expected.checksum {
            return Err(damaged(path, "the checksum of its header is wrong"));
        }
        if bytes_of(&header) != bytes_of(&expected) {
            return Err(damaged(path, "its header contradicts its fields"));
        }
        if size != layout.segment_size {
            let expected = layout.segment_size;
            return Err(damaged(
                path,
                &format!("it has {size} bytes instead of {expected}"),
            ));
        }
        let board = Self {
            segment: Segment::new(file, &layout),
            schema: Arc::new(schema),
            layout,
            base: header.base_sequence,
            lineage: header.lineage,
            status,
            place,
            access,
            was_read: AtomicBool::new(false),
            opened_head: AtomicU64::new(0),
        };
        let word = start.get(board.layout.control_offset..);
        let head = match word.and_then(<[u8]>::first_chunk) {
            Some(word) => Head::of(u64::from_ne_bytes(*word)),
            None => board.head_in_file()?,
        };
        if head.sequence < board.base {
            return Err(damaged(board.path(), "its sequence is below its first"));
        }
        if !head.gone && head.sequence > board.base {
            board.opened_head.store(head.word(), Ordering::Relaxed);
        }
        if matches!(access, Access::Write | Access::LockOrRemove) {
            board.map()?;
        }
        Ok(board)
    }
}

pub(super) fn read_failed(path: &Path, error: &std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(errno) => Error::system(Errno::from_raw(errno), "read", path),
        None => damaged(path, "the file is truncated"),
    }
}

fn check_kind(path: &Path, header: &Header) -> Result<()> {
    if header.magic != MAGIC {
        return Err(damaged(path, "it is not a Pegel board"));
    }
    let unsupported = |message: String| Err(Error::new(ErrorKind::Unsupported, message));
    let shown = path.display();
    if header.byte_order != BYTE_ORDER {
        return unsupported(format!(
            "{shown} was made on a machine of the other byte order"
        ));
    }
    if header.layout_version != LAYOUT_VERSION {
        let version = header.layout_version;
        return unsupported(format!(
            "{shown} has layout version {version}, but this Pegel reads {LAYOUT_VERSION}. Use the \
             same version of Pegel for all programs that share it."
        ));
    }
    if header.flags & !(CHECKSUMS | DURABLE | MIRROR) != 0 {
        let flags = header.flags;
        return unsupported(format!(
            "{shown} has flags {flags:#x} that this Pegel does not know. Use a later version."
        ));
    }
    Ok(())
}

fn damaged(path: &Path, reason: &str) -> Error {
    let path = path.display();
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "{path} is not a valid board: {reason}. Remove it, or replace it by creating it anew."
        ),
    )
}

pub fn absent(place: &BoardPath) -> Error {
    let (name, path) = (&place.name, place.board.display());
    if !place.directory.is_dir() {
        return Error::system(Errno::ENOENT, "look for a board in", &place.directory);
    }
    let file = durable::path_for(place);
    let advice = if file.exists() {
        let file = file.display();
        format!("It can be restored from {file}: start its writer or `pegel keep`.")
    } else {
        "Start its writer, or check PEGEL_DIR.".to_owned()
    };
    let message = format!("no board {name}: {path} does not exist. {advice}");
    Error::new(ErrorKind::NotFound, message)
}
