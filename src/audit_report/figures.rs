//! The one table of figures: each number of the report stands here with the query that gives it from the published tables.
//!
//! The queries run as they stand in DuckDB after `preamble.sql`, whose views have the rows of the year and no others. What the
//! report shows is counted in `count`, another way, so that a query that says something else is found.

use crate::audit_report::figure::Unit::{Bytes, Count, Date, Minute, Month, Percent, Points, Text, Word};
use crate::audit_report::figure::{Column, Definition, Key, Words};
use crate::audit_report::tables::View::{Coverage, Decisions, Positions, Releases, RuleResults};

/// Lines of the lists of which the report shows the first ones.
pub(crate) const OUTAGES: usize = 12;
pub(crate) const FLAGGED_RULES: usize = 10;
pub(crate) const ACTS: usize = 15;
pub(crate) const DECISIONS: usize = 15;
pub(crate) const MISSING_DAYS: usize = 10;

pub(crate) const FIGURES: &[Definition] = &[
    Definition {
        key: Key::AsOf,
        de: "Stand: die neueste Veröffentlichung für ein Datum des Jahres",
        en: "As of: the newest release for a date of the year",
        columns: &[Column::new("as_of", Minute, "Stand (UTC)", "as of (UTC)")],
        views: &[Releases],
        sql: "SELECT strftime(max(released_at), '%Y-%m-%d %H:%M') AS as_of FROM releases",
    },
    Definition {
        key: Key::Days,
        de: "Tage, von denen heute etwas veröffentlicht ist",
        en: "Days of which something is published now",
        columns: &[
            Column::new("days", Count, "Tage", "days"),
            Column::new("tables", Count, "Tabellen", "tables"),
            Column::new("rows", Count, "Zeilen ohne das Protokoll", "rows without the records"),
        ],
        views: &[Releases],
        sql: "SELECT count(DISTINCT partition_date) AS days, count(DISTINCT dataset || '/' || table_name) AS tables,
  coalesce(sum(rows), 0) AS rows
FROM releases WHERE is_current",
    },
    Definition {
        key: Key::Datasets,
        de: "Umfang je Datensatz",
        en: "Extent by dataset",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("tables", Count, "Tabellen", "tables"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("first_day", Date, "erster Tag", "first day"),
            Column::new("last_day", Date, "letzter Tag", "last day"),
            Column::new("rows", Count, "Zeilen", "rows"),
            Column::new("bytes", Bytes, "Bytes", "bytes"),
        ],
        views: &[Releases],
        sql: "SELECT dataset, count(DISTINCT table_name) AS tables, count(DISTINCT partition_date) AS days,
  min(partition_date)::VARCHAR AS first_day, max(partition_date)::VARCHAR AS last_day, sum(rows) AS rows, sum(bytes) AS bytes
FROM releases WHERE is_current GROUP BY dataset ORDER BY dataset",
    },
    Definition {
        key: Key::Positions,
        de: "Veröffentlichte Positionsmeldungen",
        en: "Published reports of positions",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("positions", Count, "Positionsmeldungen", "reports of positions"),
        ],
        views: &[Positions],
        sql: "SELECT dataset, count(*) AS positions FROM positions GROUP BY dataset ORDER BY dataset",
    },
    Definition {
        key: Key::Programs,
        de: "Programmversionen der letzten Läufe je Datum",
        en: "Versions of the program in the last runs of each date",
        columns: &[
            Column::new("program_version", Text, "Version", "version"),
            Column::new("first_day", Date, "erster Tag", "first day"),
            Column::new("last_day", Date, "letzter Tag", "last day"),
            Column::new("days", Count, "Tage", "days"),
        ],
        views: &[RuleResults],
        sql: "SELECT program_version, min(partition_date)::VARCHAR AS first_day, max(partition_date)::VARCHAR AS last_day,
  count(DISTINCT partition_date) AS days
FROM rule_results WHERE program_version IS NOT NULL GROUP BY program_version ORDER BY program_version",
    },
    Definition {
        key: Key::Evidence,
        de: "Aufzeichnungen, die in die Läufe eingingen, je Quelle",
        en: "Captures that went into the runs, by source",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("source", Text, "Quelle", "source"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("captures", Count, "Aufzeichnungen", "captures"),
        ],
        views: &[RuleResults],
        sql: "SELECT dataset, rule_id AS source, count(DISTINCT partition_date) AS days, coalesce(sum(rows_flagged), 0) AS captures
FROM rule_results WHERE kind = 'evidence' GROUP BY dataset, rule_id ORDER BY dataset, rule_id",
    },
    Definition {
        key: Key::Trips,
        de: "Fahrten gegen den Fahrplan",
        en: "Trips against the timetable",
        columns: &[
            Column::new("scheduled", Count, "geplant", "scheduled"),
            Column::new("observed", Count, "beobachtet", "observed"),
            Column::new("cancelled", Count, "als ausgefallen gemeldet", "reported as cancelled"),
            Column::new("unscheduled", Count, "ohne Fahrplan", "not in the timetable"),
            Column::new("share", Percent, "beobachtet von geplant", "observed of scheduled"),
        ],
        views: &[Coverage],
        sql: "SELECT coalesce(sum(trips_scheduled), 0) AS scheduled, coalesce(sum(trips_observed), 0) AS observed,
  coalesce(sum(trips_cancelled), 0) AS cancelled, coalesce(sum(trips_unscheduled), 0) AS unscheduled,
  100.0 * sum(trips_observed) / nullif(sum(trips_scheduled), 0) AS share
FROM coverage WHERE source IS NULL",
    },
    Definition {
        key: Key::Snapshots,
        de: "Abzüge der Quellen gegen den vereinbarten Takt",
        en: "Snapshots of the sources against the agreed polling interval",
        columns: &[
            Column::new("expected", Count, "erwartet", "expected"),
            Column::new("received", Count, "davon erhalten", "of them received"),
            Column::new("share", Percent, "erhalten von erwartet", "received of expected"),
            Column::new("without_beat", Count, "erhalten ohne bekannten Takt", "received without a known interval"),
        ],
        views: &[Coverage],
        sql: "SELECT coalesce(sum(snapshots_expected), 0) AS expected,
  coalesce(sum(snapshots_received) FILTER (WHERE snapshots_expected IS NOT NULL), 0) AS received,
  100.0 * sum(snapshots_received) FILTER (WHERE snapshots_expected IS NOT NULL) / nullif(sum(snapshots_expected), 0) AS share,
  coalesce(sum(snapshots_received) FILTER (WHERE snapshots_expected IS NULL), 0) AS without_beat
FROM coverage WHERE source IS NOT NULL",
    },
    Definition {
        key: Key::Spans,
        de: "Tage mit Abdeckung, und Tage ohne sie dazwischen",
        en: "Days with coverage, and days without it between them",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("first_day", Date, "erster Tag", "first day"),
            Column::new("last_day", Date, "letzter Tag", "last day"),
            Column::new("days", Count, "Tage mit Abdeckung", "days with coverage"),
            Column::new("days_without", Count, "Tage ohne Abdeckung", "days without coverage"),
        ],
        views: &[Coverage],
        sql: "SELECT dataset, min(partition_date)::VARCHAR AS first_day, max(partition_date)::VARCHAR AS last_day,
  count(DISTINCT partition_date) AS days,
  date_diff('day', min(partition_date), max(partition_date)) + 1 - count(DISTINCT partition_date) AS days_without
