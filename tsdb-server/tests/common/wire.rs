//! A plain encoder of remote write 1.0, kept apart from the decoder so that both can be wrong only on their own.

/// Label pairs and samples of one series.
pub(crate) type Series = (Vec<(String, String)>, Vec<(i64, f64)>);

/// A protobuf message under construction.
#[derive(Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn varint(mut self, number: u32, n: u64) -> Self {
        self.raw(u64::from(number) << 3);
        self.raw(n);
        self
    }

    pub(crate) fn double(self, number: u32, value: f64) -> Self {
        self.fixed64(number, value.to_bits())
    }

    pub(crate) fn fixed64(mut self, number: u32, n: u64) -> Self {
        self.raw(u64::from(number) << 3 | 1);
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, number: u32, bytes: &[u8]) -> Self {
        self.raw(u64::from(number) << 3 | 2);
        self.raw(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn raw(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }
}

/// A `WriteRequest`; metadata is type, metric, help.
pub(crate) fn encode(series: &[Series], metadata: &[(u32, String, String)]) -> Vec<u8> {
    let mut request = Message::default();
    for (labels, samples) in series {
        let mut message = Message::default();
        for (name, value) in labels {
            let label = Message::default()
                .bytes(1, name.as_bytes())
                .bytes(2, value.as_bytes());
            message = message.bytes(1, &label.0);
        }
        for (t_ms, value) in samples {
            let sample = Message::default()
                .double(1, *value)
                .varint(2, t_ms.cast_unsigned());
            message = message.bytes(2, &sample.0);
        }
        request = request.bytes(1, &message.0);
    }
    for (kind, metric, help) in metadata {
        let message = Message::default()
            .varint(1, u64::from(*kind))
            .bytes(2, metric.as_bytes())
            .bytes(4, help.as_bytes());
        request = request.bytes(3, &message.0);
    }
    request.0
}

/// Label pairs that own their text.
pub(crate) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
    pairs.iter().map(owned).collect()
}
