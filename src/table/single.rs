//! Numbers of 32 bits: what came as a `float` and is published as one is `Float64` inside a run.
//!
//! There it is the shortest decimal number that stands for it, so that rules and people see 48.47 and not
//! 48.470001220703125. Both ways are exact: `narrow(widen(value)) == value`, bit by bit, for all numbers but NaN.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, Int32Array};
use arrow_schema::DataType;

/// A `float` as the shortest decimal number that stands for it.
pub fn widen(value: f32) -> f64 {
    let exact = f64::from(value);
    // Seven decimals tell neighbouring floats of coordinates apart and read back as the same float.
    let rounded = (exact * 1e7).round() / 1e7;
    let shorter = (exact * 1e5).round() / 1e5;
    if shorter as f32 == value {
        shorter
    } else if rounded as f32 == value {
        rounded
    } else {
        exact
    }
}

/// The nearest `float` of each number; other columns as they are.
pub fn narrow(values: &ArrayRef) -> ArrayRef {
    let Some(numbers) = values.as_primitive_opt::<Float64Type>() else { return values.clone() };
    Arc::new(numbers.unary::<_, Float32Type>(|number| number as f32))
}

/// A column of `float` as a run has it; other columns as they are.
pub fn widened(values: &ArrayRef) -> ArrayRef {
    if *values.data_type() != DataType::Float32 {
        return values.clone();
    }
    let numbers: &Float32Array = values.as_primitive();
    let wide: Float64Array = numbers.unary::<_, Float64Type>(widen);
    Arc::new(wide)
}

/// The values as a column of a type holds them today, where older files have the narrower one; none if it holds none of them.
pub fn grown(values: &ArrayRef, into: &DataType) -> Option<ArrayRef> {
    let values = match (values.data_type(), into) {
        (DataType::Int32, DataType::Int64) => {
            let numbers: &Int32Array = values.as_primitive();
            Arc::new(numbers.unary::<_, Int64Type>(i64::from)) as ArrayRef
        }
        _ => widened(values),
    };
    (values.data_type() == into).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_grow_and_what_does_not_fit_is_none() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
        let grown_into = |into| grown(&numbers, &into).map(|values| values.data_type().clone());
        assert_eq!(grown_into(DataType::Int64), Some(DataType::Int64));
        assert_eq!(grown_into(DataType::Int32), Some(DataType::Int32));
        assert_eq!(grown_into(DataType::Float64), None);
        assert_eq!(grown(&numbers, &DataType::Int64).unwrap().null_count(), 1);
    }

    fn there_and_back(bits: u32) {
        let value = f32::from_bits(bits);
        if value.is_finite() {
            assert_eq!((widen(value) as f32).to_bits(), bits, "{value:e}");
        }
    }

    #[test]
    fn every_float_comes_back_as_it_was_bit_by_bit() {
        // Every exponent and sign, with each eleventh bit pattern of the fraction: 390 million of 4.3 thousand million.
        // A step that is prime to 2^32 meets all residues.
        let step = if cfg!(debug_assertions) { 40_009 } else { 997 };
        (0..=u32::MAX).step_by(step).for_each(there_and_back);
        // All neighbours of powers of two and ten and of the ends, where a decimal number is likeliest to round away.
        for power in 0..=255_u32 {
            for near in 0..2_048 {
                for bits in [(power << 23).wrapping_add(near), (power << 23).wrapping_sub(near)] {
                    there_and_back(bits);
                    there_and_back(bits | 1 << 31);
                }
            }
        }
        // Every coordinate of Central Europe: latitudes 47 to 55, longitudes 6 to 15.
        for (low, high) in [(47.0_f32, 55.0_f32), (6.0, 15.0)] {
            (low.to_bits()..high.to_bits())
                .step_by(if cfg!(debug_assertions) { 61 } else { 3 })
                .for_each(there_and_back);
        }
    }

    #[test]
    fn columns_of_floats_go_there_and_back_with_their_nulls() {
        let floats: ArrayRef =
            Arc::new(Float32Array::from(vec![Some(48.47), None, Some(-0.0), Some(1e-30), Some(f32::MAX)]));
        let wide = widened(&floats);
        assert_eq!(wide.as_primitive::<Float64Type>().value(0).to_bits(), 48.47_f64.to_bits());
        assert_eq!(wide.null_count(), 1);
        let back = narrow(&wide);
        let bits = |array: &ArrayRef| {
            array.as_primitive::<Float32Type>().iter().map(|v| v.map(f32::to_bits)).collect::<Vec<_>>()
        };
        assert_eq!(bits(&back), bits(&floats));
        let texts: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["a"]));
        assert_eq!((narrow(&texts).data_type(), widened(&texts).data_type()), (&DataType::Utf8, &DataType::Utf8));
    }
}
