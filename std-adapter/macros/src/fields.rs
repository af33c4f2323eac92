//! Tags from arguments: `fields(id, order.id = id, total = %price)`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Path, Result, Token, parenthesized};

/// A key and its value.
pub(crate) struct Field {
    key: LitStr,
    format: Format,
    value: Expr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// The value's own type if tags have it, else by `Display`.
    Typed,
    Display,
    Debug,
}

impl Field {
    /// Reads the list in parentheses.
    pub(crate) fn list(input: ParseStream<'_>) -> Result<Vec<Self>> {
        let within;
        parenthesized!(within in input);
        let fields = Punctuated::<Field, Token![,]>::parse_terminated(&within)?;
        Ok(fields.into_iter().collect())
    }

    /// Returns the statement that sets the tag of `span`.
    pub(crate) fn to_tag(&self, krate: &Path, span: &Ident, own: Option<&Ident>) -> TokenStream {
        let Field { key, format, value } = self;
        let value = with_own(value.to_token_stream(), own);
        let site = Span::mixed_site().located_at(self.value.span());
        match format {
            // A number without a suffix has no type yet, on which a method could be looked up.
            Format::Typed if matches!(self.value, Expr::Lit(_)) => {
                quote_spanned!(site=> #span.tag(#key, #value);)
            }
            Format::Typed => {
                let field = quote_spanned!(site=> #krate::__traced::Field(&(#value)));
                quote_spanned!(site=> (&&&&#field).set(&mut #span, #key);)
            }
            Format::Display => {
                quote_spanned!(site=> #span.tag_fmt(#key, ::core::format_args!("{}", #value));)
            }
            Format::Debug => {
                quote_spanned!(site=> #span.tag_fmt(#key, ::core::format_args!("{:?}", #value));)
            }
        }
    }
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Token![%]) || input.peek(Token![?]) {
            let format = format(input)?;
            let name: Ident = input.parse()?;
            return Field::of_parameter(&name, format, input);
        }
        let (key, sole) = key(input)?;
        match sole {
            Some(name) if !input.peek(Token![=]) => {
                Field::of_parameter(&name, Format::Typed, input)
            }
            _ => {
                let text = format!("`{0}` needs a value: `{0} = …`", key.value());
                let equals: Result<Token![=]> = input.parse();
                equals.map_err(|_| Error::new(key.span(), text))?;
                let format = format(input)?;
                let value = input.parse()?;
                Ok(Field { key, format, value })
            }
        }
    }
}

impl Field {
    /// Makes a field of a parameter's name alone.
    fn of_parameter(name: &Ident, format: Format, input: ParseStream<'_>) -> Result<Self> {
        if !input.is_empty() && !input.peek(Token![,]) {
            let text = "expected `,`, or a key and a value: `order.id = order.id`";
            return Err(input.error(text));
        }
        let key = LitStr::new(&name.unraw().to_string(), name.span());
        let value = Expr::Path(syn::ExprPath {
            attrs: Vec::new(),
            qself: None,
            path: name.clone().into(),
        });
        Ok(Field { key, format, value })
    }
}

/// Reads a key: a text, or names with dots between, of which a sole one is returned too.
fn key(input: ParseStream<'_>) -> Result<(LitStr, Option<Ident>)> {
    if input.peek(LitStr) {
        return Ok((input.parse()?, None));
    }
    let names =
        Punctuated::<Ident, Token![.]>::parse_separated_nonempty_with(input, Ident::parse_any)?;
    let text: Vec<_> = names.iter().map(|name| name.unraw().to_string()).collect();
    let key = LitStr::new(&text.join("."), names.span());
    let sole = (names.len() == 1).then(|| names[0].clone());
    Ok((key, sole))
}

fn format(input: ParseStream<'_>) -> Result<Format> {
    Ok(if input.peek(Token![%]) {
        input.parse::<Token![%]>()?;
        Format::Display
    } else if input.peek(Token![?]) {
        input.parse::<Token![?]>()?;
        Format::Debug
    } else {
        Format::Typed
    })
}

/// Replaces `self` by the name that the body has for it.
pub(crate) fn with_own(tokens: TokenStream, own: Option<&Ident>) -> TokenStream {
    let Some(own) = own else { return tokens };
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(name) if name == "self" => {
            let mut own = own.clone();
            own.set_span(name.span());
            TokenTree::Ident(own)
        }
        TokenTree::Group(group) => {
            let within = with_own(group.stream(), Some(own));
            let mut replaced = proc_macro2::Group::new(group.delimiter(), within);
            replaced.set_span(group.span());
            TokenTree::Group(replaced)
        }
        other => other,
    });
    quote!(#(#replaced)*)
}
