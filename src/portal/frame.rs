//! The frame of the portal's pages: one file in one language that needs nothing else, with the way to the other language and to the
//! pages around it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::portal::catalogue::Site;
use crate::portal::dates::day_text;
use crate::portal::metadata::Contact;
use crate::text::{Language, grouped};
use crate::time::ServiceDate;

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

/// What so many rows are called.
pub(super) fn rows_word(rows: u64, language: Language) -> &'static str {
    match (rows, language) {
        (1, Language::De) => "Zeile",
        (1, Language::En) => "row",
        (_, Language::De) => "Zeilen",
        (_, Language::En) => "rows",
    }
}

/// As [`count`], of a number with decimals, of which `places` are shown.
pub(super) fn decimal(what: &str, value: f64, places: usize, language: Language) -> Markup {
    html! { data value=(value) data-figure=(what) { (language.decimal(value, places)) } }
}

/// A day as people write it: `24. November 2026`, `24 November 2026`.
pub(super) fn day(date: ServiceDate, language: Language) -> Markup {
    html! { time datetime=(date) { (day_text(language, date)) } }
}

/// A text of the configuration or of a contract on a page of perhaps another language.
pub(super) fn said(text: &str, of: Language, page: Language) -> Markup {
    html! { @if of == page { (text) } @else { span lang=(of.code()) { (text) } } }
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

    /// The way down to this page: the home page, then these titles with their places from the root of the bucket, then this page.
    pub(super) fn crumbs(&self, above: &[(&str, &str)]) -> Markup {
        let above: Vec<(Markup, &str)> = above.iter().map(|(title, path)| (html! { (title) }, *path)).collect();
        self.crumbs_of(&above, &html! { (self.title) })
    }

    /// As [`Page::crumbs`], of titles that may be in another language than the page, and say so.
    pub(super) fn crumbs_of(&self, above: &[(Markup, &str)], here: &Markup) -> Markup {
        html! {
            nav.crumbs aria-label=(self.language.say("Sie sind hier", "You are here")) { ol {
                li { a href=(self.page("index.html")) { (self.language.say("Startseite", "Home")) } }
                @for (title, path) in above { li { a href=(self.page(path)) { (title) } } }
                li aria-current="page" { (here) }
            } }
        }
    }

    /// The whole page. `head` comes last in its head, `content` has the one `h1`. The style sheet knows these classes: `cards` (a list or
    /// a `div` whose children are cards; with `figures` each begins with a number in `b`), `wide` (around a wide table), `badge`, `note`
    /// (with `warn`, `bad` or `none`), `lead`, `muted`, `n` (cells of numbers), `lines` (a text whose line ends stay).
    pub(super) fn write(&self, head: &Markup, content: &Markup) -> String {
        let title = match self.path {
            "index.html" => self.title.to_owned(),
            _ => format!("{} – {}", self.title, self.site.title),
        };
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    meta name="description" content=(self.description);
                    link rel="alternate" hreflang=(self.other().code()) href=(self.other_address());
                    @match &self.site.portal.logo {
                        Some(logo) => link rel="icon" href=(self.link(logo.path()));,
                        // Or a browser would look for one at the root of the server.
                        None => link rel="icon" href="data:,";,
                    }
                    style { (PreEscaped(STYLE)) (PreEscaped(colours(self.site))) }
                    (head)
                }
                body data-copy=(self.language.say("Kopieren", "Copy")) data-copied=(self.language.say("Kopiert", "Copied")) {
                    a.skip href="#content" { (self.language.say("Zum Inhalt springen", "Skip to content")) }
                    (self.header())
                    main.in #content tabindex="-1" { (content) }
                    (self.footer())
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }

    fn other(&self) -> Language {
        match self.language {
            Language::De => Language::En,
            Language::En => Language::De,
        }
    }

    /// The same page in the other language, which is beside this one.
    fn other_address(&self) -> String {
        let path = path_in(self.other(), self.path);
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    fn header(&self) -> Markup {
        html! {
            header.site { div.in {
                a.brand href=(self.page("index.html")) {
                    // The title beside it says whose it is.
                    @if let Some(logo) = &self.site.portal.logo {
                        img class=[(!logo.is_svg).then_some("png")] src=(self.link(logo.path())) alt="";
                    }
                    // The home page has the title below.
                    span { @if self.path == "index.html" { (self.site.publisher) } @else { (said(&self.site.title, Language::De, self.language)) } }
                }
                nav aria-label=(self.language.say("Sprache", "Language")) {
                    a.language href=(self.other_address()) hreflang=(self.other().code()) lang=(self.other().code()) {
                        (self.other().say("Deutsch", "English"))
                    }
                }
            } }
        }
    }

    fn footer(&self) -> Markup {
        let say = |de, en| self.language.say(de, en);
        html! {
            footer.site { div.in {
                nav aria-label=(say("Rechtliches und Kontakt", "Legal and contact")) { ul {
                    li { a href=(self.page(IMPRINT)) { (say("Impressum", "Imprint")) } }
                    li { a href=(self.page(PRIVACY)) { (say("Datenschutz", "Privacy")) } }
                    li { a href=(self.page(ACCESSIBILITY)) { (say("Barrierefreiheit", "Accessibility")) } }
                    @if let Some(contact) = self.site.contact() { li { (way_to(&contact, say("Kontakt", "Contact"))) } }
                } }
                p {
                    (say("Herausgeber: ", "Publisher: ")) (self.site.publisher) ". "
                    (say("Lizenz der Daten: ", "Licence of the data: ")) (self.licence()) "."
                }
                p.small.muted {
                    (say(
                        "Diese Seiten setzen keine Cookies, zählen niemanden und laden nichts von anderen Servern.",
                        "These pages set no cookies, do not track visitors and load nothing from other servers.",
                    ))
                }
            } }
        }
    }

    /// Of the data, as a link where its text is known.
    pub(super) fn licence(&self) -> Markup {
        html! {
            @match &self.site.licence_url {
                Some(url) => a href=(url) rel="license" { (self.site.licence) },
                None => (self.site.licence),
            }
        }
    }
}

/// To somebody: by mail, or by the form on the web.
pub(super) fn way_to(contact: &Contact, text: &str) -> Markup {
    html! {
        @match (&contact.email, &contact.url) {
            (Some(email), _) => a href={ "mailto:" (email) } { (text) },
            (None, Some(url)) => a href=(url) { (text) },
            (None, None) => (text),
        }
    }
}

/// The city's colour, in light and dark.
pub(super) fn colours(site: &Site) -> String {
    let accent = site.portal.accent();
    format!(
        "@media screen{{:root{{--accent:{};--accent-ink:{}}}}}\
         @media screen and (prefers-color-scheme:dark){{:root{{--accent:{};--accent-ink:{}}}}}",
        accent.light, accent.light_ink, accent.dark, accent.dark_ink
    )
}

/// Pages that a public body must have.
pub(super) const IMPRINT: &str = "impressum.html";
pub(super) const PRIVACY: &str = "datenschutz.html";
pub(super) const ACCESSIBILITY: &str = "barrierefreiheit.html";

/// Of all pages; each has it inside, so that it needs nothing else.
pub(super) const STYLE: &str = include_str!("frame.css");
/// Of pages that have the map of a network.
pub(super) const MAP_STYLE: &str = include_str!("map.css");
/// Gives each snippet a button that copies it, where the browser can copy.
const SCRIPT: &str = include_str!("frame.js");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::metadata::Metadata;
    use crate::portal::settings::{Colour, Settings};

    fn site() -> Site {
        let contact = Contact { name: "Daten".into(), email: Some("daten@example.de".into()), url: None };
        Site {
            title: "Daten <der> Stadt".into(),
            publisher: "Stadt".into(),
            licence: "CC-BY-4.0".into(),
            licence_line: 0,
            licence_url: Some("https://creativecommons.org/licenses/by/4.0/".into()),
            base_url: Some("https://daten.example.de".into()),
            metadata: Metadata { contact: Some(contact), ..Metadata::default() },
            portal: Settings { colour: Colour::parse("#ffcc00"), ..Settings::default() },
        }
    }

    #[test]
    fn a_page_leads_to_the_other_language_and_to_what_is_around_it_without_an_address_of_the_bucket() {
        let site = site();
        let page = |language| Page {
            site: &site,
            language,
            path: "bus/index.html",
            title: "Busse",
            description: "Wo sie waren",
        };
        let (de, en) = (page(Language::De), page(Language::En));
        let content = html! { (de.crumbs(&[("Mehr", "mehr/index.html")])) h1 { "Busse" } };
        let text = de.write(&html! { meta name="x" content="y"; }, &content);
        for expected in [
            "<title>Busse – Daten &lt;der&gt; Stadt</title>",
            "<a class=\"language\" href=\"index.en.html\" hreflang=\"en\" lang=\"en\">English</a>",
            "href=\"../index.html\"",
            "href=\"../impressum.html\"",
            "href=\"../datenschutz.html\"",
            "href=\"../barrierefreiheit.html\"",
            "href=\"../mehr/index.html\"",
            "mailto:daten@example.de",
            "<meta name=\"x\" content=\"y\"></head>",
            "<li aria-current=\"page\">Busse</li>",
            "href=\"#content\"",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("daten.example.de\"") && !text.contains("--accent:#ffcc00;--accent-ink:#fff"));
        let text = en.write(&html! {}, &content);
        assert!(
            text.contains("href=\"index.html\" hreflang=\"de\" lang=\"de\">Deutsch")
                && text.contains("../impressum.en.html")
        );
        assert_eq!(
            day("2026-03-04".parse().unwrap(), Language::De).into_string(),
            "<time datetime=\"2026-03-04\">4. März 2026</time>"
        );
        assert!(text.len() < 16_000, "{} bytes of frame", text.len());
    }
}
