//! Of any format that has documents and rows.

use super::finding::ProgramFinding;

pub(super) static FINDINGS: &[ProgramFinding] = &[
    // Of formats without words of their own for it.
    ProgramFinding {
        id: "<format>.no_document",
        en: (
            "A capture is no document of the format, or has no rows where the pipeline says: it gives none.",
            "See what it is with 'fahrtenbuch evidence list'; compare it with 'mapping' in the pipeline.",
        ),
        de: (
            "Ein Abruf ist kein Dokument des Formats oder hat keine Zeilen, wo die Pipeline sie nennt: Er ergibt keine.",
            "Mit 'fahrtenbuch evidence list' ansehen, was er ist; mit 'mapping' in der Pipeline vergleichen.",
        ),
    },
    ProgramFinding {
        id: "<format>.broken_document",
        en: (
            "A document cannot be read to its end; the rows before the damage were read.",
            "Ask the operator of the source.",
        ),
        de: (
            "Ein Dokument ist nicht bis zum Ende lesbar; die Zeilen davor wurden gelesen.",
            "Den Betreiber der Quelle fragen.",
        ),
    },
    ProgramFinding {
        id: "<format>.damaged_row",
        en: ("A row is damaged and was left out; those behind it were read.", "Ask the operator of the source."),
        de: ("Eine Zeile ist beschädigt und fehlt; die dahinter wurden gelesen.", "Den Betreiber der Quelle fragen."),
    },
    ProgramFinding {
        id: "<format>.unreadable_message",
        en: (
            "Messages of a broker are no document of the format: they give no row, the others are read.",
            "Compare what is published with 'mapping' in the pipeline; 'topics' of the source may be too wide.",
        ),
        de: (
            "Nachrichten eines Brokers sind kein Dokument des Formats: Sie ergeben keine Zeile, die anderen werden gelesen.",
            "Was gesendet wird, mit 'mapping' in der Pipeline vergleichen; 'topics' der Quelle nennt vielleicht zu viel.",
        ),
    },
    ProgramFinding {
        id: "<format>.repeated_message",
        en: (
            "A broker sent messages again that it did not know to be kept: they count once.",
            "Nothing has to be done.",
        ),
        de: (
            "Ein Broker hat Nachrichten noch einmal gesendet, von denen er nicht wusste, dass sie da sind: Sie zählen einmal.",
            "Es ist nichts zu tun.",
        ),
    },
    ProgramFinding {
        id: "<format>.unknown_value",
        en: (
            "A value is none of those that the pipeline gives a meaning: the cell is null.",
            "Ask the operator what it means, and add it to 'values' in the pipeline.",
        ),
        de: (
            "Ein Wert ist keiner von denen, deren Bedeutung die Pipeline nennt: Die Zelle ist leer.",
            "Den Betreiber fragen, was er heißt, und ihn unter 'values' in der Pipeline ergänzen.",
        ),
    },
    ProgramFinding {
        id: "<format>.path_not_found",
        en: (
            "No row has what the pipeline says that a column is made of: the column is null.",
            "Compare the name under 'mapping' in the pipeline with the feed; it may have been renamed there.",
        ),
        de: (
            "Keine Zeile hat, woraus eine Spalte laut Pipeline entsteht: Die Spalte ist leer.",
            "Den Namen unter 'mapping' in der Pipeline mit dem Feed vergleichen; vielleicht heißt er dort jetzt anders.",
        ),
    },
    ProgramFinding {
        id: "<format>.bare_gzip",
        en: (
            "A body is packed with gzip and its headers do not say so; it was unpacked.",
            "Let the source send Content-Encoding.",
        ),
        de: (
            "Ein Inhalt ist mit gzip gepackt, ohne dass die Kopfzeilen es sagen; er wurde entpackt.",
            "Die Quelle soll Content-Encoding senden.",
        ),
    },
    ProgramFinding {
        id: "<format>.zero_time",
        en: (
            "A time is 0, which stands for none: it is null.",
            "Nothing; ask the operator for times if there are none else.",
        ),
        de: (
            "Eine Zeit ist 0, was für keine steht: Die Zelle ist leer.",
            "Nichts; den Betreiber um Zeiten bitten, wenn es sonst keine gibt.",
        ),
    },
    ProgramFinding {
        id: "<format>.early_rows",
        en: ("Rows that were received on this date are of a later one: they are in its partition.", "Nothing."),
        de: (
            "Zeilen, die an diesem Tag ankamen, gehören zu einem späteren: Sie stehen in dessen Partition.",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "<format>.late_rows",
        en: (
            "Rows that were received on this date are of an earlier one, which was over: they are in its partition if it is run after noon of the day after it.",
            "Run the earlier date again if its last run was before that.",
        ),
        de: (
            "Zeilen, die an diesem Tag ankamen, gehören zu einem früheren, der vorbei war: Sie stehen in dessen Partition, wenn er nach dem Mittag des Folgetags läuft.",
            "Den früheren Tag neu laufen lassen, wenn sein letzter Lauf davor war.",
        ),
    },
];
