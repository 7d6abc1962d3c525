//! Boards as they change, by server-sent events or WebSocket.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, stream};
use pegel_program::follower::POLL_INTERVAL;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::budget::Budget;
use super::etag::Tag;
use super::follow::{self, END, Hub, Record};
use super::listen::End;
use super::problem::{Problem, Result};
use super::read::Name;
use super::room::Seat;
use super::server::{Server, blocking};

/// After this silence, a comment keeps the connection alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Minimum interval between two events of all boards.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// How long a WebSocket client may not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum size of a message or a frame of a WebSocket client, in bytes; clients have nothing to
/// send.
const MAX_MESSAGE: usize = 4096;
/// How many pings in a row a WebSocket client may leave unanswered.
const MAX_UNANSWERED: u32 = 2;

/// A board as it changes
///
/// First an event `board` with its schema, then the newest record as events without a name, whose
/// ids are entity tags; never older ones, and each one once. An event `writer` reports that a
/// writer started or exited, `gone` that the board was removed, `problem` that it cannot be read;
/// then `board` again. A WebSocket gets the same objects.
#[utoipa::path(get, path = "/boards/{name}/events", operation_id = "followBoard", tag = "boards",
    params(
        Name,
        ("Last-Event-ID" = Option<String>, Header, description = "A record that the client has"),
    ),
    responses(
        (
            status = OK,
            description = "The events",
            content_type = "text/event-stream",
            body = String,
        ),
        Problem,
    ))]
pub async fn board(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Extension(place): Extension<Arc<Seat>>,
    socket: Socket,
    headers: HeaderMap,
) -> Result<Response> {
    let (opened, known) = (Arc::clone(&server), name.clone());
    blocking(move || opened.boards.open(&known).map(drop)).await?;
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let sent = Sent::new(server.hub.follow(&name)?, known.map(str::to_owned));
    let follow = Follow {
        hub: Arc::clone(&server.hub),
        sent: BTreeMap::from([(name, sent)]),
        pulse: None,
    };
    Ok(answer(&server, follow, socket, place))
}

/// All boards as they change
///
/// As `/boards/{name}/events` for each board, and for those that come.
#[utoipa::path(get, path = "/events", operation_id = "followBoards", tag = "boards",
    responses(
        (
            status = OK,
            description = "The events",
            content_type = "text/event-stream",
            body = String,
        ),
        Problem,
    ))]
pub async fn all(
    State(server): State<Arc<Server>>,
    Extension(place): Extension<Arc<Seat>>,
    socket: Socket,
) -> Response {
    let follow = Follow {
        hub: Arc::clone(&server.hub),
        sent: BTreeMap::new(),
        pulse: Some(server.hub.pulse()),
    };
    answer(&server, follow, socket, place)
}

type Socket = std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

fn answer(server: &Arc<Server>, follow: Follow, socket: Socket, place: Arc<Seat>) -> Response {
    let end = server.end.clone();
    if let Ok(socket) = socket {
        // Clients send nothing.
        let socket = socket
            .max_message_size(MAX_MESSAGE)
            .max_frame_size(MAX_MESSAGE)
            .read_buffer_size(4096)
            .write_buffer_size(0);
        let server = Arc::clone(server);
        return socket.on_upgrade(async move |socket| {
            tokio::select! {
                () = talk(socket, follow, end, &server.budget) => {}
                () = place.lost() => {}
            }
        });
    }
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    // Without it, nginx buffers the events.
    let unbuffered = [("x-accel-buffering", "no")];
    (headers, unbuffered, stream(follow, end)).into_response()
}

/// The events of a response.
fn stream(follow: Follow, end: End) -> Body {
    let begin = VecDeque::from([Bytes::from_static(b"retry: 1000\n\n")]);
    let parts = stream::unfold(
        (follow, end, begin),
        |(mut follow, mut end, mut parts)| async move {
            while parts.is_empty() {
                tokio::select! {
                    sent = timeout(HEARTBEAT, follow.next()) => match sent {
                        Ok(sent) => parts.extend(sent.iter().flat_map(Event::sse)),
                        Err(_) => parts.push_back(Bytes::from_static(b":\n\n")),
                    },
                    () = end.comes() => return None,
                }
            }
            let part = parts.pop_front()?;
            Some((Ok::<_, Infallible>(part), (follow, end, parts)))
        },
    );
    Body::from_stream(parts)
}

async fn talk(mut socket: WebSocket, mut follow: Follow, mut end: End, budget: &Budget) {
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    loop {
        let sent: Vec<_> = tokio::select! {
            sent = follow.next() => sent.into_iter().map(Some).collect(),
            _ = heartbeat.tick() => {
                if unanswered == MAX_UNANSWERED {
                    return;
                }
                unanswered += 1;
                vec![None]
            }
            heard = socket.recv() => {
                unanswered = 0;
                // The answer to a ping leaves before the next message is read; else the answers to
                // a client that does not read them would fill the memory.
                let flushed = timeout(WRITE_TIMEOUT, socket.flush()).await;
                if matches!(heard, Some(Ok(_))) && matches!(flushed, Ok(Ok(()))) {
                    continue;
                }
                return;
            }
            () = end.comes() => {
                let (code, reason) = (close_code::AWAY, "the server stops".into());
                let close = Message::Close(Some(CloseFrame { code, reason }));
                let _ = timeout(WRITE_TIMEOUT, socket.send(close)).await;
                return;
            }
        };
        for event in sent {
            match timeout(WRITE_TIMEOUT, send(&mut socket, event, budget)).await {
                Ok(Ok(())) => {}
                _ => return,
            }
        }
    }
}

