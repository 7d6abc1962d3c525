//! The semaphore of a segment, which is created again at the moment when a script removes it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::ipc;

/// The pause before the next attempt to create the semaphore.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

pub struct Semaphore {
    key: i32,
    mode: u32,
    current: Mutex<Arc<ipc::Semaphore>>,
    /// How many times it was created again.
    renewals: AtomicU64,
    is_over: AtomicBool,
}

impl Semaphore {
    /// Opens or creates the semaphore, and starts a thread that waits for its removal.
    pub fn open(key: i32, mode: u32) -> io::Result<Arc<Self>> {
        let semaphore = Arc::new(Self {
            key,
            mode,
            current: Mutex::new(Arc::new(ipc::Semaphore::open(key, mode)?)),
            renewals: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let watched = Arc::clone(&semaphore);
        thread::Builder::new().spawn(move || watched.watch())?;
        Ok(semaphore)
    }

    /// Waits until the semaphore is free and takes it; fails with `TimedOut` after the timeout.
    pub fn acquire(&self, timeout: Duration) -> io::Result<Held> {
        let end = Instant::now() + timeout;
        loop {
            let current = Arc::clone(&self.current());
            match current.acquire(end.saturating_duration_since(Instant::now())) {
                Err(error) if ipc::is_removed(&error) => self.renew(&current)?,
                acquired => return acquired.map(|()| Held(current)),
            }
        }
    }

    /// The process that acquired or released it last.
    pub fn last_user(&self) -> io::Result<i32> {
        self.current().last_user()
    }

    /// How many times it was created again since the last call.
    pub fn take_renewals(&self) -> u64 {
        self.renewals.swap(0, Ordering::Relaxed)
    }

    pub fn remove(&self) -> io::Result<()> {
        self.is_over.store(true, Ordering::SeqCst);
        self.current().remove()
    }

    fn watch(&self) {
        loop {
            let current = Arc::clone(&self.current());
            let error = current.wait_until_removed();
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            if !ipc::is_removed(&error) || self.renew(&current).is_err() {
                thread::sleep(RETRY_INTERVAL);
            }
        }
    }

    /// Creates the semaphore again, unless another thread has done so since `old` was current.
    fn renew(&self, old: &Arc<ipc::Semaphore>) -> io::Result<()> {
        let mut current = self.current();
        if Arc::ptr_eq(&current, old) {
            *current = Arc::new(ipc::Semaphore::open(self.key, self.mode)?);
            self.renewals.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Arc<ipc::Semaphore>> {
        self.current.lock().expect("no thread panics with the lock")
    }
}

/// The semaphore is held while this exists.
pub struct Held(Arc<ipc::Semaphore>);

impl Drop for Held {
    fn drop(&mut self) {
        // It fails if a script removed the semaphore, and then there is nothing to release.
        let _removed = self.0.release();
    }
}
