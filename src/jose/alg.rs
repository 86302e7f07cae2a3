//! The signature algorithms that Tollgate knows.

use std::fmt;

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Alg {
    /// Ed25519. `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864) are two names of it; Ed448 is neither.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// HMAC with SHA-256. Who can check it can sign, so that it is for secrets of the configuration
    /// alone, as its two kin.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PSS with SHA-256, its MGF1 and a salt of 32 bytes.
    Ps256,
    /// RSASSA-PSS with SHA-384, its MGF1 and a salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512, its MGF1 and a salt of 64 bytes.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

impl Alg {
    /// Every algorithm, in the order of their names.
    pub const ALL: [Self; 13] = [
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// Reads an `alg` (RFC 7515 §4.1.1), case-sensitive; `None` is one that is never accepted:
    /// `none`, ES256K and whatever else there is.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "Ed25519" | "EdDSA" => Some(Self::EdDsa),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "ES512" => Some(Self::Es512),
            "HS256" => Some(Self::Hs256),
            "HS384" => Some(Self::Hs384),
            "HS512" => Some(Self::Hs512),
            "PS256" => Some(Self::Ps256),
            "PS384" => Some(Self::Ps384),
            "PS512" => Some(Self::Ps512),
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "RS512" => Some(Self::Rs512),
            _ => None,
        }
    }

    /// The name that providers use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// Whether it is accepted where the configuration lists none.
    ///
    /// ES384 and ES512 are not: checking one takes ten times as long as checking another, which a
    /// stranger could make use of. Nor are those with a secret, which nobody uses by accident.
    pub const fn by_default(self) -> bool {
        !matches!(self, Self::Es384 | Self::Es512) && !self.is_symmetric()
    }

    /// Whether it signs and checks with one secret.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    const fn bit(self) -> u16 {
        match self {
            Self::EdDsa => 1,
            Self::Es256 => 1 << 1,
            Self::Es384 => 1 << 2,
            Self::Es512 => 1 << 3,
            Self::Hs256 => 1 << 4,
            Self::Hs384 => 1 << 5,
            Self::Hs512 => 1 << 6,
            Self::Ps256 => 1 << 7,
            Self::Ps384 => 1 << 8,
            Self::Ps512 => 1 << 9,
            Self::Rs256 => 1 << 10,
            Self::Rs384 => 1 << 11,
            Self::Rs512 => 1 << 12,
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of algorithms. The default holds those that are [accepted by default](Alg::by_default).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct AlgSet(u16);

impl AlgSet {
    /// Whether `alg` is in it.
    pub const fn contains(self, alg: Alg) -> bool {
        self.0 & alg.bit() != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, in the order of [`Alg::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Alg> {
        Alg::ALL.into_iter().filter(move |alg| self.contains(*alg))
    }
}

impl Default for AlgSet {
    fn default() -> Self {
        Alg::ALL.into_iter().filter(|alg| alg.by_default()).collect()
    }
}

impl FromIterator<Alg> for AlgSet {
    fn from_iter<I: IntoIterator<Item = Alg>>(algs: I) -> Self {
        Self(algs.into_iter().fold(0, |bits, alg| bits | alg.bit()))
    }
}

impl fmt::Debug for AlgSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_read_back_from_its_name() {
        for alg in Alg::ALL {
            assert_eq!(Alg::parse(alg.name()), Some(alg));
        }
        assert_eq!(Alg::parse("Ed25519"), Some(Alg::EdDsa));
        assert!(Alg::ALL.is_sorted_by_key(|alg| alg.name().to_ascii_lowercase()));
    }

    #[test]
    fn only_exact_names_are_read() {
        for name in [
            "",
            "none",
            "None",
            "rs256",
            "RS256 ",
            " RS256",
            "RS256\0",
            "hs256",
            "HS1",
            "HS224",
            "ES224",
            "ES521",
            "ES256K",
            "Ed448",
            "eddsa",
            "RSA1_5",
            "RSA-OAEP",
            "dir",
            "PBES2-HS256+A128KW",
        ] {
            assert_eq!(Alg::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        assert!(AlgSet::from_iter([]).is_empty());
        let set = AlgSet::from_iter([Alg::Rs256, Alg::Es384, Alg::Rs256]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Alg::Es384, Alg::Rs256]);
        assert_eq!(format!("{set:?}"), "{Es384, Rs256}");
        for alg in Alg::ALL {
            let alone = AlgSet::from_iter([alg]);
            assert_eq!(alone.iter().collect::<Vec<_>>(), [alg]);
        }
    }

    #[test]
    fn the_dear_and_the_symmetric_are_not_accepted_by_default() {
        use Alg::{Es384, Es512, Hs256, Hs384, Hs512};
        let set = AlgSet::default();
        for alg in Alg::ALL {
            let asked_for = [Es384, Es512, Hs256, Hs384, Hs512].contains(&alg);
            assert_eq!(set.contains(alg), !asked_for, "{alg}");
        }
    }
}
