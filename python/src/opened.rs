//! A board that is open for reading, as a reader, its followers and its snapshots share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pegel::{ErrorKind, Schema};
use pyo3::prelude::*;

use crate::error::{raise, refuse};
use crate::layout::Layout;

/// A board that is open, and how its records become Python objects.
pub struct Opened {
    pub core: pegel::dynamic::Reader,
    pub layout: Layout,
}

impl Opened {
    fn new(py: Python<'_>, core: pegel::dynamic::Reader) -> PyResult<Arc<Self>> {
        let layout = Layout::new(py, &core)?;
        Ok(Arc::new(Self { core, layout }))
    }
}

/// Where a snapshot comes from.
pub enum Source {
    Reader(Arc<Opened>),
    Writer(Arc<Layout>),
}

impl Source {
    pub fn layout(&self) -> &Layout {
        match self {
            Self::Reader(opened) => &opened.layout,
            Self::Writer(layout) => layout,
        }
    }

    pub fn writer_alive(&self) -> pegel::Result<bool> {
        match self {
            Self::Reader(opened) => opened.core.writer_alive(),
            Self::Writer(_) => Ok(true),
        }
    }
}

/// What a reader and its followers share.
pub struct Handle {
    path: String,
    /// `None` when closed; shared with waits in other threads.
    opened: Mutex<Option<Arc<Opened>>>,
}

impl Handle {
    pub fn open(
        py: Python<'_>,
        path: &str,
        view: Option<&Schema>,
        untrusted: bool,
    ) -> PyResult<Self> {
        let core = if untrusted {
            pegel::dynamic::Reader::open_untrusted(path)
        } else {
            pegel::dynamic::Reader::open(path)
        };
        let core = core.and_then(|core| match view {
            Some(schema) => core.view(schema),
            None => Ok(core),
        });
        let opened = Opened::new(py, core.map_err(raise)?)?;
        Ok(Self {
            path: path.into(),
            opened: Mutex::new(Some(opened)),
        })
    }

    /// The board's name or path, as the caller gave it.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn locked(&self) -> MutexGuard<'_, Option<Arc<Opened>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open board, for a wait without Python; `None` when closed.
    pub fn current(&self) -> Option<Arc<Opened>> {
        self.locked().clone()
    }

    pub fn opened(&self) -> PyResult<Arc<Opened>> {
        self.current().ok_or_else(|| {
            let reason = "this reader is closed";
            refuse(&self.path, ErrorKind::InvalidArgument, reason)
        })
    }

    /// Opens the board that has the name now, unless the reader was closed meanwhile.
    pub fn reopen(&self, py: Python<'_>) -> PyResult<pegel::Result<()>> {
        let core = match self.opened()?.core.reopen() {
            Ok(core) => core,
            Err(error) => return Ok(Err(error)),
        };
        let fresh = Opened::new(py, core)?;
        // The old one is dropped after the lock is released.
        let _old = self
            .locked()
            .as_mut()
            .map(|opened| std::mem::replace(opened, fresh));
        Ok(Ok(()))
    }

    pub fn close(&self) {
        let _closed = self.locked().take();
    }
}
