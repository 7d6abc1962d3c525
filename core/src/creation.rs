//! How boards come and go: created, taken over, replaced, removed. A death at any point leaves the
//! old board or the new one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::time::Duration;

use nix::sys::stat::FileStat;

use crate::board::{Board, Kept, Past, absent};
use crate::clock::Moment;
use crate::durable::{self, Lasting};
use crate::error::{Error, ErrorKind, Result};
use crate::evolution::Conversion;
use crate::layout::{CHECKSUMS, DURABLE, Layout};
use crate::place::Place;
use crate::ring::MAX_SEQUENCE;
use crate::saving::{self, Saved};
use crate::schema::Schema;
use crate::segment::{Draft, remove};
use crate::snapshot::Publication;
use crate::trust::Access;
use crate::turn::Turn;

const DEFAULT_MODE: u32 = 0o640;

/// How a board is created. All zero is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own, by name
pub struct Options {
    /// Slots of the ring, a power of two from 4; 0 chooses by the record's size, or leaves them as they
    /// are.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640, or what they are if there is one. Who may write the
    /// file may become its writer.
    pub mode: u32,
    /// Replace a board that has another schema or other slots, or is damaged. Its records stay if one
    /// schema is the other with fields appended. The sequences go on, except those of a damaged board,
    /// whose readers are not told either.
    pub replace: bool,
    /// How long to wait for another writer to let go of the board.
    pub timeout: Duration,
    /// Publish records of fields without looking at the clock, in loops where that would take most of the time: as
    /// bytes, on no condition (`try_publish`, else `publish`). Readers cannot tell a record's age, those who wait
    /// look once a millisecond, and the writer notices that the board is gone a second later, and after up
    /// to 255 more publications.
    pub unstamped: bool,
    /// Let each publication carry a checksum of its bytes, which all readers verify: one that is wrong is then
    /// `CORRUPT`. For bytes that come by other ways than from their writer's memory, and for `open_untrusted`;
    /// against half-written records there is no need of it. Else it is left as it is if there is a board.
    /// Such publications are always stamped.
    pub checksum: bool,
    /// Give it a durable file, into which `sync` puts the newest record, and from which the board comes back after a
    /// reboot: with that record, the sequences going on. Else it is left as it is if there is a board, or such a
    /// file. A board that is there without is replaced by one with the same records.
    pub durable: bool,
}

/// A board as its creator wants it.
struct Wanted<'a> {
    place: &'a Place,
    schema: &'a Schema,
    layout: Layout,
    mode: u32,
    options: &'a Options,
    /// Whether a durable file may be begun anew that is damaged, or of a board that was here before.
    supersedes: bool,
}

/// Creates a board or opens the one that is there, for the one whose turn it then is.
pub fn create(place: &Place, schema: &Schema, options: &Options) -> Result<(Board, Turn)> {
    let wanted = Wanted::new(place, schema, options)?;
    let turn = Turn::wait(place, wanted.mode, Some(options.timeout))?;
    let open = || Board::open(place.clone(), Access::Write);
    let mut board = match found(place, options) {
        Ok(old) => {
            let has_all = wanted.is_met_by(&old)?;
            if has_all && (old.layout.durable || !options.durable) {
                old
            } else {
                let schema = if has_all { &old.schema } else { schema };
                Wanted { schema, ..wanted }.replace(&old)?;
                open()?
            }
        }
        Err(error) => match error.kind() {
            ErrorKind::NotFound => {
                if !wanted.draft(beginning(), None)?.link(&place.board)? {
                    return Err(appeared(place));
                }
                open()?
            }
            ErrorKind::Corrupt | ErrorKind::Unsupported if options.replace => {
                wanted
                    .draft(beginning(), None)?
                    .replace(&place.board, &place.next())?;
                open()?
            }
            _ => return Err(error),
        },
    };
    if options.mode != 0 {
        board.set_mode(options.mode)?;
    }
    if board.layout.durable {
        let newest = board.ring().head().sequence;
        let past = board.past_of(newest, board.record(newest));
        Lasting::of(&board, past)?.prepare()?;
    }
    Ok((board, turn))
}

