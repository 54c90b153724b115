//! `fahrtenbuch init`

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::terminal::count as count_of;
use crate::contract::standard;
use crate::durable;

#[derive(clap::Args)]
#[command(after_help = "\
Example:
  fahrtenbuch init offenburg && cd offenburg && fahrtenbuch check

Existing files are left alone.")]
pub(super) struct Arguments {
    /// The folder to make the workspace in
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// The publisher of [`CONFIGURATION`], which nobody is.
pub(super) const PUBLISHER: &str = "Stadt Musterstadt";

const CONFIGURATION: &str = "\
# The workspace of a city. 'fahrtenbuch check' tells every mistake in it.
title: Offene Mobilitätsdaten
publisher: Stadt Musterstadt
licence: CC-BY-4.0
licence_url: https://creativecommons.org/licenses/by/4.0/
# The zone of the timetable; service dates and times of day count in it.
time_zone: Europe/Berlin
# Where the buses run: south, west, north, east in degrees, or the path of a GeoJSON file with polygons.
service_area: [48.2, 7.6, 48.75, 8.3]

bucket:
  # A folder, or s3://name/prefix. Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where the program runs, or from
  # variables that 'options' name.
  location: data/bucket
  # The bucket's address on the web. With it, SQL engines find a catalogue of all tables there.
  # base_url: https://daten.example.de
  # options: {endpoint: 'https://s3.example.de', region: de, access_key_id: '${S3_ID}', secret_access_key: '${S3_SECRET}'}

# Evidence, keys, quarantine and the journal. Never published, never inside the bucket, and for its owner only.
private: data/private

# Where sealed evidence goes ('fahrtenbuch evidence seal'): s3://name/prefix or a folder, as of another disk. Without it all stays in
# 'private'. Keys, quarantine, decisions and the journal always do. It must be nobody else's to read.
# evidence: {location: s3://belege/stadtbus, options: {endpoint: 'https://s3.example.de', region: de}}

# Where 'fahrtenbuch backup' goes: folders of other disks or s3://name/prefix, the keys of pseudonyms never beside the evidence.
# backup: {to: /mnt/backup/stadtbus, keys_to: /mnt/safe/stadtbus-keys}

# Who may decide (quarantine release, evidence accept, ...): names or roles. They stand in public records.
people: [Datenmanagement]

# How long things are kept, in days, weeks, months or years. 'fahrtenbuch evidence purge', a daily job, destroys what is due.
retention:
  # Evidence, key and quarantine of a date, together.
  evidence: 13 months
  # Files below revised/ that were replaced.
  superseded: 12 months
  # Records of runs, and of what was destroyed.
  records: 10 years

# Who is told of what is wrong: a source that is silent, a run that failed, a disk that fills. 'fahrtenbuch notify test' tries it.
# ${NAME} is an environment variable, so that keys need not stand here.
# notify:
#   language: de
#   quiet: 20:00-07:00
#   reminder: 1 day
#   # A service elsewhere that tells when this machine no longer can (healthchecks).
#   heartbeat: {url: '${HEARTBEAT_URL}'}
#   channels:
#     - name: mail
#       type: email
#       host: smtp.example.de
#       # implicit is port 465; none is for a mail server on this machine.
#       tls: starttls
#       username: fahrtenbuch
#       password: '${SMTP_PASSWORD}'
#       from: 'Fahrtenbuch <fahrtenbuch@example.de>'
#       to: [datenmanagement@example.de]
#     - {name: telefon, type: ntfy, url: https://ntfy.sh, topic: '${NTFY_TOPIC}'}
#     - {name: raum, type: matrix, homeserver: https://matrix.org, room: '!abc:matrix.org', token: '${MATRIX_TOKEN}'}
#     - {name: team, type: teams, url: '${TEAMS_URL}'}
#     - {name: haus, type: webhook, url: '${HOOK_URL}', headers: {X-Key: '${HOOK_KEY}'}}

# Daily jobs of 'fahrtenbuch up' that are no runs; those of pipelines stand in their own files.
schedule:
  purge: \"03:15\"
  # backup: \"02:30\"       # needs 'backup:' with its places
  # Past months into one file each, for questions over years; and superseded files away after 'retention: superseded'.
  compact: \"04:15\"
  gc: \"04:45\"

limits:
  # The memory that a run may hold, all together: rows that wait to be checked, sorted or written, the timetable and the partition
  # before that rules look into, and of a timetable its archive and its columns for the standard rules. 'validate' goes by it too.
  # Chunks on their way and the program take some 100 MiB more.
  memory: 1 GiB
  # Local evidence that may wait until it is where 'evidence' says; more is told, and collecting goes on.
  # spool: 20 GiB
  # A job that is at work for longer, and for four times its usual length, is told, and after 'run_kill' it is killed and tried again.
  # run_warn: 1 h
  # run_kill: 1 day

# Where the node exporter of Prometheus reads metrics; a folder that is there.
# metrics: {textfile: /var/lib/prometheus/node-exporter}

# Who answers questions about the data, and what the catalogues of others (GovData, Mobilithek, MobiData BW) want to know of them:
# docs/catalogues.md. All of it may be left out.
# contact: {name: Datenmanagement, email: offene-daten@example.de, url: 'https://www.example.de/kontakt'}
# catalogues:
#   # The page about the data, where that is not the bucket's own.
#   homepage: https://www.example.de/offene-daten
#   publisher_type: local authority
#   # What GovData calls who brings it the data: the last part of http://dcat-ap.de/def/contributors/datenBW
#   govdata_contributor: datenBW
#   # The official key of the municipality (amtlicher Gemeindeschlüssel).
#   geocoding: '08317096'
#   transport_modes: [bus]
#   datasets:
#     telemetrie:
#       title: Wo die Busse waren und wie voll sie waren
#       title_en: Where the buses were and how full they were
#       keywords: [Auslastung]
#       frequency: daily
#       first_published: 2026-11-25
#       # Only if the city declares it to be a high-value dataset of (EU) 2023/138.
#       # high_value: mobility

# How the pages of the bucket look, and what German law demands of whoever puts them on the web: docs/portal.md. Once the bucket has an
# address ('base_url') or this section is there, 'check' tells what is missing in it.
# portal:
#   colour: '#0b4f86'
#   # An SVG or PNG file of at most 100 kB in this folder.
#   # logo: portal/logo.svg
#   introduction: Wo fahren die Busse, wie pünktlich sind sie, wie voll? Hier veröffentlicht die Stadt die Daten dazu.
#   introduction_en: Where do the buses go, are they on time, how full are they? Here the city publishes the data.
#   imprint:
#     name: Stadt Musterstadt
#     address: 'Rathausplatz 1, 12345 Musterstadt'
#     represented_by: Oberbürgermeisterin Erika Mustermann
#     email: rathaus@example.de
#     phone: '+49 30 23125 000'
#     responsible_for_content: 'Max Mustermann, Rathausplatz 1, 12345 Musterstadt'
#     # vat_id: DE123456789
#   privacy:
#     data_protection_officer: 'Stadt Musterstadt, Datenschutz, Rathausplatz 1, 12345 Musterstadt, datenschutz@example.de'
#     hosting: Die Seiten liegen auf einem Server der Beispiel-Rechenzentrum GmbH in Deutschland.
#     server_logs: Der Server speichert Zeitpunkt, abgerufene Datei und gekürzte IP-Adresse sieben Tage lang, um Angriffe zu erkennen.
#     supervisory_authority: Der Landesbeauftragte für den Datenschutz und die Informationsfreiheit Baden-Württemberg
#   accessibility:
#     # full, partial or none
#     state: partial
#     barriers:
#       - de: Die Karte des Liniennetzes ist ein Bild.
#         reason_de: Ihre Form lässt sich nicht in Worte fassen. Alle Haltestellen stehen in der Tabelle stops.
#     date: 2026-11-01
#     method: Selbstbewertung
#     contact: {name: Datenmanagement, email: barrierefrei@example.de}
#     conciliation: {name: Schlichtungsstelle beim Landeszentrum Barrierefreiheit, url: 'https://barrierefreiheit-bw.de'}
#   datasets:
#     telemetrie:
#       known_issues:
#         - {de: Die Auslastung ist geschätzt und nicht gezählt., since: 2026-11-25}
";

const TIMETABLE: &str = "\
# The timetable: one table for each file of the GTFS feed.
description: Fahrplan als GTFS
description_en: Timetable as GTFS
format: gtfs
contracts: schemas/gtfs
sources:
  - name: fahrplan
    # file with 'path', http or s3 with 'url', evidence with the 'path' of a folder of WARC archives. Archives of other
    # programs are found by the folder or the name that begins with that of the source, or by the 'url' of their captures.
    type: http
    url: https://example.de/gtfs.zip
    # ${NAME} is an environment variable, here and anywhere in the url; what it holds is never shown or kept.
    # headers: {X-Api-Key: '${FAHRPLAN_KEY}'}
    # Under which licence the data are, and who is to be named; 'own' where they are the publisher's, 'agreement' where whoever has
    # the rights agreed to the release under its licence. What the release may not have is told: docs/catalogues.md.
    # licence: CC-BY-4.0
    # attribution: Verkehrsverbund Musterland
    # homepage: https://www.example.de/fahrplandaten
    # Seconds, tries and bytes; these are the defaults. 'total_timeout' is that of one try, and
    # of all tries where a run captures itself (a minute then where the format is gtfs-realtime and nothing is set).
    # 'max_bytes' is 268435456 where the format is gtfs-realtime.
    # connect_timeout: 10
    # read_timeout: 30
    # total_timeout: 300
    # tries: 4
    # max_bytes: 2147483648
    # max_redirects: 5
    # Between two beats of 'fahrtenbuch collect': from '1 s' to '1 day'; '15 s' where the format is gtfs-realtime.
    # every: 1 h
# The tables of the feed are released as they came; beside them, on which dates each service runs.
release:
  contracts: schemas/gtfs-derived
  derived: [service_dates]
# When 'fahrtenbuch up' publishes it: a time of day, a cron expression ('30 4 * * 1-5'), 'after: PIPELINE' or 'every: 15 min'.
schedule:
  run: \"04:30\"
";

const TELEMETRY: &str = "\
# Where the buses were and how full they were: the GTFS-Realtime snapshots of a service date.
# 'fahrtenbuch collect' asks the sources again and again, each at its beat.
description: Positionen, Auslastung, Prognosen und Meldungen
description_en: Positions, occupancy, predictions and alerts
# Also: 'mapped', for JSON and CSV of anybody's making, which 'mapping:' explains; see schemas/README.md.
format: gtfs-realtime
contracts: schemas/gtfs-realtime
# The timetable that the rules look into: the newest one that was captured until the end of the service date.
timetable: fahrplan
sources:
  - name: vehicle-positions
    type: http
    url: https://example.de/gtfs-rt/vehicle-positions
    # licence: own
  - name: trip-updates
    type: http
    url: https://example.de/gtfs-rt/trip-updates
  # A broker is followed by 'fahrtenbuch collect', in a pipeline with 'format: mapped':
  # - name: hfp
  #   type: mqtt
  #   url: mqtts://example.de:8883
  #   topics: ['/hfp/v2/journey/ongoing/vp/bus/#']
  #   qos: 1
  #   username: ${MQTT_USER}
  #   password: ${MQTT_PASSWORD}
release:
  # Of the tables that are published. Only columns classified public leave the private store.
  contracts: schemas/stadtbus
  # The published table and the feed's table that it is made from.
  tables:
    vehicle_locations: vehicle_positions
    trip_updates: trip_updates
  # Tables that are made of these and of the timetable; each needs its contract there.
  # derived: [trips_observed, coverage]
  # How long a vehicle keeps its pseudonym (day, trip, block), and which positions are not published: docs/privacy.md.
  # privacy: {pseudonyms: trip, outside_trips: drop, zones: {file: zones/depots.geojson, cut: drop}}
# A service date is over at 06:00 of the next day; what is reported late comes until noon. So one run after noon has all of it.
schedule:
  run: \"12:15\"
  # Evidence that comes in later makes a new release until then, and dates that were missed are run until then.
  # late: 3 days
  # catch_up: 30 days
# How occupancy is measured: apc, driver, estimate_wlan, estimate_model, unknown.
occupancy_source: unknown
# Two sources that give positions are taken for two operators: bus 1 of the one is not bus 1 of the other. 'shared' says that
# they are the same, 'by_source' that no source shares any. Or 'vehicles: NAME' at each source: those of one operator, such as
# its positions and its predictions, have the same name.
# vehicles: shared
# Who has no vehicle id, plate or label is no vehicle that is known (vehicle_id is null). 'stable' says that an entity keeps
# its id from snapshot to snapshot, so that it stands for the vehicle; running numbers do not.
# entity_ids: stable
# A run is held back where less of a source's captures are readable messages, in percent; the others are pages of errors,
# empty or cut off.
# minimum_readable: 50
# Values that are replaced before anything is checked: a column, and a CSV file with the header 'from,to', or
# 'from,to,valid_from,valid_until' with service dates.
# mappings: {trip_id: mappings/trips.csv}
";

const NOTICES: &str = "\
# Changes to the standard rules of GTFS, which 'fahrtenbuch rules list' lists. Every report shows the reason.
notices: []
#  - code: mixed_case_recommended_field
#    severity: 'off'            # error, warning, info or off
#    reason: The signs are in capitals, and the names follow the signs.
";

/// What a new workspace has.
const FILES: &[(&str, &str)] = &[
    ("fahrtenbuch.yaml", CONFIGURATION),
    ("pipelines/fahrplan.yaml", TIMETABLE),
    ("pipelines/telemetrie.yaml", TELEMETRY),
    (".gitignore", "/data/\n"),
    ("schemas/gtfs/notices.yaml", NOTICES),
];

/// What was made, and what was there.
#[derive(Default)]
struct Done {
    made: Vec<PathBuf>,
    left: Vec<PathBuf>,
    contracts_made: usize,
    contracts_left: usize,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let mut done = Done::default();
    for (name, text) in FILES.iter().chain(standard::FILES) {
        let path = arguments.folder.join(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            durable::open_plain(OpenOptions::new().write(true).create_new(true), &path)?.write_all(text.as_bytes())
        });
        match written {
            Ok(()) if !name.starts_with("schemas") => done.made.push(path),
            Ok(()) => done.contracts_made += 1,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && name.starts_with("schemas") => {
                done.contracts_left += 1
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => done.left.push(path),
            Err(error) => {
                eprintln!("error: {} could not be made: {error}. Check the disk and the permissions.", path.display());
                return Exit::Transient;
            }
        }
    }
    print!("{}", done.said(&arguments.folder));
    Exit::Done
}

impl Done {
    fn said(&self, folder: &Path) -> String {
        let mut said = String::new();
        self.made.iter().for_each(|path| said += &format!("made {}\n", path.display()));
        self.left.iter().for_each(|path| said += &format!("left {} alone\n", path.display()));
        let schemas = folder.join("schemas");
        let files = |count: usize| count_of(count as u64, "file", "files");
        said += &match (self.contracts_made, self.contracts_left) {
            (made, 0) => format!("made the contracts in {} ({})\n", schemas.display(), files(made)),
            (0, left) => format!("left the contracts in {} alone ({})\n", schemas.display(), files(left)),
            (made, left) => format!("made {} in {}, left {left} alone\n", files(made), schemas.display()),
        };
        said += match self.made.is_empty() && self.contracts_made == 0 {
            true => "All of a workspace was there; nothing was changed.\n",
            false => {
                "Now write who you are into fahrtenbuch.yaml, the addresses of your feeds into pipelines/, and run 'fahrtenbuch check'.\n"
            }
        };
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    // Reading a workspace tries the queries of its contracts.
    #[cfg(feature = "sql")]
    fn a_new_workspace_has_no_mistakes_and_existing_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments { folder: folder.path().join("city") };
        assert_eq!(run(&arguments), Exit::Done);
        let workspace = crate::workspace::Workspace::read(&arguments.folder).unwrap();
        assert_eq!(workspace.pipelines.len(), 2);
        fs::write(arguments.folder.join("fahrtenbuch.yaml"), "mine").unwrap();
        assert_eq!(run(&arguments), Exit::Done);
        assert_eq!(fs::read_to_string(arguments.folder.join("fahrtenbuch.yaml")).unwrap(), "mine");
    }

