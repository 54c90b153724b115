//! Of rows of a table, and of a pipeline as a whole.

use super::finding::ProgramFinding;

pub(super) static FINDINGS: &[ProgramFinding] = &[
    ProgramFinding {
        id: "<table>.rows_lost",
        en: (
            "Rules hold back so many rows that the table would mislead: the run is held back.",
            "Look at the rules that name the rows; raise maxRowsLost if the loss is right.",
        ),
        de: (
            "Regeln halten so viele Zeilen zurück, dass die Tabelle irreführen würde: Der Lauf wird zurückgehalten.",
            "Die Regeln ansehen, die die Zeilen nennen; maxRowsLost anheben, wenn der Verlust richtig ist.",
        ),
    },
    ProgramFinding {
        id: "<table>.route_lost",
        en: (
            "A route loses all of its rows: riders would think that it does not run. The run is held back.",
            "Mend the rows, or raise maxRoutesLost.",
        ),
        de: (
            "Eine Linie verliert alle Zeilen; Fahrgäste hielten sie für eingestellt. Der Lauf wird zurückgehalten.",
            "Die Zeilen berichtigen oder maxRoutesLost anheben.",
        ),
    },
    ProgramFinding {
        id: "<table>.service_lost",
        en: ("A service loses all of its rows. The run is held back.", "Mend the rows, or raise maxServicesLost."),
        de: (
            "Ein Verkehrstag-Kalender verliert alle Zeilen. Der Lauf wird zurückgehalten.",
            "Die Zeilen berichtigen oder maxServicesLost anheben.",
        ),
    },
    ProgramFinding {
        id: "<table>.values_lost",
        en: (
            "Rules null so many values of a column that it would mislead. The run is held back.",
            "Look at the rules of the column; raise maxValuesLost if the loss is right.",
        ),
        de: (
            "Regeln löschen so viele Werte einer Spalte, dass sie irreführen würde. Der Lauf wird zurückgehalten.",
            "Die Regeln der Spalte ansehen; maxValuesLost anheben, wenn der Verlust richtig ist.",
        ),
    },
    ProgramFinding {
        id: "<table>.private_text",
        en: (
            "A published text is a private one of the run, or looks like personal data: people could be recognised. The run is held back.",
            "Classify the column as private, mend the source or a mapping, or allow it with allowsPrivateText and a reason.",
        ),
        de: (
            "Ein veröffentlichter Text ist ein privater oder sieht nach Personendaten aus; Menschen wären erkennbar. Der Lauf wird zurückgehalten.",
            "Spalte als privat einstufen, Quelle oder Zuordnung berichtigen oder mit allowsPrivateText und Grund erlauben.",
        ),
    },
    ProgramFinding {
        id: "<table>.same_position",
        en: (
            "A row is a report that was not there before: same vehicle, place, time and content. Others are dropped, so that no report counts twice.",
            "Nothing; many of them mean that the source repeats itself.",
        ),
        de: (
            "Eine Zeile ist eine Meldung, die es noch nicht gab: gleiches Fahrzeug, gleicher Ort, gleiche Zeit, gleicher Inhalt. Andere fallen weg",
            "Nichts; viele davon heißen, dass die Quelle sich wiederholt.",
        ),
    },
    ProgramFinding {
        id: "alerts.unchanged",
        en: (
            "A row says something else than the one before, or its alert said something else in between. Others are dropped.",
            "Nothing.",
        ),
        de: (
            "Eine Zeile sagt anderes als die vorige, oder ihre Störung sagte dazwischen anderes. Andere fallen weg",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "<table>.unchanged",
        en: (
            "A row says of its stop something else than the one before, or its trip said something else in between. Others are dropped.",
            "Nothing.",
        ),
        de: (
            "Eine Zeile sagt von ihrem Halt anderes als die vorige, oder ihre Fahrt sagte dazwischen anderes. Andere fallen weg",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "<table>.report_without_trip",
        en: (
            "A report names its trip. Others, as of buses on the way to the depot, are of no trip and in no row of the table.",
            "Nothing where they are few; many are drivers who did not log on, or a feed that leaves trips out.",
        ),
        de: (
            "Eine Meldung nennt ihre Fahrt. Andere, etwa von Bussen auf dem Weg zum Betriebshof, gehören zu keiner Fahrt und zu keiner Zeile der Tabelle",
            "Nichts, wenn es wenige sind; viele heißen, dass Fahrer sich nicht anmelden oder der Feed Fahrten weglässt.",
        ),
    },
    ProgramFinding {
        id: "<table>.prediction_without_trip",
        en: (
            "A prediction names its trip by its id. Others describe it by route and start, and are in no row of the table.",
            "Ask the operator of the source for ids of trips.",
        ),
        de: (
            "Eine Prognose nennt ihre Fahrt mit deren Kennung. Andere beschreiben sie durch Linie und Start und stehen in keiner Zeile der Tabelle",
            "Den Betreiber der Quelle um Kennungen der Fahrten bitten.",
        ),
    },
    ProgramFinding {
        id: "<table>.other_service_date",
        en: (
            "A row is received at most a day before its service date begins, and until noon of the day after it. Others are dropped: no partition has them.",
            "Look at the clock and the dates of the source.",
        ),
        de: (
            "Eine Zeile kommt höchstens einen Tag vor Beginn ihres Betriebstags und bis zum Mittag des Tages danach an. Andere fallen weg: keine Partition hat sie",
            "Uhr und Daten der Quelle ansehen.",
        ),
    },
    ProgramFinding {
        id: "<table>.not_released",
        en: (
            "The table is checked and not published; its rows are counted here.",
            "To publish it, add it to 'release: tables' of the pipeline, with a contract.",
        ),
        de: (
            "Die Tabelle wird geprüft und nicht veröffentlicht; ihre Zeilen sind hier gezählt.",
            "Zum Veröffentlichen unter 'release: tables' der Pipeline nennen, mit einem Vertrag.",
        ),
    },
    ProgramFinding {
        id: "<table>.nothing_captured",
        en: (
            "Nothing was captured on the service date, or nothing but what the sources had given before. Rows that are made of the timetable alone are not published: they would look as if no bus had run. They are counted here, and the table coverage says why.",
            "Look at 'fahrtenbuch evidence gaps'; bring in captures that others have with 'fahrtenbuch evidence import', and run the date again.",
        ),
        de: (
            "An dem Betriebstag wurde nichts aufgezeichnet, oder nur, was die Quellen schon vorher geliefert hatten. Zeilen, die allein aus dem Fahrplan gebildet sind, werden nicht veröffentlicht: Sie sähen aus, als wäre kein Bus gefahren. Sie sind hier gezählt, und die Tabelle coverage sagt, warum.",
            "„fahrtenbuch evidence gaps“ ansehen; Aufzeichnungen, die andere haben, mit „fahrtenbuch evidence import“ einbringen und den Tag noch einmal laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "<table>.discarded",
        en: ("Rows that the data manager discarded by a decision.", "Take the decision back if it was wrong."),
        de: ("Zeilen, die nach Entscheidung verworfen wurden.", "Die Entscheidung zurücknehmen, wenn sie falsch war."),
    },
    ProgramFinding {
        id: "<pipeline>.readable_captures",
        en: (
            "Captures of a source are readable messages. The others are pages of errors, so that a gap is no silence of the buses.",
            "Look at the captures with 'fahrtenbuch evidence list', and ask the operator of the source.",
        ),
        de: (
            "Abrufe einer Quelle sind lesbare Nachrichten. Die anderen sind Fehlerseiten; eine Lücke ist dann keine Ruhe der Busse.",
            "Die Abrufe mit 'fahrtenbuch evidence list' ansehen und den Betreiber der Quelle fragen.",
        ),
    },
];
