//! What `portal` of the configuration says of the pages: how they look, and what the law demands of their publisher.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::portal::metadata::Contact;
use crate::text::Language;
use crate::time::ServiceDate;

/// What the section says. All of it may be missing: then a page says plainly that the publisher has not stated it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub colour: Option<Colour>,
    pub logo: Option<Logo>,
    /// What the home page begins with.
    pub introduction: Option<String>,
    pub introduction_en: Option<String>,
    pub imprint: Imprint,
    pub privacy: Privacy,
    pub accessibility: Accessibility,
    /// By the names of datasets.
    pub datasets: BTreeMap<String, PortalDataset>,
}

/// What the section says of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalDataset {
    /// Where it stands in the file.
    pub line: u32,
    pub known_issues: Vec<KnownIssue>,
}

/// Something that users of a dataset are to know, for no rule says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownIssue {
    pub de: String,
    /// In English; the German text is told where there is none.
    pub en: Option<String>,
    pub since: Option<ServiceDate>,
}

/// A picture that the pages show beside the title: SVG without anything that runs or loads, or PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    pub bytes: Bytes,
    pub is_svg: bool,
}

/// Who is responsible for the pages (§ 5 DDG, § 18 MStV).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imprint {
    /// The body with its legal form: `Stadt Musterstadt`.
    pub name: Option<String>,
    /// Lines.
    pub address: Option<String>,
    /// A person and the office.
    pub represented_by: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Name and address (§ 18 Abs. 2 MStV).
    pub responsible_for_content: Option<String>,
    pub vat_id: Option<String>,
    /// The authority that supervises the body, if there is one to be named.
    pub supervision: Option<String>,
}

/// What Art. 13 DSGVO demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Name, address and mail in lines, if it is another than the imprint's.
    pub controller: Option<String>,
    /// Name or office, address and mail, in lines.
    pub data_protection_officer: Option<String>,
    /// Who runs the server, and where.
    pub hosting: Option<String>,
    pub hosting_en: Option<String>,
    /// What the server keeps of a request, why, and how long.
    pub server_logs: Option<String>,
    pub server_logs_en: Option<String>,
    /// To whom one may complain: name and address.
    pub supervisory_authority: Option<String>,
}

/// What § 10 L-BGG and § 12b BGG, by the form of (EU) 2018/1523, demand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accessibility {
    pub state: Option<Conformity>,
    pub barriers: Vec<Barrier>,
    /// When the statement was made or last looked through.
    pub date: Option<ServiceDate>,
    /// How that was found out: `Selbstbewertung`.
    pub method: Option<String>,
    pub method_en: Option<String>,
    pub contact: Option<Contact>,
    /// Who settles what the contact does not.
    pub conciliation: Option<Conciliation>,
}

/// Whether the pages are accessible, in the words of (EU) 2018/1523.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conformity {
    Full,
    Partial,
    None,
}

/// Something that not everybody can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barrier {
    pub de: String,
    pub en: Option<String>,
    /// Why it is there, and what there is in its place.
    pub reason_de: String,
    pub reason_en: Option<String>,
}

/// The body of conciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conciliation {
    pub name: String,
    /// Lines.
    pub address: Option<String>,
    pub email: Option<String>,
    pub url: Option<String>,
}

/// A colour of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// As much as the guidelines demand between text and what is behind it (WCAG 2.2, 1.4.3).
const CONTRAST: f64 = 4.5;
/// The darkest and the lightest thing that the colour is seen on, of the light and of the dark pages: their panel.
pub(super) const LIGHT_PANEL: Colour = Colour([0xf2, 0xf4, 0xf6]);
pub(super) const DARK_PANEL: Colour = Colour([0x20, 0x25, 0x2a]);
const WHITE: Colour = Colour([0xff; 3]);
const BLACK: Colour = Colour([0x10, 0x12, 0x14]);
/// Where the city has none.
const DEFAULT: Colour = Colour([0x0b, 0x4f, 0x86]);

/// The city's colour as the pages use it: for links and marks, and for what is written on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accent {
    pub light: Colour,
    pub light_ink: Colour,
    pub dark: Colour,
    pub dark_ink: Colour,
}

impl Settings {
    /// What the home page begins with, in a language.
    pub(super) fn introduction(&self, language: Language) -> Option<&str> {
        let english = self.introduction_en.as_deref().filter(|_| language == Language::En);
        english.or(self.introduction.as_deref())
    }

    /// As near to the city's colour as can be read.
    pub(super) fn accent(&self) -> Accent {
        let colour = self.colour.unwrap_or(DEFAULT);
        let (light, dark) = (colour.readable_on(LIGHT_PANEL, BLACK), colour.readable_on(DARK_PANEL, WHITE));
        Accent { light, light_ink: light.ink(), dark, dark_ink: dark.ink() }
    }

    pub(super) fn known_issues(&self, dataset: &str) -> &[KnownIssue] {
        self.datasets.get(dataset).map_or(&[], |of| &of.known_issues)
    }
}

impl Logo {
    /// Where it is in the bucket.
    pub(super) fn path(&self) -> &'static str {
        Self::PATHS[usize::from(self.is_svg)]
    }

    /// Where one may be.
    pub(super) const PATHS: [&str; 2] = ["logo.png", "logo.svg"];
}

impl Colour {
    /// `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = |part: u8| match f64::from(part) / 255.0 {
            part if part <= 0.04045 => part / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG 2.2, "contrast ratio".
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if one > other { one / other } else { other / one }
    }

    /// The same, mixed with as little of another colour as makes it readable.
    fn readable_on(self, behind: Self, other: Self) -> Self {
        let mixed = (0..=100_u16).map(|share| self.mixed(other, share));
        mixed.into_iter().find(|colour| colour.contrast(behind) >= CONTRAST).unwrap_or(other)
    }

    fn mixed(self, other: Self, share: u16) -> Self {
        let part = |at: usize| {
            let sum = u16::from(self.0[at]) * (100 - share) + u16::from(other.0[at]) * share;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self([part(0), part(1), part(2)])
    }

    /// What is written on it: one of the two always has enough contrast.
    fn ink(self) -> Self {
        if self.contrast(WHITE) >= CONTRAST { WHITE } else { BLACK }
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_readable_in_light_and_dark_with_ink_on_it() {
        for text in ["#ffffff", "#000000", "#ffcc00", "#e30613", "#777777", "#00a0e3", "#0b4f86", "#7fff00"] {
            let settings = Settings { colour: Colour::parse(text), ..Settings::default() };
            let accent = settings.accent();
            for (one, other) in [
                (accent.light, LIGHT_PANEL),
                (accent.light, WHITE),
                (accent.light, accent.light_ink),
                (accent.dark, DARK_PANEL),
                (accent.dark, accent.dark_ink),
            ] {
                assert!(one.contrast(other) >= 4.5, "{text}: {one} on {other}: {}", one.contrast(other));
            }
        }
        // What can be read stays as it is.
        let settings = Settings { colour: Colour::parse("#0b4f86"), ..Settings::default() };
        assert_eq!(settings.accent().light.to_string(), "#0b4f86");
        for text in ["0b4f86", "#0b4f8", "#0b4f8g", "#0b4f86ff", "blue", "#+1+1+1", "#ä4f86"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }
}
