//! Any bytes as one of the files of a feed that is published; the first byte says which.
#![no_main]

use fahrtenbuch::decode::gtfs::Package;
use fahrtenbuch::decode::{Limits, gtfs};
use fahrtenbuch::table::Origin;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let contracts = &*fahrtenbuch_fuzz::CONTRACTS;
    let files: Vec<&str> = contracts.contracts.values().filter_map(|contract| contract.gtfs_file.as_deref()).collect();
    let Package::Archive(archive) = fahrtenbuch_fuzz::with(files[usize::from(*which) % files.len()], text) else {
        return;
    };
    let origin = Origin { name: "fuzz".to_owned(), captured_at: jiff::Timestamp::UNIX_EPOCH };
    fahrtenbuch_fuzz::walk(gtfs::decode("fuzz", archive, &origin, contracts, Limits::within(64 << 20)));
});
