//! Writing: creating and opening boards, publishing, and syncing durable ones.

use std::ffi::{c_char, c_void};

use pegel::dynamic::{Payload, Reader, Writer};
use pegel::{Condition, Error};

use crate::argument::Argument;
use crate::field::{self, pegel_field};
use crate::guard::guard;
use crate::options::{self, pegel_options, pegel_publish_options, timeout};
use crate::reader::pegel_reader;
use crate::status::pegel_status;

/// Bytes of the records that are published fastest.
const BLOCK: usize = 64;

/// An open board, for publishing. It holds the board until it is closed or its process ends.
// To C, a `Writer` goes by this name.
pub struct pegel_writer {
    _opaque: (),
}

/// Creates a board, or opens the existing one with its records, and stores the handle in `writer`.
/// `options` can be NULL for the defaults. The existing board may have fewer or more fields at the
/// end, if these are optional or have defaults:
/// - If it has fewer, it is replaced by a board with all of them, and its records are kept.
/// - If it has more, it is kept, and fields that this program does not know get their defaults.
///
/// Records are laid out as the `count` fields in both cases. A board that does not exist, but has a
/// durable file, is restored from it first.
///
/// Returns: PEGEL_INVALID_ARGUMENT (also other slots, or checksums that the board lacks, without
/// PEGEL_REPLACE), PEGEL_INVALID_FIELDS (not a schema, or another one than the board's, without
/// PEGEL_REPLACE), PEGEL_NOT_FOUND (the directory of the boards or of the durable files),
/// PEGEL_LOCKED, PEGEL_GONE (removed by hand meanwhile), PEGEL_CORRUPT and PEGEL_UNSUPPORTED
/// (without PEGEL_REPLACE, or the durable file), PEGEL_UNTRUSTED, PEGEL_DENIED (also a mirror),
/// PEGEL_SYSTEM, PEGEL_NO_SPACE.
/// Blocks: up to options->timeout_ns while another writer holds the board; with a durable file,
/// also for the disk, and up to 10 s while another process syncs.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_create(
    board: *const c_char,
    fields: *const pegel_field,
    count: usize,
    options: *const pegel_options,
    writer: *mut *mut pegel_writer,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, `count` fields, options of the size that they
        // state or NULL, and room for a pointer.
        let (board, fields, chosen, writer) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("fields").slice(fields, count)?,
                options::create(options)?,
                Argument("writer").out(writer)?,
            )
        };
        let schema = field::schema(fields, chosen.details)?;
        let mut created = Writer::create(board, &schema, &chosen.options)?;
        if !chosen.is_whole {
            created = created.view(&schema)?;
        }
        give(writer, created);
        Ok(())
    })
}

/// Opens an existing board for publishing, once no other writer holds it: for a shared board, which
/// several programs write, each opening, publishing and closing. Records have the fields of the
/// board. `timeout_ns` of 0 does not wait; PEGEL_DEFAULT_TIMEOUT suits most programs. A board that
/// does not exist, but has a durable file, is restored from it.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_NOT_FOUND, PEGEL_LOCKED, PEGEL_GONE (removed by hand
/// meanwhile), PEGEL_CORRUPT, PEGEL_UNSUPPORTED, PEGEL_UNTRUSTED, PEGEL_DENIED (also a mirror),
/// PEGEL_SYSTEM, PEGEL_NO_SPACE.
/// Blocks: up to timeout_ns while another writer holds the board, and up to 10 s while another
/// process syncs the durable file.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_open(
    board: *const c_char,
    timeout_ns: i64,
    writer: *mut *mut pegel_writer,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, and room for a pointer.
        let (board, writer) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("writer").out(writer)?,
            )
        };
        give(writer, Writer::open(board, timeout(timeout_ns))?);
        Ok(())
    })
}

fn give(place: &mut *mut pegel_writer, writer: Writer) {
    *place = Box::into_raw(Box::new(writer)).cast();
}

/// Publishes a record, of which all fields are known, and stores its sequence in `sequence`, which
/// can be NULL. `record_size` must be exactly that of the fields (sizeof your struct); a document
/// can be shorter. Readers see the whole record or the one before. After a failure, nothing was
/// published. Values are not checked against limits. Pad texts with NULs, and set a bool to 0 or 1.
///
/// Returns: PEGEL_INVALID_ARGUMENT (also another size, and a writer that came by fork()),
/// PEGEL_TOO_LARGE, PEGEL_GONE (the board or its lock file was removed; noticed within a second),
/// PEGEL_CORRUPT (2^63 sequences are used up).
/// Blocks: no. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    if !record.is_null() && record_size == BLOCK {
        // SAFETY: the caller's promise: NULL or an open writer of this thread, and `record_size`
        // bytes.
        let (writer, block) = unsafe { (writer.cast::<Writer>().as_mut(), &*record.cast()) };
        // This cannot panic, so it needs no guard.
        if let Some(published) = writer.and_then(|writer| writer.try_publish_block(block)) {
            if !sequence.is_null() {
                // SAFETY: the caller's promise: room for a number.
                unsafe { sequence.write_unaligned(published) };
            }
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { publish_always(writer, record, record_size, sequence) }
}

