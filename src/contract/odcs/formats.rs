//! The option `format` (ODCS 3.1, "Schema", `logicalTypeOptions`): of texts what they are, of numbers how many bits they have. Of
//! dates and times it is how the bounds beside it are written, see `dates`.

use crate::contract::Kind;
use crate::contract::odcs::options::Options;
use crate::contract::odcs::section::Told;

/// Texts of a format as a pattern that the whole value matches. `password` and `binary` say nothing that a value could fail.
const TEXTS: &[(&str, &str)] = &[
    // RFC 4648, section 4.
    ("byte", "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
    ("email", r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)*"),
    // RFC 1123, section 2.1.
    ("hostname", "(?i)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"),
    ("ipv4", r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"),
    ("ipv6", r"(?i)[0-9a-f:]{2,39}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?"),
    // RFC 3986, section 3.
    ("uri", r"[A-Za-z][A-Za-z0-9+.-]*:\S*"),
    // RFC 9562, section 4.
    ("uuid", "(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
];

/// Whole numbers of a format: the least and the greatest, and whether they need 64 bits. Wider ones have no type in a table.
const WHOLE: &[(&str, f64, f64, bool)] = &[
    ("i8", -128.0, 127.0, false),
    ("u8", 0.0, 255.0, false),
    ("i16", -32_768.0, 32_767.0, false),
    ("u16", 0.0, 65_535.0, false),
    ("u32", 0.0, 4_294_967_295.0, true),
];

/// What a format adds to the options of a column.
pub(super) fn apply(kind: Kind, mut options: Options, told: &mut Told) -> Options {
    let Some((format, line)) = options.format.take() else { return options };
    match (kind, format.as_str()) {
        // A pattern beside it says more exactly what the contract wants.
        (Kind::Text, _) if options.pattern.is_some() => {}
        (Kind::Text, _) => {
            options.pattern = TEXTS.iter().find(|(name, _)| *name == format).map(|(_, p)| (*p).to_owned())
        }
        (Kind::Float, "f32") => options.is_single = true,
        (Kind::Float, "f64") | (Kind::Int32 | Kind::Int64, "i32") => {}
        (Kind::Int32 | Kind::Int64, "i64") => options.is_wide = true,
        (Kind::Int32 | Kind::Int64, _) => match WHOLE.iter().find(|(name, ..)| *name == format) {
            Some((_, least, most, is_wide)) => {
                options.minimum = Some(options.minimum.map_or(*least, |minimum| minimum.max(*least)));
                options.maximum = Some(options.maximum.map_or(*most, |maximum| maximum.min(*most)));
                options.is_wide = *is_wide;
            }
            None => {
                let message = format!("'{format}' is no format of whole numbers that a table can have");
                told.fit.add(line, message, "Write 'i8', 'i16', 'i32', 'i64', 'u8', 'u16' or 'u32'.");
            }
        },
        (Kind::Float, _) => {
            told.fit.add(line, format!("'{format}' is no format of numbers"), "Write 'f32' or 'f64'.");
        }
        (Kind::Boolean, _) => {
            told.fit.add(
                line,
                "'format' is about values that have several, and this one is true or false",
                "Remove it.",
            );
        }
        // How the bounds are written; the column itself holds days, instants and seconds.
        (Kind::Date | Kind::Instant | Kind::ServiceTime, _) => {}
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_texts_match_what_they_are_called_for() {
        for (format, fits, others) in [
            ("uuid", "9b2f7a3c-0d4e-4f5a-8b6c-7d8e9f0a1b2c", "9b2f7a3c"),
            ("email", "leitstelle@stadtbus.example", "leitstelle"),
            ("ipv4", "192.0.2.255", "192.0.2.256"),
            ("ipv6", "2001:db8::1", "zzz"),
            ("hostname", "feeds.stadtbus.example", "-feeds"),
            ("uri", "https://stadtbus.example/a", "stadtbus"),
            ("byte", "QUJD", "QUJ"),
        ] {
            let pattern = TEXTS.iter().find(|(name, _)| *name == format).unwrap().1;
            let whole = crate::contract::pattern::whole(pattern).unwrap();
            assert!(whole.is_match(fits) && !whole.is_match(others), "{format}");
        }
    }
}
