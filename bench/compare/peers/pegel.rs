//! Pegel through its C ABI: libpegel is loaded as by any program, and called by pointers.
//!
//! The results of calls are not compared by `assert_eq`, which would take their address: half a
//! word is stored and then loaded as part of a whole one, which costs more than a publication.

#![allow(unsafe_code)]

use std::env;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use libloading::Library;

use super::{Buffer, Peer, Place, Publish, Read, buffer};

pub const UNSTAMPED: Peer = Peer {
    name: "pegel",
    writer: |place| Box::new(Writer::new(place, PEGEL_UNSTAMPED)),
    reader: |place| Box::new(Reader::new(place)),
    is_contended: true,
    note: "through the C ABI; publishes without stamps",
};
pub const STAMPED: Peer = Peer {
    name: "pegel, stamped",
    writer: |place| Box::new(Writer::new(place, 0)),
    note: "through the C ABI; as it comes",
    ..UNSTAMPED
};

const PEGEL_U64: u32 = 9;
const PEGEL_UNSTAMPED: u32 = 4;

#[repr(C)]
struct Field {
    name: [u8; 32],
    unit: [u8; 16],
    kind: u32,
    size: u32,
    count: u32,
    offset: u32,
}

#[repr(C)]
struct Options {
    size: u32,
    slots: u32,
    mode: u32,
    flags: u32,
    details: *const c_char,
    timeout_ns: i64,
}

#[repr(C)]
#[derive(Default)]
struct Stamp {
    size: u32,
    retries: u32,
    record_size: u32,
    reserved: u32,
    numbers: [u64; 6],
}

type Handle = *mut c_void;
type Open = unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int;

/// The functions that are measured.
pub struct Functions {
    layout: unsafe extern "C" fn(*mut Field, usize, *mut usize) -> c_int,
    create: unsafe extern "C" fn(
        *const c_char,
        *const Field,
        usize,
        *const Options,
        *mut Handle,
    ) -> c_int,
    publish: unsafe extern "C" fn(Handle, *const c_void, usize, *mut u64) -> c_int,
    writer_close: unsafe extern "C" fn(Handle),
    open: Open,
    open_cached: Open,
    read: unsafe extern "C" fn(Handle, *mut c_void, usize, *mut Stamp) -> c_int,
    read_part: unsafe extern "C" fn(Handle, usize, *mut c_void, usize, *mut Stamp) -> c_int,
    wait: unsafe extern "C" fn(Handle, u64, i64, *mut u64) -> c_int,
    reader_close: unsafe extern "C" fn(Handle),
}

fn functions() -> &'static Functions {
    static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let own = env::current_exe().expect("the path of this program");
        let path = own.with_file_name("libpegel.so");
        // SAFETY: the library's initialisers have no effects; the symbols have these types, as in
        // include/pegel.h; and the library is never unloaded.
        unsafe {
            let library = Library::new(&path).expect("libpegel.so beside this program");
            let library: &'static Library = Box::leak(Box::new(library));
            macro_rules! symbol {
                ($name:literal) => {
                    *library.get($name).expect("a function of pegel.h")
                };
            }
            Functions {
                layout: symbol!(b"pegel_layout\0"),
                create: symbol!(b"pegel_writer_create\0"),
                publish: symbol!(b"pegel_writer_publish\0"),
                writer_close: symbol!(b"pegel_writer_close\0"),
                open: symbol!(b"pegel_reader_open\0"),
                open_cached: symbol!(b"pegel_reader_open_cached\0"),
                read: symbol!(b"pegel_reader_read\0"),
                read_part: symbol!(b"pegel_reader_read_part\0"),
                wait: symbol!(b"pegel_reader_wait\0"),
                reader_close: symbol!(b"pegel_reader_close\0"),
            }
        }
    })
}

/// Loads the library.
pub fn load() {
    functions();
}

fn board(place: &Place) -> CString {
    let name = format!("{}/b{}", place.directory.display(), place.size);
    CString::new(name).expect("no NUL")
}

/// A writer's handle.
pub struct Writer {
    handle: Handle,
    functions: &'static Functions,
}

