//! `#[interface]`: see `swapper::interface` for what it derives and what it refuses.

mod check;
mod expand;

use proc_macro::TokenStream;
use syn::{ItemTrait, parse_macro_input};

/// Makes a trait a swappable interface (paragraph 0024 of the reference).
///
/// Beside the trait the attribute derives the table of functions that every Rep begins with, the
/// client reference `<Trait>Ref`, which implements the trait by calling through the local translation table, and one
/// typed shim per method for the Default Object and for the Mediator (0055, 0057). Components and callers do nothing.
///
/// Methods take `&self`, any number of arguments by value or by reference, and may return a value. They may be `async`:
/// components implement them as `async fn`, and callers await them on the reference (not on a `&dyn Trait`: the attribute
/// adds `where Self: Sized` to them). What cannot cross a swap is refused with an error that says what to write instead:
/// generic methods, `self` by value or `&mut self`, results that borrow or are futures, supertraits, associated items,
/// argument patterns.
#[proc_macro_attribute]
pub fn interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = proc_macro2::TokenStream::from(arguments);
    let item = parse_macro_input!(item as ItemTrait);
    let checked = match check::interface(&arguments, &item) {
        Ok(methods) => expand::interface(&item, &methods),
        Err(error) => {
            let error = error.to_compile_error();
            quote::quote! { #item #error }
        }
    };
    checked.into()
}
