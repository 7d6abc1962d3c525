//! mmap-sync, as in its examples: the archive is read in place, and then copied.

#![allow(unsafe_code)]

use std::time::Duration;

use mmap_sync::synchronizer::Synchronizer;

use super::{Aligned, Peer, Place, Publish, Read, array, sized};

pub const PEER: Peer = Peer {
    name: "mmap-sync",
    writer: |place| sized!(Archive, place),
    reader: |place| sized!(Archive, place),
    is_contended: true,
    note: "with a copy out of the archive",
};

/// How long its writer waits for readers, as in its examples.
const GRACE: Duration = Duration::from_secs(1);

struct Archive<const WORDS: usize> {
    synchronizer: Synchronizer,
    record: Aligned<[u64; WORDS]>,
}

impl<const WORDS: usize> Archive<WORDS> {
    fn new(place: &Place) -> Self {
        let path = place.directory.join(format!("sync{}", place.size));
        Self {
            synchronizer: Synchronizer::new(path.as_os_str()),
            record: Aligned([0; WORDS]),
        }
    }
}

impl<const WORDS: usize> Publish for Archive<WORDS> {
    fn publish(&mut self, record: &[u64]) {
        let record: &[u64; WORDS] = array(record);
        self.synchronizer.write(record, GRACE).expect("written");
    }
}

impl<const WORDS: usize> Read for Archive<WORDS> {
    fn read(&mut self) -> &[u64] {
        // SAFETY: only this program writes it, and the copy takes less than the grace period.
        let found =
            unsafe { self.synchronizer.read::<[u64; WORDS]>(false) }.expect("written before");
        self.record.0 = *found;
        drop(found);
        &self.record.0
    }
}
