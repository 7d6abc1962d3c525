//! Reading a board: whole records and how old they are, without locks and without writing a byte.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_utils::{Backoff, CachePadded};

use crate::board::Board;
use crate::board::follow::Follow;
use crate::board::snapshot::{Publication, Snapshot, Stamp};
use crate::board::writer_process::{WriterProcess, holder};
use crate::clock;
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::{self, Head, Ring};
use crate::schema::Schema;
use crate::schema::evolution::Conversion;
use crate::segment::Mapping;
use crate::segment::checksum;
use crate::segment::lock::is_locked;
use crate::segment::path::BoardPath;
use crate::segment::trust::{Access, is_same, misnumbered};

/// A read gives up with `BUSY` after so many laps. One is rare; so many mean that the record is too
/// large for its slots and its writer's pace.
const MAX_TRIES: u32 = 1000;
/// How often, in nanoseconds, who looks at the clock also looks whether the board's file is still there.
const GLANCE_NS: i64 = 1_000_000_000;
/// After how many looks at the board the next one is also at the clock, and after how many at the file.
const STRIDE: u32 = 1024;
const UNSTAMPED_BUDGET: u32 = 8 * STRIDE;

/// Reads a board. Needs no more than the permission to read its file; threads may share it.
#[derive(Debug)]
pub struct Reader {
    board: Board,
    /// Of a writer, whose own lock a look for others' locks would not show.
    is_writers: bool,
    /// The schema in which records are handed over, if it is not the board's own.
    view: Option<View>,
    /// The mapping, as soon as a record was read through it, if all have the same length and go as they are.
    plain: OnceLock<Mapping>,
    pub(crate) user_data: OnceLock<CString>,
    /// The sequence that this reader has put into the durable file, or seen there once it was on the disk.
    synced: AtomicU64,
    glance: CachePadded<Glance>,
}

/// When to look again whether the board's file is still there. Threads that share a reader may count one look for two: so
/// a count costs no more than a load and a store.
#[derive(Debug)]
struct Glance {
    /// Looks at the board until then; 0 too once the file was not there.
    left: AtomicU32,
    /// Nanoseconds since boot of the last one that came by the clock.
    last: AtomicI64,
}

impl Glance {
    fn new() -> Self {
        Self {
            left: AtomicU32::new(UNSTAMPED_BUDGET - 1),
            last: AtomicI64::new(clock::since_boot()),
        }
    }

    /// Counts a look at the board; `false` when it is time to look at other things first.
    #[inline]
    fn use_up(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left.is_multiple_of(STRIDE) {
            return false;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        true
    }
}

/// Records in another version of their schema.
#[derive(Debug)]
struct View {
    schema: Arc<Schema>,
    conversion: Conversion,
}

impl Reader {
    /// Opens a board by NAME or DIRECTORY/NAME.
    pub fn open(board: &str) -> Result<Self> {
        Self::at(BoardPath::parse(board)?, Access::Read)
    }

    /// Opens a board without loading from a mapping of its file: where [`Reader::open`] lets the kernel
    /// end the program with SIGBUS when somebody cuts the file off, that is then `CORRUPT`. Each look at
    /// the board is a system call instead of a few loads.
    pub fn open_unmapped(board: &str) -> Result<Self> {
        Self::at(BoardPath::parse(board)?, Access::ReadUnmapped)
    }

    /// As [`Reader::open_unmapped`], whoever made the board and may write it: also one that others refuse
    /// as `UNTRUSTED`, unless it is a link or no regular file.
    pub fn open_untrusted(board: &str) -> Result<Self> {
        Self::at(BoardPath::parse(board)?, Access::ReadUntrusted)
    }

    pub(crate) fn at(place: BoardPath, access: Access) -> Result<Self> {
        Ok(Self::of(Board::open(place, access)?, false))
    }

    fn of(board: Board, is_writers: bool) -> Self {
        Self {
            board,
            is_writers,
            view: None,
            plain: OnceLock::new(),
            user_data: OnceLock::new(),
            synced: AtomicU64::new(durable::UNKNOWN),
            glance: CachePadded::new(Glance::new()),
        }
    }

