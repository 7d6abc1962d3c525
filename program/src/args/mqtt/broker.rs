//! The address of an MQTT broker.

use std::fmt;
use std::str::FromStr;

/// The ports that IANA gave to MQTT, without and with TLS.
const PORTS: (u16, u16) = (1883, 8883);

/// A broker: `mqtt://HOST[:PORT]`, or `mqtts://` for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// A name or an address, without brackets.
    pub host: String,
    /// As given, else the one that IANA assigned.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

impl FromStr for Broker {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || "write mqtt://HOST or mqtts://HOST, with :PORT if it is another one".to_owned();
        let (is_tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(refuse()),
        };
        if rest.contains('@') {
            return Err(
                "a password in the URL is seen by all; use --user and --password-file".into(),
            );
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            // The last colon of an IPv6 address stands within its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let usual = if is_tls { PORTS.1 } else { PORTS.0 };
        let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| refuse()))?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_host = !host.is_empty() && (bare.is_some() || !host.contains([':', '/']));
        if !is_host || port == 0 {
            return Err(refuse());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            is_tls,
        })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, is_tls } = self;
        let scheme = if *is_tls { "mqtts" } else { "mqtt" };
        if host.contains(':') {
            write!(out, "{scheme}://[{host}]:{port}")
        } else {
            write!(out, "{scheme}://{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_understood() {
        for (text, shown) in [
            ("mqtt://localhost", "mqtt://localhost:1883"),
            ("mqtts://broker.lan/", "mqtts://broker.lan:8883"),
            ("mqtt://10.0.0.1:1884", "mqtt://10.0.0.1:1884"),
            ("mqtt://[::1]", "mqtt://[::1]:1883"),
            ("mqtts://[::1]:99", "mqtts://[::1]:99"),
        ] {
            let broker: Broker = text.parse().expect(text);
            assert_eq!(broker.to_string(), shown);
        }
        for text in [
            "",
            "localhost",
            "http://x",
            "mqtt://",
            "mqtt://:1883",
            "mqtt://x:",
            "mqtt://x:0",
            "mqtt://x:99999",
            "mqtt://::1",
            "mqtt://u:p@x",
            "mqtt://x/y",
        ] {
            assert!(text.parse::<Broker>().is_err(), "{text}");
        }
    }
}
