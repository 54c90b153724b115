//! The functions of [`super::super::functions`] as Polars calls them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use polars::prelude::{
    BaseColumnUdf, BooleanChunked, Column, DataType, Field, Float64Chunked, Int32Chunked, IntoColumn, NewChunkedArray,
    PlSmallStr, PolarsError, PolarsResult, Scalar, Schema, UserDefinedFunction,
};
use polars::sql::{FunctionOptions, FunctionRegistry};

use crate::check::area::ServiceArea;
use crate::check::context::RuleContext;
use crate::check::timetable::Shapes;
use crate::time::ServiceDate;

/// What a function does with its columns.
type Run = Box<dyn Fn(&mut [Column]) -> PolarsResult<Column> + Send + Sync>;

/// The functions with what they know of the city.
pub(super) struct Functions(BTreeMap<&'static str, UserDefinedFunction>);

impl Functions {
    pub(super) fn new(context: &RuleContext) -> Self {
        let (area, zone) = (context.area.clone(), context.zone.clone());
        let shapes = context
            .timetable
            .as_ref()
            .map_or_else(|_| Arc::new(Shapes::default()), |timetable| timetable.shapes.clone());
        let mut functions = BTreeMap::new();
        let mut add = |name: &'static str, arguments: usize, gives: DataType, run: Run| {
            let schema = move |_: &Schema, fields: &[Field]| {
                if fields.len() != arguments {
                    let message = format!("{name} takes {arguments} arguments, not {}", fields.len());
                    return Err(PolarsError::InvalidOperation(message.into()));
                }
                Ok(Field::new(fields[0].name().clone(), gives.clone()))
            };
            let mut function = UserDefinedFunction::new(PlSmallStr::from_static(name), BaseColumnUdf::new(run, schema));
            function.options = match name {
                "is_monotonic" => FunctionOptions::aggregation(),
                _ => FunctionOptions::elementwise(),
            };
            functions.insert(name, function);
        };
        add("distance_m", 4, DataType::Float64, Box::new(distance));
        add("distance_to_shape_m", 3, DataType::Float64, Box::new(move |columns| distance_to_shape(columns, &shapes)));
        add("in_service_area", 2, DataType::Boolean, Box::new(move |columns| in_area(columns, area.as_ref())));
        add("service_seconds", 2, DataType::Int32, Box::new(move |columns| service_seconds(columns, &zone)));
        add("is_monotonic", 1, DataType::Boolean, Box::new(is_monotonic));
        Self(functions)
    }
}

impl FunctionRegistry for Functions {
    fn register(&mut self, name: &str, _: UserDefinedFunction) -> PolarsResult<()> {
        Err(PolarsError::InvalidOperation(format!("'{name}' cannot be registered here").into()))
    }

    fn get_udf(&self, name: &str) -> PolarsResult<Option<UserDefinedFunction>> {
        Ok(self.0.get(name.to_lowercase().as_str()).cloned())
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name.to_lowercase().as_str())
    }
}

/// Numbers, as many as there are rows; a literal stands for all of them.
struct Numbers(Float64Chunked);

impl Numbers {
    fn of(column: &Column) -> PolarsResult<Self> {
        Ok(Self(column.as_materialized_series().cast(&DataType::Float64)?.f64()?.rechunk().into_owned()))
    }

    fn get(&self, row: usize) -> Option<f64> {
        self.0.get(if self.0.len() == 1 { 0 } else { row })
    }
}

fn rows(columns: &[Column]) -> usize {
    // A literal has one row; where there are no rows, it has no say.
    let lengths = || columns.iter().map(Column::len);
    if lengths().any(|length| length == 0) { 0 } else { lengths().max().unwrap_or(0) }
}

fn name(columns: &[Column]) -> PlSmallStr {
    columns.first().map_or(PlSmallStr::EMPTY, |column| column.name().clone())
}

