//! Names of the variants of an enum, for counters and for asking which were ever seen.
//!
//! What this deliberately is not: a derive macro. The list is written down once more, and the compiler refuses it
//! if it misses a variant or has one too many.

/// Gives an enum `NAMES`, the names of its variants in order, and `name()`, that of the present one.
///
/// ```
/// enum Note { Lost { packets: u32 }, Found }
/// ringfort_machine::names!(Note: Lost, Found);
/// assert_eq!(Note::NAMES, ["Lost", "Found"]);
/// assert_eq!(Note::Lost { packets: 3 }.name(), "Lost");
/// # assert_eq!(Note::Found.name(), "Found");
/// ```
#[macro_export]
macro_rules! names {
    ($enum:ident: $($variant:ident),* $(,)?) => {
        impl $enum {
            /// The names of all variants, in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($variant)),*];

            /// The name of this variant.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => stringify!($variant),)* }
            }
        }
    };
}
