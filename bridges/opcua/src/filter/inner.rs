//! Connections to the library that nobody else can make.
//!
//! The library accepts connections at a listener, which every user of the machine could reach past
//! the filter. So its listener is a socket that never has a connection, and the library connects to
//! the filter instead: as a server does to a client behind a firewall. A secret in its first
//! message shows that it is the library.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use opcua::server::{ReverseConnectTargetConfig, ServerHandle};
use tokio::net::{TcpListener, TcpStream};

use crate::filter::frame::{Frame, invalid, within};

/// How long the library may take to connect: it connects within a millisecond, unless it is busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long its first message may take then.
const HELLO: Duration = Duration::from_secs(1);
/// The largest first message of the library.
const LARGEST: usize = 1024;

/// A listener that never accepts: a socket of UDP that is connected to itself, so that the kernel
/// drops what others send to it.
pub fn closed_listener() -> io::Result<TcpListener> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(socket.local_addr()?)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(OwnedFd::from(socket).into())
}

/// Lets the library connect, and returns the connection.
pub async fn connect(server: &ServerHandle) -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let target = Target::new(server, address)?;
    within(PATIENCE, async {
        loop {
            let (mut stream, _) = listener.accept().await?;
            let hello = within(HELLO, Frame::read(&mut stream, LARGEST)).await;
            if let Ok(Some(hello)) = hello
                && target.is_of(&hello).unwrap_or(false)
            {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    })
    .await
}

/// The place where the library connects once.
struct Target<'a> {
    server: &'a ServerHandle,
    secret: String,
}

impl<'a> Target<'a> {
    fn new(server: &'a ServerHandle, address: SocketAddr) -> io::Result<Self> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let secret = format!("{:032x}", u128::from_ne_bytes(random));
        server.add_reverse_connect_target(ReverseConnectTargetConfig {
            address,
            endpoint_url: secret.clone(),
            id: secret.clone(),
        });
        Ok(Self { server, secret })
    }

    /// Whether the message came from the library: the second text of its first message is the
    /// secret.
    fn is_of(&self, hello: &Frame) -> io::Result<bool> {
        let name = hello.text(8)?;
        let secret = hello.text(12 + name.len())?;
        if hello.kind() != b"RHE" {
            return Err(invalid("it is not the library"));
        }
        Ok(secret == self.secret.as_bytes())
    }
}

impl Drop for Target<'_> {
    /// Otherwise the library would connect again once the connection has ended.
    fn drop(&mut self) {
        self.server.remove_reverse_connect_target(&self.secret);
    }
}