FROM coverage GROUP BY dataset ORDER BY dataset",
    },
    Definition {
        key: Key::Months,
        de: "Vollständigkeit und Verfügbarkeit je Monat",
        en: "Completeness and availability by month",
        columns: &[
            Column::new("month", Month, "Monat", "month"),
            Column::new("scheduled", Count, "Fahrten geplant", "trips scheduled"),
            Column::new("observed", Count, "beobachtet", "observed"),
            Column::new("observed_share", Percent, "Anteil", "share"),
            Column::new("hours", Count, "Betriebsstunden der Quellen", "service hours of sources"),
            Column::new("hours_with_gap", Count, "davon mit Ausfall", "of them with an outage"),
            Column::new("availability", Percent, "Verfügbarkeit", "availability"),
        ],
        views: &[Coverage],
        sql: "WITH trips AS (SELECT strftime(partition_date, '%Y-%m') AS month, coalesce(sum(trips_scheduled), 0) AS scheduled,
    coalesce(sum(trips_observed), 0) AS observed FROM coverage GROUP BY month),
  sources AS (SELECT strftime(partition_date, '%Y-%m') AS month, count(*) AS hours, count(gap_reason) AS hours_with_gap
    FROM source_hours WHERE in_service GROUP BY month)
SELECT t.month, scheduled, observed, 100.0 * observed / nullif(scheduled, 0) AS observed_share, coalesce(hours, 0) AS hours,
  coalesce(hours_with_gap, 0) AS hours_with_gap, 100.0 * (hours - hours_with_gap) / nullif(hours, 0) AS availability
