//! Boards as they change: server-sent events, and the same by WebSocket.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pegel_program::follower::POLL_INTERVAL;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::condition::Tag;
use super::follow::{self, END, Hub, Record};
use super::listen::End;
use super::problem::{Problem, Result};
use super::read::Name;
use super::room::Room;
use super::routes::{Server, blocking};

/// After so much silence a comment says that the connection is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The shortest pause between two looks at all boards.
const PACE: Duration = Duration::from_millis(50);
/// How long a WebSocket may take none of what is sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A board as it changes
///
/// First an event `board` with its schema, then the newest record as events without a name, whose ids are entity tags; never
/// older ones, and each one once. An event `writer` tells that a writer came or went, `gone` that the board was
/// removed, `problem` that it cannot be read; then `board` again. A WebSocket gets the same objects.
#[utoipa::path(get, path = "/boards/{name}/events", operation_id = "followBoard", tag = "boards",
    params(
        Name,
        ("Last-Event-ID" = Option<String>, Header, description = "A record that the asker knows"),
    ),
    responses(
        (status = OK, description = "The events", content_type = "text/event-stream", body = String),
        Problem,
    ))]
pub async fn board(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    socket: Socket,
    headers: HeaderMap,
) -> Result<Response> {
    let (opened, known) = (Arc::clone(&server), name.clone());
    blocking(move || opened.boards.open(&known).map(drop)).await?;
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let told = Told::new(server.hub.follow(&name)?, known.map(str::to_owned));
    let follow = Follow {
        hub: Arc::clone(&server.hub),
        told: BTreeMap::from([(name, told)]),
        pulse: None,
    };
    Ok(answer(&server, follow, socket))
}

/// All boards as they change
///
/// As `/boards/{name}/events` for each board, and for those that come.
#[utoipa::path(get, path = "/events", operation_id = "followBoards", tag = "boards",
    responses(
        (status = OK, description = "The events", content_type = "text/event-stream", body = String),
        Problem,
    ))]
pub async fn all(State(server): State<Arc<Server>>, socket: Socket) -> Response {
    let follow = Follow {
        hub: Arc::clone(&server.hub),
        told: BTreeMap::new(),
        pulse: Some(server.hub.pulse()),
    };
    answer(&server, follow, socket)
}

type Socket = std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

