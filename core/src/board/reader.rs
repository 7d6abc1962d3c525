//! Reading a board: whole records and how old they are, without locks and without writing a byte.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::board::Board;
use crate::board::follow::Follow;
use crate::board::revalidation::Revalidation;
use crate::board::snapshot::Snapshot;
use crate::board::writer_process::{WriterProcess, holder};
use crate::clock;
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::Head;
use crate::schema::Schema;
use crate::schema::evolution::Conversion;
use crate::segment::lock::is_locked;
use crate::segment::path::BoardPath;
use crate::segment::stamp::{Publication, Stamp};
use crate::segment::trust::{Access, is_same, misnumbered};
use crate::segment::{BlockMapping, Mapping};

/// Reads a board, which takes no more than the permission to read its file. Threads may share a
/// reader.
#[derive(Debug)]
pub struct Reader {
    pub(super) board: Board,
    /// Whether it belongs to a writer, whose own lock `is_locked` does not see.
    is_writers: bool,
    /// The schema of the records that it returns, if that is not the board's own.
    pub(super) view: Option<View>,
    /// The mapping, once a record was read through it, if all records have one length and are
    /// returned as they are.
    pub(super) plain: OnceLock<Mapping>,
    /// The mapping, if each record is one block.
    pub(super) blocks: OnceLock<BlockMapping>,
    pub(crate) user_data: OnceLock<CString>,
    /// The sequence that this reader has put into the durable file, or seen there once it was on
    /// disk.
    synced: AtomicU64,
    pub(super) revalidation: Revalidation,
}

/// Records in another version of their schema.
#[derive(Debug)]
pub(super) struct View {
    pub schema: Arc<Schema>,
    pub conversion: Conversion,
}

impl Reader {
    /// Opens a board by NAME or DIRECTORY/NAME.
    pub fn open(board: &str) -> Result<Self> {
        Self::at(BoardPath::parse(board)?, Access::Read)
    }

    /// Opens a board without mapping its file. If the file is truncated, a read is `CORRUPT`,
    /// where after [`Reader::open`] the kernel ends the program with SIGBUS. Each read makes system
    /// calls instead of a few loads.
    pub fn open_unmapped(board: &str) -> Result<Self> {
        Self::at(BoardPath::parse(board)?, Access::ReadUnmapped)
    }

