//! Functions, with their bodies in a span.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Path, Result, Signature, Token, Type, Visibility, braced};

use crate::arguments::Arguments;
use crate::fields::with_own;
use crate::returned_future::ReturnedBlock;
use crate::types::{ReturnedFuture, hint, inferred, returned_future};
use crate::{blocks, outcome};

/// A function with a body, whose tokens stay as they are.
struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    signature: Signature,
    /// Attributes within the body, as `#![allow(…)]`.
    inner: Vec<Attribute>,
    body: Group,
}

/// Expands the attribute.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let parsed: Arguments = syn::parse2(arguments.clone())?;
    match kind(&item) {
        Kind::Function => expand_function(&parsed, item),
        Kind::Block => blocks::expand(&parsed, &arguments, item),
        Kind::Other => {
            let text = "expected a function, or an `impl` or `trait` block with functions";
            Err(Error::new_spanned(item, text))
        }
    }
}

/// What an item is, by its first keyword of these.
enum Kind {
    Function,
    Block,
    Other,
}

fn kind(item: &TokenStream) -> Kind {
    let kinds = item.clone().into_iter().filter_map(|token| match token {
        TokenTree::Ident(word) if word == "fn" => Some(Kind::Function),
        TokenTree::Ident(word) if word == "impl" || word == "trait" => Some(Kind::Block),
        _ => None,
    });
    kinds.into_iter().next().unwrap_or(Kind::Other)
}

fn expand_function(parsed: &Arguments, item: TokenStream) -> Result<TokenStream> {
    let function: Function = syn::parse2(item)?;
    if let Some(constness) = &function.signature.constness {
        let text = "a `const fn` has no span: the compiler may run it";
        return Err(Error::new(constness.span(), text));
    }
    let body = function.in_span(parsed)?;
    let Function {
        attributes,
        visibility,
        signature,
        inner,
        ..
    } = &function;
    Ok(quote! {
        #(#attributes)*
        #visibility #signature {
            #(#inner)*
            #body
        }
    })
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let text = "a function without a body has no span: its implementations have";
            return Err(Error::new(signature.ident.span(), text));
        }
        // A body from another macro lies in a further group, which this passes over.
        let within;
        let brace = braced!(within in input);
        let inner = within.call(Attribute::parse_inner)?;
        let mut body = Group::new(Delimiter::Brace, within.parse()?);
        // Else a body of one line would be a needless block in the eyes of a lint.
        body.set_span(Span::mixed_site().located_at(brace.span.join()));
        Ok(Function {
            attributes,
            visibility,
            signature,
            inner,
            body,
        })
    }
}

/// What all kinds of bodies are made of.
pub(crate) struct Parts<'a> {
    arguments: &'a Arguments,
    pub(crate) krate: Path,
    name: TokenStream,
    span: Ident,
    writer: Option<TokenStream>,
}

impl Function {
    /// Returns the statements of the body in its span.
    fn in_span(&self, arguments: &Arguments) -> Result<TokenStream> {
        let is_async = self.signature.asyncness.is_some();
        if is_async {
            let ty = inferred(&self.signature.output);
            let parts = self.parts(arguments, ty.as_ref())?;
            return Ok(parts.awaited(&hint(ty.as_ref()), &quote!(move), &self.body, None));
        }
        let future = returned_future(&self.signature.output);
        if let Some(block) = ReturnedBlock::find(&self.body) {
            let output = future.and_then(|(_, output)| output);
            // Its type may be hidden in an alias, but not that it is there.
            let known = output.clone().unwrap_or_else(|| syn::parse_quote!(_));
            let parts = self.parts(arguments, Some(&known))?;
            return Ok(block.in_span(&parts, output.as_ref()));
        }
        if let Some((kind, output)) = future {
            let known = output.unwrap_or_else(|| syn::parse_quote!(_));
            let parts = self.parts(arguments, Some(&known))?;
            return Ok(parts.returned(kind, &self.body));
        }
        let ty = inferred(&self.signature.output);
        let parts = self.parts(arguments, ty.as_ref())?;
        Ok(parts.at_once(ty.as_ref(), &self.body))
    }

    fn parts<'a>(&self, arguments: &'a Arguments, output: Option<&Type>) -> Result<Parts<'a>> {
        use syn::ext::IdentExt;
        let (krate, ident) = (arguments.krate(), &self.signature.ident);
        let name = match &arguments.name {
            Some(name) => name.to_token_stream(),
            None => syn::LitStr::new(&ident.unraw().to_string(), ident.span()).to_token_stream(),
        };
        let writer = outcome::writer(arguments, &krate, output)?;
        let span = Ident::new("span", Span::mixed_site());
        Ok(Parts {
            arguments,
            krate,
            name,
            span,
            writer,
        })
    }
}

impl Parts<'_> {
    /// Returns the statements that start the span; `own` is the body's name for `self`.
    fn start(&self, own: Option<&Ident>) -> TokenStream {
        let Parts {
            krate, name, span, ..
        } = self;
        let started = match &self.arguments.parent {
            None => quote!(#krate::__traced::start(#name)),
            Some(parent) => {
                let parent = with_own(parent.to_token_stream(), own);
                let site = Span::mixed_site().located_at(parent.span());
                quote_spanned!(site=> {
                    #[allow(unused_imports)]
                    use #krate::__traced::levels::*;
                    (&&#krate::__traced::Parent(&(#parent))).start(#name)
                })
            }
        };
        let fields = &self.arguments.fields;
        if fields.is_empty() {
            return quote!(let #span = #started;);
        }
        let tags = fields.iter().map(|field| field.to_tag(krate, span, own));
        quote! {
            let mut #span = #started;
            {
                #[allow(unused_imports)]
                use #krate::__traced::levels::*;
                #(#tags)*
            }
        }
    }

    /// Returns the statements of a body that awaits its code, in a span that starts then.
    pub(crate) fn awaited(
        &self,
        hint: &TokenStream,
        capture: &impl ToTokens,
        body: &impl ToTokens,
        own: Option<&Ident>,
    ) -> TokenStream {
        let start = self.start(own);
        let future = self.future(&quote!(async #capture { #hint #body }));
        quote!(#start #future.await)
    }

    /// Returns the future in the span.
    fn future(&self, future: &TokenStream) -> TokenStream {
        let Parts { krate, span, .. } = self;
        match &self.writer {
            None => quote!(#krate::__traced::future(#span, #future)),
            Some(writer) => quote!(#krate::__traced::written_future(#span, #future, #writer)),
        }
    }

    /// Returns the statements of a body that returns a future from wherever.
    fn returned(&self, kind: ReturnedFuture, body: &Group) -> TokenStream {
        let (start, krate) = (self.start(None), &self.krate);
        let future = self.future(&quote!(#krate::__traced::call(move || #body)));
        match kind {
            ReturnedFuture::Plain => quote!(#start #future),
            ReturnedFuture::Boxed => quote!(#start ::std::boxed::Box::pin(#future)),
        }
    }

    /// Returns the statements of a body that runs at once.
    fn at_once(&self, ty: Option<&Type>, body: &Group) -> TokenStream {
        let (start, krate, span) = (self.start(None), &self.krate, &self.span);
        let Some(writer) = &self.writer else {
            let entered = Ident::new("_entered", Span::mixed_site());
            return quote! {
                #start
                let #entered = #krate::__traced::Entered::new(#span);
                #body
            };
        };
        let output = ty.map(|ty| quote!(-> #ty));
        quote!(#start #krate::__traced::run(#span, move || #output #body, #writer))
    }
}
