//! Connections to the broker. Each is made once: what was under way when it is lost, is lost with it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, Publish, QoS,
    TlsConfiguration, Transport,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::mqtt::Mqtt;
use crate::mqtt::broker::Broker;
use crate::status::Status;

/// The longest message that is sent or taken, in bytes.
pub const LARGEST: usize = 64 << 20;
/// After this time of silence the broker is asked whether it is there; it misses a bridge that is silent for half as
/// long again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The pauses between attempts: the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// How many requests wait for the connection, and how many of the messages that came for their reader.
const WAITING: usize = 64;

/// How to reach the broker.
pub struct Network {
    broker: Broker,
    login: Option<(String, String)>,
    tls: Option<Arc<ClientConfig>>,
}

/// What a connection is for.
pub struct Purpose<'a> {
    /// As the broker knows it, so that one that comes again takes the place of the one before.
    pub client: &'a str,
    pub will: Option<LastWill>,
    /// Whether the broker keeps what comes meanwhile, and each message has to be acknowledged.
    pub lasts: bool,
}

/// One that stands.
pub struct Connection {
    pub client: AsyncClient,
    incoming: mpsc::Receiver<Publish>,
    end: oneshot::Receiver<String>,
}

impl Network {
    pub fn new(wanted: &Mqtt, login: Option<(String, String)>) -> Result<Self, String> {
        let tls = wanted.broker.is_tls.then(|| {
            let identity = wanted.certificate.as_deref().zip(wanted.key.as_deref());
            tls(wanted.ca.as_deref(), identity).map(Arc::new)
        });
        if tls.is_none() && (wanted.ca.is_some() || wanted.certificate.is_some()) {
            return Err(format!(
                "certificates are for mqtts://, and not for {}",
                wanted.broker
            ));
        }
        Ok(Self {
            broker: wanted.broker.clone(),
            login,
            tls: tls.transpose()?,
        })
    }

    /// Connects, however long it takes.
    pub async fn connect(&self, purpose: &Purpose<'_>, status: &Status) -> Connection {
        let mut pause = PAUSES.0;
        loop {
            let (client, mut events) = AsyncClient::new(self.options(purpose), WAITING);
            match events.poll().await {
                Ok(_) => {
                    status.well(purpose.client);
                    return Connection::start(client, events);
                }
                Err(error) => status.complain(purpose.client, &self.explain(&error)),
            }
            sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
    }

    fn options(&self, purpose: &Purpose) -> MqttOptions {
        let Broker { host, port, .. } = &self.broker;
        // With brackets an IPv6 address can be told from its port; names of certificates have none.
        let host = if host.contains(':') && self.tls.is_none() {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let mut options = MqttOptions::new(purpose.client, host, *port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(!purpose.lasts)
            .set_manual_acks(purpose.lasts)
            .set_max_packet_size(LARGEST, LARGEST);
        if let Some(will) = &purpose.will {
            options.set_last_will(will.clone());
        }
        if let Some((user, password)) = &self.login {
            options.set_credentials(user, password);
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                Arc::clone(tls),
            )));
        }
        options
    }

    fn explain(&self, error: &ConnectionError) -> String {
        let broker = &self.broker;
        match error {
            ConnectionError::ConnectionRefused(code) => {
                let advice = "see --user and --password-file, and what the broker's log says";
                format!("{broker} turns this bridge away ({code:?}): {advice}")
            }
            ConnectionError::Tls(error) => {
                format!("{broker} is not who it should be: {error}; see --ca")
            }
            error => format!("no connection to {broker}: {error}"),
        }
    }
}

impl Connection {
    fn start(client: AsyncClient, mut events: EventLoop) -> Self {
        let (sender, incoming) = mpsc::channel(WAITING);
        let (tell, end) = oneshot::channel();
        tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        if sender.send(message).await.is_err() {
                            return;
                        }
                    }
                    Ok(_) if sender.is_closed() => return,
                    Ok(_) => {}
                    Err(error) => {
                        // Who has let go need not know.
                        let _ = tell.send(error.to_string());
                        return;
                    }
                }
            }
        });
        Self {
            client,
            incoming,
            end,
        }
    }

    /// Subscribes, once more after each connection.
    pub async fn subscribe(&self, topics: &[String]) -> Result<(), String> {
        for topic in topics {
            let subscribed = self.client.subscribe(topic, QoS::AtLeastOnce).await;
            subscribed.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The next message; an error when the connection is lost.
    pub async fn next(&mut self) -> Result<Publish, String> {
        if let Some(message) = self.incoming.recv().await {
            return Ok(message);
        }
        Err(self.lost().await)
    }

    /// Why the connection was lost.
    pub async fn lost(&mut self) -> String {
        let reason = (&mut self.end).await;
        let reason = reason.unwrap_or_else(|_| "it was let go".to_owned());
        format!("the connection to the broker is lost: {reason}")
    }
}

fn tls(ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let known = match ca {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(known);
    if roots.is_empty() {
        return Err(match ca {
            Some(path) => format!(
                "{} has no certificate that vouches for others",
                path.display()
            ),
            None => "this system trusts nobody (apt install ca-certificates); give --ca".to_owned(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some((certificate, key)) = identity else {
        return Ok(config.with_no_client_auth());
    };
    let failed = |error: &dyn std::fmt::Display| format!("cannot use {}: {error}", key.display());
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(&error))?;
    config
        .with_client_auth_cert(certificates(certificate)?, secret)
        .map_err(|error| failed(&error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let text = fs::read(path).map_err(|error| failed(&error))?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(&error))
}