FROM trips t LEFT JOIN sources s ON s.month = t.month ORDER BY t.month",
    },
    Definition {
        key: Key::Sources,
        de: "Erwartete und erhaltene Abzüge je Quelle, und ihre Verfügbarkeit in Betriebsstunden",
        en: "Expected and received snapshots by source, and its availability in service hours",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("source", Text, "Quelle", "source"),
            Column::new("expected", Count, "erwartet", "expected"),
            Column::new("received", Count, "erhalten", "received"),
            Column::new("hours", Count, "Betriebsstunden", "service hours"),
            Column::new("hours_with_gap", Count, "davon mit Ausfall", "of them with an outage"),
            Column::new("availability", Percent, "Verfügbarkeit", "availability"),
        ],
        views: &[Coverage],
        sql: "SELECT dataset, source, sum(snapshots_expected) AS expected, coalesce(sum(snapshots_received), 0) AS received,
  count(*) FILTER (WHERE in_service) AS hours, count(gap_reason) FILTER (WHERE in_service) AS hours_with_gap,
  100.0 * count(*) FILTER (WHERE in_service AND gap_reason IS NULL) / nullif(count(*) FILTER (WHERE in_service), 0) AS availability
FROM source_hours GROUP BY dataset, source ORDER BY dataset, source",
    },
    Definition {
        key: Key::MissingDays,
        de: "Die längsten Zeiträume ohne Abdeckung",
        en: "The longest times without coverage",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("first_day", Date, "von", "from"),
            Column::new("last_day", Date, "bis", "to"),
            Column::new("days", Count, "Tage", "days"),
        ],
        views: &[Coverage],
        sql: "WITH published AS (SELECT DISTINCT dataset, partition_date AS day FROM coverage),
  pairs AS (SELECT dataset, day, lead(day) OVER (PARTITION BY dataset ORDER BY day) AS next FROM published)
SELECT dataset, (day + 1)::VARCHAR AS first_day, (next - 1)::VARCHAR AS last_day, date_diff('day', day, next) - 1 AS days
FROM pairs WHERE date_diff('day', day, next) > 1 ORDER BY days DESC, dataset, first_day LIMIT 10",
    },
    Definition {
        key: Key::Scores,
        de: "Punkte der Qualität je Dimension: Mittel und Minimum der Tage",
        en: "Points of quality by dimension: mean and least of the days",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("dimension", Word(Words::Dimension), "Dimension", "dimension"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("mean", Points, "Mittel", "mean"),
            Column::new("least", Points, "schlechtester Tag", "worst day"),
        ],
        views: &[RuleResults],
        sql: "SELECT dataset, coalesce(dimension, '') AS dimension, count(*) AS days, avg(value) AS mean, min(value) AS least
FROM rule_results WHERE kind = 'score' AND value IS NOT NULL GROUP BY dataset, dimension ORDER BY dataset, dimension",
    },
    Definition {
        key: Key::DailyScores,
        de: "Punkte der Qualität je Tag",
        en: "Points of quality by day",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("day", Date, "Tag", "day"),
            Column::new("points", Points, "Punkte", "points"),
        ],
        views: &[RuleResults],
        sql: "SELECT dataset, partition_date::VARCHAR AS day, value AS points
