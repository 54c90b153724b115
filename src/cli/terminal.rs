//! What is printed, without what a terminal would obey.
//!
//! Texts of feeds, servers and files end up in messages. Control characters in them move the cursor, hide lines or write the
//! clipboard (OSC 52), and marks of direction turn what stands behind them around. The macros below stand in for those of the
//! standard library in all of [`cli`](crate::cli), so that no message can be printed without passing here.
//!
//! Those of the standard library panic where a text cannot be written. A reader that is gone or a disk that is full is no reason
//! to leave a run half done, so these go on: standard error is written as far as it can be, and of standard output the first
//! error is kept until the end of the command, which tells it by [`end_of_output`].

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::OnceLock;

use crate::cli::exit::Exit;

/// Why standard output was not written, the first time.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Standard output, of which an error is kept. After the reader is gone nothing is written any more; a disk may get room again.
pub(super) struct Stdout;

impl Stdout {
    fn is_read(&self) -> bool {
        UNWRITTEN.get().is_none_or(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            // An error of the system is told by its number, which can be copied.
            let copy = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            let _ = UNWRITTEN.set(copy);
        }
        result
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_read() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.keep(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_read() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.keep(io::stdout().flush())
    }
}

/// Standard error. What cannot be written there cannot be told anywhere, so it is no error of who tells it.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints to standard output what is harmless.
pub(super) fn print_out(text: &str) {
    let _ = Stdout.write_all(text.as_bytes());
}

/// Prints a line to standard error, in one write.
pub(super) fn print_error(text: &str) {
    let _ = Stderr.write_all(format!("{}\n", harmless(text)).as_bytes());
}

/// The exit code of a command that is over, after what it printed. Where the output is what a command is for, output that could
/// not be written is a failure; where it tells of work, the code is that of the work. Who closed a pipe has read enough.
pub(super) fn end_of_output(exit: Exit, is_product: bool) -> Exit {
    let _ = Stdout.flush();
    match UNWRITTEN.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe && is_product => {
            print_error(&format!(
                "error: the output could not be written: {error}. Check where it goes, and try again."
            ));
            exit.max(Exit::Transient)
        }
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_error(&format!(
                "warning: the output could not be written: {error}. The exit code is that of what was done."
            ));
            exit
        }
        _ => exit,
    }
}

/// The text with every control character but line ends and tabs, and every mark of direction, as `\u001b`: JSON that is
/// printed stays the same JSON, for strings in it are the only place where one can stand.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_harmful(c) {
            // All of them stand in the basic plane, so four digits hold them.
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A text of somebody else on one line.
pub(super) fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\\u000a").replace('\t', "\\u0009")
}

/// `1 archive`, `2 archives`.
pub(super) fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A list for people, with the names of its columns.
pub(super) fn listing<const N: usize>(columns: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(columns);
    table
}

/// How wide a picture may be: the terminal, `COLUMNS` where there is none, or 100.
pub(super) fn width() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(told).unwrap_or(100).clamp(40, 400)
}

/// A text in a colour of ECMA-48 (31 is red), as a terminal takes it; what else a terminal would obey is spelled out.
pub(super) fn coloured(text: &str, colour: Option<u8>) -> String {
    match colour {
        Some(colour) => format!("\u{1b}[{colour}m{}\u{1b}[0m", harmless(text)),
        None => harmless(text).into_owned(),
    }
}

/// Prints lines that are made of [`coloured`] parts alone.
pub(super) fn print_coloured(lines: &[String]) {
    let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
    print_out(&text);
}

pub(super) fn row_or_rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn is_harmful(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

macro_rules! print {
    ($($part:tt)*) => { $crate::cli::terminal::print_out(&$crate::cli::terminal::harmless(&::std::format!($($part)*))) };
}
macro_rules! println {
    () => { $crate::cli::terminal::print_out("\n") };
    ($($part:tt)*) => {
        $crate::cli::terminal::print_out(&($crate::cli::terminal::harmless(&::std::format!($($part)*)) + "\n"))
    };
}
macro_rules! eprintln {
    ($($part:tt)*) => { $crate::cli::terminal::print_error(&::std::format!($($part)*)) };
}

/// Writes texts as [`harmless`] has them, however they are cut; bytes that are no UTF-8 become U+FFFD.
pub(super) struct Harmless<W: Write> {
    inner: W,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Harmless<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, begun: Vec::new() }
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let joined = [self.begun.as_slice(), bytes].concat();
        let mut chunks = joined.utf8_chunks().peekable();
        let mut begun = Vec::new();
        while let Some(chunk) = chunks.next() {
            self.inner.write_all(harmless(chunk.valid()).as_bytes())?;
            let invalid = chunk.invalid();
            let is_begun = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if chunks.peek().is_none() && is_begun {
                begun = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.inner.write_all("\u{fffd}".as_bytes())?;
            }
        }
        self.begun = begun;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        let text = "a\u{1b}]52;c;ZXZpbA==\u{7}b\u{9b}2J\r\u{7f}\u{202e}c\nd\te";
        let shown = "a\\u001b]52;c;ZXZpbA==\\u0007b\\u009b2J\\u000d\\u007f\\u202ec\nd\te";
        assert_eq!(harmless(text), shown);
        assert_eq!(one_line("a\nb"), "a\\u000ab");
        assert_eq!(harmless("Grüße ÄÖÜ 東京"), "Grüße ÄÖÜ 東京");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"k\u{9b}": ["\u{1b}[2J\u{7f}\u{202e}\\", "ü\n"]});
        let printed = harmless(&value.to_string()).into_owned();
        assert!(!printed.chars().any(is_harmful));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
    }

    proptest! {
        #[test]
        fn cut_anywhere_the_same_is_written(text in ".{0,40}", cuts in proptest::collection::vec(0_usize..160, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut out = Harmless::new(Vec::new());
            let mut from = 0;
            for cut in cuts {
                out.write_all(&text.as_bytes()[from..cut]).unwrap();
                from = cut;
            }
            prop_assert_eq!(String::from_utf8(out.inner).unwrap(), harmless(&text));
        }
    }
}
