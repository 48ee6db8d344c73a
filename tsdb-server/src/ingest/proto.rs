//! Protobuf wire format, read in place: just enough for the messages that clients send.

use std::fmt;

/// Bytes that are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProtoError(pub(crate) &'static str);

impl fmt::Display for ProtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protobuf: {}", self.0)
    }
}

impl std::error::Error for ProtoError {}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// Of a wire type that no field of ours has.
    Fixed32,
}

impl<'a> Field<'a> {
    /// A string, bytes or an embedded message.
    pub(crate) fn bytes(self) -> Result<&'a [u8], ProtoError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtoError("a field has the wrong wire type")),
        }
    }

    /// A string, which has to be UTF-8.
    pub(crate) fn text(self) -> Result<&'a str, ProtoError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtoError("a string is not UTF-8"))
    }

    /// An `int64`: its two's complement as a varint.
    pub(crate) fn int64(self) -> Result<i64, ProtoError> {
        match self {
            Self::Varint(n) => Ok(n.cast_signed()),
            _ => Err(ProtoError("a field has the wrong wire type")),
        }
    }

    /// A `uint64`, `uint32` or enum.
    pub(crate) fn uint64(self) -> Result<u64, ProtoError> {
        match self {
            Self::Varint(n) => Ok(n),
            _ => Err(ProtoError("a field has the wrong wire type")),
        }
    }

    /// A `sint32`. More bits than it has are dropped, as decoders of the protocol do.
    pub(crate) fn sint32(self) -> Result<i32, ProtoError> {
        let n = self.uint64()? as u32;
        Ok((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    /// Calls `visit` with the numbers of a repeated field of varints, packed or one of them alone.
    pub(crate) fn each_varint(self, mut visit: impl FnMut(u64)) -> Result<(), ProtoError> {
        match self {
            Self::Varint(n) => visit(n),
            Self::Bytes(packed) => {
                let mut numbers = Fields::new(packed);
                while !numbers.rest.is_empty() {
                    visit(numbers.varint()?);
                }
            }
            _ => return Err(ProtoError("a field has the wrong wire type")),
        }
        Ok(())
    }

    /// The same for doubles.
    pub(crate) fn each_double(self, mut visit: impl FnMut(f64)) -> Result<(), ProtoError> {
        self.each_fixed64(|bits| visit(f64::from_bits(bits)))
    }

    /// The same for `fixed64`.
    pub(crate) fn each_fixed64(self, mut visit: impl FnMut(u64)) -> Result<(), ProtoError> {
        match self {
            Self::Fixed64(bits) => visit(bits),
            Self::Bytes(packed) => {
                let mut numbers = Fields::new(packed);
                while !numbers.rest.is_empty() {
                    visit(numbers.fixed64()?);
                }
            }
            _ => return Err(ProtoError("a field has the wrong wire type")),
        }
        Ok(())
    }

    /// A `double`.
    pub(crate) fn double(self) -> Result<f64, ProtoError> {
        self.fixed64().map(f64::from_bits)
    }

    /// A `fixed64`, or the bits of an `sfixed64`.
    pub(crate) fn fixed64(self) -> Result<u64, ProtoError> {
        match self {
            Self::Fixed64(bits) => Ok(bits),
            _ => Err(ProtoError("a field has the wrong wire type")),
        }
    }
}

/// Iterates over the fields of a message; ends after the first error.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Length in bytes of the leading fields that have this number (below 16) and are length-delimited.
    ///
    /// # Errors
    /// When one of them is cut short.
    pub(crate) fn leading(message: &'a [u8], number: u8) -> Result<usize, ProtoError> {
        let mut fields = Self::new(message);
        while fields.rest.first() == Some(&(number << 3 | 2)) {
            fields.rest = &fields.rest[1..];
            fields.delimited()?;
        }
        Ok(message.len() - fields.rest.len())
    }

    #[inline]
    fn delimited(&mut self) -> Result<&'a [u8], ProtoError> {
        let len =
            usize::try_from(self.varint()?).map_err(|_| ProtoError("a field is cut short"))?;
        self.take(len)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, ProtoError> {
        // Most numbers are tags, lengths and numbers of symbols of one byte or two.
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            [low, high, ref rest @ ..] if high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, ProtoError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self
                .rest
                .split_first()
                .ok_or(ProtoError("a varint is cut short"))?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            n |= bits << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(ProtoError("a varint is longer than 64 bits"))
    }

    #[inline]
    fn take(&mut self, n: usize) -> Result<&'a [u8], ProtoError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or(ProtoError("a field is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn fixed64(&mut self) -> Result<u64, ProtoError> {
        match <[u8; 8]>::try_from(self.take(8)?) {
            Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
            Err(_) => Err(ProtoError("a field is cut short")),
        }
    }

    #[inline]
    fn field(&mut self) -> Result<(u32, Field<'a>), ProtoError> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|n| (1..1 << 29).contains(n))
            .ok_or(ProtoError("a field has an impossible number"))?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(self.fixed64()?),
            2 => Field::Bytes(self.delimited()?),
            5 => {
                self.take(4)?;
                Field::Fixed32
            }
            _ => return Err(ProtoError("a field has an unknown wire type")),
        };
        Ok((number, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Field<'a>), ProtoError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}
