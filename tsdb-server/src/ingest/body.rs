//! Bodies of writes: limited while they are collected, sizes checked before anything is allocated.

use std::io::Read as _;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use parking_lot::Mutex;
use tsdb_core::{MemoryBudget, Reservation};

use super::apply::WriteError;
use super::pace;
use crate::encoding::Encoding;
use crate::http::timed_out;
use crate::state::AppState;

/// Snappy cannot make more of its input than this: its densest element gives 64 bytes for 3.
const MAX_SNAPPY_RATIO: usize = 22;

/// A collected body, with its share of the memory for bodies; dropping it gives the share back.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) bytes: Bytes,
    _share: Reservation,
}

/// Collects the body of a write, if there is room for it.
///
/// # Errors
/// 503 when the queue of writes is full; as [`collect`].
pub(crate) async fn collect_write(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<Collected, WriteError> {
    if let Err(full) = state.shared.writes.check() {
        let announced = announced(headers).unwrap_or(usize::MAX);
        pace::refuse(body, announced).await;
        return Err(full.into());
    }
    collect(state, headers, body).await
}

/// The length that the headers tell.
fn announced(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Collects the body.
///
/// # Errors
/// 413 when it is larger than the limit, 503 when there is no memory for it, 408 when it comes too slowly, 400 when the
/// client stops sending.
pub(crate) async fn collect(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
) -> Result<Collected, WriteError> {
    let limit = state.shared.config.max_body_bytes;
    let too_large = || {
        WriteError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {limit} bytes (--web.max-body-bytes)"),
        )
    };
    let announced = announced(headers);
    if announced.is_some_and(|n| n > limit) {
        return Err(too_large());
    }
    // Without a length it may become as large as the limit.
    let share = announced.unwrap_or(limit) as u64;
    let share = state.shared.budget.reserve(share)?;
    let collected = Limited::new(body, limit).collect().await.map_err(|e| {
        if e.downcast_ref::<LengthLimitError>().is_some() {
            too_large()
        } else if let Some(e) = timed_out(&*e) {
            WriteError::from(e)
        } else {
            WriteError::new(
                StatusCode::BAD_REQUEST,
                format!("cannot read the body: {e}"),
            )
        }
    })?;
    Ok(Collected {
        bytes: collected.to_bytes(),
        _share: share,
    })
}

/// Memory for decompressed bodies, used again from request to request: zeroing it anew each time costs as much as a
/// third of the decompression.
#[derive(Debug)]
pub(crate) struct Buffers {
    // Held for a push or a pop.
    kept: Mutex<Vec<Vec<u8>>>,
    budget: MemoryBudget,
}

/// Buffers that are kept while nobody uses them, and the largest of them in bytes.
const KEPT_BUFFERS: usize = 8;
const KEPT_BYTES: usize = 4 << 20;

impl Buffers {
    /// None yet, to be taken from this budget.
    pub(crate) fn new(budget: MemoryBudget) -> Self {
        Self {
            kept: Mutex::default(),
            budget,
        }
    }

    /// Gives `use_it` a buffer of `len` bytes, whatever is in them.
    ///
    /// # Errors
    /// 503 when there is no memory for it and for what is decoded of it; what `use_it` says.
    fn with<T>(
        &self,
        len: usize,
        use_it: impl FnOnce(&mut [u8]) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        // A batch is about as large as the message.
        let _memory = self.budget.reserve(2 * len as u64)?;
        let mut buffer = self.kept.lock().pop().unwrap_or_default();
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        let used = use_it(buffer.get_mut(..len).unwrap_or_default());
        if buffer.len() <= KEPT_BYTES {
            let mut kept = self.kept.lock();
            if kept.len() < KEPT_BUFFERS {
                kept.push(buffer);
            }
        }
        used
    }
}

/// Decompresses a snappy block and gives it to `use_it`.
///
/// # Errors
/// 413 when it says that it holds more than `limit` bytes, 400 when it is not snappy; what `use_it` says.
pub(crate) fn snappy<T>(
    compressed: &[u8],
    limit: usize,
    buffers: &Buffers,
    use_it: impl FnOnce(&[u8]) -> Result<T, WriteError>,
) -> Result<T, WriteError> {
    let bad = |what: &dyn std::fmt::Display| {
        WriteError::new(StatusCode::BAD_REQUEST, format!("snappy: {what}"))
    };
    if compressed.is_empty() {
        return use_it(&[]);
    }
    let len = snap::raw::decompress_len(compressed).map_err(|e| bad(&e))?;
    if len > limit {
        return Err(WriteError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the body has {len} bytes when decompressed, more than {limit} (--web.max-decoded-bytes)"
            ),
        ));
    }
    if len / MAX_SNAPPY_RATIO > compressed.len() {
        return Err(bad(&"the declared length is impossible for this input"));
    }
    buffers.with(len, |buffer| {
        let written = snap::raw::Decoder::new()
            .decompress(compressed, buffer)
            .map_err(|e| bad(&e))?;
        use_it(buffer.get(..written).unwrap_or_default())
    })
}

