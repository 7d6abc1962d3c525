//! Between a client and the library.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use opcua::server::ServerHandle;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::filter::channel::{Channel, Policies};
use crate::filter::connections::{Connection, Connections, Peer};
use crate::filter::frame::{Frame, LARGEST, invalid, within};
use crate::filter::inner;

/// The largest first message of a client.
const HELLO: usize = 4096;
/// How long a client may take for its first message, and then to log in.
const HELLO_TIME: Duration = Duration::from_secs(5);
const LOGIN_TIME: Duration = Duration::from_secs(60);
/// How long a client that has logged in may be quiet; the library ends its channel much earlier.
const QUIET: Duration = Duration::from_secs(24 * 3600);
/// How long the next chunk of a message may take.
const CHUNK_TIME: Duration = Duration::from_secs(10);
/// How long a client may take to read a chunk.
const READING: Duration = Duration::from_secs(20);
/// The most chunks of 64 KiB of all clients that wait for the rest of their messages.
const WAITING: usize = 256;
/// The most requests of a client that wait for an answer.
const UNANSWERED: usize = 32;
/// How long to wait if a connection cannot be accepted: for want of descriptors, it fails at once.
const PAUSE: Duration = Duration::from_millis(200);
/// The most certificates that are kept for an administrator to look at.
const REJECTED: usize = 100;
/// What the keys of a channel cost, in messages.
const KEYS: f64 = 3.0;

/// The filter, before a server.
pub struct Filter {
    server: ServerHandle,
    connections: Arc<Connections>,
    policies: Policies,
    address: SocketAddr,
    waiting: Arc<Semaphore>,
    /// The directory where the library puts certificates that it does not trust.
    rejected: PathBuf,
}

/// What both directions of a connection know.
#[derive(Default)]
struct Shared {
    channel: Mutex<Channel>,
    unanswered: AtomicUsize,
    answered: Notify,
}

impl Shared {
    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.channel.lock().expect("no thread panics with the lock")
    }
}

impl Filter {
    pub fn new(
        server: ServerHandle,
        connections: Arc<Connections>,
        offered: Vec<&'static str>,
        address: SocketAddr,
        rejected: PathBuf,
    ) -> Self {
        Self {
            server,
            connections,
            policies: Policies { offered },
            address,
            waiting: Arc::new(Semaphore::new(WAITING)),
            rejected,
        }
    }

