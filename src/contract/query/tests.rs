use super::*;

fn read(sql: &str) -> Query {
    Query::read(sql, "t").unwrap_or_else(|fault| panic!("{sql}: {fault:?}"))
}

#[test]
fn a_query_over_single_rows_is_told_from_one_that_needs_them_all() {
    for sql in [
        "SELECT _index FROM t WHERE a > 1 AND b IS NOT NULL",
        "SELECT _index FROM t AS x WHERE x.a NOT BETWEEN 1 AND 2 OR ABS(x.b) > 1",
        "SELECT t._index FROM t WHERE distance_m(a, b, c, d) > 5 AND CASE WHEN a IN (1, 2) THEN b END = 3",
        "SELECT _index FROM t WHERE event > {date} + INTERVAL '1 day'",
    ] {
        assert!(read(sql).is_local, "{sql}");
    }
    for sql in [
        "SELECT _index FROM t WHERE a > (SELECT MAX(a) FROM t)",
        "SELECT _index FROM t WHERE a IN (SELECT b FROM u)",
        "SELECT MAX(_index) AS _index FROM t GROUP BY a",
        "SELECT MAX(_index) AS _index FROM t",
        "SELECT _index FROM t QUALIFY LAG(a) OVER (PARTITION BY b ORDER BY c) > a",
        "SELECT _index FROM t ORDER BY a LIMIT 3",
        "SELECT t._index FROM t JOIN u ON t.a = u.a",
        "SELECT _index FROM u",
        "WITH x AS (SELECT * FROM t) SELECT _index FROM x",
        "SELECT _index FROM t UNION ALL SELECT _index FROM t",
        "SELECT _index FROM t WHERE is_monotonic(a)",
        "SELECT _index + 100000 AS _index FROM t",
        "SELECT a AS _index FROM t",
        "SELECT a FROM t",
        "SELECT * FROM t",
        "SELECT _index, a FROM t",
        "SELECT _index AS _index FROM t WHERE _index > 3",
        "SELECT _index FROM t WHERE _index = 0",
        "SELECT x._index FROM t AS x WHERE MOD(x._index, 2) = 0",
        "SELECT _index FROM t WHERE \"^_ind.*$\" = 0",
        "SELECT _index FROM t WHERE a > RANDOM()",
        "SELECT _index FROM t WHERE ROW_NUMBER() OVER (ORDER BY a) > 1",
        "SELECT _index FROM t WHERE a > MAX(a)",
        "SELECT _index FROM t WHERE EXISTS (SELECT 1 FROM t)",
        "SELECT _index FROM t TABLESAMPLE (10 PERCENT)",
        "SELECT TOP 3 _index FROM t",
        "SELECT _index FROM t FETCH FIRST 3 ROWS ONLY",
    ] {
        assert!(!read(sql).is_local, "{sql}");
    }
}

#[test]
fn tables_and_columns_are_known_before_a_query_runs() {
    let query = read("WITH x AS (SELECT a, _index FROM t) SELECT x._index FROM x JOIN timetable_trips u ON u.b = x.a");
    assert_eq!(query.tables.iter().map(String::as_str).collect::<Vec<_>>(), ["t", "timetable_trips"]);
    assert!(query.needs("t", "a") && query.needs("t", "b") && !query.needs("t", "c") && !query.needs("u", "a"));
    assert!(read("SELECT * FROM t").needs("t", "c"));
    assert!(!read("SELECT COUNT(*) FROM t").needs("t", "c"));
    let inner = read("SELECT * FROM (SELECT a, u.* FROM t JOIN u ON u.x = t.x) AS y JOIN view ON TRUE");
    assert!(inner.needs("t", "a") && inner.needs("u", "c") && inner.needs("view", "c"));
    let inner = read("WITH x AS (SELECT a FROM t) SELECT * FROM x");
    assert!(inner.needs("t", "a") && !inner.needs("t", "c"));
    assert!(read("SELECT _index FROM t WHERE In_Service_Area(a, b)").says("in_service_area"));
}

#[test]
fn a_name_has_the_line_on_which_it_first_stands() {
    let mut query = read("SELECT x._index -- b is below\nFROM t AS x\nWHERE x.a > {date}\n  AND ABS(b) > 1");
    query.line = 10;
    for (name, line) in [("t", 11), ("x.a", 12), ("a", 12), ("abs", 13), ("b", 13)] {
        assert_eq!(query.line_of(name), Some(line), "{name}");
    }
    assert_eq!((query.line_of("x.b"), query.line_of("c")), (None, None));
}

#[test]
fn columns_that_are_only_counted_are_told_from_those_that_show_in_the_result() {
    let names = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
    let query = read("SELECT COUNT(DISTINCT a) * 100 / COUNT(*) + MAX(t.b) AS share FROM t WHERE COUNT(c) > 1");
    // How many different values there are is said of the values.
    assert_eq!((names(&query.shown), query.given.len()), ("a b".to_owned(), 1));
    assert_eq!((query.given[0].0.as_str(), names(&query.given[0].1)), ("share", "a b".to_owned()));
    assert_eq!(names(&read("SELECT COUNT(*) FROM t WHERE d = 1").shown), "d");
}