    /// The same reader, handing over records of a schema that its program was made for: the board may
    /// have an earlier or a later version of it. Fields that the board lacks get their defaults, or are
    /// unknown; else `INVALID_FIELDS` names the difference.
    pub fn view(mut self, schema: &Schema) -> Result<Self> {
        let own = &self.board.schema;
        let conversion = Conversion::new(own, schema).map_err(|error| {
            let difference = own.difference(schema).unwrap_or_default();
            let reason = match own.common(schema) {
                Some(_) => format!("; {error}"),
                None => String::new(),
            };
            let message = format!("{} has another schema: {difference}{reason}", self.named());
            Error::new(error.kind(), message)
        })?;
        let is_own = own.fields().len() == schema.fields().len();
        self.view = (!is_own).then(|| View {
            schema: Arc::new(schema.clone()),
            conversion,
        });
        self.plain = OnceLock::new();
        Ok(self)
    }

    /// Opens the board that now stands at the same place, in the same way and view.
    pub fn reopen(&self) -> Result<Self> {
        let reader = Self::at(self.board.place.clone(), self.board.access)?;
        let status = &reader.board.status;
        // It would be gone at once again, and whoever follows it go round and round.
        if is_same(status, &self.board.status) && !reader.board.is_current() {
            return Err(misnumbered(reader.path(), status));
        }
        match &self.view {
            Some(view) => reader.view(&view.schema),
            None => Ok(reader),
        }
    }

    /// A loop over what is published: the newest record and each newer one, or every one.
    pub fn follow(self) -> Follow {
        Follow::new(self)
    }

    /// Of a file that has no name of a board.
    pub(crate) fn of_snapshot(board: Board) -> Self {
        Self::of(board, false)
    }

    pub(crate) fn of_writer(board: Board) -> Self {
        Self::of(board, true)
    }

    /// Whether records are handed over in another schema than the board's.
    pub(crate) fn has_view(&self) -> bool {
        self.view.is_some()
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Relaxed)
    }

    pub(crate) fn set_synced(&self, sequence: u64) {
        self.synced.store(sequence, Ordering::Relaxed);
    }

    pub(crate) fn inner(&self) -> &Board {
        &self.board
    }

    /// The board's name.
    pub fn board(&self) -> &str {
        &self.board.place.name
    }

    /// The board's file.
    pub fn path(&self) -> &Path {
        self.board.path()
    }

    /// The fields of the records that are handed over: the board's, unless another view was asked for.
    pub fn schema(&self) -> &Schema {
        self.shared_schema()
    }

    fn shared_schema(&self) -> &Arc<Schema> {
        let view = self.view.as_ref().map(|view| &view.schema);
        view.unwrap_or(&self.board.schema)
    }

    /// Drawn at random when a board is new, and kept when it is replaced: sequences can be compared
    /// between readers that have the same.
    pub fn lineage(&self) -> u64 {
        self.board.lineage
    }

    /// The newest sequence, 0 when nothing has been published; `GONE` as for [`Reader::read`]. One load.
    pub fn sequence(&self) -> Result<u64> {
        Ok(self.visible(self.head()?))
    }

    pub(crate) fn visible(&self, head: Head) -> u64 {
        if head.sequence == self.board.base {
            0
        } else {
            head.sequence
        }
    }

    /// Whether the board has a writer now: one that has it open, be it stopped. Asks the kernel.
    pub fn writer_alive(&self) -> Result<bool> {
        Ok(self.is_writers || is_locked(self.board.segment.file(), self.path())?)
    }

    /// The process that writes the board; `None` if there is none, or if it is another user's and this one is not root.
    pub fn writer_process(&self) -> Option<WriterProcess> {
        holder(&self.board.place.lock())
    }

    /// The newest record. `EMPTY`, `GONE` and `BUSY` say why there is none.
    pub fn read(&self) -> Result<Snapshot> {
        self.snapshot(|record| self.copy_into(record))
    }

    /// The record of a sequence, if it is in the ring; else `OVERWRITTEN`.
    pub fn read_at(&self, sequence: u64) -> Result<Snapshot> {
        self.snapshot(|record| self.copy_at_into(sequence, record))
    }

    /// The first record after a sequence that the ring still holds; its stamp says how many before it
    /// were missed. `EMPTY` when there is none yet.
    pub fn read_after(&self, after: u64) -> Result<Snapshot> {
        self.snapshot(|record| self.copy_after_into(after, record))
    }

