//! How raw types are defined: one definition of an object serves to read it, to suggest a name for
//! a typo, and to write its JSON Schema.

/// Defines the raw type of an object: a field per member, and what JSON Schema says of it.
///
/// `name: Type` is a member of the same name; `name as "member"` is one that cannot be spelt in
/// Rust; `= value` is what stands for one that is not there; `required` marks one that must be.
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        $object:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident $(as $member:literal)? : $type:ty $(= $default:expr)? $(, $must:tt)?;
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub(in crate::config) struct $object {
            $(
                $(#[doc = $field_doc])*
                pub(in crate::config) $field: object!(@field $type $(, $default)?),
            )*
        }

        impl Default for $object {
            /// The object in which nothing is written.
            fn default() -> Self {
                Self {
                    $( $field: object!(@absent $($default)?), )*
                }
            }
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
                    $( $field: object!(
                        @take members, object!(@name $field $($member)?), problems $(, $default)?
                    ), )*
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
                        default: object!(@default $type $(, $default)?),
                        required: object!(@must $($must)?),
                    } ),*],
                )
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $member:literal) => { $member };
    (@field $type:ty) => { $crate::config::read::Field<$type> };
    (@field $type:ty, $default:expr) => { $crate::config::read::Preset<$type> };
    (@absent) => { $crate::config::read::Field::Absent };
    (@absent $default:expr) => { $crate::config::read::Preset::absent($default) };
    (@take $members:ident, $name:expr, $problems:ident) => { $members.take($name, $problems) };
    (@take $members:ident, $name:expr, $problems:ident, $default:expr) => {
        $members.take_or($name, $default, $problems)
    };
    (@default $type:ty) => { None };
    (@default $type:ty, $default:expr) => {
        Some(<$type as $crate::config::read::Written>::written(&$default))
    };
    (@must) => { false };
    (@must required) => { true };
}
pub(super) use object;

/// Defines the type of a string that is one of a few words.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $vis:vis $choice:ident {
            $( $(#[doc = $word_doc:literal])* $variant:ident = $word:literal, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        $vis enum $choice { $( $(#[doc = $word_doc])* $variant, )* }

        $crate::config::define::words! { $choice { $( $variant = $word, )* } }
    };
}
pub(super) use choice;

/// Reads values of a type, which stands elsewhere, from a few words.
macro_rules! words {
    ($choice:ident { $( $variant:ident = $word:literal, )* }) => {
        impl $crate::config::read::Read for $choice {
            const WHAT: &'static str = "a string";

            fn read(
                node: &$crate::config::tree::Node<'_>,
                problems: &mut $crate::config::problems::Problems<'_>,
            ) -> Option<Self> {
                let place = $crate::config::read::word(node, &[$($word),*], problems)?;
                [$( Self::$variant ),*].get(place).copied()
            }

            #[cfg(not(target_family = "wasm"))]
            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),*] })
            }
        }

        #[cfg(not(target_family = "wasm"))]
        impl $crate::config::read::Written for $choice {
            fn written(&self) -> serde_json::Value {
                let words = [$( (Self::$variant, $word) ),*];
                words.into_iter().find(|(known, _)| known == self).map(|(_, word)| word).into()
            }
        }
    };
}
pub(super) use words;
