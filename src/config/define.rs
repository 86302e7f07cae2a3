//! How raw types are defined: one definition of an object serves to read it, to suggest a name for
//! a typo, and to write its JSON Schema.

/// Defines the raw type of an object: a field per member, and what JSON Schema says of it.
///
/// `name: Type` is a member of the same name; `name as "member"` is one that cannot be spelt in
/// Rust; `= "…"` is the default as documented; `!` marks a member that must be there.
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        $object:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident $(as $member:literal)? : $type:ty $(= $default:literal)? $(, $must:tt)?;
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub(in crate::config) struct $object {
            $( $(#[doc = $field_doc])* pub(in crate::config) $field: $crate::config::read::Field<$type>, )*
        }

        impl $crate::config::read::Read for $object {
            const WHAT: &'static str = "an object";

            fn read(
                node: &$crate::config::tree::Node<'_>,
                problems: &mut $crate::config::problems::Problems<'_>,
            ) -> Option<Self> {
                const NAMES: &[&str] = &[$( object!(@name $field $($member)?) ),*];
                let members = $crate::config::read::Members::open(node, NAMES, problems)?;
                Some(Self {
                    $( $field: members.take(object!(@name $field $($member)?), problems), )*
                })
            }

            #[cfg(not(target_family = "wasm"))]
            fn schema() -> serde_json::Value {
                $crate::config::schema::object(
                    concat!($($doc),*),
                    vec![$( $crate::config::schema::Property {
                        name: object!(@name $field $($member)?),
                        schema: <$type as $crate::config::read::Read>::schema(),
                        doc: concat!($($field_doc),*),
                        default: object!(@default $($default)?),
                        required: object!(@must $($must)?),
                    } ),*],
                )
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $member:literal) => { $member };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@must) => { false };
    (@must required) => { true };
}
pub(super) use object;

/// Defines the raw type of a string that is one of a few words.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $choice:ident { $( $(#[doc = $word_doc:literal])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(in crate::config) enum $choice { $( $(#[doc = $word_doc])* $variant, )* }

        impl $crate::config::read::Read for $choice {
            const WHAT: &'static str = "a string";

            fn read(
                node: &$crate::config::tree::Node<'_>,
                problems: &mut $crate::config::problems::Problems<'_>,
            ) -> Option<Self> {
                match $crate::config::read::word(node, &[$($word),*], problems)? {
                    $( $word => Some(Self::$variant), )*
                    _ => None,
                }
            }

            #[cfg(not(target_family = "wasm"))]
            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),*] })
            }
        }
    };
}
pub(super) use choice;
