//! A hostile request, and what is right to answer.

use std::sync::Arc;

/// How a request comes to its bytes: large ones are made when they are sent.
type Make = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Head and body, ready to be sent.
    pub(crate) request: Make,
    pub(crate) right: Right,
    /// For the long run only.
    pub(crate) is_heavy: bool,
}

/// Which answers are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// 2xx.
    Accepted,
    /// 4xx, and with this status if it is not 0.
    Refused(u16),
    /// 2xx, or 4xx: whatever the request is taken for, it is not the server's fault.
    Either,
    /// A query that may be answered, be too large (4xx), take too long or need too much memory at present (503).
    Costly,
    /// 4xx, or the connection is closed without an answer: it is not HTTP.
    Closed,
}

impl Right {
    pub(crate) fn takes(self, status: Option<u16>) -> bool {
        let Some(status) = status else {
            return self == Self::Closed;
        };
        match self {
            Self::Accepted => status / 100 == 2,
            Self::Refused(0) | Self::Closed => status / 100 == 4,
            Self::Refused(one) => status == one,
            Self::Either => matches!(status / 100, 2 | 4),
            Self::Costly => matches!(status / 100, 2 | 4) || status == 503,
        }
    }
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        right: Right,
        request: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            request: Arc::new(request),
            right,
            is_heavy: false,
        }
    }

    pub(crate) fn heavy(mut self) -> Self {
        self.is_heavy = true;
        self
    }
}

/// A request of HTTP/1.0; `line` is method and target.
pub(crate) fn http(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{line} HTTP/1.0\r\nhost: localhost\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n", body.len());
    [request.as_bytes(), body].concat()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    compressed(
        flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()),
        bytes,
        |e| e.finish(),
    )
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    compressed(
        flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best()),
        bytes,
        |e| e.finish(),
    )
}

fn compressed<E: std::io::Write>(
    mut encoder: E,
    bytes: &[u8],
    finish: impl FnOnce(E) -> std::io::Result<Vec<u8>>,
) -> Vec<u8> {
    encoder.write_all(bytes).unwrap();
    finish(encoder).unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 19).unwrap()
}

/// Zeros that decompress to so many MiB, piece by piece.
pub(crate) fn gzip_bomb(mib: usize) -> Vec<u8> {
    let piece = vec![b'\n'; 1 << 20];
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut encoder = encoder;
    for _ in 0..mib {
        std::io::Write::write_all(&mut encoder, &piece).unwrap();
    }
    encoder.finish().unwrap()
}

pub(crate) fn zstd_bomb(mib: usize) -> Vec<u8> {
    let piece = vec![b'\n'; 1 << 20];
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    for _ in 0..mib {
        std::io::Write::write_all(&mut encoder, &piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// Bytes that look like none of ours, the same every time.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}
