//! Records that must not compile, in `tests/ui`. Annotations mark the lines that the compiler must
//! reject: `//~ ERROR: …` is the whole message, `//~ NOTE: …` one of its notes or labels. An
//! annotation belongs to its own line or, if that has no code, to the last line of code above.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Deserializer, Value};

/// File, line and text, which starts with `ERROR: ` or `NOTE: `.
type Remark = (String, u64, String);

#[test]
fn rejects_invalid_records_with_the_reason() -> Result<(), Box<dyn Error>> {
    let derive = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("invalid-records");
    let mut manifest = format!(
        "workspace = {{}}\npackage = {{ name = 'invalid-records', edition = '2024' }}\n\
         dependencies.pegel.path = {:?}\n",
        derive.join("../core"),
    );
    let mut expected = BTreeSet::new();
    for entry in fs::read_dir(derive.join("tests/ui"))? {
        let file = entry?.path();
        let name = file.file_stem().unwrap();
        writeln!(manifest, "[[bin]]\nname = {name:?}\npath = {file:?}")?;
        expected.extend(annotations(&file)?);
    }
    fs::create_dir_all(&package)?;
    fs::write(package.join("Cargo.toml"), manifest)?;
    // Offline, cargo has only the versions that this test was built with.
    let versions = fs::read(derive.join("../Cargo.lock"))?;
    fs::write(package.join("Cargo.lock"), versions)?;

    let check = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--keep-going"])
        .args(["--message-format", "json"])
        .args([Path::new("--manifest-path"), &package.join("Cargo.toml")])
        .args([Path::new("--target-dir"), &package.join("target")])
        .output()?;
    eprintln!("{}", String::from_utf8_lossy(&check.stderr));
    let mut reported = BTreeSet::new();
    for line in Deserializer::from_slice(&check.stdout).into_iter::<Value>() {
        reported.extend(remarks(&line?["message"]));
    }
    let missing: Vec<_> = expected.difference(&reported).collect();
    let mut unexpected: Vec<_> = reported.difference(&expected).collect();
    // The compiler adds notes of its own, which change with its version.
    unexpected.retain(|remark| remark.2.starts_with("ERROR"));
    assert!(
        missing.is_empty() && unexpected.is_empty(),
        "missing: {missing:#?}\nunexpected: {unexpected:#?}"
    );
    Ok(())
}

fn annotations(path: &Path) -> io::Result<Vec<Remark>> {
    let mut annotations = Vec::new();
    let mut last_code = 0;
    for (number, line) in (1..).zip(fs::read_to_string(path)?.lines()) {
        let (code, annotation) = line.split_once("//~ ").unwrap_or((line, ""));
        if !code.trim().is_empty() {
            last_code = number;
        }
        if !annotation.is_empty() {
            annotations.push((file_name(path), last_code, annotation.to_owned()));
        }
    }
    Ok(annotations)
}

/// The error that `message` reports, with its notes and labels; empty for a warning.
fn remarks(message: &Value) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if message["level"] != "error" {
        return remarks;
    }
    let list = |key: &str| message[key].as_array().unwrap();
    let is_primary = |span: &&Value| span["is_primary"] == true;
    for span in list("spans").iter().filter(is_primary) {
        let file = file_name(span["file_name"].as_str().unwrap().as_ref());
        let line = span["line_start"].as_u64().unwrap();
        let mut add = |kind: &str, text: &Value| {
            if let Some(text) = text.as_str() {
                remarks.push((file.clone(), line, format!("{kind}: {text}")));
            }
        };
        add("ERROR", &message["message"]);
        add("NOTE", &span["label"]);
        for child in list("children") {
            add("NOTE", &child["message"]);
        }
    }
    remarks
}

/// Without the directory, which the compiler writes relative to where cargo runs it.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
