//! The resources of the server, and their description.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth;
use super::problem::Problem;
use super::server::{Server, json};
use super::{events, metrics, page, read, write};

pub fn router(server: Arc<Server>) -> Router {
    let info = InfoBuilder::new()
        .title("Pegel")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The latest values in shared memory. A board is a name, a fixed set of fields, and \
             their latest values.",
        ));
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = ComponentsBuilder::new().security_scheme("token", token);
    let api = OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components.build()))
        .build();
    let (router, api) = OpenApiRouter::with_openapi(api)
        .routes(routes!(read::list))
        .routes(routes!(read::record, write::put, write::patch))
        .routes(routes!(read::schema))
        .routes(routes!(read::history))
        .routes(routes!(events::board))
        .routes(routes!(read::field))
        .routes(routes!(events::all))
        .routes(routes!(metrics::all))
        .split_for_parts();
    router
        .merge(page::router())
        .route("/openapi.json", get(async move || json(&api)))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "no such resource; see /openapi.json")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed here; see /openapi.json",
            )
        })
        .layer(from_fn_with_state(Arc::clone(&server), auth::check))
        .with_state(server)
}
