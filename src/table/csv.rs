//! Writes rows as CSV: RFC 4180 with a line feed at the end of each row, quotes only where a cell needs them.

use std::io::{self, Write};

use csv_core::{Writer, WriterBuilder};

/// Writes rows to `out`, each flushed to it whole.
///
/// ```
/// # use fahrtenbuch::table::csv::CsvWriter;
/// let mut csv = CsvWriter::new(Vec::new());
/// csv.row(["stop_id", "stop_name"])?;
/// csv.row(["1", "Rathaus, \"Ostseite\""])?;
/// assert_eq!(csv.into_inner(), b"stop_id,stop_name\n1,\"Rathaus, \"\"Ostseite\"\"\"\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct CsvWriter<W> {
    out: W,
    core: Writer,
}

impl<W: Write> CsvWriter<W> {
    pub fn new(out: W) -> Self {
        let core = WriterBuilder::new().terminator(csv_core::Terminator::Any(b'\n')).build();
        Self { out, core }
    }

    /// Writes one row.
    pub fn row<C: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.write_all(Writer::delimiter)?;
            }
            let mut rest = cell.as_ref();
            self.write_all(|core, out| {
                let (result, read, written) = core.field(rest, out);
                rest = &rest[read..];
                (result, written)
            })?;
        }
        self.write_all(Writer::terminator)
    }

    /// Repeats a step of the writer until it needs no more room.
    fn write_all(
        &mut self,
        mut step: impl FnMut(&mut Writer, &mut [u8]) -> (csv_core::WriteResult, usize),
    ) -> io::Result<()> {
        let mut buffer = [0; 1024];
        loop {
            let (result, written) = step(&mut self.core, &mut buffer);
            self.out.write_all(&buffer[..written])?;
            if result == csv_core::WriteResult::InputEmpty {
                return Ok(());
            }
        }
    }

    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_longer_than_the_buffer_and_empty_ones_are_written_whole() {
        let long = "a\"b,\n".repeat(1_000);
        let mut csv = CsvWriter::new(Vec::new());
        csv.row(["", &long, "x"]).unwrap();
        csv.row([""]).unwrap();
        let text = String::from_utf8(csv.into_inner()).unwrap();
        assert_eq!(text, format!(",\"{}\",x\n\"\"\n", long.replace('"', "\"\"")));
    }
}