fn answer(server: &Arc<Server>, follow: Follow, socket: Socket) -> Response {
    let end = server.end.clone();
    if let Ok(socket) = socket {
        // Who follows says nothing.
        let socket = socket
            .max_message_size(4096)
            .read_buffer_size(4096)
            .write_buffer_size(0);
        let server = Arc::clone(server);
        return socket
            .on_upgrade(async move |socket| talk(socket, follow, end, &server.room).await);
    }
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    // nginx would keep it back.
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
                    told = timeout(HEARTBEAT, follow.next()) => match told {
                        Ok(told) => parts.extend(told.iter().flat_map(Telling::event)),
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

async fn talk(mut socket: WebSocket, mut follow: Follow, mut end: End, room: &Room) {
    let mut heartbeat = Instant::now() + HEARTBEAT;
    loop {
        let told = tokio::select! {
            told = follow.next() => told,
            () = sleep_until(heartbeat) => Vec::new(),
            heard = socket.recv() => match heard {
                Some(Ok(_)) => continue,
                _ => return,
            },
            () = end.comes() => {
                let close = CloseFrame { code: close_code::AWAY, reason: "the server ends".into() };
                let _ = timeout(PATIENCE, socket.send(Message::Close(Some(close)))).await;
                return;
            }
        };
        let ping = told.is_empty().then_some(None);
        for telling in told.into_iter().map(Some).chain(ping) {
            match timeout(PATIENCE, say(&mut socket, telling, room)).await {
                Ok(Ok(())) => {}
                _ => return,
            }
        }
        heartbeat = Instant::now() + HEARTBEAT;
    }
}

/// Sends what there is to tell; or, that the connection lives.
async fn say(
    socket: &mut WebSocket,
    telling: Option<Telling>,
    room: &Room,
) -> std::result::Result<(), axum::Error> {
    let Some(telling) = telling else {
        return socket.send(Message::Ping(Bytes::new())).await;
    };
    // Each client has a copy of its own.
    let _part = room.part(telling.length()).await;
    socket.send(telling.message()).await
}

/// What somebody follows: one board, or all.
struct Follow {
    hub: Arc<Hub>,
    told: BTreeMap<String, Told>,
    /// Of all boards.
    pulse: Option<watch::Receiver<()>>,
}

/// What was told of a board.
struct Told {
    receiver: watch::Receiver<follow::State>,
    opening: u64,
    writer_alive: Option<bool>,
    record: Option<Tag>,
    /// The id of the record that was told before, by another connection.
    known: Option<String>,
}

enum Telling {
    Event(Arc<follow::Notice>),
    Record(Arc<Record>),
}

impl Follow {
    /// What is new, as soon as something is. When this is given up, nothing is lost.
    async fn next(&mut self) -> Vec<Telling> {
        loop {
            if self.pulse.is_some() {
                self.look_for_boards();
            }
            let boards = self.told.iter_mut();
            let new: Vec<_> = boards.flat_map(|(name, told)| told.next(name)).collect();
            if !new.is_empty() {
                return new;
            }
            match &mut self.pulse {
                None => {
                    let only = self.told.values_mut().next();
                    if let Some(told) = only {
                        // Its sender lasts as long as somebody follows.
                        let _ = told.receiver.changed().await;
                    }
                }
                Some(pulse) => {
                    if timeout(POLL_INTERVAL, pulse.changed()).await.is_ok() {
                        sleep(PACE).await;
                    }
                }
            }
        }
    }

    fn look_for_boards(&mut self) {
        let names = self.hub.names();
        for name in names.iter() {
            if !self.told.contains_key(name)
                && let Ok(receiver) = self.hub.follow(name)
            {
                self.told.insert(name.clone(), Told::new(receiver, None));
            }
        }
        self.told
            .retain(|name, told| !told.is_gone() || names.contains(name));
    }
}

impl Told {
    fn new(receiver: watch::Receiver<follow::State>, known: Option<String>) -> Self {
        Self {
            receiver,
            opening: 0,
            writer_alive: None,
            record: None,
            known,
        }
    }

    /// Whether it was told that the board is gone.
    fn is_gone(&self) -> bool {
        let state = self.receiver.borrow();
        let about = state.about.as_ref();
        self.opening == state.opening && about.is_some_and(|about| about.name == "gone")
    }

    fn next(&mut self, name: &str) -> Vec<Telling> {
        let state = self.receiver.borrow_and_update().clone();
        let Some(about) = state.about else {
            return Vec::new();
        };
        let mut new = Vec::new();
        let is_board = about.name == "board";
        if state.opening != self.opening {
            self.opening = state.opening;
            (self.writer_alive, self.record) = (None, None);
            new.push(Telling::Event(about));
        }
        if is_board && self.writer_alive != Some(state.writer_alive) {
            self.writer_alive = Some(state.writer_alive);
            let told = json!({ "board": name, "writer_alive": state.writer_alive });
            new.push(Telling::Event(follow::Notice::new("writer", told)));
        }
        if let Some(record) = state.record
            && self.record != Some(record.tag)
        {
            self.record = Some(record.tag);
            if self.known.take() != Some(record.tag.id()) {
                new.push(Telling::Record(record));
            }
        }
        new
    }
}

impl Telling {
    /// As a server-sent event. What is long is shared by all who get it.
    fn event(&self) -> Vec<Bytes> {
        match self {
            Self::Event(event) => {
                let head = format!("event: {}\ndata: ", event.name);
                vec![
                    head.into(),
                    event.json.clone(),
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
            Self::Event(event) => event.json.len(),
            Self::Record(record) => record.rest.len(),
        }
    }

    fn message(&self) -> Message {
        let text = match self {
            Self::Event(event) => String::from_utf8_lossy(&event.json).into_owned(),
            Self::Record(record) => {
                let rest = String::from_utf8_lossy(&record.rest);
                record.head() + rest.trim_end_matches('\n')
            }
        };
        Message::Text(text.into())
    }
}
