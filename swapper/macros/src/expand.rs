//! The code that stands beside the trait: the client reference, the table of functions, and a shim per method for each
//! of the three kinds of Rep (a component's, the Default Object, the Mediator's).

use crate::check::Method;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, ItemTrait, ReturnType, Type, TypeReference, TypeSlice};

/// The trait as written, and everything that is derived from it.
pub fn interface(item: &ItemTrait, methods: &[Method]) -> TokenStream {
    let visibility = &item.vis;
    let name = &item.ident;
    let reference = format_ident!("{name}Ref");
    let table = format_ident!("{name}Table");
    let label = name.to_string();
    let schema = schema(&label, methods);
    let layouts = layouts(methods);
    let documentation = format!(
        "A client's reference to an object with the interface [`{name}`]. It holds a COID, belongs to one processor, and \
         is obtained by `Processor::bind`."
    );
    let fields = methods.iter().map(|Method { name, arguments, result }| {
        quote! { #name: unsafe extern "C-unwind" fn(*const ::swapper::glue::Header #(, #arguments)*) #result }
    });
    let calls = methods.iter().map(|method| call(method, &table));
    let of_rep = functions(methods, &table, Shim::Rep(name));
    let of_default = functions(methods, &table, Shim::Default);
    let of_mediator = functions(methods, &table, Shim::Mediator);

    quote! {
        #item

        #[doc = #documentation]
        #[derive(Clone, Debug)]
        #visibility struct #reference(::swapper::glue::Reference);

        #[allow(missing_docs, improper_ctypes_definitions, improper_ctypes, non_camel_case_types)]
        #[allow(clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
        const _: () = {
            #[repr(C)]
            #[derive(Clone, Copy)]
            pub struct #table {
                header: ::swapper::glue::Header,
                #(#fields,)*
            }

            impl #name for #reference {
                #(#calls)*
            }

            impl #reference {
                /// The object that this reference names.
                #visibility fn coid(&self) -> ::swapper::Coid {
                    self.0.coid()
                }
            }

            // SAFETY: the header comes first in the table, and every function is the shim for the method of that name.
            unsafe impl ::swapper::Interface for dyn #name {
                type Table = #table;
                type Ref = #reference;
                const NAME: &'static str = #label;
                const SCHEMA: u64 = {
                    #[allow(unused_imports)]
                    use ::swapper::glue::Unsized as _;
                    ::swapper::glue::schema(#schema, &[#(::swapper::glue::Shape::<#layouts>::LAYOUT),*])
                };
                const DEFAULT: #table = #of_default;
                const MEDIATOR: #table = #of_mediator;
                fn reference(inner: ::swapper::glue::Reference) -> #reference {
                    #reference(inner)
                }
            }

            // SAFETY: the functions read the Rep's data as the type that this table was asked for.
            unsafe impl<Data: #name + 'static> ::swapper::Implemented<Data> for dyn #name {
                const TABLE: #table = #of_rep;
            }
        };
    }
}

/// Which Rep a shim serves.
#[derive(Clone, Copy)]
enum Shim<'a> {
    /// A component's own: call the method of its data.
    Rep(&'a Ident),
    /// The Default Object: find the Rep, then call it.
    Default,
    /// The Mediator's: ask where the call may go, then call there.
    Mediator,
}

/// A constant of the table type, with its functions beside it.
fn functions(methods: &[Method], table: &Ident, shim: Shim) -> TokenStream {
    let definitions = methods.iter().map(|method| definition(method, table, shim));
    let actual = match shim {
        Shim::Rep(_) => quote! { ::<Data> },
        Shim::Default | Shim::Mediator => TokenStream::new(),
    };
    let fields = methods.iter().map(|Method { name, .. }| quote! { #name: #name #actual });
    quote! {{
        #(#definitions)*
        #table { header: ::swapper::glue::Header::new(<Self as ::swapper::Interface>::SCHEMA), #(#fields,)* }
    }}
}

fn definition(method: &Method, table: &Ident, shim: Shim) -> TokenStream {
    let Method { name, arguments, result } = method;
    let values: Vec<_> = (0..arguments.len()).map(|index| format_ident!("argument{index}")).collect();
    let (generics, body) = match shim {
        Shim::Rep(interface) => (
            quote! { <Data: #interface + 'static> },
            quote! { #interface::#name(::swapper::glue::data::<#table, Data>(this) #(, #values)*) },
        ),
        Shim::Default => (
            TokenStream::new(),
            quote! {
                let rep = ::swapper::glue::miss::<#table>(this);
                ((*rep.cast::<#table>()).#name)(rep #(, #values)*)
            },
        ),
        Shim::Mediator => (
            TokenStream::new(),
            quote! {
                let mediated = ::swapper::glue::mediate::<#table>(this);
                let rep = mediated.rep();
                ((*rep.cast::<#table>()).#name)(rep #(, #values)*)
            },
        ),
    };
    quote! {
        // SAFETY: `this` is what a local entry holds, a table of this interface with the Rep that its functions were made for.
        unsafe extern "C-unwind" fn #name #generics(this: *const ::swapper::glue::Header #(, #values: #arguments)*) #result {
            unsafe { #body }
        }
    }
}

/// The client's side of a method: load the local entry, load the function, call.
fn call(method: &Method, table: &Ident) -> TokenStream {
    let Method { name, arguments, result } = method;
    let values: Vec<_> = (0..arguments.len()).map(|index| format_ident!("argument{index}")).collect();
    quote! {
        #[inline(always)]
        fn #name(&self #(, #values: #arguments)*) #result {
            let rep = self.0.rep();
            // SAFETY: the entry holds a Rep of this interface for as long as a reference exists; see `glue::Reference`.
            unsafe { ((*rep.cast::<#table>()).#name)(rep #(, #values)*) }
        }
    }
}

/// The types whose layouts the schema covers: those of arguments and results, and behind references and in slices too.
fn layouts<'a>(methods: &[Method<'a>]) -> Vec<&'a Type> {
    let mut types = Vec::new();
    for Method { arguments, result, .. } in methods {
        let result = match result {
            ReturnType::Type(_, kind) => Some(&**kind),
            ReturnType::Default => None,
        };
        for mut kind in arguments.iter().copied().chain(result) {
            types.push(kind);
            while let Type::Reference(TypeReference { elem, .. }) | Type::Slice(TypeSlice { elem, .. }) = kind {
                kind = elem;
                types.push(kind);
            }
        }
    }
    types
}

/// What the schema's hash is taken of: names and signatures, in the order of the table.
fn schema(label: &str, methods: &[Method]) -> String {
    let mut text = String::from(label);
    for Method { name, arguments, result } in methods {
        let arguments: Vec<_> = arguments.iter().map(|kind| kind.to_token_stream().to_string()).collect();
        text.push_str(&format!(";{name}({}){}", arguments.join(","), result.to_token_stream()));
    }
    text
}
