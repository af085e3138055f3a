//! What an interface may contain; every refusal points at the words that cause it and says what to write instead.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Error, FnArg, Ident, ItemTrait, Pat, ReturnType, TraitItem, TraitItemFn, Type, spanned::Spanned, visit::Visit,
};

/// A method that passed the checks.
pub struct Method<'a> {
    /// Its name.
    pub name: &'a Ident,
    /// The types of its arguments after `&self`.
    pub arguments: Vec<&'a Type>,
    /// Its result, `-> T` or nothing.
    pub result: &'a ReturnType,
    /// Whether it may suspend: an `async fn`.
    pub suspends: bool,
}

/// All errors of the trait at once, or its methods.
pub fn interface<'a>(arguments: &TokenStream, item: &'a ItemTrait) -> Result<Vec<Method<'a>>, Error> {
    let mut errors = Errors::default();
    if !arguments.is_empty() {
        errors.add(arguments, "`interface` takes no arguments");
    }
    if let Some(token) = &item.unsafety {
        errors.add(token, "an interface cannot be an `unsafe trait`: any component must be able to implement it");
    }
    if let Some(token) = &item.auto_token {
        errors.add(token, "an interface cannot be an `auto trait`");
    }
    if !item.generics.params.is_empty() {
        errors.add(
            &item.generics,
            "an interface cannot be generic: its table of functions is one fixed list; declare one interface per type",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.add(clause, "an interface cannot have a `where` clause");
    }
    if !item.supertraits.is_empty() {
        errors.add(
            &item.supertraits,
            "an interface cannot have supertraits: clients reach only the methods listed here; repeat them here",
        );
    }
    let mut methods = Vec::new();
    for entry in &item.items {
        match entry {
            TraitItem::Fn(function) => methods.extend(method(function, &mut errors)),
            other => errors.add(
                other,
                "an interface holds methods only: associated types, constants and macros have no place in its table",
            ),
        }
    }
    if methods.is_empty() && errors.0.is_none() {
        errors.add(&item.ident, "an interface needs at least one method");
    }
    errors.finish(methods)
}

fn method<'a>(function: &'a TraitItemFn, errors: &mut Errors) -> Option<Method<'a>> {
    let signature = &function.sig;
    if let Some(token) = &signature.constness {
        errors.add(token, "a method of an interface cannot be `const`");
    }
    if let Some(token) = &signature.unsafety {
        errors.add(
            token,
            "a method of an interface cannot be `unsafe`: the caller cannot know which implementation answers",
        );
    }
    if let Some(token) = &signature.abi {
        errors.add(token, "leave the ABI out: the interface chooses it");
    }
    if let Some(token) = &signature.variadic {
        errors.add(token, "a method of an interface cannot be variadic");
    }
    if !signature.generics.params.is_empty() {
        errors.add(&signature.generics, "a method of an interface cannot be generic: its table holds one function per method; take a concrete type, or leave the lifetime out");
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.add(clause, "a method of an interface cannot have a `where` clause");
    }
    for attribute in function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
        errors.add(attribute, "an interface must be the same for everyone: its table cannot depend on `cfg`");
    }
    let mut inputs = signature.inputs.iter();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) if is_shared(receiver) => {}
        Some(FnArg::Receiver(receiver)) => {
            errors.add(receiver, "take `&self`: several processors and calls share an object; keep what changes in a cell (`ProcessorCell`, atomics)");
        }
        Some(other) => errors.add(other, "the first argument must be `&self`: only calls on an object can be swapped"),
        None => {
            errors.add(&signature.ident, "the first argument must be `&self`: only calls on an object can be swapped")
        }
    }
    let mut arguments = Vec::new();
    for input in inputs {
        let FnArg::Typed(typed) = input else { continue };
        match &*typed.pat {
            Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {}
            Pat::Wild(_) => {}
            pattern => errors.add(
                pattern,
                "name the argument: a pattern cannot stand in an interface; take it apart in the implementation",
            ),
        }
        Types { errors, result: false }.visit_type(&typed.ty);
        arguments.push(&*typed.ty);
    }
    if let ReturnType::Type(_, result) = &signature.output {
        Types { errors, result: true }.visit_type(result);
    }
    Some(Method {
        name: &signature.ident,
        arguments,
        result: &signature.output,
        suspends: signature.asyncness.is_some(),
    })
}

fn is_shared(receiver: &syn::Receiver) -> bool {
    receiver.colon_token.is_none()
        && receiver.mutability.is_none()
        && matches!(&receiver.reference, Some((_, lifetime)) if lifetime.is_none())
}

/// Looks through a type for what cannot cross the table.
struct Types<'e> {
    errors: &'e mut Errors,
    result: bool,
}

impl Visit<'_> for Types<'_> {
    fn visit_type(&mut self, kind: &Type) {
        match kind {
            Type::ImplTrait(kind) if self.result && kind.bounds.iter().any(is_future) => {
                self.errors.add(kind, A_FUTURE);
            }
            Type::ImplTrait(_) => self.errors.add(kind, "`impl Trait` is generic: the table holds one function per method; name a concrete type"),
            Type::Reference(reference) if self.result && !is_static(reference.lifetime.as_ref()) => self.errors.add(
                kind,
                "a result cannot borrow: the object may be replaced while the borrow lives; return an owned value, or fill a `&mut` argument",
            ),
            // A function type has lifetimes of its own.
            Type::BareFn(_) => {}
            _ => syn::visit::visit_type(self, kind),
        }
    }

    fn visit_lifetime(&mut self, lifetime: &syn::Lifetime) {
        if self.result && lifetime.ident != "static" {
            self.errors.add(
                lifetime,
                "a result cannot borrow: the object may be replaced while the borrow lives; return an owned value",
            );
        }
    }

    fn visit_path_segment(&mut self, segment: &syn::PathSegment) {
        if self.result && segment.ident == "Future" {
            self.errors.add(&segment.ident, A_FUTURE);
        }
        if segment.ident == "Self" {
            self.errors.add(&segment.ident, "`Self` differs from one implementation to the next: name a concrete type");
        }
        syn::visit::visit_path_segment(self, segment);
    }
}

/// A future that a plain method returns is an object's like any other result, but nothing would say so to a swap.
const A_FUTURE: &str = "a future as a result would live on in the old object after a swap, and nothing would wait for it: write `async fn`, whose calls a swap knows";

fn is_future(bound: &syn::TypeParamBound) -> bool {
    let syn::TypeParamBound::Trait(bound) = bound else { return false };
    bound.path.segments.last().is_some_and(|segment| segment.ident == "Future")
}

fn is_static(lifetime: Option<&syn::Lifetime>) -> bool {
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn add(&mut self, at: impl ToTokens + Spanned, message: &str) {
        let error = Error::new_spanned(at, message);
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    fn finish<T>(self, value: T) -> Result<T, Error> {
        self.0.map_or(Ok(value), Err)
    }
}

#[cfg(test)]
mod tests;
