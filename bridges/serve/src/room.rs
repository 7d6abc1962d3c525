//! The connections that the server has room for. When there is no room for one more, the peer that
//! has the most gives way to one that has fewer, so that nobody keeps others out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use pegel_program::network::network;
use tokio::sync::watch;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The network of an address.
    Address(IpAddr),
    /// A user of this machine, by a Unix socket.
    User(u32),
}

pub struct Room {
    most: usize,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    /// The connections of each peer, oldest first. A connection whose sender is gone must end.
    peers: HashMap<Peer, BTreeMap<u64, watch::Sender<()>>>,
    count: usize,
    next: u64,
}

/// The place of a connection, until it is dropped.
pub struct Seat {
    room: Arc<Room>,
    peer: Peer,
    number: u64,
    end: watch::Receiver<()>,
}

impl Peer {
    pub fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

impl Room {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            state: watch::Sender::default(),
        })
    }

    /// A seat for a new connection; `None` if there is no room for another one of this peer.
    pub fn admit(self: &Arc<Self>, peer: Peer) -> Option<Seat> {
        let mut seat = None;
        self.state.send_modify(|state| {
            if state.count == self.most && !state.make_room(peer) {
                return;
            }
            let (sender, end) = watch::channel(());
            let number = state.next;
            state.peers.entry(peer).or_default().insert(number, sender);
            state.count += 1;
            state.next += 1;
            seat = Some((number, end));
        });
        seat.map(|(number, end)| Seat {
            room: Arc::clone(self),
            peer,
            number,
            end,
        })
    }

    /// Returns once all connections have ended.
    pub async fn empty(&self) {
        // Its sender is in this room.
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| state.count == 0)
            .await;
    }
}

impl State {
    /// Ends the newest connection of the peer that has the most. Returns whether that is another
    /// peer, which still has at least as many as the new one.
    fn make_room(&mut self, peer: Peer) -> bool {
        let own = self.peers.get(&peer).map_or(0, BTreeMap::len);
        let sizes = self.peers.iter().map(|(peer, seats)| (seats.len(), *peer));
        let Some((most, greediest)) = sizes.max_by_key(|(size, _)| *size) else {
            return false;
        };
        if own + 1 >= most {
            return false;
        }
        let seats = self.peers.get(&greediest);
        let newest = seats.and_then(|seats| seats.last_key_value());
        let newest = newest.map(|(number, _)| *number);
        newest.is_some_and(|number| self.remove(greediest, number))
    }

    /// Returns whether the connection still had its place.
    fn remove(&mut self, peer: Peer, number: u64) -> bool {
        let Some(seats) = self.peers.get_mut(&peer) else {
            return false;
        };
        let is_removed = seats.remove(&number).is_some();
        if seats.is_empty() {
            self.peers.remove(&peer);
        }
        self.count -= usize::from(is_removed);
        is_removed
    }
}

impl Seat {
    /// Returns once the connection must give way to another one.
    pub async fn lost(&self) {
        // Nothing is ever sent: this ends with the sender.
        let _ = self.end.clone().changed().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.state.send_modify(|state| {
            state.remove(self.peer, self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn peer_with_most_connections_gives_way() {
        let room = Room::new(4);
        let [near, far] = ["127.0.0.1", "::ffff:127.0.0.2"]
            .map(|address| Peer::at(address.parse().expect("an address")));
        let seats: Vec<_> = (0..4).filter_map(|_| room.admit(near)).collect();
        assert_eq!(seats.len(), 4);
        assert!(room.admit(near).is_none());
        let first = room.admit(far);
        assert!(first.is_some());
        seats[3].lost().await;
        let second = room.admit(far);
        assert!(second.is_some());
        seats[2].lost().await;
        assert!(room.admit(far).is_none(), "both have two");
        drop(seats);
        assert!(room.admit(far).is_some());
        drop((first, second));
        room.empty().await;
    }
}
