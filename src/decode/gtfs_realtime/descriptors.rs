//! What several kinds of entities have: trip and vehicle descriptors, and how parts of a message are read.

use super::codes::{Code, TRIP_RELATIONSHIP};
use crate::protobuf::{Broken, Value, fields};

/// A text as it was sent; that it is UTF-8 is seen when it becomes a cell.
pub(super) type Text<'a> = Option<&'a [u8]>;

/// A `TripDescriptor`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trip<'a> {
    pub id: Text<'a>,
    pub start_time: Text<'a>,
    pub start_date: Text<'a>,
    pub relationship: Code,
    pub route_id: Text<'a>,
    pub direction_id: Option<i64>,
}

impl<'a> Trip<'a> {
    /// Reads one part of it; what it does not have stays as it is.
    pub(super) fn read(&mut self, bytes: &'a [u8]) -> Result<(), Broken> {
        for field in fields(bytes) {
            match field? {
                (1, Value::Bytes(text)) => self.id = Some(text),
                (2, Value::Bytes(text)) => self.start_time = Some(text),
                (3, Value::Bytes(text)) => self.start_date = Some(text),
                (4, Value::Varint(value)) => self.relationship.read(TRIP_RELATIONSHIP, value),
                (5, Value::Bytes(text)) => self.route_id = Some(text),
                (6, Value::Varint(value)) => self.direction_id = uint32(value),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A `VehicleDescriptor`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vehicle<'a> {
    pub id: Text<'a>,
    pub label: Text<'a>,
    pub license_plate: Text<'a>,
}

impl<'a> Vehicle<'a> {
    /// Reads one part of it; what it does not have stays as it is.
    pub(super) fn read(&mut self, bytes: &'a [u8]) -> Result<(), Broken> {
        for field in fields(bytes) {
            match field? {
                (1, Value::Bytes(text)) => self.id = Some(text),
                (2, Value::Bytes(text)) => self.label = Some(text),
                (3, Value::Bytes(text)) => self.license_plate = Some(text),
                _ => {}
            }
        }
        Ok(())
    }
}

/// All parts of a message that stands in this field: they are one message.
pub(super) fn parts(bytes: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], Broken>> {
    fields(bytes).filter_map(move |field| match field {
        Ok((found, Value::Bytes(part))) if found == number => Some(Ok(part)),
        Ok(_) => None,
        Err(broken) => Some(Err(broken)),
    })
}

/// A text that says something.
pub(super) fn filled(text: Text<'_>) -> Text<'_> {
    text.filter(|text| !text.is_empty())
}

pub(super) fn uint32(value: u64) -> Option<i64> {
    Some(i64::from(value as u32))
}

pub(super) fn int32(value: u64) -> Option<i64> {
    Some(i64::from(value as i32))
}
