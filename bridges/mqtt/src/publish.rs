//! Publishing a board: its newest record as JSON, as texts and for mirrors, and whether its writer
//! is alive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pegel_program::time;
use rumqttc::{LastWill, QoS};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep_until};

use crate::config::{Config, Plan};
use crate::connection::{Connection, Lost, MAX_MESSAGE, Reconnector, Session};
use crate::follower::{self, About, Record, State};
use crate::topics::{ALIVE, GONE, SHARED};
use crate::{discovery, message};

/// How often the age of the newest record is published again.
const AGE_INTERVAL: Duration = Duration::from_secs(10);

/// Publishes for ever.
pub async fn run(config: Arc<Config>, plan: Plan) {
    let mut state = match follower::follow(&config, &plan) {
        Ok(state) => state,
        Err(error) => {
            let failure = format!("board {} cannot be followed: {error}", plan.board);
            return config.status.fail(&plan.client, &failure);
        }
    };
    // Before that, the writer would seem to be gone.
    let first = state.wait_for(|state| state.is_known).await;
    let is_own = first.is_ok_and(|first| is_own(&first));
    if plan.is_discovered && !is_own {
        return;
    }
    let kind = Session {
        client: &plan.client,
        will: Some(LastWill::new(
            plan.topic.below("writer"),
            GONE,
            QoS::AtLeastOnce,
            true,
        )),
        subscribes: false,
        is_persistent: false,
    };
    let mut reconnector = Reconnector::new(&config.network, &config.status, kind);
    let mut retained = None;
    loop {
        let connection = reconnector.connect().await;
        let mut publisher = Publisher {
            config: &config,
            plan: &plan,
            connection,
            retained: retained.take(),
            about: None,
            record: None,
            fields: HashMap::new(),
            writer: "",
        };
        match publisher.run(&mut state).await {
            End::Lost(reason) => config.status.fail(&plan.client, &reason),
            End::Removed => {
                if publisher.remove().await.is_ok() {
                    return config.status.forget(&plan.client);
                }
            }
        }
        retained = publisher.retained;
    }
}

/// Whether a discovered board is published: a mirror is not.
fn is_own(state: &State) -> bool {
    state.about.as_ref().is_some_and(|about| !about.is_mirror)
}

/// Why a session is over.
enum End {
    Lost(String),
    /// A discovered board was removed.
    Removed,
}

/// What was published since the connection was made.
struct Publisher<'a> {
    config: &'a Config,
    plan: &'a Plan,
    connection: Connection,
    /// The board whose messages the broker keeps, also from an earlier connection.
    retained: Option<Arc<About>>,
    about: Option<Arc<About>>,
    record: Option<Arc<Record>>,
    fields: HashMap<String, String>,
    writer: &'static str,
}

