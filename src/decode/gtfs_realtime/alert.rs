//! Alerts: one informed entity in one period is one row of `alerts`.

use super::codes::{CAUSE, Code, EFFECT, SEVERITY_LEVEL};
use super::descriptors::{Text, Trip, filled, int32, parts, uint32};
use super::sheet::{Cells, Entity, Handles, Reading, Refused, Sheet, names, text_bytes};
use crate::decode::partition::{RowPartition, Says};
use crate::decode::rows::Cell;
use crate::protobuf::{Broken, Value, fields};

/// The field of an entity.
pub(super) const FIELD: u32 = 5;
/// The field of an alert that names what it is about.
const INFORMED_ENTITY: u32 = 5;

/// The periods of an alert by the numbers of their fields. The two of July 2026 replace the first, where an alert has both.
const PERIODS: [(u32, &str); 3] = [(1, "ACTIVE"), (2, "COMMUNICATION"), (3, "IMPACT")];

/// The columns of `alerts` that all rows of an alert share, and where each comes from.
fn alert_cells<'a>(entity: &Entity<'a>, alert: &Alert<'a>) -> Cells<'a, ALERT_COLUMNS> {
    let Alert { header, description, .. } = alert;
    [
        ("captured_at", entity.captured_at()),
        ("feed_timestamp", Cell::seconds(entity.feed_timestamp)),
        ("entity_id", entity.id.into()),
        ("source", Cell::Text(entity.source.as_bytes())),
        ("cause", alert.cause.into()),
        ("effect", alert.effect.into()),
        ("severity_level", alert.severity_level.into()),
        ("url", alert.url.first.into()),
        ("header_text", header.first.into()),
        ("header_text_de", header.german.into()),
        ("header_text_en", header.english.into()),
        ("description_text", description.first.into()),
        ("description_text_de", description.german.into()),
        ("description_text_en", description.english.into()),
    ]
}

/// The columns of `alerts` that are of one period, and where each comes from.
fn period_cells<'a>(period: &Period) -> Cells<'a, PERIOD_COLUMNS> {
    [
        ("active_from", Cell::seconds(period.from)),
        ("active_until", Cell::seconds(period.until)),
        ("period_kind", Cell::Name(period.kind)),
    ]
}

/// The columns of `alerts` that are of one informed entity, and where each comes from.
fn selector_cells<'a>(selector: &Selector<'a>) -> Cells<'a, SELECTOR_COLUMNS> {
    // A trip's route and direction stand in for those that the selector does not name.
    let Selector { trip, .. } = selector;
    [
        ("agency_id", selector.agency_id.into()),
        ("route_id", filled(selector.route_id).or(trip.route_id).into()),
        ("route_type", selector.route_type.into()),
        ("trip_id", trip.id.into()),
        ("stop_id", selector.stop_id.into()),
        ("direction_id", selector.direction_id.or(trip.direction_id).into()),
    ]
}

const ALERT_COLUMNS: usize = 14;
const PERIOD_COLUMNS: usize = 3;
const SELECTOR_COLUMNS: usize = 6;

pub(super) fn columns() -> Vec<&'static str> {
    let of_alert = names(alert_cells(&Entity::EMPTY, &Alert::default()));
    let of_period = names(period_cells(&Period::default()));
    [&of_alert[..], &of_period, &names(selector_cells(&Selector::default()))].concat()
}

/// An `Alert` but for its periods and informed entities.
#[derive(Clone, Copy, Debug, Default)]
struct Alert<'a> {
    cause: Code,
    effect: Code,
    severity_level: Code,
    url: Texts<'a>,
    header: Texts<'a>,
    description: Texts<'a>,
    /// How many periods of each kind it has.
    periods: [u64; PERIODS.len()],
    /// How many informed entities it has, and their bytes.
    informed: u64,
    informed_bytes: u64,
}

/// A `TranslatedString`: its first text, the first German and the first English one.
#[derive(Clone, Copy, Debug, Default)]
struct Texts<'a> {
    first: Text<'a>,
    german: Text<'a>,
    english: Text<'a>,
}

/// A `TimeRange` of one of [`PERIODS`].
#[derive(Clone, Copy, Debug, Default)]
struct Period {
    from: Option<i64>,
    until: Option<i64>,
    kind: &'static str,
}

/// An `EntitySelector`: what an alert is about.
#[derive(Clone, Copy, Debug, Default)]
struct Selector<'a> {
    agency_id: Text<'a>,
    route_id: Text<'a>,
    route_type: Option<i64>,
    trip: Trip<'a>,
    stop_id: Text<'a>,
    direction_id: Option<i64>,
}

/// The table `alerts`.
pub(super) struct Alerts {
    pub sheet: Sheet,
    of_alert: Handles<ALERT_COLUMNS>,
    of_period: Handles<PERIOD_COLUMNS>,
    of_selector: Handles<SELECTOR_COLUMNS>,
}

impl Alerts {
    pub(super) fn new(sheet: Sheet) -> Self {
        let of_alert = sheet.handles(alert_cells(&Entity::EMPTY, &Alert::default()));
        let of_period = sheet.handles(period_cells(&Period::default()));
        let of_selector = sheet.handles(selector_cells(&Selector::default()));
        Self { sheet, of_alert, of_period, of_selector }
    }

