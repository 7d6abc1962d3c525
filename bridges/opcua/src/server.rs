//! The server itself: its endpoints, limits and certificate.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::sync::{Arc, Mutex};

use opcua::crypto::{CertificateStore, SecurityPolicy, X509Data};
use opcua::server::node_manager::memory::InMemoryNodeManagerBuilder;
use opcua::server::{Server, ServerBuilder, ServerEndpoint, ServerHandle};
use opcua::types::{ApplicationDescription, BuildInfo, MessageSecurityMode};
use pegel_program::args::opcua::config::Policy;
use pegel_program::failure::{Failure, Result};
use pegel_program::shutdown::Shutdown;
use pegel_program::status::{Number, Status, log};
use pegel_program::target::Target;
use tokio::net::TcpListener;

use crate::access::{self, Access, USERS};
use crate::boards::{Boards, Manager};
use crate::config::Config;
use crate::filter::{self, Connections, Filter, Logins};
use crate::follow::Hub;

/// The name of this application; the certificate contains both names.
const APPLICATION: &str = "Pegel";
const APPLICATION_URI: &str = "urn:pegel:opcua";
/// Twenty years: nobody renews a self-signed certificate.
const CERTIFICATE_DAYS: u32 = 7300;
/// Milliseconds between two checks of the subscriptions: the shortest interval that a client gets.
const TICK: u64 = 20;
/// The numbers of the status board.
const NUMBERS: [Number; 2] = [
    ("accepted", "Requests to write that were published"),
    ("rejected", "Requests to write that were rejected"),
];
/// The largest message, in bytes: about the largest document that a client can write.
pub const MESSAGE: usize = 1 << 20;
/// The most chunks of a message: clients send at least 8 KiB in each.
pub const CHUNKS: usize = MESSAGE / 8192;
/// The most notifications of a subscription that wait for a client.
const NOTIFICATIONS: usize = 5;
/// The most nodes of a request to browse, each with up to a thousand references.
const BROWSED: usize = 100;
/// The longest array that a client can send.
const ARRAY: usize = 1 << 17;
/// The most sessions, of which each connection has few.
const SESSIONS: usize = 1000;

/// Serves until the shutdown is requested.
pub async fn serve(config: Config, target: Target, mut shutdown: Shutdown) -> Result<()> {
    let failed = |what: &str, error: io::Error| Failure::Failed(format!("cannot {what}: {error}"));
    config.certificate()?;
    let listener = TcpListener::bind(config.listen).await;
    let listener =
        listener.map_err(|error| failed(&format!("listen on {}", config.listen), error))?;
    let address = listener.local_addr().unwrap_or(config.listen);
    let port = address.port();
    if !address.ip().is_loopback() {
        log(&format!(
            "{address}: other machines can reach it. Let only trusted networks reach the port."
        ));
    }
    let status = Status::create_or_log(&config.status, "Boards by OPC UA", &NUMBERS);
    let status = Arc::new(status);
    let connections = Arc::new(Connections::new());
    let (server, handle) = config
        .build(port, &status, Arc::clone(&connections))
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    if handle.info().server_certificate.is_none() {
        return Err(Failure::Failed(format!(
            "cannot read the certificate and its key in {}; check their owner, or remove both to \
             have new ones made",
            config.state_dir.display()
        )));
    }
    let url = format!("opc.tcp://{}:{port}/", config.host);
    let Some(manager) = handle.node_managers().get_of_type::<Manager>() else {
        unreachable!("it was given to the builder");
    };
    let hub = Arc::new(Hub {
        target: Arc::new(target),
        named: config.named.clone(),
        rules: config.rules.clone(),
        manager,
        subscriptions: Arc::clone(handle.subscriptions()),
        status: Arc::clone(&status),
        followed: Mutex::default(),
    });
    hub.start();
    writeln!(io::stdout(), "{url}")?;
    let endpoints = config.endpoints();
    let offered = endpoints
        .into_iter()
        .map(|(_, endpoint)| endpoint.security_policy().to_uri());
    let filter = Filter::new(
        handle,
        connections,
        offered.collect(),
        address,
        config.state_dir.join("rejected"),
    );
    let closed = filter::closed_listener().map_err(|error| failed("start", error))?;
    tokio::select! {
        done = server.run_with(closed) => done.map_err(Failure::Failed),
        () = filter.run(listener) => Ok(()),
        () = shutdown.requested() => Ok(()),
        () = status.run() => Ok(()),
    }
}

