//! Writing a board: creating or taking it, publishing, and removing it. One writer at a time; the
//! kernel keeps the lock and frees it when its holder dies.

use std::fs::File;
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, fchmod};

use crate::board::{Board, absent};
use crate::clock::{self, Moment};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::place::Place;
use crate::reader::{BRISK_NS, Reader};
use crate::ring::MAX_SEQUENCE;
use crate::schema::Schema;
use crate::segment::{Draft, ForkMark, Lock, remove, try_lock};
use crate::snapshot::Publication;
use crate::sync::{Ordering, fence};
use crate::trust::{Access, names, open_trusted};

const DEFAULT_MODE: u32 = 0o640;
/// How often a writer looks at the wall clock, and whether its board's name is still there.
const GLANCE_NS: i64 = 1_000_000_000;
/// How long one who waits for the lock sleeps between two tries.
const PATIENCE: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// How a board is created. All zero is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Slots of the ring, a power of two from 4; 0 chooses by the record's size.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640. Who may write the file may become its writer.
    pub mode: u32,
    /// Replace a board that has another schema or other slots, or is damaged.
    pub replace: bool,
}

/// Publishes to a board and holds it until it is dropped, or its process ends in any way.
///
/// It belongs to the process that opened it: a child that gets it by fork cannot publish.
#[derive(Debug)]
pub struct Writer {
    reader: Reader,
    /// Holds the lock while it is open.
    _lock: File,
    fork: ForkMark,
    generation: u64,
    /// Nanoseconds since boot of this writer's last publication.
    last: Option<i64>,
    /// Nanoseconds since boot of the last look at the wall clock and the name.
    glance: Option<i64>,
    wall_offset: i64,
}

impl Writer {
    /// Creates a board, or takes over one that has the same schema; its last record stays.
    ///
    /// `LOCKED` when it has a writer. Another schema is `INVALID_FIELDS`, unless the options say to
    /// replace the board: its readers then find it gone and open the new one, whose sequences go on.
    pub fn create(board: &str, schema: &Schema, options: &Options) -> Result<Self> {
        let place = Place::parse(board)?;
        let wanted = Wanted::new(&place, schema, options)?;
        let lock = lock_or_create(&place, lock_mode(wanted.mode))?;
        match Board::open(place.clone(), Access::Write) {
            Ok(old) => match wanted.difference(&old) {
                None => {
                    if options.mode != 0 {
                        wanted.set_mode(&old, &lock)?;
                    }
                    Self::take(old, lock)
                }
                Some(_) if options.replace => wanted.replace(&old, lock),
                Some(error) => Err(error),
            },
            Err(error) => match error.kind() {
                ErrorKind::NotFound => {
                    if !wanted.draft(0)?.link(&place.board)? {
                        let path = place.board.display();
                        let message = format!("{path} appeared while its lock was held; try again");
                        return Err(Error::new(ErrorKind::System, message));
                    }
                    Self::take(Board::open(place, Access::Write)?, lock)
                }
                ErrorKind::Corrupt | ErrorKind::Unsupported if options.replace => {
                    wanted.draft(0)?.replace(&place.board, &place.next)?;
                    Self::take(Board::open(place, Access::Write)?, lock)
                }
                _ => Err(error),
            },
        }
    }

