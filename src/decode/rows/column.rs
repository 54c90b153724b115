//! The cells of one column on their way to an array.

use std::io::Write;
use std::sync::Arc;

use arrow_array::types::{Date32Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::cell::{Cell, Scalar};
use crate::contract::Kind;

/// A shared text beyond this keeps no memory once it is no longer shared.
const SHARED_BYTES: usize = 64 << 10;

/// The cells of one column.
pub(super) struct Column {
    pub kind: Kind,
    values: Values,
    nulls: NullBufferBuilder,
    pub shared: Shared,
}

/// Values, one a row; that of a null is any.
enum Values {
    /// Where each text ends, after a 0; and all texts one after the other.
    Text(Vec<i32>, Vec<u8>),
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
    Float(Vec<f64>),
    Boolean(BooleanBufferBuilder),
}

/// What all rows of a column have that do not set it.
#[derive(Default)]
pub(super) struct Shared {
    value: SharedValue,
    text: String,
}

#[derive(Default)]
enum SharedValue {
    #[default]
    Null,
    /// That of `text`.
    Text,
    /// Any but a text.
    Scalar(Scalar<'static>),
    Flaw(&'static str, String),
}

impl Shared {
    /// Keeps what a cell was found to be, or what was expected of it.
    pub(super) fn keep(&mut self, scalar: Result<Scalar<'_>, &'static str>, cell: Cell<'_>) {
        let scalar = match scalar {
            Ok(scalar) => scalar,
            Err(expected) => {
                self.value = SharedValue::Flaw(expected, cell.shown());
                return;
            }
        };
        self.value = match scalar {
            Scalar::Null => SharedValue::Null,
            Scalar::Text(text) => {
                self.text.clear();
                self.text.push_str(text);
                SharedValue::Text
            }
            Scalar::Digits(number) => SharedValue::Scalar(Scalar::Digits(number)),
            Scalar::Narrow(number) => SharedValue::Scalar(Scalar::Narrow(number)),
            Scalar::Wide(number) => SharedValue::Scalar(Scalar::Wide(number)),
            Scalar::Float(number) => SharedValue::Scalar(Scalar::Float(number)),
            Scalar::Boolean(value) => SharedValue::Scalar(Scalar::Boolean(value)),
        };
    }

    pub(super) fn forget(&mut self) {
        self.value = SharedValue::Null;
        if self.text.capacity() > SHARED_BYTES {
            self.text = String::new();
        }
    }
}

impl Column {
    pub(super) fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Values::Text(vec![0], Vec::new()),
            Kind::Int32 | Kind::Date | Kind::ServiceTime => Values::Narrow(Vec::new()),
            Kind::Int64 | Kind::Instant => Values::Wide(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
            Kind::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
        };
        Self { kind, values, nulls: NullBufferBuilder::new(0), shared: Shared::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.nulls.len()
    }

    #[inline]
    pub(super) fn push(&mut self, scalar: Scalar<'_>) -> Result<(), &'static str> {
        match (&mut self.values, scalar) {
            (Values::Text(ends, texts), Scalar::Text(text)) => {
                return push_text(ends, texts, text.as_bytes(), &mut self.nulls);
            }
            (Values::Text(ends, texts), Scalar::Digits(number)) => {
                let mut digits = [0; 20];
                let mut rest = &mut digits[..];
                // The longest number has a sign and 19 digits.
                let is_written = write!(rest, "{number}").is_ok();
                let left = rest.len();
                let text = if is_written { &digits[..digits.len() - left] } else { &[] };
                return push_text(ends, texts, text, &mut self.nulls);
            }
            (Values::Narrow(values), Scalar::Narrow(value)) => values.push(value),
            (Values::Wide(values), Scalar::Wide(value)) => values.push(value),
            (Values::Float(values), Scalar::Float(value)) => values.push(value),
            (Values::Boolean(values), Scalar::Boolean(value)) => values.append(value),
            // `fit` gives each kind its own.
            (_, _) => {
                self.push_null();
                return Ok(());
            }
        }
        self.nulls.append_non_null();
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        match &mut self.values {
            Values::Text(ends, texts) => ends.push(texts.len() as i32),
            Values::Narrow(values) => values.push(0),
            Values::Wide(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Boolean(values) => values.append(false),
        }
        self.nulls.append_null();
    }

    /// Appends what the rows share; gives what was expected and found where that is a flaw.
    #[inline]
    pub(super) fn push_shared(&mut self) -> Option<(&'static str, String)> {
        let pushed = match &self.shared.value {
            SharedValue::Null => {
                self.push_null();
                return None;
            }
            SharedValue::Flaw(expected, found) => {
                let flaw = (*expected, found.clone());
                self.push_null();
                return Some(flaw);
            }
            SharedValue::Scalar(scalar) => self.push(*scalar),
            SharedValue::Text => match &mut self.values {
                Values::Text(ends, texts) => push_text(ends, texts, self.shared.text.as_bytes(), &mut self.nulls),
                _ => {
                    self.push_null();
                    Ok(())
                }
            },
        };
        pushed.err().map(|expected| {
            self.push_null();
            (expected, Cell::Name(&self.shared.text).shown())
        })
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        if self.len() <= rows {
            return;
        }
        match &mut self.values {
            Values::Text(ends, texts) => {
                ends.truncate(rows + 1);
                texts.truncate(ends.last().map_or(0, |end| *end as usize));
            }
            Values::Narrow(values) => values.truncate(rows),
            Values::Wide(values) => values.truncate(rows),
            Values::Float(values) => values.truncate(rows),
            Values::Boolean(values) => values.truncate(rows),
        }
        self.nulls.truncate(rows);
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = self.nulls.finish();
        Ok(match &mut self.values {
            Values::Text(ends, texts) => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])));
                Arc::new(StringArray::try_new(ends, Buffer::from_vec(std::mem::take(texts)), nulls)?)
            }
            Values::Narrow(values) => {
                let values = ScalarBuffer::from(std::mem::take(values));
                match self.kind {
                    Kind::Date => Arc::new(PrimitiveArray::<Date32Type>::try_new(values, nulls)?),
                    _ => Arc::new(PrimitiveArray::<Int32Type>::try_new(values, nulls)?),
                }
            }
            Values::Wide(values) => {
                let values = ScalarBuffer::from(std::mem::take(values));
                match self.kind {
                    Kind::Instant => {
                        let instants = PrimitiveArray::<TimestampMillisecondType>::try_new(values, nulls)?;
                        Arc::new(instants.with_timezone("UTC"))
                    }
                    _ => Arc::new(PrimitiveArray::<Int64Type>::try_new(values, nulls)?),
                }
            }
            Values::Float(values) => Arc::new(Float64Array::try_new(std::mem::take(values).into(), nulls)?),
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
        })
    }
}

/// Appends a text, unless the texts of the chunk would be more than the offsets of their array can tell.
#[inline]
fn push_text(
    ends: &mut Vec<i32>,
    texts: &mut Vec<u8>,
    text: &[u8],
    nulls: &mut NullBufferBuilder,
) -> Result<(), &'static str> {
    let end = i32::try_from(texts.len() + text.len()).map_err(|_| "a text that fits into a chunk of 2 GiB")?;
    texts.extend_from_slice(text);
    ends.push(end);
    nulls.append_non_null();
    Ok(())
}
