//! A GTFS-Realtime message as the feed rules look at it, beside the rows that it gives: whole, whatever dates its rows are of.

use bytes::Bytes;
use jiff::Timestamp;

/// What one message says.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub header: Header,
    trips: Trips,
}

/// What its header says, and when it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub captured_at: Timestamp,
    /// POSIX time in seconds; 0 stands for none.
    pub timestamp: Option<u64>,
}

/// The trips that the entities of a message name, as places in its bytes.
#[derive(Clone, Debug)]
pub(super) struct Trips {
    body: Bytes,
    named: Vec<Named>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    entity: u32,
    begin: u32,
    bytes: u32,
    relationship: Option<&'static str>,
}

/// A trip that a trip update or a vehicle position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TripName<'a> {
    /// The place of the entity in its message, from 0.
    pub entity: u64,
    /// Never empty.
    pub id: &'a [u8],
    /// The name of its `schedule_relationship`; `None` if it has none, or a number without a name.
    pub relationship: Option<&'static str>,
}

impl Snapshot {
    pub(super) fn new(header: Header, trips: Trips) -> Self {
        Self { header, trips }
    }

    /// Of a header, and trips with their relationships, each of an entity of its own: what examples are made of.
    pub fn of(header: Header, trips: &[(&str, Option<&'static str>)]) -> Self {
        let body: Bytes = trips.iter().flat_map(|(id, _)| id.bytes()).collect::<Vec<u8>>().into();
        let mut named = Trips::new(body.clone());
        let mut begin = 0;
        for (entity, (id, relationship)) in trips.iter().enumerate() {
            named.add(entity as u64, &body[begin..begin + id.len()], *relationship);
            begin += id.len();
        }
        Self::new(header, named)
    }

    /// The trips of trip updates and vehicle positions, those of one entity together. Those of alerts are not among them.
    pub fn trips(&self) -> impl Iterator<Item = TripName<'_>> {
        let Trips { body, named } = &self.trips;
        named.iter().filter_map(|trip| {
            let id = body.get(trip.begin as usize..)?.get(..trip.bytes as usize)?;
            Some(TripName { entity: u64::from(trip.entity), id, relationship: trip.relationship })
        })
    }
}

impl Trips {
    /// What the trip of an entity takes. Few entities name two.
    pub(super) const BYTES: usize = size_of::<Named>();

    pub(super) fn new(body: Bytes) -> Self {
        Self { body, named: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.named.len()
    }

    /// Forgets the trips of an entity that is left out.
    pub(super) fn truncate(&mut self, len: usize) {
        self.named.truncate(len);
    }

    /// Adds a trip, unless its id is empty. The id is a part of the body.
    pub(super) fn add(&mut self, entity: u64, id: &[u8], relationship: Option<&'static str>) {
        if id.is_empty() {
            return;
        }
        let begin = (id.as_ptr() as usize).checked_sub(self.body.as_ptr() as usize);
        let begin = begin.and_then(|begin| u32::try_from(begin).ok());
        // A message has at most `Limits::message_bytes`, far below 4 GiB.
        if let (Some(begin), Ok(bytes), Ok(entity)) = (begin, u32::try_from(id.len()), u32::try_from(entity)) {
            self.named.push(Named { entity, begin, bytes, relationship });
        }
    }
}