    /// The newest records, oldest first: `count` of them, or as many as the ring holds.
    pub fn last(&self, count: usize) -> Result<Vec<Snapshot>> {
        let newest = self.visible(self.head()?);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let mut after = newest.saturating_sub(count);
        let mut records = Vec::new();
        while after < newest {
            let snapshot = self.read_after(after)?;
            after = snapshot.stamp().sequence;
            records.push(snapshot);
        }
        // What the writer overtook meanwhile tears no hole into the rest.
        let hole = records.iter().rposition(|record| record.stamp().missed > 0);
        records.drain(..hole.unwrap_or(0));
        Ok(records)
    }

    /// The newest record, into a buffer that is large enough for it, and that may hold anything after
    /// a failure.
    pub fn read_into(&self, record: &mut [u8]) -> Result<Stamp> {
        self.stamp(&self.copy_into(record)?)
    }

    /// The record of a sequence, into a buffer that is large enough for it, and that may hold anything
    /// after a failure.
    pub fn read_at_into(&self, sequence: u64, record: &mut [u8]) -> Result<Stamp> {
        self.stamp(&self.copy_at_into(sequence, record)?)
    }

    /// All that is known of a publication that this reader has copied, as of now; `GONE` if the board's file was found
    /// to be removed, which is looked for once a second.
    pub fn stamp(&self, publication: &Publication) -> Result<Stamp> {
        let now = clock::since_boot();
        self.glance(now)?;
        Ok(publication.stamp(now))
    }

    /// Looks whether the board's file is still there, unless somebody did within a second.
    #[inline]
    fn glance(&self, now: i64) -> Result<()> {
        let last = self.glance.last.load(Ordering::Relaxed);
        if now.saturating_sub(last) >= GLANCE_NS {
            self.look()?;
            self.glance.last.store(now, Ordering::Relaxed);
        }
        Ok(())
    }

    /// What is due when enough looks at the board were counted.
    #[cold]
    fn settle_count(&self) -> Result<()> {
        let left = self.glance.left.load(Ordering::Relaxed);
        let left = if left == 0 {
            self.look()?;
            UNSTAMPED_BUDGET
        } else {
            self.glance(clock::since_boot())?;
            left
        };
        self.glance.left.store(left - 1, Ordering::Relaxed);
        Ok(())
    }

    /// Looks whether the board's file is still there: who removes it by hand marks nothing.
    #[cold]
    fn look(&self) -> Result<()> {
        if self.board.is_removed()? {
            self.glance.left.store(0, Ordering::Relaxed);
            return Err(self.board.gone());
        }
        Ok(())
    }

    /// As [`Reader::read_into`], without its stamp, and `false` for all that needs a second look: what it was
    /// is then for [`Reader::copy_into`] to say, or to overcome. The fastest way to read.
    #[must_use]
    #[inline]
    pub fn read_fast(&self, record: &mut [u8]) -> bool {
        let plain = self.plain.get();
        plain.is_some_and(|mapping| self.glance.use_up() && Ring(mapping).copy_payload(record))
    }

    /// As [`Reader::read_fast`], for boards with records of 64 bytes: in a few dozen instructions, and with
    /// no cache lines but those of the head and the record.
    #[must_use]
    #[inline]
    pub fn try_copy_block_into(&self, record: &mut [u8; 64]) -> bool {
        let plain = self.plain.get();
        plain.is_some_and(|mapping| self.glance.use_up() && Ring(mapping).copy_block(record))
    }

    /// As [`Reader::read_fast`], eight bytes at an offset that eight divides.
    #[must_use]
    #[inline]
    pub fn try_copy_word_into(&self, offset: usize, word: &mut [u8; 8]) -> bool {
        let plain = self.plain.get();
        plain.is_some_and(|mapping| self.glance.use_up() && Ring(mapping).copy_word(offset, word))
    }

    /// As [`Reader::read_into`], without a look at the clock.
    pub fn copy_into(&self, record: &mut [u8]) -> Result<Publication> {
        self.copy_newest(|sequence, retries| self.attempt(sequence, record, retries))
    }

    /// Bytes of the newest record, from an offset on: a field, or several that stand side by side, of a
    /// record however large, as whole as the record itself. `INVALID_ARGUMENT` beyond the record's end.
    pub fn copy_part_into(&self, offset: usize, part: &mut [u8]) -> Result<Publication> {
        let size = self.schema().record_size();
        let end = offset.checked_add(part.len()).filter(|&end| end <= size);
        let Some(end) = end else {
            return Err(self.no_part(offset, part.len(), size));
        };
        if self.view.is_none() {
            return self.copy_newest(|sequence, retries| {
                let publication = self.attempt_part(sequence, offset, part, retries)?;
                match publication.map_or(end, |publication| publication.len()) {
                    length if length < end => Err(self.no_part(offset, part.len(), length)),
                    _ => Ok(publication),
                }
            });
        }
        let mut record = vec![0; size];
        let publication = self.copy_into(&mut record)?;
        part.copy_from_slice(&record[offset..end]);
        Ok(publication)
    }

