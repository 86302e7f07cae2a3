//! What can be wrong with an entry of a key set.

use std::fmt;

use crate::ids::Kid;
use crate::jose::alg::Alg;
use crate::jose::rsa::MODULUS_BITS;

/// Why an entry of a key set cannot be used.
///
/// The texts in it are [quoted](crate::verdict::quoted): escaped and cut.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WhySkipped {
    /// `alg` names this algorithm, which is for keys of another type or curve.
    AlgorithmMismatch(Alg),
    /// `alg` is none that we know.
    AlgorithmUnknown(String),
    /// The key is in `x5c` alone; certificates are not read.
    CertificateAlone,
    /// `crv` is none that we know.
    CurveUnknown(String),
    /// `kid` is longer than [`Kid::MAX_BYTES`].
    KidTooLong,
    /// This member is `null` or empty.
    MemberEmpty(&'static str),
    /// This member is not canonical base64url.
    MemberEncoding(&'static str),
    /// This member has not the length that the curve asks for, zero octets in front of a coordinate
    /// left out.
    MemberLength(&'static str),
    /// This member is missing.
    MemberMissing(&'static str),
    /// This member has a wrong type.
    MemberType(&'static str),
    /// No JSON object.
    NotAnObject,
    /// `key_ops` does not have `verify`.
    OperationsWithoutVerify,
    /// The point is not on its curve, or of small order.
    PointInvalid,
    /// An RSA modulus of so many bits.
    RsaBits(usize),
    /// An RSA modulus that is even: no product of two large primes.
    RsaEven,
    /// An RSA exponent that is even, under 3 or over 2^32.
    RsaExponent,
    /// An RSA modulus that can be factored, by its form (CVE-2017-15361, ROCA).
    RsaFactorable,
    /// A secret of so many bytes, fewer than the hash of its algorithm has (RFC 7518 §3.2).
    SecretShort(usize),
    /// A symmetric key in a set that anyone can read.
    Symmetric,
    /// `kty` is none that we know.
    TypeUnknown(String),
    /// `use` is something else than `sig`.
    UseOther(String),
}

impl fmt::Display for WhySkipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmMismatch(alg) => {
                write!(f, "its `alg` is {alg}, which is for keys of another type")
            }
            Self::AlgorithmUnknown(alg) => write!(f, "its `alg` is {alg}, which is not supported"),
            Self::CertificateAlone => f.write_str(
                "it has its key in `x5c` alone, and certificates are not read: it needs `kty` with \
                 `n` and `e`, or with `crv`, `x` and `y`",
            ),
            Self::CurveUnknown(crv) => write!(f, "its `crv` is {crv}, which is not supported"),
            Self::KidTooLong => write!(f, "its `kid` is longer than {} bytes", Kid::MAX_BYTES),
            Self::MemberEmpty(name) => write!(f, "its `{name}` is `null` or empty"),
            Self::MemberEncoding(name) => write!(f, "its `{name}` is not canonical base64url"),
            Self::MemberLength(name) => write!(f, "its `{name}` has not the length of its curve"),
            Self::MemberMissing(name) => write!(f, "it has no `{name}`"),
            Self::MemberType(name) => write!(f, "its `{name}` has a wrong type"),
            Self::NotAnObject => f.write_str("it is no JSON object"),
            Self::OperationsWithoutVerify => f.write_str("its `key_ops` does not have `verify`"),
            Self::PointInvalid => f.write_str("its point is not on its curve, or of small order"),
            Self::RsaBits(bits) => write!(
                f,
                "its modulus has {bits} bits; {} to {} are supported",
                MODULUS_BITS.start(),
                MODULUS_BITS.end()
            ),
            Self::RsaEven => f.write_str("its modulus is even"),
            Self::RsaExponent => {
                f.write_str("its exponent is not an odd number from 3 to 2^32 (65537 is usual)")
            }
            Self::RsaFactorable => f.write_str("its modulus can be factored (CVE-2017-15361)"),
            Self::SecretShort(bytes) => write!(
                f,
                "its secret has {bytes} bytes, fewer than the hash of its algorithm (32 for HS256, \
                 48 for HS384, 64 for HS512)"
            ),
            Self::Symmetric => {
                f.write_str("it is symmetric: whoever reads the set could sign with it")
            }
            Self::TypeUnknown(kty) => write!(f, "its `kty` is {kty}, which is not supported"),
            Self::UseOther(other) => write!(f, "its `use` is {other}, not `sig`"),
        }
    }
}
