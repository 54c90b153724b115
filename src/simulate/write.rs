//! What a simulation leaves on disk: the GTFS zip, snapshots, evidence, and the truth as Parquet.

use std::fs::{self, OpenOptions};
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray};
use bytes::Bytes;
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use zip::write::SimpleFileOptions;

use crate::capture::evidence::Store;
use crate::capture::{Capture, CaptureError};
use crate::digest::Digest;
use crate::durable;
use crate::simulate::city::{City, Service};
use crate::simulate::faults::Planted;
use crate::simulate::realtime::Feed;
use crate::simulate::vehicle::vehicle_id;
use crate::simulate::{Simulation, busplus};
use crate::table::csv::CsvWriter;
use crate::time::ServiceSeconds;

/// The timetable as a zip archive; the same bytes for the same city.
pub fn gtfs_zip(simulation: &Simulation) -> io::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_level(Some(9)).last_modified_time(zip::DateTime::default());
    for (name, text) in gtfs_files(simulation) {
        zip.start_file(name, options)?;
        zip.write_all(&text)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A CSV file that grows row by row.
struct Csv(CsvWriter<Vec<u8>>);

impl Csv {
    fn new(header: &str) -> Self {
        let mut csv = Self(CsvWriter::new(Vec::new()));
        csv.row(&header.split(',').collect::<Vec<_>>());
        csv
    }

    fn row(&mut self, fields: &[&str]) {
        // Writing to memory cannot fail.
        let _ = self.0.row(fields);
    }
}

fn gtfs_files(simulation: &Simulation) -> Vec<(&'static str, Vec<u8>)> {
    let city = &simulation.city;
    let (routes, shapes) = routes_and_shapes(city);
    let (trips, stop_times) = trips_and_stop_times(city);
    let (calendar, calendar_dates) = calendars(city);
    [
        ("agency.txt", agency()),
        ("stops.txt", stops(city)),
        ("routes.txt", routes),
        ("trips.txt", trips),
        ("stop_times.txt", stop_times),
        ("calendar.txt", calendar),
        ("calendar_dates.txt", calendar_dates),
        ("shapes.txt", shapes),
        ("feed_info.txt", feed_info(simulation)),
    ]
    .map(|(name, csv)| (name, csv.0.into_inner()))
    .into()
}

fn agency() -> Csv {
    let mut agency = Csv::new("agency_id,agency_name,agency_url,agency_timezone,agency_lang,agency_phone");
    agency.row(&[
        "ofg",
        "Stadtbus Offenburg (Simulation)",
        "https://stadtbus.example",
        super::ZONE,
        "de",
        "+49 781 000000",
    ]);
    agency
}

fn stops(city: &City) -> Csv {
    let mut stops =
        Csv::new("stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,wheelchair_boarding,platform_code");
    for stop in &city.stops {
        let parent = stop.parent.map_or("", |parent| city.stops[parent].id.as_str());
        let kind = if stop.is_station { "1" } else { "0" };
        let (lat, lon) = (format!("{:.6}", stop.lat), format!("{:.6}", stop.lon));
        stops.row(&[&stop.id, &stop.name, &lat, &lon, kind, parent, "1", stop.platform.as_deref().unwrap_or("")]);
    }
    stops
}

fn routes_and_shapes(city: &City) -> (Csv, Csv) {
    let mut routes =
        Csv::new("route_id,agency_id,route_short_name,route_long_name,route_type,route_color,route_text_color");
    let mut shapes = Csv::new("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled");
    for line in &city.lines {
        routes.row(&[&line.id, "ofg", line.name, &line.long_name, "3", line.color, "FFFFFF"]);
        for pattern in &line.patterns {
            for (place, (lat, lon, metres)) in pattern.shape.iter().enumerate() {
                shapes.row(&[
                    &pattern.shape_id,
                    &format!("{lat:.6}"),
                    &format!("{lon:.6}"),
                    &(place + 1).to_string(),
                    &format!("{metres:.1}"),
                ]);
            }
        }
    }
    (routes, shapes)
}

fn trips_and_stop_times(city: &City) -> (Csv, Csv) {
    let mut trips =
        Csv::new("route_id,service_id,trip_id,trip_headsign,direction_id,block_id,shape_id,wheelchair_accessible");
    let mut stop_times = Csv::new(
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type,shape_dist_traveled,timepoint",
    );
    for trip in &city.trips {
        let pattern = city.pattern(trip);
        // A block holds trips that run on the same days.
        let block = format!("{}-{:02}", trip.service.id(), trip.block + 1);
        let direction = pattern.direction.to_string();
        let line = &city.lines[trip.line].id;
        trips.row(&[line, trip.service.id(), &trip.id, &pattern.headsign, &direction, &block, &pattern.shape_id, "1"]);
        let last = pattern.stops.len() - 1;
        for (place, (&stop, &(arrival, departure))) in pattern.stops.iter().zip(&pattern.times).enumerate() {
            stop_times.row(&[
                &trip.id,
                &ServiceSeconds(trip.start + arrival).to_string(),
                &ServiceSeconds(trip.start + departure).to_string(),
                &city.stops[stop].id,
                &(place + 1).to_string(),
                if place == last { "1" } else { "0" },
                if place == 0 { "1" } else { "0" },
                &format!("{:.1}", pattern.metres[place]),
                "1",
            ]);
        }
    }
    (trips, stop_times)
}

/// `calendar.txt` and `calendar_dates.txt`.
fn calendars(city: &City) -> (Csv, Csv) {
    let (from, until) = (city.from.to_gtfs(), city.until.to_gtfs());
    let mut calendar =
        Csv::new("service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date");
    let mut calendar_dates = Csv::new("service_id,date,exception_type");
    for service in Service::ALL {
        let mut fields = vec![service.id()];
        fields.extend(service.days().map(|runs| if runs { "1" } else { "0" }));
        fields.extend([from.as_str(), until.as_str()]);
        calendar.row(&fields);
        for (date, added) in city.exceptions(service) {
            calendar_dates.row(&[service.id(), &date.to_gtfs(), if added { "1" } else { "2" }]);
        }
    }
    (calendar, calendar_dates)
}

fn feed_info(simulation: &Simulation) -> Csv {
    let mut feed_info = Csv::new(
        "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version,feed_contact_email",
    );
    let (from, until) = (simulation.city.from.to_gtfs(), simulation.city.until.to_gtfs());
    let version = format!("{}-{}", from, simulation.seed);
    let publisher = "Fahrtenbuch (Simulation)";
    feed_info.row(&[publisher, "https://stadtbus.example", "de", &from, &until, &version, "daten@stadtbus.example"]);
    feed_info
}

/// Writes every snapshot as a file, `realtime/<feed>/<seconds since 1970>.pb`, and the app's documents, `busplus/<…>.json`.
pub fn snapshots(simulation: &Simulation, folder: &Path, interval: i64) -> io::Result<u64> {
    let mut count = 0;
    for feed in Feed::ALL {
        let folder = folder.join("realtime").join(feed.name());
        fs::create_dir_all(&folder)?;
        for at in simulation.moments(interval) {
            if let Some(bytes) = simulation.snapshot(feed, at) {
                durable::write_plain(&folder.join(format!("{at}.pb")), bytes)?;
                count += 1;
            }
        }
    }
    let folder = folder.join("busplus");
    fs::create_dir_all(&folder)?;
    for at in simulation.moments(interval) {
        if let Some(bytes) = busplus::document(simulation, at) {
            durable::write_plain(&folder.join(format!("{at}.json")), bytes)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Writes snapshots as evidence, under the sources `stadtbus-<feed>`, and the app's documents under [`busplus::SOURCE`]; each
/// feed has an interval of its own.
pub fn evidence(simulation: &Simulation, folder: &Path, intervals: [i64; 4]) -> Result<u64, CaptureError> {
    let store = Store::without_fsync(folder);
    let mut count = 0;
    let [of_app, of_feeds @ ..] = intervals;
    for (feed, interval) in Feed::ALL.into_iter().zip(of_feeds) {
        let url = format!("https://stadtbus.example/gtfs-rt/{}", feed.name());
        for at in simulation.moments(interval) {
            let Some(body) = simulation.snapshot(feed, at) else { continue };
            store.append(&format!("stadtbus-{}", feed.name()), &capture(&url, "application/x-protobuf", at, body))?;
            count += 1;
        }
    }
    for at in simulation.moments(of_app) {
        let Some(body) = busplus::document(simulation, at) else { continue };
        store.append(busplus::SOURCE, &capture("https://busplus.example/fahrzeuge", "application/json", at, body))?;
        count += 1;
    }
    Ok(count)
}

fn capture(url: &str, media_type: &str, at: i64, body: Vec<u8>) -> Capture {
    let body = Bytes::from(body);
    let digest = Digest::of(&body);
    let headers = [
        ("Content-Type", media_type.to_owned()),
        ("Content-Length", body.len().to_string()),
        ("ETag", format!("\"{}\"", digest.short())),
    ];
    Capture {
        url: url.to_owned(),
        captured_at: Timestamp::from_second(at).unwrap_or_default(),
        status: 200,
        headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        body,
        digest,
    }
}

/// Writes `truth/stop_visits.parquet` and `truth/faults.parquet`.
///
/// A stop visit says when a bus was planned to arrive and leave, when it really did, and who boarded, alighted and was on
/// board. A fault says its kind, the vehicle and the trip that it is about, and from when to when it shows; the fault of a
/// single report has the time that the report claims.
pub fn truth(simulation: &Simulation, folder: &Path, interval: i64) -> io::Result<()> {
    let folder = folder.join("truth");
    fs::create_dir_all(&folder)?;
    let rides = || simulation.day.rides.iter();
    let visits =
        || rides().flat_map(|ride| ride.visits.iter().enumerate().map(move |(place, visit)| (ride, place, visit)));
    let stop = |ride: &crate::simulate::day::Ride, place: usize| {
        let pattern = simulation.city.pattern(&simulation.city.trips[ride.trip]);
        simulation.city.stops[pattern.stops[place]].id.clone()
    };
    let instant = |seconds: Vec<i64>| -> ArrayRef {
        let values = seconds.into_iter().map(|second| second * 1000);
        Arc::new(TimestampMillisecondArray::from_iter_values(values).with_timezone("UTC"))
    };
    let number =
        |values: Vec<u32>| -> ArrayRef { Arc::new(Int32Array::from_iter_values(values.into_iter().map(|v| v as i32))) };
    let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let added: BooleanArray = visits().map(|(ride, ..)| Some(ride.added)).collect();
    let table = [
        ("vehicle_id", text(visits().map(|(ride, ..)| vehicle_id(ride.vehicle)).collect())),
        ("trip_id", text(visits().map(|(ride, ..)| ride.trip_id.clone()).collect())),
        ("stop_sequence", number(visits().map(|(_, place, _)| place as u32 + 1).collect())),
        ("stop_id", text(visits().map(|(ride, place, _)| stop(ride, place)).collect())),
        ("scheduled_arrival", instant(visits().map(|(.., visit)| visit.scheduled_arrival).collect())),
        ("scheduled_departure", instant(visits().map(|(.., visit)| visit.scheduled_departure).collect())),
        ("arrival", instant(visits().map(|(.., visit)| visit.arrival).collect())),
        ("departure", instant(visits().map(|(.., visit)| visit.departure).collect())),
        ("boarded", number(visits().map(|(.., visit)| visit.boarded).collect())),
        ("alighted", number(visits().map(|(.., visit)| visit.alighted).collect())),
        ("load", number(visits().map(|(.., visit)| visit.load).collect())),
        ("added", Arc::new(added) as ArrayRef),
    ];
    parquet(&folder.join("stop_visits.parquet"), table.to_vec())?;
    let faults: Vec<Planted> = simulation.planted(simulation.moments(interval));
    let optional = |values: Vec<Option<String>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let table = [
        ("kind", text(faults.iter().map(|fault| fault.kind.name().to_owned()).collect())),
        ("vehicle_id", optional(faults.iter().map(|fault| fault.vehicle_id.clone()).collect())),
        ("trip_id", optional(faults.iter().map(|fault| fault.trip_id.clone()).collect())),
        ("from", instant(faults.iter().map(|fault| fault.from).collect())),
        ("until", instant(faults.iter().map(|fault| fault.until).collect())),
    ];
    parquet(&folder.join("faults.parquet"), table.to_vec())
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) -> io::Result<()> {
    let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .map_err(io::Error::other)?;
    let file = durable::open_plain(OpenOptions::new().write(true).create(true).truncate(true), path)?;
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None)?;
    writer.write(&rows)?;
    writer.close()?;
    Ok(())
}
