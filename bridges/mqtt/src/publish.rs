//! Publishing a board: its newest record as JSON, as texts and for mirrors, and whether its writer lives.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pegel_program::time;
use rumqttc::{LastWill, QoS};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep_until};

use crate::board::{self, About, Record, State};
use crate::connection::{Connection, LARGEST, Line, Lost, Purpose};
use crate::site::{Plan, Site};
use crate::status::count;
use crate::{discovery, message};

/// How often the age is told of a record that stays the newest.
const AGEING: Duration = Duration::from_secs(10);

/// What stands at the topic `writer`.
pub const ALIVE: &str = "alive";
pub const SHARED: &str = "shared";
pub const GONE: &str = "gone";

/// Publishes for ever.
pub async fn run(site: Arc<Site>, plan: Plan) {
    let mut state = match board::follow(&site, &plan) {
        Ok(state) => state,
        Err(error) => {
            let complaint = format!("board {} cannot be followed: {error}", plan.board);
            return site.status.complain(&plan.client, &complaint);
        }
    };
    // Before, it would be told that the writer has gone.
    let first = state.wait_for(|state| state.is_seen).await;
    let is_own = first.is_ok_and(|first| is_own(&first));
    if plan.is_any && !is_own {
        return;
    }
    let purpose = Purpose {
        client: &plan.client,
        will: Some(LastWill::new(
            plan.topic.below("writer"),
            GONE,
            QoS::AtLeastOnce,
            true,
        )),
        hears: false,
        lasts: false,
    };
    let mut line = Line::new(&site.network, &site.status, purpose);
    loop {
        let connection = line.connect().await;
        let mut session = Session {
            site: &site,
            plan: &plan,
            connection,
            about: None,
            record: None,
            fields: HashMap::new(),
            writer: "",
        };
        match session.run(&mut state).await {
            End::Lost(reason) => site.status.complain(&plan.client, &reason),
            End::Removed => return site.status.forget(&plan.client),
        }
    }
}

/// What is no board, or shows another machine's, is not published by itself.
fn is_own(state: &State) -> bool {
    state.about.as_ref().is_some_and(|about| !about.is_mirror)
}

/// Why a session is over.
enum End {
    Lost(String),
    /// The board is not there any longer, and was only published as it was one of all.
    Removed,
}

/// What was told since the connection was made.
struct Session<'a> {
    site: &'a Site,
    plan: &'a Plan,
    connection: Connection,
    about: Option<Arc<About>>,
    record: Option<Arc<Record>>,
    fields: HashMap<String, String>,
    writer: &'static str,
}

impl Session<'_> {
    /// Tells all that is new.
    async fn run(&mut self, state: &mut watch::Receiver<State>) -> End {
        let mut ageing = interval_at(Instant::now() + AGEING, AGEING);
        let mut pace = Instant::now();
        state.mark_changed();
        loop {
            let told = tokio::select! {
                lost = self.connection.lost() => return End::Lost(lost),
                _ = ageing.tick() => self.tell_age().await,
                _ = async { sleep_until(pace).await; state.changed().await } => {
                    pace = Instant::now() + self.site.min_interval;
                    let now = state.borrow_and_update().clone();
                    ageing.reset();
                    let is_over = self.plan.is_any && now.problem.is_none() && !is_own(&now);
                    if is_over {
                        return End::Removed;
                    }
                    self.tell(now).await
                }
            };
            if told.is_err() {
                return End::Lost(self.connection.lost().await);
            }
        }
    }

    async fn tell(&mut self, state: State) -> Result<(), Lost> {
        match &state.problem {
            Some(problem) => self.site.status.complain(&self.plan.client, problem),
            None => self.site.status.well(&self.plan.client),
        }
        if let Some(about) = &state.about {
            if !is_same(self.about.as_ref(), Some(about)) {
                self.tell_about(about).await?;
                self.about = Some(Arc::clone(about));
                self.record = None;
            }
            if let Some(record) = &state.record
                && !is_same(self.record.as_ref(), Some(record))
            {
                self.tell_record(about, record).await?;
                self.record = Some(Arc::clone(record));
                count(&self.site.status.published);
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

    async fn tell_about(&mut self, about: &About) -> Result<(), Lost> {
        self.send("schema", message::schema(about)).await?;
        if let Some(home) = &self.site.home_assistant {
            let (topic, told) = discovery::device(home, self.plan, about);
            self.publish(topic, told.to_string()).await?;
        }
        Ok(())
    }

    async fn tell_record(&mut self, about: &About, record: &Record) -> Result<(), Lost> {
        // First, as others than people wait for it.
        self.send("record", message::record(about, record)).await?;
        let mut seconds = [record.published, record.age()]
            .into_iter()
            .map(|ns| ns.map(time::seconds));
        let told = json!({
            "sequence": record.sequence,
            "generation": record.generation,
            "is_default": record.generation == 0,
            "published": seconds.next(),
            "age": seconds.next(),
            "record": record.json,
        });
        self.publish(self.plan.topic.to_string(), told.to_string())
            .await?;
        for (name, text) in &record.fields {
            if self.fields.get(name) != Some(text) {
                self.send(&format!("fields/{name}"), text.clone()).await?;
                self.fields.insert(name.clone(), text.clone());
            }
        }
        self.tell_age_of(record).await
    }

    async fn tell_age(&mut self) -> Result<(), Lost> {
        match self.record.clone() {
            Some(record) => self.tell_age_of(&record).await,
            None => Ok(()),
        }
    }

    async fn tell_age_of(&mut self, record: &Record) -> Result<(), Lost> {
        match record.age() {
            Some(age) => self.send("age", time::seconds(age).to_string()).await,
            None => Ok(()),
        }
    }

    async fn send(&self, below: &str, payload: String) -> Result<(), Lost> {
        self.publish(self.plan.topic.below(below), payload).await
    }

    async fn publish(&self, topic: String, payload: String) -> Result<(), Lost> {
        // What the connection would not take.
        if topic.len() + payload.len() + 16 > LARGEST {
            let complaint = format!(
                "{topic} is not published: its {} bytes are more than {LARGEST}",
                payload.len()
            );
            self.site.status.complain(&self.plan.client, &complaint);
            return Ok(());
        }
        self.connection.publish(topic, payload).await
    }
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
