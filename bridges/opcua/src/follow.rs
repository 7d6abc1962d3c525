//! Following boards: a thread for each of them waits for what is published, and tells it to those who subscribed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use std::{fmt, thread};

use opcua::server::SubscriptionCache;
use opcua::types::StatusCode;
use pegel::ErrorKind;
use pegel::dynamic::Reader;
use pegel_program::target::Target;

use crate::boards::{self, Manager};
use crate::plan::Rules;
use crate::served::{Lasts, Served};

/// How often to look for new boards, and whether a writer still lives.
const GLANCE: Duration = Duration::from_secs(1);
/// The shortest pause between two records of a board that are told: a writer that is faster takes no more of the
/// machine than that.
const PACE: Duration = Duration::from_millis(10);

/// What to follow, and how it is told.
pub struct Follower {
    pub target: Target,
    /// The boards as the command line names them; none: all of the directory.
    pub named: Vec<String>,
    pub rules: Rules,
    pub manager: Arc<Manager>,
    pub subscriptions: Arc<SubscriptionCache>,
    /// Those that have a thread.
    pub followed: Mutex<HashSet<String>>,
}

impl Follower {
    /// Shows the boards that are there, and keeps an eye on those that come.
    pub fn start(self: Arc<Self>) {
        let mut complaints = HashMap::new();
        self.look(&mut complaints);
        thread::spawn(move || {
            loop {
                thread::sleep(GLANCE);
                self.look(&mut complaints);
            }
        });
    }

    fn look(self: &Arc<Self>, complaints: &mut HashMap<String, String>) {
        let boards = if self.named.is_empty() {
            self.all(complaints)
        } else {
            self.named.clone()
        };
        for board in boards {
            self.begin(&board, complaints);
        }
    }

    fn all(&self, complaints: &mut HashMap<String, String>) -> Vec<String> {
        let directory = self.target.directory();
        let directory = directory.display();
        match pegel::list(Some(&self.target.directory())) {
            Ok(names) => {
                let boards = names.into_iter().map(|name| format!("{directory}/{name}"));
                boards.collect()
            }
            Err(error) => {
                complain(complaints, &directory.to_string(), &error);
                Vec::new()
            }
        }
    }

    fn begin(self: &Arc<Self>, board: &str, complaints: &mut HashMap<String, String>) {
        if self.followed().contains(board) {
            return;
        }
        match self.target.open(board) {
            Ok(reader) => {
                complaints.remove(board);
                self.followed().insert(board.to_owned());
                let served = self.show(board, reader);
                let (this, followed) = (Arc::clone(self), board.to_owned());
                let thread = thread::Builder::new().spawn(move || {
                    this.follow(&followed, served);
                    this.followed().remove(&followed);
                });
                if let Err(error) = thread {
                    // At the next look there may be room for one more.
                    self.followed().remove(board);
                    complain(
                        complaints,
                        board,
                        &format!("cannot follow {board}: {error}"),
                    );
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => complain(complaints, board, &error),
        }
    }

    fn followed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.followed.lock().expect("no thread panics with it")
    }

    fn show(&self, board: &str, reader: Reader) -> Arc<Served> {
        let terms = self.rules.terms(board, reader.board());
        let served = Arc::new(Served { reader, terms });
        let name = served.reader.board();
        let shown = Some(Arc::clone(&served));
        boards::show(&self.manager, &self.subscriptions, name, shown);
        served
    }

    /// As long as there is a board of this name.
    fn follow(&self, board: &str, mut served: Arc<Served>) {
        loop {
            self.tell(&served);
            match served.reader.reopen() {
                Ok(fresh) => served = self.show(board, fresh),
                Err(_) => break,
            }
        }
        let name = served.reader.board();
        boards::show(&self.manager, &self.subscriptions, name, None);
    }

    /// Until it is gone.
    fn tell(&self, served: &Served) {
        let mut told: Option<(u64, StatusCode)> = None;
        loop {
            let look = served.look();
            let now = match &look {
                Ok(look) => (look.stamp().sequence, look.status()),
                Err(status) => (0, *status),
            };
            if told != Some(now) {
                let is_new_status = told.is_none_or(|(_, status)| status != now.1);
                let (manager, subscriptions) = (&self.manager, &self.subscriptions);
                boards::tell(manager, subscriptions, &served.reader, &look, is_new_status);
                told = Some(now);
                thread::sleep(PACE);
            }
            // Until there is a newer one, or this one has become old, or its writer has gone.
            let left = match (&look, served.terms.lasts) {
                (Ok(look), Lasts::For(time)) if look.stamp().is_timed() => {
                    let age = Duration::from_nanos(look.stamp().age_ns.unsigned_abs());
                    let left = time.checked_sub(age);
                    left.map_or(GLANCE, |left| (left + Duration::from_millis(1)).min(GLANCE))
                }
                _ => GLANCE,
            };
            match served.reader.wait(now.0, Some(left)) {
                Err(error) if error.kind() == ErrorKind::Gone => return,
                Err(error) if error.kind() != ErrorKind::Timeout => thread::sleep(GLANCE),
                _ => {}
            }
        }
    }
}

/// Says what is wrong with a board, once.
fn complain(complaints: &mut HashMap<String, String>, about: &str, error: &dyn fmt::Display) {
    let complaint = error.to_string();
    if complaints.get(about) != Some(&complaint) {
        eprintln!("pegel: {complaint}");
        complaints.insert(about.to_owned(), complaint);
    }
}
