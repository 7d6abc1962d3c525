//! Files with the names of boards that no bridge follows, such as those of other users.
//!
//! In a directory where everybody can create files, a user can create thousands. Each is opened
//! once, and again when it has changed; it does not get a thread.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Maximum number of files that are remembered. What is beyond is opened each time.
const MAX_KNOWN: usize = 16_384;

/// The refused files of a directory, by the names of their boards.
#[derive(Default)]
pub struct Refusals(HashMap<String, State>);

/// What changes when a file is replaced or written to, and when its owner or mode changes.
type State = (u64, u64, i64, i64);

impl Refusals {
    /// The boards of the directory that are not refused. `is_usable` opens a board whose file is
    /// new.
    pub fn filter(
        &mut self,
        directory: &Path,
        mut names: Vec<String>,
        is_usable: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let before = std::mem::take(&mut self.0);
        names.retain(|name| {
            let state = state(directory, name);
            let is_known = state.is_some() && before.get(name) == state.as_ref();
            if !is_known && is_usable(name) {
                return true;
            }
            if let Some(state) = state.filter(|_| self.0.len() < MAX_KNOWN) {
                self.0.insert(name.clone(), state);
            }
            false
        });
        names
    }
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
        fs::write(file("good"), "").expect("a file");
        fs::write(file("bad"), "").expect("a file");
        let (mut refusals, opened) = (Refusals::default(), Cell::new(0));
        let mut filter = || {
            let names = vec!["bad".to_owned(), "good".to_owned()];
            refusals.filter(directory.path(), names, |name| {
                opened.set(opened.get() + 1);
                name == "good"
            })
        };
        assert_eq!((filter(), opened.get()), (vec!["good".to_owned()], 2));
        assert_eq!((filter(), opened.get()), (vec!["good".to_owned()], 3));
        fs::write(file("other"), "").expect("a file");
        fs::rename(file("other"), file("bad")).expect("a file");
        assert_eq!((filter(), opened.get()), (vec!["good".to_owned()], 5));
    }
}