/// What stands at a place; where nothing does, or what may be replaced as it is damaged, the board that comes back from
/// its durable file.
fn found(place: &Place, options: &Options) -> Result<Board> {
    let open = || Board::open(place.clone(), Access::Write);
    let error = match open() {
        Err(error) => error,
        found => return found,
    };
    let is_absent = error.kind() == ErrorKind::NotFound;
    let is_bad = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported);
    if !(is_absent || is_bad && options.replace) {
        return Err(error);
    }
    let Some(draft) = durable::restored(place, options.durable)? else {
        return Err(error);
    };
    if is_bad {
        draft.replace(&place.board, &place.next())?;
    } else if !draft.link(&place.board)? {
        return Err(appeared(place));
    }
    open()
}

/// Lets a board that is absent come back from its durable file; `false` if it has none.
pub fn come_back(place: &Place, timeout: Option<Duration>) -> Result<bool> {
    // Who finds none takes no turn, which may need rights that he has not.
    match durable::look_at(place) {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(false),
        Err(error) if error.kind() == ErrorKind::Denied => return Ok(false),
        Err(error) => return Err(error),
    }
    let mut turn = Turn::wait(place, DEFAULT_MODE, timeout)?;
    match found(place, &Options::default()) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        found => turn.keep(found?.status.st_mode).map(|()| true),
    }
}

/// Makes a board of a snapshot file that [`crate::dynamic::Reader::save`] wrote, or of a copy of a durable file, with its
/// records as old as they are, and their sequences. One that is there is replaced if the options say so: its sequences then go on, and the
/// records are its newest. `CORRUPT` if a bit of the file has changed.
pub fn restore(board: &str, file: &Path, options: &Options) -> Result<()> {
    let place = Place::parse(board)?;
    let Saved {
        schema,
        slots,
        mut past,
        durable,
        checksum,
        mode,
    } = saving::read(file)?;
    let options = Options {
        slots: if options.slots == 0 {
            slots
        } else {
            options.slots
        },
        mode: if options.mode == 0 {
            mode
        } else {
            options.mode
        },
        durable: options.durable || durable,
        checksum: options.checksum || checksum,
        ..*options
    };
    let wanted = Wanted {
        supersedes: options.replace,
        ..Wanted::new(&place, &schema, &options)?
    };
    let room = wanted.layout.slot_count as usize - 1;
    let excess = past.records.len().saturating_sub(room);
    past.records.drain(..excess);
    let mode = wanted.mode;
    let mut turn = Turn::wait(&place, mode, Some(options.timeout))?;
    match found(&place, &options) {
        Ok(_) if !options.replace => {
            let (name, path) = (&place.name, place.board.display());
            let message = format!("board {name} ({path}) is there already; ask to replace it");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(old) => {
            let newest = old.ring().head().sequence;
            let newest = newest.saturating_add(past.records.len() as u64);
            wanted.replace_by(&old, newest.min(MAX_SEQUENCE), past.records)?;
        }
        Err(error) => match error.kind() {
            ErrorKind::NotFound => {
                if !wanted.draft(past, None)?.link(&place.board)? {
                    return Err(appeared(&place));
                }
            }
            ErrorKind::Corrupt | ErrorKind::Unsupported if options.replace => {
                wanted
                    .draft(past, None)?
                    .replace(&place.board, &place.next())?;
            }
            _ => return Err(error),
        },
    }
    turn.keep(mode)
}

/// Somebody who does not keep to the lock was there first.
fn appeared(place: &Place) -> Error {
    let path = place.board.display();
    let message = format!("{path} appeared while its lock was held; try again");
    Error::new(ErrorKind::System, message)
}

/// Removes a board, with its durable file: its readers find it gone. `LOCKED` while it has a writer, `NOT_FOUND` when
/// there is none.
pub fn unlink(board: &str) -> Result<()> {
    let place = Place::parse(board)?;
    let before = match removable(&place) {
        // Not before somebody wants it does it come back from its durable file.
        Err(error) if error.kind() == ErrorKind::NotFound && durable::remove(&place, None)? => {
            return Ok(());
        }
        before => before?,
    };
    let turn = Turn::take(&place, before.map_or(0o600, |board| board.status.st_mode))?;
    // What it was before the turn, it may be no longer.
    let board = removable(&place)?;
    // First, as who may not do that shall remove nothing.
    durable::remove(&place, board.as_ref())?;
    if let Some(board) = &board {
        board.ring().mark_gone();
    }
    let removed = remove(&place.board).inspect_err(|_| {
        if let Some(board) = &board {
            board.ring().unmark_gone();
        }
    })?;
    if let Some(board) = &board {
        board.wake();
    }
    // Left by one who died while replacing the board.
    remove(&place.next())?;
    turn.discard()?;
    if removed { Ok(()) } else { Err(absent(&place)) }
}

/// The board that is to be removed; `None` if what stands there is none, and so has no readers.
fn removable(place: &Place) -> Result<Option<Board>> {
    match Board::open(place.clone(), Access::Tidy) {
        Ok(board) => Ok(Some(board)),
        Err(error) => match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Untrusted => Ok(None),
            _ => Err(error),
        },
    }
}

