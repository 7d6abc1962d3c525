//! Generates the implementation of `pegel::Record` for a struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DataStruct, DeriveInput, Error, Field, Fields, Result};

use crate::attributes::{self, Attributes};

/// As in `pegel_field`.
const MAX_NAME: usize = 31;

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
        return refuse("a record cannot be generic: its layout must be the same in every program");
    }
    if fields.named.is_empty() {
        return refuse("a record has at least one field");
    }
    attributes::check_absent(&item.attrs)?;
    let name = &item.ident;
    let description = attributes::documentation(&item.attrs);
    let described: Vec<_> = fields.named.iter().map(describe).collect::<Result<_>>()?;
    let names: Vec<_> = fields.named.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = fields.named.iter().map(|field| &field.ty).collect();
    let count = names.len();
    let index: Vec<_> = (0..count).collect();
    Ok(quote! {
        const _: () = {
            const __PEGEL_SHAPES: [::pegel::record::Shape; #count] =
                [#(::pegel::record::Shape::of::<#types>()),*];
            const __PEGEL_OFFSETS: [usize; #count] =
                ::pegel::record::Shape::offsets(__PEGEL_SHAPES);
            const __PEGEL_BITS: [u64; #count] = ::pegel::record::Shape::bits(__PEGEL_SHAPES);

            #[automatically_derived]
            impl ::pegel::Record for #name {
                const SIZE: usize = ::pegel::record::Shape::record_size(__PEGEL_SHAPES);
                const DESCRIPTION: &'static str = #description;

                fn fields() -> ::std::vec::Vec<::pegel::Field> {
                    ::std::vec![#(#described),*]
                }

                #[inline]
                fn encode(&self, bytes: &mut [u8]) -> u64 {
                    let bytes = &mut bytes[..<Self as ::pegel::Record>::SIZE];
                    let mut present = 0;
                    #(
                        let begin = __PEGEL_OFFSETS[#index];
                        let place = &mut bytes[begin..][..__PEGEL_SHAPES[#index].size];
                        if <#types as ::pegel::record::FieldValue>::store(&self.#names, place) {
                            present |= __PEGEL_BITS[#index];
                        }
                    )*
                    present
                }

                #[inline]
                fn decode(bytes: &[u8], present: u64) -> Self {
                    let bytes = &bytes[..<Self as ::pegel::Record>::SIZE];
                    Self {
                        #(#names: <#types as ::pegel::record::FieldValue>::load(
                            &bytes[__PEGEL_OFFSETS[#index]..][..__PEGEL_SHAPES[#index].size],
                            present & __PEGEL_BITS[#index] != 0,
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
    let ident = field.ident.as_ref().expect("the fields are named");
    let name = ident.unraw().to_string();
    if !name.is_ascii() || name.len() > MAX_NAME {
        let reason =
            format!("field name must be ASCII, at most {MAX_NAME} characters (got `{name}`)");
        return Err(Error::new_spanned(ident, reason));
    }
    let description = description.map_or_else(
        || attributes::documentation(&field.attrs),
        |description| description.value(),
    );
    let unit = unit.map(|unit| quote!(.unit(#unit)));
    let label = label.map(|label| quote!(.label(#label)));
    let description = (!description.is_empty()).then(|| quote!(.description(#description)));
    // In bindings, so that the compiler reports a wrong type at the value.
    let default = default.map(|default| {
        quote!(.default({
            let default: <#kind as ::pegel::record::FieldValue>::Literal = #default;
            <#kind as ::pegel::record::FieldValue>::value(default)
        }))
    });
    let limit = |method: TokenStream, limit: Option<syn::Expr>| {
        limit.map(|limit| {
            quote!(.#method({
                let limit: <#kind as ::pegel::record::FieldValue>::Limit = #limit;
                limit
            }))
        })
    };
    let (min, max) = (limit(quote!(min), min), limit(quote!(max), max));
    Ok(quote! {
        ::pegel::record::field::<#kind>(#name) #unit #label #description #default #min #max
    })
}
