//! The orderly end of a program that runs until SIGTERM, as a service gets it, or Ctrl-C.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, Result};

/// Catches the two signals for as long as the process lives.
pub struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

impl Shutdown {
    /// From now on, the signals no longer end the process by themselves.
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

    /// Returns once one of the signals has arrived.
    pub async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