/// Of a board that has no past.
fn beginning() -> Past {
    Past {
        sequence: 0,
        generation: 0,
        // The one way to random bits in the standard library.
        lineage: RandomState::new().build_hasher().finish(),
        records: Vec::new(),
    }
}

impl<'a> Wanted<'a> {
    fn new(place: &'a Place, schema: &'a Schema, options: &'a Options) -> Result<Self> {
        let mode = match options.mode {
            0 => DEFAULT_MODE,
            mode => mode,
        };
        let refuse = |message: String| {
            let message = format!("board {}: {message}", place.name);
            Err(Error::new(ErrorKind::InvalidArgument, message))
        };
        if !is_mode(mode) {
            return refuse(format!(
                "mode {mode:04o} will not do: its owner reads and writes it, nobody executes it, \
                 and not everybody writes it; as in 0600, 0640, 0660 or 0664"
            ));
        }
        let slots = match options.slots {
            0 => Layout::default_slots(schema.record_size()),
            slots => slots,
        };
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags = flag(options.checksum, CHECKSUMS) | flag(options.durable, DURABLE);
        let Some(layout) = layout(schema, slots, flags) else {
            let size = schema.record_size();
            return refuse(format!(
                "{slots} slots of {size} bytes will not do; use 4, 8, 16 ... 65536"
            ));
        };
        Ok(Self {
            place,
            schema,
            layout,
            mode,
            options,
            supersedes: false,
        })
    }

    /// A new segment, as wanted where no more is said. The durable file comes first: it has what the board begins with.
    fn draft(&self, past: Past, owner: Option<&FileStat>) -> Result<Draft> {
        let Self {
            place,
            schema,
            layout,
            mode,
            ..
        } = self;
        let past = self.begun(past);
        let draft = Board::draft(place, schema, layout, *mode, &past)?;
        if let Some(owner) = owner {
            draft.give_to(owner);
        }
        if layout.durable {
            let owner = draft.status(&place.board)?;
            let lasting = Lasting::new(place, schema, layout, *mode, past, owner)?;
            if self.supersedes {
                lasting.supersede()?;
            } else {
                lasting.sync(None)?;
            }
        }
        Ok(draft)
    }

    /// A board with defaults is never empty: they are its first record, of generation 0, as no
    /// writer published them.
    fn begun(&self, mut past: Past) -> Past {
        if past.records.is_empty()
            && past.sequence < MAX_SEQUENCE
            && let Some(defaults) = self.schema.defaults()
        {
            let length = defaults.bytes.len();
            past.sequence += 1;
            past.records.push(Kept {
                stamp: Publication::words(Some(Moment::now()), 0, defaults.present, length),
                bytes: defaults.bytes,
            });
        }
        past
    }

