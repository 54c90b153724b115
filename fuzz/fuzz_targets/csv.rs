//! Any bytes as one of the files of a feed; the first byte says which.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let files: Vec<&str> = fahrtenbuch_fuzz::CONTRACTS
        .contracts
        .values()
        .filter_map(|contract| contract.gtfs_file.as_deref())
        .filter(|file| file.ends_with(".txt"))
        .collect();
    fahrtenbuch_fuzz::look(fahrtenbuch_fuzz::with(files[usize::from(*which) % files.len()], text));
});
