//! The file with the token that lets clients write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Shorter tokens can be guessed.
const MIN_LENGTH: usize = 16;

/// The token of a file.
pub fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let failed = |error| format!("cannot read token file {shown}: {error}");
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(format!(
            "token file {shown} is accessible to every user: chmod o= {shown}"
        ));
    }
    let token = fs::read_to_string(path).map_err(failed)?.trim().to_owned();
    let is_clean = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.len() < MIN_LENGTH || !is_clean {
        return Err(format!(
            "token file {shown} must have one line of at least {MIN_LENGTH} ASCII characters \
             without blanks; `openssl rand -hex 32` makes one"
        ));
    }
    Ok(token)
}