    fn copy_newest(
        &self,
        mut attempt: impl FnMut(u64, u32) -> Result<Option<Publication>>,
    ) -> Result<Publication> {
        let backoff = Backoff::new();
        for retries in 0..MAX_TRIES {
            let head = self.head()?;
            if self.visible(head) == 0 {
                return Err(self.empty("nothing has been published yet"));
            }
            if let Some(publication) = attempt(head.sequence, retries)? {
                self.note_mapping();
                return Ok(publication);
            }
            backoff.snooze();
        }
        Err(self.busy())
    }

    /// Lets the next reads be plain copies, if they can be.
    #[inline]
    fn note_mapping(&self) {
        if self.plain.get().is_none()
            && let Some(mapping) = self.board.mapping()
            && self.view.is_none()
            && self.board.schema.document().is_none()
            && !self.board.layout.checksums
        {
            self.plain.get_or_init(|| mapping.clone());
        }
    }

    /// As [`Reader::read_after`], into a buffer and without a look at the clock.
    pub fn copy_after_into(&self, after: u64, record: &mut [u8]) -> Result<Publication> {
        for retries in 0..MAX_TRIES {
            let newest = self.head()?.sequence;
            if newest <= after || newest == self.board.base {
                return Err(self.empty(&format!("nothing has been published after {after}")));
            }
            // Later each time that the writer laps the reader, which so gets ahead of it.
            let held = u64::from(self.board.layout.slot_count) - 2;
            let oldest = newest.saturating_sub(held.saturating_sub(retries.into()));
            let sequence = oldest.max(self.board.base + 1).max(after + 1);
            if let Some(publication) = self.attempt(sequence, record, retries)? {
                return Ok(Publication {
                    missed: sequence - after - 1,
                    ..publication
                });
            }
        }
        Err(self.busy())
    }

    #[cold]
    fn no_part(&self, offset: usize, length: usize, size: usize) -> Error {
        let message = format!(
            "{}: no {length} bytes from byte {offset} on in a record of {size}",
            self.named()
        );
        Error::new(ErrorKind::InvalidArgument, message)
    }