    /// As [`Reader::open_unmapped`], for a board that any user may have created or can write, also
    /// one that the other functions refuse as `UNTRUSTED`, unless it is a link or not a regular
    /// file.
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
            blocks: OnceLock::new(),
            user_data: OnceLock::new(),
            synced: AtomicU64::new(durable::NEVER_SYNCED),
            revalidation: Revalidation::new(),
        }
    }

    /// The same reader, returning records of a schema that its program was made for: the board may
    /// have an earlier or a later version of that schema. Fields that the board lacks get their
    /// defaults, or are unknown; else `INVALID_FIELDS` names the difference.
    pub fn view(mut self, schema: &Schema) -> Result<Self> {
        let own = &self.board.schema;
        let conversion = Conversion::new(own, schema).map_err(|error| {
            let difference = own.difference(schema).unwrap_or_default();
            let reason = match own.common(schema) {
                Some(_) => format!(": {error}"),
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
        self.blocks = OnceLock::new();
        Ok(self)
    }

    /// Opens the board that now has the same path, in the same way and view.
    pub fn reopen(&self) -> Result<Self> {
        let reader = Self::at(self.board.place.clone(), self.board.access)?;
        let status = &reader.board.status;
        // It would be gone again at once, and a loop that reopens it would never end.
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

    /// A reader of a file that does not have the name of a board.
    pub(crate) fn of_snapshot(board: Board) -> Self {
        Self::of(board, false)
    }

    pub(crate) fn of_writer(board: Board) -> Self {
        Self::of(board, true)
    }

    /// Whether it returns records in another schema than the board's.
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

    /// The fields of the records that it returns: the board's, unless it has another view.
    pub fn schema(&self) -> &Schema {
        self.shared_schema()
    }

    fn shared_schema(&self) -> &Arc<Schema> {
        let view = self.view.as_ref().map(|view| &view.schema);
        view.unwrap_or(&self.board.schema)
    }

    /// Random for a new board, and the same after the board is replaced: sequences of readers with
    /// the same lineage can be compared.
    pub fn lineage(&self) -> u64 {
        self.board.lineage
    }

    /// The newest sequence, 0 when nothing has been published; `GONE` as for [`Reader::read`]. One
    /// load.
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

    /// Whether a writer has the board open now, even a stopped one. Asks the kernel.
    pub fn writer_alive(&self) -> Result<bool> {
        Ok(self.is_writers || is_locked(self.board.segment.file(), self.path())?)
    }

    /// The process that writes the board; `None` if there is none, or if it is another user's and
    /// this one is not root.
    pub fn writer_process(&self) -> Option<WriterProcess> {
        holder(&self.board.place.lock())
    }

    /// The newest record; else `EMPTY`, `GONE` or `BUSY`.
    pub fn read(&self) -> Result<Snapshot> {
        self.snapshot(|record| self.copy_into(record))
    }

    /// The record of a sequence, if it is in the ring; else `OVERWRITTEN`.
    pub fn read_at(&self, sequence: u64) -> Result<Snapshot> {
        self.snapshot(|record| self.copy_at_into(sequence, record))
    }

    /// The first record after a sequence that the ring still holds; the stamp has the number of
    /// those missed before. `EMPTY` if nothing was published after the sequence.
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
        // The writer may have overwritten some meanwhile: only what follows the last gap is
        // returned.
        let hole = records.iter().rposition(|record| record.stamp().missed > 0);
        records.drain(..hole.unwrap_or(0));
        Ok(records)
    }

    /// The newest record, into a buffer that is large enough for it, and that may hold anything
    /// after a failure.
    pub fn read_into(&self, record: &mut [u8]) -> Result<Stamp> {
        self.stamp(&self.copy_into(record)?)
    }

    /// The record of a sequence, into a buffer that is large enough for it, and that may hold
    /// anything after a failure.
    pub fn read_at_into(&self, sequence: u64, record: &mut [u8]) -> Result<Stamp> {
        self.stamp(&self.copy_at_into(sequence, record)?)
    }

    /// All that is known of a publication that this reader has copied, as of now. `GONE` if the
    /// board's file was removed, which is checked once a second.
    #[inline]
    pub fn stamp(&self, publication: &Publication) -> Result<Stamp> {
        let now = clock::since_boot();
        self.revalidate(now)?;
        Ok(publication.stamp(now))
    }

    /// Checks that the board's file still exists, unless that was checked within a second.
    #[inline]
    fn revalidate(&self, now: i64) -> Result<()> {
        if self.revalidation.is_due(now) {
            self.check_exists()?;
            self.revalidation.set_checked(now);
        }
        Ok(())
    }

    /// Checks what is due when the budget is used up.
    #[cold]
    fn renew_budget(&self) -> Result<()> {
        if self.revalidation.is_last_budget() {
            self.check_exists()?;
        } else {
            self.revalidate(clock::since_boot())?;
        }
        self.revalidation.renew();
        Ok(())
    }

    #[cold]
    fn check_exists(&self) -> Result<()> {
        if self.board.is_removed()? {
            self.revalidation.expire();
            return Err(self.board.gone());
        }
        Ok(())
    }

    /// The head, if the board still exists.
    #[inline]
    pub(crate) fn head(&self) -> Result<Head> {
        if !self.revalidation.use_up() {
            self.renew_budget()?;
        }
        let head = self.board.head()?;
        // A process that marked the board may have crashed before it was gone; so the name decides.
        if head.gone && !self.board.is_current() {
            return Err(self.board.gone());
        }
        Ok(head)
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
