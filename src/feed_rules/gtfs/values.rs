//! What a single value must look like: URLs, e-mail addresses, languages, zones, colours, and text for people.
//!
//! Every distinct value of a column is looked at once.

use std::ops::RangeInclusive;

use crate::contract::Kind as ContractKind;
use crate::decode::gtfs::{Column, Kind, NONE, Status, Table, Timetable};

/// Marks the cells whose values are not what the column's type says.
pub fn check(timetable: &mut Timetable, country: Option<&str>) {
    for table in &mut timetable.tables {
        if table.status >= Status::BadRows {
            check_table(table, country);
        }
    }
}

fn check_table(table: &mut Table, country: Option<&str>) {
    let contract = table.contract.clone();
    for (index, column) in contract.columns.iter().enumerate().filter(|(_, c)| c.kind == ContractKind::Text) {
        let type_name = column.gtfs_type.as_deref().unwrap_or_default().to_lowercase();
        let fits: &dyn Fn(&str) -> bool = match type_name.as_str() {
            "id" | "unique id" => &|text| text.bytes().all(|byte| (32..127).contains(&byte)),
            "url" => &is_url,
            "email" => &is_email,
            "phone number" => match country {
                Some(country) => &move |text| is_possible_phone_number(text, country),
                None => continue,
            },
            "language code" => &is_language_tag,
            "timezone" => &is_timezone,
            "color" => &|text| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "currency code" => &|text| decimals_of(text).is_some(),
            _ => continue,
        };
        let kind = match type_name.as_str() {
            "url" => Kind::Url,
            "email" => Kind::Email,
            "phone number" => Kind::Phone,
            "language code" => Kind::Language,
            "timezone" => Kind::Timezone,
            "color" => Kind::Color,
            "currency code" => Kind::Currency,
            _ => Kind::NonAscii,
        };
        let Some(Some(Column::Text { codes, words })) = table.columns.get(index) else { continue };
        let wrong: Vec<bool> = words.iter().map(|(_, text)| !fits(text)).collect();
        if !wrong.contains(&true) {
            continue;
        }
        let rows: Vec<(usize, String)> = codes
            .iter()
            .enumerate()
            .filter(|(_, code)| **code != NONE && wrong[**code as usize])
            .map(|(row, code)| (row, words.get(*code).to_owned()))
            .collect();
        for (row, text) in rows {
            table.flaw(kind, row, index as u32, text.as_bytes());
        }
    }
}

/// A web address: `http`, `https` or `ftp`, a host with a domain or an IPv4 address, and only characters that RFC 3986
/// allows. Paths are ASCII and have no empty segment.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if !["http", "https", "ftp"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return false;
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let allowed = |text: &str| {
        text.char_indices().all(|(place, c)| match c {
            '%' => text.as_bytes().get(place + 1..place + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
            'a'..='z' | 'A'..='Z' | '0'..='9' => true,
            _ if c.is_ascii() => "-._~:/?@!$&'()*+,;=".contains(c),
            _ => !c.is_control() && !c.is_whitespace(),
        })
    };
    let path_fits = path.is_ascii() && allowed(path) && !path.contains("//") && !climbs_out(path);
    is_authority(authority) && path_fits && allowed(query) && allowed(fragment)
}

/// Whether a path goes above its root.
fn climbs_out(path: &str) -> bool {
    let mut depth = 0_i32;
    path.split('/').skip(1).any(|segment| {
        depth += match segment {
            ".." => -1,
            "" | "." => 0,
            _ => 1,
        };
        depth < 0
    })
}

fn is_authority(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split_once(']').is_some_and(|(address, _)| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let port_fits = port.is_empty() || port.parse::<u16>().is_ok();
    port_fits && (is_domain(host) || host.parse::<std::net::Ipv4Addr>().is_ok())
}

/// A domain of at least two labels; the last begins with a letter. Letters beyond ASCII count as such (IDN).
fn is_domain(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let labels: Vec<&str> = host.split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let top = labels.last().is_some_and(|top| top.chars().count() >= 2 && top.starts_with(char::is_alphabetic));
    labels.len() >= 2 && host.len() <= 253 && top && labels.iter().all(label)
}

/// An e-mail address after RFC 5321, without comments.
pub fn is_email(text: &str) -> bool {
    let Some((user, domain)) = text.rsplit_once('@') else { return false };
    let quoted = user.len() >= 2 && user.starts_with('"') && user.ends_with('"');
    let dotted = user.split('.').all(|part| {
        !part.is_empty()
            && part.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"()<>@,;:\\\".[]".contains(c))
    });
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    user.len() <= 64
        && (quoted || dotted)
        && (address.is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok())
            || !domain.ends_with('.') && is_domain(domain))
}

