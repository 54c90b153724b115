//! The file that the textfile collector of Prometheus' node exporter reads.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::metrics::facts::Metrics;

/// The node exporter runs as another user.
const MODE: u32 = 0o644;

/// Why the file was not written.
#[derive(Debug, Error)]
#[error(
    "the metrics could not be written to {}: {source}. Make its folder, which this program may write to and the node exporter \
     reads, or change 'metrics: textfile' in fahrtenbuch.yaml.",
    .file.display()
)]
pub struct TextfileError {
    file: PathBuf,
    source: std::io::Error,
}

/// Replaces the file whole: who reads it sees the old metrics or the new ones. Its folder is not made, for it is the node exporter's.
pub fn write(file: &Path, metrics: &Metrics) -> Result<(), TextfileError> {
    replace(file, metrics.exposition().as_bytes()).map_err(|source| TextfileError { file: file.to_owned(), source })
}

fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The node exporter reads only what ends with '.prom'. Without rename the file is removed.
    let mut new = crate::durable::temporary(folder, (".fahrtenbuch-", ".tmp"))?;
    new.write_all(bytes)?;
    // The umask can only take away what a mode gives.
    new.as_file().set_permissions(Permissions::from_mode(MODE))?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn the_file_is_replaced_whole_and_readable_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fahrtenbuch.prom");
        for second in [1, 2] {
            write(&file, &Metrics::at(Timestamp::from_second(second).unwrap())).unwrap();
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.contains(&format!("\nfahrtenbuch_updated_timestamp_seconds {second}\n")), "{text}");
        }
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_it_cannot_be_written_the_file_and_the_remedy_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("absent/fahrtenbuch.prom");
        let error = write(&file, &Metrics::at(Timestamp::UNIX_EPOCH)).unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()) && error.contains("metrics: textfile"), "{error}");
        // What stands in the way stays.
        let taken = folder.path().join("taken.prom");
        std::fs::create_dir(&taken).unwrap();
        write(&taken, &Metrics::at(Timestamp::UNIX_EPOCH)).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