/// Bytes that are decompressed before the memory for them is taken.
const PIECE: usize = 64 << 10;

/// Decompresses a body, whose size is not known before, and gives it to `use_it`.
///
/// # Errors
/// 413 when it holds more than `limit` bytes, 400 when it is not what the encoding says, 503 when there is no memory for
/// it and for what is decoded of it; what `use_it` says.
pub(crate) fn decompressed<T, E: From<WriteError>>(
    encoding: Encoding,
    compressed: &[u8],
    limit: usize,
    budget: &MemoryBudget,
    use_it: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, E> {
    let mut memory = budget.reserve(0).map_err(WriteError::from)?;
    let mut take = |len: usize| {
        if len > limit {
            return Err(WriteError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "the body has more than {limit} bytes when decompressed (--web.max-decoded-bytes)"
                ),
            ));
        }
        // Twice its size for the capacity of the buffer, and a batch is about as large as the message.
        let bytes = 3 * len as u64;
        Ok::<_, WriteError>(memory.grow(bytes.saturating_sub(memory.bytes()))?)
    };
    if encoding == Encoding::Identity {
        take(compressed.len())?;
        return use_it(compressed);
    }
    let mut reader = encoding.decode(compressed).map_err(WriteError::from)?;
    let mut body = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let n = reader.read(&mut piece).map_err(WriteError::from)?;
        if n == 0 {
            return use_it(&body);
        }
        take(body.len() + n)?;
        body.extend_from_slice(piece.get(..n).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn plain(compressed: &[u8], limit: usize) -> Result<Vec<u8>, WriteError> {
        let buffers = Buffers::new(MemoryBudget::new(1 << 30));
        // Twice, so that the second finds what the first left.
        let first = snappy(compressed, limit, &buffers, |bytes| Ok(bytes.to_vec()));
        let second = snappy(compressed, limit, &buffers, |bytes| Ok(bytes.to_vec()));
        assert_eq!(first.as_ref().ok(), second.as_ref().ok());
        first
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..2000), n in 1usize..200) {
            let bytes = bytes.repeat(n);
            let compressed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
            prop_assert_eq!(plain(&compressed, bytes.len()).unwrap(), bytes.clone());
            if !bytes.is_empty() {
                let refused = plain(&compressed, bytes.len() - 1).unwrap_err();
                prop_assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
            }
        }

        #[test]
        fn what_other_encodings_hold_is_bounded(bytes in proptest::collection::vec(any::<u8>(), 1..200), n in 1usize..2000) {
            let bytes = bytes.repeat(n);
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&bytes).unwrap();
            let zstd = zstd::encode_all(&bytes[..], 1).unwrap();
            let bodies = [(Encoding::Gzip, gzip.finish().unwrap()), (Encoding::Zstd, zstd), (Encoding::Identity, bytes.clone())];
            for (encoding, body) in bodies {
                let budget = MemoryBudget::new(1 << 30);
                let plain = |limit| decompressed(encoding, &body, limit, &budget, |body| Ok::<_, WriteError>(body.to_vec()));
                prop_assert_eq!(plain(bytes.len()).unwrap(), bytes.clone());
                prop_assert_eq!(plain(bytes.len() - 1).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
                let small = MemoryBudget::new(bytes.len() as u64);
                let refused = decompressed(encoding, &body, bytes.len(), &small, |_| Ok::<_, WriteError>(())).unwrap_err();
                prop_assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
            }
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = plain(&bytes, 1 << 20);
        }
    }

    #[test]
    fn the_densest_block_is_not_taken_for_a_bomb() {
        let zeros = vec![0u8; 8 << 20];
        let compressed = snap::raw::Encoder::new().compress_vec(&zeros).unwrap();
        assert_eq!(plain(&compressed, zeros.len()).unwrap(), zeros);
    }

    #[test]
    fn bombs_are_refused_before_they_are_allocated() {
        let four_gib_less_one = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        assert_eq!(
            plain(&four_gib_less_one, 64 << 20).unwrap_err().status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
        let sixteen_mib = [0x80, 0x80, 0x80, 0x08, 0x00];
        assert_eq!(
            plain(&sixteen_mib, 64 << 20).unwrap_err().status,
            StatusCode::BAD_REQUEST
        );
    }
}
