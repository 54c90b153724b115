//! The part of an object that a request asks for (RFC 9110, 14.1.2 and 14.2).

/// What to send of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Whole,
    /// Bytes from the first to the last, both of them included.
    Part {
        first: u64,
        last: u64,
    },
    /// The range begins after the end.
    Unsatisfiable,
}

/// What a `Range` header asks for of an object of so many bytes. What is no range of bytes is ignored, as RFC 9110 says; several
/// ranges are answered with the whole object, as S3 does.
pub(super) fn selection(header: &str, size: u64) -> Selection {
    let Some((unit, range)) = header.split_once('=') else { return Selection::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Selection::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    match (first.trim_end(), last.trim_start()) {
        ("", suffix) => match (number(suffix), size) {
            (None, _) => Selection::Whole,
            (Some(0), _) | (_, 0) => Selection::Unsatisfiable,
            (Some(length), size) => Selection::Part { first: size.saturating_sub(length), last: size - 1 },
        },
        (first, last) => {
            let open = last.is_empty().then_some(u64::MAX);
            let (Some(first), Some(last)) = (number(first), open.or_else(|| number(last))) else {
                return Selection::Whole;
            };
            match first {
                _ if first > last => Selection::Whole,
                _ if first >= size => Selection::Unsatisfiable,
                _ => Selection::Part { first, last: last.min(size - 1) },
            }
        }
    }
}

/// Reads digits; what is larger than any size is the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        let part = |first, last| Selection::Part { first, last };
        for (header, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-5", part(2, 5)),
            ("Bytes= 2-5 ", part(2, 5)),
            ("bytes=8-100", part(8, 9)),
            ("bytes=8-", part(8, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-100", part(0, 9)),
            ("bytes=0-99999999999999999999", part(0, 9)),
            ("bytes=10-", Selection::Unsatisfiable),
            ("bytes=10-11", Selection::Unsatisfiable),
            ("bytes=99999999999999999999-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=5-2", Selection::Whole),
            ("bytes=0-1,3-4", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=a-b", Selection::Whole),
            ("bytes", Selection::Whole),
            ("rows=0-1", Selection::Whole),
            ("", Selection::Whole),
        ] {
            assert_eq!(selection(header, 10), expected, "{header}");
        }
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(selection(header, 0), Selection::Unsatisfiable, "{header}");
        }
    }
}
