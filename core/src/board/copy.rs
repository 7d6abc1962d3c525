//! Copying records out of a board: whole, in part, and again when the writer laps the copy.

use crossbeam_utils::Backoff;

use crate::board::reader::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::{self, Ring};
use crate::segment::BlockMapping;
use crate::segment::checksum;
use crate::segment::stamp::Publication;

/// After this many laps a read is `BUSY`. One lap is rare; as many as these mean that the record is
/// too large for its slots and its writer's pace.
const MAX_TRIES: u32 = 1000;

impl Reader {
    /// As [`Reader::read_into`], without its stamp, and `false` for all that needs a second look:
    /// [`Reader::copy_into`] then reads the record, or returns the error. The fastest way to read.
    #[must_use]
    #[inline]
    pub fn read_fast(&self, record: &mut [u8]) -> bool {
        let plain = self.plain.get();
        plain
            .is_some_and(|mapping| self.revalidation.use_up() && Ring(mapping).copy_payload(record))
    }

    /// As [`Reader::read_fast`], for boards with records of 64 bytes: in a few dozen instructions,
    /// and with no cache lines of the board but those of the head and the record.
    #[must_use]
    #[inline]
    pub fn try_copy_block_into(&self, record: &mut [u8; 64]) -> bool {
        let blocks = self.blocks.get();
        blocks.is_some_and(|mapping| self.revalidation.use_up() && Ring(mapping).copy_block(record))
    }

    /// As [`Reader::read_fast`], eight bytes at an offset that is a multiple of eight.
    #[must_use]
    #[inline]
    pub fn try_copy_word_into(&self, offset: usize, word: &mut [u8; 8]) -> bool {
        let plain = self.plain.get();
        plain.is_some_and(|mapping| {
            self.revalidation.use_up() && Ring(mapping).copy_word(offset, word)
        })
    }

    /// As [`Reader::read_into`], without reading the clock.
    pub fn copy_into(&self, record: &mut [u8]) -> Result<Publication> {
        if self.board.mapping().is_none()
            && let Some(publication) = self.copy_opened(record)?
        {
            return Ok(publication);
        }
        self.copy_newest(|sequence, retries| self.attempt(sequence, record, retries))
    }

    /// The first read of many programs is their only one: it takes fewer calls if all records have
    /// one length and are returned as they are.
    #[cold]
    fn copy_opened(&self, record: &mut [u8]) -> Result<Option<Publication>> {
        if !self.is_plain() {
            return Ok(None);
        }
        let mut stamp = ring::StampWords::default();
        let Some(sequence) = self.board.copy_opened(&mut stamp, record)? else {
            return Ok(None);
        };
        let length = self.length(&stamp)?;
        if length > record.len() {
            return Err(self.no_room(length, record.len()));
        }
        Ok(Some(Publication {
            sequence,
            retries: 0,
            missed: 0,
            stamp,
        }))
    }

    /// Whether all records have one length and are returned as they are.
    #[inline]
    fn is_plain(&self) -> bool {
        self.view.is_none()
            && self.board.schema.document().is_none()
            && !self.board.layout.checksums
    }

    /// Bytes of the newest record, from an offset on: a field, or several adjacent ones, of a
    /// record of any size, as whole as the record itself. `INVALID_ARGUMENT` beyond the record's
    /// end.
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

    /// Makes the next reads plain copies, if they can be.
    #[inline]
    fn note_mapping(&self) {
        if self.plain.get().is_none()
            && let Some(mapping) = self.board.mapping()
            && self.is_plain()
        {
            self.plain.get_or_init(|| mapping.clone());
            if let Some(blocks) = BlockMapping::of(mapping) {
                self.blocks.get_or_init(|| blocks);
            }
        }
    }

