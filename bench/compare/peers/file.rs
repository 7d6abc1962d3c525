//! A file that stays open, under flock.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use super::{Buffer, Peer, Place, Publish, Read, buffer, bytes, bytes_mut};

pub const PEER: Peer = Peer {
    name: "flocked file",
    writer: |place| Box::new(Locked::new(place)),
    reader: |place| Box::new(Locked::new(place)),
    is_contended: true,
    note: "in /dev/shm, kept open",
};

struct Locked {
    file: File,
    record: Buffer,
}

impl Locked {
    fn new(place: &Place) -> Self {
        let path = place.directory.join(format!("file{}", place.size));
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        Self {
            file: options.open(path).expect("a file in /dev/shm"),
            record: buffer(place),
        }
    }
}

impl Publish for Locked {
    fn publish(&mut self, record: &[u64]) {
        self.file.lock().expect("a lock");
        self.file.write_all_at(bytes(record), 0).expect("written");
        self.file.unlock().expect("unlocked");
    }
}

impl Read for Locked {
    fn read(&mut self) -> &[u64] {
        self.file.lock_shared().expect("a lock");
        let record = bytes_mut(&mut self.record);
        self.file.read_exact_at(record, 0).expect("written before");
        self.file.unlock().expect("unlocked");
        &self.record
    }
}
