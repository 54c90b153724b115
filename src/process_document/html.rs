//! The document as one page that needs nothing else, to be printed and filed.

use maud::{Markup, html};

use crate::capture::source::Source;
use crate::licences::AGREEMENT;
use crate::page::{identifier, page_in};
use crate::pipeline::run::purge::kept_by_others;
use crate::pipeline::{FeedOrigin, Named, Pipeline};
use crate::privacy_report;
use crate::publish::PublishError;
use crate::report::words::printable;
use crate::text::{Language, Text};
use crate::workspace::Workspace;

/// The page.
///
/// # Errors
/// None, as no bucket is read.
pub(crate) fn write(workspace: &Workspace, language: Language) -> Result<String, PublishError> {
    let page = Page { workspace, language };
    let title = page.say("Verfahrensdokumentation", "Process document");
    let content = html! {
        h1 { (title) }
        p.of { (workspace.site.title) }
        p {
            (page.say(
                "Erzeugt aus der Konfiguration. Was fehlt, steht hier als „nicht angegeben“; ",
                "Made from the configuration. What is missing is marked as “not stated”; ",
            ))
            code { "fahrtenbuch check --for audit" }
            (page.say(" nennt zu jedem solchen Feld Datei, Zeile und was zu schreiben ist.", " lists the file, the line and what to write for each of these fields."))
        }
        (page.responsible())
        (page.purpose())
        (page.collected())
        (page.processed())
        (page.privacy()?)
        (page.kept())
        (page.decided())
        (page.keys())
        (page.proved())
    };
    Ok(page_in(language.code(), &format!("{title} – {}", workspace.site.title), STYLE, &content))
}

#[derive(Clone, Copy)]
struct Page<'a> {
    workspace: &'a Workspace,
    language: Language,
}

