//! Open by permission only: the key of a service date, pseudonyms of vehicles, the columns that may leave, and the
//! texts that must not leave ([`texts`]). How times are published is a matter of the contract, see
//! [`crate::contract::times`].

mod plates;
pub mod texts;

use std::collections::HashMap;
use std::fs;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::contract::{Column, Contract};
use crate::durable;
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

    /// The key of a service date: read, or made of random bytes and kept. Two runs that ask at once get the same key.
    pub fn key(&self, date: ServiceDate) -> io::Result<[u8; 32]> {
        let path = self.folder.join(format!("{date}.key"));
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        let mut key = [0; 32];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut key).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        // The file appears whole or not at all, and only if no other run was faster.
        if durable::write_new(&path, format!("{}\n", crate::digest::Digest(key)).as_bytes())? {
            return Ok(key);
        }
        read(&path)?.ok_or_else(|| io::Error::other(format!("{} disappeared", path.display())))
    }
}

fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::read_to_string(path) {
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
/// the same pseudonym all day and another one the next day.
pub struct Pseudonyms {
    key: [u8; 32],
    known: Mutex<HashMap<String, Arc<Pseudonym>>>,
}

/// What stands for a vehicle on a service date.
pub struct Pseudonym {
    /// 16 hex digits.
    pub name: String,
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
        Self { key, known: Mutex::default() }
    }

    pub fn of(&self, id: &str) -> Arc<Pseudonym> {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(pseudonym) = known.get(id) {
            return pseudonym.clone();
        }
        let name = self.mac(&[id]);
        let name = name[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let seconds = self.mac(&["seconds of ", id]);
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|place| seconds[at + place]));
        let pseudonym = Arc::new(Pseudonym { name, seconds: [half(0), half(8)] });
        known.insert(id.to_owned(), pseudonym.clone());
        pseudonym
    }

    fn mac(&self, parts: &[&str]) -> [u8; 32] {
        // HMAC takes keys of any length, so this cannot fail.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key);
        let mut mac = mac.unwrap_or_else(|error| crate::internal::impossible("making a pseudonym", error));
        parts.iter().for_each(|part| mac.update(part.as_bytes()));
        mac.finalize().into_bytes().into()
    }
}

impl Pseudonym {
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
        let place = (left << HALF | right) as usize;
        let mut id = String::with_capacity(self.name.len() + 5);
        id.push_str(&self.name);
        id.push('-');
        if block != 0 {
            id.push_str(&format!("{block}."));
        }
        id.extend((0..4).rev().map(|digit| DIGITS[place >> (5 * digit) & 31] as char));
        id
    }

    /// SipHash-2-4, a keyed function of one round's input.
    #[expect(deprecated, reason = "its successor in the standard library has no key of ours")]
    fn round(&self, block: i64, round: u8, half: u64) -> u64 {
        let mut hasher = std::hash::SipHasher::new_with_keys(self.seconds[0], self.seconds[1]);
        let mut input = [round; 17];
        input[1..9].copy_from_slice(&half.to_le_bytes());
        input[9..].copy_from_slice(&block.to_le_bytes());
        hasher.write(&input);
        hasher.finish()
    }
}

/// The columns of a batch that the contract classifies as public, in the contract's order and as they are published;
/// origin fields go, too. A null in a column that is never null is an error that names the column.
pub fn public_only(contract: &Contract, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = contract.public_columns().map(|(place, column)| published(column, rows.column(place)));
    RecordBatch::try_new(contract.release_schema(), columns.collect())
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
        assert_eq!(one.of("bus 7").name, one.of("bus 7").name);
        assert_ne!(one.of("bus 7").name, one.of("bus 8").name);
        assert_ne!(one.of("bus 7").name, two.of("bus 7").name);
        assert_eq!(one.of("bus 7").name.len(), 16);
    }

    #[test]
    fn reports_have_one_id_for_each_second_and_it_tells_nothing_of_the_second() {
        use std::collections::HashSet;
        let pseudonyms = Pseudonyms::new([1; 32]);
        let bus = pseudonyms.of("bus 7");
        let day = 0..108_000_i64;
        let ids: HashSet<String> = day.clone().map(|second| bus.report(second)).collect();
        assert_eq!(ids.len(), 108_000);
        assert!(ids.iter().all(|id| id.len() == 21 && id.starts_with(&format!("{}-", bus.name))));
        assert_eq!(bus.report(40_000), Pseudonyms::new([1; 32]).of("bus 7").report(40_000));
        // Other blocks and other vehicles have other ids.
        assert!(!ids.contains(&bus.report(-1)) && !ids.contains(&bus.report(40_000 + (1 << 18))));
        let tail = |id: String| id.rsplit('-').next().unwrap().to_owned();
        let same = day.clone().filter(|&s| tail(bus.report(s)) == tail(pseudonyms.of("bus 8").report(s))).count();
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
