//! Tells the linker what rustc does not: the name that programs look for, which carries the ABI's
//! version, and that the library stays mapped once it is. PHP's FFI closes it with every request,
//! and its next opening would have to start from nothing.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpegel.so.1");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