impl Config {
    /// Makes the certificate and its key, unless they exist.
    fn certificate(&self) -> Result<()> {
        let (own, private) = (self.state_dir.join("own"), self.state_dir.join("private"));
        let (certificate, key) = (own.join("cert.der"), private.join("private.pem"));
        if certificate.exists() && key.exists() {
            return Ok(());
        }
        let failed = |error: String| {
            let state = self.state_dir.display();
            Failure::Failed(format!(
                "cannot create a certificate in {state}: {error}; use another directory with \
                 --state-dir"
            ))
        };
        for directory in [&own, &private] {
            // The key is private.
            let made = DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory);
            made.map_err(|error| failed(error.to_string()))?;
        }
        let description = ApplicationDescription {
            application_name: APPLICATION.into(),
            application_uri: APPLICATION_URI.into(),
            ..ApplicationDescription::default()
        };
        let data = X509Data {
            certificate_duration_days: CERTIFICATE_DAYS,
            ..X509Data::from((description, Some(vec![self.host.clone()])))
        };
        CertificateStore::create_certificate_and_key(&data, true, &certificate, &key)
            .map(drop)
            .map_err(failed)
    }

    fn build(
        &self,
        port: u16,
        status: &Arc<Status>,
        connections: Arc<Connections>,
    ) -> std::result::Result<(Server, ServerHandle), String> {
        let (timeout, status) = (self.timeout, Arc::clone(status));
        let manager = InMemoryNodeManagerBuilder::new(move |context, space: &mut _| {
            Boards::new(&context, space, timeout, Arc::clone(&status))
        });
        let any_client = self.any_client;
        let logins = move |_| Logins {
            connections,
            any_client,
        };
        let version = env!("CARGO_PKG_VERSION");
        let mut builder = ServerBuilder::new()
            .application_name(APPLICATION)
            .application_uri(APPLICATION_URI)
            .product_uri(APPLICATION_URI)
            .build_info(BuildInfo {
                product_name: APPLICATION.into(),
                software_version: version.into(),
                ..BuildInfo::default()
            })
            .host(self.host.as_str())
            .port(port)
            .discovery_urls(vec![format!("opc.tcp://{}:{port}/", self.host)])
            .pki_dir(&self.state_dir)
            .certificate_path("own/cert.der")
            .private_key_path("private/private.pem")
            .trust_client_certs(self.any_client)
            .max_message_size(MESSAGE)
            .max_chunk_count(CHUNKS)
            .max_string_length(MESSAGE)
            .max_byte_string_length(MESSAGE)
            .max_array_length(ARRAY)
            .max_sessions(SESSIONS)
            .subscription_poll_interval_ms(TICK)
            .add_user_token(USERS, access::all_users())
            .with_authenticator(Arc::new(Access::new(self.passwords.clone())))
            .with_node_manager(manager)
            .with_node_manager(logins);
        builder.limits_mut().operational.max_nodes_per_browse = BROWSED;
        let limits = &mut builder.limits_mut().subscriptions;
        limits.min_sampling_interval_ms = 0.0;
        limits.max_queued_notifications = NOTIFICATIONS;
        #[allow(clippy::cast_precision_loss)] // it is 20
        let shortest = TICK as f64;
        limits.min_publishing_interval_ms = shortest;
        for (name, endpoint) in self.endpoints() {
            builder = builder.add_endpoint(name, endpoint);
        }
        builder.build()
    }

    fn endpoints(&self) -> Vec<(String, ServerEndpoint)> {
        use MessageSecurityMode::{None, Sign, SignAndEncrypt};
        let has_users = !self.passwords.is_empty();
        let mut endpoints = Vec::new();
        for policy in &self.security {
            let (policy, modes): (_, &[_]) = match policy {
                // Passwords are never sent in plain text.
                Policy::None => (SecurityPolicy::None, &[None]),
                Policy::Basic256Sha256 => (SecurityPolicy::Basic256Sha256, &[Sign, SignAndEncrypt]),
                Policy::Aes128Sha256RsaOaep => {
                    (SecurityPolicy::Aes128Sha256RsaOaep, &[Sign, SignAndEncrypt])
                }
                Policy::Aes256Sha256RsaPss => {
                    (SecurityPolicy::Aes256Sha256RsaPss, &[Sign, SignAndEncrypt])
                }
            };
            let takers =
                access::takers(has_users && policy != SecurityPolicy::None, self.anonymous);
            if takers.is_empty() {
                continue;
            }
            for mode in modes {
                endpoints.push((
                    format!("{policy} {mode}"),
                    ("/", policy, *mode, takers.as_slice()).into(),
                ));
            }
        }
        endpoints
    }
}
