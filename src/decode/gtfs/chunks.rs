//! Chunks of rows for publication: of the fields of a block, or of columns that hold all that the block says.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array, new_null_array,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, SchemaRef};

use super::cells::{Column, Lines, NO_INT};
use super::words::{NONE, Words};
use crate::contract::{Contract, Kind};
use crate::decode::DecodeError;
use crate::decode::csv::{Fields, Remark, Swallowing, float, integer, trim};
use crate::table::{Chunk, Flaw, Remarks};
use crate::time::{ServiceDate, ServiceSeconds};

/// Characters of a flawed cell that are kept.
const EXCERPT: usize = 80;

/// How the columns of a file map onto those of its contract.
pub(super) struct Layout {
    pub contract: Arc<Contract>,
    schema: SchemaRef,
    /// Columns of the file.
    pub width: usize,
    /// For each column of the contract its place in the file; `None` also if it is not needed.
    places: Vec<Option<usize>>,
}

impl Layout {
    /// Of a file with this header, of which the columns are needed that `needs` says.
    pub(super) fn new(contract: &Arc<Contract>, header: &[String], needs: impl Fn(&str) -> bool) -> Self {
        let place = |name: &String| header.iter().position(|other| other == name).filter(|_| needs(name));
        let places = contract.columns.iter().map(|column| place(&column.name)).collect();
        Self { contract: contract.clone(), schema: contract.chunk_schema(), width: header.len(), places }
    }

    // The columns are made from the schema, in its order and of its types, and cells are cut at ASCII bytes.
    fn internal(&self, error: &ArrowError) -> DecodeError {
        DecodeError::feed(&self.contract.table, error.to_string(), "This is a fault of the program.")
    }

    /// The last two columns, and all of them as rows.
    fn rows(&self, mut columns: Vec<ArrayRef>, lines: UInt64Array) -> Result<RecordBatch, DecodeError> {
        columns.push(Arc::new(UInt32Array::from_value(0, lines.len())));
        columns.push(Arc::new(lines));
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| self.internal(&error))
    }

    /// Reads a block whose records begin on `line` into a chunk. `text` is that in which its torn records stand. Those are the
    /// last rows of the chunk; what can be read of their cells is there, and nothing is told of what cannot.
    pub(super) fn chunk_of_block(&self, fields: &Fields<'_>, text: &[u8], line: u64) -> Result<Chunk, DecodeError> {
        let width = self.width;
        let whole = fields.count() / width;
        let torn_rows = fields.torn.len();
        let utf8 = simdutf8::basic::from_utf8(&fields.text).is_ok();
        let (mut flaws, swallowed) = self.broken_rows(fields, text, line);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.places.len() + 2);
        for (index, (place, column)) in self.places.iter().zip(&self.contract.columns).enumerate() {
            let index = index as u32;
            let Some(place) = *place else {
                columns.push(new_null_array(&column.kind.data_type(), whole + torn_rows));
                continue;
            };
            let mut reader = ColumnReader { fields, width, place, column: index, rows: whole, utf8 };
            let mut array = reader.read(column.kind, &mut flaws).map_err(|error| self.internal(&error))?;
            if torn_rows > 0 {
                let torn = fields.of_torn(place);
                let mut reader =
                    ColumnReader { fields: &torn, width: 1, place: 0, column: index, rows: torn_rows, utf8: false };
                let torn = reader.read(column.kind, &mut Vec::new());
                array = torn
                    .and_then(|torn| arrow_select::concat::concat(&[&array, &torn]))
                    .map_err(|error| self.internal(&error))?;
            }
            columns.push(array);
        }
        let lines = match &fields.lines {
            Some(lines) => {
                UInt64Array::from_iter_values(lines.iter().copied().chain(fields.torn.iter().map(|torn| torn.line)))
            }
            None => UInt64Array::from_iter_values(line..line + whole as u64),
        };
        flaws.sort_by_key(|flaw| (flaw.row, flaw.column));
        let remarks = Remarks { swallowed, ..remarks(fields, self) };
        Ok(Chunk { rows: self.rows(columns, lines)?, flaws, remarks })
    }

    /// The flaws of rows as a whole, and how many lines others swallowed.
    fn broken_rows(&self, fields: &Fields<'_>, text: &[u8], line: u64) -> (Vec<Flaw>, u64) {
        let whole = fields.count() / self.width;
        let expected = "as many fields as the header has".into();
        let (mut flaws, mut swallowed) = (Vec::new(), 0);
        for (place, torn) in fields.torn.iter().enumerate() {
            let text = trim(text.get(torn.begin as usize..torn.end as usize).unwrap_or_default());
            let found = format!("{} fields instead of {}: {}", torn.fields, self.width, excerpt(text));
            flaws.push(Flaw { row: (whole + place) as u32, column: None, expected, found });
        }
        for &Swallowing { row, until } in &fields.swallowing {
            let line = fields.lines.as_ref().and_then(|lines| lines.get(row as usize)).copied().unwrap_or(line);
            let found = format!("an open quote from line {line} swallowed the rows until line {until}");
            flaws.push(Flaw { row, column: None, expected, found });
            swallowed += until.saturating_sub(line);
        }
        (flaws, swallowed)
    }

    /// Whether columns can hold the values of the contract's types. The others are read from the text.
    pub(super) fn fits<'a>(&self, column: impl Fn(usize) -> Option<&'a Column>) -> bool {
        let fits = |(place, kind): (usize, Kind)| match (kind, column(place)) {
            (_, None) => self.places[place].is_none(),
            (Kind::Text, Some(Column::Text { .. })) | (Kind::Float, Some(Column::Float(_))) => true,
            (Kind::Int32 | Kind::Int64 | Kind::ServiceTime | Kind::Date | Kind::Instant, Some(Column::Int(_))) => true,
            _ => false,
        };
        self.contract.columns.iter().map(|column| column.kind).enumerate().all(fits)
    }

    /// Some rows of columns, of blocks of which the columns hold all that there is.
    pub(super) fn chunk_of_columns<'a>(
        &self,
        column: impl Fn(usize) -> Option<&'a Column>,
        lines: &Lines,
        rows: Range<usize>,
    ) -> Result<Chunk, DecodeError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.places.len() + 2);
        for (index, of_contract) in self.contract.columns.iter().enumerate() {
            let cells = self.places[index].and_then(|_| column(index));
            let array = cells.map(|cells| array(cells, of_contract.kind, rows.clone()));
            let array = array.transpose().map_err(|error| self.internal(&error))?;
            columns.push(array.unwrap_or_else(|| new_null_array(&of_contract.kind.data_type(), rows.len())));
        }
        let lines = UInt64Array::from_iter_values(rows.map(|row| lines.of(row)));
        Ok(Chunk { rows: self.rows(columns, lines)?, flaws: Vec::new(), remarks: Remarks::default() })
    }
}

