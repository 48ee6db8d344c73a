//! The place of a label set between 0 and 1 that `limit_ratio` samples by: its hash, as Prometheus computes it.

use tsdb_core::Labels;

/// A number in `0..=1` that depends on nothing but the labels.
pub(crate) fn offset_of(labels: &Labels) -> f64 {
    let mut bytes = Vec::with_capacity(labels.as_bytes().len());
    for (name, value) in labels.iter() {
        for text in [name, value] {
            push_length(&mut bytes, text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    xxh64(&bytes) as f64 / u64::MAX as f64
}

/// Lengths as in Prometheus's packed labels: a byte, or 255 and three bytes, low first.
fn push_length(out: &mut Vec<u8>, len: usize) {
    if len < 255 {
        out.push(len as u8);
    } else {
        out.extend_from_slice(&[255, len as u8, (len >> 8) as u8, (len >> 16) as u8]);
    }
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

fn round(acc: u64, lane: u64) -> u64 {
    acc.wrapping_add(lane.wrapping_mul(P2))
        .rotate_left(31)
        .wrapping_mul(P1)
}

fn read(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))
}

/// xxHash, 64 bits, seed 0.
fn xxh64(input: &[u8]) -> u64 {
    let mut blocks = input.chunks_exact(32);
    let mut hash = if input.len() >= 32 {
        let mut acc = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
        for block in blocks.by_ref() {
            for (a, lane) in acc.iter_mut().zip(block.chunks_exact(8)) {
                *a = round(*a, read(lane));
            }
        }
        let rotated = acc.iter().zip([1, 7, 12, 18]);
        let mixed = rotated.fold(0u64, |h, (a, by)| h.wrapping_add(a.rotate_left(by)));
        acc.iter().fold(mixed, |h, &a| {
            (h ^ round(0, a)).wrapping_mul(P1).wrapping_add(P4)
        })
    } else {
        P5
    };
    hash = hash.wrapping_add(input.len() as u64);
    let mut lanes = blocks.remainder().chunks_exact(8);
    for lane in lanes.by_ref() {
        hash = (hash ^ round(0, read(lane)))
            .rotate_left(27)
            .wrapping_mul(P1)
            .wrapping_add(P4);
    }
    let mut rest = lanes.remainder();
    if let Some((four, tail)) = rest.split_at_checked(4) {
        hash = (hash ^ read(four).wrapping_mul(P1))
            .rotate_left(23)
            .wrapping_mul(P2)
            .wrapping_add(P3);
        rest = tail;
    }
    for &b in rest {
        hash = (hash ^ u64::from(b).wrapping_mul(P5))
            .rotate_left(11)
            .wrapping_mul(P1);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(P2);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(P3);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(
            xxh64(b"Call me Ishmael. Some years ago--never mind how long precisely-"),
            0x02a2_e854_70d6_fd96
        );
    }
}
