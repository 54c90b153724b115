//! Views that are made of `coverage`, for the queries about sources and their outages.

/// What several queries read: which hours of sources are in service, and which hours of outages follow each other. `preamble.sql` has
/// them, and the annex.
pub(crate) const VIEWS: &str = "CREATE OR REPLACE VIEW source_hours AS
WITH planned AS (SELECT DISTINCT dataset, hour_start FROM coverage WHERE source IS NULL AND trips_scheduled > 0),
  known AS (SELECT DISTINCT dataset, partition_date FROM coverage WHERE source IS NULL AND trips_scheduled > 0)
SELECT c.*, p.hour_start IS NOT NULL OR k.partition_date IS NULL AS in_service FROM coverage c
LEFT JOIN planned p ON p.dataset = c.dataset AND p.hour_start = c.hour_start
LEFT JOIN known k ON k.dataset = c.dataset AND k.partition_date = c.partition_date
WHERE c.source IS NOT NULL;

CREATE OR REPLACE VIEW outage_hours AS
WITH gaps AS (SELECT dataset, source, gap_reason, hour_start, bool_or(in_service) AS in_service
  FROM source_hours WHERE gap_reason IS NOT NULL GROUP BY ALL)
SELECT *, hour_start - to_hours(row_number() OVER (PARTITION BY dataset, source, gap_reason ORDER BY hour_start)) AS run
FROM gaps;
";
