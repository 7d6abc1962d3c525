//! Connections to the broker. A lost connection loses what was under way.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pegel_program::args::mqtt::Mqtt;
use pegel_program::args::mqtt::broker::Broker;
use pegel_program::status::Status;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, Publish, QoS,
    StateError, SubscribeReasonCode, TlsConfiguration, Transport, mqttbytes,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

/// Maximum size of a message, in bytes.
pub const MAX_MESSAGE: usize = 64 << 20;
/// Interval of pings. The broker gives up a bridge that is silent for half as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The first and the longest pause between two attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// A connection that lives shorter counts as a failed attempt. Longer than the longest pause, after
/// which another bridge of the same name may be back.
const STEADY: Duration = Duration::from_secs(30);
/// How long the broker may take to end a connection.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// Capacity of the queues of requests, and of received messages.
const QUEUE: usize = 64;
/// Maximum number of bytes that are sent and not acknowledged; a longer message is sent alone.
const MAX_UNACKNOWLEDGED: usize = 1 << 20;

/// How to reach the broker.
pub struct Network {
    broker: Broker,
    login: Option<(String, String)>,
    tls: Option<Arc<ClientConfig>>,
}

/// The kind of a connection.
pub struct Session<'a> {
    /// The name at the broker, by which a new connection replaces the last one.
    pub client: &'a str,
    pub will: Option<LastWill>,
    /// Whether messages are received.
    pub subscribes: bool,
    /// Whether the broker keeps messages while the bridge is away, and each message must be
    /// acknowledged.
    pub is_persistent: bool,
}

/// Makes a connection again and again.
pub struct Reconnector<'a> {
    network: &'a Network,
    status: &'a Status,
    session: Session<'a>,
    pause: Duration,
    /// When the last connection was made.
    since: Option<Instant>,
    /// Whether the connection was lost because of a message that is too long, which would come
    /// again each time.
    is_oversized: Arc<AtomicBool>,
}

/// A connection that is established.
pub struct Connection {
    pub client: AsyncClient,
    incoming: mpsc::Receiver<Waiting>,
    end: oneshot::Receiver<String>,
    /// The share of the last message in the memory for messages.
    current: Option<OwnedSemaphorePermit>,
    outgoing: Arc<Outgoing>,
}

/// A received message, and its share of the memory for messages.
type Waiting = (Publish, OwnedSemaphorePermit);

/// What is sent and not acknowledged.
struct Outgoing {
    budget: Arc<Semaphore>,
    unacknowledged: Mutex<VecDeque<OwnedSemaphorePermit>>,
}

impl Network {
    pub fn new(wanted: &Mqtt, login: Option<(String, String)>) -> Result<Self, String> {
        let tls = wanted.broker.is_tls.then(|| {
            let identity = wanted.certificate.as_deref().zip(wanted.key.as_deref());
            tls(wanted.ca.as_deref(), identity).map(Arc::new)
        });
        if tls.is_none() && (wanted.ca.is_some() || wanted.certificate.is_some()) {
            return Err(format!(
                "certificates need an mqtts:// broker (got {})",
                wanted.broker
            ));
        }
        Ok(Self {
            broker: wanted.broker.clone(),
            login,
            tls: tls.transpose()?,
        })
    }

    fn options(&self, session: &Session, is_persistent: bool) -> MqttOptions {
        let Broker { host, port, .. } = &self.broker;
        // Brackets separate an IPv6 address from its port; names in certificates have none.
        let host = if host.contains(':') && self.tls.is_none() {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let mut options = MqttOptions::new(session.client, host, *port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(!is_persistent)
            .set_manual_acks(session.is_persistent)
            .set_max_packet_size(MAX_MESSAGE, MAX_MESSAGE);
        if let Some(will) = &session.will {
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
                format!(
                    "{broker} refused the connection ({code:?}): check --user and --password-file, \
                     and the log of the broker"
                )
            }
            ConnectionError::Tls(error) => {
                format!("TLS certificate of {broker} not accepted: {error}; check --ca")
            }
            error => format!("no connection to {broker}: {error}"),
        }
    }
}

impl<'a> Reconnector<'a> {
    pub fn new(network: &'a Network, status: &'a Status, session: Session<'a>) -> Self {
        Self {
            network,
            status,
            session,
            pause: BACKOFF.0,
            since: None,
            is_oversized: Arc::default(),
        }
    }

    /// Connects, however long it takes.
    pub async fn connect(&mut self) -> Connection {
        let is_short = |since: Instant| since.elapsed() < STEADY;
        if self.since.take().is_some_and(is_short) {
            self.back_off().await;
        } else {
            self.pause = BACKOFF.0;
        }
        loop {
            // A clean session also drops the messages that wait with the oversized one; else none
            // would ever arrive.
            let is_persistent =
                self.session.is_persistent && !self.is_oversized.load(Ordering::Relaxed);
            let options = self.network.options(&self.session, is_persistent);
            let (client, mut events) = AsyncClient::new(options, QUEUE);
            match events.poll().await {
                Ok(_) if is_persistent == self.session.is_persistent => {
                    self.status.ok(self.session.client);
                    self.since = Some(Instant::now());
                    return Connection::start(client, events, self);
                }
                Ok(_) => {
                    self.is_oversized.store(false, Ordering::Relaxed);
                    continue;
                }
                Err(error) => {
                    let failure = self.network.explain(&error);
                    self.status.fail(self.session.client, &failure);
                }
            }
            self.back_off().await;
        }
    }

