//! From a struct to its implementation of `pegel::Record`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DataStruct, DeriveInput, Error, Field, Fields, Result};

use crate::attributes::{self, Attributes};

pub fn implement(item: &DeriveInput) -> Result<TokenStream> {
    let refuse = |reason: &str| Err(Error::new_spanned(&item.ident, reason));
    let Data::Struct(DataStruct {
        fields: Fields::Named(fields),
        ..
    }) = &item.data
    else {
        return refuse("a record is a struct with named fields");
    };
    if !item.generics.params.is_empty() {
        return refuse("a record has no type parameters: its bytes are the same for everybody");
    }
    if fields.named.is_empty() {
        return refuse("a record has at least one field");
    }
    attributes::none(&item.attrs)?;
    let name = &item.ident;
    let description = attributes::documentation(&item.attrs);
    let described: Vec<_> = fields.named.iter().map(describe).collect::<Result<_>>()?;
    let names: Vec<_> = fields.named.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = fields.named.iter().map(|field| &field.ty).collect();
    let count = names.len();
    let index: Vec<_> = (0..count).collect();
    Ok(quote! {
        const _: () = {
            use ::pegel::record::{FieldValue, Shape};

            const SHAPES: [Shape; #count] = [#(Shape::of::<#types>()),*];
            const OFFSETS: [usize; #count] = Shape::offsets(SHAPES);
            const BITS: [u64; #count] = Shape::bits(SHAPES);

            #[automatically_derived]
            impl ::pegel::Record for #name {
                const SIZE: usize = Shape::record_size(SHAPES);
                const DESCRIPTION: &'static str = #description;

                fn fields() -> ::std::vec::Vec<::pegel::Field> {
                    ::std::vec![#(#described),*]
                }

                #[inline]
                fn encode(&self, bytes: &mut [u8]) -> u64 {
                    let bytes = &mut bytes[..<Self as ::pegel::Record>::SIZE];
                    let mut present = 0;
                    #(
                        let place = &mut bytes[OFFSETS[#index]..][..SHAPES[#index].size];
                        if <#types as FieldValue>::store(&self.#names, place) {
                            present |= BITS[#index];
                        }
                    )*
                    present
                }

                #[inline]
                fn decode(bytes: &[u8], present: u64) -> Self {
                    let bytes = &bytes[..<Self as ::pegel::Record>::SIZE];
                    Self {
                        #(#names: <#types as FieldValue>::load(
                            &bytes[OFFSETS[#index]..][..SHAPES[#index].size],
                            present & BITS[#index] != 0,
                        )),*
                    }
                }
            }
        };
    })
}

/// The expression of a `pegel::Field`.
fn describe(field: &Field) -> Result<TokenStream> {
    let Attributes {
        unit,
        label,
        description,
        default,
        min,
        max,
    } = Attributes::parse(&field.attrs)?;
    let kind = &field.ty;
    let name = field.ident.as_ref().map(ToString::to_string);
    let name = name
        .as_deref()
        .map(|name| name.strip_prefix("r#").unwrap_or(name));
    let description = description.map_or_else(
        || attributes::documentation(&field.attrs),
        |description| description.value(),
    );
    let unit = unit.map(|unit| quote!(.unit(#unit)));
    let label = label.map(|label| quote!(.label(#label)));
    let description = (!description.is_empty()).then(|| quote!(.description(#description)));
    // In bindings, so that a wrong type is told where it stands.
    let default = default.map(|default| {
        quote!(.default({
            let default: <#kind as FieldValue>::Literal = #default;
            <#kind as FieldValue>::value(default)
        }))
    });
    let limit = |method: TokenStream, limit: Option<syn::Expr>| {
        limit.map(|limit| {
            quote!(.#method({
                let limit: <#kind as FieldValue>::Limit = #limit;
                limit
            }))
        })
    };
    let (min, max) = (limit(quote!(min), min), limit(quote!(max), max));
    Ok(quote! {
        ::pegel::record::field::<#kind>(#name) #unit #label #description #default #min #max
    })
}