impl Writer {
    fn new(place: &Place, flags: u32) -> Self {
        let functions = functions();
        let mut field = Field {
            name: [0; 32],
            unit: [0; 16],
            kind: PEGEL_U64,
            size: 0,
            count: u32::try_from(place.size / 8).expect("a record's size"),
            offset: 0,
        };
        field.name[..5].copy_from_slice(b"words");
        let options = Options {
            size: 32,
            slots: 0,
            mode: 0,
            flags,
            details: null(),
            timeout_ns: 0,
        };
        let mut handle = null_mut();
        // SAFETY: the arguments are those that pegel.h requires, and outlive the calls.
        unsafe {
            let mut record_size = 0;
            assert_eq!(
                (functions.layout)(&raw mut field, 1, &raw mut record_size),
                0
            );
            assert_eq!(record_size, place.size);
            let board = board(place);
            let options = &raw const options;
            let create = functions.create;
            let status = create(
                board.as_ptr(),
                &raw const field,
                1,
                options,
                &raw mut handle,
            );
            assert_eq!(status, 0, "the board is created");
        }
        Self { handle, functions }
    }
}

impl Publish for Writer {
    fn publish(&mut self, record: &[u64]) {
        // SAFETY: an open handle of this thread, and a record of that many bytes.
        let status = unsafe {
            (self.functions.publish)(
                self.handle,
                record.as_ptr().cast(),
                size_of_val(record),
                null_mut(),
            )
        };
        assert!(status == 0, "published");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: open until now.
        unsafe { (self.functions.writer_close)(self.handle) }
    }
}

/// A reader's handle.
pub struct Reader {
    handle: Handle,
    functions: &'static Functions,
    record: Buffer,
}

impl Reader {
    /// Opens the board at a place.
    pub fn new(place: &Place) -> Self {
        Self::by(functions().open, place)
    }

    /// Opens the board in a process that keeps it open.
    pub fn kept(place: &Place) -> Self {
        Self::by(functions().open_cached, place)
    }

    fn by(open: Open, place: &Place) -> Self {
        let functions = functions();
        let mut handle = null_mut();
        // SAFETY: the arguments are those that pegel.h requires.
        let status = unsafe { open(board(place).as_ptr(), &raw mut handle) };
        assert_eq!(status, 0, "the board is there");
        Self {
            handle,
            functions,
            record: buffer(place),
        }
    }

    /// One word of the newest record.
    pub fn word(&self, offset: usize) -> u64 {
        let mut word = 0_u64;
        let bytes = (&raw mut word).cast();
        // SAFETY: an open handle, and room for eight bytes.
        let status =
            unsafe { (self.functions.read_part)(self.handle, offset, bytes, 8, null_mut()) };
        assert!(status == 0, "read");
        word
    }

    /// Waits for a publication after this one and returns its sequence.
    pub fn wait(&self, after: u64) -> u64 {
        let mut sequence = 0;
        // SAFETY: an open handle, and room for a number.
        let status = unsafe { (self.functions.wait)(self.handle, after, -1, &raw mut sequence) };
        assert_eq!(status, 0, "published");
        sequence
    }
}

impl Read for Reader {
    fn read(&mut self) -> &[u64] {
        let record = &mut self.record[..];
        // SAFETY: an open handle, and room for that many bytes.
        let status = unsafe {
            (self.functions.read)(
                self.handle,
                record.as_mut_ptr().cast(),
                size_of_val(record),
                null_mut(),
            )
        };
        assert!(status == 0, "read");
        record
    }

    fn read_and_count(&mut self) -> (&[u64], u32) {
        let record = &mut self.record[..];
        let mut stamp = Stamp {
            size: 64,
            ..Stamp::default()
        };
        // SAFETY: as above, and a stamp of the size that it contains.
        let status = unsafe {
            (self.functions.read)(
                self.handle,
                record.as_mut_ptr().cast(),
                size_of_val(record),
                &raw mut stamp,
            )
        };
        assert!(status == 0, "read");
        (record, stamp.retries)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: open until now.
        unsafe { (self.functions.reader_close)(self.handle) }
    }
}
