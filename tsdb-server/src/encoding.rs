//! `Content-Encoding` of request bodies.

use std::io::{self, Read};

use axum::http::{HeaderMap, StatusCode, header};

use crate::ingest::WriteError;

/// Base-2 logarithm of the largest window of zstd, in bytes: what its levels below `--ultra` need at most.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl Encoding {
    /// The encoding of a request.
    ///
    /// # Errors
    /// 415 when it is none that is known.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, WriteError> {
        let value = headers.get(header::CONTENT_ENCODING);
        let name = value.map_or("", |v| v.to_str().unwrap_or("?")).trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            // Datadog's client libraries say which version of the format.
            "zstd" | "zstd1" => Ok(Self::Zstd),
            _ => Err(WriteError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("content encoding {name:?} is not gzip, deflate or zstd"),
            )),
        }
    }

    /// Decompresses while it is read.
    ///
    /// # Errors
    /// When there is no memory for the decompressor.
    pub(crate) fn decode<'a>(self, body: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Identity => Box::new(body),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
            Self::Deflate => Box::new(flate2::read::ZlibDecoder::new(body)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(body)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}
