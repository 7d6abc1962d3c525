//! The paths of a board's files, from the name that a caller gives.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::error::{Error, ErrorKind, Result};

const PREFIX: &str = "pegel.";
const LOCK_SUFFIX: &str = ".lock";
const MAX_NAME: usize = 64;

/// The directory of boards whose callers name none: `$PEGEL_DIR`, else `/dev/shm`.
pub fn directory() -> PathBuf {
    let wanted = env::var_os("PEGEL_DIR").filter(|path| !path.is_empty());
    wanted.map_or_else(|| "/dev/shm".into(), PathBuf::from)
}

/// The names of the boards in a directory, sorted; `None` is [`directory`].
pub fn list(directory: Option<&Path>) -> Result<Vec<String>> {
    let directory = directory.map_or_else(self::directory, Path::to_path_buf);
    let failed = |error: std::io::Error| Error::io(&error, "list the boards in", &directory);
    let mut names = Vec::new();
    for file in fs::read_dir(&directory).map_err(failed)? {
        let file = file.map_err(failed)?.file_name();
        names.extend(file.to_str().and_then(board_of).map(String::from));
    }
    names.sort();
    Ok(names)
}

/// The name of the board whose segment has this file name.
pub fn board_of(file: &str) -> Option<&str> {
    let name = file.strip_prefix(PREFIX);
    name.filter(|name| fault(name).is_none())
}

/// The name of the board whose lock has this file name.
pub fn board_of_lock(file: &str) -> Option<&str> {
    file.strip_suffix(LOCK_SUFFIX).and_then(board_of)
}

/// The name and paths of a board.
#[derive(Clone, Debug)]
pub(crate) struct BoardPath {
    pub name: String,
    pub directory: PathBuf,
    /// The segment.
    pub board: PathBuf,
}

impl BoardPath {
    /// The path of NAME in [`directory`], or of DIRECTORY/NAME.
    pub fn parse(board: &str) -> Result<Self> {
        let (directory, name) = match board.rsplit_once('/') {
            Some(("", name)) => (PathBuf::from("/"), name),
            Some((directory, name)) => (PathBuf::from(directory), name),
            None => (directory(), board),
        };
        if let Some(fault) = fault(name) {
            let message = format!("{name:?} is not a valid board name: {fault}");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if directory.as_os_str().as_encoded_bytes().contains(&0) {
            let message = format!("{board:?} is not a valid board path: it contains NUL");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        // A daemon may change its directory, and must find its board after that.
        let directory = if directory.is_absolute() {
            directory
        } else {
            std::path::absolute(&directory).unwrap_or(directory)
        };
        Ok(Self {
            board: file(&directory, name, ""),
            name: name.into(),
            directory,
        })
    }

    /// The file whose lock is the writer lock.
    pub fn lock(&self) -> PathBuf {
        file(&self.directory, &self.name, LOCK_SUFFIX)
    }
}

/// The path of a board's file, in one allocation.
fn file(directory: &Path, name: &str, suffix: &str) -> PathBuf {
    let length = directory.as_os_str().len() + "/".len() + PREFIX.len() + name.len();
    let mut path = PathBuf::with_capacity(length + suffix.len());
    path.push(directory);
    path.push(PREFIX);
    let text = path.as_mut_os_string();
    text.push(name);
    text.push(suffix);
    path
}

fn fault(name: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_NAME {
        Some("it is longer than 64 characters")
    } else if !name.bytes().all(allowed) {
        Some("only a-z, 0-9, dot, underscore and hyphen are allowed")
    } else if name.ends_with(LOCK_SUFFIX) {
        Some("names ending in .lock are those of lock files")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        let path = BoardPath::parse("/srv/boards/roof-1").unwrap();
        assert_eq!(path.name, "roof-1");
        assert_eq!(path.board, Path::new("/srv/boards/pegel.roof-1"));
        assert_eq!(path.lock(), Path::new("/srv/boards/pegel.roof-1.lock"));
        let path = BoardPath::parse("./roof").unwrap();
        let here = env::current_dir().unwrap();
        assert_eq!(path.board, here.join("pegel.roof"));
        let path = BoardPath::parse("/roof").unwrap();
        assert_eq!(path.board, Path::new("/pegel.roof"));
    }

    #[test]
    fn rejects_bad_names() {
        let long = "a".repeat(65);
        for name in [
            "", "/", "a/", "Roof", "ä", "a b", "a\0", "a\0/b", "x.lock", &long,
        ] {
            let error = BoardPath::parse(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name:?}");
        }
    }

    #[test]
    fn lists_only_boards() {
        let directory = tempfile::tempdir().unwrap();
        for file in [
            "pegel.b",
            "pegel.a",
            "pegel.a.lock",
            ".pegel.a.next-0123456789abcdef",
            "pegel.X",
            "other",
        ] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        assert_eq!(list(Some(directory.path())).unwrap(), ["a", "b"]);
        let error = list(Some(&directory.path().join("absent"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
