//! The attribute `traced` of `picojaeger-std`, which re-exports it by its feature `macros` and documents it.
//! Do not depend on this crate: the code that it generates calls the version of `picojaeger-std` that pins it.

#[cfg(feature = "enable")]
mod arguments;
#[cfg(feature = "enable")]
mod blocks;
#[cfg(feature = "enable")]
mod fields;
#[cfg(feature = "enable")]
mod function;
#[cfg(feature = "enable")]
mod outcome;
#[cfg(feature = "enable")]
mod returned_future;
#[cfg(feature = "enable")]
mod types;

use proc_macro::TokenStream;

/// Gives a function a span; see `picojaeger_std::traced`.
#[cfg(feature = "enable")]
#[proc_macro_attribute]
pub fn traced(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let original = item.clone();
    match function::expand(arguments.into(), item.into()) {
        Ok(expanded) => expanded.into(),
        // The item too: without it each of its callers would be an error.
        Err(error) => [error.into_compile_error().into(), original]
            .into_iter()
            .collect(),
    }
}

/// Leaves a function as it is: the feature `enable` is off.
#[cfg(not(feature = "enable"))]
#[proc_macro_attribute]
pub fn traced(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    item
}