    /// Serves clients for ever.
    pub async fn run(self, listener: TcpListener) {
        let this = Arc::new(self);
        loop {
            let Ok((client, address)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let peer = Peer::new(address, this.address);
            if let Some(place) = this.connections.enter(peer) {
                let this = Arc::clone(&this);
                tokio::spawn(async move {
                    let _ended = this.serve(client, &place.connection).await;
                });
            }
        }
    }

    async fn serve(&self, mut client: TcpStream, connection: &Connection) -> io::Result<()> {
        client.set_nodelay(true)?;
        let hello = tokio::select! {
            hello = within(HELLO_TIME, Frame::read(&mut client, HELLO)) => hello,
            () = connection.evicted() => return Ok(()),
        };
        let hello = match hello {
            Ok(Some(hello)) if hello.kind() == b"HEL" && hello.part() == b'F' => hello,
            Ok(None) => return Ok(()),
            Ok(Some(_)) => return refuse(&mut client, "the first message is not HELLO").await,
            Err(error) => return refuse(&mut client, &error.to_string()).await,
        };
        let mut server = inner::connect(&self.server).await?;
        // The library stores the port of the listener that never accepts.
        self.server.info().port.store(self.address.port(), Relaxed);
        server.write_all(&hello.0).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let shared = Shared::default();
        let ended = tokio::select! {
            ended = self.up(&mut from_client, &mut to_server, connection, &shared) => ended,
            ended = Self::down(&mut from_server, &mut to_client, connection, &shared) => ended,
            () = connection.evicted() => Ok(()),
        };
        if let Err(error) = &ended
            && error.kind() == io::ErrorKind::InvalidData
        {
            let _gone = refuse(&mut to_client, &error.to_string()).await;
        }
        ended
    }

    /// Passes on what the client sends.
    async fn up(
        &self,
        client: &mut OwnedReadHalf,
        server: &mut OwnedWriteHalf,
        connection: &Connection,
        shared: &Shared,
    ) -> io::Result<()> {
        let deadline = Instant::now() + LOGIN_TIME;
        let mut permits: Vec<OwnedSemaphorePermit> = Vec::new();
        loop {
            let is_whole = shared.channel().pending.is_empty();
            let wait = match connection.is_logged_in() {
                _ if !is_whole => CHUNK_TIME,
                true => QUIET,
                false => deadline.saturating_duration_since(Instant::now()),
            };
            let Ok(first) = timeout(wait, Frame::begin(client)).await else {
                // A client can log in while its next message is awaited.
                if is_whole && connection.is_logged_in() {
                    continue;
                }
                return Err(invalid("a message took too long"));
            };
            let Some(first) = first? else {
                return Ok(());
            };
            let frame = Frame::rest(client, first, Channel::most(connection)).await?;
            let is_last = frame.part() != b'C';
            let message = shared.channel().take(frame, connection, &self.policies)?;
            let Some(message) = message else {
                if is_last {
                    permits.clear();
                } else {
                    let permit = Arc::clone(&self.waiting).acquire_owned().await;
                    permits.extend(permit);
                }
                continue;
            };
            // In plain text, sessions end with the connection, and nothing is decrypted.
            if !connection.is_logged_in() && !shared.channel().is_plain() {
                self.charge(connection, message.is_open).await;
            }
            if is_last {
                while shared.unanswered.load(Relaxed) >= UNANSWERED {
                    shared.answered.notified().await;
                }
                shared.unanswered.fetch_add(1, Relaxed);
            }
            for frame in &message.frames {
                server.write_all(&frame.0).await?;
            }
            permits.clear();
            if message.is_close {
                return Ok(());
            }
        }
    }

    /// Takes a message before the login from the budget of its peer: opening a channel decrypts.
    async fn charge(&self, connection: &Connection, is_open: bool) {
        if is_open {
            let _next_time = forget_oldest(&self.rejected);
        }
        let messages = if is_open { KEYS } else { 1.0 };
        self.connections.spend(connection.peer, messages).await;
    }

    /// Passes on what the library answers.
    async fn down(
        server: &mut OwnedReadHalf,
        client: &mut OwnedWriteHalf,
        connection: &Connection,
        shared: &Shared,
    ) -> io::Result<()> {
        loop {
            let Some(frame) = Frame::read(server, LARGEST + 1024).await? else {
                return Ok(());
            };
            if frame.kind() == b"OPN" {
                connection.channel.store(frame.number(8)?, Relaxed);
            }
            within(READING, client.write_all(&frame.0)).await?;
            if frame.part() != b'C' && frame.kind() != b"ACK" {
                let one_less = |count: usize| count.checked_sub(1);
                let _none = shared.unanswered.fetch_update(Relaxed, Relaxed, one_less);
                shared.answered.notify_one();
            }
        }
    }
}

/// Removes the oldest files of a directory that has many.
fn forget_oldest(directory: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let count = files.len().saturating_sub(REJECTED);
    for (_, file) in files.into_iter().take(count) {
        fs::remove_file(file)?;
    }
    Ok(())
}

/// Sends a client the reason for which its connection ends.
async fn refuse<S: AsyncWriteExt + Unpin>(client: &mut S, reason: &str) -> io::Result<()> {
    const BAD_TCP_MESSAGE_TYPE_INVALID: u32 = 0x807E_0000;
    let mut frame = b"ERRF".to_vec();
    let size = u32::try_from(16 + reason.len()).unwrap_or(u32::MAX);
    frame.extend(size.to_le_bytes());
    frame.extend(BAD_TCP_MESSAGE_TYPE_INVALID.to_le_bytes());
    frame.extend((size - 16).to_le_bytes());
    frame.extend(reason.as_bytes());
    within(Duration::from_secs(1), client.write_all(&frame)).await
}
