//! Files with the names of boards that no bridge follows: those of other users, those that are not
//! boards, and boards that only their owner can read.
//!
//! In a directory where everybody can create files, a user can create thousands. Each is opened
//! once, and again when it has changed; it does not get a thread.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pegel::{ErrorKind, Result};

/// Maximum number of files that are remembered. What is beyond is opened each time.
const MAX_KNOWN: usize = 16_384;

/// The refused files of a directory, by the names of their boards.
#[derive(Default)]
pub struct Refusals(HashMap<String, State>);

/// What changes when a file is replaced or written to, and when its owner or mode changes.
type State = (u64, u64, i64, i64);

impl Refusals {
    /// The boards of the directory that are not refused. `is_usable` opens a board whose file is
    /// new; a file is not remembered if another attempt can succeed without a change of it.
    pub fn filter(
        &mut self,
        directory: &Path,
        mut names: Vec<String>,
        is_usable: impl Fn(&str) -> Result<bool>,
    ) -> Vec<String> {
        let before = std::mem::take(&mut self.0);
        names.retain(|name| {
            let state = state(directory, name);
            let is_known = state.is_some() && before.get(name) == state.as_ref();
            let usable = if is_known { Ok(false) } else { is_usable(name) };
            let is_refused = usable.as_ref().map_or_else(is_lasting, |usable| !usable);
            if let Some(state) = state.filter(|_| is_refused && self.0.len() < MAX_KNOWN) {
                self.0.insert(name.clone(), state);
            }
            usable.unwrap_or(false)
        });
        names
    }
}

/// Whether a bridge follows what it opened: also a board that is damaged, which it reports, but no
/// file of another user.
pub fn follows<T>(opened: Result<T>) -> Result<bool> {
    match opened {
        Err(error) if matches!(error.kind(), ErrorKind::Untrusted | ErrorKind::Denied) => {
            Err(error)
        }
        _ => Ok(true),
    }
}

/// Whether a file cannot be opened until it changes.
fn is_lasting(error: &pegel::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Untrusted
            | ErrorKind::Denied
            | ErrorKind::Corrupt
            | ErrorKind::Unsupported
            | ErrorKind::InvalidFields
    )
}

fn state(directory: &Path, name: &str) -> Option<State> {
    let file = fs::symlink_metadata(directory.join(format!("pegel.{name}"))).ok()?;
    Some((file.dev(), file.ino(), file.ctime(), file.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn opens_a_refused_file_again_only_when_it_has_changed() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str| directory.path().join(format!("pegel.{name}"));
        let names = ["bad", "busy", "empty", "good"];
        for name in names {
            fs::write(file(name), "").expect("a file");
        }
        let (mut refusals, opened) = (Refusals::default(), Cell::new(0));
        let mut filter = || {
            let names = names.map(str::to_owned).to_vec();
            refusals.filter(directory.path(), names, |name| {
                opened.set(opened.get() + 1);
                match name {
                    "bad" => Err(pegel::Error::new(ErrorKind::Untrusted, "another user's")),
                    "busy" => Err(pegel::Error::new(ErrorKind::System, "no descriptors")),
                    name => Ok(name == "good"),
                }
            })
        };
        assert_eq!((filter(), opened.get()), (vec!["good".to_owned()], 4));
        // The good one, and the one that can be good without a change.
        assert_eq!((filter(), opened.get()), (vec!["good".to_owned()], 6));
        fs::write(file("other"), "").expect("a file");
        fs::rename(file("other"), file("bad")).expect("a file");
        assert_eq!((filter(), opened.get()), (vec!["good".to_owned()], 9));
    }
}
