//! The committed header is what cbindgen makes of the sources. `PEGEL_WRITE_HEADER=1` writes it.

use std::path::Path;
use std::{env, fs};

#[test]
fn the_committed_header_is_generated_from_the_sources() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = package.join("../include/pegel.h");
    let configuration = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::generate_with_config(package, configuration).unwrap();
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    if env::var_os("PEGEL_WRITE_HEADER").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let generated = String::from_utf8(generated).unwrap();
    let committed = fs::read_to_string(&path).unwrap();
    assert_eq!(
        committed, generated,
        "the header is out of date: `make header` writes it anew"
    );
}
