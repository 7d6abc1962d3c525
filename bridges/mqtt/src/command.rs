//! Commands: messages that change a shared board.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pegel::dynamic::{Encoded, Reader, Writer};
use pegel_program::change::{self, Change};
use pegel_program::json;
use pegel_program::status::truncated;
use rumqttc::{Publish, QoS};
use tokio::time::sleep;

use crate::config::{Config, Plan};
use crate::connection::{Connection, Reconnector, Session};

/// Maximum length of a payload and of a reason in a rejection, in bytes.
const MAX_PAYLOAD: usize = 400;
const MAX_REASON: usize = 2000;
/// Pause before a failed acknowledgement is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// Applies commands for ever. The broker keeps them while the bridge is away.
pub async fn run(config: Arc<Config>, plan: Plan) {
    let client = format!("{}/set", plan.client);
    let kind = Session {
        client: &client,
        will: None,
        subscribes: true,
        is_persistent: true,
    };
    let mut reconnector = Reconnector::new(&config.network, &config.status, kind);
    loop {
        let mut connection = reconnector.connect().await;
        let lost = session(&config, &plan, &mut connection).await;
        config.status.fail(&client, &lost.err().unwrap_or_default());
    }
}

async fn session(
    config: &Arc<Config>,
    plan: &Plan,
    connection: &mut Connection,
) -> Result<(), String> {
    let topic = plan.topic.below("set");
    let topics = [topic.clone(), format!("{topic}/+")];
    connection.subscribe(&topics).await?;
    // Messages that are processed and not acknowledged.
    let mut done = VecDeque::new();
    loop {
        let message = tokio::select! {
            message = connection.next() => message?,
            () = sleep(RETRY), if !done.is_empty() => {
                acknowledge(connection, &mut done);
                continue;
            }
        };
        let field = message.topic.strip_prefix(&topic).unwrap_or_default();
        let command = Command {
            board: plan.board.clone(),
            field: field.strip_prefix('/').map(str::to_owned),
            message: message.clone(),
        };
        let timeout = config.timeout;
        let ended = tokio::task::spawn_blocking(move || command.run(timeout)).await;
        let ended = ended.unwrap_or_else(|_| Err("the bridge failed; see its log".to_owned()));
        // Only now: if the bridge is killed before, the broker sends the message again.
        done.push_back(Publish {
            payload: [].as_slice().into(),
            ..message.clone()
        });
        acknowledge(connection, &mut done);
        match ended {
            Ok(()) => config.status.add("accepted", 1),
            Err(reason) => {
                config.status.add("rejected", 1);
                // In a flood of bad messages, the queue is for the acknowledgements that the broker
                // waits for.
                if done.is_empty() {
                    reject(plan, connection, &message, &reason);
                }
            }
        }
    }
}

/// Acknowledges as many messages as the queue takes, in order. Waiting for the queue here could
/// deadlock: the connection itself waits when too many messages do. The broker sends no more than
/// it wants acknowledged.
fn acknowledge(connection: &Connection, done: &mut VecDeque<Publish>) {
    while let Some(message) = done.front() {
        if connection.client.try_ack(message).is_err() {
            return;
        }
        done.pop_front();
    }
}

/// Publishes why a command was rejected.
fn reject(plan: &Plan, connection: &Connection, message: &Publish, reason: &str) {
    let payload = &message.payload[..message.payload.len().min(MAX_PAYLOAD)];
    let rejection = serde_json::json!({
        "topic": message.topic,
        "payload": String::from_utf8_lossy(payload),
        "reason": truncated(reason, MAX_REASON),
    });
    // If the queue is full, the sender still sees that the value did not change.
    let _ = connection.client.try_publish(
        plan.topic.below("rejected"),
        QoS::AtLeastOnce,
        false,
        rejection.to_string(),
    );
}

struct Command {
    board: String,
    /// The field to change; `None` for an object of fields, or a document.
    field: Option<String>,
    message: Publish,
}

impl Command {
    fn run(&self, timeout: Duration) -> Result<(), String> {
        if self.message.retain {
            // It would be applied again at each start of the bridge.
            return Err(
                "a command must not be retained; send it without the retain flag".to_owned(),
            );
        }
        let failed = |error: pegel::Error| error.to_string();
        let mut writer = Writer::open(&self.board, Some(timeout)).map_err(failed)?;
        let reader = writer.reader();
        let about = |reason| format!("board {}: {reason}", reader.board());
        let record = self.record(reader).map_err(about)?;
        writer.publish(&record).map_err(failed)?;
        if writer.reader().info().durable {
            writer.sync().map_err(failed)?;
        }
        Ok(())
    }

    /// The newest record, changed.
    fn record(&self, reader: &Reader) -> Result<Encoded, String> {
        let schema = reader.schema();
        let payload = &*self.message.payload;
        let limit = change::max_length(schema);
        if payload.len() > limit {
            return Err(format!(
                "the payload must have at most {limit} bytes (got {})",
                payload.len()
            ));
        }
        if schema.document().is_some() {
            return match &self.field {
                Some(field) => Err(format!(
                    "the board holds a document, which has no field {field}; send the whole \
                     document"
                )),
                None => change::document(schema, payload.to_vec()),
            };
        }
        let changes = match &self.field {
            None => {
                let object = json::from_slice(payload).and_then(serde_json::from_value);
                Change::object(object.map_err(|error| {
                    format!("the payload is not a JSON object: {error}; send {{\"FIELD\":VALUE}}")
                })?)
            }
            Some(field) => {
                let text = std::str::from_utf8(payload)
                    .map_err(|error| format!("field {field}: the payload is not text: {error}"))?;
                vec![Change::text(schema, field, text)]
            }
        };
        let newest = change::newest(reader).map_err(|error| error.to_string())?;
        change::apply(schema, newest, &changes).map_err(|faults| change::message(&faults))
    }
}
