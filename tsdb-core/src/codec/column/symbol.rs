//! A number of any size as a symbol, which has its magnitude, and some bits of noise, which have the rest.
//!
//! Numbers below 16 are symbols of their own; above, each octave is four symbols. Numbers of one list are first shifted
//! right until their median is about 8, so that all lists use the same few symbols about equally often, and one Huffman
//! table, that of zstd, fits them all.

/// Symbols up to this one are numbers of their own, without noise.
pub(super) const LAST_PLAIN: u8 = 15;

/// Smallest number of each symbol.
pub(super) const BASE: [u64; 256] = {
    let mut base = [0; 256];
    let mut symbol = 0;
    while symbol < 256 {
        base[symbol] = if symbol < 16 {
            symbol as u64
        } else {
            (4 + (symbol as u64 - 16) % 4) << ((symbol - 16) / 4 + 2)
        };
        symbol += 1;
    }
    base
};

/// Number of bits of noise of each symbol.
pub(super) const NOISE_BITS: [u8; 256] = {
    let mut bits = [0; 256];
    let mut symbol = 16;
    while symbol < 256 {
        bits[symbol] = ((symbol - 16) / 4 + 2) as u8;
        symbol += 1;
    }
    bits
};

/// As [`NOISE_BITS`], without a look-up, so that many are summed at once.
#[inline]
pub(super) const fn noise_bits(symbol: u8) -> usize {
    if symbol > LAST_PLAIN {
        (symbol / 4 - 2) as usize
    } else {
        0
    }
}

/// The symbol of a number.
#[inline]
pub(super) const fn symbol(number: u64) -> u8 {
    if number < 16 {
        return number as u8;
    }
    let octave = number.ilog2();
    let quarter = (number >> (octave - 2)) & 3;
    (16 + (octave - 4) * 4) as u8 + quarter as u8
}

/// What a symbol takes after zstd, in bits: the mean over the columns of real metrics, where a Huffman table is shared
/// by all columns of a group. It prices a symbol before its group is known.
pub(super) const PRICE: [f32; 256] = {
    const FIRST: [f32; 20] = [
        2.2, 3.0, 2.9, 3.1, 3.4, 3.8, 4.1, 4.8, 5.3, 5.8, 6.1, 6.6, 6.9, 7.3, 7.4, 7.9, 6.4, 7.0,
        7.8, 8.3,
    ];
    let mut price = [11.0; 256];
    let mut symbol = 0;
    while symbol < 40 {
        price[symbol] = if symbol < FIRST.len() {
            FIRST[symbol]
        } else {
            8.0 + (symbol - FIRST.len()) as f32 * 0.15
        };
        symbol += 1;
    }
    price
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn symbols_cover_all_numbers() {
        assert_eq!((symbol(15), symbol(16), symbol(u64::MAX)), (15, 16, 255));
        for (symbol_number, (&base, &bits)) in BASE.iter().zip(&NOISE_BITS).enumerate() {
            let last = base + ((1_u64 << bits) - 1);
            assert_eq!(noise_bits(symbol_number as u8), usize::from(bits));
            assert_eq!(usize::from(symbol(base)), symbol_number);
            assert_eq!(usize::from(symbol(last)), symbol_number);
            assert_eq!(
                last.checked_add(1),
                BASE.get(symbol_number + 1).copied(),
                "no gap after symbol {symbol_number}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_rest_is_the_noise(number: u64, shift in 0u32..64) {
            let number = number >> shift;
            let symbol = usize::from(symbol(number));
            prop_assert!(number - BASE[symbol] < 1 << NOISE_BITS[symbol]);
        }
    }
}
