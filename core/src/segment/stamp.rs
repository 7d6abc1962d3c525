//! What is known of a publication, and the words of a slot that encode it.

use crate::clock::Moment;
use crate::ring;

/// What is known of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The publication's number, from 1.
    pub sequence: u64,
    /// The generation of its writer; 0 for the defaults of a new board.
    pub generation: u64,
    /// Which optional fields are known: a bit for each of them, in their order.
    pub present: u64,
    /// When it was published, in nanoseconds of Unix time, computed when it was read; 0 if it is
    /// unstamped.
    pub published_ns: i64,
    /// How old it was when it was read, in nanoseconds, including time in suspend; `i64::MAX` if it
    /// is unstamped.
    pub age_ns: i64,
    /// Bytes of the record; a document's length.
    pub record_size: usize,
    /// How often the writer lapped this read, which then started over.
    pub retries: u32,
    /// Requested publications before this one that the ring no longer held.
    pub missed: u64,
}

impl Stamp {
    /// Whether it is that of a new board's defaults, which no writer published.
    pub fn is_default(&self) -> bool {
        self.generation == 0
    }

    /// Whether it has a time and an age.
    pub fn is_timed(&self) -> bool {
        self.age_ns != i64::MAX
    }
}

/// A publication that was copied; [`crate::dynamic::Reader::stamp`] computes its age.
#[derive(Clone, Copy, Debug)]
pub struct Publication {
    pub(crate) sequence: u64,
    pub(crate) retries: u32,
    pub(crate) missed: u64,
    pub(crate) stamp: ring::StampWords,
}

/// The word of a stamp with the bits of the known optional fields.
const PRESENT: usize = 4;

impl Publication {
    /// Encodes a stamp in words.
    #[allow(clippy::cast_sign_loss)] // bits in, bits out
    pub(crate) fn words(
        moment: Option<Moment>,
        generation: u64,
        present: u64,
        length: usize,
    ) -> ring::StampWords {
        let [since_boot, wall_offset, boot] = moment.map_or([0; 3], |moment| {
            let [since_boot, wall_offset] = [moment.since_boot, moment.wall_offset];
            [since_boot as u64, wall_offset as u64, moment.boot]
        });
        [
            since_boot,
            wall_offset,
            boot,
            generation,
            present,
            ring::length_word(length),
        ]
    }

    /// The words for the same publication in another schema.
    pub(crate) fn reshaped(
        stamp: &ring::StampWords,
        present: u64,
        length: usize,
    ) -> ring::StampWords {
        let [since_boot, wall_offset, boot, generation, ..] = *stamp;
        [
            since_boot,
            wall_offset,
            boot,
            generation,
            present,
            ring::length_word(length),
        ]
    }

    /// The words for the same publication, restored from a file.
    pub(crate) fn restored(stamp: ring::StampWords) -> ring::StampWords {
        let Some(moment) = Self::moment_of(&stamp).map(Moment::restored) else {
            return stamp;
        };
        let (generation, present) = (Self::generation_of(&stamp), Self::present_of(&stamp));
        Self::words(Some(moment), generation, present, ring::length(&stamp))
    }

    /// Which optional fields are known, from a stamp's words.
    pub(crate) fn present_of(stamp: &ring::StampWords) -> u64 {
        stamp[PRESENT]
    }

    /// The generation of its writer, from a stamp's words.
    pub(crate) fn generation_of(stamp: &ring::StampWords) -> u64 {
        stamp[3]
    }

    /// When it was published, from a stamp's words; `None` if it is unstamped.
    #[allow(clippy::cast_possible_wrap)] // bits in, bits out
    pub(crate) fn moment_of(stamp: &ring::StampWords) -> Option<Moment> {
        (stamp[0] != 0).then_some(Moment {
            since_boot: stamp[0] as i64,
            wall_offset: stamp[1] as i64,
            boot: stamp[2],
        })
    }

    /// All that is known of it, at `now` nanoseconds since boot.
    pub(crate) fn stamp(&self, now: i64) -> Stamp {
        let moment = Self::moment_of(&self.stamp);
        let (age_ns, published_ns) =
            moment.map_or((i64::MAX, 0), |moment| moment.age_and_wall(now));
        Stamp {
            sequence: self.sequence,
            generation: Self::generation_of(&self.stamp),
            present: Self::present_of(&self.stamp),
            published_ns,
            age_ns,
            record_size: self.len(),
            retries: self.retries,
            missed: self.missed,
        }
    }

    /// Whether the words are those of a new board's defaults.
    pub(crate) fn is_default(stamp: &ring::StampWords) -> bool {
        Self::generation_of(stamp) == 0
    }

    /// Bytes of the record.
    pub fn len(&self) -> usize {
        ring::length(&self.stamp)
    }

    /// Whether it is an empty document.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
