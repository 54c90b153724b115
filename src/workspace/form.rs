//! The form of the private store: `<private>/store.json`, which says by which form of the program it was written.
//!
//! A store without the file is that of an earlier program, and gets it. One of a newer form is refused wherever a workspace is
//! read, before anything in it is changed; so is one that a restore has begun to fill.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;

/// The form that this program writes; changes when an earlier program would read the store wrongly.
pub const FORMAT: u32 = 1;
/// The file's name in the private store.
pub const NAME: &str = "store.json";
/// The folder of the private store in which a restore waits until all of it is there.
pub const RESTORING: &str = "restoring";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreForm {
    pub format: u32,
    /// 32 hex digits, made by chance with the store: a backup place belongs to one store.
    pub id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error("the private store {store} was written by a newer version of this program (form {found}, this one knows {FORMAT})", store = store.display())]
    Newer { store: PathBuf, found: u64 },
    #[error("{file} cannot be read: {problem}", file = file.display())]
    Unreadable { file: PathBuf, problem: String },
    #[error("the private store {store} may not be read by this user", store = store.display())]
    Foreign { store: PathBuf },
    #[error("a restore into the private store {store} has begun and is not done", store = store.display())]
    Restoring { store: PathBuf },
    #[error("{store} could not be made: {source}", store = store.display())]
    Io { store: PathBuf, source: io::Error },
}

impl FormError {
    pub fn remedy(&self) -> String {
        match self {
            Self::Newer { .. } => {
                "Use that version or a later one: there is no way back. Nothing was changed.".to_owned()
            }
            Self::Unreadable { file, .. } => {
                format!(
                    "Check the disk and the permissions; if it is damaged, bring {} back from a backup.",
                    file.display()
                )
            }
            Self::Foreign { store } => {
                let store = store.display();
                format!(
                    "It is for its owner alone, whom 'stat -c %U {store}' names. Type the command as that user, with 'sudo -u'; or, \
                     if the store is to be this user's, give it to them with all that is in it: 'sudo chown -R USER: {store}'."
                )
            }
            Self::Restoring { .. } => {
                "Start 'fahrtenbuch restore' again as before; it finishes what it began.".to_owned()
            }
            Self::Io { .. } => "Check the disk and the permissions.".to_owned(),
        }
    }
}

/// Makes sure that this program may work on a private store. Changes nothing.
///
/// # Errors
/// It is of a newer form, or is being restored.
pub fn check(private: &Path) -> Result<(), FormError> {
    if private.join(RESTORING).is_dir() {
        return Err(FormError::Restoring { store: private.to_owned() });
    }
    read(private).map(|_| ())
}

/// Whether there is a private store, of whatever form.
pub fn is_there(private: &Path) -> bool {
    private.join(NAME).exists() || private.join(RESTORING).exists()
}

/// Makes a private store, for its owner only, and gives one its form that has none.
pub fn open(private: &Path) -> Result<StoreForm, FormError> {
    check(private)?;
    let failed = |source: io::Error| FormError::Io { store: private.to_owned(), source };
    durable::make_private(private).map_err(failed)?;
    if let Some(form) = read(private)? {
        return Ok(form);
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error.to_string())))?;
    let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = to_bytes(&StoreForm { format: FORMAT, id });
    durable::write_new(&private.join(NAME), &bytes).map_err(failed)?;
    // Another process may have been faster.
    let gone = || FormError::Unreadable { file: private.join(NAME), problem: "it disappeared".to_owned() };
    read(private)?.ok_or_else(gone)
}

fn to_bytes(form: &StoreForm) -> Vec<u8> {
    let text = serde_json::to_string(form);
    let text = text.unwrap_or_else(|error| crate::internal::impossible("writing the form of a store", error));
    format!("{text}\n").into_bytes()
}

fn read(private: &Path) -> Result<Option<StoreForm>, FormError> {
    /// What every form has.
    #[derive(Deserialize)]
    struct Any {
        format: u64,
        #[serde(default)]
        id: serde_json::Value,
    }
    let file = private.join(NAME);
    let unreadable = |problem: String| FormError::Unreadable { file: file.clone(), problem };
    let bytes = match durable::read(&file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(|error| of_reading(private, &error))?,
    };
    let any: Any = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    match u32::try_from(any.format) {
        Ok(format @ 1..=FORMAT) => Ok(Some(StoreForm { format, id: any.id.as_str().unwrap_or_default().to_owned() })),
        Ok(0) => Err(unreadable("'format' is 0".to_owned())),
        _ => Err(FormError::Newer { store: private.to_owned(), found: any.format }),
    }
}

/// Why the form could not be read.
fn of_reading(private: &Path, error: &io::Error) -> FormError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => FormError::Foreign { store: private.to_owned() },
        _ => FormError::Unreadable { file: private.join(NAME), problem: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_store_without_a_form_gets_one_and_keeps_it() {
        let root = tempfile::tempdir().unwrap();
        let private = root.path().join("private");
        check(&private).unwrap();
        assert!(!private.exists());
        let form = open(&private).unwrap();
        assert_eq!((form.format, form.id.len()), (FORMAT, 32));
        assert_eq!(open(&private).unwrap(), form);
    }

    #[test]
    fn who_may_not_read_the_store_is_told_whose_it_is_and_not_to_restore_it() {
        let told = |kind: io::ErrorKind| of_reading(Path::new("/srv/private"), &kind.into()).remedy();
        let foreign = told(io::ErrorKind::PermissionDenied);
        assert!(foreign.contains("'stat -c %U /srv/private'") && !foreign.contains("backup"), "{foreign}");
        assert!(told(io::ErrorKind::InvalidData).contains("backup"));
    }

    #[test]
    fn a_newer_form_and_a_damaged_one_are_refused_and_nothing_is_changed() {
        for text in ["{\"format\": 2, \"id\": 7.5}", "{\"format\": 99999999999}", "{\"format\": 0}", "{\"for", "{}"] {
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join(NAME), text).unwrap();
            let error = open(root.path()).unwrap_err();
            let is_newer = text.contains(": 2") || text.contains("9999");
            assert_eq!(is_newer, matches!(error, FormError::Newer { .. }), "{text}: {error}");
            assert_eq!(fs::read_to_string(root.path().join(NAME)).unwrap(), text);
        }
    }
}