    #[test]
    fn a_second_time_says_in_a_few_lines_that_nothing_was_made() {
        let done = Done { left: vec![PathBuf::from("city/fahrtenbuch.yaml")], contracts_left: 150, ..Done::default() };
        let said = done.said(Path::new("city"));
        assert!(
            said.contains("left the contracts in city/schemas alone (150 files)") && !said.contains("made"),
            "{said}"
        );
        let done = Done { contracts_made: 1, contracts_left: 149, ..Done::default() };
        assert!(done.said(Path::new("city")).contains("made 1 file in city/schemas, left 149 alone"));
    }

    #[test]
    fn the_channels_that_a_new_workspace_shows_have_no_mistakes() {
        let (_, rest) = CONFIGURATION.split_once("# notify:\n").unwrap();
        let (section, _) = rest.split_once("\n\n").unwrap();
        let section: String =
            section.lines().map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n").collect();
        let file = std::path::Path::new("fahrtenbuch.yaml");
        let node = crate::yaml::parse(file, &format!("title: T\nnotify:\n{section}")).unwrap();
        let mut problems = crate::yaml::Problems::new(file);
        let settings = crate::notify::Settings::read(&node, &mut problems);
        assert!(problems.found.is_empty() && settings.channels.len() == 5, "{:?}", problems.found);
    }