/// A well-formed language tag of BCP 47 (RFC 5646, section 2.1).
pub fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-').peekable();
    let is = |part: &str, length: RangeInclusive<usize>, of: fn(&u8) -> bool| {
        length.contains(&part.len()) && part.bytes().all(|byte| of(&byte))
    };
    let private = |parts: &mut std::iter::Peekable<std::str::Split<'_, char>>| {
        let mut count = 0;
        let fits = parts.all(|part| {
            count += 1;
            is(part, 1..=8, u8::is_ascii_alphanumeric)
        });
        fits && count > 0
    };
    let Some(language) = parts.next() else { return false };
    if language.eq_ignore_ascii_case("x") {
        return private(&mut parts);
    }
    if !is(language, 2..=8, u8::is_ascii_alphabetic) {
        return GRANDFATHERED.iter().any(|tag| tag.eq_ignore_ascii_case(text));
    }
    if language.len() <= 3 {
        for _ in 0..3 {
            parts.next_if(|part| is(part, 3..=3, u8::is_ascii_alphabetic));
        }
    }
    parts.next_if(|part| is(part, 4..=4, u8::is_ascii_alphabetic));
    parts.next_if(|part| is(part, 2..=2, u8::is_ascii_alphabetic) || is(part, 3..=3, u8::is_ascii_digit));
    let variant = |part: &&str| {
        is(part, 5..=8, u8::is_ascii_alphanumeric)
            || is(part, 4..=4, u8::is_ascii_alphanumeric) && part.as_bytes()[0].is_ascii_digit()
    };
    while parts.next_if(variant).is_some() {}
    while let Some(single) = parts.next() {
        if single.eq_ignore_ascii_case("x") {
            return private(&mut parts);
        }
        if !is(single, 1..=1, u8::is_ascii_alphanumeric) {
            return GRANDFATHERED.iter().any(|tag| tag.eq_ignore_ascii_case(text));
        }
        let mut count = 0;
        while parts.next_if(|part| is(part, 2..=8, u8::is_ascii_alphanumeric)).is_some() {
            count += 1;
        }
        if count == 0 {
            return false;
        }
    }
    true
}

/// Tags that are older than the rules (RFC 5646, `irregular`).
const GRANDFATHERED: &[&str] = &[
    "en-GB-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-BE-FR",
    "sgn-BE-NL",
    "sgn-CH-DE",
];

/// A name of the IANA time zone database, in its own letter case.
pub fn is_timezone(text: &str) -> bool {
    jiff::tz::TimeZone::get(text).is_ok_and(|zone| zone.iana_name() == Some(text))
}

/// Whether the digits could be a telephone number, at home in the country or abroad (ITU-T E.164: at most 15 digits).
/// What is in front of them (`+49`, `0`) and extensions (`ext. 3`) are allowed; letters may stand for digits.
pub fn is_possible_phone_number(text: &str, country: &str) -> bool {
    let lower = text.to_lowercase();
    let main =
        ["ext", "x", ";", "#"].iter().filter_map(|mark| lower.find(mark)).min().map_or(&*lower, |end| &lower[..end]);
    let international = main.trim_start().starts_with('+');
    if main.chars().any(|c| !c.is_alphanumeric() && !" +-.()/\u{a0}\u{2010}\u{2011}\u{2012}\u{2013}*~,".contains(c)) {
        return false;
    }
    // Letters may stand for digits, as on a keypad, but not in front.
    let mut signs = main.chars().filter(|c| c.is_alphanumeric());
    let begins = signs.by_ref().take(3).filter(char::is_ascii_digit).count();
    if begins < 3 {
        return false;
    }
    let digits = begins + signs.count();
    let fits = LENGTHS
        .iter()
        .find(|(code, ..)| code.eq_ignore_ascii_case(country))
        .map_or(5..=15, |(_, low, high)| *low..=*high);
    if international { (7..=15).contains(&digits) } else { fits.contains(&digits) }
}

/// How many digits a national number has, the trunk prefix included, by country.
const LENGTHS: &[(&str, usize, usize)] = &[
    ("AT", 5, 14),
    ("CH", 9, 13),
    ("DE", 3, 16),
    ("FR", 9, 10),
    ("GB", 9, 11),
    ("IT", 6, 12),
    ("NL", 9, 11),
    ("US", 10, 11),
    ("CA", 10, 11),
];

/// How many decimals an amount of a currency has (ISO 4217); `None` if there is no such currency.
pub fn decimals_of(currency: &str) -> Option<i32> {
    let list = |list: &str| list.split(' ').any(|code| code == currency);
    if list(WITHOUT_DECIMALS) {
        Some(0)
    } else if list(THREE_DECIMALS) {
        Some(3)
    } else if list(FOUR_DECIMALS) {
        Some(4)
    } else {
        list(TWO_DECIMALS).then_some(2)
    }
}

