//! The header of a durable file, which is written once: the board that it belongs to, and the
//! board's schema and options.

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs::File;
use std::mem::offset_of;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytemuck::{Pod, Zeroable, bytes_of, pod_read_unaligned};

use super::slots::{Geometry, PAGE};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::schema::{FIELD_SIZE, MAX_DETAILS, MAX_FIELDS};
use crate::segment::layout::{BYTE_ORDER, CHECKSUMS, DURABLE, Layout};
use crate::segment::mode::is_mode;

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"PEGELD\x1a\n";
/// The version of these bytes.
const VERSION: u32 = 1;
/// The longest path that the kernel takes (`PATH_MAX`).
const MAX_PATH: usize = 4096;

/// The start of a header. The field table, the details and the board's path follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Start {
    magic: [u8; 8],
    version: u32,
    byte_order: u32,
    lineage: u64,
    schema_hash: u64,
    record_size: u32,
    slot_count: u32,
    field_count: u32,
    details_size: u32,
    path_size: u32,
    /// Permissions of the board.
    mode: u32,
    /// The flags of the board's header.
    flags: u32,
    /// The checksum of the members before it, and of what follows the start.
    checksum: u32,
}

const START: usize = size_of::<Start>();

const _: () = assert!(START == 64);

/// The header of a durable file.
#[derive(Clone, Debug)]
pub struct FileHeader {
    /// DIRECTORY/NAME of the board.
    pub board: PathBuf,
    pub lineage: u64,
    pub schema: Schema,
    pub layout: Layout,
    /// Permissions of the board.
    pub mode: u32,
}

impl FileHeader {
    /// Reads and checks a header, and returns it with the geometry of the slots.
    pub fn read(file: &File, size: u64, path: &Path) -> Result<(Self, Geometry)> {
        let read = |offset: usize, length: usize| {
            let mut bytes = vec![0; length];
            let read = file.read_exact_at(&mut bytes, offset as u64);
            read.map(|()| bytes)
                .map_err(|error| match error.raw_os_error() {
                    Some(_) => Error::io(&error, "read", path),
                    None => damaged(path, "it is truncated"),
                })
        };
        let start: Start = pod_read_unaligned(&read(0, START)?);
        check_kind(path, &start)?;
        let [fields, details, path_size] =
            [start.field_count, start.details_size, start.path_size].map(|size| size as usize);
        if fields > MAX_FIELDS || details > MAX_DETAILS || path_size > MAX_PATH {
            return Err(damaged(path, "its sizes are impossible"));
        }
        let rest = read(START, fields * FIELD_SIZE + details + path_size)?;
        if start.checksum != checksum(&start, &rest) {
            return Err(damaged(path, "the checksum of its header is wrong"));
        }
        let (table, rest) = rest.split_at(fields * FIELD_SIZE);
        let (details, board) = rest.split_at(details);
        let schema = Schema::from_bytes(table, details)
            .map_err(|error| damaged(path, &format!("invalid fields: {error}")))?;
        let layout = Layout::new(
            fields,
            details.len(),
            schema.record_size(),
            start.slot_count,
            start.flags,
        );
        let header = Self {
            board: OsStr::from_bytes(board).into(),
            lineage: start.lineage,
            layout: layout.ok_or_else(|| damaged(path, "its sizes are impossible"))?,
            schema,
            mode: start.mode,
        };
        if bytes_of(&header.start()) != bytes_of(&start) || !is_mode(start.mode) {
            return Err(damaged(path, "its header contradicts its fields"));
        }
        let geometry = header.geometry();
        if size != geometry.file_size() as u64 {
            let expected = geometry.file_size();
            let reason = format!("it has {size} bytes instead of {expected}");
            return Err(damaged(path, &reason));
        }
        Ok((header, geometry))
    }

    /// The bytes at the start of the file.
    pub fn bytes(&self) -> Vec<u8> {
        [bytes_of(&self.start()), &self.rest()].concat()
    }

    /// The geometry of the slots.
    pub fn geometry(&self) -> Geometry {
        Geometry {
            offset: self.bytes().len().next_multiple_of(PAGE),
            record_size: self.schema.record_size(),
            is_document: self.schema.document().is_some(),
            header_checksum: self.start().checksum,
            lineage: self.lineage,
        }
    }

    #[allow(clippy::cast_possible_truncation)] // the layout and the kernel keep them far below 2^32
    fn start(&self) -> Start {
        let mut start = Start {
            magic: MAGIC,
            version: VERSION,
            byte_order: BYTE_ORDER,
            lineage: self.lineage,
            schema_hash: self.schema.hash(),
            record_size: self.schema.record_size() as u32,
            slot_count: self.layout.slot_count,
            field_count: self.layout.field_count as u32,
            details_size: self.layout.details_size as u32,
            path_size: self.board.as_os_str().len() as u32,
            mode: self.mode,
            flags: self.layout.flags(),
            checksum: 0,
        };
        start.checksum = checksum(&start, &self.rest());
        start
    }

    fn rest(&self) -> Vec<u8> {
        let details = self.schema.details().as_bytes();
        let board = self.board.as_os_str().as_bytes();
        [&*self.schema.table(), details, board].concat()
    }
}

fn checksum(start: &Start, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes_of(start)[..offset_of!(Start, checksum)]);
    hasher.update(rest);
    hasher.finalize()
}

fn check_kind(path: &Path, start: &Start) -> Result<()> {
    if start.magic != MAGIC {
        return Err(damaged(path, "it is not a durable file of Pegel"));
    }
    let shown = path.display();
    let unsupported = |what: String| Err(Error::new(ErrorKind::Unsupported, what));
    if start.byte_order != BYTE_ORDER {
        return unsupported(format!(
            "{shown} was made on a machine of the other byte order. Run `pegel dump` there, and \
             `pegel load` here."
        ));
    }
    let (version, flags) = (start.version, start.flags);
    if version != VERSION || flags & !CHECKSUMS != DURABLE {
        return unsupported(format!(
            "{shown} has version {version} and flags {flags:#x}, which this Pegel does not know. \
             Use a later version."
        ));
    }
    Ok(())
}

fn damaged(path: &Path, reason: &str) -> Error {
    let path = path.display();
    let message = format!(
        "{path}: the file is damaged: {reason}. Put a copy in its place, or move it away to begin \
         anew."
    );
    Error::new(ErrorKind::Corrupt, message)
}
