//! The rows of a CSV document: a header, and records with as many fields.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::row::Row;

/// Bytes of a record at most.
const MOST_BYTES: usize = 1 << 20;
/// Fields of a record at most.
const MOST_FIELDS: usize = 10_000;

/// The rows of a document that is read.
pub(super) struct CsvRows {
    reader: Reader,
    /// Behind the last record.
    at: usize,
    fields: usize,
    /// Of each column the place of its field.
    places: Vec<Option<usize>>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// What comes next in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextRecord {
    Row,
    /// It has another number of fields than the header.
    Damaged,
    End,
    /// A record is longer than any is.
    TooLong,
}

impl CsvRows {
    /// Reads the header, which must have one of the names. A column without a name is made of something else.
    ///
    /// # Errors
    /// What is wrong, to stand behind the name of the capture.
    pub(super) fn open<'n>(
        text: &[u8],
        separator: u8,
        names: impl Iterator<Item = Option<&'n str>>,
    ) -> Result<Self, String> {
        let mut rows = Self {
            reader: ReaderBuilder::new().delimiter(separator).build(),
            at: 0,
            fields: 0,
            places: Vec::new(),
            text: vec![0; 1 << 10],
            ends: vec![0; 64],
        };
        match rows.record(text) {
            Ok(Some(fields)) => rows.fields = fields,
            Ok(None) => return Err("has no header".to_owned()),
            Err(TooLong) => return Err("has a header that is longer than any is".to_owned()),
        }
        let header: Vec<&[u8]> = (0..rows.fields).map(|place| rows.field(place)).map(<[u8]>::trim_ascii).collect();
        let places: Vec<Option<usize>> =
            names.map(|name| header.iter().position(|field| Some(*field) == name.map(str::as_bytes))).collect();
        if let Some(place) = header.iter().position(|field| std::str::from_utf8(field).is_err()) {
            return Err(format!(
                "has a header that is no UTF-8 (name {}); it may be Windows-1252, as spreadsheets write it: let the source write UTF-8",
                place + 1
            ));
        }
        if places.iter().all(Option::is_none) {
            return Err(format!("has a header of {} names, none of which 'mapping' names", rows.fields));
        }
        let twice =
            |place: &usize| header[..*place].contains(&header[*place]) || header[place + 1..].contains(&header[*place]);
        if let Some(place) = places.iter().flatten().find(|place| twice(place)) {
            let name = String::from_utf8_lossy(header[*place]).escape_debug().take(40).collect::<String>();
            return Err(format!("has the name '{name}' twice in its header"));
        }
        rows.places = places;
        Ok(rows)
    }

    /// Reads the next row.
    pub(super) fn next(&mut self, text: &[u8], row: &mut Row) -> NextRecord {
        row.clear();
        match self.record(text) {
            Err(TooLong) => NextRecord::TooLong,
            Ok(None) => NextRecord::End,
            Ok(Some(fields)) if fields != self.fields => NextRecord::Damaged,
            Ok(Some(_)) => {
                for (column, place) in self.places.iter().enumerate() {
                    if let Some(place) = place {
                        let found = row.set_aside(self.field(*place).trim_ascii());
                        row.set(column, found);
                    }
                }
                NextRecord::Row
            }
        }
    }

    fn field(&self, place: usize) -> &[u8] {
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[place]]
    }

    /// Reads a record; gives the number of its fields. Lines without anything are none.
    fn record(&mut self, text: &[u8]) -> Result<Option<usize>, TooLong> {
        let (mut written, mut fields) = (0, 0);
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            let (result, read, out, ends) =
                self.reader.read_record(rest, &mut self.text[written..], &mut self.ends[fields..]);
            self.at += read;
            written += out;
            fields += ends;
            match result {
                ReadRecordResult::Record => return Ok(Some(fields)),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() >= MOST_BYTES => return Err(TooLong),
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() >= MOST_FIELDS => return Err(TooLong),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
            }
        }
    }
}

struct TooLong;

#[cfg(test)]
mod tests {
    use super::super::values::Value;
    use super::*;

    fn read(text: &[u8], separator: u8, names: &[&str]) -> Result<(Vec<Vec<String>>, NextRecord), String> {
        let mut rows = CsvRows::open(text, separator, names.iter().copied().map(Some))?;
        let mut row = Row::new(names.len());
        let mut found = Vec::new();
        loop {
            match rows.next(text, &mut row) {
                NextRecord::Row => {
                    let shown = |column| match row.value(column, text) {
                        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                        _ => String::new(),
                    };
                    found.push((0..names.len()).map(shown).collect());
                }
                NextRecord::Damaged => found.push(vec!["damaged".to_owned()]),
                end => return Ok((found, end)),
            }
        }
    }

    #[test]
    fn records_are_rows_by_the_names_of_the_header() {
        let text =
            b"\xef\xbb\xbfid; zeit ;\"x;y\"\r\n7;12:00;a\r\n\r\n8 ;\"13;\"\"00\"\"\";\n9\n\"mehrere\nZeilen\";;c";
        let (rows, end) = read(text, b';', &["id", "zeit", "fehlt", "x;y"]).unwrap();
        assert_eq!(end, NextRecord::End);
        let expected: [&[&str]; 4] =
            [&["7", "12:00", "", "a"], &["8", "13;\"00\"", "", ""], &["damaged"], &["mehrere\nZeilen", "", "", "c"]];
        assert_eq!(rows, expected.map(|row| row.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()));
    }

    #[test]
    fn what_is_no_table_is_told() {
        assert_eq!(read(b"", b',', &["id"]).unwrap_err(), "has no header");
        assert_eq!(
            read(b"a;id\n1;2\n", b',', &["id"]).unwrap_err(),
            "has a header of 1 names, none of which 'mapping' names"
        );
        let long = [b"id\n\"".as_slice(), &vec![b'x'; 3 << 20]].concat();
        assert_eq!(read(&long, b',', &["id"]).unwrap(), (vec![], NextRecord::TooLong));
        let wide = vec![b','; 20_000];
        assert_eq!(read(&wide, b',', &["id"]).unwrap_err(), "has a header that is longer than any is");
    }
}
