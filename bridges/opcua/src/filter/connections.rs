//! The open connections, and what each peer may take.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pegel_program::network::network;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// The most connections: each takes 100 KiB.
const MOST: usize = 256;
/// The most connections of a peer.
const MOST_OF_PEER: usize = 64;
/// File descriptors of a connection: to the client, and both ends to the library.
const DESCRIPTORS: usize = 3;
/// File descriptors for boards, certificates and others.
const RESERVED: usize = 96;
/// How many encrypted messages a peer may send at once before it has logged in, and then in each
/// second: fewer in a minute than the server has sessions, as a session lasts a minute.
const BURST: f64 = 400.0;
const EACH_SECOND: f64 = 8.0;
/// The most peers whose messages are counted.
const COUNTED: usize = 1024;

/// A peer: the network of an address, and a user on this machine.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Peer(IpAddr, Option<u32>);

impl Peer {
    pub fn new(peer: SocketAddr, own: SocketAddr) -> Self {
        let is_local = peer.ip().to_canonical().is_loopback();
        let user = is_local.then(|| user(peer.port(), own.port())).flatten();
        Self(network(peer.ip()), user)
    }
}

/// The user whose socket has these ports, on this machine.
fn user(local: u16, remote: u16) -> Option<u32> {
    let (local, remote) = (format!(":{local:04X}"), format!(":{remote:04X}"));
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| {
            table.lines().find_map(|line| {
                let columns: Vec<_> = line.split_whitespace().collect();
                let is_it = columns.get(1)?.ends_with(&local) && columns[2].ends_with(&remote);
                is_it.then(|| columns.get(7)?.parse().ok())?
            })
        })
}

/// What the library knows about a client.
const STRANGER: u8 = 0;
/// Logged in, as everybody can.
const GUEST: u8 = 1;
/// Logged in with a password or a trusted certificate.
const TRUSTED: u8 = 2;

/// An open connection.
pub struct Connection {
    pub id: u64,
    pub peer: Peer,
    /// The number of its secure channel; 0 before it has one.
    pub channel: AtomicU32,
    login: AtomicU8,
    evicted: Notify,
}

impl Connection {
    pub fn is_logged_in(&self) -> bool {
        self.login.load(Relaxed) != STRANGER
    }

    pub fn is_trusted(&self) -> bool {
        self.login.load(Relaxed) == TRUSTED
    }

    /// Returns once the connection must make room for others.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

pub struct Connections {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    open: BTreeMap<u64, Arc<Connection>>,
    budgets: HashMap<Peer, Budget>,
}

/// The messages that a peer may send before it has logged in.
struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    fn refill(&mut self, now: Instant) {
        let grown = (now - self.at).as_secs_f64() * EACH_SECOND;
        (self.left, self.at) = (BURST.min(self.left + grown), now);
    }
}

/// A connection's place among the open ones, which it leaves at its end.
pub struct Place {
    pub connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.state().open.remove(&self.connection.id);
    }
}

impl Connections {
    /// As many as there are file descriptors for.
    pub fn new() -> Self {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, hard)| {
            let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
            if raised.is_ok() { hard } else { soft }
        });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let most = limit.saturating_sub(RESERVED) / DESCRIPTORS;
        Self {
            most: most.clamp(1, MOST),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    /// A place for a new connection. If there are too many, the oldest that has not logged in makes
    /// room; if all have, there is none.
    pub fn enter(self: &Arc<Self>, peer: Peer) -> Option<Place> {
        let mut state = self.state();
        let of_peer = state.open.values().filter(|one| one.peer == peer).count();
        let is_greedy = of_peer >= MOST_OF_PEER.min(self.most);
        if is_greedy || state.open.len() >= self.most {
            let is_victim =
                |one: &&Arc<Connection>| !one.is_logged_in() && (!is_greedy || one.peer == peer);
            let victim = state.open.values().find(is_victim)?.clone();
            state.open.remove(&victim.id);
            victim.evicted.notify_one();
        }
        state.last += 1;
        let connection = Arc::new(Connection {
            id: state.last,
            peer,
            channel: AtomicU32::new(0),
            login: AtomicU8::new(STRANGER),
            evicted: Notify::new(),
        });
        state.open.insert(connection.id, Arc::clone(&connection));
        let connections = Arc::clone(self);
        Some(Place {
            connection,
            connections,
        })
    }

    /// Notes that a session was activated on a channel.
    pub fn log_in(&self, channel: u32, is_trusted: bool) {
        for one in self.state().open.values() {
            if one.channel.load(Relaxed) == channel {
                let login = if is_trusted { TRUSTED } else { GUEST };
                one.login.store(login, Relaxed);
            }
        }
    }

    /// Waits until the peer may send so many messages.
    pub async fn spend(&self, peer: Peer, messages: f64) {
        let left = {
            let (mut state, now) = (self.state(), Instant::now());
            if state.budgets.len() >= COUNTED {
                state.budgets.retain(|_, budget| {
                    budget.refill(now);
                    budget.left < BURST
                });
            }
            let fresh = Budget {
                left: BURST,
                at: now,
            };
            let budget = state.budgets.entry(peer).or_insert(fresh);
            budget.refill(now);
            budget.left -= messages;
            budget.left
        };
        if left < 0.0 {
            sleep(Duration::from_secs_f64(-left / EACH_SECOND)).await;
        }
    }
}
