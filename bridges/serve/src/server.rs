//! The state that all requests share, and what all handlers need.

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use pegel_program::status::Status;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::auth::Auth;
use super::boards::Boards;
use super::budget::Budget;
use super::follow::Hub;
use super::listen::End;
use super::problem::{Problem, Result};

/// How many requests may wait for writer locks at once, so that the others are still answered.
pub const MAX_WAITING: usize = 4;
/// Threads for work that may block: half of them may wait for writer locks.
pub const THREADS: usize = 2 * MAX_WAITING;
/// Maximum number of bytes that are read of a rejected request, and how long that may take.
const MAX_DRAINED: usize = 64 << 10;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
static WORKERS: Semaphore = Semaphore::const_new(THREADS);

/// The state that all requests share.
pub struct Server {
    pub boards: Arc<Boards>,
    pub hub: Arc<Hub>,
    pub auth: Auth,
    pub limits: WriteLimits,
    pub status: Status,
    pub budget: Budget,
    pub end: End,
}

/// The limits of writing.
pub struct WriteLimits {
    /// Maximum size of a body, in bytes.
    pub max_body: usize,
    /// How long a request waits for the writer lock.
    pub timeout: Duration,
    /// Permits for requests that wait for a writer lock.
    pub waiting: Arc<Semaphore>,
    /// The memory for bodies.
    pub bodies: Budget,
}

/// Reads and discards the rest of the body of a rejected request: a connection that is closed
/// before it was read is reset, which can take the response from the client.
pub async fn drain(mut body: BodyDataStream) {
    let mut left = MAX_DRAINED;
    let reading = async {
        while let Some(Ok(part)) = body.next().await {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // A client that sends slowly sees the reset.
    let _ = timeout(DRAIN_TIMEOUT, reading).await;
}

/// A response in JSON.
pub fn json(value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).expect("texts and numbers are JSON");
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Runs work that may block in a thread: reading a board takes system calls, and a board may be
/// large.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // Without a limit, all responses could be in memory before the first one is sent.
    let _worker = WORKERS.acquire().await.expect("it is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the server failed: {error}"),
        )),
    }
}
