//! Simulates power failures at every point of real syncs, with every selection of the written
//! sectors on disk. Each resulting file is opened as after a reboot, and must have the newest
//! synced record or the one before, whole.

mod machine;

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use self::machine::{Machine, PAGE, SECTOR};
use super::State;
use super::header::FileHeader;
use super::slots::{Geometry, Slots};
use crate::clock::Moment;
use crate::error::ErrorKind;
use crate::schema::Schema;
use crate::schema::field::Field;
use crate::segment::layout::{DURABLE, Layout};
use crate::segment::seed::{RawRecord, Seed};
use crate::segment::stamp::Publication;

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    #[allow(clippy::cast_possible_truncation)]
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

/// A board of documents, its durable file, and the contents of that after a power failure.
struct Board {
    header: FileHeader,
    geometry: Geometry,
    path: PathBuf,
    file: File,
    /// The contents of the file.
    found: RefCell<Vec<u8>>,
    _directory: tempfile::TempDir,
}

impl Board {
    fn new(capacity: u32) -> Self {
        let schema = Schema::new(vec![Field::bytes(capacity)]).unwrap();
        let header = FileHeader {
            board: "/dev/shm/pegel/tank".into(),
            lineage: 7,
            layout: Layout::new(1, 0, schema.record_size(), 4, DURABLE).unwrap(),
            schema,
            mode: 0o640,
        };
        let geometry = header.geometry();
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("pegel.tank.durable");
        let file = File::create_new(&path).unwrap();
        Self {
            header,
            geometry,
            path,
            file,
            found: RefCell::default(),
            _directory: directory,
        }
    }

    /// Creates the file with the first record, on disk.
    fn create(&self, first: &Seed, unit: usize) -> Machine {
        let mut image = vec![0; self.geometry.file_size()];
        let bytes = self.header.bytes();
        image[..bytes.len()].copy_from_slice(&bytes);
        let slot = self.geometry.slot(first);
        image[self.geometry.offset..][..slot.len()].copy_from_slice(&slot);
        self.file.write_all_at(&image, 0).unwrap();
        *self.found.borrow_mut() = image.clone();
        Machine::new(image, unit)
    }

    fn sync(&self, machine: &Machine, seed: &Seed, flushed: Option<u64>) -> crate::Result<u64> {
        let slots = Slots {
            disk: machine,
            geometry: &self.geometry,
            path: &self.path,
        };
        slots.sync(seed, flushed, || Ok(()))
    }

    /// Lets the power fail, and checks what a reboot finds. `synced` is the last sequence that a
    /// sync returned.
    fn check(&self, machine: &Machine, synced: u64, choose: impl FnMut(usize) -> usize) -> u64 {
        let chosen = machine.image(choose);
        let disk = machine.disk.borrow();
        let mut found = self.found.borrow_mut();
        if *found != *disk {
            self.file.write_all_at(&disk, 0).unwrap();
            found.clone_from(&disk);
        }
        let put = |offset: usize, bytes: &[u8]| {
            self.file.write_all_at(bytes, offset as u64).unwrap();
        };
        for (offset, bytes) in &chosen {
            put(*offset, bytes);
        }
        let state = State::read(&self.path).unwrap();
        let opened = super::file::Opened::open(&self.path, crate::segment::trust::Access::Read);
        let seed = opened.unwrap().unwrap().slots().newest().unwrap();
        assert_eq!(state.sequence, seed.sequence);
        assert!(
            seed.sequence >= synced,
            "{} instead of {synced}",
            seed.sequence
        );
        let expected = record(seed.sequence, seed.records[0].bytes.len());
        assert_eq!(seed.generation, expected.generation);
        assert!(seed.records[0].bytes == expected.records[0].bytes, "torn");
        assert_eq!(seed.records[0].stamp, expected.records[0].stamp);
        for (offset, bytes) in &chosen {
            put(*offset, &found[*offset..offset + bytes.len()]);
        }
        seed.sequence
    }
}

