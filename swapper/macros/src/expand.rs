//! The code that stands beside the trait: the client reference, the table of functions, and a shim per method for each
//! of the three kinds of Rep (a component's, the Default Object, the Mediator's).

use crate::check::Method;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, ItemTrait, ReturnType, TraitItem, Type, TypeReference, TypeSlice, parse_quote};

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
    let fields = methods.iter().map(|method| {
        let (Method { name, arguments, .. }, through, result) = (method, through(method), result(method));
        quote! { #name: unsafe extern "C-unwind" fn(*const ::swapper::glue::Header #through #(, #arguments)*) #result }
    });
    let item = written(item);
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

/// The trait as it stands in the program: as it was written, but for methods that suspend, which `dyn Trait` cannot have.
fn written(item: &ItemTrait) -> ItemTrait {
    let mut item = item.clone();
    let mut suspends = false;
    for entry in &mut item.items {
        if let TraitItem::Fn(function) = entry
            && function.sig.asyncness.is_some()
        {
            suspends = true;
            function.sig.generics.make_where_clause().predicates.push(parse_quote! { Self: Sized });
        }
    }
    if suspends {
        // The futures belong to a processor, so nobody will ask that they can be sent.
        item.attrs.push(parse_quote! { #[allow(async_fn_in_trait)] });
    }
    item
}

/// What the function of a method that suspends is told besides the method's arguments: the reference that the call goes
/// through.
fn through(method: &Method) -> Option<TokenStream> {
    method.suspends.then(|| quote! { , &::swapper::glue::Reference })
}

/// What the function of a method returns.
fn result(method: &Method) -> TokenStream {
    match (method.result, method.suspends) {
        (result, false) => result.to_token_stream(),
        (ReturnType::Default, true) => quote! { -> ::swapper::glue::Call<()> },
        (ReturnType::Type(_, result), true) => quote! { -> ::swapper::glue::Call<#result> },
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
    let Method { name, arguments, .. } = method;
    let result = result(method);
    let values: Vec<_> = (0..arguments.len()).map(|index| format_ident!("argument{index}")).collect();
    let (through, passed) = if method.suspends {
        (quote! { , reference: &::swapper::glue::Reference }, quote! { , reference })
    } else {
        Default::default()
    };
    let mut generics = TokenStream::new();
    let body = match shim {
        Shim::Rep(interface) => {
            generics = quote! { <Data: #interface + 'static> };
            let label = format!("{interface}::{name}");
            let call = quote! { #interface::#name(::swapper::glue::data::<#table, Data>(this) #(, #values)*) };
            if method.suspends {
                quote! { ::swapper::glue::enter(reference, #label, || #call) }
            } else {
                call
            }
        }
        Shim::Default => quote! {
            let rep = ::swapper::glue::miss::<#table>(this);
            ((*rep.cast::<#table>()).#name)(rep #passed #(, #values)*)
        },
        Shim::Mediator if method.suspends => quote! {
            let held = ::swapper::glue::hold::<#table>(this, reference);
            ::swapper::glue::erase(async move {
                let way = held.await;
                way.carry(|rep, reference| ((*rep.cast::<#table>()).#name)(rep, reference #(, #values)*)).await
            })
        },
        Shim::Mediator => quote! {
            let mediated = ::swapper::glue::mediate::<#table>(this);
            let rep = mediated.rep();
            ((*rep.cast::<#table>()).#name)(rep #(, #values)*)
        },
    };
    quote! {
        // SAFETY: `this` is what a local entry holds, a table of this interface with the Rep that its functions were made for.
        unsafe extern "C-unwind" fn #name #generics(
            this: *const ::swapper::glue::Header #through #(, #values: #arguments)*
        ) #result {
            unsafe { #body }
        }
    }
}

/// The client's side of a method: load the local entry, load the function, call.
fn call(method: &Method, table: &Ident) -> TokenStream {
    let Method { name, arguments, result, .. } = method;
    let values: Vec<_> = (0..arguments.len()).map(|index| format_ident!("argument{index}")).collect();
    if method.suspends {
        return quote! {
            async fn #name(&self #(, #values: #arguments)*) #result {
                let call = {
                    let rep = self.0.rep();
                    // SAFETY: as for a call that does not suspend. This future borrows the reference and has the lifetimes of
                    // all arguments, so what the call borrows is alive for as long as it is polled or dropped.
                    unsafe { ((*rep.cast::<#table>()).#name)(rep, &self.0 #(, #values)*) }
                };
                call.await
            }
        };
    }
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
    for Method { name, arguments, result, suspends } in methods {
        let suspends = if *suspends { "async " } else { "" };
        let arguments: Vec<_> = arguments.iter().map(|kind| kind.to_token_stream().to_string()).collect();
        text.push_str(&format!(";{suspends}{name}({}){}", arguments.join(","), result.to_token_stream()));
    }
    text
}