/// Records of other sizes and stamps, in a separate function, so that the fastest case needs no
/// stack.
///
/// # Safety
/// As for `publish`.
#[inline(never)]
unsafe extern "C" fn publish_always(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    if !record.is_null() && isize::try_from(record_size).is_ok() {
        // SAFETY: as above.
        let (writer, record) = unsafe {
            (
                writer.cast::<Writer>().as_mut(),
                std::slice::from_raw_parts(record.cast::<u8>(), record_size),
            )
        };
        // This cannot panic, so it needs no guard.
        if let Some(published) = writer.and_then(|writer| writer.publish_fast(record)) {
            if !sequence.is_null() {
                // SAFETY: the caller's promise: room for a number.
                unsafe { sequence.write_unaligned(published) };
            }
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { publish_with_care(writer, record, record_size, sequence) }
}

/// All other publications.
///
/// # Safety
/// As for `publish`.
#[inline(never)]
unsafe extern "C" fn publish_with_care(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe {
            publish(
                writer,
                Condition::Always,
                u64::MAX,
                record,
                record_size,
                sequence,
            )
        }
    })
}

/// Publishes a record as pegel_writer_publish() does, if the newest sequence still is
/// `expected_sequence` (0: nothing published yet): for example to save a form, unless another
/// program has saved it since it was loaded.
///
/// Returns: the statuses of pegel_writer_publish(), PEGEL_CONFLICT, PEGEL_SYSTEM.
/// Blocks: no. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish_if(
    writer: *mut pegel_writer,
    expected_sequence: u64,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    let condition = Condition::Newest(expected_sequence);
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { publish(writer, condition, u64::MAX, record, record_size, sequence) }
    })
}

/// Publishes a record as pegel_writer_publish() does, on a condition or with unknown fields: the
/// bytes of an optional field whose bit in options->present is 0 are ignored. `options` can be NULL
/// for no condition, and all fields known.
///
/// Returns: the statuses of pegel_writer_publish(), PEGEL_CONFLICT (PEGEL_NEWEST), PEGEL_FULL
/// (PEGEL_ACKNOWLEDGED), PEGEL_SYSTEM.
/// Blocks: no. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish_on(
    writer: *mut pegel_writer,
    options: *const pegel_publish_options,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: options of the size that they state or NULL, and the same
        // as that function's.
        unsafe {
            let (condition, present) = options::publish(options)?;
            publish(writer, condition, present, record, record_size, sequence)
        }
    })
}

/// # Safety
/// An exclusive open writer, `record_size` bytes, and NULL or room for a number.
unsafe fn publish(
    writer: *mut pegel_writer,
    condition: Condition,
    present: u64,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> Result<(), Error> {
    // SAFETY: the function's promise.
    let (writer, record, sequence) = unsafe {
        (
            Argument("writer").out(writer.cast::<Writer>())?,
            Argument("record").slice(record.cast::<u8>(), record_size)?,
            Argument("sequence").optional_out(sequence)?,
        )
    };
    let published = writer.publish_on(condition, Payload::new(record, present))?;
    if let Some(sequence) = sequence {
        *sequence = published;
    }
    Ok(())
}

/// Puts the newest record into the durable file of the board. When this returns PEGEL_OK, the
/// record is on disk, and is restored after a reboot or a power failure. `sequence` can be NULL,
/// and receives the sequence that is on disk. Sync records that must survive, such as settings, and
/// not each measured value: a sync takes as long as the disk, 0.3 ms on a fast one and far longer
/// on an SD card.
///
/// Returns: PEGEL_INVALID_ARGUMENT (also a board without PEGEL_DURABLE, and a writer that came by
/// fork()), PEGEL_NOT_FOUND (the directory of the durable files), PEGEL_LOCKED (another process
/// held the file for 10 s), PEGEL_GONE, PEGEL_CORRUPT, PEGEL_UNSUPPORTED, PEGEL_UNTRUSTED (the
/// durable file is of another board), PEGEL_DENIED, PEGEL_SYSTEM, PEGEL_NO_SPACE.
/// Blocks: yes, for the disk, and up to 10 s while another process syncs.
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_sync(
    writer: *mut pegel_writer,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an exclusive open writer, and NULL or room for
        // a number.
        let (writer, sequence) = unsafe {
            (
                Argument("writer").out(writer.cast::<Writer>())?,
                Argument("sequence").optional_out(sequence)?,
            )
        };
        let synced = writer.sync()?;
        if let Some(sequence) = sequence {
            *sequence = synced;
        }
        Ok(())
    })
}

/// A reader of the writer's own board, or NULL if `writer` is NULL. It belongs to the writer: use
/// only use it where and while you can use the writer, and do not close it.
/// Blocks: no. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_reader(writer: *const pegel_writer) -> *const pegel_reader {
    // SAFETY: the caller's promise: NULL or an open writer.
    let writer = unsafe { writer.cast::<Writer>().as_ref() };
    writer.map_or(std::ptr::null(), |writer| {
        std::ptr::from_ref::<Reader>(writer.reader()).cast()
    })
}

/// Closes a writer, so that another one can open the board; NULL does nothing. The board and its
/// records stay. In a forked child, it frees the memory of the child, and the parent's writer
/// continues. Blocks: no. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_close(writer: *mut pegel_writer) {
    if !writer.is_null() {
        guard(|| {
            // SAFETY: the caller's promise: a handle of this library, which is not used any more.
            drop(unsafe { Box::from_raw(writer.cast::<Writer>()) });
            Ok(())
        });
    }
}
