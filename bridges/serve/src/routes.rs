//! What can be asked for, and the description of it.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pegel_program::status::Status;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::boards::Boards;
use super::follow::Hub;
use super::guard::{self, Guard};
use super::listen::End;
use super::problem::{Problem, Result};
use super::room::Room;
use super::{events, metrics, page, read, write};

/// Threads that do what may take a while: half of them may wait for other writers of boards.
pub const THREADS: usize = 2 * write::TURNS;
static WORKERS: Semaphore = Semaphore::const_new(THREADS);

/// What all requests share.
pub struct Server {
    pub boards: Arc<Boards>,
    pub hub: Arc<Hub>,
    pub guard: Guard,
    pub writing: write::Terms,
    pub status: Status,
    pub room: Room,
    pub end: End,
}

pub fn router(server: Arc<Server>) -> Router {
    let info = InfoBuilder::new()
        .title("Pegel")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The latest values in shared memory. A board is a name, a fixed set of fields, and their latest values.",
        ));
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = ComponentsBuilder::new().security_scheme("token", token);
    let api = OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components.build()))
        .build();
    let (router, api) = OpenApiRouter::with_openapi(api)
        .routes(routes!(read::list))
        .routes(routes!(read::record, write::put, write::patch))
        .routes(routes!(read::schema))
        .routes(routes!(read::history))
        .routes(routes!(events::board))
        .routes(routes!(read::field))
        .routes(routes!(events::all))
        .routes(routes!(metrics::all))
        .split_for_parts();
    router
        .merge(page::router())
        .route("/openapi.json", get(async move || json(&api)))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "nothing is here: see /openapi.json")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this is not to be done here: see /openapi.json",
            )
        })
        .layer(from_fn_with_state(Arc::clone(&server), guard::check))
        .with_state(server)
}

pub fn json(told: &impl Serialize) -> Response {
    let text = serde_json::to_string(told).expect("texts and numbers are JSON");
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Does what may take a while beside the others: to look at a board takes system calls, and it may be large.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // What is done waits here for nothing: else all answers would be in memory before one of them is on its way.
    let _worker = WORKERS.acquire().await.expect("it is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the server failed: {error}"),
        )),
    }
}