    /// Takes an existing board, waiting for its writer to let go; `None` waits for ever. `LOCKED`
    /// when it did not in time.
    pub fn open(board: &str, timeout: Option<Duration>) -> Result<Self> {
        let place = Place::parse(board)?;
        // One without a board or without the right to write it needs no turn.
        let seen = Board::open(place.clone(), Access::Write)?;
        let lock_mode = lock_mode(seen.status.st_mode);
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut pause = PATIENCE.0;
        loop {
            match lock_or_create(&place, lock_mode) {
                Ok(lock) => return Self::take(Board::open(place, Access::Write)?, lock),
                Err(error) if error.kind() == ErrorKind::Locked => {
                    let left =
                        deadline.map_or(pause, |end| end.saturating_duration_since(Instant::now()));
                    if left.is_zero() {
                        return Err(error);
                    }
                    std::thread::sleep(pause.min(left));
                    pause = PATIENCE.1.min(pause * 2);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take(board: Board, lock: File) -> Result<Self> {
        let fork = ForkMark::new(board.path())?;
        // What readers ask for when they want to know whether the writer lives. Whoever may read the
        // board may hold one too, so it keeps nobody out.
        try_lock(board.segment.file(), Lock::Shared, board.path())?;
        if board.ring().head().gone {
            board.ring().unmark_gone();
        }
        let generation = board.generation().wrapping_add(1);
        board.set_generation(generation);
        Ok(Self {
            reader: Reader::of_writer(board),
            _lock: lock,
            fork,
            generation,
            last: None,
            glance: None,
            wall_offset: 0,
        })
    }

    /// Reads the same board.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Publishes a record, which has exactly the schema's size; or a document, which has at most
    /// that. Says its sequence.
    pub fn publish(&mut self, record: &[u8]) -> Result<u64> {
        self.check(record)?;
        self.commit(record)
    }

    /// Publishes if `expected` is still the newest sequence (0: nothing published yet); else
    /// `CONFLICT`.
    pub fn publish_if(&mut self, expected: u64, record: &[u8]) -> Result<u64> {
        self.check(record)?;
        let newest = self.reader.sequence();
        if newest != expected {
            let name = self.reader.board();
            let message = format!(
                "board {name}: the newest sequence is {newest}, no longer {expected}; \
                 read it again and decide anew"
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.commit(record)
    }

    fn check(&self, record: &[u8]) -> Result<()> {
        let (name, schema) = (self.reader.board(), self.reader.schema());
        if self.fork.is_child() {
            let message = format!(
                "board {name}: this process got its writer by fork, and the parent still has it; \
                 open the board in the child"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let (given, size) = (record.len(), schema.record_size());
        if given > size {
            let message = format!("board {name}: the record has {given} bytes, the board {size}");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if given < size && schema.document().is_none() {
            let message = format!("board {name}: a record has {size} bytes, not {given}");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(())
    }

    fn commit(&mut self, record: &[u8]) -> Result<u64> {
        let board = self.reader.inner();
        let now = clock::since_boot();
        if self
            .glance
            .is_none_or(|glance| now.saturating_sub(glance) >= GLANCE_NS)
        {
            if !board.is_current() {
                return Err(board.gone());
            }
            self.wall_offset = clock::wall_offset();
            self.glance = Some(now);
        }
        let moment = Moment {
            since_boot: now,
            wall_offset: self.wall_offset,
            boot: clock::boot(),
        };
        let ring = board.ring();
        let sequence = ring.head().sequence + 1;
        if sequence > MAX_SEQUENCE {
            let name = self.reader.board();
            let message = format!("board {name}: its sequences are used up; remove and create it");
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        let stamp = Publication::words(moment, self.generation, record.len());
        ring.publish(sequence, &stamp, record);
        if !self.is_brisk() {
            board.wake();
        }
        self.last = Some(now);
        Ok(sequence)
    }

    /// Whether the publication before this one is so fresh that no one can be asleep for long.
    ///
    /// A wake costs a system call even if nobody waits, many times a publication's own time, and
    /// waiters cannot say that they are there: they may not write. So one who waits looks how old
    /// the newest publication is. Younger than `BRISK_NS`: it sleeps only until it is that old, and the
    /// next one need not wake it. Older: it sleeps for good, and the next one does. Both judge the
    /// same stamp by the same clock; the writer after its store, the waiter before its load.
    fn is_brisk(&self) -> bool {
        // Without it, the store of the head could still be on its way when the clock is read.
        fence(Ordering::SeqCst);
        let now = clock::since_boot();
        self.last
            .is_some_and(|last| now.saturating_sub(last) < BRISK_NS)
    }
}

/// Removes a board: its readers find it gone. `LOCKED` while it has a writer, `NOT_FOUND` when there
/// is none.
pub fn unlink(board: &str) -> Result<()> {
    let place = Place::parse(board)?;
    if std::fs::symlink_metadata(&place.board).is_err() {
        return Err(absent(&place));
    }
    let _lock = lock_or_create(&place, 0o600)?;
    // One that is damaged has no readers to tell.
    let board = Board::open(place.clone(), Access::Write).ok();
    if let Some(board) = &board {
        board.ring().mark_gone();
    }
    let removed = remove(&place.board)?;
    if let Some(board) = &board {
        board.wake();
    }
    remove(&place.lock)?;
    if removed { Ok(()) } else { Err(absent(&place)) }
}

/// A board as its creator wants it.
struct Wanted<'a> {
    place: &'a Place,
    schema: &'a Schema,
    slots: u32,
    slots_given: bool,
    mode: u32,
}

impl<'a> Wanted<'a> {
    fn new(place: &'a Place, schema: &'a Schema, options: &Options) -> Result<Self> {
        let mode = if options.mode == 0 {
            DEFAULT_MODE
        } else {
            options.mode
        };
        let refuse = |message: String| {
            let message = format!("board {}: {message}", place.name);
            Err(Error::new(ErrorKind::InvalidArgument, message))
        };
        if mode & !0o664 != 0 || mode & 0o600 != 0o600 {
            return refuse(format!(
                "mode {mode:04o} will not do: its owner reads and writes it, nobody executes it, \
                 and not everybody writes it; as in 0600, 0640, 0660 or 0664"
            ));
        }
        let slots = match options.slots {
            0 => Layout::default_slots(schema.record_size()),
            slots => slots,
        };
        if Layout::new(schema.fields().len(), schema.record_size(), slots).is_none() {
            return refuse(format!("{slots} slots will not do; use 4, 8, 16 ... 65536"));
        }
        Ok(Self {
            place,
            schema,
            slots,
            slots_given: options.slots != 0,
            mode,
        })
    }

    fn draft(&self, base: u64) -> Result<Draft> {
        Board::draft(self.place, self.schema, self.slots, self.mode, base)
    }

    fn difference(&self, old: &Board) -> Option<Error> {
        let Place { name, board, .. } = &old.place;
        let path = board.display();
        if let Some(difference) = old.schema.difference(self.schema) {
            let message = format!(
                "board {name} ({path}) has another schema: {difference}; ask to replace it, \
                 or use another name"
            );
            return Some(Error::new(ErrorKind::InvalidFields, message));
        }
        let (has, wants) = (old.layout.slot_count, self.slots);
        (self.slots_given && has != wants).then(|| {
            let message = format!(
                "board {name} ({path}) has {has} slots, not {wants}; ask to replace it, \
                 or leave the slots open"
            );
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }

    fn set_mode(&self, board: &Board, lock: &File) -> Result<()> {
        if board.status.st_mode & 0o7777 == self.mode {
            return Ok(());
        }
        let failed = |errno| Error::system(errno, "change the mode of", board.path());
        fchmod(board.segment.file(), Mode::from_bits_truncate(self.mode)).map_err(failed)?;
        fchmod(lock, Mode::from_bits_truncate(lock_mode(self.mode))).map_err(failed)
    }

    /// The mark first: a death before the new segment has the name leaves the old one, which then
    /// goes on, as readers ask the name and the next writer takes the mark back.
    fn replace(&self, old: &Board, lock: File) -> Result<Writer> {
        let base = old.ring().head().sequence;
        let draft = self.draft(base)?;
        old.ring().mark_gone();
        let replaced = draft.replace(&self.place.board, &self.place.next);
        if let Err(error) = replaced {
            old.ring().unmark_gone();
            return Err(error);
        }
        old.wake();
        let board = Board::open(self.place.clone(), Access::Write)?;
        board.set_generation(old.generation());
        Writer::take(board, lock)
    }
}

/// Read and write for exactly the classes that may write the board.
fn lock_mode(mode: u32) -> u32 {
    let writers = mode & 0o222;
    writers | writers << 1
}

/// The held lock of a board; `LOCKED` when another one holds it.
fn lock_or_create(place: &Place, mode: u32) -> Result<File> {
    let path = &place.lock;
    loop {
        // Not O_CREAT: the kernel refuses that for a file of somebody else in a directory like
        // /tmp, though it exists and may be written (fs.protected_regular).
        let (file, status) = match open_trusted(path, Access::Write) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Draft::new(&place.directory, mode, 0)?.link(path)?;
                continue;
            }
            opened => opened?,
        };
        if !try_lock(&file, Lock::Exclusive, path)? {
            let (name, path) = (&place.name, path.display());
            let message = format!("board {name} has a writer, which holds {path}");
            return Err(Error::new(ErrorKind::Locked, message));
        }
        // It may have been removed with its board before it was locked.
        if names(path, &status) {
            return Ok(file);
        }
    }
}
