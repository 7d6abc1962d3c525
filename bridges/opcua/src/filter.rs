//! The filter before the library: every byte of a client passes it.
//!
//! The library does nearly everything before it knows anybody: it keeps what is sent, decrypts by
//! policies that are not offered, and decodes by recursion. So the filter connects a client only
//! after its first message, bounds the size of each message by what is known about the client,
//! walks what is in plain text, and lets each peer take only so much.

mod channel;
mod connections;
mod frame;
mod inner;
mod logins;
mod relay;
mod request;

pub use self::connections::Connections;
pub use self::inner::closed_listener;
pub use self::logins::Logins;
pub use self::relay::Filter;
