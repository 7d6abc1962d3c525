//! The file of users of the OPC UA server: names and hashes of passwords.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Names and hashes of passwords, as in `/etc/shadow`.
pub type Passwords = BTreeMap<String, String>;

/// Reads a file of lines NAME:HASH.
pub fn read(path: &Path) -> Result<Passwords, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the passwords {shown}: {error}"))?;
    let mut passwords = Passwords::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |reason: &str| format!("passwords {shown}, line {number}: {reason}");
        let (name, hash) = line
            .split_once(':')
            .ok_or_else(|| wrong("write NAME:HASH; `openssl passwd -6` makes a hash"))?;
        if !hash.starts_with("$6$") && !hash.starts_with("$5$") {
            return Err(wrong(&format!(
                "the hash of {name} is not one of SHA-crypt; `openssl passwd -6` makes one"
            )));
        }
        if passwords.insert(name.to_owned(), hash.to_owned()).is_some() {
            return Err(wrong(&format!("{name} stands there twice")));
        }
    }
    Ok(passwords)
}