    #[test]
    #[cfg(feature = "sql")]
    fn the_portal_that_a_new_workspace_shows_has_all_that_the_law_demands() {
        let (before, section) = CONFIGURATION.split_once("# portal:\n").unwrap();
        let section: String =
            section.lines().map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n").collect();
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments { folder: folder.path().join("city") };
        assert_eq!(run(&arguments), Exit::Done);
        let told = || {
            let read = crate::workspace::Workspace::read(&arguments.folder).unwrap();
            crate::workspace::portal::lacks(&read.root, &read.site, false)
        };
        assert!(told().is_empty(), "a new workspace is not on the web");
        let write = |text: &str| fs::write(arguments.folder.join("fahrtenbuch.yaml"), text).unwrap();
        write(&format!("{before}portal:\n{section}"));
        assert!(told().is_empty(), "{:?}", told());
        write(&format!(
            "{before}portal:\n{}",
            section.replace("  colour: ", "  logo: no.svg\n  colour: ").replace("    phone: ", "    # ")
        ));
        let told = told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].problem.remedy, "Write 'phone: +49 1234 560' below 'imprint:'.");
        let read = crate::workspace::Workspace::read(&arguments.folder).unwrap();
        let unfit = crate::workspace::portal::unfit(
            &read.root,
            &read.site,
            crate::time::ServiceDate::new(2026, 11, 1).unwrap(),
        );
        assert!(unfit.len() == 1 && unfit[0].message.contains("the logo 'no.svg' cannot be used"), "{unfit:?}");
        let unfit = crate::workspace::portal::unfit(
            &read.root,
            &read.site,
            crate::time::ServiceDate::new(2026, 10, 31).unwrap(),
        );
        assert!(unfit[1].message.contains("'date: 2026-11-01' is still to come, today is 2026-10-31"), "{unfit:?}");
        write(&before.replace("  # base_url", "  base_url"));
        let read = crate::workspace::Workspace::read(&arguments.folder).unwrap();
        let told = crate::workspace::portal::lacks(&read.root, &read.site, false);
        assert!(
            told.len() == 14 && told[0].problem.remedy == "Write 'name: Stadt Musterstadt' below 'portal: imprint:'.",
            "{told:?}"
        );
    }

    #[test]
    fn a_new_workspace_has_every_contract_of_the_repository_and_the_tests_of_its_rules() {
        fn visit(folder: &std::path::Path, name: &str, there: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
                if path.is_dir() { visit(&path, &name, there) } else { there.push(name) }
            }
        }
        let mut there = Vec::new();
        visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas"), "schemas", &mut there);
        there.sort();
        let mut known: Vec<&str> = standard::FILES.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert_eq!(known, there);
    }
}
