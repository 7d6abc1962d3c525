//! The content of `#[pegel(...)]` and of doc comments.

use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Result};

/// The attributes of a field.
#[derive(Default)]
pub struct Attributes {
    pub unit: Option<LitStr>,
    pub label: Option<LitStr>,
    pub description: Option<LitStr>,
    pub default: Option<Expr>,
    pub min: Option<Expr>,
    pub max: Option<Expr>,
}

impl Attributes {
    pub fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut seen = Vec::new();
        for attribute in attributes.iter().filter(|one| one.path().is_ident("pegel")) {
            attribute.parse_nested_meta(|meta| {
                let name = meta.path.to_token_stream().to_string();
                if seen.contains(&name) {
                    return Err(meta.error(format!("duplicate attribute `{name}`")));
                }
                seen.push(name.clone());
                let value = meta.value();
                let text = || value.clone()?.parse::<LitStr>();
                let expression = || value.clone()?.parse::<Expr>();
                match &*name {
                    "unit" => parsed.unit = Some(text()?),
                    "label" => parsed.label = Some(text()?),
                    "description" => parsed.description = Some(text()?),
                    "default" => parsed.default = Some(expression()?),
                    "min" => parsed.min = Some(expression()?),
                    "max" => parsed.max = Some(expression()?),
                    _ => {
                        return Err(meta.error(format!(
                            "unknown attribute `{name}`: \
                             use unit, label, description, default, min or max"
                        )));
                    }
                }
                Ok(())
            })?;
        }
        Ok(parsed)
    }
}

/// The doc comment as text, with its lines joined to paragraphs.
pub fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &pair.value
        else {
            return None;
        };
        pair.path
            .is_ident("doc")
            .then(|| text.value().trim().to_owned())
    });
    let lines: Vec<_> = lines.collect();
    lines.join(" ").trim().to_owned()
}

/// Rejects `#[pegel(...)]` on the struct itself.
pub fn check_absent(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|one| one.path().is_ident("pegel")) {
        Some(attribute) => Err(syn::Error::new_spanned(
            attribute,
            "`#[pegel]` is for fields only: the struct's doc comment describes the board",
        )),
        None => Ok(()),
    }
}