    /// Reads the alert of an entity that has one.
    pub(super) fn read(&mut self, entity: &Entity<'_>, reading: &mut Reading<'_>) -> Result<(), Refused> {
        let alert = Alert::read(entity.bytes)?;
        let cells = alert_cells(entity, &alert);
        let all = alert.kinds().map(|(_, _, count)| count).sum();
        let times = u64::max(all, 1);
        let each = alert.informed.max(1);
        let own = alert.informed_bytes.saturating_mul(times);
        reading.expect(&mut self.sheet, times.saturating_mul(each), text_bytes(&cells), own)?;
        // An alert does not say of which date it is.
        let partition = reading.partition(&mut self.sheet, &Says::default(), entity);
        if partition == RowPartition::Own {
            self.sheet.share(&self.of_alert, cells);
        }
        if all == 0 {
            self.informed_entities(entity, partition, each)?;
        }
        for (number, kind, _) in alert.kinds() {
            for part in parts(entity.bytes, FIELD) {
                for period in parts(part?, number) {
                    let period = Period::read(period?, kind, reading)?;
                    self.sheet.share(&self.of_period, period_cells(&period));
                    self.informed_entities(entity, partition, each)?;
                }
            }
        }
        self.sheet.rows.unshare();
        Ok(())
    }

    /// Makes the rows of one period of an alert, or counts them. All selectors were looked through.
    fn informed_entities(&mut self, entity: &Entity<'_>, partition: RowPartition, rows: u64) -> Result<(), Broken> {
        if partition != RowPartition::Own {
            self.sheet.count(partition, entity, rows);
            return Ok(());
        }
        let mut is_any = false;
        for part in parts(entity.bytes, FIELD) {
            for informed in parts(part?, INFORMED_ENTITY) {
                let selector = Selector::read(informed?)?;
                self.sheet.push(&self.of_selector, selector_cells(&selector), entity);
                is_any = true;
            }
        }
        if !is_any {
            self.sheet.push(&self.of_selector, selector_cells(&Selector::default()), entity);
        }
        Ok(())
    }
}

impl<'a> Alert<'a> {
    fn read(entity: &'a [u8]) -> Result<Self, Broken> {
        let mut alert = Self::default();
        for part in parts(entity, FIELD) {
            for field in fields(part?) {
                match field? {
                    (number @ 1..=3, Value::Bytes(_)) => alert.periods[number as usize - 1] += 1,
                    (INFORMED_ENTITY, Value::Bytes(part)) => {
                        Selector::read(part)?;
                        alert.informed += 1;
                        alert.informed_bytes += part.len() as u64;
                    }
                    (6, Value::Varint(value)) => alert.cause.read(CAUSE, value),
                    (7, Value::Varint(value)) => alert.effect.read(EFFECT, value),
                    (8, Value::Bytes(part)) => alert.url.read(part)?,
                    (10, Value::Bytes(part)) => alert.header.read(part)?,
                    (11, Value::Bytes(part)) => alert.description.read(part)?,
                    (14, Value::Varint(value)) => alert.severity_level.read(SEVERITY_LEVEL, value),
                    _ => {}
                }
            }
        }
        Ok(alert)
    }

    /// The periods that give rows: field, name and how many of each kind.
    fn kinds(&self) -> impl Iterator<Item = (u32, &'static str, u64)> + use<> {
        let [_, communication, impact] = self.periods;
        let has_new = communication + impact > 0;
        let all = PERIODS.into_iter().zip(self.periods).map(|((number, kind), count)| (number, kind, count));
        all.filter(move |(number, ..)| (*number != 1) == has_new)
    }
}

impl<'a> Texts<'a> {
    /// Reads one part of it. What was found in an earlier part stays.
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), Broken> {
        for translation in parts(bytes, 1) {
            let (mut text, mut language) = (None, &[][..]);
            for field in fields(translation?) {
                match field? {
                    (1, Value::Bytes(bytes)) => text = Some(bytes),
                    (2, Value::Bytes(bytes)) => language = bytes,
                    _ => {}
                }
            }
            if text.is_none_or(<[u8]>::is_empty) {
                continue;
            }
            self.first = self.first.or(text);
            match language.get(..2).map(<[u8]>::to_ascii_lowercase).as_deref() {
                Some(b"de") => self.german = self.german.or(text),
                Some(b"en") => self.english = self.english.or(text),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Period {
    fn read(bytes: &[u8], kind: &'static str, reading: &mut Reading<'_>) -> Result<Self, Broken> {
        let mut period = Self { kind, ..Self::default() };
        for field in fields(bytes) {
            match field? {
                (1, Value::Varint(value)) => period.from = reading.instant(value),
                (2, Value::Varint(value)) => period.until = reading.instant(value),
                _ => {}
            }
        }
        Ok(period)
    }
}

impl<'a> Selector<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut selector = Self::default();
        for field in fields(bytes) {
            match field? {
                (1, Value::Bytes(text)) => selector.agency_id = Some(text),
                (2, Value::Bytes(text)) => selector.route_id = Some(text),
                (3, Value::Varint(value)) => selector.route_type = int32(value),
                (4, Value::Bytes(part)) => selector.trip.read(part)?,
                (5, Value::Bytes(text)) => selector.stop_id = Some(text),
                (6, Value::Varint(value)) => selector.direction_id = uint32(value),
                _ => {}
            }
        }
        Ok(selector)
    }
}