/// Some cells of a column in the type of the contract.
fn array(cells: &Column, kind: Kind, rows: Range<usize>) -> Result<ArrayRef, ArrowError> {
    Ok(match cells {
        Column::Text { codes, words } => Arc::new(texts(codes.get(rows).unwrap_or_default(), words)?),
        Column::Float(cells) => {
            let cells = cells.get(rows).unwrap_or_default();
            let nulls = nulls(cells, |cell| !cell.is_nan());
            let cells: Vec<f64> = cells.iter().map(|cell| if cell.is_nan() { 0.0 } else { *cell }).collect();
            Arc::new(Float64Array::new(cells.into(), nulls))
        }
        Column::Int(cells) => {
            let cells = cells.get(rows).unwrap_or_default();
            let nulls = nulls(cells, |cell| *cell != NO_INT);
            let value = |cell: &i32| if *cell == NO_INT { 0 } else { *cell };
            let longs = |factor: i64| cells.iter().map(|cell| i64::from(value(cell)) * factor).collect::<Vec<_>>();
            let ints = || cells.iter().map(value).collect::<Vec<_>>();
            match kind {
                Kind::Int64 => Arc::new(Int64Array::new(longs(1).into(), nulls)),
                Kind::Instant => {
                    Arc::new(TimestampMillisecondArray::new(longs(1000).into(), nulls).with_timezone("UTC"))
                }
                Kind::Date => Arc::new(Date32Array::new(ints().into(), nulls)),
                _ => Arc::new(Int32Array::new(ints().into(), nulls)),
            }
        }
    })
}

fn nulls<T>(cells: &[T], is_there: impl Fn(&T) -> bool) -> Option<NullBuffer> {
    if cells.iter().all(&is_there) {
        return None;
    }
    Some(NullBuffer::from_iter(cells.iter().map(is_there)))
}

fn texts(codes: &[u32], words: &Words) -> Result<StringArray, ArrowError> {
    let mut values = Vec::with_capacity(codes.len() * 8);
    let mut offsets = Vec::with_capacity(codes.len() + 1);
    offsets.push(0);
    for code in codes {
        values.extend_from_slice(words.bytes(*code));
        offsets.push(i32::try_from(values.len()).map_err(|_| ArrowError::OffsetOverflowError(values.len()))?);
    }
    let nulls = nulls(codes, |code| *code != NONE);
    StringArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(values), nulls)
}

/// What there is to tell of the cells that the contract knows.
fn remarks(fields: &Fields<'_>, layout: &Layout) -> Remarks {
    let cell = |remark: &Remark| {
        let row = fields.lines.as_ref()?.binary_search(&remark.line).ok()?;
        let column = layout.places.iter().position(|place| *place == Some(remark.place as usize))?;
        Some((row as u32, column as u32))
    };
    Remarks {
        quotes: fields.loose.iter().filter_map(cell).collect(),
        line_ends: fields.broken.iter().filter_map(cell).collect(),
        empty: fields.empty.clone(),
        swallowed: 0,
    }
}

