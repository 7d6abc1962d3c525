//! Frames of the protocol: a head of eight bytes, which contains the size, and the rest.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The size of the head: the type of the message, whether it is the last chunk, and the size.
const HEAD: usize = 8;
/// Bytes before the body of a chunk in plain text: the head, the channel, its token, and the
/// numbers of the chunk and the request.
pub const BODY: usize = 24;
/// The largest frame, which the library announces to clients.
pub const LARGEST: usize = 65_535;
/// How long the rest of a frame may take once it has begun.
const PATIENCE: Duration = Duration::from_secs(10);

/// A frame of at least a head.
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// Waits for the first byte of a frame; `None` at the end. If it is cancelled, nothing is lost.
    pub async fn begin<R: AsyncRead + Unpin>(stream: &mut R) -> io::Result<Option<u8>> {
        let mut first = [0];
        let count = stream.read(&mut first).await?;
        Ok((count != 0).then_some(first[0]))
    }

    /// Reads the rest of a frame of at most so many bytes.
    pub async fn rest<R>(stream: &mut R, first: u8, most: usize) -> io::Result<Self>
    where
        R: AsyncRead + Unpin,
    {
        within(PATIENCE, async {
            let mut head = [first; HEAD];
            stream.read_exact(&mut head[1..]).await?;
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if !(HEAD..=most).contains(&size) {
                return Err(invalid("a message has a wrong size"));
            }
            let mut bytes = vec![0; size];
            bytes[..HEAD].copy_from_slice(&head);
            stream.read_exact(&mut bytes[HEAD..]).await?;
            Ok(Self(bytes))
        })
        .await
    }

    /// Reads the next frame; `None` at the end.
    pub async fn read<R>(stream: &mut R, most: usize) -> io::Result<Option<Self>>
    where
        R: AsyncRead + Unpin,
    {
        match Self::begin(stream).await? {
            Some(first) => Self::rest(stream, first, most).await.map(Some),
            None => Ok(None),
        }
    }

    /// The type of the message.
    pub fn kind(&self) -> &[u8] {
        &self.0[..3]
    }

    /// Whether it is the last chunk of a message (`F`), another (`C`), or ends one early (`A`).
    pub fn part(&self) -> u8 {
        self.0[3]
    }

    /// A number at a place of the frame.
    pub fn number(&self, at: usize) -> io::Result<u32> {
        let bytes = self
            .0
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(u32::from_le_bytes)
            .ok_or_else(|| invalid("a message ends too early"))
    }

    /// A string at a place of the frame.
    pub fn text(&self, at: usize) -> io::Result<&[u8]> {
        let length = usize::try_from(self.number(at)?).unwrap_or(usize::MAX);
        let text = self.0.get(at + 4..).and_then(|rest| rest.get(..length));
        text.ok_or_else(|| invalid("a message ends too early"))
    }

    /// The body of a chunk in plain text.
    pub fn body(&self) -> io::Result<&[u8]> {
        let body = self.0.get(BODY..);
        body.ok_or_else(|| invalid("a message ends too early"))
    }
}

pub fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The result, or an error after the time.
pub async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "it took too long");
    timeout(time, work).await.unwrap_or_else(|_| Err(late()))
}