/// The record of a sequence, with this length. Each sequence has other bytes.
fn record(sequence: u64, length: usize) -> Seed {
    let mut bytes: Vec<u8> = (sequence << 32..)
        .take(length.div_ceil(8))
        .flat_map(u64::to_ne_bytes)
        .collect();
    bytes.truncate(length);
    let moment = Moment {
        since_boot: sequence.cast_signed(),
        wall_offset: 1,
        boot: 2,
    };
    let record = RawRecord {
        stamp: Publication::words(Some(moment), sequence + 1, 0, length),
        bytes,
    };
    Seed {
        sequence,
        generation: sequence + 1,
        lineage: 7,
        records: vec![record],
    }
}

/// Checks every selection of the sectors that a sync has written, after each of its writes and
/// flushes.
#[test]
fn every_selection_of_sectors_leaves_a_whole_record() {
    let mut images = 0;
    for unit in [SECTOR, PAGE] {
        for lengths in [
            [8, 8, 8, 8],
            [500, 440, 441, 3000],
            [3000, 20, 3500, 0],
            [5000, 5400, 20_000, 12_000],
        ] {
            let board = Board::new(40_000);
            let machine = board.create(&record(1, lengths[0]), unit);
            let mut flushed = None;
            for (sequence, length) in (2..).zip(lengths.into_iter().cycle().take(6)) {
                let next = record(sequence, length);
                let after_write = AtWrite {
                    machine: &machine,
                    check: &mut |machine: &Machine| {
                        let count: u32 = machine.pending.borrow().len().try_into().unwrap();
                        // The test with random numbers has more.
                        if count > 11 {
                            return;
                        }
                        for selection in 0_u32..1 << count {
                            let mut bit = 0;
                            board.check(machine, sequence - 1, |_| {
                                bit += 1;
                                (selection >> (bit - 1) & 1) as usize
                            });
                            images += 1;
                        }
                    },
                };
                flushed = Some(after_write.sync(&board, &next, flushed));
                assert_eq!(board.check(&machine, sequence, |_| 0), sequence);
            }
        }
    }
    assert!(images > 5000, "{images}");
}

/// A sync that is checked between its write and its flush.
struct AtWrite<'a> {
    machine: &'a Machine,
    check: &'a mut dyn FnMut(&Machine),
}

impl AtWrite<'_> {
    fn sync(self, board: &Board, seed: &Seed, flushed: Option<u64>) -> u64 {
        // The process is killed there, and its successor does the same again.
        let flushes_first = usize::from(flushed.is_none());
        self.machine.left.set(Some(flushes_first + 1));
        board.sync(self.machine, seed, flushed).unwrap_err();
        self.machine.left.set(None);
        (self.check)(self.machine);
        board.sync(self.machine, seed, None).unwrap()
    }
}

/// A half-written sector, which some disks leave, is not accepted either.
#[test]
fn every_prefix_of_bytes_leaves_a_whole_record() {
    let board = Board::new(2000);
    let machine = board.create(&record(1, 700), SECTOR);
    for sequence in 2..6 {
        let next = record(sequence, 600 + usize::try_from(sequence).unwrap());
        let written = board.geometry.slot(&next);
        let slot = usize::from(sequence % 2 == 0);
        let offset = board.geometry.offset + slot * board.geometry.slot_size();
        let before = machine.disk.borrow().clone();
        for end in 0..written.len() {
            machine.disk.borrow_mut()[offset..offset + end].copy_from_slice(&written[..end]);
            board.check(&machine, sequence - 1, |_| 0);
        }
        *machine.disk.borrow_mut() = before;
        assert_eq!(board.sync(&machine, &next, None).unwrap(), sequence);
    }
}

