//! Metrics and alert rules as Prometheus' own tool sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Output, Stdio};

use fahrtenbuch::capture::coverage::Class;
use fahrtenbuch::metrics::{
    DiskMetrics, MetricAttempts, Metrics, PipelineMetrics, RowCounts, SourceMetrics, SpoolMetrics,
};
use jiff::Timestamp;

use crate::world::root;

/// Metrics with everything that can be known, and names that need care.
fn full() -> Metrics {
    let time = |second: i64| Some(Timestamp::from_millisecond(1_764_000_000_000 + second * 1_000 + 250).unwrap());
    let counts = |words: &[&str]| words.iter().zip(1_u64..).map(|(word, n)| ((*word).to_owned(), n)).collect();
    let pipeline = PipelineMetrics {
        last_success: time(1),
        last_complete: Some("2026-11-24".parse().unwrap()),
        due: 2,
        due_since: time(2),
        running: 1,
        attempts: MetricAttempts {
            ended: counts(&["held back", "nothing new", "published"]),
            failed: counts(&["held back", "transient"]),
        },
        rows: BTreeMap::from([(
            "trip_updates".to_owned(),
            RowCounts { published: u64::from(u32::MAX) + 1, quarantined: 3, dropped: 0 },
        )]),
        findings: counts(&["error", "warning"]),
    };
    let source = SourceMetrics {
        is_gtfs_realtime: true,
        interval: Some(15.0),
        beats: Class::ALL.into_iter().zip(1..).collect(),
        last_good: time(3),
        header_time: time(4),
    };
    let silent = SourceMetrics { interval: None, is_gtfs_realtime: false, header_time: None, ..source.clone() };
    Metrics {
        started: time(0),
        pipelines: BTreeMap::from([
            ("stadtbus \"quer\"\\\n".to_owned(), pipeline),
            ("neu".to_owned(), Default::default()),
        ]),
        sources: BTreeMap::from([("vehicle-positions".to_owned(), source), ("flotte".to_owned(), silent)]),
        spool: Some(SpoolMetrics { waiting: 5, limit: 20 << 30 }),
        disks: BTreeMap::from([
            ("private".to_owned(), DiskMetrics { free: 1 << 40, per_day: Some(7) }),
            ("bucket".to_owned(), DiskMetrics { free: 1 << 40, per_day: None }),
        ]),
        last_backup: time(5),
        causes: counts(&["source_silent"]),
        messages: counts(&["mended", "new"]),
        message_failures: counts(&["ntfy-leitung"]),
        ..Metrics::at(time(10).unwrap())
    }
}

/// The names of a text of metrics.
fn names(exposition: &str) -> BTreeSet<String> {
    let types = exposition.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// The names of metrics that a text mentions.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let is_metric = |word: &&str| word.starts_with("fahrtenbuch_") || word.starts_with("gtfs_rt_");
    words.filter(is_metric).filter(|word| *word != "fahrtenbuch_dag").map(str::to_owned).collect()
}

#[test]
fn metrics_are_written_as_prometheus_reads_them_and_always_the_same() {
    let text = full().exposition();
    assert_eq!(text, full().exposition());
    let sample = |line: &str| assert!(text.contains(&format!("\n{line}\n")), "{line} is not in\n{text}");
    sample("fahrtenbuch_updated_timestamp_seconds 1764000010.25");
    sample(r#"fahrtenbuch_last_success_timestamp_seconds{pipeline="stadtbus \"quer\"\\\n"} 1764000001.25"#);
    sample(r#"fahrtenbuch_last_complete_date_timestamp_seconds{pipeline="stadtbus \"quer\"\\\n"} 1795478400"#);
    sample(r#"fahrtenbuch_partitions_due{pipeline="neu"} 0"#);
    sample(r#"fahrtenbuch_attempts_total{pipeline="stadtbus \"quer\"\\\n",outcome="held_back"} 1"#);
    sample(r#"fahrtenbuch_rows{pipeline="stadtbus \"quer\"\\\n",table="trip_updates",state="published"} 4294967296"#);
    sample(r#"fahrtenbuch_beats_total{source="flotte",outcome="silent"} 3"#);
    sample(r#"fahrtenbuch_feed_age_seconds{source="vehicle-positions"} 6"#);
    sample(r#"fahrtenbuch_feed_age_seconds{source="flotte"} 7"#);
    sample(r#"gtfs_rt_feed_fetches_total{source="vehicle-positions",status="success_unchanged"} 6"#);
    sample(r#"gtfs_rt_feed_timestamp_seconds{source="vehicle-positions"} 1764000004.25"#);
    sample(r#"fahrtenbuch_disk_growth_bytes{place="private"} 7"#);
    // What is not known is absent; a counter never falls; names of GTFS-Realtime are for GTFS-Realtime alone.
    for absent in [
        r#"fahrtenbuch_last_success_timestamp_seconds{pipeline="neu""#,
        r#"fahrtenbuch_disk_growth_bytes{place="bucket""#,
        "under_way",
        r#"gtfs_rt_feed_fetches_total{source="flotte""#,
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
    // Each family stands once, and each sample.
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    assert_eq!(types.len(), types.iter().collect::<BTreeSet<_>>().len());
    let samples: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(samples.len(), samples.iter().collect::<BTreeSet<_>>().len());
    for name in names(&text) {
        let is_counter = text.contains(&format!("# TYPE {name} counter\n"));
        assert_eq!(is_counter, name.ends_with("_total"), "{name}");
    }
}

#[test]
fn alert_rules_and_documentation_name_the_metrics_that_there_are() {
    let there = names(&full().exposition());
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    for file in ["deploy/prometheus/fahrtenbuch.rules.yml", "deploy/prometheus/tests.yml"] {
        let unknown: Vec<_> = mentioned(&read(file)).into_iter().filter(|name| !there.contains(name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    assert_eq!(mentioned(&read("docs/operations.md")), there);
    // Each alert is told, and tested.
    let rules = read("deploy/prometheus/fahrtenbuch.rules.yml");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10);
    let (manual, tests) = (read("docs/operations.md"), read("deploy/prometheus/tests.yml"));
    for alert in alerts {
        assert!(manual.contains(&format!("`{alert}`")), "docs/operations.md does not tell {alert}");
        let fires = tests.split("alertname: ").skip(1).any(|test| test.starts_with(&format!("{alert}\n")));
        assert!(fires, "no test lets {alert} fire");
    }
}

fn promtool(arguments: &[&str], input: &str) -> Output {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| root().join("target").display().to_string());
    let path = format!("{}:{target}/tools", std::env::var("PATH").unwrap());
    let mut child = Command::new("promtool")
        .env("PATH", path)
        .args(arguments)
        .current_dir(root().join("deploy/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
#[cfg_attr(not(promtool), ignore = "needs promtool, which ./test sets up")]
fn promtool_has_nothing_to_say_of_our_metrics() {
    let said = promtool(&["check", "metrics"], &full().exposition());
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
    // It would say something.
    assert!(!promtool(&["check", "metrics"], "# TYPE a_total gauge\na_total 1\n").status.success());
}

#[test]
#[cfg_attr(not(promtool), ignore = "needs promtool, which ./test sets up")]
fn the_alert_rules_fire_when_they_should_and_only_then() {
    for arguments in [["check", "rules", "fahrtenbuch.rules.yml"], ["test", "rules", "tests.yml"]] {
        let said = promtool(&arguments, "");
        assert!(
            said.status.success(),
            "{arguments:?}\n{}",
            String::from_utf8_lossy(&[said.stdout, said.stderr].concat())
        );
    }
}