FROM rule_results WHERE kind = 'score' AND dimension IS NULL AND value IS NOT NULL ORDER BY dataset, day",
    },
    Definition {
        key: Key::Outcomes,
        de: "Was die Prüfungen ergaben",
        en: "What the checks came to",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("rules", Count, "Regeln", "rules"),
            Column::new("checks", Count, "Prüfungen", "checks"),
            Column::new("passed", Count, "erfüllt", "passed"),
            Column::new("failed", Count, "nicht erfüllt", "failed"),
            Column::new("error", Count, "nicht prüfbar", "errors"),
            Column::new("warning", Count, "Warnungen", "warnings"),
            Column::new("info", Count, "Hinweise", "infos"),
            Column::new("skipped", Count, "ausgelassen", "skipped"),
        ],
        views: &[RuleResults],
        sql: "SELECT dataset, count(DISTINCT contract_id || ' ' || rule_id) AS rules, count(*) AS checks,
  count(*) FILTER (WHERE result = 'passed') AS passed, count(*) FILTER (WHERE result = 'failed') AS failed,
  count(*) FILTER (WHERE result = 'error') AS error,
  count(*) FILTER (WHERE result = 'warning' AND severity IS DISTINCT FROM 'info') AS warning,
  count(*) FILTER (WHERE result = 'warning' AND severity = 'info') AS info, count(*) FILTER (WHERE result = 'skipped') AS skipped
FROM rule_results WHERE kind = 'rule' GROUP BY dataset ORDER BY dataset",
    },
    Definition {
        key: Key::FlaggedRules,
        de: "Die Regeln, die an den meisten Tagen etwas fanden, auch Hinweise",
        en: "The rules that found something on most days, infos, too",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("contract_id", Text, "Vertrag", "contract"),
            Column::new("rule_id", Text, "Regel", "rule"),
            Column::new("requirement", Text, "Was gelten muss (englisch)", "what must be true"),
            Column::new("requirement_de", Text, "Was gelten muss", "what must be true (German)"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("rows_flagged", Count, "benannte Zeilen", "rows flagged"),
            Column::new("rows_checked", Count, "geprüfte Zeilen", "rows checked"),
        ],
        views: &[RuleResults],
        sql: "SELECT dataset, contract_id, rule_id, arg_max(requirement, partition_date) AS requirement,
  arg_max(coalesce(requirement_de, requirement), partition_date) AS requirement_de, count(DISTINCT partition_date) AS days,
  coalesce(sum(rows_flagged), 0) AS rows_flagged, coalesce(sum(rows_checked), 0) AS rows_checked
FROM rule_results WHERE kind = 'rule' AND result IN ('warning', 'failed', 'error')
GROUP BY dataset, contract_id, rule_id ORDER BY days DESC, rows_flagged DESC, dataset, contract_id, rule_id LIMIT 10",
    },
    Definition {
        key: Key::FlaggedCount,
        de: "Regeln, die an mindestens einem Tag etwas fanden, auch Hinweise",
        en: "Rules that found something on one day or more, infos, too",
        columns: &[Column::new("rules", Count, "Regeln", "rules")],
        views: &[RuleResults],
        sql: "SELECT count(DISTINCT dataset || ' ' || contract_id || ' ' || rule_id) AS rules
FROM rule_results WHERE kind = 'rule' AND result IN ('warning', 'failed', 'error')",
    },
    Definition {
        key: Key::RowBalance,
        de: "Wohin die Zeilen aller Tabellen gingen, auch der aus anderen gebildeten, nach dem Lauf, aus dem die heute veröffentlichte Datei ist: \
             empfangen oder gebildet = veröffentlicht + zurückgehalten + weggelassen",
        en: "Where the rows of all tables went, of those made of others, too, by the run that made the file which is published now: received or \
             made = published + held back + left out",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("rows_in", Count, "empfangen oder gebildet", "received or made"),
            Column::new("published", Count, "veröffentlicht", "published"),
            Column::new("quarantined", Count, "zurückgehalten (einzelne Zeilen)", "held back (single rows)"),
            Column::new("held_back", Count, "zurückgehalten (ganze Tage)", "held back (whole days)"),
            Column::new("dropped", Count, "weggelassen", "left out"),
        ],
        views: &[Releases],
        sql: "SELECT dataset, coalesce(sum(rows_in), 0) AS rows_in, coalesce(sum(rows_published), 0) AS published,
  coalesce(sum(rows_quarantined), 0) AS quarantined, coalesce(sum(rows_held_back), 0) AS held_back,
  coalesce(sum(rows_dropped), 0) AS dropped
