//! Why a request was not answered as it was meant: problem details (RFC 9457).

use std::path::Path;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pegel::ErrorKind;
use pegel_program::change;
use pegel_program::failure::Failure;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Why a request was not answered as it was meant, and what to do
#[derive(Serialize, IntoResponses)]
#[response(status = "default", content_type = "application/problem+json")]
#[serde(transparent)]
pub struct Problem(Box<Details>);

/// Problem details (RFC 9457)
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Details {
    /// What the status means.
    title: &'static str,
    status: u16,
    /// Which failure of Pegel it was, such as `CONFLICT`: the names of the C header.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What happened, and what to do.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<String>,
    /// The board's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The newest sequence, where another one was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// The fields whose values cannot be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// What is wrong with the value of a field.
#[derive(Serialize, ToSchema)]
pub struct Fault {
    field: String,
    detail: String,
}

pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            code: None,
            detail: detail.into(),
            board: None,
            path: None,
            sequence: None,
            errors: Vec::new(),
        }))
    }

    /// Values that the board cannot take.
    pub fn faults(faults: &[change::Fault]) -> Self {
        let errors = faults.iter().map(|fault| Fault {
            field: fault.field.clone(),
            detail: fault.message.clone(),
        });
        let errors: Vec<_> = errors.collect();
        let details: Vec<_> = errors.iter().map(|fault| &*fault.detail).collect();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, details.join("; "));
        problem.0.errors = errors;
        problem
    }

    /// A failure of the program.
    pub fn failure(failure: &Failure) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, failure.to_string())
    }

    /// The same for another reason.
    pub fn because(mut self, status: StatusCode, reason: String) -> Self {
        self.0.title = status.canonical_reason().unwrap_or_default();
        self.0.status = status.as_u16();
        self.0.detail = reason;
        self
    }

    /// The same with the board that it is about.
    pub fn of(mut self, board: &str) -> Self {
        self.0.board = Some(board.to_owned());
        self
    }

    /// The same with the board's file.
    pub fn at(mut self, path: &Path) -> Self {
        self.0.path = Some(path.to_string_lossy().into_owned());
        self
    }

    /// The same with the newest sequence.
    pub fn with_sequence(mut self, sequence: u64) -> Self {
        self.0.sequence = Some(sequence);
        self
    }

    /// Whether the board was replaced or removed while it was read.
    pub fn is_gone(&self) -> bool {
        self.0.code == Some(ErrorKind::Gone.name())
    }
}

impl From<pegel::Error> for Problem {
    fn from(error: pegel::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidArgument => StatusCode::BAD_REQUEST,
            ErrorKind::InvalidFields | ErrorKind::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound | ErrorKind::Empty => StatusCode::NOT_FOUND,
            ErrorKind::Gone | ErrorKind::Overwritten => StatusCode::GONE,
            ErrorKind::Locked => StatusCode::LOCKED,
            ErrorKind::Conflict => StatusCode::PRECONDITION_FAILED,
            ErrorKind::Full => StatusCode::CONFLICT,
            ErrorKind::Busy | ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Denied | ErrorKind::Untrusted => StatusCode::FORBIDDEN,
            ErrorKind::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::System => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let advice = match error.kind() {
            ErrorKind::Locked => "; try again, or stop that writer",
            _ => "",
        };
        let mut problem = Self::new(status, format!("{error}{advice}"));
        problem.0.code = Some(error.kind().name());
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).expect("it was made from one");
        let body = serde_json::to_string(&self).expect("texts and numbers are JSON");
        let mut response = (
            status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body,
        )
            .into_response();
        if status == StatusCode::UNAUTHORIZED {
            // Programs send the token as it is, browsers ask for it as a password.
            for challenge in ["Bearer", "Basic realm=\"pegel\", charset=\"UTF-8\""] {
                let challenge = HeaderValue::from_static(challenge);
                response
                    .headers_mut()
                    .append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}
