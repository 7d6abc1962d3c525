//! Which requests are admitted: the name of the server, the origin of a page, the token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;

use super::problem::{Problem, Result};
use super::server::{Server, drain};

/// Maximum length of the text of a rejection, in bytes.
const MAX_TEXT: usize = 4096;

/// What a request needs.
pub struct Auth {
    /// Names in addition to localhost and all addresses.
    pub hosts: Vec<String>,
    pub token: Option<String>,
    /// Whether reading needs the token, too.
    pub is_private: bool,
    /// Whether every client may write: the socket has permissions.
    pub trusts_all: bool,
}

pub async fn check(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let mut response = match server.auth.admit(&request) {
        Ok(()) => {
            let response = explained(next.run(request).await).await;
            server.budget.hold(response).await
        }
        Err(problem) => {
            drain(request.into_body().into_data_stream()).await;
            problem.into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::SERVER, "pegel"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // No embedding in either direction; the page has a policy of its own.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    // A cache must ask whether its response is still the newest.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// A rejection by the library, as a problem.
async fn explained(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_text = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_text {
        return response;
    }
    let text = to_bytes(response.into_body(), MAX_TEXT)
        .await
        .unwrap_or_default();
    Problem::new(status, String::from_utf8_lossy(&text)).into_response()
}

impl Auth {
    fn admit(&self, request: &Request) -> Result<()> {
        let headers = request.headers();
        let host = self.host(request)?;
        check_origin(headers, &host)?;
        let is_reading = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        if is_reading && !self.is_private {
            return Ok(());
        }
        match &self.token {
            Some(token) if !is_known(token, headers) => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "send the token of the server's --token-file: Authorization: Bearer TOKEN",
            )),
            None if !is_reading && !self.trusts_all => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "writing is not allowed here; start the server with --token-file, or with \
                 --listen unix:PATH",
            )),
            _ => Ok(()),
        }
    }

    /// The name of the server in the request. A foreign page whose name has just been redirected
    /// here sends that name (DNS rebinding).
    fn host(&self, request: &Request) -> Result<Authority> {
        let hosts = request.headers().get_all(header::HOST);
        let mut hosts: Vec<_> = hosts.iter().map(HeaderValue::to_str).collect();
        // An address in the request line takes precedence.
        if let Some(authority) = request.uri().authority() {
            hosts = vec![Ok(authority.as_str())];
        }
        let [Ok(host)] = hosts[..] else {
            let detail = "the request needs one header Host";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        };
        let Ok(authority) = host.parse::<Authority>() else {
            let detail = format!("{host:?} is not a host");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        };
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let is_ours = |known: &String| known.eq_ignore_ascii_case(name);
        if name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(is_ours)
        {
            return Ok(authority);
        }
        let detail =
            format!("unknown host {name:?}: start the server with --host {name} to allow it");
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
    }
}

/// Rejects scripts of other pages, also by WebSocket, which browsers allow.
fn check_origin(headers: &HeaderMap, host: &Authority) -> Result<()> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    // A proxy may have another scheme.
    let theirs = origin
        .split_once("://")
        .and_then(|(_, rest)| rest.parse::<Authority>().ok());
    if theirs.is_some_and(|theirs| theirs == *host) {
        return Ok(());
    }
    let detail = format!(
        "a page of {origin:?} must not use this server ({host}); a proxy must pass on the header \
         Host"
    );
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// Whether the request has the token, as a bearer token or a password. The time of the comparison
/// reveals only its length.
fn is_known(token: &str, headers: &HeaderMap) -> bool {
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '));
    let sent = match sent {
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("bearer") => sent.trim().to_owned(),
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("basic") => {
            let pair = BASE64_STANDARD.decode(sent.trim()).ok();
            let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
            let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
                return false;
            };
            password.to_owned()
        }
        _ => return false,
    };
    sent.as_bytes().ct_eq(token.as_bytes()).into()
}