FROM releases WHERE is_current GROUP BY dataset ORDER BY dataset",
    },
    Definition {
        key: Key::Dropped,
        de: "Warum Zeilen weggelassen wurden, nach dem letzten Lauf jedes Tages",
        en: "Why rows were left out, by the last run of each day",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("rule_id", Text, "Regel", "rule"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("rows", Count, "Zeilen", "rows"),
        ],
        views: &[RuleResults],
        sql: "SELECT dataset, rule_id, count(DISTINCT partition_date) AS days, sum(rows_flagged) AS rows
FROM rule_results WHERE kind = 'dropped' AND rows_flagged > 0
GROUP BY dataset, rule_id ORDER BY rows DESC, dataset, rule_id",
    },
    Definition {
        key: Key::OutageTotals,
        de: "Ausfälle der Quellen",
        en: "Outages of the sources",
        columns: &[
            Column::new("outages", Count, "Ausfälle", "outages"),
            Column::new("hours", Count, "Stunden", "hours"),
            Column::new("outages_in_service", Count, "Ausfälle im Betrieb", "outages in service"),
            Column::new("hours_in_service", Count, "Betriebsstunden", "service hours"),
            Column::new("longest", Count, "längster in Stunden", "longest in hours"),
        ],
        views: &[Coverage],
        sql: "WITH outages AS (SELECT count(*) AS hours, count(*) FILTER (WHERE in_service) AS in_service FROM outage_hours
    GROUP BY dataset, source, gap_reason, run)
SELECT count(*) AS outages, coalesce(sum(hours), 0) AS hours, count(*) FILTER (WHERE in_service > 0) AS outages_in_service,
  coalesce(sum(in_service), 0) AS hours_in_service, coalesce(max(hours), 0) AS longest FROM outages",
    },
    Definition {
        key: Key::OutageReasons,
        de: "Ausfälle nach Quelle und Grund",
        en: "Outages by source and reason",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("source", Text, "Quelle", "source"),
            Column::new("gap_reason", Word(Words::GapReason), "Grund", "reason"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("hours", Count, "Stunden", "hours"),
            Column::new("hours_in_service", Count, "davon im Betrieb", "of them in service"),
            Column::new("missing", Count, "fehlende Abzüge", "missing snapshots"),
        ],
        views: &[Coverage],
        sql: "SELECT dataset, source, gap_reason, count(DISTINCT partition_date) AS days, count(DISTINCT hour_start) AS hours,
  count(DISTINCT hour_start) FILTER (WHERE in_service) AS hours_in_service,
  sum(snapshots_expected - least(coalesce(snapshots_received, 0), snapshots_expected)) AS missing
FROM source_hours WHERE gap_reason IS NOT NULL GROUP BY dataset, source, gap_reason ORDER BY dataset, source, gap_reason",
    },
    Definition {
        key: Key::Outages,
        de: "Die Ausfälle mit den meisten Betriebsstunden",
        en: "The outages with most service hours",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("source", Text, "Quelle", "source"),
            Column::new("gap_reason", Word(Words::GapReason), "Grund", "reason"),
            Column::new("begins", Minute, "Beginn (UTC)", "begin (UTC)"),
            Column::new("ends", Minute, "Ende (UTC)", "end (UTC)"),
            Column::new("hours", Count, "Stunden", "hours"),
            Column::new("hours_in_service", Count, "davon im Betrieb", "of them in service"),
        ],
        views: &[Coverage],
        sql: "SELECT dataset, source, gap_reason, strftime(min(hour_start), '%Y-%m-%d %H:%M') AS begins,
  strftime(max(hour_start) + to_hours(1), '%Y-%m-%d %H:%M') AS ends, count(*) AS hours,
  count(*) FILTER (WHERE in_service) AS hours_in_service
