//! The frame of the portal's pages: one file in one language that needs nothing else, with the way to the other language and to the
//! pages around it.

use maud::{DOCTYPE, Markup, html};

use crate::portal::catalogue::Site;
use crate::text::{Language, german_number, grouped};

/// A page of the portal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub site: &'a Site,
    pub language: Language,
    /// The German one's place from the root of the bucket: `stadtbus-telemetrie/index.html`.
    pub path: &'a str,
    pub title: &'a str,
    /// For search engines, one sentence.
    pub description: &'a str,
}

/// Where a page is in a language: the English one beside the German one, `index.html` and `index.en.html`.
pub(super) fn path_in(language: Language, path: &str) -> String {
    match (language, path.strip_suffix(".html")) {
        (Language::En, Some(name)) => format!("{name}.en.html"),
        _ => path.to_owned(),
    }
}

/// A count, with what it is a count of: `rows stadtbus-telemetrie vehicle_locations`. A test gives each of these words a query over the
/// published tables, and compares.
pub(super) fn count(what: &str, value: u64, language: Language) -> Markup {
    html! { data value=(value) data-figure=(what) { (language.of(&grouped(value))) } }
}

/// As [`count`], of a number with decimals, of which `places` are shown.
pub(super) fn decimal(what: &str, value: f64, places: usize, language: Language) -> Markup {
    let text = format!("{value:.places$}");
    let shown = match language {
        Language::De => german_number(&text),
        Language::En => text,
    };
    html! { data value=(value) data-figure=(what) { (shown) } }
}

impl Page<'_> {
    /// Of something else in the bucket, `path` from its root, as it is called from this page: there is no address of the bucket in it.
    pub(super) fn link(&self, path: &str) -> String {
        let up = "../".repeat(self.path.matches('/').count());
        format!("{up}{path}")
    }

    /// Of another page in this one's language.
    pub(super) fn page(&self, path: &str) -> String {
        self.link(&path_in(self.language, path))
    }

    /// The whole page. `head` comes last in its head.
    pub(super) fn write(&self, head: &Markup, content: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    meta name="description" content=(self.description);
                    (head)
                }
                body { main { (content) } }
            }
        };
        page.into_string()
    }
}
