//! The asynchronous part of a program: how it starts, and how it stops.

use tokio::runtime::Builder;

use crate::failure::{Failure, Result};
use crate::shutdown::Shutdown;

/// Tokio's default.
const BLOCKING_THREADS: usize = 512;

/// Runs the work to its end. It should end soon once the shutdown is requested. It also creates
/// what the program leaves behind, such as the status board: by then, SIGTERM does not end the
/// process by itself.
pub fn run<T>(work: impl AsyncFnOnce(Shutdown) -> Result<T>) -> Result<T> {
    run_with(BLOCKING_THREADS, work)
}

/// As [`run`], with at most so many threads for work that blocks.
pub fn run_with<T>(
    blocking_threads: usize,
    work: impl AsyncFnOnce(Shutdown) -> Result<T>,
) -> Result<T> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads)
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let done = runtime.block_on(async { work(Shutdown::new()?).await });
    // Threads that wait for a board notice the end within a second. The program does not wait.
    runtime.shutdown_background();
    done
}