const WITHOUT_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";
const FOUR_DECIMALS: &str = "CLF UYW";
const TWO_DECIMALS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
                            CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD \
                            HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU \
                            MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD \
                            SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER \
                            ZAR ZMW ZWG ZWL";

/// How many decimals the text of a number has; negative with a large exponent.
pub fn decimals_in(number: &str) -> i32 {
    let lower = number.to_ascii_lowercase();
    let (digits, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
    decimals - exponent.parse::<i32>().unwrap_or(0)
}

/// Whether text for people is written in capitals or in small letters only, where mixed case is recommended (GTFS
/// reference, "Dataset publishing guidelines").
///
/// One word is told if it is all small letters; several words, counting those of more than one letter, if none of them
/// has both capitals and small letters.
pub fn is_not_mixed_case(text: &str) -> bool {
    // The words between what is no letter. A mark in front makes an empty first word, as in most languages' `split`.
    let mut words: Vec<&str> = Vec::new();
    let mut begin = 0;
    let mut after_letters = true;
    for (place, c) in text.char_indices() {
        match (c.is_alphabetic(), after_letters) {
            (false, true) => {
                words.push(&text[begin..place]);
                after_letters = false;
            }
            (true, false) => {
                begin = place;
                after_letters = true;
            }
            _ => {}
        }
    }
    if after_letters && begin < text.len() {
        words.push(&text[begin..]);
    }
    let several = |word: &&&str| word.chars().nth(1).is_some();
    if let [only] = words[..] {
        return several(&&only) && only.chars().all(char::is_lowercase);
    }
    let mixed = |word: &str| word.chars().any(char::is_uppercase) && word.chars().any(char::is_lowercase);
    // An empty word counts, because it is not one letter either.
    let counted = words.iter().filter(|word| word.chars().count() != 1);
    let (mut count, mut any) = (0, false);
    for word in counted {
        count += 1;
        any |= mixed(word);
    }
    count >= 2 && !any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_feeds_are_told_apart_from_what_is_none() {
        for good in [
            "https://www.mta.info/",
            "http://www.mta.info",
            "https://groups.google.com/forum/#!forum/mtadeveloperresources",
            "https://example.com:8080/a/b.html?x=1&y=%20#top",
            "ftp://192.168.1.1/feed",
            "https://www.münchen.de/",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "www.mta.info",
            "https://",
            "https://localhost",
            "https://a b.de",
            "https://x.de/a//b",
            "mailto:a@b.de",
            "https://x.de/%zz",
            "https://x.de/../a",
            "https://x.de/ü",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn mail_addresses_need_a_user_and_a_domain() {
        assert!(is_email("fahrplan@stadt-bus.example.de") && is_email("a.b+c@[127.0.0.1]"));
        assert!(["fahrplan", "@x.de", "a@b", "a b@x.de", "a@x.de."].iter().all(|text| !is_email(text)));
    }

    #[test]
    fn language_tags_follow_rfc_5646() {
        for good in [
            "de",
            "de-DE",
            "zh-Hant-TW",
            "sl-rozaj-biske",
            "de-CH-1996",
            "x-klingon",
            "i-default",
            "mul",
            "en-u-ca-gregory",
        ] {
            assert!(is_language_tag(good), "{good}");
        }
        for bad in ["", "d", "de_DE", "de-", "deutsch-sprache-lang", "en-u"] {
            assert!(!is_language_tag(bad), "{bad}");
        }
    }

    #[test]
    fn zones_currencies_and_their_decimals_are_known() {
        assert!(
            is_timezone("Europe/Berlin")
                && is_timezone("UTC")
                && !is_timezone("Berlin")
                && !is_timezone("europe/berlin")
        );
        assert_eq!((decimals_of("EUR"), decimals_of("JPY"), decimals_of("eur")), (Some(2), Some(0), None));
        assert_eq!((decimals_in("1.50"), decimals_in("2"), decimals_in("1E2")), (2, 0, -2));
    }

    #[test]
    fn telephone_numbers_have_a_plausible_number_of_digits() {
        assert!(is_possible_phone_number("+49 781 80 40", "DE") && is_possible_phone_number("0781/82-0", "DE"));
        assert!(is_possible_phone_number("718-330-1234", "US") && !is_possible_phone_number("1234", "US"));
        assert!(!is_possible_phone_number("call us!", "DE") && is_possible_phone_number("1-800-FLOWERS", "US"));
    }

    #[test]
    fn capitals_only_are_told_where_people_read() {
        for told in ["WILLIS AV/E 138 ST", "SELECT BUS LA GUARDIA AIRPORT", "rathaus", "bahnhof nord"] {
            assert!(is_not_mixed_case(told), "{told}");
        }
        for fine in ["Rathaus", "SWEG", "Bahnhof Nord", "S1", "M60+", "A B", "ZOB 1", ""] {
            assert!(!is_not_mixed_case(fine), "{fine}");
        }
    }
}