FROM outage_hours GROUP BY dataset, source, gap_reason, run
ORDER BY hours_in_service DESC, hours DESC, begins, dataset, source, gap_reason LIMIT 12",
    },
    Definition {
        key: Key::MissingTrips,
        de: "Warum geplante Fahrten nicht beobachtet wurden",
        en: "Why scheduled trips were not observed",
        columns: &[
            Column::new("gap_reason", Word(Words::GapReason), "Grund", "reason"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("trips", Count, "Fahrten", "trips"),
        ],
        views: &[Coverage],
        sql: "SELECT gap_reason, count(DISTINCT partition_date) AS days, sum(trips_scheduled - trips_observed) AS trips
FROM coverage WHERE source IS NULL AND gap_reason IS NOT NULL AND trips_scheduled > trips_observed
GROUP BY gap_reason ORDER BY gap_reason",
    },
    Definition {
        key: Key::Versions,
        de: "Veröffentlichungen und Änderungen nach Anlass",
        en: "Releases and changes by their cause",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("act", Word(Words::Act), "Vorgang", "act"),
            Column::new("reasons", Word(Words::Reasons), "Anlass", "cause"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("versions", Count, "Fassungen von Tabellen", "versions of tables"),
        ],
        views: &[Releases],
        sql: "SELECT dataset, act, reasons, count(DISTINCT partition_date) AS days, count(*) AS versions
FROM releases WHERE act <> 'compaction' GROUP BY dataset, act, reasons ORDER BY dataset, act, reasons",
    },
    Definition {
        key: Key::ActCount,
        de: "Zurückgezogen, wieder erlaubt, auf ältere Fassung gesetzt: Vorgänge",
        en: "Withdrawals, lifts of them, and rollbacks: acts",
        columns: &[
            Column::new("withdrawals", Count, "Rückzüge (Vorgänge)", "withdrawals (acts)"),
            Column::new("lifts", Count, "wieder erlaubt", "lifts"),
            Column::new("rollbacks", Count, "Rückgriffe", "rollbacks"),
        ],
        views: &[Releases],
        sql: "SELECT count(DISTINCT record) FILTER (WHERE act = 'withdrawal') AS withdrawals,
  count(DISTINCT record) FILTER (WHERE act = 'lift') AS lifts, count(DISTINCT record) FILTER (WHERE act = 'rollback') AS rollbacks
FROM releases WHERE dataset <> 'publication'",
    },
    Definition {
        key: Key::Acts,
        de: "Rückzüge und Rückgriffe",
        en: "Withdrawals and rollbacks",
        columns: &[
            Column::new("happened_at", Minute, "wann (UTC)", "when (UTC)"),
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("act", Word(Words::Act), "Vorgang", "act"),
            Column::new("first_day", Date, "von", "from"),
            Column::new("last_day", Date, "bis", "to"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("tables", Count, "Tabellen", "tables"),
            Column::new("role", Text, "wer", "who"),
            Column::new("reason", Text, "warum", "why"),
        ],
        views: &[Releases],
        sql: "SELECT strftime(min(released_at), '%Y-%m-%d %H:%M') AS happened_at, dataset, act, min(partition_date)::VARCHAR AS first_day,
  max(partition_date)::VARCHAR AS last_day, count(DISTINCT partition_date) AS days, count(DISTINCT table_name) AS tables,
  coalesce(role, '') AS role, coalesce(reason, '') AS reason
FROM releases WHERE act IN ('withdrawal', 'lift', 'rollback') AND dataset <> 'publication'
GROUP BY dataset, act, record, role, reason
ORDER BY min(released_at), dataset, act, first_day, last_day, role, reason LIMIT 15",
    },
    Definition {
        key: Key::ContractCount,
        de: "Verträge mit Regeln, und ihre Fassungen",
        en: "Contracts with rules, and their texts",
        columns: &[
            Column::new("contracts", Count, "Verträge", "contracts"),
            Column::new("rules", Count, "Regeln", "rules"),
            Column::new("texts", Count, "Fassungen", "texts"),
        ],
        views: &[RuleResults],
        sql: "SELECT count(DISTINCT contract_id) AS contracts, count(DISTINCT contract_id || ' ' || rule_id) AS rules,
  count(DISTINCT contract_id || ' ' || contract_sha256) AS texts
FROM rule_results WHERE kind = 'rule'",
    },
    Definition {
        key: Key::Contracts,
        de: "Fassungen der Verträge",
        en: "Texts of the contracts",
        columns: &[
            Column::new("contract_id", Text, "Vertrag", "contract"),
            Column::new("contract_version", Text, "Version", "version"),
            Column::new("contract_sha256", Text, "SHA-256", "SHA-256"),
            Column::new("first_day", Date, "erster Tag", "first day"),
            Column::new("last_day", Date, "letzter Tag", "last day"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("rules", Count, "Regeln", "rules"),
        ],
        views: &[RuleResults],
        sql: "SELECT contract_id, contract_version, contract_sha256, min(partition_date)::VARCHAR AS first_day,
  max(partition_date)::VARCHAR AS last_day, count(DISTINCT partition_date) AS days, count(DISTINCT rule_id) AS rules
FROM rule_results WHERE kind = 'rule' GROUP BY contract_id, contract_version, contract_sha256
ORDER BY contract_id, first_day, contract_version, contract_sha256",
    },
    Definition {
        key: Key::RuleTexts,
        de: "Regeln, deren Wortlaut, Gewicht oder Folge sich im Jahr geändert hat",
        en: "Rules whose words, severity or effect changed in the year",
        columns: &[
            Column::new("contract_id", Text, "Vertrag", "contract"),
            Column::new("rule_id", Text, "Regel", "rule"),
            Column::new("requirement", Text, "Was gelten muss (englisch)", "what must be true"),
            Column::new("requirement_de", Text, "Was gelten muss", "what must be true (German)"),
            Column::new("severity", Text, "Gewicht", "severity"),
            Column::new("on_fail", Text, "Folge", "effect"),
            Column::new("first_day", Date, "erster Tag", "first day"),
            Column::new("last_day", Date, "letzter Tag", "last day"),
            Column::new("days", Count, "Tage", "days"),
        ],
        views: &[RuleResults],
        sql: "WITH texts AS (SELECT contract_id, rule_id, coalesce(requirement, '') AS requirement,
    coalesce(requirement_de, requirement, '') AS requirement_de, coalesce(severity, '') AS severity,
    coalesce(on_fail, '') AS on_fail, min(partition_date)::VARCHAR AS first_day, max(partition_date)::VARCHAR AS last_day,
    count(DISTINCT partition_date) AS days
  FROM rule_results WHERE kind = 'rule' GROUP BY ALL)
SELECT * FROM texts QUALIFY count(*) OVER (PARTITION BY contract_id, rule_id) > 1
ORDER BY contract_id, rule_id, first_day, last_day, requirement, requirement_de, severity, on_fail",
    },
    Definition {
        key: Key::DecisionKinds,
        de: "Entscheidungen nach Art und Rolle",
        en: "Decisions by kind and role",
        columns: &[
            Column::new("kind", Word(Words::Decision), "Art", "kind"),
            Column::new("effect", Word(Words::Effect), "Wirkung", "effect"),
            Column::new("role", Text, "Rolle", "role"),
            Column::new("decisions", Count, "Entscheidungen", "decisions"),
            Column::new("in_force", Count, "davon nicht aufgehoben", "of them not undone"),
            Column::new("rows", Count, "Zeilen", "rows"),
        ],
        views: &[Decisions],
        sql: "SELECT kind, effect, role, count(DISTINCT decision_id) AS decisions,
  count(DISTINCT decision_id) FILTER (WHERE is_in_force) AS in_force, coalesce(sum(rows), 0) AS rows
FROM decisions WHERE dataset <> 'publication' GROUP BY kind, effect, role ORDER BY kind, effect, role",
    },
    Definition {
        key: Key::DecisionCount,
        de: "Entscheidungen über Zeilen und Aufzeichnungen",
        en: "Decisions about rows and captures",
        columns: &[Column::new("decisions", Count, "Entscheidungen", "decisions")],
        views: &[Decisions],
        sql: "SELECT count(DISTINCT decision_id) AS decisions
FROM decisions WHERE effect NOT IN ('replaced', 'removed', 'allowed') AND dataset <> 'publication'",
    },
    Definition {
        key: Key::Decisions,
        de: "Entscheidungen über Zeilen und Aufzeichnungen, nach der Zeit",
        en: "Decisions about rows and captures, by time",
        columns: &[
            Column::new("happened_at", Minute, "wann (UTC)", "when (UTC)"),
            Column::new("decision_id", Text, "Kennung", "id"),
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("table_name", Text, "Tabelle", "table"),
            Column::new("first_day", Date, "von", "from"),
            Column::new("last_day", Date, "bis", "to"),
            Column::new("kind", Word(Words::Decision), "Art", "kind"),
            Column::new("role", Text, "wer", "who"),
            Column::new("reason", Text, "warum", "why"),
            Column::new("rows", Count, "Zeilen", "rows"),
        ],
        views: &[Decisions],
        sql: "SELECT strftime(min(decided_at), '%Y-%m-%d %H:%M') AS happened_at, decision_id, dataset, coalesce(table_name, '') AS table_name,
  min(partition_date)::VARCHAR AS first_day, max(partition_date)::VARCHAR AS last_day, kind, role, reason,
  coalesce(sum(rows), 0) AS rows
FROM decisions WHERE effect NOT IN ('replaced', 'removed', 'allowed') AND dataset <> 'publication'
GROUP BY decision_id, dataset, table_name, kind, role, reason
ORDER BY min(decided_at), decision_id, dataset, table_name, kind, role, reason LIMIT 15",
    },
    Definition {
        key: Key::WithoutBeat,
        de: "Quellen ohne bekannten Takt: Lücken ihrer Aufzeichnung wurden nicht gesucht",
        en: "Sources without a known polling interval: gaps of their collection were not looked for",
        columns: &[
            Column::new("dataset", Text, "Datensatz", "dataset"),
            Column::new("source", Text, "Quelle", "source"),
            Column::new("days", Count, "Tage", "days"),
            Column::new("hours", Count, "Stunden", "hours"),
            Column::new("fewest", Count, "wenigste Abzüge einer Stunde", "fewest snapshots of an hour"),
            Column::new("most", Count, "meiste Abzüge einer Stunde", "most snapshots of an hour"),
        ],
        views: &[Coverage],
        sql: "SELECT dataset, source, count(DISTINCT partition_date) AS days, count(*) AS hours, min(snapshots_received) AS fewest,
  max(snapshots_received) AS most
FROM coverage WHERE source IS NOT NULL AND snapshots_expected IS NULL AND snapshots_received > 0
GROUP BY dataset, source ORDER BY dataset, source",
    },
];

/// What a figure is.
pub(crate) fn definition(key: Key) -> &'static Definition {
    // A test finds each key at its place.
    &FIGURES[key as usize]
}

/// How the report and its files call a figure: `F12`.
pub(crate) fn name(key: Key) -> String {
    format!("F{}", key as usize + 1)
}

#[cfg(test)]
mod tests;