#[test]
fn what_may_use_columns_without_naming_them_is_told() {
    for sql in [
        "SELECT MAX(m) FROM (SELECT * RENAME (o AS m) FROM t) AS x",
        "SELECT MAX(a) FROM (SELECT * EXCLUDE (o) FROM t) AS x",
        "SELECT MAX(a) FROM (SELECT * REPLACE (1 AS a) FROM t) AS x",
        "SELECT MAX(a) FROM (SELECT * ILIKE '%o%' FROM t) AS x",
        "SELECT MAX(COLUMNS('o.*')) FROM t",
        "SELECT COLUMNS('o.*') FROM t",
        "SELECT MAX(\"^o.*$\") FROM t",
        "SELECT MAX(\"*\") FROM t",
        "SELECT MAX(*) FROM t",
        "SELECT COALESCE(t.*) FROM t",
        "SELECT COUNT(*) FROM t NATURAL JOIN u",
        "SELECT MAX(a) FROM (SELECT * FROM t) AS x(a, b)",
        "WITH x (a, b) AS (SELECT * FROM t) SELECT MAX(a) FROM x",
        "SELECT MAX(a) FROM (SELECT a, b FROM u UNION ALL SELECT * FROM t) AS x",
        "SELECT COUNT(*) FROM (SELECT * FROM t UNION SELECT * FROM t) AS x",
        "SELECT COUNT(*) FROM (SELECT DISTINCT * FROM t) AS x",
        "SELECT COUNT(*) FROM (SELECT * FROM t GROUP BY 8) AS x",
        "SELECT COUNT(*) FROM (SELECT a FROM t GROUP BY ALL) AS x",
        "SELECT MAX(a) FROM (SELECT * FROM t ORDER BY 8 LIMIT 1) AS x",
        "SELECT MAX(a) FROM (SELECT * FROM t ORDER BY ALL LIMIT 1) AS x",
        "SELECT MAX(a) FROM (TABLE t) AS x",
        "SELECT MAX(a) FROM read_csv('/etc/passwd')",
        "SELECT MAX(a) FROM t UNPIVOT(a FOR n IN (o, p))",
        "SELECT HASH(a) FROM t",
        "SELECT RANDOM() FROM t",
        "SELECT MAX(t['o']) FROM t",
    ] {
        // What the parser does not know cannot run either.
        let opaque = Query::read(sql, "t").map(|query| query.opaque.is_some());
        assert!(opaque != Ok(false), "{sql}");
    }
    for sql in [
        "SELECT COUNT(*) FROM t",
        "SELECT CAST(COUNT(a) AS DOUBLE) * 100 / COUNT(*) FROM t AS x JOIN u USING (b) WHERE x.a IN (1, 2)",
        "WITH x AS (SELECT * FROM t ORDER BY a LIMIT 1) SELECT SUM(CASE WHEN a > 1 THEN 1 ELSE 0 END) FROM x GROUP BY b",
        "SELECT AVG(a) FROM (SELECT a FROM t UNION ALL SELECT b FROM u) AS x WHERE a LIKE 'x%' AND b BETWEEN 1 AND 2",
        "SELECT a - LAG(a) OVER (PARTITION BY b ORDER BY c) AS \"größe\" FROM t WHERE d < {date} - INTERVAL '1 day'",
    ] {
        assert_eq!(read(sql).opaque, None, "{sql}");
    }
}

#[test]
fn a_query_is_taken_apart_into_steps() {
    let date = ServiceDate(jiff::civil::date(1970, 1, 3));
    let sql = "WITH x AS (SELECT a FROM (SELECT a, _index FROM t) AS inner_one WHERE a < {date}) \
                   SELECT o._index FROM (SELECT * FROM x) AS o JOIN x ON x.a = o.a";
    let (steps, last) = read(sql).in_steps(Placeholders::of(date)).unwrap();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    assert_eq!(steps[0], ("_step_0", "SELECT a, _index FROM t"));
    assert_eq!(steps[1], ("x", "SELECT a FROM _step_0 AS inner_one WHERE a < CAST(2 AS DATE)"));
    assert_eq!(steps[2], ("_step_2", "SELECT * FROM x"));
    assert_eq!(last, "SELECT o._index FROM _step_2 AS o JOIN x ON x.a = o.a");
}

#[test]
fn a_query_that_does_not_parse_is_told_with_its_line() {
    let fault = Query::read("SELECT _index\nFROM t\nWHERE )", "t").unwrap_err();
    assert_eq!((fault.line, fault.message.contains("found: )")), (3, true), "{fault:?}");
    let fault = Query::read("SELECT _index\nFROM t\nWHERE a IN (1,\n", "t").unwrap_err();
    assert_eq!((fault.line, fault.message.contains("found its end")), (3, true), "{fault:?}");
    assert!(Query::read("DROP TABLE t", "t").unwrap_err().message.contains("no query"));
    assert!(Query::read("SELECT 1; SELECT 2", "t").unwrap_err().message.contains("2 statements"));
}
