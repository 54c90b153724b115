//! Blanks, quotes and numbers in a text.

pub(super) fn count_lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Whether a carriage return stands elsewhere than before a line feed.
pub(super) fn has_bare_return(text: &[u8]) -> bool {
    // Most files have no carriage return at all, and in the others each is part of a line's end.
    memchr::memchr_iter(b'\r', text).any(|place| text.get(place + 1) != Some(&b'\n'))
}

/// White space that belongs to no value: all up to the space, as in univocity, except the line end.
pub(super) fn skip_blanks(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| **byte <= b' ' && **byte != b'\n').count()
}

pub(super) fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte <= b' ')
}

/// A quoted value.
pub(super) struct Quoted {
    /// Where its closing quote stands.
    pub close: usize,
    /// Where the separator or line end after it stands.
    pub end: usize,
    /// Whether more than blanks stands behind the closing quote. Then the quotes belong to the value.
    pub is_loose: bool,
}

/// The value whose quote opens at `open`; `None` if the text ends within it.
pub(super) fn quoted(text: &[u8], open: usize) -> Option<Quoted> {
    let mut from = open + 1;
    loop {
        let close = from + memchr::memchr(b'"', text.get(from..)?)?;
        if *text.get(close + 1)? == b'"' {
            from = close + 2;
            continue;
        }
        let end = skip_blanks(text, close + 1);
        if matches!(text.get(end)?, b',' | b'\n') {
            return Some(Quoted { close, end, is_loose: false });
        }
        let end = end + memchr::memchr2(b',', b'\n', &text[end..])?;
        return Some(Quoted { close, end, is_loose: true });
    }
}

/// Whether the quote at this place begins a value: blanks at most stand between it and a separator or line end.
pub(super) fn opens(text: &[u8], quote: usize) -> bool {
    let before = text[..quote].iter().rev().find(|byte| **byte > b' ' || **byte == b'\n');
    before.is_none_or(|byte| matches!(byte, b',' | b'\n'))
}

/// Takes white space off both ends; GTFS values have none there.
pub(crate) fn trim(field: &[u8]) -> &[u8] {
    match field {
        [first, .., last] if *first > b' ' && *last > b' ' => field,
        [only] if *only > b' ' => field,
        _ => {
            let begin = field.iter().take_while(|byte| **byte <= b' ').count();
            let blank = field[begin..].iter().rev().take_while(|byte| **byte <= b' ').count();
            &field[begin..field.len() - blank]
        }
    }
}

pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))?;
    Some(if negative { -value } else { value })
}

/// A decimal number; not `inf` or `nan`, which Rust would read, too.
pub(crate) fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
