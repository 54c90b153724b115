//! The pages that a public body must have: imprint, privacy, accessibility. The facts are those of `portal` in the configuration; what is
//! not stated there is said to be missing, and nothing is made up in its place.

use maud::{Markup, html};

use crate::portal::catalogue::Site;
use crate::portal::frame::{ACCESSIBILITY, IMPRINT, PRIVACY, Page, day, said, way_to};
use crate::portal::metadata::PUBLISHER_TYPES;
use crate::portal::settings::{Barrier, Conformity};
use crate::text::Language;

/// All of them in both languages: their places and texts.
pub(super) fn pages(site: &Site) -> Vec<(String, String)> {
    type Content = fn(&Page) -> Markup;
    let pages: [(&str, [&str; 2], [&str; 2], Content); 3] = [
        (
            IMPRINT,
            ["Impressum", "Imprint"],
            [
                "Wer diese Seiten herausgibt und wie er zu erreichen ist.",
                "Who publishes these pages, and how to reach them.",
            ],
            imprint,
        ),
        (
            PRIVACY,
            ["Datenschutz", "Privacy"],
            [
                "Was beim Besuch dieser Seiten verarbeitet wird und was nicht.",
                "What is processed when you visit these pages, and what is not.",
            ],
            privacy,
        ),
        (
            ACCESSIBILITY,
            ["Erklärung zur Barrierefreiheit", "Accessibility statement"],
            [
                "Wie barrierefrei diese Seiten sind und wo Sie Barrieren melden.",
                "How accessible these pages are, and where to report barriers.",
            ],
            accessibility,
        ),
    ];
    let mut written = Vec::new();
    for (path, titles, descriptions, content) in pages {
        for language in Language::ALL {
            let (title, description) =
                (language.say(titles[0], titles[1]), language.say(descriptions[0], descriptions[1]));
            let page = Page { site, language, path, title, description };
            let text = html! { (page.crumbs(&[])) h1 { (title) } (content(&page)) };
            written.push((crate::portal::frame::path_in(language, path), page.write(&html! {}, &text)));
        }
    }
    written
}

/// A text of the configuration, which is German, with its lines; or that it is missing.
fn stated(page: &Page, text: Option<&str>) -> Markup {
    html! {
        @match text {
            Some(text) => div.lines lang=[(page.language != Language::De).then_some("de")] { (text) },
            None => (missing(page)),
        }
    }
}

/// As [`stated`], of what may be there in English, too.
fn stated_in(page: &Page, de: Option<&str>, en: Option<&str>) -> Markup {
    match en.filter(|_| page.language == Language::En) {
        Some(text) => html! { div.lines { (text) } },
        None => stated(page, de),
    }
}

fn missing(page: &Page) -> Markup {
    html! {
        p.note.warn {
            (page.language.say("Der Herausgeber hat dazu nichts angegeben.", "The publisher has not stated this."))
        }
    }
}

fn mail(email: &str) -> Markup {
    html! { a href={ "mailto:" (email) } { (email) } }
}

