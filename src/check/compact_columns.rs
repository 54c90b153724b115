//! Columns in few bytes: whole numbers as their distance from the least one of the batch, and numbers as 32 bits where those
//! say the same. Nothing is lost; texts come here as the numbers of their words.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, PrimitiveArray,
    TimestampMillisecondArray, UInt32Array, UInt64Array,
};
use arrow_buffer::{ArrowNativeType, NullBuffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::DataType;

/// A column of a batch.
pub(super) struct CompactColumn {
    values: Values,
    nulls: Option<NullBuffer>,
    length: usize,
}

enum Values {
    /// Whole numbers, instants and dates.
    Whole {
        least: i64,
        above: Above,
    },
    Short(Vec<f32>),
    Long(Vec<f64>),
    /// Anything else, as it came.
    Other(ArrayRef),
}

enum Above {
    Nothing,
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
}

impl CompactColumn {
    pub(super) fn new(array: &ArrayRef) -> Self {
        let values = match array.data_type() {
            DataType::Int32 => whole_numbers(array.as_primitive::<Int32Type>(), i64::from),
            DataType::Int64 => whole_numbers(array.as_primitive::<Int64Type>(), |value| value),
            DataType::Date32 => whole_numbers(array.as_primitive::<Date32Type>(), i64::from),
            DataType::Timestamp(..) => whole_numbers(array.as_primitive::<TimestampMillisecondType>(), |value| value),
            DataType::UInt32 => whole_numbers(array.as_primitive::<UInt32Type>(), i64::from),
            // Rows of a file are fewer than that.
            DataType::UInt64 => whole_numbers(array.as_primitive::<UInt64Type>(), |value| value as i64),
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                match values.iter().all(|value| f64::from(*value as f32).to_bits() == value.to_bits()) {
                    true => Values::Short(values.iter().map(|value| *value as f32).collect()),
                    false => Values::Long(values.to_vec()),
                }
            }
            _ => Values::Other(array.clone()),
        };
        Self { values, nulls: array.nulls().filter(|nulls| nulls.null_count() > 0).cloned(), length: array.len() }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// What the column takes.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Whole { above, .. } => match above {
                Above::Nothing => 0,
                Above::U8(values) => values.len(),
                Above::U16(values) => values.len() * 2,
                Above::U32(values) => values.len() * 4,
                Above::U64(values) => values.len() * 8,
            },
            Values::Short(values) => values.len() * 4,
            Values::Long(values) => values.len() * 8,
            Values::Other(array) => array.get_buffer_memory_size(),
        };
        values + self.nulls.as_ref().map_or(0, |nulls| nulls.len() / 8 + 1) + size_of::<Self>()
    }

    /// Adds the whole numbers of some rows.
    fn whole_numbers<T>(&self, rows: impl Iterator<Item = usize>, to: &mut Vec<T>, convert: impl Fn(i64) -> T) {
        let Values::Whole { least, above } = &self.values else { return to.extend(rows.map(|_| convert(0))) };
        let number = |above: u64| convert(least.wrapping_add_unsigned(above));
        match above {
            Above::Nothing => to.extend(rows.map(|_| number(0))),
            Above::U8(values) => to.extend(rows.map(|row| number(u64::from(values[row])))),
            Above::U16(values) => to.extend(rows.map(|row| number(u64::from(values[row])))),
            Above::U32(values) => to.extend(rows.map(|row| number(u64::from(values[row])))),
            Above::U64(values) => to.extend(rows.map(|row| number(values[row]))),
        }
    }

    fn numbers(&self, rows: impl Iterator<Item = usize>, to: &mut Vec<f64>) {
        match &self.values {
            Values::Short(values) => to.extend(rows.map(|row| f64::from(values[row]))),
            Values::Long(values) => to.extend(rows.map(|row| values[row])),
            _ => to.extend(rows.map(|_| 0.0)),
        }
    }

    fn truths(&self, rows: impl Iterator<Item = usize>, to: &mut Vec<bool>) {
        match &self.values {
            Values::Other(array) => match array.as_boolean_opt() {
                Some(array) => to.extend(rows.map(|row| array.value(row))),
                None => to.extend(rows.map(|_| false)),
            },
            _ => to.extend(rows.map(|_| false)),
        }
    }
}

