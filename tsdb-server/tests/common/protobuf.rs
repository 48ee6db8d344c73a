//! A plain reader of protobuf, for answers that are well-formed.

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    Number(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            other => panic!("{other:?} is not bytes"),
        }
    }

    pub(crate) fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap()
    }

    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Number(n) => n,
            other => panic!("{other:?} is not a number"),
        }
    }
}

/// The fields of a message, each with its number.
pub(crate) fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = uvarint(&mut message);
        let field = match key & 7 {
            0 => Field::Number(uvarint(&mut message)),
            1 => {
                let (bytes, rest) = message.split_first_chunk::<8>().unwrap();
                message = rest;
                Field::Fixed64(u64::from_le_bytes(*bytes))
            }
            2 => {
                let len = uvarint(&mut message) as usize;
                let (bytes, rest) = message.split_at(len);
                message = rest;
                Field::Bytes(bytes)
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// Takes a varint off the front.
pub(crate) fn uvarint(bytes: &mut &[u8]) -> u64 {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return n;
        }
    }
    panic!("a varint that does not end");
}
