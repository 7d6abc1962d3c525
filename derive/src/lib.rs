//! `#[derive(pegel::Record)]`; the crate `pegel` tells what it is for.

mod attributes;
mod record;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// A struct that a board keeps: see the trait `pegel::Record`.
#[proc_macro_derive(Record, attributes(pegel))]
pub fn record(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    record::implement(&item)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
