//! One page that shows all boards as they change.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::server::Server;

/// Nothing but what this server sends.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn router() -> Router<Arc<Server>> {
    let file = |kind: &'static str, text: &'static str| {
        get(async move || {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_SECURITY_POLICY, POLICY),
            ];
            (headers, text)
        })
    };
    let page = file("text/html; charset=utf-8", include_str!("page/page.html"));
    let script = file(
        "text/javascript; charset=utf-8",
        include_str!("page/page.js"),
    );
    let style = file("text/css; charset=utf-8", include_str!("page/page.css"));
    Router::new()
        .route("/", page)
        .route("/page.js", script)
        .route("/page.css", style)
}
