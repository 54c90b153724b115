//! Of quarantine, records, releases, runs and the timetable that a run uses.

use super::finding::ProgramFinding;

pub(super) static FINDINGS: &[ProgramFinding] = &[
    ProgramFinding {
        id: "quarantine.decision_without_row",
        en: (
            "A decision is about rows that no rule holds like that any more: the evidence, a rule or a mapping has changed.",
            "Look at it with 'fahrtenbuch decisions', and take it back if it is not needed.",
        ),
        de: (
            "Eine Entscheidung betrifft Zeilen, die keine Regel mehr so zurückhält: Belege, Regel oder Zuordnung haben sich geändert.",
            "Mit 'fahrtenbuch decisions' ansehen und zurücknehmen, wenn sie nicht gebraucht wird.",
        ),
    },
    ProgramFinding {
        id: "quarantine.gone",
        en: (
            "The last record says that rows are in quarantine, and their files were gone. The run held such rows back anew.",
            "Nothing, if the run found them again; see who removes files from the private store.",
        ),
        de: (
            "Der letzte Nachweis nennt Zeilen in der Quarantäne, deren Dateien fehlten. Der Lauf hielt solche Zeilen neu zurück.",
            "Nichts, wenn der Lauf sie wieder fand; prüfen, wer Dateien aus dem privaten Speicher entfernt.",
        ),
    },
    ProgramFinding {
        id: "quarantine.too_many_rows",
        en: (
            "The quarantine of the run before is too large to be compared.",
            "Look at the rule that holds so many rows.",
        ),
        de: (
            "Die Quarantäne des vorigen Laufs ist zu groß zum Vergleichen.",
            "Die Regel ansehen, die so viele Zeilen zurückhält.",
        ),
    },
    ProgramFinding {
        id: "quarantine.unreadable",
        en: (
            "The quarantine of the run before cannot be read; which rows left it is not known.",
            "Put the file back from a copy.",
        ),
        de: (
            "Die Quarantäne des vorigen Laufs ist nicht lesbar; welche Zeilen sie verließen, ist unbekannt.",
            "Die Datei aus einer Kopie zurückholen.",
        ),
    },
    ProgramFinding {
        id: "record.list_damaged",
        en: (
            "The list of captures that a record names was damaged or gone in the bucket.",
            "See who writes into the bucket; bring the list back from a backup where the message says that it could not be put again.",
        ),
        de: (
            "Die Liste der Abrufe, die ein Nachweis nennt, war im Speicher beschädigt oder fehlte.",
            "Prüfen, wer in den Speicher schreibt; die Liste aus einer Sicherung zurückholen, wenn sie laut Meldung nicht neu abgelegt werden konnte.",
        ),
    },
    ProgramFinding {
        id: "release.damaged",
        en: (
            "A published file was damaged in the bucket; the message says what became of it.",
            "See who writes into the bucket.",
        ),
        de: (
            "Eine veröffentlichte Datei war im Speicher beschädigt; die Meldung sagt, was daraus wurde.",
            "Prüfen, wer in den Speicher schreibt.",
        ),
    },
    ProgramFinding {
        id: "release.rolled_back",
        en: (
            "The index of a table had lost a release: it was released again.",
            "See who writes into the bucket, or brought an old copy of it back.",
        ),
        de: (
            "Das Verzeichnis einer Tabelle hatte eine Fassung verloren: Sie wurde wieder veröffentlicht.",
            "Prüfen, wer in den Speicher schreibt oder eine alte Kopie zurückholte.",
        ),
    },
    ProgramFinding {
        id: "run.checkout_not_read",
        en: (
            "The workspace is a git checkout, and its commit, or whether its files are those of the commit, could not be read.",
            "See what 'git status' says in the workspace.",
        ),
        de: (
            "Der Arbeitsbereich ist ein Git-Checkout, aber sein Commit, oder ob die Dateien die des Commits sind, war nicht zu lesen.",
            "Sehen, was 'git status' im Arbeitsbereich sagt.",
        ),
    },
    ProgramFinding {
        id: "run.empty_release_taken_back",
        en: (
            "No report belongs to the date: its release without rows was taken back, since an empty table says that there were no buses.",
            "Nothing.",
        ),
        de: (
            "Zu dem Tag gehört keine Meldung: Seine Fassung ohne Zeilen wurde zurückgenommen, denn eine leere Tabelle hieße, es fuhr kein Bus.",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "run.nothing_captured",
        en: (
            "Nothing was captured on the service date, or nothing but what the sources had given before, though they existed. The table of what is missing is released alone; there is no score.",
            "Look at 'fahrtenbuch evidence gaps'; bring in captures that others have with 'fahrtenbuch evidence import', and run the date again.",
        ),
        de: (
            "An dem Betriebstag wurde nichts aufgezeichnet, oder nur, was die Quellen schon vorher geliefert hatten, obwohl es sie gab. Veröffentlicht ist allein die Tabelle dessen, was fehlt; eine Note gibt es nicht.",
            "„fahrtenbuch evidence gaps“ ansehen; Aufzeichnungen, die andere haben, mit „fahrtenbuch evidence import“ einbringen und den Tag noch einmal laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "run.provisional",
        en: ("The date is not over: what is published now is provisional.", "Run the date again after its end."),
        de: (
            "Der Tag ist nicht zu Ende: Was jetzt erscheint, ist vorläufig.",
            "Den Tag nach seinem Ende neu laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "run.table_too_early",
        en: ("A table has no row yet and is not published: the date is not over.", "Run the date again after its end."),
        de: (
            "Eine Tabelle hat noch keine Zeile und erscheint nicht: Der Tag ist nicht zu Ende.",
            "Den Tag nach seinem Ende neu laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "timetable.captured_later",
        en: (
            "No timetable was captured until the end of the service date: the rules look into the next one.",
            "Capture the timetable every day.",
        ),
        de: (
            "Bis zum Ende des Betriebstags wurde kein Fahrplan abgerufen: Die Regeln nehmen den nächsten.",
            "Den Fahrplan jeden Tag abrufen.",
        ),
    },
    ProgramFinding {
        id: "timetable.other_time_zone",
        en: (
            "The agency_timezone of the timetable is not the time_zone of the workspace, by which service dates and rules go.",
            "Give a feed of another zone a workspace of its own, or correct time_zone in fahrtenbuch.yaml.",
        ),
        de: (
            "Die agency_timezone des Fahrplans ist nicht die time_zone des Arbeitsbereichs, nach der Betriebstage und Regeln gehen.",
            "Einem Feed anderer Zone einen eigenen Arbeitsbereich geben oder time_zone in fahrtenbuch.yaml berichtigen.",
        ),
    },
    ProgramFinding {
        id: "timetable.unreadable",
        en: (
            "Captures of the timetable cannot be read and were passed over; the message names the one that was used.",
            "Ask the publisher for a readable one.",
        ),
        de: (
            "Abrufe des Fahrplans sind nicht lesbar und wurden übergangen; die Meldung nennt den verwendeten.",
            "Den Herausgeber um einen lesbaren bitten.",
        ),
    },
];
