//! `fahrtenbuch simulate`

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::exit::Exit;
use crate::simulate::serve::{Cuts, Manners, serve};
use crate::simulate::{Simulation, write};
use crate::time::ServiceDate;

/// The sample in the repository: its seed, its date, and seconds between the snapshots of each feed, that of the app first.
const SAMPLE_SEED: u64 = 1;
const SAMPLE_DATE: &str = "2026-11-24";
const SAMPLE_INTERVALS: [i64; 4] = [300, 60, 600, 3600];

/// Bytes of the messages of all bulk feeds, at most.
const HELD_BYTES: u64 = 1 << 30;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch simulate --date 2026-11-24 --output city            timetable, snapshots, truth
  fahrtenbuch simulate --date 2026-11-24 --faults --evidence data/private/evidence
  fahrtenbuch simulate --date 2026-11-24 --serve 127.0.0.1:8080 --flaky
  fahrtenbuch simulate --date 2026-11-24 --serve 127.0.0.1:8080 --interval 5 --feeds 50 --flaky --cuts 3 --log log.jsonl
  fahrtenbuch simulate --sample --output data/sample              the sample of the repository

Faults, all listed in truth/faults.parquet:
  once a day      outage of 20 minutes; GPS frozen for 45 minutes; a clock 7 minutes fast for 2 hours; a bus with
                  an unknown trip and one on the wrong trip; occupancy 0 all day; up to 4 trips cancelled, 2 added;
                  3 times a minute of snapshots cut off
  of 1000 reports 2 at 0/0, 1 far away, 5 twice, 2 late by 400 s, 2 older than the one before, 3 with negative load

The feed of the app Busplus (busplus/, JSON with German keys) has the same buses, and with faults for an hour of one of them
a colour of its occupancy that nobody explained.

Bulk feeds, for measuring a collector: /bulk/<n> are messages of --bytes with the time of the real clock, new every --interval,
with an ETag. Words of the query: frozen (the time of the header stands still), unchanged (everything does), no-etag. With --flaky of
1000 requests 20 are a 500, 20 a 503 with Retry-After, 20 cut off, 20 closed at once, 2 stall for an hour; of 20 moments one is as
the one before. --log has for each request its time, path, status, the bytes that the socket took, whether that was the whole body,
and the body's digest.

Hostile answers, below /hostile/: huge, huge-length, gzip-bomb (1 GB each), drip, slow-headers (a byte a second), redirect-file,
redirect-link-local, redirect-loop, short, long (a wrong Content-Length), headers (10 MB of them), not-a-feed.")]
pub(super) struct Arguments {
    /// The service date
    #[arg(long, value_name = "DATE", required_unless_present = "sample")]
    date: Option<ServiceDate>,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plant faults
    #[arg(long)]
    faults: bool,
    /// Seconds between snapshots
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(i64).range(1..=3600))]
    interval: i64,
    /// Write gtfs.zip, realtime/, busplus/ and truth/ into this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write the snapshots as evidence archives into this folder
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// Make the sample of the repository: fewer snapshots, with faults; replaces the evidence in the output's folder
    #[arg(long, requires = "output", conflicts_with_all = ["serve", "evidence"])]
    sample: bool,
    /// Serve the feeds over HTTP on this address until stopped
    #[arg(long, value_name = "ADDR")]
    serve: Option<SocketAddr>,
    /// Let every other answer stop after its first half
    #[arg(long, requires = "serve")]
    stall: bool,
    /// Answer with errors and cut bodies now and then
    #[arg(long, requires = "serve")]
    flaky: bool,
    #[command(flatten)]
    load: Load,
}

/// What tests of a collector need of the server.
#[derive(clap::Args)]
struct Load {
    /// Serve so many bulk feeds, too: /bulk/1, /bulk/2, ...
    #[arg(long, value_name = "N", requires = "serve", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    feeds: u32,
    /// Bytes of a message of a bulk feed
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    bytes: u32,
    /// Append a line of JSON for each request, when its answer has ended
    #[arg(long, value_name = "FILE", requires = "serve")]
    log: Option<PathBuf>,
    /// Cut the network so many times: nobody listens, all connections end
    #[arg(long, value_name = "N", requires = "serve", default_value_t = 0)]
    cuts: u32,
    /// Seconds of a cut
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    cut_seconds: u32,
    /// Spread the cuts over so many seconds from the start
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    over: u32,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match act(arguments) {
        Ok(()) => Exit::Done,
        Err(problem) => {
            eprintln!("error: {problem}");
            Exit::Transient
        }
    }
}

