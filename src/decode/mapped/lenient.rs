//! Values that are no JSON and whose end can be seen: words as `NaN` or `None`, numbers as `.5` or `01`, texts with an escape that
//! there is not or with a tab in them, and objects and lists that have such values.
//!
//! Programs write them that print a value where they should encode it. The end of one can be seen where a comma, an end of an object or
//! list, or a blank is behind it. Everything else is as strict as JSON is, so that damage stays damage.

/// How many bytes the value at the beginning of a text has; `None` where its end cannot be seen. Looks at each byte once; holds a
/// byte for each object and list that is open.
pub(super) fn value(text: &[u8]) -> Option<usize> {
    let mut open: Vec<u8> = Vec::new();
    let mut at = 0;
    loop {
        // A value.
        at += blanks(&text[at..]);
        match text.get(at)? {
            begin @ (b'{' | b'[') => {
                at += 1;
                // In ASCII an end is two behind its beginning.
                open.push(*begin + 2);
                let is_empty = closes(text, &mut at, &mut open);
                if !is_empty {
                    key(text, &mut at, &open)?;
                    continue;
                }
            }
            b'"' => at += string(&text[at..])?,
            _ => at += word(&text[at..])?,
        }
        // What is behind it.
        loop {
            if open.is_empty() {
                return Some(at);
            }
            if closes(text, &mut at, &mut open) {
                continue;
            }
            if text.get(at) != Some(&b',') {
                return None;
            }
            at += 1;
            key(text, &mut at, &open)?;
            break;
        }
    }
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|byte| b" \t\r\n".contains(byte)).count()
}

/// Goes over the end of the innermost object or list, if it is here.
fn closes(text: &[u8], at: &mut usize, open: &mut Vec<u8>) -> bool {
    *at += blanks(&text[*at..]);
    let is_end = text.get(*at).is_some_and(|byte| open.last() == Some(byte));
    if is_end {
        *at += 1;
        open.pop();
    }
    is_end
}

/// Goes over the key and the colon that an object has before each value.
fn key(text: &[u8], at: &mut usize, open: &[u8]) -> Option<()> {
    if open.last() != Some(&b'}') {
        return Some(());
    }
    *at += blanks(&text[*at..]);
    if text.get(*at) != Some(&b'"') {
        return None;
    }
    *at += string(&text[*at..])?;
    *at += blanks(&text[*at..]);
    (text.get(*at) == Some(&b':')).then(|| *at += 1)
}

/// A text with its quotes. It may not go on on another line: that is one without its end.
fn string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr3(b'"', b'\\', b'\n', text.get(at..)?)?;
        match text[at] {
            b'"' => return Some(at + 1),
            b'\\' if text.get(at + 1) != Some(&b'\n') => at += 2,
            _ => return None,
        }
    }
}

/// A number or a word up to what ends it.
fn word(text: &[u8]) -> Option<usize> {
    let is_end = |byte: &u8| b",]} \t\r\n".contains(byte);
    let length = text.iter().position(is_end)?;
    let is_one = |byte: &u8| *byte > b' ' && !b"{[\":'\\".contains(byte);
    (length > 0 && text[..length].iter().all(is_one)).then_some(length)
}
