//! How much memory answers may take that wait for their clients to take them: as many as ask for what is large, and do
//! not read it, would else fill all of it.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Bytes of all together.
const MOST: usize = 64 << 20;
/// What is shorter is not counted: the number of connections limits that.
const SHORT: usize = 16 << 10;
/// Bytes that are counted as one.
const UNIT: usize = 1 << 10;

pub struct Room(Arc<Semaphore>);

/// A part of it, which is free again when this ends.
pub type Part = OwnedSemaphorePermit;

impl Room {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST / UNIT)))
    }

    /// Waits for room for so many bytes.
    pub async fn part(&self, bytes: usize) -> Part {
        let part = Arc::clone(&self.0).acquire_many_owned(units(bytes)).await;
        part.expect("it is never closed")
    }

    /// The answer as it is, as soon as there is room for it; or that there is none.
    pub async fn hold(&self, response: Response) -> Response {
        let length = response.body().size_hint().exact().unwrap_or(0);
        let units = units(usize::try_from(length).unwrap_or(MOST));
        if units == 0 {
            return response;
        }
        let Ok(part) = Arc::clone(&self.0).try_acquire_many_owned(units) else {
            let detail =
                "too many large answers wait for those who asked for them; try again later";
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
        };
        let (head, body) = response.into_parts();
        // It is one piece already.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let body = Bytes::from_owner(Held { bytes, _part: part });
        Response::from_parts(head, Body::from(body))
    }
}

/// How much of the room so many bytes take; what is larger than all of it goes alone.
fn units(bytes: usize) -> u32 {
    let counted = if bytes < SHORT { 0 } else { bytes.min(MOST) };
    u32::try_from(counted / UNIT).unwrap_or(u32::MAX)
}

/// Bytes that have a part of the room until the last of them is sent.
struct Held {
    bytes: Bytes,
    _part: Part,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
