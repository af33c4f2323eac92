//! The attribute's arguments.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Path, Result, Token, parenthesized, parse_quote};

use crate::fields::Field;

/// What stands between the parentheses.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) name: Option<Expr>,
    pub(crate) parent: Option<Expr>,
    pub(crate) fields: Vec<Field>,
    pub(crate) err: Option<Shown>,
    pub(crate) ret: Option<Shown>,
    krate: Option<Path>,
    /// The arguments that were read, by name.
    seen: Vec<Ident>,
}

/// How a value is shown, and the argument that wants it.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) by: Show,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// As the value that it is, or by `Display`.
    Plain,
    Debug,
}

const EXPECTED: &str = "expected `name`, `fields(…)`, `err`, `ret`, `parent` or `crate`";

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Arguments::default();
        if input.peek(LitStr) {
            arguments.set_name(input.parse()?)?;
            arguments.seen.push(Ident::new("name", Span::call_site()));
            comma(input)?;
        }
        while !input.is_empty() {
            arguments.parse_one(input)?;
            comma(input)?;
        }
        Ok(arguments)
    }
}

fn comma(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    input.parse::<Token![,]>().map(drop)
}

impl Arguments {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(Token![crate]) {
            let name: Token![crate] = input.parse()?;
            self.note(Ident::new("crate", name.span))?;
            input.parse::<Token![=]>()?;
            self.krate = Some(input.call(Path::parse_mod_style)?);
            return Ok(());
        }
        let name: Ident = input
            .parse()
            .map_err(|error| Error::new(error.span(), EXPECTED))?;
        self.note(name.clone())?;
        match name.to_string().as_str() {
            "name" => self.set_name(after_equals(input)?)?,
            "parent" => self.parent = Some(after_equals(input)?),
            "fields" => self.fields = Field::list(input)?,
            "err" => self.err = Some(shown(&name, input)?),
            "ret" => self.ret = Some(shown(&name, input)?),
            other => {
                let text = format!("unknown argument `{other}`: {EXPECTED}");
                return Err(Error::new(name.span(), text));
            }
        }
        Ok(())
    }

    fn note(&mut self, name: Ident) -> Result<()> {
        if self.seen.contains(&name) {
            return Err(Error::new(
                name.span(),
                format!("`{name}` stands twice here"),
            ));
        }
        self.seen.push(name);
        Ok(())
    }

    fn set_name(&mut self, name: Expr) -> Result<()> {
        if let Expr::Lit(literal) = &name {
            match &literal.lit {
                syn::Lit::Str(text) if text.value().is_empty() => {
                    return Err(Error::new(name.span(), "the name is empty"));
                }
                syn::Lit::Str(_) => {}
                _ => return Err(Error::new(name.span(), "the name is no text")),
            }
        }
        self.name = Some(name);
        Ok(())
    }

    /// Returns the path of `picojaeger_std`.
    pub(crate) fn krate(&self) -> Path {
        let named = self.krate.clone();
        named.unwrap_or_else(|| parse_quote!(::picojaeger_std))
    }

    /// Returns the first argument that only a single function may have.
    pub(crate) fn of_one_function(&self) -> Option<&Ident> {
        let is_shared = |name: &&Ident| *name == "err" || *name == "ret" || *name == "crate";
        self.seen.iter().find(|name| !is_shared(name))
    }
}

fn after_equals(input: ParseStream<'_>) -> Result<Expr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Reads what follows `err` or `ret`: nothing, `(Debug)` or `(Display)`.
fn shown(name: &Ident, input: ParseStream<'_>) -> Result<Shown> {
    let mut by = Show::Plain;
    if input.peek(syn::token::Paren) {
        let within;
        parenthesized!(within in input);
        let way: Ident = within.parse()?;
        by = match way.to_string().as_str() {
            "Debug" => Show::Debug,
            "Display" => Show::Plain,
            _ => return Err(Error::new(way.span(), "expected `Debug` or `Display`")),
        };
        if !within.is_empty() {
            return Err(within.error("expected nothing more"));
        }
    }
    let span = name.span();
    Ok(Shown { by, span })
}
