//! The file that configures the server; the command line wins.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where to listen, unless somebody says otherwise: for this machine alone.
pub const LISTEN: &str = "127.0.0.1:4840";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub listen: Option<String>,
    /// What clients call this machine.
    pub host: Option<String>,
    pub boards: Vec<String>,
    pub write: Vec<String>,
    /// Boards whose values last until others are published.
    pub lasting: Vec<String>,
    /// Seconds after which values are old.
    pub old: Option<f64>,
    /// Where the certificates are.
    pub state: Option<PathBuf>,
    pub passwords: Option<PathBuf>,
    pub security: Vec<Policy>,
    pub anonymous: Option<bool>,
    /// Whether clients may come with any certificate.
    pub any_client: bool,
}

/// How a session may be secured.
#[derive(Clone, Copy, Deserialize, PartialEq)]
pub enum Policy {
    /// Not at all.
    None,
    Basic256Sha256,
    #[serde(rename = "Aes128-Sha256-RsaOaep")]
    Aes128Sha256RsaOaep,
    #[serde(rename = "Aes256-Sha256-RsaPss")]
    Aes256Sha256RsaPss,
}

pub fn read(path: &Path) -> Result<Config, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the configuration {shown}: {error}"))?;
    let config = toml::from_str(&text);
    config.map_err(|error| format!("configuration {shown}: {}", error.to_string().trim_end()))
}