    #[cold]
    fn empty(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Empty, format!("{}: {reason}", self.named()))
    }

    #[cold]
    fn busy(&self) -> Error {
        let message = format!(
            "{}: its writer lapped {MAX_TRIES} attempts to read; give it more slots",
            self.named()
        );
        Error::new(ErrorKind::Busy, message)
    }

    /// As [`Reader::read_at_into`], without a look at the clock.
    pub fn copy_at_into(&self, sequence: u64, record: &mut [u8]) -> Result<Publication> {
        let newest = self.head()?.sequence;
        let is_held = sequence > self.board.base
            && sequence <= newest
            && newest - sequence < u64::from(self.board.layout.slot_count);
        // Looked at first, so that a buffer stays as it is in most of the cases.
        if is_held && let Some(publication) = self.attempt(sequence, record, 0)? {
            return Ok(publication);
        }
        let message = format!(
            "{}: sequence {sequence} is not in the ring; the newest is {newest}",
            self.named()
        );
        Err(Error::new(ErrorKind::Overwritten, message))
    }

    /// The head, once it is certain that the board is still there.
    pub(crate) fn head(&self) -> Result<Head> {
        if !self.glance.use_up() {
            self.settle_count()?;
        }
        let head = self.board.head()?;
        // Who marks a board as gone may die before it is; so the name decides.
        if head.gone && !self.board.is_current() {
            return Err(self.board.gone());
        }
        Ok(head)
    }

    /// Copies a publication, if the writer does not lap that.
    #[inline]
    fn attempt(
        &self,
        sequence: u64,
        buffer: &mut [u8],
        retries: u32,
    ) -> Result<Option<Publication>> {
        let mut stamp = ring::Stamp::default();
        let wanted = match &self.view {
            Some(view) => view.conversion.common_size(),
            None => self.board.layout.record_size,
        };
        let room = buffer.len().min(wanted);
        if !self.copy(sequence, &mut stamp, 0, &mut buffer[..room])? {
            return Ok(None);
        }
        let mut length = ring::length(&stamp);
        if let Some(view) = &self.view {
            length = view.schema.record_size();
            let present = view.conversion.present(Publication::present_of(&stamp));
            view.conversion.complete(buffer);
            stamp = Publication::reshaped(&stamp, present, length);
        }
        if length > buffer.len() {
            return Err(self.no_room(length, buffer.len()));
        }
        Ok(Some(Publication {
            sequence,
            retries,
            missed: 0,
            stamp,
        }))
    }

    fn attempt_part(
        &self,
        sequence: u64,
        offset: usize,
        part: &mut [u8],
        retries: u32,
    ) -> Result<Option<Publication>> {
        let mut stamp = ring::Stamp::default();
        let is_whole = self.copy(sequence, &mut stamp, offset, part)?;
        Ok(is_whole.then_some(Publication {
            sequence,
            retries,
            missed: 0,
            stamp,
        }))
    }

    /// Copies what is there of a publication, and checks its length.
    #[inline]
    fn copy(
        &self,
        sequence: u64,
        stamp: &mut ring::Stamp,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        if !self.board.copy(sequence, stamp, offset, bytes)? {
            return Ok(false);
        }
        let length = ring::length(stamp);
        if !self.board.may_be_length(length) {
            return Err(self.no_length(length));
        }
        if self.board.layout.checksums {
            return self.verify(sequence, stamp, offset, bytes);
        }
        Ok(true)
    }

    /// Whether the checksum of what was copied is right. Of less than the whole record nobody can tell, so that is
    /// then copied first; `false` if the writer lapped it.
    #[cold]
    fn verify(
        &self,
        sequence: u64,
        stamp: &mut ring::Stamp,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let length = ring::length(stamp);
        let is_right = match bytes.get(..length) {
            Some(record) if offset == 0 => checksum::is_right(sequence, stamp, record),
            _ => {
                let mut record = vec![0; length];
                if !self.board.copy(sequence, stamp, 0, &mut record)? {
                    return Ok(false);
                }
                let part = record.get(offset..).unwrap_or_default();
                let room = part.len().min(bytes.len());
                bytes[..room].copy_from_slice(&part[..room]);
                checksum::is_right(sequence, stamp, &record)
            }
        };
        if is_right {
            return Ok(true);
        }
        let message = format!(
            "{}: the checksum of sequence {sequence} is wrong; replace the board by creating it anew",
            self.named()
        );
        Err(Error::new(ErrorKind::Corrupt, message))
    }

    #[cold]
    fn no_length(&self, length: usize) -> Error {
        let message = format!(
            "{}: a record claims {length} bytes of {}; replace the board by creating it anew",
            self.named(),
            self.board.schema.record_size()
        );
        Error::new(ErrorKind::Corrupt, message)
    }

    #[cold]
    fn no_room(&self, length: usize, room: usize) -> Error {
        let message = format!(
            "{}: the record has {length} bytes, the buffer {room}",
            self.named()
        );
        Error::new(ErrorKind::TooLarge, message)
    }

    fn snapshot(&self, copy: impl Fn(&mut [u8]) -> Result<Publication>) -> Result<Snapshot> {
        let (publication, record) = self.whole(copy)?;
        Ok(Snapshot {
            schema: Arc::clone(self.shared_schema()),
            stamp: self.stamp(&publication)?,
            record,
        })
    }

    /// A publication and its record, for which room is made.
    pub(crate) fn whole(
        &self,
        copy: impl Fn(&mut [u8]) -> Result<Publication>,
    ) -> Result<(Publication, Vec<u8>)> {
        let is_document = self.schema().document().is_some();
        // A document is mostly far shorter than its capacity.
        let mut room = if is_document { 4096 } else { usize::MAX };
        loop {
            room = room.min(self.schema().record_size());
            let mut record = vec![0; room];
            match copy(&mut record) {
                Err(error) if error.kind() == ErrorKind::TooLarge => room = room.saturating_mul(4),
                Err(error) => return Err(error),
                Ok(publication) => {
                    record.truncate(publication.len());
                    return Ok((publication, record));
                }
            }
        }
    }

    pub(crate) fn named(&self) -> String {
        format!("board {} ({})", self.board(), self.path().display())
    }
}