    /// As [`Reader::read_after`], into a buffer and without reading the clock.
    pub fn copy_after_into(&self, after: u64, record: &mut [u8]) -> Result<Publication> {
        for retries in 0..MAX_TRIES {
            let newest = self.head()?.sequence;
            if newest <= after || newest == self.board.base {
                return Err(self.empty(&format!("nothing has been published after {after}")));
            }
            // Later after each lap, so that the reader gets ahead of the writer.
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
            "{}: a part must end within the record of {size} bytes (got {length} from {offset} \
             on)",
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
            "{}: its writer lapped {MAX_TRIES} attempts to read. Create it with more slots.",
            self.named()
        );
        Error::new(ErrorKind::Busy, message)
    }

    /// As [`Reader::read_at_into`], without reading the clock.
    pub fn copy_at_into(&self, sequence: u64, record: &mut [u8]) -> Result<Publication> {
        let newest = self.head()?.sequence;
        let is_held = sequence > self.board.base
            && sequence <= newest
            && newest - sequence < u64::from(self.board.layout.slot_count);
        // Checked first, so that the buffer mostly stays as it is if the record is not there.
        if is_held && let Some(publication) = self.attempt(sequence, record, 0)? {
            return Ok(publication);
        }
        let message = format!(
            "{}: sequence {sequence} is not in the ring (the newest is {newest})",
            self.named()
        );
        Err(Error::new(ErrorKind::Overwritten, message))
    }

    /// Copies a publication, if the writer does not lap that.
    #[inline]
    fn attempt(
        &self,
        sequence: u64,
        buffer: &mut [u8],
        retries: u32,
    ) -> Result<Option<Publication>> {
        let mut stamp = ring::StampWords::default();
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
        let mut stamp = ring::StampWords::default();
        let is_whole = self.copy(sequence, &mut stamp, offset, part)?;
        Ok(is_whole.then_some(Publication {
            sequence,
            retries,
            missed: 0,
            stamp,
        }))
    }

    /// Copies a publication, and checks its length.
    #[inline]
    fn copy(
        &self,
        sequence: u64,
        stamp: &mut ring::StampWords,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        if !self.board.copy(sequence, stamp, offset, bytes)? {
            return Ok(false);
        }
        self.length(stamp)?;
        if self.board.layout.checksums {
            return self.verify(sequence, stamp, offset, bytes);
        }
        Ok(true)
    }

    /// The length in a stamp; `CORRUPT` if no record of the board has it.
    #[inline]
    fn length(&self, stamp: &ring::StampWords) -> Result<usize> {
        let length = ring::length(stamp);
        if self.board.may_be_length(length) {
            Ok(length)
        } else {
            Err(self.no_length(length))
        }
    }

    /// Checks the checksum of what was copied, and copies the whole record first if that was only a
    /// part of it; `false` if the writer lapped the copy.
    #[cold]
    fn verify(
        &self,
        sequence: u64,
        stamp: &mut ring::StampWords,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let length = ring::length(stamp);
        let is_valid = match bytes.get(..length) {
            Some(record) if offset == 0 => checksum::is_valid(sequence, stamp, record),
            _ => {
                let mut record = vec![0; length];
                if !self.board.copy(sequence, stamp, 0, &mut record)? {
                    return Ok(false);
                }
                let part = record.get(offset..).unwrap_or_default();
                let room = part.len().min(bytes.len());
                bytes[..room].copy_from_slice(&part[..room]);
                checksum::is_valid(sequence, stamp, &record)
            }
        };
        if is_valid {
            return Ok(true);
        }
        let message = format!(
            "{}: the checksum of sequence {sequence} is wrong. Replace the board by creating \
             it anew.",
            self.named()
        );
        Err(Error::new(ErrorKind::Corrupt, message))
    }

    #[cold]
    fn no_length(&self, length: usize) -> Error {
        let message = format!(
            "{}: a record has {length} bytes of {}. Replace the board by creating it anew.",
            self.named(),
            self.board.schema.record_size()
        );
        Error::new(ErrorKind::Corrupt, message)
    }

    #[cold]
    fn no_room(&self, length: usize, room: usize) -> Error {
        let message = format!(
            "{}: the buffer must have {length} bytes (got {room})",
            self.named()
        );
        Error::new(ErrorKind::TooLarge, message)
    }
}