/// Random records with all kinds of faults: processes that are killed during a sync, flushes that
/// fail, power failures, and all of them repeated.
#[test]
fn kills_failing_flushes_and_reboots_leave_a_whole_record() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut killed, mut failed, mut rebooted) = (0, 0, 0);
    for unit in [SECTOR, PAGE] {
        let board = Board::new(40_000);
        let machine = board.create(&record(1, 100), unit);
        let (mut newest, mut synced, mut flushed) = (1, 1, Some(1));
        for _ in 0..1500 {
            newest += 1;
            let longest = [64, 1000, 40_000][random.below(3)];
            let next = record(newest, random.below(longest));
            // A process that has not synced last.
            if random.below(3) == 0 {
                flushed = None;
            }
            match random.below(6) {
                0 => machine.left.set(Some(random.below(4))),
                1 => machine.flush_fails.set(true),
                _ => {}
            }
            match board.sync(&machine, &next, flushed) {
                Ok(sequence) => {
                    assert_eq!(sequence, newest);
                    (synced, flushed) = (newest, Some(newest));
                }
                Err(error) if error.to_string().contains("to the disk") => {
                    assert_eq!(error.kind(), ErrorKind::System);
                    failed += 1;
                }
                Err(_) => {
                    killed += 1;
                    flushed = None;
                }
            }
            machine.left.set(None);
            machine.flush_fails.set(false);
            for _ in 0..4 {
                board.check(&machine, synced, |versions| random.below(versions + 1));
            }
            if random.below(5) == 0 {
                machine.reboot(|versions| random.below(versions + 1));
                synced = board.check(&machine, synced, |_| 0);
                (newest, flushed) = (synced, None);
                rebooted += 1;
            }
        }
    }
    assert!(
        killed > 100 && failed > 100 && rebooted > 100,
        "{killed}, {failed}, {rebooted}"
    );
}

#[test]
fn a_lower_sequence_never_replaces_a_higher_one() {
    let board = Board::new(100);
    let machine = board.create(&record(5, 10), SECTOR);
    assert_eq!(board.sync(&machine, &record(4, 10), None).unwrap(), 5);
    assert_eq!(board.sync(&machine, &record(5, 10), Some(5)).unwrap(), 5);
    let other = board.sync(&machine, &record(5, 11), Some(5)).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Untrusted);
    assert_eq!(board.sync(&machine, &record(6, 12), Some(5)).unwrap(), 6);
    assert_eq!(board.sync(&machine, &record(5, 11), None).unwrap(), 6);
    assert_eq!(board.check(&machine, 6, |_| 0), 6);
}

/// The newer record is in the second slot.
#[test]
fn reports_a_slot_that_cannot_be_read() {
    let board = Board::new(100);
    let machine = board.create(&record(1, 10), SECTOR);
    assert_eq!(board.sync(&machine, &record(2, 10), None).unwrap(), 2);
    let slots = Slots {
        disk: &machine,
        geometry: &board.geometry,
        path: &board.path,
    };
    let second = (board.geometry.offset + board.geometry.slot_size()) as u64;
    for offset in [0, second] {
        machine.read_fails.set((offset, 1));
        assert_eq!(slots.newest().unwrap().sequence, 2);
    }
    for offset in [0, second, second + 72] {
        machine.read_fails.set((offset, usize::MAX));
        for error in [
            slots.newest().unwrap_err(),
            slots.newest_stamp().unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::System);
            assert!(names_it(&error, &board.path), "{error}");
        }
    }
    // A writer that has a newer record writes such a slot anew.
    machine.read_fails.set((second, 2));
    assert_eq!(board.sync(&machine, &record(3, 10), None).unwrap(), 3);
    assert_eq!(slots.newest().unwrap().sequence, 3);
}

/// The header's checksum ties the slots to their file.
#[test]
fn slots_of_another_file_are_not_valid() {
    let [one, mut other] = [Board::new(100), Board::new(100)];
    other.header.lineage = 8;
    other.geometry = other.header.geometry();
    let (mixed, _) = (
        one.create(&record(5, 10), SECTOR),
        other.create(&record(5, 10), SECTOR),
    );
    let slots = fs::read(&other.path)
        .unwrap()
        .split_off(other.geometry.offset);
    fs::write(
        &one.path,
        [&mixed.disk.borrow()[..one.geometry.offset], &slots].concat(),
    )
    .unwrap();
    let error = State::read(&one.path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(names_it(&error, &one.path), "{error}");
}

fn names_it(error: &crate::Error, path: &Path) -> bool {
    error.to_string().contains(&*path.to_string_lossy())
}