    /// A board that has all that is wanted will do, also if it has more; one that has less has to be
    /// replaced, which it may be if programs that do not know of what is appended can do without it.
    fn is_met_by(&self, old: &Board) -> Result<bool> {
        let Place { name, board, .. } = self.place;
        let path = board.display();
        let (has, wants) = (&*old.schema, self.schema);
        let slots = (old.layout.slot_count, self.options.slots);
        let other_slots = slots.1 != 0 && slots.0 != slots.1;
        let lacks_checksums = self.options.checksum && !old.layout.checksums;
        if self.options.replace {
            return Ok(has == wants && !other_slots && !lacks_checksums);
        }
        if other_slots {
            let message = format!(
                "board {name} ({path}) has {} slots, not {}; ask to replace it, \
                 or leave the slots open",
                slots.0, slots.1
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if lacks_checksums {
            let message = format!(
                "board {name} ({path}) has no checksums; ask to replace it, or leave them out"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let has_all =
            has.fields().len() >= wants.fields().len() && has.record_size() >= wants.record_size();
        let conversion = if has_all {
            Conversion::new(wants, has)
        } else {
            Conversion::new(has, wants)
        };
        let Err(error) = conversion else {
            return Ok(has_all);
        };
        let is_version = has.common(wants).is_some();
        if is_version && !has_all && old.is_pristine() {
            return Ok(false);
        }
        let difference = has.difference(wants).unwrap_or_default();
        let reason = if is_version {
            format!("; {error}")
        } else {
            String::new()
        };
        let message = format!(
            "board {name} ({path}) has another schema: {difference}{reason}; \
             or ask to replace it, or use another name"
        );
        Err(Error::new(ErrorKind::InvalidFields, message))
    }

    /// The old board's newest records in the new schema, as many as there will be slots for. Defaults
    /// that nobody changed make way for the new ones.
    fn converted(&self, old: &Board) -> Vec<Kept> {
        if old.is_pristine() {
            return Vec::new();
        }
        let Ok(conversion) = Conversion::new(&old.schema, self.schema) else {
            return Vec::new();
        };
        let mut records = old.records();
        let room = self.layout.slot_count as usize - 1;
        records.drain(..records.len().saturating_sub(room));
        let convert = |kept: Kept| {
            let present = Publication::present_of(&kept.stamp);
            let converted = conversion.convert(&kept.bytes, present);
            let length = converted.bytes.len();
            Kept {
                stamp: Publication::reshaped(&kept.stamp, converted.present, length),
                bytes: converted.bytes,
            }
        };
        let fits = |kept: &Kept| kept.bytes.len() <= self.schema.record_size();
        let converted: Vec<_> = records.into_iter().map(convert).collect();
        let too_long = converted.iter().rposition(|kept| !fits(kept));
        converted
            .into_iter()
            .skip(too_long.map_or(0, |last| last + 1))
            .collect()
    }

    /// Replaces a board by one in which its newest records are converted.
    fn replace(mut self, old: &Board) -> Result<()> {
        if self.options.mode == 0 {
            self.mode = old.status.st_mode & 0o7777;
        }
        let slots = match self.options.slots {
            0 => old.layout.slot_count,
            slots => slots,
        };
        let flags = self.layout.flags() | old.layout.flags();
        self.layout = layout(self.schema, slots, flags).unwrap_or(self.layout);
        let records = self.converted(old);
        self.replace_by(old, old.ring().head().sequence, records)
    }

    /// The mark first: a death before the new segment has the name leaves the old one, which then
    /// goes on, as readers ask the name and the next writer takes the mark back.
    fn replace_by(self, old: &Board, newest: u64, records: Vec<Kept>) -> Result<()> {
        let past = Past {
            sequence: newest,
            generation: old.generation(),
            lineage: old.lineage,
            records,
        };
        let draft = self.draft(past, Some(&old.status))?;
        old.ring().mark_gone();
        draft
            .replace(&self.place.board, &self.place.next())
            .inspect_err(|_| old.ring().unmark_gone())?;
        old.wake();
        Ok(())
    }
}

/// Whether a board may have these permissions.
pub fn is_mode(mode: u32) -> bool {
    mode & !0o664 == 0 && mode & 0o600 == 0o600
}

fn layout(schema: &Schema, slots: u32, flags: u32) -> Option<Layout> {
    let (fields, details) = (schema.fields().len(), schema.details().len());
    Layout::new(fields, details, schema.record_size(), slots, flags)
}
