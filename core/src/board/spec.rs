//! A board as its creator wants it: whether the one that is there will do, and what takes its place if not.

use nix::sys::stat::FileStat;

use crate::board::Board;
use crate::board::options::Options;
use crate::clock::Moment;
use crate::durable::{DurableWriter, Staged};
use crate::error::{Error, ErrorKind, Result};
use crate::ring::MAX_SEQUENCE;
use crate::schema::Schema;
use crate::schema::evolution::Conversion;
use crate::segment::Draft;
use crate::segment::layout::{CHECKSUMS, DURABLE, Layout};
use crate::segment::mode::{DEFAULT_MODE, is_mode};
use crate::segment::path::BoardPath;
use crate::segment::seed::{RawRecord, Seed};
use crate::segment::stamp::Publication;
use crate::segment::trust;

/// A board as its creator wants it.
pub struct BoardSpec<'a> {
    pub place: &'a BoardPath,
    pub schema: &'a Schema,
    pub layout: Layout,
    pub mode: u32,
    pub options: &'a Options,
    /// Whether a durable file may be begun anew that is damaged, or of a board that was here before.
    pub supersedes: bool,
}

impl<'a> BoardSpec<'a> {
    pub fn new(place: &'a BoardPath, schema: &'a Schema, options: &'a Options) -> Result<Self> {
        trust::check_creatable(&place.board)?;
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
                "the mode must let the owner read and write, nobody execute, and not everybody \
                 write (got {mode:04o}). Use 0600, 0640, 0660 or 0664."
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
                "the slots must be a power of two from 4 to 65536, and fit into memory (got {slots} \
                 slots of {size} bytes)"
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

    /// A new segment, as wanted where no more is said. The durable file comes first: who dies then leaves the board that
    /// comes back from it.
    pub fn begin(&self, past: Seed) -> Result<Draft> {
        let (draft, file) = self.draft(past, None)?;
        file.map_or(Ok(()), Staged::install)?;
        Ok(draft)
    }

    /// A new segment and its durable file.
    fn draft(&self, past: Seed, owner: Option<&FileStat>) -> Result<(Draft, Option<Staged>)> {
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
        if !layout.durable {
            return Ok((draft, None));
        }
        let owner = draft.status(&place.board)?;
        let lasting = DurableWriter::new(place, schema, layout, *mode, past, owner)?;
        let file = lasting.ready(self.supersedes)?;
        Ok((draft, Some(file)))
    }

    /// A board with defaults is never empty: they are its first record, of generation 0, as no
    /// writer published them.
    fn begun(&self, mut past: Seed) -> Seed {
        if past.records.is_empty()
            && past.sequence < MAX_SEQUENCE
            && let Some(defaults) = self.schema.defaults()
        {
            let length = defaults.bytes.len();
            past.sequence += 1;
            past.records.push(RawRecord {
                stamp: Publication::words(Some(Moment::now()), 0, defaults.present, length),
                bytes: defaults.bytes,
            });
        }
        past
    }

    /// A board that has all that is wanted will do, also if it has more; one that has less has to be
    /// replaced, which it may be if programs that do not know of what is appended can do without it.
    pub fn satisfied_by(&self, old: &Board) -> Result<bool> {
        let BoardPath { name, board, .. } = self.place;
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
    fn converted(&self, old: &Board) -> Vec<RawRecord> {
        if old.is_pristine() {
            return Vec::new();
        }
        let Ok(conversion) = Conversion::new(&old.schema, self.schema) else {
            return Vec::new();
        };
        let mut records = old.records();
        let room = self.layout.slot_count as usize - 1;
        records.drain(..records.len().saturating_sub(room));
        let convert = |kept: RawRecord| {
            let present = Publication::present_of(&kept.stamp);
            let converted = conversion.convert(&kept.bytes, present);
            let length = converted.bytes.len();
            RawRecord {
                stamp: Publication::reshaped(&kept.stamp, converted.present, length),
                bytes: converted.bytes,
            }
        };
        let fits = |kept: &RawRecord| kept.bytes.len() <= self.schema.record_size();
        let converted: Vec<_> = records.into_iter().map(convert).collect();
        let too_long = converted.iter().rposition(|kept| !fits(kept));
        converted
            .into_iter()
            .skip(too_long.map_or(0, |last| last + 1))
            .collect()
    }

    /// Replaces a board by one in which its newest records are converted.
    pub fn replace(mut self, old: &Board) -> Result<()> {
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
    /// goes on, as readers ask the name and the next writer takes the mark back. The durable file last, which
    /// is written before and only lacks its name: one that the old board had goes on to be right for either.
    pub fn replace_by(self, old: &Board, newest: u64, records: Vec<RawRecord>) -> Result<()> {
        let past = Seed {
            sequence: newest,
            generation: old.generation(),
            lineage: old.lineage,
            records,
        };
        self.replace_with(old, past)
    }

    /// As `replace_by`, with a past that need not be the old one's.
    pub fn replace_with(self, old: &Board, past: Seed) -> Result<()> {
        let (draft, file) = self.draft(past, Some(&old.status))?;
        old.ring().mark_gone();
        draft
            .replace(&self.place.board)
            .inspect_err(|_| old.ring().unmark_gone())?;
        old.wake();
        file.map_or(Ok(()), Staged::install)
    }
}

fn layout(schema: &Schema, slots: u32, flags: u32) -> Option<Layout> {
    let (fields, details) = (schema.fields().len(), schema.details().len());
    Layout::new(fields, details, schema.record_size(), slots, flags)
}
