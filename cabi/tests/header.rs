//! The committed header is the manual `pegel.h.in`, with what cbindgen makes of the sources in the
//! places of its `@name` lines. `PEGEL_WRITE_HEADER=1` writes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

/// The declarations of the sources with their comments, by name.
fn declarations(package: &Path) -> BTreeMap<String, String> {
    let configuration = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::generate_with_config(package, configuration).unwrap();
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let generated = String::from_utf8(generated).unwrap();
    let items = generated.trim().split("\n\n").map(str::trim);
    items.map(|item| (name(item), item.to_owned())).collect()
}

/// The name that a declaration declares: that of a function, else the last word.
fn name(item: &str) -> String {
    let code = item.lines().filter(|line| !line.trim().starts_with("//"));
    let code = code.collect::<Vec<_>>().join(" ");
    let declared = match code.split_once('(') {
        Some((function, _)) => function,
        None => code.trim_end_matches(';'),
    };
    let last = declared.rsplit([' ', '*']).next().unwrap();
    last.to_owned()
}

#[test]
fn the_committed_header_is_generated_from_the_sources() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = package.join("../include/pegel.h");
    let mut declarations = declarations(package);
    let mut generated = String::new();
    for line in fs::read_to_string(package.join("pegel.h.in"))
        .unwrap()
        .lines()
    {
        let text = match line.strip_prefix('@') {
            Some(name) => {
                let declaration = declarations.remove(name);
                declaration.unwrap_or_else(|| panic!("no {name}, or twice")) + "\n"
            }
            None => line.to_owned(),
        };
        generated += &text;
        generated.push('\n');
    }
    let left: Vec<_> = declarations.keys().collect();
    assert!(left.is_empty(), "pegel.h.in lacks {left:?}");
    if env::var_os("PEGEL_WRITE_HEADER").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert_eq!(
        committed, generated,
        "the header is out of date: `make header` writes it anew"
    );
}
