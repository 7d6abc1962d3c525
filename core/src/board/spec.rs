//! A board as its creator specifies it: whether an existing board satisfies it, and what replaces
//! that board otherwise.

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

/// A board as its creator specifies it.
pub struct BoardSpec<'a> {
    pub place: &'a BoardPath,
    pub schema: &'a Schema,
    pub layout: Layout,
    pub mode: u32,
    pub options: &'a Options,
    /// Whether a durable file is replaced that is damaged, or of an earlier board.
    pub replaces_durable: bool,
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
                "the owner must have read and write; execute and world-write are not allowed (got \
                 mode {mode:04o}). Use 0600, 0640, 0660 or 0664."
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
                "the slots must be a power of two from 4 to 65536, and fit into memory (got \
                 {slots} slots of {size} bytes)"
            ));
        };
        Ok(Self {
            place,
            schema,
            layout,
            mode,
            options,
            replaces_durable: false,
        })
    }

    /// Creates a segment, and first its durable file: after a crash in between, the board is
    /// restored from that.
    pub fn create(&self, seed: Seed) -> Result<Draft> {
        let (draft, file) = self.draft(seed, None)?;
        file.map_or(Ok(()), Staged::install)?;
        Ok(draft)
    }

    /// A new segment and its durable file, both without a name.
    fn draft(&self, seed: Seed, owner: Option<&FileStat>) -> Result<(Draft, Option<Staged>)> {
        let Self {
            place,
            schema,
            layout,
            mode,
            ..
        } = self;
        let seed = self.with_defaults(seed);
        let draft = Board::draft(place, schema, layout, *mode, &seed)?;
        if let Some(owner) = owner {
            draft.give_to(owner);
        }
        if !layout.durable {
            return Ok((draft, None));
        }
        let owner = draft.status(&place.board)?;
        let durable = DurableWriter::new(place, schema, layout, *mode, seed, owner)?;
        let file = durable.stage(self.replaces_durable)?;
        Ok((draft, Some(file)))
    }

    /// Adds the defaults as the first record, so that a board with defaults is never empty. Its
    /// generation is 0, as no writer published it.
    fn with_defaults(&self, mut seed: Seed) -> Seed {
        if seed.records.is_empty()
            && seed.sequence < MAX_SEQUENCE
            && let Some(defaults) = self.schema.defaults()
        {
            let length = defaults.bytes.len();
            seed.sequence += 1;
            seed.records.push(RawRecord {
                stamp: Publication::words(Some(Moment::now()), 0, defaults.present, length),
                bytes: defaults.bytes,
            });
        }
        seed
    }

    /// Whether an existing board has everything that is specified. `false` if it must be replaced,
    /// by one with more fields that its programs can do without. An error if it must not be
    /// replaced.
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
                "board {name} ({path}) has {} slots (got {}). Pass `replace` to replace it, or 0 \
                 slots to keep them.",
                slots.0, slots.1
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if lacks_checksums {
            let message = format!(
                "board {name} ({path}) has no checksums. Pass `replace` to replace it, or no \
                 `checksum`."
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
            format!(": {error}")
        } else {
            String::new()
        };
        let message = format!(
            "board {name} ({path}) has another schema: {difference}{reason}. Pass `replace` to \
             replace it, or use another name."
        );
        Err(Error::new(ErrorKind::InvalidFields, message))
    }

    /// The old board's newest records in the new schema, as many as fit into the new slots. If
    /// nothing was published, the new defaults replace the old ones.
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
        let convert = |record: RawRecord| {
            let present = Publication::present_of(&record.stamp);
            let converted = conversion.convert(&record.bytes, present);
            let length = converted.bytes.len();
            RawRecord {
                stamp: Publication::reshaped(&record.stamp, converted.present, length),
                bytes: converted.bytes,
            }
        };
        let fits = |record: &RawRecord| record.bytes.len() <= self.schema.record_size();
        let converted: Vec<_> = records.into_iter().map(convert).collect();
        let too_long = converted.iter().rposition(|record| !fits(record));
        converted
            .into_iter()
            .skip(too_long.map_or(0, |last| last + 1))
            .collect()
    }

    /// Replaces a board by a new one with its newest records, converted.
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

    /// Replaces a board by a new one with these records.
    ///
    /// The old board is marked first. After a crash before the new segment has the name, the old
    /// one continues: readers check the name, and the next writer removes the mark. The durable
    /// file is renamed last: until then, the old board's file is right for both boards.
    pub fn replace_by(self, old: &Board, newest: u64, records: Vec<RawRecord>) -> Result<()> {
        let seed = Seed {
            sequence: newest,
            generation: old.generation(),
            lineage: old.lineage,
            records,
        };
        self.replace_with(old, seed)
    }

    /// As `replace_by`, from a seed that need not be the old board's.
    pub fn replace_with(self, old: &Board, seed: Seed) -> Result<()> {
        let (draft, file) = self.draft(seed, Some(&old.status))?;
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
