//! Open by permission only: the key of a service date, pseudonyms of vehicles, the columns that may leave, and the
//! texts that must not leave ([`texts`]). How times are published is a matter of the contract, see
//! [`crate::contract::times`].

mod plates;
pub mod step;
pub mod texts;
pub mod zones;

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::contract::{Column, Contract};
use crate::durable;
use crate::table::keys::{LowBits, Seed, key_of, text_key};
use crate::table::single;
use crate::time::ServiceDate;

/// The keys of the service dates: one file each in the private store, made when first asked for, and to be destroyed
/// together with the evidence of its date.
pub struct DayKeys {
    folder: PathBuf,
}

impl DayKeys {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The key of a service date, if there is one.
    pub fn existing(&self, date: ServiceDate) -> io::Result<Option<[u8; 32]>> {
        read(&self.folder.join(format!("{date}.key")))
    }

    /// The service dates that have a key, in their order.
    pub fn dates(&self) -> Vec<ServiceDate> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let date = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".key")?.parse().ok();
        let mut dates: Vec<ServiceDate> = entries.filter_map(date).collect();
        dates.sort_unstable();
        dates
    }

    /// Destroys the key of a service date; it need not be there.
    pub fn destroy(&self, date: ServiceDate) -> io::Result<()> {
        match self.folder.is_dir() {
            true => durable::remove_file(&self.folder.join(format!("{date}.key"))),
            false => Ok(()),
        }
    }

    /// The key of a service date: read, or made of random bytes and kept. Two runs that ask at once get the same key.
    pub fn key(&self, date: ServiceDate) -> io::Result<[u8; 32]> {
        let path = self.folder.join(format!("{date}.key"));
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| io::Error::other(format!("the system gives no random bytes: {error}")))?;
        // The file appears whole or not at all, and only if no other run was faster.
        if durable::write_new(&path, format!("{}\n", crate::digest::Digest(key)).as_bytes())? {
            return Ok(key);
        }
        read(&path)?.ok_or_else(|| io::Error::other(format!("{} disappeared", path.display())))
    }
}

fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match crate::durable::read_to_string(path) {
        Ok(text) => match crate::digest::Digest::parse(text.trim()) {
            Some(key) => Ok(Some(key.0)),
            None => {
                let problem = format!("{} does not hold a key of 64 hex digits", path.display());
                Err(io::Error::new(io::ErrorKind::InvalidData, problem))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Pseudonyms of one service date: the first 16 hex digits of HMAC-SHA256 of an id under the date's key. The same id has
/// the same pseudonym all day and another one the next day. Vehicles of another fleet have other pseudonyms: its name
/// stands before the id.
pub struct Pseudonyms {
    key: [u8; 32],
    /// Of the reports of vehicles that nobody knows.
    unknown: [[u64; 2]; 2],
    /// Of the reports of vehicles whose pseudonym changes within the day.
    within_day: [[u64; 2]; 2],
    /// Those of the last ids, by the key of an id and its fleet.
    known: Mutex<HashMap<u128, Pseudonym, BuildHasherDefault<LowBits>>>,
    /// The same of those that hold for less than the day.
    shorter: Mutex<HashMap<u128, [u8; 16], BuildHasherDefault<LowBits>>>,
}

/// Pseudonyms that are kept at most, some 8 MiB: more vehicles than any fleet has. Those of more are made again when they are needed.
const MOST_KNOWN: usize = 1 << 16;

/// What stands for a vehicle on a service date.
#[derive(Clone, Copy)]
pub struct Pseudonym {
    /// 16 hex digits.
    name: [u8; 16],
    /// The same as a number.
    pub number: u64,
    /// Of the permutation of its seconds.
    seconds: [u64; 2],
}

/// Bits of half a second's number: 2^18 seconds are three days, so that all seconds of a service date are in one block.
const HALF: u32 = 9;
/// Rounds of the permutation. Four make one that cannot be told from chance (Luby and Rackoff 1988); two more for short halves.
const ROUNDS: u8 = 6;
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Pseudonyms {
    pub fn new(key: [u8; 32]) -> Self {
        let mut pseudonyms = Self {
            key,
            unknown: [[0; 2]; 2],
            within_day: [[0; 2]; 2],
            known: Mutex::default(),
            shorter: Mutex::default(),
        };
        let keys = |mac: [u8; 32]| [[half(&mac, 0), half(&mac, 8)], [half(&mac, 16), half(&mac, 24)]];
        pseudonyms.unknown = keys(pseudonyms.mac(&["reports of unknown vehicles"]));
        pseudonyms.within_day = keys(pseudonyms.mac(&["reports within a day"]));
        pseudonyms
    }

    /// The pseudonym of an id, in the fleet of that name if one is given.
    pub fn of(&self, fleet: Option<&str>, id: &str) -> Pseudonym {
        let seed = Seed::of_process();
        let alone = text_key(id, seed);
        let key = fleet.map_or(alone, |fleet| key_of([alone, text_key(fleet, seed)], seed));
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(pseudonym) = known.get(&key) {
            return *pseudonym;
        }
        let [before, name, between] = fleet.map_or([""; 3], |fleet| ["vehicle of ", fleet, "\u{1f}"]);
        let of_name = self.mac(&[before, name, between, id]);
        let of_seconds = self.mac(&["seconds of ", before, name, between, id]);
        let pseudonym = Pseudonym {
            name: name_of(&of_name),
            number: half(&of_name, 0),
            seconds: [half(&of_seconds, 0), half(&of_seconds, 8)],
        };
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(key, pseudonym);
        pseudonym
    }

    /// The id of a report of which nobody knows the vehicle, 24 digits to the base of 32: two have the same if and only if
    /// they say the same, and the id tells nothing of what they say. `content` is the key of everything that it says.
    pub fn report_of_unknown(&self, content: u128) -> String {
        let input = content.to_le_bytes();
        let mut id = String::with_capacity(24);
        self.unknown.iter().for_each(|key| digits(sip(*key, &input), 12, &mut id));
        id
    }

    /// What stands for a vehicle for less than the day: during the trip or block (`kind`) of this id that begins then. `vehicle` is its
    /// pseudonym of the day, to which no way leads back without the key.
    pub fn within_day(&self, kind: &str, vehicle: &str, id: &str, start: &str) -> String {
        let seed = Seed::of_process();
        let key = key_of([kind, vehicle, id, start].map(|part| text_key(part, seed)), seed);
        let mut known = self.shorter.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        let name = known.entry(key).or_insert_with(|| {
            name_of(&self.mac(&["vehicle in a ", kind, "\u{1f}", vehicle, "\u{1f}", id, "\u{1f}", start]))
        });
        String::from_utf8_lossy(name.as_slice()).into_owned()
    }

    /// The id of a report of a vehicle with such a pseudonym, or without any: of its id of the day, to which no way leads back.
    pub fn report_within_day(&self, vehicle: Option<&str>, report: &str) -> String {
        let [first, second] = self.within_day.map(|key| sip(key, report.as_bytes()));
        let mut id = vehicle.map_or_else(String::new, |vehicle| format!("{vehicle}-"));
        digits(first, 12, &mut id);
        if vehicle.is_none() {
            digits(second, 12, &mut id);
        }
        id
    }

    fn mac(&self, parts: &[&str]) -> [u8; 32] {
        // HMAC takes keys of any length, so this cannot fail.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key);
        let mut mac = mac.unwrap_or_else(|error| crate::internal::impossible("making a pseudonym", error));
        parts.iter().for_each(|part| mac.update(part.as_bytes()));
        mac.finalize().into_bytes().into()
    }
}

/// The first 16 hex digits of a code.
fn name_of(mac: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|place| DIGITS[usize::from(mac[place / 2] >> (4 * (1 - place % 2)) & 15)])
}

/// Eight bytes of a code as a number.
fn half(mac: &[u8; 32], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|place| mac[at + place]))
}

/// So many digits of a number to the base of 32.
fn digits(number: u64, count: u32, out: &mut String) {
    out.extend((0..count).rev().map(|digit| DIGITS[(number >> (5 * digit) & 31) as usize] as char));
}