fn whole_numbers<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, convert: impl Fn(T::Native) -> i64) -> Values {
    let values = array.values();
    let bounds = match array.null_count() {
        0 => bounds(values.iter().map(|value| convert(*value))),
        _ => bounds(array.iter().flatten().map(&convert)),
    };
    let (least, most) = bounds.unwrap_or((0, 0));
    // What stands where there is no value is anything, and is never looked at.
    let above = values.iter().map(|value| convert(*value).wrapping_sub(least) as u64);
    let above = match most.wrapping_sub(least) as u64 {
        0 => Above::Nothing,
        1..=0xff => Above::U8(above.map(|value| value as u8).collect()),
        0x100..=0xffff => Above::U16(above.map(|value| value as u16).collect()),
        0x1_0000..=0xffff_ffff => Above::U32(above.map(|value| value as u32).collect()),
        _ => Above::U64(above.collect()),
    };
    Values::Whole { least, above }
}

fn bounds(numbers: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    numbers.map(|number| (number, number)).reduce(|(least, most), (a, b)| (least.min(a), most.max(b)))
}

/// Rows of a column that came in several batches.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// All of them, so many.
    All(usize),
    /// Some of them, ascending.
    Some(&'a [u32]),
}

impl<'a> Rows<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::All(rows) => rows,
            Self::Some(rows) => rows.len(),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        let (all, some) = match self {
            Self::All(rows) => (0..rows as u32, [].as_slice()),
            Self::Some(rows) => (0..0, rows),
        };
        all.chain(some.iter().copied())
    }

    /// Asks for the rows of each batch, by their places in it.
    fn each<'b>(self, batches: &'b [CompactColumn], mut ask: impl FnMut(&'b CompactColumn, Within<'a>)) {
        let (mut start, mut first) = (0, 0);
        for batch in batches {
            let end = start + batch.length;
            let within = match self {
                Self::All(_) => Within { all: 0..batch.length, some: [].iter(), start },
                Self::Some(rows) => {
                    let rest = &rows[first..];
                    let count = rest.partition_point(|row| (*row as usize) < end);
                    first += count;
                    Within { all: 0..0, some: rest[..count].iter(), start }
                }
            };
            ask(batch, within);
            start = end;
        }
    }
}

/// Rows of one batch.
struct Within<'a> {
    all: std::ops::Range<usize>,
    some: std::slice::Iter<'a, u32>,
    start: usize,
}

impl Iterator for Within<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.all.next().or_else(|| self.some.next().map(|row| *row as usize - self.start))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rows = self.all.len() + self.some.len();
        (rows, Some(rows))
    }
}

