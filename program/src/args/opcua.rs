//! The command line of `pegel opcua`: boards by OPC UA, and the files that it names.

pub mod config;
pub mod passwords;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::time;

const MORE: &str = "\
Each board is an object in the folder Boards, each field a variable of its type
(arrays are arrays, documents String or ByteString), with EngineeringUnits and
EURange where the schema has unit, min or max. The source timestamp is the time of
publication. One request is answered from one record of a board.

Status                    the value
  Good                    is new, and its writer lives
  UncertainLastUsableValue  is older than --old, or its writer has gone
  UncertainInitialValue   is a default, which nobody published
  BadNoData               of an optional field is unknown
  BadWaitingForInitialData  was never published
Boards of --write and --lasting are set and not measured: they are always good.

What one request writes into a board of --write is one publication. A value beyond
its limits is BadOutOfRange, a board that has a writer BadResourceUnavailable.

Without --config, everybody on this machine may read, and write what --write
allows. The configuration is a TOML file:

  listen = \"0.0.0.0:4840\"
  host = \"station.local\"      # what clients call this machine
  boards = [\"inverter\"]       # as --board; so for write, lasting, old, state
  passwords = \"/etc/pegel/opcua.passwords\"  # NAME:HASH; `openssl passwd -6`
  anonymous = true            # read without a name; [default: if no passwords]
  security = [\"Basic256Sha256\"]  # and \"Aes128-Sha256-RsaOaep\",
                              # \"Aes256-Sha256-RsaPss\", \"None\"
  any_client = true           # trust every client's certificate

The certificate is made at the first start, in --state. A client's is put into
rejected/ there at its first try: move it to trusted/ to let it in.

Examples:
  pegel opcua
  pegel opcua --board inverter --board config --write config
  pegel opcua --config /etc/pegel/opcua.toml";

/// Serve boards by OPC UA
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Opcua {
    /// Where to listen [default: 127.0.0.1:4840]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Boards to serve: NAME or DIRECTORY/NAME [default: all]
    #[arg(long, value_name = "BOARD")]
    pub board: Vec<String>,
    /// Boards, written by turns, that clients may write
    #[arg(long, value_name = "BOARD")]
    pub write: Vec<String>,
    /// Boards whose values last until others are published
    #[arg(long, value_name = "BOARD")]
    pub lasting: Vec<String>,
    /// When values are old [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = time::timeout)]
    pub old: Option<Duration>,
    /// How long a write waits for another writer
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = time::timeout)]
    pub timeout: Duration,
    /// The directory of the certificates
    #[arg(long, value_name = "DIRECTORY")]
    #[arg(
        help = "Where the certificates are [default: $STATE_DIRECTORY, else pegel/opcua in \
                  $XDG_STATE_HOME or ~/.local/state]"
    )]
    pub state: Option<PathBuf>,
    /// A file with what stands here, users and security
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