fn imprint(page: &Page) -> Markup {
    let (of, say) = (&page.site.portal.imprint, |de, en| page.language.say(de, en));
    html! {
        h2 { (say("Herausgeber", "Publisher")) }
        p.muted { (say("Angaben nach § 5 DDG", "Information under § 5 DDG (German Digital Services Act)")) }
        div {
            @match &of.name { Some(name) => strong { (name) }, None => (missing(page)) }
            (stated(page, of.address.as_deref()))
        }
        dl {
            dt { (say("Vertreten durch", "Represented by")) }
            dd { (stated(page, of.represented_by.as_deref())) }
            dt { (say("E-Mail", "Email")) }
            dd { @match &of.email { Some(email) => (mail(email)), None => (missing(page)) } }
            dt { (say("Telefon", "Phone")) }
            dd { (stated(page, of.phone.as_deref())) }
            @if let Some(vat_id) = &of.vat_id {
                dt { (say("Umsatzsteuer-Identifikationsnummer", "VAT identification number")) }
                dd { (vat_id) }
            }
            @if let Some(supervision) = &of.supervision {
                dt { (say("Aufsichtsbehörde", "Supervisory authority")) }
                dd { (stated(page, Some(supervision))) }
            }
        }
        @if let Some(responsible) = &of.responsible_for_content {
            h2 { (say("Verantwortlich für den Inhalt", "Responsible for the content")) }
            p.muted { (say("nach § 18 Abs. 2 MStV", "under § 18 (2) MStV (German Interstate Media Treaty)")) }
            (stated(page, Some(responsible)))
        }
        @if let Some(contact) = &page.site.metadata.contact {
            h2 { (say("Fragen zu den Daten", "Questions about the data")) }
            p {
                (contact.name)
                @if let Some(email) = &contact.email { ", " (mail(email)) }
                @if let Some(url) = &contact.url { ", " a href=(url) { (url) } }
            }
        }
        h2 { (say("Lizenz der Daten", "Licence of the data")) }
        p {
            (say("Die Daten stehen unter der Lizenz ", "The data are licensed under ")) (page.licence()) ". "
            (say("Als Quelle ist zu nennen: ", "Please attribute them to: "))
            (page.site.metadata.attribution.as_ref().unwrap_or(&page.site.publisher)) ". "
            (say(
                "Wer außerdem zu nennen ist, weil Daten von ihm stammen, steht auf der Seite des Datensatzes.",
                "Who else must be named because data came from them is stated on the page of the dataset.",
            ))
        }
    }
}

