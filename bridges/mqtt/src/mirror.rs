//! Mirrors: a board of another machine, as its bridge tells it, in a board of this one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pegel::dynamic::{Mirror, Origin, Payload};
use pegel::{Options, Schema};
use pegel_program::args::mqtt::topic::Topic;
use rumqttc::Publish;
use tokio::time::sleep;

use crate::board::since_boot;
use crate::connection::{Connection, Line, Purpose};
use crate::message::{self, Told};
use crate::publish::ALIVE;
use crate::site::Site;
use crate::status::count;

/// How long to wait before what could not be shown is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Mirrors for ever.
pub async fn run(site: Arc<Site>, topic: Topic, board: String, client: String) {
    let options = Options {
        timeout: Duration::ZERO,
        ..Options::default()
    };
    let mirror = match Mirror::new(&board, &options) {
        Ok(mirror) => mirror,
        Err(error) => return site.status.complain(&client, &error.to_string()),
    };
    let mut shown = Shown {
        mirror,
        schema: None,
        refused: None,
        pending: None,
        newest: None,
        is_alive: false,
    };
    let purpose = Purpose {
        client: &client,
        will: None,
        hears: true,
        lasts: false,
    };
    let mut line = Line::new(&site.network, &site.status, purpose);
    loop {
        let mut connection = line.connect().await;
        let lost = session(&site, &topic, &client, &mut connection, &mut shown).await;
        site.status
            .complain(&client, &lost.err().unwrap_or_default());
        // Whether the writer lives, nobody knows now.
        shown.is_alive = false;
        shown.mirror.rest();
    }
}

async fn session(
    site: &Site,
    topic: &Topic,
    client: &str,
    connection: &mut Connection,
    shown: &mut Shown,
) -> Result<(), String> {
    let topics = ["schema", "record", "writer"].map(|name| topic.below(name));
    connection.subscribe(&topics).await?;
    let mut is_well = true;
    loop {
        let taken = tokio::select! {
            message = connection.next() => shown.take(&message?),
            // What is in the way of it may be gone.
            () = sleep(RETRY), if !is_well && shown.pending.is_some() => Ok(()),
        };
        let done = taken.and_then(|()| shown.show());
        is_well = done.is_ok();
        match done {
            Ok(is_new) => {
                site.status.well(client);
                if is_new {
                    count(&site.status.mirrored);
                }
            }
            Err(reason) => {
                let complaint = format!("{topic} cannot be mirrored: {reason}");
                site.status.complain(client, &complaint);
            }
        }
    }
}

struct Shown {
    mirror: Mirror,
    schema: Option<Schema>,
    /// What is wrong with a schema that came since.
    refused: Option<String>,
    pending: Option<Pending>,
    /// Of the newest that was shown: lineage, sequence, and when it was published.
    newest: Option<(u64, u64, Option<i64>)>,
    is_alive: bool,
}

/// A record that is not shown yet.
struct Pending {
    told: Told,
    /// Nanoseconds since boot when it was of age 0.
    born: Option<i64>,
    /// Whether it comes from what the broker keeps.
    is_kept: bool,
}

impl Shown {
    fn take(&mut self, message: &Publish) -> Result<(), String> {
        match message.topic.rsplit('/').next() {
            Some("schema") => match message::parse_schema(&message.payload) {
                Ok(schema) => (self.schema, self.refused) = (Some(schema), None),
                Err(reason) => self.refused = Some(reason),
            },
            Some("record") => self.take_record(message)?,
            _ => self.is_alive = message.payload == ALIVE,
        }
        Ok(())
    }

    fn take_record(&mut self, message: &Publish) -> Result<(), String> {
        let told = message::parse_record(&message.payload)?;
        // One that is sent now tells its age. One that the broker has kept has aged since then: that, the clocks of both
        // machines tell, as far as they agree.
        let age = match told.published {
            Some(published) if message.retain => Some(now().saturating_sub(published).max(0)),
            _ => told.age,
        };
        let born = age.map(|age| since_boot().saturating_sub(age));
        self.pending = Some(Pending {
            told,
            born,
            is_kept: message.retain,
        });
        Ok(())
    }

    /// Shows what can be shown; says whether there was something new.
    fn show(&mut self) -> Result<bool, String> {
        let is_new = match (&self.schema, &self.pending) {
            (Some(schema), Some(pending)) if schema.hash() == pending.told.schema => {
                let Pending {
                    told,
                    born,
                    is_kept,
                } = pending;
                let is_new = !(*is_kept && is_old(told, self.newest))
                    && show_record(&mut self.mirror, schema, told, *born)?;
                if is_new {
                    self.newest = Some((told.lineage, told.sequence, told.published));
                }
                self.pending = None;
                is_new
            }
            // Until the schema comes.
            _ => false,
        };
        match &self.schema {
            Some(schema) if self.is_alive => {
                let woken = self.mirror.wake(schema);
                woken.map_err(|error| error.to_string())?;
            }
            _ => self.mirror.rest(),
        }
        match &self.refused {
            Some(reason) => Err(reason.clone()),
            None => Ok(is_new),
        }
    }
}

fn show_record(
    mirror: &mut Mirror,
    schema: &Schema,
    told: &Told,
    born: Option<i64>,
) -> Result<bool, String> {
    let origin = Origin {
        lineage: told.lineage,
        sequence: told.sequence,
        generation: told.generation,
        age_ns: born.map(|born| since_boot() - born),
    };
    let record = Payload::new(&told.record, told.present);
    let is_new = mirror.show(schema, &origin, record);
    is_new.map_err(|error| error.to_string())
}

/// Whether this was before the newest: a broker that was restored may tell again what it kept then. What comes from a
/// bridge is what is newest there, also when its clock went back, with the sequences, at a power failure.
fn is_old(told: &Told, newest: Option<(u64, u64, Option<i64>)>) -> bool {
    newest.is_some_and(|(lineage, sequence, published)| {
        lineage == told.lineage && told.sequence < sequence && told.published < published
    })
}

/// Unix time in nanoseconds.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    i64::try_from(now).unwrap_or(i64::MAX)
}
