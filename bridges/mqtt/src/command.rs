//! Commands: messages that are published to a board which is written by turns, if they are right.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pegel::dynamic::{Encoded, Reader, Writer};
use pegel_program::change::{self, Change};
use rumqttc::{Publish, QoS};
use serde_json::json;
use tokio::time::sleep;

use crate::connection::{Connection, Line, Purpose};
use crate::site::{Plan, Site};
use crate::status::{brief, count};

/// Of a payload that is refused, and of the reason, as many bytes are told.
const BRIEF: usize = 400;
const LONGEST: usize = 2000;
/// How long to wait for room for what could not be acknowledged.
const ROOM: Duration = Duration::from_millis(10);

/// Takes commands for ever. The broker keeps them while nobody does.
pub async fn run(site: Arc<Site>, plan: Plan) {
    let client = format!("{}/set", plan.client);
    let purpose = Purpose {
        client: &client,
        will: None,
        hears: true,
        lasts: true,
    };
    let mut line = Line::new(&site.network, &site.status, purpose);
    loop {
        let mut connection = line.connect().await;
        let lost = session(&site, &plan, &mut connection).await;
        site.status
            .complain(&client, &lost.err().unwrap_or_default());
    }
}

async fn session(site: &Arc<Site>, plan: &Plan, connection: &mut Connection) -> Result<(), String> {
    let topic = plan.topic.below("set");
    let topics = [topic.clone(), format!("{topic}/+")];
    connection.subscribe(&topics).await?;
    // Messages that are done, and not acknowledged yet.
    let mut done = VecDeque::new();
    loop {
        let message = tokio::select! {
            message = connection.next() => message?,
            () = sleep(ROOM), if !done.is_empty() => {
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
        let patience = site.patience;
        let ended = tokio::task::spawn_blocking(move || command.run(patience)).await;
        let ended = ended.unwrap_or_else(|_| Err("the bridge failed; see its log".to_owned()));
        // Only now, as one that the bridge is killed with comes again.
        done.push_back(Publish {
            payload: [].as_slice().into(),
            ..message.clone()
        });
        acknowledge(connection, &mut done);
        match ended {
            Ok(()) => count(&site.status.taken),
            Err(reason) => {
                count(&site.status.refused);
                // In a flood of what is wrong, the room is for what the broker waits for.
                if done.is_empty() {
                    refuse(plan, connection, &message, &reason);
                }
            }
        }
    }
}

/// As many as there is room for, in their order. To wait for room might be to wait for oneself: the connection waits
/// when too many messages do. The broker sends no more than it wants to have acknowledged.
fn acknowledge(connection: &Connection, done: &mut VecDeque<Publish>) {
    while let Some(message) = done.front() {
        if connection.client.try_ack(message).is_err() {
            return;
        }
        done.pop_front();
    }
}

/// Tells whoever listens why a command was not done.
fn refuse(plan: &Plan, connection: &Connection, message: &Publish, reason: &str) {
    let payload = &message.payload[..message.payload.len().min(BRIEF)];
    let told = json!({
        "topic": message.topic,
        "payload": String::from_utf8_lossy(payload),
        "reason": brief(reason, LONGEST),
    });
    // If there is no room, its sender misses the new value.
    let _ = connection.client.try_publish(
        plan.topic.below("rejected"),
        QoS::AtLeastOnce,
        false,
        told.to_string(),
    );
}

struct Command {
    board: String,
    /// The one field that it is about.
    field: Option<String>,
    message: Publish,
}

impl Command {
    fn run(&self, patience: Duration) -> Result<(), String> {
        if self.message.retain {
            // It would be done again whenever the bridge starts.
            return Err("a command must not be retained; send it without that flag".to_owned());
        }
        let failed = |error: pegel::Error| error.to_string();
        let mut writer = Writer::open(&self.board, Some(patience)).map_err(failed)?;
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
        if schema.document().is_some() {
            return match &self.field {
                Some(field) => Err(format!(
                    "the board holds a document, which has no field {field}; send the whole document"
                )),
                None => change::document(schema, payload.to_vec()),
            };
        }
        let changes = match &self.field {
            None => Change::object(serde_json::from_slice(payload).map_err(|error| {
                format!("the payload is not a JSON object: {error}; send {{\"FIELD\":VALUE}}")
            })?),
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
