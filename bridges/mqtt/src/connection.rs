//! Connections to the broker. Each is made once: what was under way when it is lost, is lost with it.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pegel_program::args::mqtt::Mqtt;
use pegel_program::args::mqtt::broker::Broker;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, Publish, QoS,
    StateError, SubscribeReasonCode, TlsConfiguration, Transport, mqttbytes,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::status::Status;

/// The longest message that is sent or taken, in bytes.
pub const LARGEST: usize = 64 << 20;
/// After this time of silence the broker is asked whether it is there; it misses a bridge that is silent for half as
/// long again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The pauses between attempts: the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// A connection that was lost before was no good; the next one is not made at once then. Longer than the longest pause,
/// after which another bridge of the same name may be back.
const STEADY: Duration = Duration::from_secs(30);
/// How many requests wait for the connection, and how many of the messages that came for their reader.
const WAITING: usize = 64;
/// How many bytes are sent before the first of them is acknowledged; a longer message is sent alone.
const UNDER_WAY: usize = 1 << 20;

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
    /// Whether messages are taken.
    pub hears: bool,
    /// Whether the broker keeps what comes meanwhile, and each message has to be acknowledged.
    pub lasts: bool,
}

/// A connection that is made again and again.
pub struct Line<'a> {
    network: &'a Network,
    status: &'a Status,
    purpose: Purpose<'a>,
    pause: Duration,
    /// When the newest one was made.
    since: Option<Instant>,
    /// Whether it was lost by a message that is too long, which would come each time.
    is_choked: Arc<AtomicBool>,
}

/// One that stands.
pub struct Connection {
    pub client: AsyncClient,
    incoming: mpsc::Receiver<Waiting>,
    end: oneshot::Receiver<String>,
    /// The room that the message has which came last.
    current: Option<OwnedSemaphorePermit>,
    outgoing: Arc<Outgoing>,
}

/// A message that came, and its share of the room for those.
type Waiting = (Publish, OwnedSemaphorePermit);

/// What is sent and not acknowledged yet.
struct Outgoing {
    room: Arc<Semaphore>,
    under_way: Mutex<VecDeque<OwnedSemaphorePermit>>,
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

    fn options(&self, purpose: &Purpose, lasts: bool) -> MqttOptions {
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
            .set_clean_session(!lasts)
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

impl<'a> Line<'a> {
    pub fn new(network: &'a Network, status: &'a Status, purpose: Purpose<'a>) -> Self {
        Self {
            network,
            status,
            purpose,
            pause: PAUSES.0,
            since: None,
            is_choked: Arc::default(),
        }
    }

    /// Connects, however long it takes.
    pub async fn connect(&mut self) -> Connection {
        let is_short = |since: Instant| since.elapsed() < STEADY;
        if self.since.take().is_some_and(is_short) {
            self.rest().await;
        } else {
            self.pause = PAUSES.0;
        }
        loop {
            // What waits at the broker with that message goes, too; else there would never be another one.
            let lasts = self.purpose.lasts && !self.is_choked.load(Ordering::Relaxed);
            let options = self.network.options(&self.purpose, lasts);
            let (client, mut events) = AsyncClient::new(options, WAITING);
            match events.poll().await {
                Ok(_) if lasts == self.purpose.lasts => {
                    self.status.well(self.purpose.client);
                    self.since = Some(Instant::now());
                    return Connection::start(client, events, self);
                }
                Ok(_) => {
                    self.is_choked.store(false, Ordering::Relaxed);
                    continue;
                }
                Err(error) => {
                    let complaint = self.network.explain(&error);
                    self.status.complain(self.purpose.client, &complaint);
                }
            }
            self.rest().await;
        }
    }

    async fn rest(&mut self) {
        sleep(self.pause).await;
        self.pause = PAUSES.1.min(self.pause * 2);
    }
}

impl Connection {
    fn start(client: AsyncClient, events: EventLoop, line: &Line) -> Self {
        let (sender, incoming) = mpsc::channel(WAITING);
        let (tell, end) = oneshot::channel();
        let outgoing = Arc::new(Outgoing {
            room: Arc::new(Semaphore::new(UNDER_WAY)),
            under_way: Mutex::default(),
        });
        let driver = Driver {
            events,
            hears: line.purpose.hears,
            is_choked: Arc::clone(&line.is_choked),
            room: Arc::new(Semaphore::new(LARGEST)),
            outgoing: Arc::clone(&outgoing),
        };
        tokio::spawn(async move {
            let outgoing = Arc::clone(&driver.outgoing);
            if let Some(reason) = driver.run(sender).await {
                // Who has let go need not know.
                let _ = tell.send(reason);
            }
            outgoing.room.close();
        });
        Self {
            client,
            incoming,
            end,
            current: None,
            outgoing,
        }
    }

    /// Sends what is retained, when there is room; an error when the connection is lost.
    pub async fn publish(&self, topic: String, payload: String) -> Result<(), Lost> {
        let size = payload.len().min(UNDER_WAY);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.outgoing.room).acquire_many_owned(size);
        let room = room.await.map_err(|_| Lost)?;
        self.outgoing.under_way().push_back(room);
        let sent = self
            .client
            .publish(topic, QoS::AtLeastOnce, true, payload)
            .await;
        sent.map_err(|_| Lost)
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
        // The one before was done.
        self.current = None;
        if let Some((message, room)) = self.incoming.recv().await {
            self.current = Some(room);
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

/// The connection has gone; it says why itself.
pub struct Lost;

impl Outgoing {
    fn under_way(&self) -> MutexGuard<'_, VecDeque<OwnedSemaphorePermit>> {
        self.under_way.lock().expect("no thread panics with it")
    }
}

/// Moves what comes and goes, as long as the connection stands and somebody has it.
struct Driver {
    events: EventLoop,
    hears: bool,
    is_choked: Arc<AtomicBool>,
    /// For messages that wait, in bytes.
    room: Arc<Semaphore>,
    outgoing: Arc<Outgoing>,
}

impl Driver {
    /// Says why the connection was lost; nothing if nobody has it any longer.
    async fn run(mut self, sender: mpsc::Sender<Waiting>) -> Option<String> {
        loop {
            let event = tokio::select! {
                event = self.events.poll() => event,
                () = sender.closed() => return None,
            };
            match event {
                // A broker may send what nobody asked for.
                Ok(Event::Incoming(Packet::Publish(message))) if self.hears => {
                    let size = message.payload.len().min(LARGEST);
                    let size = u32::try_from(size).unwrap_or(u32::MAX);
                    let room = Arc::clone(&self.room).acquire_many_owned(size);
                    let waiting = tokio::select! {
                        room = room => (message, room.ok()?),
                        () = sender.closed() => return None,
                    };
                    if sender.send(waiting).await.is_err() {
                        return None;
                    }
                }
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    self.outgoing.under_way().pop_front();
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                        return Some("it refuses the topics; see its access rules".to_owned());
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
        self.is_choked.store(true, Ordering::Relaxed);
        format!(
            "a message has {size} bytes, and {LARGEST} are the most; commands that waited with it are \
             dropped, and if it is retained, it has to go"
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
