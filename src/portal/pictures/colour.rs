//! Colours of lines that are seen on light and on dark paper.

/// The paper of pictures that are files of their own.
pub(crate) const LIGHT: Colour = Colour([0xfb, 0xfa, 0xf7]);
pub(crate) const DARK: Colour = Colour([0x15, 0x1a, 0x20]);

/// What graphics need against what is beside them: success criterion 1.4.11 of WCAG 2.2.
const CONTRAST: f64 = 3.0;

/// A colour of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Colour(pub [u8; 3]);

impl Colour {
    /// Of six hexadecimal digits, as `route_color` of GTFS has it.
    pub(crate) fn of(digits: &str) -> Option<Self> {
        let digits = digits.trim();
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    pub(crate) fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of WCAG 2.2, 1 to 21.
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// This colour where it is seen on the paper, else the nearest shade towards black or white that is.
    pub(crate) fn on(self, paper: Self) -> Self {
        let end = if paper.luminance() > 0.18 { 0.0 } else { 255.0 };
        let shade = |step: u8| {
            let share = f64::from(step) / 32.0;
            // Between 0 and 255, since both ends are.
            Self(self.0.map(|part| (f64::from(part) + (end - f64::from(part)) * share).round() as u8))
        };
        (0..=32).map(shade).find(|shade| shade.contrast(paper) >= CONTRAST).unwrap_or(shade(32))
    }

    /// How unlike two colours are, squared.
    pub(crate) fn distance(self, other: Self) -> u32 {
        (0..3).map(|part| u32::from(self.0[part].abs_diff(other.0[part])).pow(2)).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_colour_is_six_digits_and_kept_where_it_is_seen() {
        assert_eq!(Colour::of("1D5FA8").map(Colour::hex).as_deref(), Some("#1d5fa8"));
        for wrong in ["", "fff", "12345g", "+12345", "#123456", "äöü"] {
            assert_eq!(Colour::of(wrong), None, "{wrong}");
        }
        let (white, black, blue) = (Colour([255; 3]), Colour([0; 3]), Colour([0x1d, 0x5f, 0xa8]));
        assert!((white.contrast(black) - 21.0).abs() < 1e-9);
        assert_eq!(blue.on(LIGHT), blue);
        // White lines on white paper, and black ones on black, are those that nobody sees.
        assert!(
            white.on(LIGHT) != white && black.on(DARK) != black && black.on(LIGHT) == black && white.on(DARK) == white
        );
    }

    proptest! {
        #[test]
        fn every_colour_is_seen_on_both_papers(parts in any::<[u8; 3]>()) {
            for paper in [LIGHT, DARK] {
                prop_assert!(Colour(parts).on(paper).contrast(paper) >= CONTRAST);
            }
        }
    }
}