impl Publisher<'_> {
    /// Publishes what is new.
    async fn run(&mut self, state: &mut watch::Receiver<State>) -> End {
        let mut ageing = interval_at(Instant::now() + AGE_INTERVAL, AGE_INTERVAL);
        let mut earliest = Instant::now();
        state.mark_changed();
        loop {
            let done = tokio::select! {
                lost = self.connection.lost() => return End::Lost(lost),
                _ = ageing.tick() => self.publish_age().await,
                _ = async { sleep_until(earliest).await; state.changed().await } => {
                    earliest = Instant::now() + self.config.min_interval;
                    let now = state.borrow_and_update().clone();
                    ageing.reset();
                    let is_over = self.plan.is_discovered && now.problem.is_none() && !is_own(&now);
                    if is_over {
                        return End::Removed;
                    }
                    self.publish_state(now).await
                }
            };
            if done.is_err() {
                return End::Lost(self.connection.lost().await);
            }
        }
    }

    async fn publish_state(&mut self, state: State) -> Result<(), Lost> {
        match &state.problem {
            Some(problem) => self.config.status.fail(&self.plan.client, problem),
            None => self.config.status.ok(&self.plan.client),
        }
        if state.about.is_none() && state.problem.is_none() {
            self.clear(None, false).await?;
            (self.about, self.record) = (None, None);
        }
        if let Some(about) = &state.about {
            if !is_same(self.about.as_ref(), Some(about)) {
                self.clear(Some(about), state.record.is_some()).await?;
                self.publish_about(about).await?;
                self.about = Some(Arc::clone(about));
                self.record = None;
            }
            if let Some(record) = &state.record
                && !is_same(self.record.as_ref(), Some(record))
            {
                self.publish_record(about, record).await?;
                self.record = Some(Arc::clone(record));
                self.config.status.add("published", 1);
            }
        }
        let writer = if state.about.is_none() || state.problem.is_some() {
            GONE
        } else if self.plan.is_setting {
            SHARED
        } else if state.writer_alive {
            ALIVE
        } else {
            GONE
        };
        if writer != self.writer {
            self.send("writer", writer.to_owned()).await?;
            self.writer = writer;
        }
        Ok(())
    }

    async fn publish_about(&mut self, about: &About) -> Result<(), Lost> {
        self.send("schema", message::schema(about)).await?;
        if let Some(home) = &self.config.home_assistant {
            let device = discovery::device(self.plan, about);
            self.publish(discovery::topic(home, self.plan), device.to_string())
                .await?;
        }
        Ok(())
    }

    /// Removes from the broker what a board that has the name now, or none, does not replace.
    async fn clear(&mut self, now: Option<&Arc<About>>, has_record: bool) -> Result<(), Lost> {
        let before = std::mem::replace(&mut self.retained, now.cloned());
        let Some(before) = before else {
            return Ok(());
        };
        let mut topics = Vec::new();
        if !has_record {
            // First the schema: without one, a mirror does not expect a record.
            topics.extend(["schema", "record", "age"].map(|name| self.plan.topic.below(name)));
            topics.push(self.plan.topic.to_string());
        }
        for field in before.schema.fields() {
            let stays = |now: &Arc<About>| now.schema.field(&field.name).is_ok();
            if !has_record || !now.is_some_and(stays) {
                topics.push(self.plan.topic.below(&format!("fields/{}", field.name)));
            }
        }
        if now.is_none() {
            let home = self.config.home_assistant.as_ref();
            topics.extend(home.map(|home| discovery::topic(home, self.plan)));
        }
        self.fields.clear();
        for topic in topics {
            if let Err(lost) = self.publish(topic, String::new()).await {
                // They are cleared by the next connection.
                self.retained = Some(before);
                return Err(lost);
            }
        }
        Ok(())
    }

    /// Removes from the broker all messages of a board that was removed.
    async fn remove(&mut self) -> Result<(), Lost> {
        self.clear(None, false).await?;
        let writer = self.plan.topic.below("writer");
        self.publish(writer.clone(), String::new()).await?;
        // Subscribers that are connected see that it is gone.
        self.connection
            .publish(writer, GONE.to_owned(), false)
            .await?;
        self.connection.end().await;
        Ok(())
    }

    async fn publish_record(&mut self, about: &About, record: &Record) -> Result<(), Lost> {
        // First, because machines wait for it.
        self.send("record", message::record(about, record)).await?;
        let mut seconds = [record.published, record.born.age()]
            .into_iter()
            .map(|ns| ns.map(time::seconds));
        let message = json!({
            "sequence": record.sequence,
            "generation": record.generation,
            "is_default": record.generation == 0,
            "published": seconds.next(),
            "age": seconds.next(),
            "record": record.json,
        });
        self.publish(self.plan.topic.to_string(), message.to_string())
            .await?;
        for (name, text) in &record.fields {
            if self.fields.get(name) != Some(text) {
                self.send(&format!("fields/{name}"), text.clone()).await?;
                self.fields.insert(name.clone(), text.clone());
            }
        }
        self.publish_age_of(record).await
    }

    async fn publish_age(&mut self) -> Result<(), Lost> {
        match self.record.clone() {
            Some(record) => self.publish_age_of(&record).await,
            None => Ok(()),
        }
    }

    async fn publish_age_of(&mut self, record: &Record) -> Result<(), Lost> {
        match record.born.age() {
            Some(age) => self.send("age", time::seconds(age).to_string()).await,
            None => Ok(()),
        }
    }

    async fn send(&self, below: &str, payload: String) -> Result<(), Lost> {
        self.publish(self.plan.topic.below(below), payload).await
    }

    async fn publish(&self, topic: String, payload: String) -> Result<(), Lost> {
        // The connection rejects larger messages.
        if topic.len() + payload.len() + 16 > MAX_MESSAGE {
            let failure = format!(
                "{topic} is not published: a message must have at most {MAX_MESSAGE} bytes \
                 (got {})",
                payload.len()
            );
            self.config.status.fail(&self.plan.client, &failure);
            return Ok(());
        }
        self.connection.publish(topic, payload, true).await
    }
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