/// Rows of a column that came in several batches, as an array of its type; that of a text is the number of its word.
pub(super) fn unpacked(batches: &[CompactColumn], data_type: &DataType, rows: Rows) -> ArrayRef {
    let nulls = nulls_of(batches, rows);
    match data_type {
        DataType::Int32 => Arc::new(Int32Array::new(whole(batches, rows, |value| value as i32), nulls)),
        DataType::Int64 => Arc::new(Int64Array::new(whole(batches, rows, |value| value), nulls)),
        DataType::Date32 => Arc::new(Date32Array::new(whole(batches, rows, |value| value as i32), nulls)),
        DataType::Timestamp(_, zone) => {
            let array = TimestampMillisecondArray::new(whole(batches, rows, |value| value), nulls);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        DataType::UInt32 | DataType::Utf8 => {
            Arc::new(UInt32Array::new(whole(batches, rows, |value| value as u32), nulls))
        }
        DataType::UInt64 => Arc::new(UInt64Array::new(whole(batches, rows, |value| value as u64), nulls)),
        DataType::Float64 => {
            let mut values = Vec::with_capacity(rows.len());
            rows.each(batches, |batch, rows| batch.numbers(rows, &mut values));
            Arc::new(Float64Array::new(values.into(), nulls))
        }
        _ => {
            let mut values = Vec::with_capacity(rows.len());
            rows.each(batches, |batch, rows| batch.truths(rows, &mut values));
            Arc::new(BooleanArray::new(values.into(), nulls))
        }
    }
}

fn whole<T: ArrowNativeType>(batches: &[CompactColumn], rows: Rows, convert: impl Fn(i64) -> T) -> ScalarBuffer<T> {
    let mut values = Vec::with_capacity(rows.len());
    rows.each(batches, |batch, rows| batch.whole_numbers(rows, &mut values, &convert));
    values.into()
}

fn nulls_of(batches: &[CompactColumn], rows: Rows) -> Option<NullBuffer> {
    let mut nulls = NullBufferBuilder::new(rows.len());
    rows.each(batches, |batch, rows| match &batch.nulls {
        None => nulls.append_n_non_nulls(rows.size_hint().0),
        Some(of_batch) => rows.for_each(|row| nulls.append(of_batch.is_valid(row))),
    });
    nulls.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(array: ArrayRef) -> ArrayRef {
        let packed = [CompactColumn::new(&array)];
        unpacked(&packed, array.data_type(), Rows::All(array.len()))
    }

    proptest! {
        #[test]
        fn whole_numbers_come_back_as_they_were(values in proptest::collection::vec(proptest::option::of(any::<i64>()), 0..60)) {
            for shift in [0, 16, 40, 60] {
                let shifted = values.iter().map(|value| value.map(|value| value >> shift));
                let array: ArrayRef = Arc::new(shifted.collect::<Int64Array>());
                prop_assert_eq!(&round(array.clone()), &array);
            }
        }

        #[test]
        fn numbers_come_back_to_the_bit(values in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..60)) {
            let array: ArrayRef = Arc::new(values.iter().copied().collect::<Float64Array>());
            prop_assert_eq!(format!("{:?}", round(array.clone())), format!("{array:?}"));
            let short: ArrayRef = Arc::new(values.iter().map(|v| v.map(|v| f64::from(v as f32))).collect::<Float64Array>());
            prop_assert_eq!(format!("{:?}", round(short.clone())), format!("{short:?}"));
        }
    }

    #[test]
    fn all_types_come_back_and_take_few_bytes() {
        let instants: Vec<Option<i64>> =
            (0..1000).map(|i| (i % 7 != 0).then_some(1_795_500_000_000 + i * 1000)).collect();
        let arrays: Vec<(ArrayRef, usize)> = vec![
            (Arc::new(instants.iter().copied().collect::<TimestampMillisecondArray>().with_timezone("UTC")), 4_300),
            (Arc::new(Date32Array::from_value(20_000, 1000)), 100),
            (Arc::new(Int32Array::from_iter_values((0..1000).map(|i| i % 30))), 1_100),
            (Arc::new(UInt32Array::from_iter_values(0..1000)), 2_100),
            (Arc::new(UInt64Array::from_iter_values(5_000_000..5_001_000)), 2_100),
            (Arc::new((0..1000).map(|i| (i % 3 != 0).then_some(i % 2 == 0)).collect::<BooleanArray>()), 500),
            (Arc::new(Float64Array::from_iter_values((0..1000).map(|i| f64::from(48.4_f32 + i as f32 / 1e4)))), 4_100),
        ];
        for (array, most) in arrays {
            assert_eq!(&round(array.clone()), &array);
            let bytes = CompactColumn::new(&array).bytes();
            assert!(bytes <= most, "{}: {bytes}", array.data_type());
        }
    }
}