/// Sends an event, or a ping.
async fn send(
    socket: &mut WebSocket,
    event: Option<Event>,
    budget: &Budget,
) -> std::result::Result<(), axum::Error> {
    let Some(event) = event else {
        return socket.send(Message::Ping(Bytes::new())).await;
    };
    // Each client has a copy of its own.
    let _permit = budget.permit(event.length()).await;
    socket.send(event.message()).await
}

/// What a client follows: one board, or all.
struct Follow {
    hub: Arc<Hub>,
    sent: BTreeMap<String, Sent>,
    /// Of all boards.
    pulse: Option<watch::Receiver<()>>,
}

/// What was sent of a board.
struct Sent {
    receiver: watch::Receiver<follow::State>,
    opening: u64,
    writer_alive: Option<bool>,
    record: Option<Tag>,
    /// The id of the record that the client got by another connection.
    known: Option<String>,
}

enum Event {
    Notice(Arc<follow::Notice>),
    Record(Arc<Record>),
}

impl Follow {
    /// What is new, as soon as something is. Cancellation loses nothing.
    async fn next(&mut self) -> Vec<Event> {
        loop {
            if self.pulse.is_some() {
                self.add_boards();
            }
            let boards = self.sent.iter_mut();
            let new: Vec<_> = boards.flat_map(|(name, sent)| sent.next(name)).collect();
            if !new.is_empty() {
                return new;
            }
            match &mut self.pulse {
                None => {
                    let only = self.sent.values_mut().next();
                    if let Some(sent) = only {
                        // The sender exists as long as a receiver does.
                        let _ = sent.receiver.changed().await;
                    }
                }
                Some(pulse) => {
                    if timeout(POLL_INTERVAL, pulse.changed()).await.is_ok() {
                        sleep(MIN_INTERVAL).await;
                    }
                }
            }
        }
    }

    fn add_boards(&mut self) {
        let names = self.hub.names();
        for name in names.iter() {
            if !self.sent.contains_key(name)
                && let Ok(receiver) = self.hub.follow(name)
            {
                self.sent.insert(name.clone(), Sent::new(receiver, None));
            }
        }
        self.sent
            .retain(|name, sent| !sent.is_gone() || names.contains(name));
    }
}

impl Sent {
    fn new(receiver: watch::Receiver<follow::State>, known: Option<String>) -> Self {
        Self {
            receiver,
            opening: 0,
            writer_alive: None,
            record: None,
            known,
        }
    }

    /// Whether the client knows that the board is gone.
    fn is_gone(&self) -> bool {
        let state = self.receiver.borrow();
        let about = state.about.as_ref();
        self.opening == state.opening && about.is_some_and(|about| about.name == "gone")
    }

    fn next(&mut self, name: &str) -> Vec<Event> {
        let state = self.receiver.borrow_and_update().clone();
        let Some(about) = state.about else {
            return Vec::new();
        };
        let mut new = Vec::new();
        let is_board = about.name == "board";
        if state.opening != self.opening {
            self.opening = state.opening;
            (self.writer_alive, self.record) = (None, None);
            new.push(Event::Notice(about));
        }
        if is_board && self.writer_alive != Some(state.writer_alive) {
            self.writer_alive = Some(state.writer_alive);
            let json = json!({ "board": name, "writer_alive": state.writer_alive });
            new.push(Event::Notice(follow::Notice::new("writer", json)));
        }
        if let Some(record) = state.record
            && self.record != Some(record.tag)
        {
            self.record = Some(record.tag);
            if self.known.take() != Some(record.tag.id()) {
                new.push(Event::Record(record));
            }
        }
        new
    }
}

impl Event {
    /// As a server-sent event. All clients share the long part.
    fn sse(&self) -> Vec<Bytes> {
        match self {
            Self::Notice(notice) => {
                let head = format!("event: {}\ndata: ", notice.name);
                vec![
                    head.into(),
                    notice.json.clone(),
                    Bytes::from_static(END.as_bytes()),
                ]
            }
            Self::Record(record) => {
                let head = format!("id: {}\ndata: {}", record.tag.id(), record.head());
                vec![head.into(), record.rest.clone()]
            }
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Notice(notice) => notice.json.len(),
            Self::Record(record) => record.rest.len(),
        }
    }

    fn message(&self) -> Message {
        let text = match self {
            Self::Notice(notice) => String::from_utf8_lossy(&notice.json).into_owned(),
            Self::Record(record) => {
                let rest = String::from_utf8_lossy(&record.rest);
                record.head() + rest.trim_end_matches('\n')
            }
        };
        Message::Text(text.into())
    }
}
