//! The end of what runs until it is told to end: by SIGTERM, as a service, or by Ctrl-C.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, Result};

pub struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// From now on, the signals end nothing by themselves.
    pub fn new() -> Result<Self> {
        let listen = |kind| {
            let failed = |error| Failure::Failed(format!("cannot wait for signals: {error}"));
            signal(kind).map_err(failed)
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Returns when one has come.
    pub async fn comes(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
