//! Mirrors: a board here that shows a board of another machine.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pegel::dynamic::{Mirror, Origin, Payload};
use pegel::{Options, Schema};
use pegel_program::time::since_boot;
use rumqttc::Publish;
use tokio::time::sleep;

use crate::config::{Config, MirrorPlan};
use crate::connection::{Connection, Reconnector, Session};
use crate::message::{self, RemoteRecord};
use crate::topics::ALIVE;

/// Pause before a record that could not be shown is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Mirrors for ever.
pub async fn run(config: Arc<Config>, plan: MirrorPlan) {
    let client = &plan.client;
    let options = Options {
        timeout: Duration::ZERO,
        ..Options::default()
    };
    let mirror = match Mirror::new(&plan.board, &options) {
        Ok(mirror) => mirror,
        Err(error) => return config.status.fail(client, &error.to_string()),
    };
    let mut shown = Shown {
        mirror,
        schema: None,
        bad_schema: None,
        pending: None,
        newest: None,
        is_alive: false,
    };
    let kind = Session {
        client,
        will: None,
        subscribes: true,
        is_persistent: false,
    };
    let mut reconnector = Reconnector::new(&config.network, &config.status, kind);
    loop {
        let mut connection = reconnector.connect().await;
        let lost = session(&config, &plan, &mut connection, &mut shown).await;
        config.status.fail(client, &lost.err().unwrap_or_default());
        // Whether the writer is alive is unknown now.
        shown.is_alive = false;
        shown.mirror.release();
    }
}

async fn session(
    config: &Config,
    plan: &MirrorPlan,
    connection: &mut Connection,
    shown: &mut Shown,
) -> Result<(), String> {
    let MirrorPlan { topic, client, .. } = plan;
    let topics = ["schema", "record", "writer"].map(|name| topic.below(name));
    connection.subscribe(&topics).await?;
    let mut is_shown = true;
    loop {
        let taken = tokio::select! {
            message = connection.next() => shown.take(&message?),
            // The obstacle may be gone.
            () = sleep(RETRY), if !is_shown && shown.pending.is_some() => Ok(()),
        };
        let done = taken.and_then(|()| shown.show());
        is_shown = done.is_ok();
        match done {
            Ok(is_new) => {
                config.status.ok(client);
                if is_new {
                    config.status.add("mirrored", 1);
                }
            }
            Err(reason) => {
                let failure = format!("{topic} cannot be mirrored: {reason}");
                config.status.fail(client, &failure);
            }
        }
    }
}

struct Shown {
    mirror: Mirror,
    schema: Option<Schema>,
    /// Why a newer schema is not valid.
    bad_schema: Option<String>,
    pending: Option<Pending>,
    /// The newest record that was shown: lineage, sequence, and time of publication.
    newest: Option<(u64, u64, Option<i64>)>,
    is_alive: bool,
}

/// A record that is not shown yet.
struct Pending {
    record: RemoteRecord,
    /// Nanoseconds since boot when it was of age 0.
    born: Option<i64>,
    /// Whether the broker retained it.
    is_retained: bool,
}

impl Shown {
    fn take(&mut self, message: &Publish) -> Result<(), String> {
        match message.topic.rsplit('/').next() {
            // The board was removed.
            Some("schema") if message.payload.is_empty() => {
                (self.schema, self.bad_schema, self.pending) = (None, None, None);
            }
            Some("record") if message.payload.is_empty() && self.schema.is_none() => {}
            Some("schema") => match message::parse_schema(&message.payload) {
                Ok(schema) => (self.schema, self.bad_schema) = (Some(schema), None),
                Err(reason) => self.bad_schema = Some(reason),
            },
            Some("record") => self.take_record(message)?,
            _ => self.is_alive = message.payload == ALIVE,
        }
        Ok(())
    }

    fn take_record(&mut self, message: &Publish) -> Result<(), String> {
        let record = message::parse_record(&message.payload)?;
        // A record that is sent now has its age in it. A retained one has aged since: by the clocks
        // of both machines, as far as they agree.
        let age = match record.published {
            Some(published) if message.retain => Some(now().saturating_sub(published).max(0)),
            _ => record.age,
        };
        let born = age.map(|age| since_boot().saturating_sub(age));
        self.pending = Some(Pending {
            record,
            born,
            is_retained: message.retain,
        });
        Ok(())
    }

    /// Shows what can be shown; returns whether a record was new.
    fn show(&mut self) -> Result<bool, String> {
        let is_new = match (&self.schema, &self.pending) {
            (Some(schema), Some(pending)) if schema.hash() == pending.record.schema => {
                let Pending {
                    record,
                    born,
                    is_retained,
                } = pending;
                let is_new = !(*is_retained && is_old(record, self.newest))
                    && show_record(&mut self.mirror, schema, record, *born)?;
                if is_new {
                    self.newest = Some((record.lineage, record.sequence, record.published));
                }
                self.pending = None;
                is_new
            }
            // The schema has not arrived.
            _ => false,
        };
        match &self.schema {
            Some(schema) if self.is_alive => {
                let resumed = self.mirror.resume(schema);
                resumed.map_err(|error| error.to_string())?;
            }
            _ => self.mirror.release(),
        }
        match &self.bad_schema {
            Some(reason) => Err(reason.clone()),
            None => Ok(is_new),
        }
    }
}

fn show_record(
    mirror: &mut Mirror,
    schema: &Schema,
    remote: &RemoteRecord,
    born: Option<i64>,
) -> Result<bool, String> {
    let origin = Origin {
        lineage: remote.lineage,
        sequence: remote.sequence,
        generation: remote.generation,
        age_ns: born.map(|born| since_boot() - born),
    };
    let record = Payload::new(&remote.record, remote.present);
    let is_new = mirror.show(schema, &origin, record);
    is_new.map_err(|error| error.to_string())
}

/// Whether a record is older than the newest: a broker that was restored may send old retained
/// messages. A bridge sends its newest record, even if its clock and the sequences went back at a
/// power failure.
fn is_old(record: &RemoteRecord, newest: Option<(u64, u64, Option<i64>)>) -> bool {
    newest.is_some_and(|(lineage, sequence, published)| {
        lineage == record.lineage && record.sequence < sequence && record.published < published
    })
}

/// Unix time in nanoseconds.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    i64::try_from(now).unwrap_or(i64::MAX)
}
