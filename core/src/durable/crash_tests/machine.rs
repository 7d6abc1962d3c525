//! A disk whose power can fail.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;

use crate::durable::slots::Disk;

/// The unit that a disk writes completely or not at all, in any order.
pub const SECTOR: usize = 512;
/// The kernel's page on most machines.
pub const PAGE: usize = 4096;

/// A disk whose power can fail: what processes read, what is certainly on disk, and what may be.
pub struct Machine {
    pub memory: RefCell<Vec<u8>>,
    pub disk: RefCell<Vec<u8>>,
    /// Sectors that were written and not flushed, each with its versions in order.
    pub pending: RefCell<BTreeMap<usize, Vec<Vec<u8>>>>,
    unit: usize,
    /// Writes and flushes until the process is killed.
    pub left: Cell<Option<usize>>,
    pub flush_fails: Cell<bool>,
    /// The offset from which on reads fail, and how many do.
    pub read_fails: Cell<(u64, usize)>,
}

impl Machine {
    pub fn new(image: Vec<u8>, unit: usize) -> Self {
        Self {
            memory: RefCell::new(image.clone()),
            disk: RefCell::new(image),
            pending: RefCell::default(),
            unit,
            left: Cell::new(None),
            flush_fails: Cell::new(false),
            read_fails: Cell::default(),
        }
    }

    fn live(&self) -> io::Result<()> {
        let left = self.left.get();
        self.left.set(left.map(|left| left.saturating_sub(1)));
        match left {
            Some(0) => Err(io::Error::other("killed")),
            _ => Ok(()),
        }
    }

    fn put(&self, offset: usize, bytes: &[u8]) {
        let mut memory = self.memory.borrow_mut();
        memory[offset..offset + bytes.len()].copy_from_slice(bytes);
        let mut pending = self.pending.borrow_mut();
        for unit in offset / self.unit..(offset + bytes.len()).div_ceil(self.unit) {
            let written = memory[unit * self.unit..(unit + 1) * self.unit].to_vec();
            pending.entry(unit).or_default().push(written);
        }
    }

    /// What the disk has if `choose` selects the version of each pending sector; 0 is the flushed
    /// one.
    pub fn image(&self, mut choose: impl FnMut(usize) -> usize) -> Vec<(usize, Vec<u8>)> {
        let pending = self.pending.borrow();
        let chosen = pending
            .iter()
            .filter_map(|(unit, versions)| match choose(versions.len()) {
                0 => None,
                version => Some((unit * self.unit, versions[version - 1].clone())),
            });
        chosen.collect()
    }

    /// Puts the selected versions on disk, and forgets the others.
    fn write_back(&self, choose: impl FnMut(usize) -> usize) {
        let mut disk = self.disk.borrow_mut();
        for (offset, bytes) in self.image(choose) {
            disk[offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        self.pending.borrow_mut().clear();
    }

    /// Turns the power off and on.
    pub fn reboot(&self, choose: impl FnMut(usize) -> usize) {
        self.write_back(choose);
        *self.memory.borrow_mut() = self.disk.borrow().clone();
    }
}

impl Disk for Machine {
    #[allow(clippy::cast_possible_truncation)] // a small file
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let (from, left) = self.read_fails.get();
        if offset >= from && left > 0 {
            self.read_fails.set((from, left - 1));
            return Err(io::Error::from_raw_os_error(5));
        }
        let offset = offset as usize;
        bytes.copy_from_slice(&self.memory.borrow()[offset..offset + bytes.len()]);
        Ok(())
    }

    #[allow(clippy::cast_possible_truncation)]
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let killed = self.live();
        // The kernel copies a part of what a killed process writes.
        let end = killed.as_ref().map_or(bytes.len() / 3, |()| bytes.len());
        self.put(offset as usize, &bytes[..end]);
        killed
    }

    fn flush(&self) -> io::Result<()> {
        self.live()?;
        if self.flush_fails.take() {
            // A part is written, and the kernel then takes all of it for written.
            let mut count = 0;
            self.write_back(|versions| {
                count += 1;
                if count % 2 == 0 { versions } else { 0 }
            });
            return Err(io::Error::from_raw_os_error(5));
        }
        self.write_back(|versions| versions);
        Ok(())
    }
}
