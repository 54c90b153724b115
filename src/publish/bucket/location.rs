//! What a bucket's location and options mean, as they are configured.

use std::path::{Path, PathBuf};

use object_store::aws::AmazonS3ConfigKey;

/// The folder that a location means, or nothing if it is an S3 bucket. Otherwise what is wrong with it, and what to do.
pub fn local_folder(location: &str) -> Result<Option<PathBuf>, (String, String)> {
    let wrong = |problem: &str, remedy: &str| Err((problem.to_owned(), remedy.to_owned()));
    let write = "Write a folder or 's3://bucket/prefix'.";
    if let Some(rest) = location.strip_prefix("s3://") {
        return match rest.starts_with('/') || rest.is_empty() {
            true => wrong("it names no bucket", write),
            false => Ok(None),
        };
    }
    if let Some(rest) = location.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
        return match path.starts_with('/') {
            true => Ok(Some(unescaped(path))),
            false => {
                wrong("an address of a file begins with three slashes", "Write 'file:///srv/...', or the path itself.")
            }
        };
    }
    if location.contains("://") {
        return wrong("this kind of store is not known", write);
    }
    let scheme = location.split_once(':').filter(|(scheme, rest)| {
        let is_word =
            scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let is_known = ["s3", "file", "http", "https", "gs", "az"].contains(&scheme.to_ascii_lowercase().as_str());
        is_word && (is_known || rest.starts_with('/'))
    });
    if let Some((scheme, rest)) = scheme {
        let rest = rest.trim_start_matches('/');
        let scheme = scheme.to_ascii_lowercase();
        let slashes = if scheme == "file" { ":///" } else { "://" };
        let remedy = format!("Write '{scheme}{slashes}{rest}', or './{location}' if it is a folder.");
        return wrong("this is neither a folder nor an address", &remedy);
    }
    Ok(Some(location.into()))
}

/// Whether the place that was kept of a bucket is the one at a location, however each is written and from wherever the program was
/// called. Earlier programs kept a folder as it was configured, relative to a folder that nobody knows any more: it is the same if the
/// location ends with it.
pub fn is_same_place(kept: &str, location: &str) -> bool {
    let folder = |location: &str| local_folder(location).ok().flatten();
    match folder(kept) {
        Some(relative) if relative.is_relative() => {
            let relative = relative.strip_prefix(".").unwrap_or(&relative);
            folder(location).is_some() && Path::new(&one_name(location)).ends_with(relative)
        }
        _ => one_name(kept) == one_name(location),
    }
}

/// Whether the place that was kept of a bucket is the one at a location, or was it before the workspace was moved, or restored
/// elsewhere: it lay in the workspace `root` where the location lies in it.
pub fn is_place_of(kept: &str, root: &Path, location: &str) -> bool {
    let (Ok(Some(kept_folder)), Ok(Some(folder))) = (local_folder(kept), local_folder(location)) else {
        return is_same_place(kept, location);
    };
    let inside =
        folder.strip_prefix(root).ok().filter(|inside| inside.components().count() > 0 && inside.is_relative());
    is_same_place(kept, location) || inside.is_some_and(|inside| kept_folder.ends_with(inside))
}

/// A place by one name, however it is written and from wherever the program was called: the path of a folder without links and
/// relative parts, and the address of anything else without slashes at its end.
pub(super) fn one_name(location: &str) -> String {
    match local_folder(location).ok().flatten() {
        Some(folder) => match std::path::absolute(&folder) {
            Ok(folder) => without_links(&folder).to_string_lossy().into_owned(),
            Err(_) => location.to_owned(),
        },
        None => location.trim_end_matches('/').to_owned(),
    }
}

/// A path without links and relative parts, as far as it is there.
fn without_links(path: &Path) -> PathBuf {
    for folder in path.ancestors() {
        if let (Ok(there), Ok(rest)) = (folder.canonicalize(), path.strip_prefix(folder)) {
            return if rest.as_os_str().is_empty() { there } else { there.join(rest) };
        }
    }
    path.to_owned()
}

/// The folder of a local bucket, if it is not there: it was never made, it was moved, or its disk is not mounted. Nothing if
/// something is there, if nobody can tell, and of a bucket that is no folder.
pub fn missing_folder(location: &str) -> Option<PathBuf> {
    let folder = local_folder(location).ok().flatten()?;
    matches!(folder.try_exists(), Ok(false)).then_some(folder)
}

/// A path without its percent escapes (`%20`); what is no escape stays.
fn unescaped(path: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|byte| *byte != 0) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes).into()
}

/// The settings of an S3 store that people write most.
const S3_OPTIONS: &[&str] = &[
    "endpoint",
    "region",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "allow_http",
    "skip_signature",
    "virtual_hosted_style_request",
];

/// The mistakes of the settings of an S3 store: the setting that is not known, and what to do.
pub fn unknown_option(key: &str) -> Option<(String, String)> {
    let is_unknown = key.parse::<AmazonS3ConfigKey>().is_err();
    is_unknown.then(|| (format!("'{key}' is no setting of an S3 store"), crate::yaml::suggestion(key, S3_OPTIONS)))
}
