//! Powers modulo an odd number, for 32-bit machines (P. L. Montgomery, "Modular multiplication
//! without trial division", 1985).
//!
//! A number is a row of limbs of 28 bits, the least significant first. A product of two limbs has
//! 56 bits, so that a column of 64 takes the sum of many before a carry has to move: the inner loop
//! is two multiplications and two additions, and no column waits for its neighbour.
//!
//! R is 2 to the bits of all limbs and at least 4n, so that factors and results may lie anywhere
//! under 2n: (2n·2n + R·n) / R ≤ 2n. Only the last result is brought under n.

/// Bits of a limb.
const LIMB_BITS: usize = 28;

/// The bits of a limb in its word.
const LIMB_MASK: u64 = 0x0fff_ffff;

/// How many rows of products a column takes before its carry has to move.
///
/// Each row adds two products under 2^56 and a carry under 2^36, so that 64 rows and what was there
/// before stay under 2^64.
const ROWS_PER_CARRY: usize = 64;

/// An odd number of at least two bits, with all that depends on nothing else.
#[derive(Clone)]
pub(super) struct Modulus {
    /// n.
    limbs: Box<[u32]>,
    /// The length of n in bits.
    bits: usize,
    /// −1/n modulo 2^28.
    inverse: u32,
    /// R² modulo n: a number times this is its Montgomery form.
    squared_radix: Box<[u32]>,
}

impl Modulus {
    /// Takes an odd number of so many bits, big-endian, without zero bytes in front.
    pub(super) fn new(number: &[u8], bits: usize) -> Self {
        // Two bits more than the bytes of n have: R is at least 4n, and every number as long as n
        // fits, so that none that is too large loses what makes it so. And whole pairs of limbs.
        let bytes_and_two = number.len().saturating_mul(8).saturating_add(2);
        let count = bytes_and_two.div_ceil(LIMB_BITS).next_multiple_of(2);
        let limbs = limbs(number, count);
        let inverse = negative_inverse(limbs.first().copied().unwrap_or_default());
        let mut modulus = Self { limbs, bits, inverse, squared_radix: Box::default() };
        modulus.squared_radix = modulus.square_radix();
        modulus
    }

    pub(super) const fn bits(&self) -> usize {
        self.bits
    }

    /// `base` to the power of an odd `exponent`, at least 3. Base and result are big-endian and as
    /// many bytes as the modulus; `None` where the base is not under the modulus.
    ///
    /// Never part of its caller: engines exchange slow code for fast when a function is entered, so
    /// that a loop around it would stay slow for ever.
    #[inline(never)]
    pub(super) fn power(&self, base: &[u8], exponent: u32) -> Option<Vec<u8>> {
        let base = limbs(base, self.limbs.len());
        if !is_under(&base, &self.limbs) {
            return None;
        }
        let mut columns = self.columns();
        let mut form = base.clone();
        self.multiply(&mut form, &self.squared_radix, &mut columns);
        // Left to right. The last factor is always the base, as the exponent is odd: taken as it
        // came, not in Montgomery form, it leads back out of that form.
        let mut power = form.clone();
        for bit in (0..exponent.ilog2()).rev() {
            self.square(&mut power, &mut columns);
            if bit == 0 {
                self.multiply(&mut power, &base, &mut columns);
            } else if exponent.wrapping_shr(bit) & 1 == 1 {
                self.multiply(&mut power, &form, &mut columns);
            }
        }
        self.reduce(&mut power);
        Some(bytes(&power, self.bits.div_ceil(8)))
    }

    /// R² modulo n.
    fn square_radix(&self) -> Box<[u32]> {
        let radix_bits = self.limbs.len().saturating_mul(LIMB_BITS);
        // The highest power of two under n, doubled until it is 2R: the Montgomery form of 2.
        let mut form = self.highest_bit();
        for _ in self.bits..=radix_bits.saturating_add(1) {
            self.double(&mut form);
        }
        // The form of 2^k squared is that of 2^2k; doubled, that of 2^(k+1). From k = 1 to the bits
        // of R, digit by digit: the form of R.
        let mut columns = self.columns();
        for digit in (0..radix_bits.ilog2()).rev() {
            self.square(&mut form, &mut columns);
            self.reduce(&mut form);
            if radix_bits.wrapping_shr(digit) & 1 == 1 {
                self.double(&mut form);
            }
        }
        form
    }

    /// 2 to the bits of n less one.
    fn highest_bit(&self) -> Box<[u32]> {
        let mut seen = false;
        let mut highest = self.limbs.clone();
        for limb in highest.iter_mut().rev() {
            *limb = if seen || *limb == 0 { 0 } else { 1_u32.wrapping_shl(limb.ilog2()) };
            seen |= *limb != 0;
        }
        highest
    }

    /// Doubles a number under n, modulo n.
    fn double(&self, number: &mut [u32]) {
        let mut carry = 0;
        for limb in &mut *number {
            let doubled = u64::from(*limb).wrapping_mul(2) | carry;
            *limb = low(doubled);
            carry = doubled >> LIMB_BITS;
        }
        self.reduce(number);
    }