fn privacy(page: &Page) -> Markup {
    let (of, imprint) = (&page.site.portal.privacy, &page.site.portal.imprint);
    let say = |de, en| page.language.say(de, en);
    let is_company = page.site.metadata.publisher_type.is_some()
        && page.site.metadata.publisher_type == PUBLISHER_TYPES.concept("company");
    html! {
        p.lead {
            (say(
                "Diese Seiten kommen ohne Cookies, ohne Zählung von Besuchern und ohne Inhalte fremder Server aus.",
                "These pages use no cookies, no visitor statistics and no content from other servers.",
            ))
        }
        h2 { (say("Verantwortlich", "Controller")) }
        @if let Some(controller) = &of.controller { (stated(page, Some(controller))) } @else {
            (stated(page, imprint.name.as_deref()))
            @if let Some(address) = &imprint.address { (stated(page, Some(address))) }
            @if let Some(email) = &imprint.email { p { (mail(email)) } }
        }
        h2 { (say("Datenschutz\u{ad}beauf\u{ad}tragte oder Datenschutz\u{ad}beauf\u{ad}tragter", "Data protection officer")) }
        (stated(page, of.data_protection_officer.as_deref()))
        h2 { (say("Was diese Seiten nicht tun", "What these pages do not do")) }
        ul {
            li { (say("Sie setzen keine Cookies und speichern nichts in Ihrem Browser.", "They set no cookies and store nothing in your browser.")) }
            li { (say("Sie zählen und verfolgen niemanden.", "They neither count nor track anybody.")) }
            li {
                (say(
                    "Sie laden keine Schriften, Karten, Bilder oder Programme von anderen Servern.",
                    "They load no fonts, maps, pictures or programs from other servers.",
                ))
            }
            li {
                (say(
                    "Das einzige Skript legt ein Beispiel in Ihre Zwischenablage, wenn Sie auf „Kopieren“ drücken.",
                    "Their only script puts an example into your clipboard when you press “Copy”.",
                ))
            }
        }
        h2 { (say("Was beim Abruf verarbeitet wird", "What is processed when you fetch a page or a file")) }
        p {
            (say(
                "Damit der Server Ihnen eine Seite oder Datei schicken kann, verarbeitet er Ihre IP-Adresse, den Zeitpunkt, die abgerufene \
                 Adresse und was Ihr Browser von sich aus mitteilt. Was davon gespeichert wird, wozu und wie lange:",
                "To send you a page or a file, the server processes your IP address, the time, the address that you request and what \
                 your browser sends by itself. What of this is stored, for what purpose and for how long:",
            ))
        }
        (stated_in(page, of.server_logs.as_deref(), of.server_logs_en.as_deref()))
        p {
            @if is_company {
                (say(
                    "Rechtsgrundlage ist Art. 6 Abs. 1 Buchst. f DSGVO: unser berechtigtes Interesse, die Seiten sicher bereitzustellen.",
                    "The legal basis is Art. 6 (1) (f) GDPR: our legitimate interest in providing these pages safely.",
                ))
            } @else {
                (say(
                    "Rechtsgrundlage ist Art. 6 Abs. 1 Buchst. e DSGVO in Verbindung mit dem Datenschutzgesetz des Landes: Offene Daten \
                     bereitzustellen und dafür zu sorgen, dass sie sicher abgerufen werden können, ist eine Aufgabe im öffentlichen Interesse.",
                    "The legal basis is Art. 6 (1) (e) GDPR with the data protection act of the state: to provide open data safely is a task \
                     in the public interest.",
                ))
            }
        }
        h3 { (say("Wer die Daten erhält", "Who receives them")) }
        (stated_in(page, of.hosting.as_deref(), of.hosting_en.as_deref()))
        h2 { (say("Wenn Sie uns schreiben", "If you write to us")) }
        p {
            (say(
                "Ihre Nachricht und Ihre Adresse verwenden wir, um Ihr Anliegen zu bearbeiten, und löschen sie, sobald sie dafür und nach den \
                 Vorschriften über das Aufbewahren von Akten nicht mehr gebraucht werden.",
                "We use your message and your address to handle your request, and delete them as soon as neither that nor the rules on \
                 record keeping require them.",
            ))
        }
        h2 { (say("Die veröffentlichten Daten", "The published data")) }
        p {
            (say(
                "Veröffentlicht werden nur Spalten, die als öffentlich eingestuft sind. Welche das sind, steht bei jeder Tabelle.",
                "Only columns that are classified as public are published. Each table says which these are.",
            ))
        }
        h2 { (say("Ihre Rechte", "Your rights")) }
        p {
            (say(
                "Sie können Auskunft über Ihre Daten verlangen (Art. 15 DSGVO), sie berichtigen (Art. 16) oder löschen (Art. 17) und ihre \
                 Verarbeitung einschränken lassen (Art. 18) und der Verarbeitung widersprechen (Art. 21). Niemand ist verpflichtet, uns Daten \
                 zu geben; ohne IP-Adresse kann der Server allerdings nicht antworten. Automatisierte Entscheidungen gibt es nicht.",
                "You may ask which of your data we have (Art. 15 GDPR), have them corrected (Art. 16), deleted (Art. 17) or their processing \
                 restricted (Art. 18), and object to it (Art. 21). You are not obliged to give us data, but without an IP address the \
                 server cannot answer. There is no automated decision-making.",
            ))
        }
        p { (say("Beschweren können Sie sich bei der Aufsichtsbehörde:", "You may complain to the supervisory authority:")) }
        (stated(page, of.supervisory_authority.as_deref()))
    }
}

