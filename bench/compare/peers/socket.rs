//! A Unix socket: a reader asks the process that has the value.

use std::io::{Read as _, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use super::{Buffer, Peer, Place, Publish, Read, buffer, bytes, bytes_mut};

pub const PEER: Peer = Peer {
    name: "Unix socket",
    writer: |place| Box::new(Server::new(place)),
    reader: |place| Box::new(Client::new(place)),
    is_contended: false,
    note: "a question and its answer by a thread of the writer's process",
};

fn path(place: &Place) -> PathBuf {
    place.directory.join(format!("socket{}", place.size))
}

struct Server(Arc<Mutex<Vec<u8>>>);

impl Server {
    fn new(place: &Place) -> Self {
        let latest = Arc::new(Mutex::new(vec![0; place.size]));
        let listener = UnixListener::bind(path(place)).expect("a socket");
        let shared = Arc::clone(&latest);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || answer(client, &shared));
            }
        });
        Self(latest)
    }
}

fn answer(mut client: UnixStream, latest: &Mutex<Vec<u8>>) {
    let mut question = [0];
    while client.read_exact(&mut question).is_ok() {
        let record = latest.lock().expect("no panic").clone();
        if client.write_all(&record).is_err() {
            return;
        }
    }
}

impl Publish for Server {
    fn publish(&mut self, record: &[u64]) {
        let mut latest = self.0.lock().expect("no panic");
        latest.copy_from_slice(bytes(record));
    }
}

struct Client {
    stream: UnixStream,
    record: Buffer,
}

impl Client {
    fn new(place: &Place) -> Self {
        Self {
            stream: UnixStream::connect(path(place)).expect("a server"),
            record: buffer(place),
        }
    }
}

impl Read for Client {
    fn read(&mut self) -> &[u64] {
        let record = bytes_mut(&mut self.record);
        self.stream.write_all(&[1]).expect("a server");
        self.stream.read_exact(record).expect("a server");
        &self.record
    }
}