    /// Brings a number under 2n under n.
    fn reduce(&self, number: &mut [u32]) {
        if is_under(number, &self.limbs) {
            return;
        }
        let mut borrow = 0;
        for (limb, less) in number.iter_mut().zip(&self.limbs) {
            let difference = u64::from(*limb).wrapping_sub(u64::from(*less)).wrapping_sub(borrow);
            *limb = low(difference);
            borrow = difference >> 63;
        }
    }

    /// Room for a product of two numbers.
    fn columns(&self) -> Box<[u64]> {
        vec![0; self.limbs.len().saturating_mul(2)].into()
    }

    /// `number` = `number` · `factor` / R modulo n.
    fn multiply(&self, number: &mut [u32], factor: &[u32], columns: &mut [u64]) {
        self.product(number, factor, columns);
        self.carry_out(columns, number);
    }

    /// `number` = `number`² / R modulo n.
    fn square(&self, number: &mut [u32], columns: &mut [u64]) {
        self.product(number, number, columns);
        self.carry_out(columns, number);
    }

    /// Puts (`one` · `other` + m·n) / R into the upper half of the columns, without the carries, for
    /// the one m under R that makes R divide it.
    fn product(&self, one: &[u32], other: &[u32], columns: &mut [u64]) {
        columns.fill(0);
        let mut columns = columns;
        for rows in other.chunks(ROWS_PER_CARRY) {
            for digit in rows {
                columns = self.add_row(one, *digit, columns);
            }
            carry(columns);
        }
    }

    /// Adds `one` · `digit` and the multiple of n that makes the lowest column a multiple of 2^28,
    /// which then moves on to the next one as a carry. Returns the columns without that one.
    #[inline(always)]
    fn add_row<'c>(&self, one: &[u32], digit: u32, columns: &'c mut [u64]) -> &'c mut [u64] {
        let lowest = columns.first().copied().unwrap_or_default();
        let lowest_limb = u64::from(one.first().copied().unwrap_or_default());
        let sum = lowest.wrapping_add(lowest_limb.wrapping_mul(digit.into()));
        let multiple = u64::from(low(u64::from(low(sum)).wrapping_mul(self.inverse.into())));
        let digit = u64::from(digit);
        let add = |column: u64, limb: u32, modulus: u32| {
            column
                .wrapping_add(u64::from(limb).wrapping_mul(digit))
                .wrapping_add(u64::from(modulus).wrapping_mul(multiple))
        };
        // In pairs: a loop's own instructions count beside so few.
        let (pairs, _) = columns.as_chunks_mut();
        let (limbs, _) = one.as_chunks();
        let (moduli, _) = self.limbs.as_chunks();
        for (([a, b], [c, d]), [e, f]) in pairs.iter_mut().zip(limbs).zip(moduli) {
            *a = add(*a, *c, *e);
            *b = add(*b, *d, *f);
        }
        match columns.split_first_mut() {
            Some((lowest, rest)) => {
                if let Some(next) = rest.first_mut() {
                    *next = next.wrapping_add(*lowest >> LIMB_BITS);
                }
                rest
            }
            None => &mut [],
        }
    }

    /// Reads the upper half of the columns.
    fn carry_out(&self, columns: &[u64], number: &mut [u32]) {
        let upper = columns.get(self.limbs.len()..).unwrap_or_default();
        for (limb, column) in number.iter_mut().zip(upper) {
            *limb = low(*column);
        }
    }
}

/// Moves what is over 28 bits in a column to the next one.
fn carry(columns: &mut [u64]) {
    let mut carry = 0;
    for column in columns {
        let sum = column.wrapping_add(carry);
        *column = sum & LIMB_MASK;
        carry = sum >> LIMB_BITS;
    }
}

/// The lowest 28 bits.
fn low(word: u64) -> u32 {
    u32::try_from(word & LIMB_MASK).unwrap_or_default()
}

/// −1/n modulo 2^28, of an odd n.
fn negative_inverse(n: u32) -> u32 {
    // n is its own inverse modulo 8; each step doubles the bits that are right (Newton).
    let inverse = (0..4)
        .fold(n, |inverse, _| inverse.wrapping_mul(2_u32.wrapping_sub(n.wrapping_mul(inverse))));
    low(inverse.wrapping_neg().into())
}

/// Whether `one` is less than `other`, of as many limbs.
fn is_under(one: &[u32], other: &[u32]) -> bool {
    one.iter().rev().lt(other.iter().rev())
}

/// The limbs of a number that has no more bits than they: seven bytes make two.
fn limbs(number: &[u8], count: usize) -> Box<[u32]> {
    let mut limbs = Vec::with_capacity(count.saturating_add(2));
    for seven in number.rchunks(7) {
        let word = seven.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        limbs.extend([low(word), low(word >> LIMB_BITS)]);
    }
    limbs.resize(count, 0);
    limbs.into()
}

/// The lowest bytes of a number, as many as told, big-endian.
fn bytes(number: &[u32], count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count.saturating_add(7));
    for two in number.chunks(2) {
        let word = two.iter().rev().fold(0, |word, limb| (word << LIMB_BITS) | u64::from(*limb));
        bytes.extend(word.to_le_bytes().into_iter().take(7));
    }
    bytes.resize(count, 0);
    bytes.reverse();
    bytes
}