fn distance(columns: &mut [Column]) -> PolarsResult<Column> {
    let numbers: Vec<Numbers> = columns.iter().map(Numbers::of).collect::<PolarsResult<_>>()?;
    let metres = (0..rows(columns)).map(|row| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|argument| numbers[argument].get(row));
        Some(crate::geo::metres([a?, b?], [c?, d?]))
    });
    Ok(Float64Chunked::from_iter_options(name(columns), metres).into_column())
}

fn distance_to_shape(columns: &mut [Column], shapes: &Shapes) -> PolarsResult<Column> {
    let (lat, lon) = (Numbers::of(&columns[0])?, Numbers::of(&columns[1])?);
    let trips = columns[2].as_materialized_series().cast(&DataType::String)?;
    let trips = trips.str()?;
    let mut last: Option<(&str, Option<usize>)> = None;
    let metres: Vec<Option<f64>> = (0..rows(columns))
        .map(|row| {
            let trip = trips.get(if trips.len() == 1 { 0 } else { row })?;
            let shape = match last {
                Some((before, shape)) if before == trip => shape,
                _ => shapes.find(trip),
            };
            last = Some((trip, shape));
            Some(shapes.metres(shape?, lat.get(row)?, lon.get(row)?))
        })
        .collect();
    Ok(Float64Chunked::from_iter_options(name(columns), metres.into_iter()).into_column())
}

fn in_area(columns: &mut [Column], area: Option<&ServiceArea>) -> PolarsResult<Column> {
    let Some(area) = area else {
        let message = "in_service_area needs 'service_area' in fahrtenbuch.yaml";
        return Err(PolarsError::InvalidOperation(message.into()));
    };
    let (lat, lon) = (Numbers::of(&columns[0])?, Numbers::of(&columns[1])?);
    let inside = (0..rows(columns)).map(|row| Some(area.contains(lat.get(row)?, lon.get(row)?)));
    Ok(BooleanChunked::from_iter_options(name(columns), inside).into_column())
}

fn service_seconds(columns: &mut [Column], zone: &TimeZone) -> PolarsResult<Column> {
    let instants = columns[0].as_materialized_series().to_physical_repr().cast(&DataType::Int64)?;
    let unit = match columns[0].dtype() {
        DataType::Datetime(unit, _) => *unit,
        other => {
            let message = format!("service_seconds takes an instant first, not {other}");
            return Err(PolarsError::InvalidOperation(message.into()));
        }
    };
    let a_second = match unit {
        polars::prelude::TimeUnit::Nanoseconds => 1_000_000_000,
        polars::prelude::TimeUnit::Microseconds => 1_000_000,
        polars::prelude::TimeUnit::Milliseconds => 1_000,
    };
    let dates = columns[1].as_materialized_series().cast(&DataType::Date)?;
    let dates = dates.to_physical_repr().cast(&DataType::Int32)?;
    let (instants, dates) = (instants.i64()?, dates.i32()?);
    let mut last: Option<(i32, i64)> = None;
    let seconds: Vec<Option<i32>> = (0..rows(columns))
        .map(|row| {
            let day = dates.get(if dates.len() == 1 { 0 } else { row })?;
            let instant = instants.get(if instants.len() == 1 { 0 } else { row })?;
            let zero = match last {
                Some((before, zero)) if before == day => zero,
                _ => ServiceDate::from_days_since_epoch(day)?.zero(zone).as_second(),
            };
            last = Some((day, zero));
            i32::try_from(instant.div_euclid(a_second) - zero).ok()
        })
        .collect();
    Ok(Int32Chunked::from_iter_options(name(columns), seconds.into_iter()).into_column())
}

fn is_monotonic(columns: &mut [Column]) -> PolarsResult<Column> {
    let series = columns[0].as_materialized_series().to_physical_repr().into_owned();
    let mut last: Option<f64> = None;
    let mut holds = true;
    for value in series.cast(&DataType::Float64)?.f64()?.iter().flatten() {
        holds &= last.is_none_or(|last| last <= value);
        last = Some(value);
    }
    Ok(Column::new_scalar(name(columns), Scalar::from(holds), 1))
}