impl<'a> Page<'a> {
    fn say(self, de: &'a str, en: &'a str) -> &'a str {
        self.language.say(de, en)
    }

    /// What is stated, or that it is not.
    fn stated(self, text: Option<&str>) -> Markup {
        html! {
            @match text.map(str::trim).filter(|text| !text.is_empty()) {
                Some(text) => span.lines { (printable(text)) },
                None => b.bad { (self.say("nicht angegeben", "not stated")) },
            }
        }
    }

    fn row(self, label: &str, value: Markup) -> Markup {
        html! { tr { th scope="row" { (label) } td { (value) } } }
    }

    /// A text in the reader's language, or the one that there is.
    fn either(self, de: Option<&'a String>, en: Option<&'a String>) -> Option<&'a str> {
        let (first, second) = if self.language == Language::De { (de, en) } else { (en, de) };
        first.or(second).map(String::as_str)
    }

    fn responsible(self) -> Markup {
        let site = &self.workspace.site;
        let (imprint, privacy) = (&site.portal.imprint, &site.portal.privacy);
        let contact = site.metadata.contact.as_ref();
        let contact = contact.map(|of| {
            let parts = [Some(of.name.as_str()), of.email.as_deref(), of.url.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        });
        html! {
            h2 { (self.say("Verantwortung", "Responsibility")) }
            table.stack { tbody {
                (self.row(self.say("Herausgeber", "Publisher"), self.stated(Some(&site.publisher))))
                (self.row(self.say("Verantwortliche Stelle", "Responsible body"), self.stated(imprint.name.as_deref())))
                (self.row(self.say("Anschrift", "Address"), self.stated(imprint.address.as_deref())))
                (self.row(self.say("Vertreten durch", "Represented by"), self.stated(imprint.represented_by.as_deref())))
                (self.row(self.say("Auskunft zu den Daten", "Questions about the data"), self.stated(contact.as_deref())))
                (self.row(self.say("Datenschutzbeauftragte", "Data protection officer"), self.stated(privacy.data_protection_officer.as_deref())))
                (self.row(
                    self.say("Betrieb des Servers", "Server operation"),
                    self.stated(self.either(privacy.hosting.as_ref(), privacy.hosting_en.as_ref())),
                ))
            } }
        }
    }

    fn purpose(self) -> Markup {
        let portal = &self.workspace.site.portal;
        html! {
            h2 { (self.say("Zweck", "Purpose")) }
            p { (self.stated(self.either(portal.introduction.as_ref(), portal.introduction_en.as_ref()))) }
            p { (self.say("Lizenz der Veröffentlichung: ", "Licence of the release: ")) (self.stated(Some(&self.workspace.site.licence))) }
        }
    }

    fn collected(self) -> Markup {
        html! {
            h2 { (self.say("Was von wem erhoben wird", "What is collected from whom")) }
            @for pipeline in &self.workspace.pipelines {
                h3 translate="no" { (pipeline.dataset) }
                p { (self.stated(self.either(pipeline.description.as_ref(), pipeline.description_en.as_ref()))) }
                table.stack {
                    thead { tr {
                        th scope="col" { (self.say("Quelle", "Source")) }
                        th scope="col" { (self.say("Abruf", "Access")) }
                        th scope="col" { (self.say("Rechte", "Rights")) }
                        th scope="col" { (self.say("Namensnennung", "Attribution")) }
                    } }
                    tbody {
                        @for feed in &pipeline.feeds {
                            tr {
                                td translate="no" { (printable(&feed.name)) }
                                td data-label=(self.say("Abruf", "Access")) { (self.origin(&feed.from)) @if let Some(every) = feed.every { (self.say(", alle ", ", every ")) (every.as_secs()) " s" } }
                                td data-label=(self.say("Rechte", "Rights")) { (self.rights(feed.terms.licence.as_ref())) }
                                td data-label=(self.say("Namensnennung", "Attribution")) { @match &feed.terms.attribution { Some(name) => (printable(name)), None => "–" } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The kind of a source: its address may have secrets.
    fn origin(self, from: &FeedOrigin) -> &'a str {
        match from {
            FeedOrigin::Source(Source::File { .. }) => self.say("Datei", "file"),
            FeedOrigin::Source(Source::Http { .. }) => self.say("Abfrage über HTTP", "polled over HTTP"),
            FeedOrigin::Source(Source::S3 { .. }) => {
                self.say("Abfrage eines Objektspeichers", "polled from an object store")
            }
            FeedOrigin::Source(_) => self.say("Nachrichten, die die Quelle sendet", "messages that the source sends"),
            FeedOrigin::Evidence(_) => self.say("Aufzeichnungen, die andere führen", "captures that others keep"),
            FeedOrigin::Unknown => self.say("gesammelt", "collected"),
        }
    }

    fn rights(self, licence: Option<&Named>) -> Markup {
        match licence {
            Some(Named::Known(licence)) if licence.id == "own" => html! { (self.say("eigene Daten", "own data")) },
            Some(Named::Known(licence)) if licence.id == AGREEMENT => {
                html! { (self.say("mit Einwilligung der Berechtigten", "by agreement with the rights holder")) }
            }
            Some(Named::Known(licence)) => html! { (licence.id) },
            Some(Named::Other(name)) => html! { (printable(name)) },
            None => self.stated(None),
        }
    }

    fn processed(self) -> Markup {
        let steps = [
            (
                "Aufzeichnen: Jede Antwort einer Quelle wird mit Zeitpunkt und Prüfsumme unverändert aufbewahrt, nicht öffentlich.",
                "Capture: each answer of a source is kept unchanged, with its time and digest, and not in public.",
            ),
            (
                "Lesen: Die Aufzeichnungen eines Betriebstags werden zu Tabellen. Jede Zeile behält ihre Herkunft.",
                "Read: the captures of a service date become tables. Each row keeps its origin.",
            ),
            (
                "Prüfen: Regeln in den Verträgen der Tabellen melden, leeren Werte, halten Zeilen zurück (Quarantäne) oder sperren die Veröffentlichung.",
                "Check: rules in the contracts of tables report, null values, hold rows back (quarantine) or block the release.",
            ),
            (
                "Ableiten: Fahrzeuge bekommen Pseudonyme, nicht öffentliche Spalten entfallen; es entstehen Tabellen über beobachtete Fahrten und Lücken.",
                "Derive: vehicles get pseudonyms, columns that are not public are left out; tables of observed trips and of gaps are made.",
            ),
            (
                "Veröffentlichen: Eine neue Fassung jeder geänderten Tabelle kommt in den öffentlichen Speicher. Ältere Fassungen werden nicht überschrieben.",
                "Publish: a new version of each changed table goes into the public store. Older versions are not overwritten.",
            ),
            (
                "Belegen: Ein Beleg nennt mit Prüfsummen, was hineinging, was jede Regel fand und was herauskam.",
                "Record: a record names by digests what went in, what each rule found and what came out.",
            ),
        ];
        html! {
            h2 { (self.say("Wie verarbeitet wird", "How it is processed")) }
            ol { @for (de, en) in steps { li { (self.say(de, en)) } } }
            p { (self.say("Für die veröffentlichten Tabellen gelten diese Verträge:", "These contracts apply to the published tables:")) }
            ul {
                @for pipeline in &self.workspace.pipelines {
                    li {
                        b translate="no" { (pipeline.dataset) } ": "
                        @for (place, contract) in pipeline.released().iter().enumerate() {
                            @if place > 0 { ", " }
                            span translate="no" { (contract.table) " (" (contract.id) " " (contract.version) ")" }
                        }
                    }
                }
            }
        }
    }

    fn privacy(self) -> Result<Markup, PublishError> {
        let of = |pipeline: &'a Pipeline| {
            let rules = pipeline.release.as_ref().map_or_else(Vec::new, |of| privacy_report::of_rules(&of.privacy));
            Ok::<_, PublishError>((pipeline, rules, privacy_report::tables_of(pipeline)?))
        };
        let all = self.workspace.pipelines.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        let told = |text: &Option<Text>| text.as_ref().map(|text| self.language.of(text).to_owned());
        Ok(html! {
            h2 { (self.say("Schutz personenbezogener Daten", "Protection of personal data")) }
            @for (pipeline, rules, tables) in &all {
                @if !rules.is_empty() {
                    h3 translate="no" { (pipeline.dataset) }
                    ul { @for rule in rules { li { (self.language.of(rule)) } } }
                }
                @let personal: Vec<_> = tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column))).filter(|(_, column)| column.personal).collect();
                @if !personal.is_empty() {
                    table.stack.columns {
                        thead { tr {
                            th scope="col" { (self.say("Spalte", "Column")) }
                            th scope="col" { (self.say("Wie veröffentlicht", "How it is published")) }
                            th scope="col" { (self.say("Warum", "Why")) }
                        } }
                        tbody { @for (table, column) in &personal {
                            tr {
                                td { code { (identifier(&format!("{}.{}", table.table, column.column))) } }
                                td data-label=(self.say("Wie veröffentlicht", "How it is published")) { (identifier(self.language.of(&column.how))) }
                                td data-label=(self.say("Warum", "Why")) { @if column.published { (self.stated(told(&column.why).as_deref())) } @else { "–" } }
                            }
                        } }
                    }
                }
            }
        })
    }

    fn kept(self) -> Markup {
        let retention = &self.workspace.retention;
        let term = |text: Text| html! { b { (self.language.of(&text)) } };
        html! {
            h2 { (self.say("Wie lange aufbewahrt und wie vernichtet wird", "How long it is kept, and how it is destroyed")) }
            table.stack { tbody {
                (self.row(
                    self.say("Aufzeichnungen, Schlüssel und Quarantäne eines Datums", "Captures, key and quarantine of a date"),
                    html! {
                        (term(retention.evidence.text()))
                        (self.say(
                            " ab dem Datum, alle drei zusammen. Danach löscht ",
                            " from the date, all three together. Then ",
                        ))
                        code { "fahrtenbuch evidence purge" }
                        (self.say(
                            " die Dateien; ein veröffentlichter Beleg nennt Prüfsummen, Regel und Tag der Vernichtung. Ohne Schlüssel lässt sich kein Pseudonym zurückverfolgen.",
                            " deletes the files; a published record names digests, rule and day of the destruction. Without the key no pseudonym can be traced back.",
                        ))
                        @let others: Vec<String> = kept_by_others(self.workspace).into_iter().collect();
                        @if !others.is_empty() {
                            (self.say(
                                " Nicht gelöscht werden Aufzeichnungen, die andere aufbewahren (",
                                " Captures that others keep are not deleted (",
                            ))
                            (others.join(", "))
                            (self.say(
                                "): Über deren Frist entscheidet, wer sie aufbewahrt.",
                                "): how long these stay is decided by who keeps them.",
                            ))
                        }
                    },
                ))
                (self.row(
                    self.say("Ersetzte veröffentlichte Dateien", "Published files that were replaced"),
                    html! {
                        (term(retention.superseded.text()))
                        (self.say(" ab der Ersetzung; dann löscht sie ", " from their replacement; then they are deleted by ")) code { "fahrtenbuch gc" } "."
                    },
                ))
                (self.row(self.say("Belege", "Records"), term(retention.records.text())))
                (self.row(
                    self.say("Veröffentlichte Daten", "Published data"),
                    html! {
                        (self.say(
                            "bleiben; nach einem Vorfall zieht ",
                            "stay; after an incident ",
                        ))
                        code { "fahrtenbuch withdraw" }
                        (self.say(" sie zurück und löscht alle Bytes des Datums.", " withdraws them and deletes all bytes of the date."))
                    },
                ))
            } }
        }
    }

    fn decided(self) -> Markup {
        let people = self.workspace.people.join(", ");
        html! {
            h2 { (self.say("Wer entscheidet", "Who decides")) }
            p { (self.say("Entscheiden dürfen: ", "Entitled to decide: ")) (self.stated(Some(&people))) "." }
            p {
                (self.say(
                    "Zu entscheiden ist, ob zurückgehaltene Zeilen freigegeben oder verworfen werden, ob fehlende oder veränderte Aufzeichnungen hingenommen werden, \
                     ob ein Datum zurückgezogen oder eine ältere Fassung wieder gültig wird. Jede Entscheidung verlangt Rolle und Grund; beide werden veröffentlicht.",
                    "Decisions are about whether rows that were held back are released or discarded, whether captures that are gone or changed are accepted, whether a date \
                     is withdrawn or an older version is restored. Each decision requires a role and a reason; both are published.",
                ))
            }
        }
    }

    fn keys(self) -> Markup {
        let backup = self.workspace.backup.as_ref();
        html! {
            h2 { (self.say("Schlüssel und Sicherungen", "Keys and backups")) }
            p {
                (self.say(
                    "Für jedes Datum wird ein Schlüssel erzeugt, aus dem die Pseudonyme berechnet werden. Er liegt im privaten Speicher, den nur das Dienstkonto liest, und wird mit \
                     den Aufzeichnungen des Datums vernichtet. Er wird nie veröffentlicht.",
                    "For each date a key is generated, from which the pseudonyms are computed. It stays in the private store, which only the service account reads, and is \
                     destroyed with the captures of the date. It is never published.",
                ))
            }
            p {
                @match backup {
                    None => { (self.say("Sicherungen: ", "Backups: ")) (self.stated(None)) }
                    Some(backup) if backup.keys_to.is_some() => (self.say(
                        "Der private Speicher wird gesichert, die Schlüssel an einem eigenen Ort.",
                        "The private store is backed up, and the keys to a place of their own.",
                    )),
                    Some(_) => (self.say(
                        "Der private Speicher wird gesichert, die Schlüssel nicht: Sie gibt es nur dort.",
                        "The private store is backed up, the keys are not: they exist only there.",
                    )),
                }
            }
        }
    }

    fn proved(self) -> Markup {
        html! {
            h2 { (self.say("Wie es nachgeprüft werden kann", "How it can be verified")) }
            p {
                (self.say("Verzeichnisse, Belege und das Protokoll aller Veröffentlichungen sind öffentlich (", "Indexes, records and the log of all releases are public ("))
                code { "meta/" } ", " code { "ledger/" }
                (self.say("). Der Jahresnachweis nennt zu jeder Zahl die Abfrage: ", "). The annual report gives the query behind each number: "))
                code { "fahrtenbuch report audit" } "."
            }
        }
    }
}

const STYLE: &str = "\
@page{size:A4;margin:17mm 16mm 16mm;@bottom-right{content:counter(page) ' / ' counter(pages);font:8pt system-ui,sans-serif;color:#555}}\
body{max-width:52rem;font-size:15px;counter-reset:part;hyphens:auto}code,[translate=no]{hyphens:none}.stack td:first-child{font-weight:600}h1{margin:.2rem 0 0;font-size:clamp(1rem,6vw,1.9rem)}p code{white-space:nowrap}.of{color:var(--muted);margin:.1rem 0 .6rem}\
h2{margin:2rem 0 .4rem;font-size:1.25rem;border-bottom:2px solid var(--accent);padding-bottom:.15rem;counter-increment:part}\
h2:before{content:counter(part) '  ';color:var(--accent)}h3{margin:1rem 0 .2rem;font-size:1rem}p{margin:.35rem 0}\
table{width:100%;font-size:.86rem;margin:.5rem 0}th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top}\
th[scope=row]{width:30%}.columns td:first-child{width:32%}th{font-weight:600;color:var(--muted)}.lines{white-space:pre-line}.bad{color:var(--bad)}ul,ol{margin:.3rem 0;padding-left:1.2rem}li{margin:.12rem 0}\
@media print{:root{--accent:#0b4f86;--line:#bbb;--muted:#444}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\
body{max-width:none;margin:0;padding:0;font-size:9.6pt;line-height:1.4}main{padding:0}h1{font-size:19pt}h2{font-size:12.5pt;margin:6mm 0 1.5mm}h3{font-size:10pt}\
h2,h3,thead{break-after:avoid}table{font-size:8.6pt}}";