    async fn back_off(&mut self) {
        sleep(self.pause).await;
        self.pause = BACKOFF.1.min(self.pause * 2);
    }
}

impl Connection {
    fn start(client: AsyncClient, events: EventLoop, reconnector: &Reconnector) -> Self {
        let (sender, incoming) = mpsc::channel(QUEUE);
        let (reason_sender, end) = oneshot::channel();
        let outgoing = Arc::new(Outgoing {
            budget: Arc::new(Semaphore::new(MAX_UNACKNOWLEDGED)),
            unacknowledged: Mutex::default(),
        });
        let driver = Driver {
            events,
            subscribes: reconnector.session.subscribes,
            is_oversized: Arc::clone(&reconnector.is_oversized),
            budget: Arc::new(Semaphore::new(MAX_MESSAGE)),
            outgoing: Arc::clone(&outgoing),
        };
        tokio::spawn(async move {
            let outgoing = Arc::clone(&driver.outgoing);
            if let Some(reason) = driver.run(sender).await {
                // The receiver may be gone; that is fine.
                let _ = reason_sender.send(reason);
            }
            outgoing.budget.close();
        });
        Self {
            client,
            incoming,
            end,
            current: None,
            outgoing,
        }
    }

    /// Sends a message within the budget; an error if the connection is lost.
    pub async fn publish(&self, topic: String, payload: String, retain: bool) -> Result<(), Lost> {
        let size = payload.len().min(MAX_UNACKNOWLEDGED);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.outgoing.budget).acquire_many_owned(size);
        let permit = permit.await.map_err(|_| Lost)?;
        self.outgoing.unacknowledged().push_back(permit);
        let sent = self
            .client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .await;
        sent.map_err(|_| Lost)
    }

    /// Ends the connection after what was sent, so that the broker does not publish the last will.
    pub async fn end(&mut self) {
        if self.client.disconnect().await.is_ok() {
            let _ = timeout(END_TIMEOUT, self.lost()).await;
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
        // The last message is processed.
        self.current = None;
        if let Some((message, permit)) = self.incoming.recv().await {
            self.current = Some(permit);
            return Ok(message);
        }
        Err(self.lost().await)
    }

    /// Why the connection was lost.
    pub async fn lost(&mut self) -> String {
        let reason = (&mut self.end).await;
        let reason = reason.unwrap_or_else(|_| "it was closed".to_owned());
        format!("the connection to the broker is lost: {reason}")
    }
}

/// The connection is lost; [`Connection::lost`] returns why.
pub struct Lost;

impl Outgoing {
    fn unacknowledged(&self) -> MutexGuard<'_, VecDeque<OwnedSemaphorePermit>> {
        self.unacknowledged
            .lock()
            .expect("no thread panics with it")
    }
}

/// Moves messages in both directions until the connection is lost or dropped.
struct Driver {
    events: EventLoop,
    subscribes: bool,
    is_oversized: Arc<AtomicBool>,
    /// Memory for received messages, in bytes.
    budget: Arc<Semaphore>,
    outgoing: Arc<Outgoing>,
}

impl Driver {
    /// Returns why the connection was lost; `None` if it was dropped.
    async fn run(mut self, sender: mpsc::Sender<Waiting>) -> Option<String> {
        loop {
            let event = tokio::select! {
                event = self.events.poll() => event,
                () = sender.closed() => return None,
            };
            match event {
                // A broker may send messages without a subscription.
                Ok(Event::Incoming(Packet::Publish(message))) if self.subscribes => {
                    let size = message.payload.len().min(MAX_MESSAGE);
                    let size = u32::try_from(size).unwrap_or(u32::MAX);
                    let permit = Arc::clone(&self.budget).acquire_many_owned(size);
                    let waiting = tokio::select! {
                        permit = permit => (message, permit.ok()?),
                        () = sender.closed() => return None,
                    };
                    if sender.send(waiting).await.is_err() {
                        return None;
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    self.outgoing.unacknowledged().pop_front();
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                        return Some(
                            "the broker refuses the topics; check its access rules".to_owned(),
                        );
                    }
                }
                Ok(_) => {}
                Err(error) => return Some(self.explain(&error)),
            }
        }
    }

    fn explain(&self, error: &ConnectionError) -> String {
        let ConnectionError::MqttState(StateError::Deserialization(
            mqttbytes::Error::PayloadSizeLimitExceeded(size),
        )) = error
        else {
            return error.to_string();
        };
        self.is_oversized.store(true, Ordering::Relaxed);
        format!(
            "a message must have at most {MAX_MESSAGE} bytes (got {size}); commands that waited \
             with it are dropped. Remove the message if it is retained"
        )
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
            Some(path) => format!("{} has no CA certificate", path.display()),
            None => {
                "no CA certificates on this system: install ca-certificates, or use --ca".to_owned()
            }
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
