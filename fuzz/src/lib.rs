//! What the targets share.

use std::path::Path;
use std::sync::LazyLock;

use fahrtenbuch::contract::library::Library;
use fahrtenbuch::{decode, feed_rules, time};

/// The contracts that come with the program, read once.
pub static CONTRACTS: LazyLock<Library> = LazyLock::new(Library::gtfs);

/// The contracts of the tables of GTFS-Realtime.
pub static REALTIME: LazyLock<Library> = LazyLock::new(|| {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/gtfs-realtime"));
    Library::read(folder).unwrap_or_else(|problems| panic!("{problems:?}"))
});

/// Walks through all that a decoder gives.
pub fn walk(decoded: Result<decode::Decoded, decode::DecodeError>) {
    let Ok(decoded) = decoded else { return };
    let tables = decoded.tables.len();
    for step in decoded.steps {
        match step {
            Ok(decode::Step::Rows { table, chunk }) => {
                assert!(table < tables && chunk.flaws.iter().all(|flaw| (flaw.row as usize) < chunk.rows.num_rows()));
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Looks at a feed with every rule and writes every report, as `fahrtenbuch validate` does.
pub fn look(package: decode::gtfs::Package) {
    let Ok(timetable) = decode::gtfs::read("fuzz", package, &CONTRACTS, decode::Limits::default()) else { return };
    let Some(date) = time::ServiceDate::from_gtfs("20261124") else { return };
    let options = feed_rules::gtfs::Options { date, country: Some("DE".to_owned()), changes: Vec::new() };
    let report = feed_rules::gtfs::validate(timetable, &options);
    let how = feed_rules::report::Circumstances {
        input: String::new(),
        validated_at: jiff::Timestamp::UNIX_EPOCH,
        seconds: 0.0,
        country: None,
        output: None,
    };
    let text = report.json(&how).to_string() + &report.sarif(&how).to_string() + &report.html(&how) + &report.table();
    // A rule that panics is caught and told, so that a person gets the rest of the report; here it is a find.
    assert!(!text.contains("runtime_exception_in"), "{text}");
}

/// A feed whose files are sound but for one.
pub fn with(name: &str, text: &[u8]) -> decode::gtfs::Package {
    use std::io::Write;
    const FILES: &[(&str, &str)] = &[
        ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\n1,A,https://a.de,Europe/Berlin\n"),
        ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,A,48.47,7.94\nb,B,48.48,7.95\n"),
        ("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,1,S1,3\n"),
        ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\n"),
        (
            "stop_times.txt",
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,8:00:00,8:00:00,a,1\nt,8:05:00,8:05:00,b,2\n",
        ),
        (
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\ns,1,1,1,1,1,1,1,20260101,20271231\n",
        ),
        ("shapes.txt", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,48.47,7.94,1\np,48.48,7.95,2\n"),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let others = FILES.iter().filter(|(other, _)| *other != name).map(|(name, text)| (*name, text.as_bytes()));
    for (name, text) in others.chain([(name, text)]) {
        if zip.start_file(name, options).and_then(|()| Ok(zip.write_all(text)?)).is_err() {
            break;
        }
    }
    let bytes = zip.finish().map(std::io::Cursor::into_inner).unwrap_or_default();
    decode::gtfs::Package::Archive(bytes.into())
}
