//! Blocks of functions: the attribute goes to each that has a body.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Error, ImplItem, Item, Result, Signature, TraitItem, parse_quote};

use crate::arguments::Arguments;

/// Expands the attribute of an `impl` or `trait` block.
pub(crate) fn expand(
    parsed: &Arguments,
    arguments: &TokenStream,
    item: TokenStream,
) -> Result<TokenStream> {
    let item: Item = syn::parse2(item)?;
    if let Some(argument) = parsed.of_one_function() {
        let text = format!("`{argument}` stands at a function, not at a block of them");
        return Err(Error::new(argument.span(), text));
    }
    let krate = parsed.krate();
    let attribute: Attribute = parse_quote!(#[#krate::traced(#arguments)]);
    Ok(marked(item, &attribute))
}

/// Returns the block, with the attribute at each function that has a body and no such attribute.
fn marked(mut item: Item, attribute: &Attribute) -> TokenStream {
    match &mut item {
        Item::Impl(block) => {
            for item in &mut block.items {
                if let ImplItem::Fn(function) = item {
                    mark(&function.sig, &mut function.attrs, attribute);
                }
            }
        }
        Item::Trait(block) => {
            for item in &mut block.items {
                if let TraitItem::Fn(function) = item
                    && function.default.is_some()
                {
                    mark(&function.sig, &mut function.attrs, attribute);
                }
            }
        }
        _ => {}
    }
    item.into_token_stream()
}

fn mark(signature: &Signature, attributes: &mut Vec<Attribute>, attribute: &Attribute) {
    let is_traced = |it: &Attribute| {
        let last = it.path().segments.last();
        last.is_some_and(|last| last.ident == "traced")
    };
    if signature.constness.is_none() && !attributes.iter().any(is_traced) {
        attributes.push(attribute.clone());
    }
}
