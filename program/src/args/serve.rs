//! The command line of `pegel serve`: boards by HTTP.

pub mod address;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::address::Address;
use crate::time;

const MORE: &str = "\
What can be asked for:
  GET /                          a page that shows all boards as they change
  GET /boards                    all boards, and the state of each
  GET /boards/NAME               the newest record, with an ETag
  GET /boards/NAME/FIELD         one value; FIELD.N is an element of an array
  GET /boards/NAME/schema        fields, types, units, limits
  GET /boards/NAME/history       the newest records, oldest first: ?last=10
  GET /boards/NAME/events        server-sent events, or a WebSocket
  GET /events                    the same of all boards
  PUT /boards/NAME               publish a whole record
  PATCH /boards/NAME             publish it with some fields changed
  GET /metrics                   for Prometheus
  GET /openapi.json              the description of all that

PUT and PATCH with If-Match: ETAG publish only if nobody else has published
since (else 412). Errors are JSON that says what to do (RFC 9457).

Writing needs --write BOARD and the token, as Authorization: Bearer TOKEN or as
a password. On a Unix socket without --token-file, whoever may open it may write.
At other addresses than loopback, reading needs the token, too, or --public.

Requests have to name the server by an address, localhost, or a name of --host;
pages of other servers get nothing. Nothing is encrypted: let nginx do that.

Examples:
  pegel serve
  pegel serve --write config --token-file /etc/pegel/serve.token
  pegel serve --listen unix:/run/pegel/serve.sock --write config
  pegel serve --listen 0.0.0.0:7070 --public --host station.local";

/// Serve boards by HTTP: JSON, events, metrics and a page
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Serve {
    /// Where to listen: ADDRESS:PORT or unix:PATH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub listen: Address,
    /// A file with the token that writing needs, at least 16 characters
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Let everybody read who reaches an address beyond loopback
    #[arg(long)]
    pub public: bool,
    /// A name of this server, beside localhost and addresses
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Boards to serve: NAME or DIRECTORY/NAME [default: all]
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub read: Vec<String>,
    /// Boards, written by turns, that may be written
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub write: Vec<String>,
    /// How long a request waits for another writer
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = time::timeout)]
    pub timeout: Duration,
    /// Bytes of the longest body of a request
    #[arg(long, value_name = "N", default_value = "1048576")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub longest: u32,
}
