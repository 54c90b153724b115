//! The frame of pages for people: one file that needs nothing else, in German and English.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::text::{Text, grouped};
use crate::time::ServiceDate;

/// What is seen in the language that the reader has chosen.
pub(crate) fn both(de: &str, en: &str) -> Markup {
    html! { span.de lang="de" { (de) } span.en lang="en" { (en) } }
}

/// A date as each language writes it.
pub(crate) fn day(date: ServiceDate) -> Markup {
    let [de, en] = day_words(date);
    both(&de, &en)
}

/// The same in German and in English.
pub(crate) fn day_words(date: ServiceDate) -> [String; 2] {
    ["%-d.%-m.%Y", "%-d %b %Y"].map(|form| date.0.strftime(form).to_string())
}

/// A count with its thousands apart, as each language writes it.
pub(crate) fn number(count: u64) -> Markup {
    let Text { de, en } = grouped(count);
    if de == en {
        html! { (de) }
    } else {
        both(&de, &en)
    }
}

/// The id of a rule, a column or a table. It may be broken after `_`, `.` and `/`, and stays whole where it is copied or looked for.
pub(crate) fn identifier(text: &str) -> Markup {
    let mut parts = text.split_inclusive(['_', '.', '/']).peekable();
    html! {
        @while let Some(part) = parts.next() {
            (part)
            @if parts.peek().is_some() { wbr; }
        }
    }
}

/// A page whose reader chooses the language; in German until then. `style` comes after that of all pages.
pub(crate) fn page(title: &str, style: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="de" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body {
                main {
                    input #de type="radio" name="language" checked;
                    label for="de" lang="de" { "Deutsch" }
                    input #en type="radio" name="language";
                    label for="en" lang="en" { "English" }
                    div { (content) }
                }
            }
        }
    };
    page.into_string()
}

/// A page in one language. `style` comes after that of all pages.
pub(crate) fn page_in(language: &str, title: &str, style: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { main { (content) } }
        }
    };
    page.into_string()
}

/// The colours are called as those of the portal's pages; a page's own style uses them, in light and dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#171b1f;--paper:#fff;--panel:#f2f4f6;--muted:#515c66;--line:#d3d9df;--good:#17693a;--warn:#855000;\
--bad:#a3211a;--none:#66717c;--accent:#0b4f86}\
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\
body{font:16px/1.55 system-ui,sans-serif;margin:1rem auto;max-width:70rem;padding:0 1rem;color:var(--ink);background:var(--paper);\
overflow-wrap:break-word}\
#de:checked~div .en,#en:checked~div .de{display:none}input[name=language]{width:1.5rem;height:1.5rem;margin:0 .4rem 0 0;\
vertical-align:middle;accent-color:var(--accent)}label{display:inline-block;padding:.2rem 1.2rem .2rem 0;vertical-align:middle}h1,h2,h3{line-height:1.25}\
a{color:var(--accent)}code{font:.85em ui-monospace,monospace;overflow-wrap:anywhere}code:has(wbr){overflow-wrap:break-word}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}\
summary{cursor:pointer;padding:.2rem 0}.wide{overflow-x:auto}table{border-collapse:collapse}\
@media screen and (max-width:40rem){.stack,.stack caption,.stack tbody,.stack tr,.stack th,.stack td{display:block;width:auto!important;min-width:0!important}.stack thead{display:none}\
.stack tr{padding:.4rem 0;border-bottom:1px solid var(--line)}.stack tbody th,.stack tbody td{border:0;padding:.08rem 0;text-align:left;white-space:normal}\
.stack td[data-label]:before{content:attr(data-label) ': ';color:var(--muted)}}\
@media(prefers-color-scheme:dark){:root{--ink:#e7eaed;--paper:#15191c;--panel:#20252a;--muted:#aab4be;--line:#3d464f;--good:#74cf98;\
--warn:#eeb45e;--bad:#ff9489;--none:#919ca7;--accent:#7db4e6}}\
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--panel:#fff;--muted:#333;--line:#999;--good:#0c5028;--warn:#6b4000;\
--bad:#8c1610;--none:#555;--accent:#000}main>input,main>label{display:none}tr,li{break-inside:avoid}h1,h2,h3,h4,h2+p,h3+p,caption,thead,summary{break-after:avoid}\
details::details-content{content-visibility:visible;block-size:auto}.wide{overflow:visible}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_may_be_broken_between_its_words_and_stays_whole_in_its_text() {
        let marked = identifier("trip_updates.<b>/x_").into_string();
        assert_eq!(marked, "trip_<wbr>updates.<wbr>&lt;b&gt;/<wbr>x_");
        assert_eq!(marked.replace("<wbr>", ""), html! { "trip_updates.<b>/x_" }.into_string());
        assert_eq!(identifier("").into_string(), "");
    }
}
