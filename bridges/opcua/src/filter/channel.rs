//! What a client may send on its secure channel.

use std::io;

use crate::filter::connections::Connection;
use crate::filter::frame::{Frame, LARGEST, invalid};
use crate::filter::request::{self, Request};
use crate::server::{CHUNKS, MESSAGE};

/// The policy without security.
pub const PLAIN: &str = "http://opcfoundation.org/UA/SecurityPolicy#None";
/// The largest message of a client that has not logged in. The library decodes what is encrypted
/// by recursion, with 1.4 KiB of the stack for each byte, which `main` provides.
pub const STRANGERS: usize = 8192;
/// The largest message of a client that may only ask for the endpoints.
const DISCOVERY: usize = 4096;
/// The most sessions of a connection.
const SESSIONS: usize = 4;

/// The policies by which clients may open channels.
pub struct Policies {
    pub offered: Vec<&'static str>,
}

impl Policies {
    fn are(&self, policy: &[u8]) -> bool {
        let mut offered = self.offered.iter();
        offered.any(|one| one.as_bytes() == policy)
    }
}

/// Frames that pass: those of a whole message, or an encrypted one.
pub struct Message {
    pub frames: Vec<Frame>,
    pub is_open: bool,
    pub is_close: bool,
}

/// The state of a client's secure channel.
#[derive(Default)]
pub struct Channel {
    policy: Option<Vec<u8>>,
    /// Only the endpoints may be asked for.
    is_discovery: bool,
    /// The chunks of a message in plain text that is not yet whole.
    pub pending: Vec<Frame>,
    size: usize,
    chunks: usize,
    /// The sessions that were created on the channel, in plain text.
    sessions: usize,
}

impl Channel {
    pub fn is_plain(&self) -> bool {
        self.policy.as_deref() == Some(PLAIN.as_bytes())
    }

    /// The largest frame that may come next.
    pub fn most(connection: &Connection) -> usize {
        if connection.is_logged_in() {
            LARGEST
        } else {
            STRANGERS
        }
    }

    fn most_of_message(&self, connection: &Connection) -> usize {
        match () {
            () if self.is_discovery => DISCOVERY,
            // What is in plain text is walked before it is decoded.
            () if connection.is_trusted() || self.is_plain() && connection.is_logged_in() => {
                MESSAGE
            }
            () => STRANGERS,
        }
    }

    /// Takes a frame of the client; returns the message that it completes, or its encrypted part.
    pub fn take(
        &mut self,
        frame: Frame,
        connection: &Connection,
        policies: &Policies,
    ) -> io::Result<Option<Message>> {
        match frame.kind() {
            b"OPN" => return self.open(frame, policies).map(Some),
            b"MSG" | b"CLO" if self.policy.is_some() => {}
            _ => return Err(invalid("a message has a wrong type")),
        }
        let part = frame.part();
        let is_close = frame.kind() == b"CLO";
        if !matches!(part, b'F' | b'C' | b'A') || is_close && part != b'F' {
            return Err(invalid("a message has a wrong part"));
        }
        self.size += frame.0.len();
        self.chunks += 1;
        if self.size > self.most_of_message(connection) {
            return Err(invalid("a message is too large"));
        }
        if self.chunks > CHUNKS {
            return Err(invalid("a message has too many chunks"));
        }
        if part != b'C' {
            (self.size, self.chunks) = (0, 0);
        }
        if !self.is_plain() {
            return Ok(Some(Message {
                frames: vec![frame],
                is_open: false,
                is_close,
            }));
        }
        self.pending.push(frame);
        match part {
            b'C' => Ok(None),
            b'A' => {
                // The library would forget the chunks, which it has not seen.
                self.pending.clear();
                Ok(None)
            }
            _ => self.whole(is_close).map(Some),
        }
    }

    /// A request for a channel, or for new keys of it.
    fn open(&mut self, frame: Frame, policies: &Policies) -> io::Result<Message> {
        // After the head and the channel.
        let policy = frame.text(12)?;
        let is_plain = policy == PLAIN.as_bytes();
        let is_offered = policies.are(policy);
        if !is_offered && !is_plain {
            return Err(invalid("the security policy is not offered"));
        }
        let is_same = self.policy.as_ref().is_none_or(|open| open == policy);
        if frame.part() != b'F' || !self.pending.is_empty() || !is_same {
            return Err(invalid("a channel cannot be opened now"));
        }
        if is_plain {
            let mut at = 12;
            for _ in 0..3 {
                let length = frame.number(at)?;
                let length = if length == u32::MAX { 0 } else { length };
                at += 4 + usize::try_from(length).unwrap_or(usize::MAX).min(LARGEST);
            }
            // The numbers of the chunk and the request.
            let body = frame.0.get(at + 8..).unwrap_or_default();
            let request = request::check(body).map_err(invalid)?;
            let mode = request.rest.get(8..12);
            if request.kind != request::OPEN_CHANNEL || mode != Some(&[1, 0, 0, 0]) {
                return Err(invalid("a channel has a wrong mode"));
            }
        }
        self.policy = Some(policy.to_vec());
        self.is_discovery = !is_offered;
        Ok(Message {
            frames: vec![frame],
            is_open: true,
            is_close: false,
        })
    }

    /// A message in plain text of which all chunks have come.
    fn whole(&mut self, is_close: bool) -> io::Result<Message> {
        let frames = std::mem::take(&mut self.pending);
        let joined: Vec<u8>;
        let body = if let [only] = frames.as_slice() {
            only.body()?
        } else {
            let bodies: Vec<_> = frames.iter().map(Frame::body).collect::<io::Result<_>>()?;
            joined = bodies.concat();
            &joined
        };
        let request = request::check(body).map_err(invalid)?;
        self.judge(&request, is_close)?;
        Ok(Message {
            frames,
            is_open: false,
            is_close,
        })
    }

    fn judge(&mut self, request: &Request<'_>, is_close: bool) -> io::Result<()> {
        let is_known = match request.kind {
            request::GET_ENDPOINTS | request::FIND_SERVERS => !is_close,
            request::CLOSE_CHANNEL => is_close,
            request::OPEN_CHANNEL => false,
            _ => !is_close && !self.is_discovery,
        };
        if !is_known {
            return Err(invalid("the service is not for this channel"));
        }
        match request.kind {
            request::CREATE_SESSION if self.sessions >= SESSIONS => {
                return Err(invalid("too many sessions"));
            }
            request::CREATE_SESSION => self.sessions += 1,
            request::CLOSE_SESSION => self.sessions = self.sessions.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }
}
