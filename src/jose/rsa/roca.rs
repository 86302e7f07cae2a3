//! Moduli that can be factored by their form (CVE-2017-15361, ROCA).

/// The primes that tell the moduli of CVE-2017-15361 (ROCA) from others: for the shortest RSA keys
/// the affected library used just these, for longer ones these and more.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus is of the kind that a faulty library for smart cards made: products of primes
/// that are powers of 65537 modulo every small prime, and so are their products. A sound modulus
/// looks like that once in 2^150 times.
pub(in crate::jose) fn is_roca(modulus: &[u8]) -> bool {
    #[expect(clippy::arithmetic_side_effects, reason = "primes under 168: no zero, no overflow")]
    let is_power_of_65537 = |prime: &u32| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut powers = (0..*prime).scan(1, |power, _| {
            *power = *power * 65537 % prime;
            Some(*power)
        });
        powers.any(|power| power == residue)
    };
    ROCA_PRIMES.iter().all(is_power_of_65537)
}
