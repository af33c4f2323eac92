//! Functions whose last expression is an `async` block, as those of `#[async_trait]` are.

use proc_macro2::{Group, TokenStream};
use quote::quote;
use syn::parse::Parser;
use syn::{Block, Expr, ExprAsync, Ident, Pat, Stmt, Type};

use crate::function::Parts;
use crate::types::hint;

/// A body that ends with an `async` block, perhaps in `Box::pin`.
pub(crate) struct ReturnedBlock {
    /// The statements before.
    before: Vec<Stmt>,
    /// `Box::pin`, as it was written.
    boxed: Option<Expr>,
    block: ExprAsync,
}

impl ReturnedBlock {
    /// Finds the block; `None` for any other body, also one that is no Rust.
    pub(crate) fn find(body: &Group) -> Option<Self> {
        let mut before = Block::parse_within.parse2(body.stream()).ok()?;
        let Some(Stmt::Expr(last, None)) = before.pop() else {
            return None;
        };
        let (boxed, block) = match last {
            Expr::Async(block) => (None, block),
            Expr::Call(mut call) if call.args.len() == 1 && is_box_pin(&call.func) => {
                match call.args.pop()? {
                    Expr::Async(block) => (Some(*call.func), block),
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some(ReturnedBlock {
            before,
            boxed,
            block,
        })
    }

    /// Returns the statements with what the block does in the span, which starts at the first poll.
    pub(crate) fn in_span(self, parts: &Parts<'_>, output: Option<&Type>) -> TokenStream {
        let ReturnedBlock {
            before,
            boxed,
            block,
        } = self;
        let (attributes, capture) = (&block.attrs, &block.capture);
        let (prologue, rest) = split(block.block.stmts);
        let own = prologue.iter().find_map(name_of_self);
        let hint = output.map(|output| hint(Some(output)));
        let awaited = parts.awaited(
            &hint.unwrap_or_default(),
            &capture,
            &quote!(#(#rest)*),
            own.as_ref(),
        );
        let block = quote!(#(#attributes)* async #capture { #(#prologue)* #awaited });
        match boxed {
            Some(pin) => quote!(#(#before)* #pin(#block)),
            None => quote!(#(#before)* #block),
        }
    }
}

fn is_box_pin(function: &Expr) -> bool {
    let Expr::Path(path) = function else {
        return false;
    };
    let mut names = path.path.segments.iter().rev();
    let mut is_next = |name: &str| names.next().is_some_and(|segment| segment.ident == name);
    is_next("pin") && is_next("Box")
}

/// Splits off what `#[async_trait]` writes before a body: the arguments, by the names that the body has for them.
fn split(mut statements: Vec<Stmt>) -> (Vec<Stmt>, Vec<Stmt>) {
    let end = statements.iter().position(|it| !is_prologue(it));
    let rest = statements.split_off(end.unwrap_or(statements.len()));
    (statements, rest)
}

fn is_prologue(statement: &Stmt) -> bool {
    match statement {
        // A hint of the type that the block returns.
        Stmt::Expr(Expr::If(hint), None) => {
            matches!(&*hint.cond, Expr::Let(it) if is_none(&it.expr))
        }
        Stmt::Local(local) => match (&local.pat, &local.init) {
            (Pat::Type(_), _) | (_, None) => false,
            (_, Some(init)) => init.diverge.is_none() && is_argument(&init.expr),
        },
        _ => false,
    }
}

fn is_none(expression: &Expr) -> bool {
    let Expr::Path(path) = expression else {
        return false;
    };
    path.path
        .segments
        .last()
        .is_some_and(|it| it.ident == "None")
}

/// Whether this is a name, or a block with a move of `__arg…`.
fn is_argument(value: &Expr) -> bool {
    match value {
        Expr::Path(path) => path.path.get_ident().is_some(),
        Expr::Block(block) => match block.block.stmts.last() {
            Some(Stmt::Expr(Expr::Path(path), None)) => {
                let name = path.path.get_ident().map(Ident::to_string);
                name.is_some_and(|name| name.starts_with("__arg"))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Returns the name in `let __self = self;`.
fn name_of_self(statement: &Stmt) -> Option<Ident> {
    let Stmt::Local(local) = statement else {
        return None;
    };
    match (&local.pat, local.init.as_ref().map(|init| &*init.expr)) {
        (Pat::Ident(name), Some(Expr::Path(path))) if path.path.is_ident("self") => {
            Some(name.ident.clone())
        }
        _ => None,
    }
}