fn act(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if let (true, Some(folder)) = (arguments.sample, &arguments.output) {
        let simulation = Simulation::new(SAMPLE_SEED, SAMPLE_DATE.parse()?, true)?;
        std::fs::create_dir_all(folder)?;
        crate::durable::write_plain(&folder.join("stadtbus-gtfs.zip"), write::gtfs_zip(&simulation)?)?;
        let evidence = folder.join("evidence");
        // Evidence is appended to: what an earlier sample left would stand in it twice.
        if evidence.exists() {
            std::fs::remove_dir_all(&evidence)?;
        }
        let count = write::evidence(&simulation, &evidence, SAMPLE_INTERVALS)?;
        println!("wrote the timetable and {count} captures into {}", folder.display());
        return Ok(());
    }
    let Some(date) = arguments.date else { return Ok(()) };
    let simulation = || Simulation::new(arguments.seed, date, arguments.faults);
    if let Some(folder) = &arguments.output {
        let simulation = simulation()?;
        std::fs::create_dir_all(folder)?;
        crate::durable::write_plain(&folder.join("gtfs.zip"), write::gtfs_zip(&simulation)?)?;
        let count = write::snapshots(&simulation, folder, arguments.interval)?;
        write::truth(&simulation, folder, arguments.interval)?;
        println!("wrote gtfs.zip, {count} snapshots and the truth into {}", folder.display());
    }
    if let Some(folder) = &arguments.evidence {
        let count = write::evidence(&simulation()?, folder, [arguments.interval; 4])?;
        println!("wrote {count} captures into {}", folder.display());
    }
    if let Some(address) = arguments.serve {
        let manners = manners(arguments)?;
        let running = serve(simulation()?, arguments.seed, address, manners)?;
        println!(
            "serving http://{}/gtfs.zip and /gtfs-rt/vehicle-positions, trip-updates, alerts, /busplus/fahrzeuge",
            running.address
        );
        if arguments.load.feeds > 0 {
            println!("and /bulk/1 to /bulk/{}", arguments.load.feeds);
        }
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

fn manners(arguments: &Arguments) -> Result<Manners, String> {
    let Load { feeds, bytes, log, cuts, cut_seconds, over } = &arguments.load;
    if u64::from(*feeds) * u64::from(*bytes) > HELD_BYTES {
        return Err(format!("{feeds} feeds of {bytes} bytes do not fit into memory: lower --feeds or --bytes"));
    }
    Ok(Manners {
        interval: arguments.interval,
        stall: arguments.stall,
        flaky: arguments.flaky,
        feeds: *feeds as usize,
        bytes: *bytes as usize,
        log: log.clone(),
        cuts: (*cuts > 0).then(|| Cuts::new(*cuts, *cut_seconds, *over)).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn files(folder: &Path, root: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, root, found);
            } else if path.file_name().is_some_and(|name| name != ".lock") {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }

    #[test]
    fn the_sample_in_the_repository_is_what_the_simulator_makes_and_small() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments {
            date: None,
            seed: 1,
            faults: false,
            interval: 15,
            output: Some(folder.path().to_owned()),
            evidence: None,
            sample: true,
            serve: None,
            stall: false,
            flaky: false,
            load: Load { feeds: 0, bytes: 0, log: None, cuts: 0, cut_seconds: 0, over: 0 },
        };
        assert_eq!(run(&arguments), Exit::Done);
        let (mut made, mut kept) = (BTreeMap::new(), BTreeMap::new());
        files(folder.path(), folder.path(), &mut made);
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
        files(&sample, &sample, &mut kept);
        assert_eq!(made.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
        assert!(made == kept, "the bytes differ");
        let size: usize = kept.values().map(Vec::len).sum();
        assert!(size <= 4_000_000, "{size} bytes");
    }
}