/// SipHash-2-4, a keyed function of some bytes.
#[expect(deprecated, reason = "its successor in the standard library has no key of ours")]
fn sip(key: [u64; 2], input: &[u8]) -> u64 {
    let mut hasher = std::hash::SipHasher::new_with_keys(key[0], key[1]);
    hasher.write(input);
    hasher.finish()
}

impl Pseudonym {
    /// 16 hex digits.
    pub fn name(&self) -> &str {
        // They are ASCII.
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// The id of a report: two of this vehicle have the same id if and only if they are of the same second, and the id tells
    /// nothing of that second. `second` counts from the zero of the service date; the id is the name, and four digits to
    /// the base of 32 of the second's place in a permutation that only this vehicle has on this date. Seconds days away from
    /// the service date, of a clock that was wrong, have the number of their block before the digits.
    pub fn report(&self, second: i64) -> String {
        let block = second.div_euclid(1 << (2 * HALF));
        let mask = (1_u64 << HALF) - 1;
        let number = second.rem_euclid(1 << (2 * HALF)) as u64;
        let (mut left, mut right) = (number >> HALF, number & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (self.round(block, round, right) & mask));
        }
        let place = left << HALF | right;
        let mut id = String::with_capacity(self.name.len() + 5);
        id.push_str(self.name());
        id.push('-');
        if block != 0 {
            id.push_str(&format!("{block}."));
        }
        digits(place, 4, &mut id);
        id
    }

    /// The id of a report with the time and the place of an earlier one that says something else: the earlier one's, and
    /// ten digits that depend on what it says and tell nothing of it. `content` is the key of everything that it says.
    pub fn further_report(&self, second: i64, content: u128) -> String {
        let mut id = self.report(second);
        id.push('.');
        let mut input = [0; 24];
        input[..8].copy_from_slice(&second.to_le_bytes());
        input[8..].copy_from_slice(&content.to_le_bytes());
        digits(sip(self.seconds, &input), 10, &mut id);
        id
    }

    /// A keyed function of one round's input.
    fn round(&self, block: i64, round: u8, half: u64) -> u64 {
        let mut input = [round; 17];
        input[1..9].copy_from_slice(&half.to_le_bytes());
        input[9..].copy_from_slice(&block.to_le_bytes());
        sip(self.seconds, &input)
    }
}

/// The columns of a batch that the contract classifies as public, in the contract's order and as they are published;
/// origin fields go, too. A geometry is made of what is published. A null in a column that is never null is an error that names the column.
pub fn public_only(contract: &Contract, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = contract.public_columns().map(|(place, column)| published(column, rows.column(place)));
    let mut columns: Vec<ArrayRef> = columns.collect();
    if let Some(geometry) = &contract.geometry {
        columns.extend(super::geometry::columns(geometry.of, rows));
    }
    RecordBatch::try_new(contract.release_schema(), columns)
}

