//! What a function returned, in its span: `err` and `ret`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Error, Path, Result, Type};

use crate::arguments::{Arguments, Show, Shown};

/// Returns the closure that writes a result to a span; `None` if nothing is to be written.
pub(crate) fn writer(
    arguments: &Arguments,
    krate: &Path,
    output: Option<&Type>,
) -> Result<Option<TokenStream>> {
    let (err, ret) = (arguments.err, arguments.ret);
    let Some(shown) = err.or(ret) else {
        return Ok(None);
    };
    let Some(output) = output else {
        let text = match err {
            Some(_) => "`err` needs a function that returns a `Result`",
            None => "`ret` needs a function that returns a value",
        };
        return Err(Error::new(shown.span, text));
    };
    let site = Span::mixed_site().located_at(output.span());
    let body = match (err, ret) {
        (Some(err), None) => {
            let record = record(krate, err, site);
            quote_spanned!(site=>
                if let ::core::result::Result::Err(error) = #krate::__traced::Outcome::parts(result) {
                    #record
                }
            )
        }
        (Some(err), Some(ret)) => {
            let (record, tag) = (record(krate, err, site), tag(krate, ret, site));
            quote_spanned!(site=>
                match #krate::__traced::Outcome::parts(result) {
                    ::core::result::Result::Ok(result) => { #tag }
                    ::core::result::Result::Err(error) => { #record }
                }
            )
        }
        (None, _) => tag(krate, shown, site),
    };
    Ok(Some(quote_spanned!(site=>
        |span, result| {
            #[allow(unused_imports)]
            use #krate::__traced::levels::*;
            #body
        }
    )))
}

/// Returns the statement that writes `error` to `span`.
fn record(krate: &Path, err: Shown, site: Span) -> TokenStream {
    match err.by {
        Show::Debug => quote_spanned!(site=> #krate::__traced::record_debug(span, error);),
        Show::Plain => quote_spanned!(site=> (&&&#krate::__traced::Fault(error)).record(span);),
    }
}

/// Returns the statement that writes `result` to `span`.
fn tag(krate: &Path, ret: Shown, site: Span) -> TokenStream {
    match ret.by {
        Show::Debug => {
            quote_spanned!(site=> span.tag_fmt("return", ::core::format_args!("{:?}", result));)
        }
        Show::Plain => {
            quote_spanned!(site=> (&&&&#krate::__traced::Field(result)).set(span, "return");)
        }
    }
}