/// In the form of the annex of (EU) 2018/1523.
fn accessibility(page: &Page) -> Markup {
    let (of, say) = (&page.site.portal.accessibility, |de, en| page.language.say(de, en));
    let body = page.site.portal.imprint.name.as_ref().unwrap_or(&page.site.publisher);
    html! {
        p.lead {
            (body)
            (say(
                " ist bemüht, diese Seiten im Einklang mit den Rechtsvorschriften zur Umsetzung der Richtlinie (EU) 2016/2102 barrierefrei \
                 zugänglich zu machen.",
                " is committed to making these pages accessible in accordance with the legislation that implements Directive (EU) 2016/2102.",
            ))
        }
        p {
            (say(
                "Diese Erklärung gilt für die Seiten des Datenportals ",
                "This statement applies to the pages of the data portal ",
            ))
            (say("„", "“")) (said(&page.site.title, Language::De, page.language)) (say("“", "”"))
            @if let Some(url) = &page.site.base_url { " (" a href=(page.page("index.html")) { (url.trim_end_matches('/')) } ")" } "."
        }
        h2 { (say("Stand der Vereinbarkeit mit den Anforderungen", "Compliance status")) }
        @match of.state {
            None => (missing(page)),
            Some(Conformity::Full) => p { (say(
                "Diese Seiten sind mit den Anforderungen der Norm EN 301 549 (WCAG, Stufe AA) vollständig vereinbar.",
                "These pages are fully compliant with EN 301 549 (WCAG, level AA).",
            )) },
            Some(Conformity::Partial) => p { (say(
                "Diese Seiten sind wegen der folgenden Ausnahmen mit den Anforderungen der Norm EN 301 549 (WCAG, Stufe AA) teilweise \
                 vereinbar.",
                "These pages are partially compliant with EN 301 549 (WCAG, level AA), due to the exceptions below.",
            )) },
            Some(Conformity::None) => p { (say(
                "Diese Seiten sind mit den Anforderungen der Norm EN 301 549 (WCAG, Stufe AA) nicht vereinbar. Was nicht vereinbar ist, steht \
                 im Folgenden.",
                "These pages are not compliant with EN 301 549 (WCAG, level AA). What is not compliant is listed below.",
            )) },
        }
        @if !of.barriers.is_empty() || matches!(of.state, Some(Conformity::Partial | Conformity::None)) {
            h2 { (say("Nicht barrierefreie Inhalte", "Non-accessible content")) }
            @if of.barriers.is_empty() { (missing(page)) } @else {
                p { (say(
                    "Die folgenden Inhalte sind aus den genannten Gründen nicht barrierefrei:",
                    "The content listed below is not accessible for the reasons given:",
                )) }
                ul { @for barrier in &of.barriers { li { (barrier_of(barrier, page)) } } }
            }
        }
        h2 { (say("Erstellung dieser Erklärung", "Preparation of this accessibility statement")) }
        @match of.date {
            Some(date) => p { (say("Diese Erklärung wurde am ", "This statement was prepared, or last reviewed, on ")) (day(date, page.language))
                (say(" erstellt oder zuletzt überprüft.", ".")) },
            None => (missing(page)),
        }
        p { (say("Sie beruht auf:", "It is based on:")) }
        (stated_in(page, of.method.as_deref(), of.method_en.as_deref()))
        h2 { (say("Barrieren melden: Rückmeldung und Kontakt", "Feedback and contact information")) }
        p {
            (say(
                "Sind Ihnen Mängel beim barrierefreien Zugang aufgefallen, oder brauchen Sie Inhalte in einer anderen Form? Schreiben Sie uns:",
                "Have you noticed barriers, or do you need content in another form? Write to us:",
            ))
        }
        @match &of.contact {
            Some(contact) => p {
                (contact.name) ", "
                (way_to(contact, contact.email.as_deref().or(contact.url.as_deref()).unwrap_or_default()))
            },
            None => (missing(page)),
        }
        h2 { (say("Schlichtungsverfahren", "Enforcement procedure")) }
        p {
            (say(
                "Bekommen Sie auf Ihre Rückmeldung innerhalb angemessener Zeit keine zufriedenstellende Antwort, können Sie sich an die \
                 Schlichtungsstelle wenden. Das Verfahren ist für Sie kostenlos; ein Rechtsbeistand ist nicht nötig.",
                "If you get no satisfactory answer within a reasonable time, you may turn to the conciliation body. The procedure is free of \
                 charge for you, and you need no lawyer.",
            ))
        }
        @match &of.conciliation {
            Some(body) => {
                (stated(page, Some(&body.name)))
                @if let Some(address) = &body.address { (stated(page, Some(address))) }
                @if let Some(email) = &body.email { p { (mail(email)) } }
                @if let Some(url) = &body.url { p { a href=(url) { (url) } } }
            },
            None => (missing(page)),
        }
    }
}

fn barrier_of(barrier: &Barrier, page: &Page) -> Markup {
    let text = |de: &str, en: Option<&str>| match en.filter(|_| page.language == Language::En) {
        Some(en) => said(en, Language::En, page.language),
        None => said(de, Language::De, page.language),
    };
    html! {
        (text(&barrier.de, barrier.en.as_deref()))
        br;
        span.muted { (text(&barrier.reason_de, barrier.reason_en.as_deref())) }
    }
}
