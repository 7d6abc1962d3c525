//! The file with the token that lets clients write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Shorter tokens can be guessed.
const SHORTEST: usize = 16;

/// The token of a file.
pub fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let failed = |error| format!("cannot read the token {shown}: {error}");
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(format!(
            "everybody may read or write the token {shown}: chmod o= {shown}"
        ));
    }
    let token = fs::read_to_string(path).map_err(failed)?.trim().to_owned();
    let is_clean = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.len() < SHORTEST || !is_clean {
        return Err(format!(
            "the token {shown} is no line of {SHORTEST} or more ASCII characters without blanks; \
             `openssl rand -hex 32` makes one"
        ));
    }
    Ok(token)
}
