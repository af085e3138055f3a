use super::*;
use syn::parse_quote;

fn errors(item: &ItemTrait) -> Vec<String> {
    match interface(&TokenStream::new(), item) {
        Ok(_) => Vec::new(),
        Err(error) => error.into_iter().map(|error| error.to_string()).collect(),
    }
}

#[test]
fn everything_that_can_be_swapped_passes() {
    let item: ItemTrait = parse_quote! {
        pub trait Good {
            /// Documented.
            fn nothing(&self);
            fn values(&self, one: u8, pair: (u32, [u64; 4]), _: bool) -> Result<String, Vec<u8>>;
            fn references(&self, a: &Window, b: &mut [u8], c: &dyn Fn(&u8) -> &u8, d: Iter<'_>);
            fn fixed(&self) -> &'static str { "provided" }
            fn function(&self) -> fn(&u8) -> &u8;
            async fn later(&self, a: &Window, b: Iter<'_>) -> Option<u8>;
        }
    };
    assert_eq!(errors(&item), [""; 0]);
    let methods = interface(&TokenStream::new(), &item).unwrap_or_default();
    let shapes: Vec<_> = methods.iter().map(|it| (it.name.to_string(), it.arguments.len(), it.suspends)).collect();
    let expected = [("nothing", 0), ("values", 3), ("references", 4), ("fixed", 0), ("function", 0)];
    let mut expected: Vec<_> = expected.map(|(name, count)| (name.to_string(), count, false)).into();
    expected.push(("later".into(), 2, true));
    assert_eq!(shapes, expected);
}

/// Each trait with the words that its only error must contain.
#[test]
fn everything_else_is_refused_with_advice() {
    let cases: Vec<(ItemTrait, &str)> = vec![
        (parse_quote! { trait T { fn f<X>(&self, x: X); } }, "cannot be generic"),
        (parse_quote! { trait T { fn f<'a>(&self, x: &'a u8); } }, "leave the lifetime out"),
        (parse_quote! { trait T { fn f(&self, x: impl Clone); } }, "name a concrete type"),
        (parse_quote! { trait T { fn f(&self) -> impl Clone; } }, "name a concrete type"),
        (parse_quote! { trait T { fn f(&self) where u8: Copy; } }, "`where` clause"),
        (parse_quote! { trait T { async fn f(&self) -> &u8; } }, "cannot borrow"),
        (parse_quote! { trait T { async fn f(&self) -> impl Clone; } }, "name a concrete type"),
        (parse_quote! { trait T { async fn f<X>(&self, x: X); } }, "cannot be generic"),
        (parse_quote! { trait T { async fn f(&mut self); } }, "take `&self`"),
        (parse_quote! { trait T { fn f(&self) -> impl Future<Output = u8>; } }, "write `async fn`"),
        (
            parse_quote! { trait T { fn f(&self) -> impl core::future::Future<Output = u8> + Send; } },
            "write `async fn`",
        ),
        (parse_quote! { trait T { fn f(&self) -> Pin<Box<dyn Future<Output = u8>>>; } }, "write `async fn`"),
        (parse_quote! { trait T { unsafe fn f(&self); } }, "cannot be `unsafe`"),
        (parse_quote! { trait T { extern "C" fn f(&self); } }, "leave the ABI out"),
        (parse_quote! { trait T { fn f(self); } }, "take `&self`"),
        (parse_quote! { trait T { fn f(&mut self); } }, "take `&self`"),
        (parse_quote! { trait T { fn f(&'static self); } }, "take `&self`"),
        (parse_quote! { trait T { fn f(self: Box<Self>); } }, "take `&self`"),
        (parse_quote! { trait T { fn f(); } }, "must be `&self`"),
        (parse_quote! { trait T { fn f(x: u8); } }, "must be `&self`"),
        (parse_quote! { trait T { fn f(&self) -> &u8; } }, "cannot borrow"),
        (parse_quote! { trait T { fn f(&self) -> Option<&[u8]>; } }, "cannot borrow"),
        (parse_quote! { trait T { fn f(&self) -> Iter<'_>; } }, "cannot borrow"),
        (parse_quote! { trait T { fn f(&self, other: &Self); } }, "name a concrete type"),
        (parse_quote! { trait T { fn f(&self, (a, b): (u8, u8)) {} } }, "a pattern cannot stand"),
        (parse_quote! { trait T<X> { fn f(&self); } }, "cannot be generic"),
        (parse_quote! { trait T: Clone { fn f(&self); } }, "supertraits"),
        (parse_quote! { unsafe trait T { fn f(&self); } }, "`unsafe trait`"),
        (parse_quote! { trait T { type X; fn f(&self); } }, "methods only"),
        (parse_quote! { trait T { const X: u8; fn f(&self); } }, "methods only"),
        (parse_quote! { trait T {} }, "at least one method"),
        (parse_quote! { trait T { #[cfg(test)] fn f(&self); } }, "the same for everyone"),
    ];
    for (item, words) in cases {
        let errors = errors(&item);
        assert!(errors.len() == 1 && errors[0].contains(words), "{}: {errors:?}", item.to_token_stream());
    }
}

#[test]
fn all_errors_come_at_once() {
    let item: ItemTrait = parse_quote! { trait T { fn f(self); async fn g(&self) -> &u8; fn h(&self) -> &u8; } };
    assert_eq!(errors(&item).len(), 3);
    let item: ItemTrait = parse_quote! { trait T { fn f(&self); } };
    let error = interface(&"name".parse().unwrap_or_default(), &item).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("`interface` takes no arguments"));
}
