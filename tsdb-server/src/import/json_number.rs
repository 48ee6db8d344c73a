//! The columns of an exported series: numbers, and in JSON's stead for what JSON cannot say, words.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// The most numbers of one column. A number may take two bytes of the line, and takes eight in memory.
const MAX_LEN: usize = 4_000_000;

/// A bounded list.
#[derive(Debug)]
pub(super) struct Column<T>(pub(super) Vec<T>);

/// A value: a number, `null` for NaN, or `"NaN"`, `"Infinity"`, `"-Infinity"` and their short forms; a NaN with
/// bits of its own is `"NaN(7ff0000000000002)"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

/// Bits of Go's NaN, which is what VictoriaMetrics stores for `null`.
const NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Column<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seq<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Seq<T> {
            type Value = Column<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut column = Vec::new();
                while let Some(value) = seq.next_element()? {
                    if column.len() == MAX_LEN {
                        return Err(A::Error::custom(format!(
                            "more than {MAX_LEN} samples on a line"
                        )));
                    }
                    column.push(value);
                }
                Ok(Column(column))
            }
        }
        deserializer.deserialize_seq(Seq(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, null, \"NaN\", \"Infinity\" or \"-Infinity\"")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64)) // rounds to the nearest, as reading a float does
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_unit<E: Error>(self) -> Result<Number, E> {
                Ok(Number(f64::from_bits(NAN_BITS)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                if let Some(bits) = text.strip_prefix("NaN(").and_then(|t| t.strip_suffix(')')) {
                    let bits = u64::from_str_radix(bits, 16).ok().map(f64::from_bits);
                    let value = bits.filter(|value| value.is_nan());
                    let unexpected = serde::de::Unexpected::Str(text);
                    return value
                        .map(Number)
                        .ok_or_else(|| E::invalid_value(unexpected, &self));
                }
                match text.to_ascii_lowercase().as_str() {
                    "nan" => self.visit_unit(),
                    "infinity" | "inf" | "+infinity" | "+inf" => Ok(Number(f64::INFINITY)),
                    "-infinity" | "-inf" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Any)
    }
}
