//! Writing shared boards.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use pegel::dynamic::{Encoded, Reader, Writer};
use pegel::{Schema, Type};
use pegel_program::change::{self, Change, Fault};
use pegel_program::follower::newest;
use pegel_program::json as values;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::budget::Permit;
use super::etag::{Conditions, Tag};
use super::merge_patch::merge;
use super::problem::{Problem, Result};
use super::read::Name;
use super::server::{Server, blocking, drain, json};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer bodies are parsed one at a time: parsed, one takes up to a hundred times its length.
const MAX_UNTURNED: usize = 16 << 10;
static TURN: Mutex<()> = Mutex::new(());

/// The state that the client expects.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // for its description
struct Expected {
    /// The entity tag of the record that was read.
    #[param(
        rename = "If-Match",
        nullable = false,
        pattern = "^(\\*|(W/)?\"[!#-~]*\")$"
    )]
    tags: Option<String>,
}

/// The new record.
#[derive(Serialize, ToSchema)]
struct Published {
    board: String,
    sequence: u64,
}

/// Publish a whole record
///
/// The fields by their names, or the document. What is left out gets its default, or is unknown.
/// With `If-Match`, only if the board is still in that state. The record of a durable board is on
/// disk before the response.
#[utoipa::path(put, path = "/boards/{name}", operation_id = "putBoard", tag = "boards",
    params(
        Name,
        Expected,
    ),
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = OK, description = "The record is published", body = Published, headers(
            ("etag" = String, description = "That of the new record"),
        )),
        Problem,
    ),
    security(("token" = [])))]
pub async fn put(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    publish(server, name, headers, body, |reader, body| {
        whole(reader.schema(), body)
    })
    .await
}

/// Publish the newest record with some changes
///
/// A merge patch (RFC 7396): the members of the object are changed, the others stay; null makes an
/// optional field unknown. Read, change and publish is atomic. The record of a durable board is on
/// disk before the response.
#[utoipa::path(patch, path = "/boards/{name}", operation_id = "patchBoard", tag = "boards",
    params(
        Name,
        Expected,
    ),
    request_body(content(
        (serde_json::Value = "application/merge-patch+json"),
        (serde_json::Value = "application/json"),
    )),
    responses(
        (status = OK, description = "The record is published", body = Published, headers(
            ("etag" = String, description = "That of the new record"),
        )),
        Problem,
    ),
    security(("token" = [])))]
pub async fn patch(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    publish(server, name, headers, body, changed).await
}

async fn publish(
    server: Arc<Server>,
    name: String,
    headers: HeaderMap,
    body: Body,
    record: fn(&Reader, Json) -> Result<Encoded>,
) -> Result<Response> {
    let shared = Arc::clone(&server);
    let done = try_publish(server, name, headers, body, record).await;
    let number = if done.is_ok() { "accepted" } else { "rejected" };
    shared.status.add(number, 1);
    done
}

async fn try_publish(
    server: Arc<Server>,
    name: String,
    headers: HeaderMap,
    body: Body,
    record: fn(&Reader, Json) -> Result<Encoded>,
) -> Result<Response> {
    let mut body = body.into_data_stream();
    let taken = take(&server, &name, &headers, &mut body).await;
    let (board, conditions, body) = match taken {
        Ok(taken) => taken,
        Err(problem) => {
            drain(body).await;
            return Err(problem);
        }
    };
    let waiting = Arc::clone(&server.limits.waiting);
    let permit = waiting.acquire_owned().await.expect("it is never closed");
    let about = name.clone();
    let tag = blocking(move || {
        let _permit = permit;
        let of_board = |problem: Problem| problem.of(&about);
        let writer = Writer::open(&board, Some(server.limits.timeout));
        let mut writer = writer.map_err(Problem::from).map_err(of_board)?;
        let reader = writer.reader();
        let path = reader.path().to_owned();
        let of_board = |problem: Problem| of_board(problem).at(&path);
        let newest = reader.sequence().map_err(Problem::from);
        conditions
            .check(Tag::of(reader, newest.map_err(of_board)?))
            .map_err(of_board)?;
        let record = body.encode(reader, record).map_err(of_board)?;
        let published = writer.publish(&record).map_err(Problem::from);
        let sequence = published.map_err(of_board)?;
        if writer.reader().info().durable {
            let synced = writer.sync().map_err(Problem::from);
            synced.map_err(of_board)?;
        }
        Ok(Tag::of(writer.reader(), sequence))
    })
    .await?;
    let mut response = json(&Published {
        board: name,
        sequence: tag.sequence,
    });
    response.headers_mut().insert(header::ETAG, tag.header());
    Ok(response)
}

/// The body of a request, and its share of the memory for bodies.
struct Taken {
    text: Vec<u8>,
    _permit: Permit,
}

