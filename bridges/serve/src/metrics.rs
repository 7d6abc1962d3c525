//! The numbers of all boards as Prometheus takes them (text format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{Field, Type, Value};
use pegel_program::follower::newest;
use pegel_program::{time, value};

use super::problem::{Problem, Result};
use super::server::{Server, blocking};
use super::units::Base;

const UP: &str = "pegel_board_up";
const AGE: &str = "pegel_board_age_seconds";
const WRITER_ALIVE: &str = "pegel_board_writer_alive";
const SEQUENCE: &str = "pegel_board_sequence";
/// The metrics of every board, with their help.
const FACTS: [(&str, &str); 4] = [
    (UP, "Whether the board could be read"),
    (AGE, "Age of the newest record"),
    (WRITER_ALIVE, "Whether a writer has the board open"),
    (
        SEQUENCE,
        "Sequence of the newest record, 0 if there is none",
    ),
];

/// The numbers of all boards
///
/// A field is `pegel_BOARD_FIELD_UNIT`, in base units; an element of an array has a label `index`.
/// What is unknown is left out, and a text is the label `value` of `pegel_BOARD_FIELD_info`.
#[utoipa::path(get, path = "/metrics", operation_id = "readMetrics", tag = "metrics",
    responses(
        (status = OK, description = "The metrics", content_type = "text/plain", body = String),
        Problem,
    ))]
pub async fn all(State(server): State<Arc<Server>>) -> Result<Response> {
    let metrics = blocking(move || {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        for (name, help) in FACTS {
            families.entry(name.to_owned()).or_default().help = help.into();
        }
        for name in server.boards.names()? {
            let samples = server.boards.look(&name, samples);
            // /boards has the reason.
            let samples = samples.unwrap_or_else(|_| vec![Sample::fact(UP, &name, "0")]);
            for sample in samples {
                let family = families.entry(sample.metric).or_default();
                if family.help.is_empty() {
                    family.help = sample.help;
                }
                let (labels, value) = (sample.labels, sample.value);
                family.samples.push(format!("{{{labels}}} {value}"));
            }
        }
        Ok(text(&families))
    });
    let headers = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((headers, metrics.await?).into_response())
}

/// The metrics of a name.
#[derive(Default)]
struct Family {
    help: String,
    /// As they stand in the text, after the name.
    samples: Vec<String>,
}

fn text(families: &BTreeMap<String, Family>) -> String {
    let mut text = String::new();
    for (name, Family { help, samples }) in families {
        if samples.is_empty() {
            continue;
        }
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for sample in samples {
            let _ = writeln!(text, "{name}{sample}");
        }
    }
    text
}

struct Sample {
    metric: String,
    help: String,
    labels: String,
    value: String,
}

impl Sample {
    fn fact(metric: &str, board: &str, value: impl Into<String>) -> Self {
        Self {
            metric: metric.to_owned(),
            help: String::new(),
            labels: label("board", board),
            value: value.into(),
        }
    }
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{name}=\"{}\"", value.replace('\n', "\\n"))
}

fn samples(reader: &Reader) -> Result<Vec<Sample>> {
    let board = reader.board();
    let snapshot = newest(reader)?;
    let mut samples = facts(reader, snapshot.as_ref())?;
    let schema = reader.schema();
    let (Some(snapshot), None) = (snapshot, schema.document()) else {
        return Ok(samples);
    };
    let metrics: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| metric(board, field))
        .collect();
    let is_ambiguous = |metric: &str| {
        let same = metrics.iter().filter(|(other, _)| other == metric);
        same.count() > 1 || FACTS.iter().any(|(fact, _)| *fact == metric)
    };
    let values = snapshot.values().into_iter().map(|(_, value)| value);
    for ((field, (metric, base)), value) in schema.fields().iter().zip(&metrics).zip(values) {
        let mut labels = label("board", board);
        if is_ambiguous(metric) {
            labels = format!("{labels},{}", label("field", &field.name));
        }
        let elements = match value {
            Value::List(elements) => elements,
            only => vec![only],
        };
        for (index, element) in elements.iter().enumerate() {
            let mut labels = labels.clone();
            if field.count > 1 {
                let _ = write!(labels, ",index=\"{index}\"");
            }
            let value = match element {
                Value::Text(text) => {
                    labels = format!("{labels},{}", label("value", text));
                    "1".to_owned()
                }
                other => match number(base, other) {
                    Some(number) => number,
                    None => continue,
                },
            };
            samples.push(Sample {
                metric: metric.clone(),
                help: help(board, field, base),
                labels,
                value,
            });
        }
    }
    Ok(samples)
}

/// What is known of a board, whatever its fields are.
fn facts(reader: &Reader, newest: Option<&Snapshot>) -> Result<Vec<Sample>> {
    let board = reader.board();
    let stamp = newest.map(Snapshot::stamp);
    let sequence = stamp.map_or(0, |stamp| stamp.sequence);
    let is_alive = u8::from(reader.writer_alive()?);
    let mut samples = vec![
        Sample::fact(UP, board, "1"),
        Sample::fact(WRITER_ALIVE, board, is_alive.to_string()),
        Sample::fact(SEQUENCE, board, sequence.to_string()),
    ];
    if let Some(stamp) = stamp.filter(|stamp| stamp.is_timed()) {
        let age = time::seconds(stamp.age_ns).to_string();
        samples.push(Sample::fact(AGE, board, age));
    }
    Ok(samples)
}

/// The name of a field's metric, and its unit.
fn metric(board: &str, field: &Field) -> (String, Base) {
    let base = Base::of(&field.unit);
    let board = board.replace(['-', '.'], "_");
    let mut name = format!("pegel_{board}_{}", field.name);
    let suffix = if field.kind == Type::Text {
        "info"
    } else {
        &base.suffix
    };
    if !suffix.is_empty() && !name.ends_with(&format!("_{suffix}")) {
        let _ = write!(name, "_{suffix}");
    }
    (name, base)
}

fn help(board: &str, field: &Field, base: &Base) -> String {
    let details = &field.details;
    let about = [&details.label, &details.description];
    let about = about.into_iter().find(|about| !about.is_empty());
    let unit = match &*field.unit {
        "" => String::new(),
        unit if base.is_own() => format!(", in {unit}"),
        unit => format!(", in {} of {unit}", base.suffix),
    };
    let name = &field.name;
    match about {
        Some(about) => format!("{about} (field {name} of board {board}{unit})"),
        None => format!("Field {name} of board {board}{unit}"),
    }
}

/// A value as Prometheus takes it; `None` if there is none.
fn number(base: &Base, value: &Value) -> Option<String> {
    let text = match value {
        Value::Bool(value) => u8::from(*value).to_string(),
        Value::Int(_) | Value::UInt(_) | Value::F32(_) | Value::Float(_) => value::text(value),
        Value::Null | Value::Text(_) | Value::Bytes(_) | Value::List(_) => return None,
    };
    let number: f64 = text.parse().ok()?;
    Some(match base.convert(number) {
        infinite if infinite.is_infinite() => {
            if infinite > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
        }
        _ if base.is_own() => text,
        converted => converted.to_string(),
    })
}
