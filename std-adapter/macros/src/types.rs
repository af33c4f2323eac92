//! What a return type says of a function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{VisitMut, visit_type_mut};
use syn::{
    AngleBracketedGenericArguments, GenericArgument, PathArguments, PathSegment, ReturnType, Type,
    TypeParamBound, parse_quote,
};

/// How a function that is not `async` returns a future.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReturnedFuture {
    Plain,
    Boxed,
}

/// Returns the type with each `impl Trait` as `_`, since these stand in signatures only.
pub(crate) fn inferred(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let mut ty = (**ty).clone();
    Inferred.visit_type_mut(&mut ty);
    Some(ty)
}

struct Inferred;

impl VisitMut for Inferred {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::ImplTrait(_) => *ty = parse_quote!(_),
            _ => visit_type_mut(self, ty),
        }
    }
}

/// Returns a statement that tells the compiler what type an `async` block returns, before its code: so errors
/// and conversions are those of the function itself.
pub(crate) fn hint(ty: Option<&Type>) -> TokenStream {
    let ty = match ty {
        Some(Type::Never(_) | Type::Infer(_)) => return TokenStream::new(),
        Some(ty) => ty.to_token_stream(),
        None => quote!(()),
    };
    quote! {
        #[allow(clippy::all, clippy::pedantic, clippy::nursery, unreachable_code)]
        if let ::core::option::Option::Some(returned) = ::core::option::Option::None::<#ty> {
            return returned;
        }
    }
}

/// Returns the future that a return type names, if it does, and its output where it stands there.
pub(crate) fn returned_future(output: &ReturnType) -> Option<(ReturnedFuture, Option<Type>)> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    if let Type::ImplTrait(it) = &**ty {
        return output_of(&it.bounds).map(|output| (ReturnedFuture::Plain, output));
    }
    let (last, boxed) = (last_segment(ty)?, ReturnedFuture::Boxed);
    if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
        return Some((boxed, type_arguments(last).next().cloned()));
    }
    let within = (last.ident == "Pin").then(|| type_arguments(last).next())??;
    let of_box = last_segment(within).filter(|last| last.ident == "Box")?;
    match type_arguments(of_box).next()? {
        Type::TraitObject(object) => output_of(&object.bounds).map(|output| (boxed, output)),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Paren(within) => last_segment(&within.elem),
        Type::Group(within) => last_segment(&within.elem),
        _ => None,
    }
}

/// Returns the output of the bound `Future`, if there is one among these.
fn output_of<'b>(bounds: impl IntoIterator<Item = &'b TypeParamBound>) -> Option<Option<Type>> {
    let future = bounds.into_iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .filter(|last| last.ident == "Future"),
        _ => None,
    })?;
    let output = arguments(future).and_then(|arguments| {
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(it) if it.ident == "Output" => Some(it.ty.clone()),
            _ => None,
        })
    });
    Some(output.map(|mut ty| {
        Inferred.visit_type_mut(&mut ty);
        ty
    }))
}

fn arguments(segment: &PathSegment) -> Option<&AngleBracketedGenericArguments> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    }
}

fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let all = arguments(segment).into_iter().flat_map(|it| &it.args);
    all.filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