/// The beginning of a text, for people.
fn excerpt(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(4 * EXCERPT)]).chars().take(EXCERPT).collect()
}

struct ColumnReader<'a> {
    fields: &'a Fields<'a>,
    width: usize,
    place: usize,
    column: u32,
    rows: usize,
    /// Whether all of the block is UTF-8.
    utf8: bool,
}

impl ColumnReader<'_> {
    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.rows).map(|row| self.fields.field(row * self.width + self.place))
    }

    fn read(&mut self, kind: Kind, flaws: &mut Vec<Flaw>) -> Result<ArrayRef, arrow_schema::ArrowError> {
        Ok(match kind {
            Kind::Text => Arc::new(self.text(flaws)?),
            Kind::Int32 => {
                let (values, nulls) =
                    self.parse(0, "a whole number", flaws, |text| integer(text).and_then(|v| v.try_into().ok()));
                Arc::new(Int32Array::new(values, nulls))
            }
            Kind::Int64 => {
                let (values, nulls) = self.parse(0, "a whole number", flaws, integer);
                Arc::new(Int64Array::new(values, nulls))
            }
            Kind::ServiceTime => {
                let (values, nulls) = self
                    .parse(0, "a time like 25:10:00", flaws, |text| ServiceSeconds::from_gtfs(text).map(|time| time.0));
                Arc::new(Int32Array::new(values, nulls))
            }
            Kind::Date => {
                let (values, nulls) = self.parse(0, "a date like 20261124", flaws, |text| {
                    ServiceDate::from_gtfs(std::str::from_utf8(text).ok()?).map(ServiceDate::days_since_epoch)
                });
                Arc::new(Date32Array::new(values, nulls))
            }
            Kind::Float => {
                let (values, nulls) = self.parse(0.0, "a number like 48.47", flaws, float);
                Arc::new(Float64Array::new(values, nulls))
            }
            Kind::Instant => {
                let (values, nulls) =
                    self.parse(0, "seconds since 1970", flaws, |text| integer(text)?.checked_mul(1000));
                Arc::new(TimestampMillisecondArray::new(values, nulls).with_timezone("UTC"))
            }
            Kind::Boolean => {
                let mut builder = BooleanBuilder::with_capacity(self.rows);
                let cells: Vec<Option<bool>> = self
                    .cells()
                    .enumerate()
                    .map(|(row, cell)| match cell {
                        b"" => None,
                        b"1" | b"true" => Some(true),
                        b"0" | b"false" => Some(false),
                        _ => {
                            flaws.push(self.flaw(row, "true or false", cell));
                            None
                        }
                    })
                    .collect();
                cells.into_iter().for_each(|cell| builder.append_option(cell));
                Arc::new(builder.finish())
            }
        })
    }

    fn parse<T: arrow_buffer::ArrowNativeType>(
        &self,
        absent: T,
        expected: &'static str,
        flaws: &mut Vec<Flaw>,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        let mut values = Vec::with_capacity(self.rows);
        let mut valid = BooleanBufferBuilder::new(self.rows);
        for (row, cell) in self.cells().enumerate() {
            let value = if cell.is_empty() { None } else { read(cell) };
            if value.is_none() && !cell.is_empty() {
                flaws.push(self.flaw(row, expected, cell));
            }
            valid.append(value.is_some());
            values.push(value.unwrap_or(absent));
        }
        (values.into(), Some(NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0))
    }

    fn text(&self, flaws: &mut Vec<Flaw>) -> Result<StringArray, arrow_schema::ArrowError> {
        let mut values = Vec::with_capacity(self.rows * 8);
        let mut offsets = Vec::with_capacity(self.rows + 1);
        let mut valid = BooleanBufferBuilder::new(self.rows);
        offsets.push(0);
        for (row, cell) in self.cells().enumerate() {
            let good = self.utf8 || simdutf8::basic::from_utf8(cell).is_ok();
            if good {
                values.extend_from_slice(cell);
            } else {
                flaws.push(self.flaw(row, "text in UTF-8", cell));
            }
            valid.append(good && !cell.is_empty());
            offsets.push(values.len() as i32);
        }
        let nulls = Some(NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0);
        let offsets = OffsetBuffer::new(offsets.into());
        let buffer = Buffer::from_vec(values);
        StringArray::try_new(offsets, buffer, nulls)
    }

    fn flaw(&self, row: usize, expected: &'static str, cell: &[u8]) -> Flaw {
        Flaw { row: row as u32, column: Some(self.column), expected: expected.into(), found: excerpt(cell) }
    }
}