impl Taken {
    /// The record that the body describes.
    fn encode(
        self,
        reader: &Reader,
        record: fn(&Reader, Json) -> Result<Encoded>,
    ) -> Result<Encoded> {
        let is_long = self.text.len() > MAX_UNTURNED;
        let _turn = is_long.then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        let body = values::from_slice(&self.text).map_err(|error| {
            let detail = format!("the body is not valid JSON: {error}");
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })?;
        record(reader, body)
    }
}

/// Checks what can be checked before the body, then reads it: as much as the board can hold.
async fn take(
    server: &Arc<Server>,
    name: &str,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<(String, Conditions, Taken)> {
    let board = server.boards.find_writable(name)?;
    let conditions = Conditions::of(headers)?;
    check_type(headers)?;
    let (shared, known) = (Arc::clone(server), name.to_owned());
    let limit =
        blocking(move || Ok(change::max_length(shared.boards.open(&known)?.schema()))).await?;
    let too_long = |limit: usize, remedy: &str| {
        let detail = format!("the body must have at most {limit} bytes; {remedy}");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let max_body = server.limits.max_body;
    let (limit, too_long) = if limit < max_body {
        (limit, too_long(limit, "the board holds no more").of(name))
    } else {
        let remedy = "start the server with a larger --max-body";
        (max_body, too_long(max_body, remedy))
    };
    // What announces more is not read at all.
    let announced = body.size_hint().exact().map(usize::try_from);
    let length = match announced {
        Some(Ok(length)) if length <= limit => length,
        Some(_) => return Err(too_long),
        None => limit,
    };
    let reading = async {
        let permit = server.limits.bodies.permit(length).await;
        let text = read(body, limit).await?;
        Some(Taken {
            text,
            _permit: permit,
        })
    };
    match timeout(BODY_TIMEOUT, reading).await {
        Ok(Some(taken)) => Ok((board, conditions, taken)),
        // Or the connection was lost, and nobody reads this.
        Ok(None) => Err(too_long),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body did not arrive within {} s",
                BODY_TIMEOUT.as_secs()
            ),
        )),
    }
}

/// The body in one piece; a body in many small pieces takes no more memory. `None` if it is longer.
async fn read(body: &mut BodyDataStream, limit: usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(part) = body.next().await {
        let part = part.ok()?;
        if part.len() > limit - text.len() {
            return None;
        }
        text.extend_from_slice(&part);
    }
    Some(text)
}

fn check_type(headers: &HeaderMap) -> Result<()> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if ["application/json", "application/merge-patch+json"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    let detail = format!("send Content-Type: application/json, not {kind:?}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// A record that the client gives whole.
fn whole(schema: &Schema, body: Json) -> Result<Encoded> {
    if let Some(kind) = schema.document() {
        return document(schema, kind, &body);
    }
    let changes = Change::object(object(body)?);
    change::apply(schema, None, &changes).map_err(|faults| Problem::faults(&faults))
}

/// The newest record with some changes.
fn changed(reader: &Reader, body: Json) -> Result<Encoded> {
    let schema = reader.schema();
    match schema.document() {
        Some(Type::Json) => {
            let mut document = match newest(reader)? {
                Some(snapshot) => values::document(reader, &snapshot)
                    .map_err(|failure| Problem::failure(&failure))?,
                None => Json::Null,
            };
            merge(&mut document, body);
            self::document(schema, Type::Json, &document)
        }
        Some(_) => {
            let detail = "a document of bytes has no members to change; PUT the whole document";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
        }
        None => {
            let changes = Change::object(object(body)?);
            change::apply(schema, change::newest(reader)?, &changes).map_err(|faults| {
                let problem = Problem::faults(&faults);
                if faults.iter().any(|fault| fault.change.is_none()) {
                    problem.because(StatusCode::CONFLICT, change::message(&faults))
                } else {
                    problem
                }
            })
        }
    }
}

fn object(body: Json) -> Result<Map<String, Json>> {
    match body {
        Json::Object(object) => Ok(object),
        _ => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the body is not a JSON object; send {\"FIELD\":VALUE}",
        )),
    }
}

fn document(schema: &Schema, kind: Type, body: &Json) -> Result<Encoded> {
    let reject = |message: String| {
        Problem::faults(&[Fault {
            field: schema.fields()[0].name.clone(),
            message,
            change: Some(0),
        }])
    };
    let bytes = match (kind, body) {
        (Type::Json, body) => body.to_string().into_bytes(),
        (_, Json::String(text)) => BASE64_STANDARD
            .decode(text)
            .map_err(|error| reject(format!("the document is not valid base64: {error}")))?,
        _ => return Err(reject("the document must be a string in base64".to_owned())),
    };
    change::document(schema, bytes).map_err(reject)
}
