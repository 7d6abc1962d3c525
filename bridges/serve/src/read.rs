//! Reading boards.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pegel::dynamic::{Reader, Snapshot};
use pegel_program::follower::newest;
use pegel_program::{lookup, time};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::boards::{Board, Listed, Publication, Schema, tag};
use super::etag::{Conditions, Tag};
use super::problem::{Problem, Result};
use super::server::{Server, blocking, json};

/// Headers of a record: a client that already has the record gets its age by them.
const AGE: HeaderName = HeaderName::from_static("pegel-age");
const WRITER: HeaderName = HeaderName::from_static("pegel-writer");

/// The board of the request.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code)] // for its description
pub struct Name {
    #[param(pattern = "^[a-z0-9._-]{1,64}$")]
    name: String,
}

/// What the client has.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // for its description
struct Known {
    /// An entity tag, or several.
    #[param(
        rename = "If-None-Match",
        nullable = false,
        pattern = "^(\\*|(W/)?\"[!#-~]*\")$"
    )]
    tags: Option<String>,
}

/// The boards
#[derive(Serialize, ToSchema)]
struct List {
    boards: Vec<Listed>,
}

/// All boards, and the state of each
#[utoipa::path(get, path = "/boards", operation_id = "listBoards", tag = "boards",
    responses(
        (status = OK, description = "The boards by their names", body = List),
        Problem,
    ))]
pub async fn list(State(server): State<Arc<Server>>) -> Result<Response> {
    blocking(move || {
        let names = server.boards.names()?;
        let boards = names.iter().map(|name| server.boards.listed(name));
        Ok(json(&List {
            boards: boards.collect(),
        }))
    })
    .await
}

/// A board's newest record
///
/// With `If-None-Match`, 304 if that is still the newest; its headers have the age.
#[utoipa::path(get, path = "/boards/{name}", operation_id = "readBoard", tag = "boards",
    params(
        Name,
        Known,
    ),
    responses(
        (status = OK, description = "The newest record", body = Board, headers(
            ("etag" = String, description = "The board's lineage and the sequence"),
            ("pegel-age" = f64, description = "Seconds since the publication, if that is known"),
            ("pegel-writer" = String, description = "`alive` or `none`"),
        )),
        (status = NOT_MODIFIED, description = "The client has the newest record"),
        Problem,
    ))]
pub async fn record(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    newest_of(server, name, headers, |reader, snapshot| {
        let board = Board::of(reader, snapshot)?;
        Ok(json(&board))
    })
    .await
}

/// One value of the newest record
///
/// FIELD is a field, FIELD.N an element of an array, or the path into a JSON document, as in
/// `inverters.0.power`.
#[utoipa::path(get, path = "/boards/{name}/{field}", operation_id = "readField", tag = "boards",
    params(
        Name,
        ("field" = String, Path),
        Known,
    ),
    responses(
        (status = OK, description = "The value", body = serde_json::Value, headers(
            ("etag" = String, description = "The board's lineage and the sequence"),
            ("pegel-age" = f64, description = "Seconds since the publication, if that is known"),
            ("pegel-writer" = String, description = "`alive` or `none`"),
        )),
        (status = NOT_MODIFIED, description = "The client has the newest record"),
        Problem,
    ))]
pub async fn field(
    State(server): State<Arc<Server>>,
    Path((name, field)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    newest_of(server, name, headers, move |reader, snapshot| {
        let Some(snapshot) = snapshot else {
            let detail = format!("board {}: nothing has been published yet", reader.board());
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        };
        let found = lookup::find(reader, snapshot, &field)
            .map_err(|failure| Problem::new(StatusCode::NOT_FOUND, failure.to_string()))?;
        Ok(json(&found.json()))
    })
    .await
}

async fn newest_of(
    server: Arc<Server>,
    name: String,
    headers: HeaderMap,
    answer: impl Fn(&Reader, Option<&Snapshot>) -> Result<Response> + Send + 'static,
) -> Result<Response> {
    let conditions = Conditions::of(&headers)?;
    blocking(move || {
        server.boards.look(&name, |reader| {
            let snapshot = newest(reader)?;
            let tag = tag(reader, snapshot.as_ref());
            let mut response = if conditions.knows(tag) {
                StatusCode::NOT_MODIFIED.into_response()
            } else {
                answer(reader, snapshot.as_ref())?
            };
            add_headers(&mut response, tag, reader, snapshot.as_ref())?;
            Ok(response)
        })
    })
    .await
}

/// Adds what is known of the publication.
fn add_headers(
    response: &mut Response,
    tag: Tag,
    reader: &Reader,
    snapshot: Option<&Snapshot>,
) -> Result<()> {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.header());
    let stamp = snapshot.map(Snapshot::stamp);
    if let Some(stamp) = stamp.filter(|stamp| stamp.is_timed()) {
        let age = time::seconds(stamp.age_ns).to_string();
        headers.insert(AGE, HeaderValue::try_from(age).expect("it has digits"));
    }
    let writer = if reader.writer_alive()? {
        "alive"
    } else {
        "none"
    };
    headers.insert(WRITER, HeaderValue::from_static(writer));
    Ok(())
}

/// The schema of a board
#[utoipa::path(get, path = "/boards/{name}/schema", operation_id = "readSchema", tag = "boards",
    params(Name),
    responses(
        (status = OK, description = "The schema", body = Schema),
        Problem,
    ))]
pub async fn schema(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
) -> Result<Response> {
    let schema = blocking(move || {
        let reader = server.boards.open(&name)?;
        Ok(Schema::of(&reader, server.boards.is_writable(&name)))
    });
    Ok(json(&schema.await?))
}

/// How many records the client wants.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Last {
    #[serde(default = "some")]
    #[param(default = 10, minimum = 1, maximum = 1000)]
    last: usize,
}

fn some() -> usize {
    10
}

/// The newest records, oldest first
#[derive(Serialize, ToSchema)]
struct History {
    board: String,
    records: Vec<Publication>,
}

/// The newest records
///
/// As many as the client wants, or as the board still holds, oldest first.
#[utoipa::path(get, path = "/boards/{name}/history", operation_id = "readHistory", tag = "boards",
    params(Name, Last),
    responses(
        (status = OK, description = "The records", body = History),
        Problem,
    ))]
pub async fn history(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    last: std::result::Result<Query<Last>, QueryRejection>,
) -> Result<Response> {
    let count = match last {
        Ok(Query(Last {
            last: last @ 1..=1000,
        })) => last,
        Ok(Query(Last { last })) => {
            let detail = format!("last is 1 to 1000, not {last}");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        Err(rejection) => {
            let detail = format!("{rejection}; ask for ?last=N, N is 1 to 1000");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    blocking(move || {
        server.boards.look(&name, |reader| {
            let records = match reader.last(count) {
                Err(error) if error.kind() == pegel::ErrorKind::Empty => Vec::new(),
                records => records?,
            };
            let records = records
                .iter()
                .map(|snapshot| Publication::of(reader, Some(snapshot)));
            Ok(json(&History {
                board: name.clone(),
                records: records.collect::<Result<_>>()?,
            }))
        })
    })
    .await
}
