//! `#[derive(pegel::Record)]`, which the crate `pegel` documents.

mod attributes;
mod record;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements the trait `pegel::Record`, whose documentation explains the attributes.
#[proc_macro_derive(Record, attributes(pegel))]
pub fn record(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    record::implement(&item)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
