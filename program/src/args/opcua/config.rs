//! The configuration file of the OPC UA server. The command line takes precedence over it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The default address to listen on, which only this machine can reach.
pub const LISTEN: &str = "127.0.0.1:4840";

/// The contents of the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on.
    pub listen: Option<String>,
    /// The name of this machine for clients.
    pub host: Option<String>,
    /// Boards to serve; empty for all.
    pub boards: Vec<String>,
    /// Boards that clients may write.
    pub write: Vec<String>,
    /// Boards that stay valid without a live writer.
    pub settings: Vec<String>,
    /// Seconds after which values are stale.
    pub stale_after: Option<f64>,
    /// Directory of the certificates.
    pub state_dir: Option<PathBuf>,
    /// The file of users and hashes of passwords.
    pub passwords: Option<PathBuf>,
    /// The policies that the server offers.
    pub security: Vec<Policy>,
    /// Whether clients may read without a name.
    pub anonymous: Option<bool>,
    /// Whether every client certificate is trusted.
    pub any_client: bool,
}

/// A security policy of OPC UA.
#[derive(Clone, Copy, Deserialize, PartialEq)]
pub enum Policy {
    /// No security.
    None,
    /// AES-256, RSA-OAEP with SHA-1, signatures with SHA-256.
    Basic256Sha256,
    /// As the above, with AES-128.
    #[serde(rename = "Aes128-Sha256-RsaOaep")]
    Aes128Sha256RsaOaep,
    /// AES-256, RSA-OAEP with SHA-256, signatures by RSA-PSS.
    #[serde(rename = "Aes256-Sha256-RsaPss")]
    Aes256Sha256RsaPss,
}

/// Reads and checks the file.
pub fn read(path: &Path) -> Result<Config, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the configuration {shown}: {error}"))?;
    let config = toml::from_str(&text);
    config.map_err(|error| format!("configuration {shown}: {}", error.to_string().trim_end()))
}
