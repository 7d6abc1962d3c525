//! The command line of `pegel opcua`: boards by OPC UA, and the files that it names.

pub mod config;
pub mod passwords;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::time;

/// The default name of the status board; names of others should begin with it.
pub const STATUS: &str = "pegel-opcua";

const MORE: &str = "\
Each board is an object in the folder Boards, each field a variable of its type
(an array for arrays, String or ByteString for documents), with EngineeringUnits
and EURange if the schema has unit, min or max. The source timestamp is the time
of publication. All values of a board in one response are of one record.

Status                    the value
  Good                    is new, and its writer is alive
  UncertainLastUsableValue  is older than --stale-after, or has no live writer
  UncertainInitialValue   is a default that nobody published
  BadNoData               of an optional field is unknown
  BadWaitingForInitialData  was never published
Boards of --write and --settings do not become stale: they are always good.

The values that one request writes to a board are published as one record, or,
if one of them is rejected, not at all. A value beyond its limits is
BadOutOfRange, a board that another writer holds BadResourceUnavailable.

Without --config, every user of this machine can read, and can write the boards
of --write, except those that only their owner can read. A name and a password
have at most 256 bytes, a message 1 MiB. The configuration is a TOML file:

  listen = \"0.0.0.0:4840\"
  host = \"station.local\"      # name of this machine for clients
  boards = [\"inverter\"]       # as --board; likewise write, settings,
                              # stale_after, state_dir
  passwords = \"/etc/pegel/opcua.passwords\"  # NAME:HASH; `openssl passwd -6`
  anonymous = true            # read without a name [default: if no passwords]
  security = [\"Basic256Sha256\"]  # and \"Aes128-Sha256-RsaOaep\",
                              # \"Aes256-Sha256-RsaPss\", \"None\"
  any_client = true           # trust every client certificate

The server creates its certificate at the first start, in --state-dir. The
certificate of a new client is put into rejected/ there: move it to trusted/ to
accept the client. The server reports its state in the board `pegel-opcua`.

Examples:
  pegel opcua
  pegel opcua --board inverter --board config --write config
  pegel opcua --config /etc/pegel/opcua.toml";

/// Serve boards by OPC UA
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Opcua {
    /// Address to listen on [default: 127.0.0.1:4840]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Boards to serve: NAME or DIRECTORY/NAME [default: all]
    #[arg(long, value_name = "BOARD")]
    pub board: Vec<String>,
    /// Shared boards that clients may write
    #[arg(long, value_name = "BOARD")]
    pub write: Vec<String>,
    /// Boards that stay valid without a live writer
    #[arg(long, value_name = "BOARD")]
    pub settings: Vec<String>,
    /// Age from which values are stale [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = time::timeout)]
    pub stale_after: Option<Duration>,
    /// How long a write waits for the writer lock
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = time::timeout)]
    pub timeout: Duration,
    /// Directory of the certificates
    #[arg(long, value_name = "DIRECTORY")]
    #[arg(
        help = "Directory of the certificates [default: $STATE_DIRECTORY, else \
                  pegel/opcua in $XDG_STATE_HOME or ~/.local/state]"
    )]
    pub state_dir: Option<PathBuf>,
    /// Status board of this server
    #[arg(long, value_name = "BOARD", default_value = STATUS)]
    pub status: String,
    /// File with these options, users and security
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