/// The values of a column as they are published.
fn published(column: &Column, values: &ArrayRef) -> ArrayRef {
    if column.is_single { single::narrow(values) } else { values.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_keeps_its_key_and_another_date_has_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DayKeys::new(folder.path().join("keys"));
        let (monday, tuesday) = (ServiceDate::new(2026, 11, 23).unwrap(), ServiceDate::new(2026, 11, 24).unwrap());
        let first = keys.key(monday).unwrap();
        assert_eq!(keys.key(monday).unwrap(), first);
        assert_ne!(keys.key(tuesday).unwrap(), first);
        fs::write(folder.path().join("keys/2026-11-23.key"), "short").unwrap();
        assert!(keys.key(monday).unwrap_err().to_string().contains("64 hex digits"));
    }

    #[test]
    fn the_key_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        DayKeys::new(folder.path()).key(ServiceDate::new(2026, 11, 24).unwrap()).unwrap();
        let mode = fs::metadata(folder.path().join("2026-11-24.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn pseudonyms_differ_by_id_and_by_key() {
        let (one, two) = (Pseudonyms::new([1; 32]), Pseudonyms::new([2; 32]));
        assert_eq!(one.of(None, "bus 7").name(), one.of(None, "bus 7").name());
        assert_ne!(one.of(None, "bus 7").name(), one.of(None, "bus 8").name());
        assert_ne!(one.of(None, "bus 7").name(), two.of(None, "bus 7").name());
        assert_eq!(one.of(None, "bus 7").name().len(), 16);
    }

    #[test]
    fn the_pseudonyms_and_ids_that_were_published_stay_as_they_are() {
        let bus = Pseudonyms::new([7; 32]).of(None, "bus 7");
        assert_eq!((bus.name(), bus.report(43_200).as_str()), ("53aa419d1f692d6a", "53aa419d1f692d6a-3baf"));
    }

    #[test]
    fn the_same_id_is_another_vehicle_in_another_fleet() {
        let pseudonyms = Pseudonyms::new([1; 32]);
        let of = |fleet| pseudonyms.of(fleet, "1");
        let all = [of(None), of(Some("op-a")), of(Some("op-b"))];
        for (place, one) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|other| other.name() != one.name() && other.report(5) != one.report(5)));
        }
        assert_eq!(of(Some("op-a")).name(), pseudonyms.of(Some("op-a"), "1").name());
        // No id of one fleet is that of another by where its name ends.
        assert_ne!(pseudonyms.of(Some("op"), "-a1").name(), pseudonyms.of(Some("op-a"), "1").name());
    }

    #[test]
    fn more_vehicles_than_are_kept_have_the_same_pseudonyms_and_take_no_more() {
        let pseudonyms = Pseudonyms::new([1; 32]);
        let ids = || (0..MOST_KNOWN + 10).map(|number| pseudonyms.of(None, &number.to_string()).number);
        let first: Vec<u64> = ids().collect();
        assert!(ids().eq(first) && pseudonyms.known.lock().unwrap().len() <= MOST_KNOWN);
    }

    #[test]
    fn ids_of_further_and_of_unknown_reports_go_by_what_they_say() {
        let (one, two) = (Pseudonyms::new([1; 32]), Pseudonyms::new([2; 32]));
        let bus = one.of(None, "bus 7");
        let further = bus.further_report(60, 1);
        assert!(further.starts_with(&bus.report(60)) && further.len() == 21 + 11, "{further}");
        assert_eq!(further, bus.further_report(60, 1));
        assert_ne!(further, bus.further_report(60, 2));
        assert_ne!(further[21..], bus.further_report(61, 1)[21..]);
        let unknown = one.report_of_unknown(1);
        assert!(unknown.len() == 24 && unknown == one.report_of_unknown(1));
        assert!(unknown != one.report_of_unknown(2) && unknown != two.report_of_unknown(1));
    }

    #[test]
    fn reports_have_one_id_for_each_second_and_it_tells_nothing_of_the_second() {
        use std::collections::HashSet;
        let pseudonyms = Pseudonyms::new([1; 32]);
        let bus = pseudonyms.of(None, "bus 7");
        let day = 0..108_000_i64;
        let ids: HashSet<String> = day.clone().map(|second| bus.report(second)).collect();
        assert_eq!(ids.len(), 108_000);
        assert!(ids.iter().all(|id| id.len() == 21 && id.starts_with(&format!("{}-", bus.name()))));
        assert_eq!(bus.report(40_000), Pseudonyms::new([1; 32]).of(None, "bus 7").report(40_000));
        // Other blocks and other vehicles have other ids.
        assert!(!ids.contains(&bus.report(-1)) && !ids.contains(&bus.report(40_000 + (1 << 18))));
        let tail = |id: String| id.rsplit('-').next().unwrap().to_owned();
        let same = day.clone().filter(|&s| tail(bus.report(s)) == tail(pseudonyms.of(None, "bus 8").report(s))).count();
        assert!(same < 10, "{same}");
        // No digit says which second of ten it was: each takes its share, within five deviations.
        for digit in 17..21 {
            let mut counts = std::collections::BTreeMap::<(u8, i64), i64>::new();
            day.clone().for_each(|s| *counts.entry((bus.report(s).as_bytes()[digit], s % 10)).or_default() += 1);
            let values = counts.keys().map(|(value, _)| *value).collect::<HashSet<_>>().len() as i64;
            let expected = 108_000 / 10 / values;
            let most = counts.values().map(|count| (count - expected).abs()).max().unwrap();
            assert!((most as f64) < 5.0 * (expected as f64).sqrt(), "digit {digit}: {most} of {expected}");
        }
    }
}
