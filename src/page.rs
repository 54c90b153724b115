//! The frame of pages for people: one file that needs nothing else, in German and English.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What is seen in the language that the reader has chosen.
pub(crate) fn both(de: &str, en: &str) -> Markup {
    html! { span.de lang="de" { (de) } span.en lang="en" { (en) } }
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
                input #de type="radio" name="language" checked;
                label for="de" { "Deutsch" }
                input #en type="radio" name="language";
                label for="en" { "English" }
                main { (content) }
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

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:70rem;padding:0 1rem;color:#1b1b1b;background:#fff}\
#de:checked~main .en,#en:checked~main .de{display:none}input[name=language]{margin-left:1rem}h1,h2,h3{line-height:1.2}\
summary{cursor:pointer}.wide{overflow-x:auto}table{border-collapse:collapse}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}}";
