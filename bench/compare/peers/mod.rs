//! The peers: each publishes the latest bytes and reads them into the reader's own memory.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

mod file;
pub mod iceoryx2;
mod memory;
mod mmap_sync;
pub mod pegel;
mod socket;
mod sqlite;
mod sysv;

/// Where a peer stores a value of a size that is a multiple of 8.
#[derive(Clone, Debug)]
pub struct Place {
    /// The peer's own directory, in /dev/shm.
    pub directory: PathBuf,
    /// Bytes of a record.
    pub size: usize,
}

impl Place {
    /// A unique name.
    pub fn name(&self) -> String {
        let directory = self.directory.file_name().unwrap_or_default();
        format!("{}-{}", directory.to_string_lossy(), self.size)
    }
}

/// The writer, which exists before the first reader.
pub trait Publish {
    /// Publishes a record.
    fn publish(&mut self, record: &[u64]);
}

/// The reader.
pub trait Read {
    /// Copies the newest record into the reader's own memory.
    fn read(&mut self) -> &[u64];

    /// As `read`; returns how often it started over, if the peer reports that.
    fn read_and_count(&mut self) -> (&[u64], u32) {
        (self.read(), 0)
    }
}

/// One way to share the latest value.
#[derive(Clone, Copy)]
pub struct Peer {
    /// Its name in the tables.
    pub name: &'static str,
    /// Creates the value.
    pub writer: fn(&Place) -> Box<dyn Publish>,
    /// Opens it.
    pub reader: fn(&Place) -> Box<dyn Read>,
    /// Whether it is measured with a writer in another process that publishes without a pause.
    pub is_contended: bool,
    /// A note on its figures.
    pub note: &'static str,
}

/// All peers.
pub const PEERS: [Peer; 12] = [
    pegel::UNSTAMPED,
    pegel::STAMPED,
    memory::MEMCPY,
    memory::SEQLOCK,
    memory::MUTEX,
    iceoryx2::BLACKBOARD,
    iceoryx2::PUBLISH_SUBSCRIBE,
    mmap_sync::PEER,
    sysv::PEER,
    file::PEER,
    socket::PEER,
    sqlite::PEER,
];

/// The peer with a name.
pub fn find(name: &str) -> Peer {
    let peer = PEERS.iter().find(|peer| peer.name == name);
    *peer.unwrap_or_else(|| panic!("unknown peer {name}"))
}

/// Creates a peer's writer or reader for one of the measured sizes, if its records are types.
macro_rules! sized {
    ($make:ident, $place:expr) => {
        match $place.size {
            64 => Box::new($make::<8>::new($place)),
            256 => Box::new($make::<32>::new($place)),
            1024 => Box::new($make::<128>::new($place)),
            4096 => Box::new($make::<512>::new($place)),
            65_536 => Box::new($make::<8192>::new($place)),
            size => panic!("no records of {size} bytes are measured"),
        }
    };
}
use sized;

/// A record as the type that some peers need.
fn array<const WORDS: usize>(record: &[u64]) -> &[u64; WORDS] {
    record.first_chunk().expect("a record of the size")
}

/// Words that begin on a cache line, like the records of all peers here: otherwise chance decides
/// which peer is faster.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Aligned<T>(pub T);

// SAFETY: eight words are a line, without padding.
#[allow(unsafe_code)]
unsafe impl bytemuck::Zeroable for Aligned<[u64; 8]> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl bytemuck::Pod for Aligned<[u64; 8]> {}

/// A record in the program's own memory.
pub struct Buffer(Vec<Aligned<[u64; 8]>>);

impl Buffer {
    /// A record filled with a number.
    pub fn new(size: usize, number: u64) -> Self {
        Self(vec![Aligned([number; 8]); size / 64])
    }
}

impl Deref for Buffer {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        bytemuck::cast_slice(&self.0)
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u64] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// A buffer for a record.
fn buffer(place: &Place) -> Buffer {
    Buffer::new(place.size, 0)
}

/// A record's bytes.
fn bytes(record: &[u64]) -> &[u8] {
    bytemuck::cast_slice(record)
}

/// A record's bytes, to write to.
fn bytes_mut(record: &mut [u64]) -> &mut [u8] {
    bytemuck::cast_slice_mut(record)
}
