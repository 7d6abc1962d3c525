//! Following boards: a thread for each board waits for records and passes them on to the
//! subscriptions.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use opcua::server::SubscriptionCache;
use opcua::types::StatusCode;
use pegel::dynamic::Reader;
use pegel_program::args::opcua::STATUS;
use pegel_program::follower::{Event, Follower, POLL_INTERVAL};
use pegel_program::refusals::{Refusals, follows};
use pegel_program::status::Status;
use pegel_program::target::Target;

use crate::board_view::{BoardView, Validity};
use crate::boards::{self, Manager};
use crate::config::Rules;

/// The boards to follow, and how they are shown.
pub struct Hub {
    pub target: Arc<Target>,
    /// The boards that the command line names; if it names none, all boards of the directory are
    /// served.
    pub named: Vec<String>,
    pub rules: Rules,
    pub manager: Arc<Manager>,
    pub subscriptions: Arc<SubscriptionCache>,
    pub status: Arc<Status>,
    /// The boards that have a thread.
    pub followed: Mutex<HashSet<String>>,
}

impl Hub {
    /// Shows the boards that exist, and new boards from then on.
    pub fn start(self: Arc<Self>) {
        let mut refusals = Refusals::default();
        self.follow_new(&mut refusals);
        thread::spawn(move || {
            loop {
                thread::sleep(POLL_INTERVAL);
                self.follow_new(&mut refusals);
            }
        });
    }

    fn follow_new(self: &Arc<Self>, refusals: &mut Refusals) {
        let boards = if self.named.is_empty() {
            self.all(refusals)
        } else {
            self.named.clone()
        };
        for board in boards {
            if !self.followed().contains(&board) {
                self.follow(&board);
            }
        }
    }

    /// Whether the command line or the configuration names a board with this path.
    fn is_named(&self, board: &str) -> bool {
        let name = board.rsplit('/').next().unwrap_or(board);
        !self.named.is_empty() || self.rules.names(board, name)
    }

    fn all(&self, refusals: &mut Refusals) -> Vec<String> {
        let directory = self.target.directory();
        let subject = directory.display().to_string();
        let path = |name: &str| format!("{subject}/{name}");
        let is_usable = |name: &str| {
            let is_followed = self.followed().contains(&path(name));
            let is_named = self.is_named(&path(name));
            Ok(is_followed || follows(self.target.open_served(&path(name), is_named))?)
        };
        match pegel::list(Some(&directory)) {
            Ok(names) => {
                self.status.ok(&subject);
                // A client that follows all boards would follow the reports about itself.
                let names = names.into_iter().filter(|name| !name.starts_with(STATUS));
                let names = refusals.filter(&directory, names.collect(), is_usable);
                names.iter().map(|name| path(name)).collect()
            }
            Err(error) => {
                self.status.fail(&subject, &error.to_string());
                Vec::new()
            }
        }
    }

    /// Follows a board in a thread of its own, if it exists.
    fn follow(self: &Arc<Self>, board: &str) {
        let (target, path) = (Arc::clone(&self.target), board.to_owned());
        let is_named = self.is_named(board);
        let mut follower = Follower::new(move || target.open_served(&path, is_named));
        let reader = match follower.next(POLL_INTERVAL) {
            Event::Opened(reader, _) => reader,
            Event::Failed(error) => return self.status.fail(board, &error.to_string()),
            _ => return self.status.forget(board),
        };
        self.status.ok(board);
        self.followed().insert(board.to_owned());
        let view = self.show(board, reader);
        let (this, name) = (Arc::clone(self), board.to_owned());
        let thread = thread::Builder::new().spawn(move || {
            this.publish(&name, view, follower);
            this.status.forget(&name);
            this.followed().remove(&name);
        });
        if let Err(error) = thread {
            // The next attempt may succeed.
            self.followed().remove(board);
            let failure = format!("board {board} cannot be followed: {error}");
            self.status.fail(board, &failure);
        }
    }

    fn followed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.followed
            .lock()
            .expect("no thread panics with the lock")
    }

    fn show(&self, board: &str, reader: Arc<Reader>) -> Arc<BoardView> {
        let mode = reader.info().mode;
        let policy = self.rules.policy(board, reader.board(), mode);
        if policy.is_writable != self.rules.policy(board, reader.board(), 0o666).is_writable {
            let private =
                "only its owner can read it, so clients without a password cannot write it";
            self.status
                .fail(board, &format!("board {board}: {private}"));
        }
        let view = Arc::new(BoardView { reader, policy });
        let name = view.reader.board();
        boards::show(
            &self.manager,
            &self.subscriptions,
            name,
            Some(Arc::clone(&view)),
        );
        view
    }

    /// Publishes the records of a board until no board has the name.
    fn publish(&self, board: &str, mut view: Arc<BoardView>, mut follower: Follower) {
        let mut published: Option<(u64, StatusCode)> = None;
        loop {
            let look = view.look();
            let now = match &look {
                Ok(look) => (look.stamp().sequence, look.status()),
                Err(status) => (0, *status),
            };
            if published != Some(now) {
                let is_new_status = published.is_none_or(|(_, status)| status != now.1);
                let (manager, subscriptions) = (&self.manager, &self.subscriptions);
                boards::notify(manager, subscriptions, &view.reader, &look, is_new_status);
                published = Some(now);
            }
            // The wait ends with a newer record, once this record is stale, or to check the writer.
            let left = match (&look, view.policy.validity) {
                (Ok(look), Validity::For(time)) if look.stamp().is_timed() => {
                    let age = Duration::from_nanos(look.stamp().age_ns.unsigned_abs());
                    let left = time.checked_sub(age);
                    left.map_or(POLL_INTERVAL, |left| left + Duration::from_millis(1))
                }
                _ => POLL_INTERVAL,
            };
            match follower.next(left.min(POLL_INTERVAL)) {
                Event::Opened(reader, _) => {
                    self.status.ok(board);
                    view = self.show(board, reader);
                    published = None;
                }
                Event::Failed(error) => self.status.fail(board, &error.to_string()),
                Event::Absent => break,
                Event::Record(..) | Event::Quiet(_) => {}
            }
        }
        let name = view.reader.board();
        boards::show(&self.manager, &self.subscriptions, name, None);
    }
}
