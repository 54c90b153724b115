//! Any bytes as one of the files of a feed that is published, of its text and of its columns; the first byte says which.
#![no_main]

use fahrtenbuch::decode::gtfs::Package;
use fahrtenbuch::decode::{Limits, gtfs};
use fahrtenbuch::table::{Budget, Origin};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let contracts = &*fahrtenbuch_fuzz::CONTRACTS;
    let files: Vec<&str> = contracts.contracts.values().filter_map(|contract| contract.gtfs_file.as_deref()).collect();
    let Package::Archive(archive) = fahrtenbuch_fuzz::with(files[usize::from(*which) % files.len()], text) else {
        return;
    };
    let origin = Origin { name: "fuzz".to_owned(), captured_at: jiff::Timestamp::UNIX_EPOCH };
    let limits = Limits::within(64 << 20);
    fahrtenbuch_fuzz::walk(gtfs::decode("fuzz", archive.clone(), &origin, contracts, limits));
    let Ok(reserved) = Budget::new(64 << 20).reserve("fuzz", 64 << 20) else { return };
    fahrtenbuch_fuzz::walk(gtfs::decode_whole("fuzz", archive, &origin, contracts, (limits, reserved)));
});
