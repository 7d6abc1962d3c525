//! The memory for responses that clients have not read, and the memory for request bodies. Without
//! a limit, clients that request large responses and do not read them would fill the memory.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Smaller ones are not counted: the number of connections limits them.
const MIN_COUNTED: usize = 16 << 10;
/// Bytes of one unit of the semaphore.
const UNIT: usize = 1 << 10;

pub struct Budget {
    semaphore: Arc<Semaphore>,
    /// In bytes.
    total: usize,
}

/// A share of the budget, which is released on drop.
pub type Permit = OwnedSemaphorePermit;

impl Budget {
    pub fn new(total: usize) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(total / UNIT)),
            total,
        }
    }

    /// Waits for a share of so many bytes.
    pub async fn permit(&self, bytes: usize) -> Permit {
        let semaphore = Arc::clone(&self.semaphore);
        let permit = semaphore.acquire_many_owned(self.units(bytes)).await;
        permit.expect("it is never closed")
    }

    /// The response with its share of the budget; or a problem if the budget is used up.
    pub async fn hold(&self, response: Response) -> Response {
        let length = response.body().size_hint().exact().unwrap_or(0);
        let units = self.units(usize::try_from(length).unwrap_or(usize::MAX));
        if units == 0 {
            return response;
        }
        let Ok(permit) = Arc::clone(&self.semaphore).try_acquire_many_owned(units) else {
            let detail = "too many large responses wait for their clients; try again later";
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
        };
        let (head, body) = response.into_parts();
        // The body is in one piece already.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let body = Bytes::from_owner(Held {
            bytes,
            _permit: permit,
        });
        Response::from_parts(head, Body::from(body))
    }

    /// The units of so many bytes; what is larger than the budget takes all of it.
    fn units(&self, bytes: usize) -> u32 {
        let counted = if bytes < MIN_COUNTED {
            0
        } else {
            bytes.min(self.total)
        };
        u32::try_from(counted / UNIT).unwrap_or(u32::MAX)
    }
}

/// Bytes that keep their share of the budget until the last of them is sent.
struct Held {
    bytes: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
