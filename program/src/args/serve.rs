//! The command line of `pegel serve`: boards by HTTP.

pub mod address;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::address::Address;
use crate::time;

/// The default name of the status board; names of others should begin with it.
pub const STATUS: &str = "pegel-serve";

const MORE: &str = "\
Resources:
  GET /                          a page that shows all boards live
  GET /boards                    all boards, with the state of each
  GET /boards/NAME               the newest record, with an ETag
  GET /boards/NAME/FIELD         one value; FIELD.N is an element of an array
  GET /boards/NAME/schema        fields, types, units, limits
  GET /boards/NAME/history       the newest records, oldest first: ?last=10
  GET /boards/NAME/events        server-sent events, or a WebSocket
  GET /events                    the same for all boards
  PUT /boards/NAME               publish a whole record
  PATCH /boards/NAME             publish the record with some fields changed
  GET /metrics                   metrics for Prometheus
  GET /openapi.json              the description of all resources

PUT and PATCH with If-Match: ETAG publish only if nobody else has published
since (else 412). Errors are JSON with the remedy (RFC 9457).

Writing needs --write BOARD and the token, as Authorization: Bearer TOKEN or as
a password. On a Unix socket without --token-file, everyone who can open the
socket may write. At addresses other than loopback, reading needs the token or
--public.

The Host header of a request must be an address, localhost, or a name of --host;
pages of other servers are refused. Put nginx in front for encryption. The
server reports its state in the board `pegel-serve`.

Examples:
  pegel serve
  pegel serve --write config --token-file /etc/pegel/serve.token
  pegel serve --listen unix:/run/pegel/serve.sock --write config
  pegel serve --listen 0.0.0.0:7070 --public --host station.local";

/// Serve boards by HTTP: JSON, events, metrics and a page
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Serve {
    /// Address to listen on: ADDRESS:PORT or unix:PATH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub listen: Address,
    /// File with the token for writing, at least 16 characters
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Allow reading without the token at addresses other than loopback
    #[arg(long)]
    pub public: bool,
    /// Name of this server, in addition to localhost and addresses
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Boards to serve: NAME or DIRECTORY/NAME [default: all]
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub board: Vec<String>,
    /// Shared boards that clients may write
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub write: Vec<String>,
    /// How long a request waits for the writer lock
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = time::timeout)]
    pub timeout: Duration,
    /// Maximum size of a request body, in bytes
    #[arg(long, value_name = "N", default_value = "1048576")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub max_body: u32,
    /// Status board of this server
    #[arg(long, value_name = "BOARD", default_value = STATUS)]
    pub status: String,
}
