//! Columns in few bytes: whole numbers as their distance from the least one of the batch, and numbers as 32 bits where those
//! say the same. Nothing is lost; texts come here as the numbers of their words.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow_buffer::{NullBuffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::DataType;

/// A column of a batch.
pub struct Packed {
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

impl Packed {
    pub fn new(array: &ArrayRef) -> Self {
        let whole: Option<Vec<i64>> = match array.data_type() {
            DataType::Int32 => Some(array.as_primitive::<Int32Type>().values().iter().map(|v| i64::from(*v)).collect()),
            DataType::Int64 => Some(array.as_primitive::<Int64Type>().values().to_vec()),
            DataType::Date32 => {
                Some(array.as_primitive::<Date32Type>().values().iter().map(|v| i64::from(*v)).collect())
            }
            DataType::Timestamp(..) => Some(array.as_primitive::<TimestampMillisecondType>().values().to_vec()),
            DataType::UInt32 => {
                Some(array.as_primitive::<UInt32Type>().values().iter().map(|v| i64::from(*v)).collect())
            }
            // Rows of a file are fewer than that.
            DataType::UInt64 => Some(array.as_primitive::<UInt64Type>().values().iter().map(|v| *v as i64).collect()),
            _ => None,
        };
        let values = match (whole, array.data_type()) {
            (Some(values), _) => whole_numbers(&values, array),
            (None, DataType::Float64) => {
                let values = array.as_primitive::<Float64Type>().values();
                match values.iter().all(|value| f64::from(*value as f32).to_bits() == value.to_bits()) {
                    true => Values::Short(values.iter().map(|value| *value as f32).collect()),
                    false => Values::Long(values.to_vec()),
                }
            }
            (None, _) => Values::Other(array.clone()),
        };
        Self { values, nulls: array.nulls().filter(|nulls| nulls.null_count() > 0).cloned(), length: array.len() }
    }

    pub fn len(&self) -> usize {
        self.length
    }

    /// What the column takes.
    pub fn bytes(&self) -> usize {
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

    /// The whole number in a row; 0 for a row without one.
    pub fn whole(&self, row: usize) -> i64 {
        let Values::Whole { least, above } = &self.values else { return 0 };
        least.wrapping_add_unsigned(above.get(row))
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

impl Above {
    fn get(&self, row: usize) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::U8(values) => u64::from(values[row]),
            Self::U16(values) => u64::from(values[row]),
            Self::U32(values) => u64::from(values[row]),
            Self::U64(values) => values[row],
        }
    }
}

fn whole_numbers(values: &[i64], array: &ArrayRef) -> Values {
    let there = || values.iter().enumerate().filter(|(row, _)| array.is_valid(*row)).map(|(_, value)| *value);
    let (least, most) = (there().min().unwrap_or(0), there().max().unwrap_or(0));
    // What stands where there is no value is anything; it becomes the least.
    let above = values
        .iter()
        .enumerate()
        .map(|(row, value)| if array.is_valid(row) { value.wrapping_sub(least) as u64 } else { 0 });
    let above = match most.wrapping_sub(least) as u64 {
        0 => Above::Nothing,
        1..=0xff => Above::U8(above.map(|value| value as u8).collect()),
        0x100..=0xffff => Above::U16(above.map(|value| value as u16).collect()),
        0x1_0000..=0xffff_ffff => Above::U32(above.map(|value| value as u32).collect()),
        _ => Above::U64(above.collect()),
    };
    Values::Whole { least, above }
}

/// Rows of a column that came in several batches, as an array of its type; `rows` names batch and row of each.
pub fn unpacked(
    batches: &[Packed],
    data_type: &DataType,
    rows: impl Iterator<Item = (usize, usize)> + Clone,
) -> ArrayRef {
    let mut nulls = NullBufferBuilder::new(rows.size_hint().0);
    rows.clone().for_each(|(batch, row)| nulls.append(!batches[batch].is_null(row)));
    let nulls = nulls.finish();
    let whole = || rows.clone().map(|(batch, row)| batches[batch].whole(row));
    match data_type {
        DataType::Int32 => {
            Arc::new(Int32Array::new(whole().map(|value| value as i32).collect::<ScalarBuffer<i32>>(), nulls))
        }
        DataType::Int64 => Arc::new(Int64Array::new(whole().collect::<ScalarBuffer<i64>>(), nulls)),
        DataType::Date32 => {
            Arc::new(Date32Array::new(whole().map(|value| value as i32).collect::<ScalarBuffer<i32>>(), nulls))
        }
        DataType::Timestamp(_, zone) => {
            let array = TimestampMillisecondArray::new(whole().collect::<ScalarBuffer<i64>>(), nulls);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        DataType::UInt32 | DataType::Utf8 => {
            Arc::new(UInt32Array::new(whole().map(|value| value as u32).collect::<ScalarBuffer<u32>>(), nulls))
        }
        DataType::UInt64 => {
            Arc::new(UInt64Array::new(whole().map(|value| value as u64).collect::<ScalarBuffer<u64>>(), nulls))
        }
        DataType::Float64 => {
            let values = rows.map(|(batch, row)| match &batches[batch].values {
                Values::Short(values) => f64::from(values[row]),
                Values::Long(values) => values[row],
                _ => 0.0,
            });
            Arc::new(Float64Array::new(values.collect::<ScalarBuffer<f64>>(), nulls))
        }
        _ => {
            let values = rows.map(|(batch, row)| match &batches[batch].values {
                Values::Other(array) => {
                    array.as_boolean_opt().filter(|array| array.is_valid(row)).map(|array| array.value(row))
                }
                _ => None,
            });
            Arc::new(values.collect::<BooleanArray>())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(array: ArrayRef) -> ArrayRef {
        let packed = [Packed::new(&array)];
        unpacked(&packed, array.data_type(), (0..array.len()).map(|row| (0, row)))
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
            let bytes = Packed::new(&array).bytes();
            assert!(bytes <= most, "{}: {bytes}", array.data_type());
        }
    }
}
