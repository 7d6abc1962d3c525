//! Where the server listens, and its connections until the end.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as Knock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt};
use pegel_program::args::serve::address::Address;
use pegel_program::failure::{Failure, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::room::{Peer, Room, Seat};
use crate::write_timeout::WriteTimeout;

/// How long a client may wait before its next request, or not read a response.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long the last responses may take after a shutdown was requested.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that wait for a client that does not read: in this process, and in the kernel.
const BUFFER: usize = 16 * 1024;
/// Length of the queue of new connections; the kernel lets others try again after a second.
const BACKLOG: u32 = 4096;
/// Permissions of a socket: of its owner and group, which is the directory's if that says so
/// (set-gid).
const MODE: u32 = 0o660;
/// Files that are not connections: boards, and what a request opens of them.
const RESERVE: u64 = 256;

/// The end of the server.
#[derive(Clone)]
pub struct End(watch::Receiver<bool>);

impl End {
    /// Comes when `true` is sent.
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(receiver)
    }

    /// Returns once the server is to end.
    pub async fn comes(&mut self) {
        // Its sender ends with the server.
        let _ = self.0.wait_for(|is_over| *is_over).await;
    }
}

pub enum Listener {
    Internet(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    pub fn open(address: &Address) -> Result<Self> {
        match address {
            Address::Internet(address) => {
                let failed = |error| {
                    let advice = "`ss -ltnp` shows which process uses it";
                    Failure::Failed(format!("cannot listen on {address}: {error}; {advice}"))
                };
                let listener = listen(*address).map_err(failed)?;
                // What a client does not take in time ends its connection; those that come inherit
                // this.
                let timeout_ms = u32::try_from(TIMEOUT.as_millis()).unwrap_or(u32::MAX);
                setsockopt(&listener, sockopt::TcpUserTimeout, &timeout_ms)
                    .map_err(|errno| failed(errno.into()))?;
                Ok(Self::Internet(listener))
            }
            Address::Unix(path) => {
                let failed = |error: io::Error| {
                    Failure::Failed(format!("cannot listen on {}: {error}", path.display()))
                };
                remove_left(path)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(failed)?;
                Ok(Self::Unix(listener, path.clone()))
            }
        }
    }

    /// How to reach it.
    pub fn url(&self) -> io::Result<String> {
        Ok(match self {
            Self::Internet(listener) => format!("http://{}/", listener.local_addr()?),
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        })
    }

    /// Answers until the end, and completes the responses to all requests that came before.
    pub async fn serve(self, router: Router, mut end: End) {
        let room = Room::new(connections());
        loop {
            let accepted = tokio::select! {
                biased;
                () = end.comes() => break,
                accepted = self.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                // The client is gone already, or this process has no descriptor left.
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            if let Some(seat) = room.admit(peer) {
                tokio::spawn(stream.answer(router.clone(), end.clone(), Arc::new(seat)));
            }
        }
        // A client must not find a socket that nobody listens on.
        if let Self::Unix(_, path) = &self {
            let _ = fs::remove_file(path);
        }
        drop(self);
        let _ = timeout(SHUTDOWN_TIMEOUT, room.empty()).await;
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Internet(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::new(stream)?, Peer::at(address.ip())))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let user = stream.peer_cred()?.uid();
                Ok((Stream::new(stream)?, Peer::User(user)))
            }
        }
    }
}

/// A connection, of whichever kind.
struct Stream(Box<dyn Io>);

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Stream {
    fn new(stream: impl Io + AsFd + 'static) -> io::Result<Self> {
        setsockopt(&stream, sockopt::SndBuf, &BUFFER)?;
        Ok(Self(Box::new(WriteTimeout::new(stream, TIMEOUT))))
    }

    async fn answer(self, router: Router, mut end: End, seat: Arc<Seat>) {
        let router = TowerToHyperService::new(router);
        let of_request = Arc::clone(&seat);
        // A WebSocket keeps the seat longer than the connection's HTTP.
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Arc::clone(&of_request));
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(self.0), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        // The reason why a connection ended early does not matter here.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = seat.lost() => {}
            () = end.comes() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As one that starts anew finds connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Says where the server is, for whoever has started it.
pub fn announce(listener: &Listener) -> Result<()> {
    let failed = |error| Failure::Failed(format!("cannot print the address: {error}"));
    let url = listener.url().map_err(failed)?;
    let mut out = io::stdout();
    writeln!(out, "{url}")?;
    Ok(out.flush()?)
}

/// Removes the socket of a server that was killed.
fn remove_left(path: &Path) -> Result<()> {
    let Ok(status) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let shown = path.display();
    if !status.file_type().is_socket() {
        let message =
            format!("cannot listen on {shown}: a file that is not a socket has that name");
        return Err(Failure::Failed(message));
    }
    match Knock::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|error| Failure::Failed(format!("cannot remove {shown}: {error}"))),
        _ => Err(Failure::Failed(format!(
            "cannot listen on {shown}: another process does; `ss -lxp` shows which"
        ))),
    }
}

/// As many connections at once as this process may have.
fn connections() -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    // No more than anybody needs, as each takes memory.
    let wanted = hard.min(8192);
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, wanted.max(soft), hard) {
        Ok(()) => wanted.max(soft),
        Err(_) => soft,
    };
    usize::try_from(limit.saturating_sub(RESERVE).clamp(16, 8192)).unwrap_or(16)
}
