//! Where the keys of an S3 store come from, and what is said where there are none.
//!
//! The library asks the metadata service of the machine (169.254.169.254) when it finds no keys. Outside a cloud nobody answers there,
//! and inside one the answer is a role that nobody chose for this bucket. So that service is asked only where it is named
//! (`metadata_endpoint`, `imdsv1_fallback`); otherwise what is missing is said before anything is sent.

use std::collections::HashMap;
use std::ffi::OsString;

use object_store::aws::AmazonS3ConfigKey as Key;

use super::options::Options;
use crate::yaml::variables::{Unexpanded, expand};

/// Where the manual says how keys are set.
const MANUAL: &str = "docs/operations.md, 'Keys of an S3 store'";

/// Why a store was not opened. For people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unopened {
    pub problem: String,
    /// Without a full stop at its end.
    pub remedy: String,
}

impl Unopened {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }

    /// With the place that names the store.
    pub(super) fn named(mut self, options: &Options) -> Self {
        if let Some((file, line)) = &options.named {
            self.problem += &format!(" (the store is named in {}:{line})", file.display());
        }
        self
    }
}

/// A value, and where it was written.
struct Value {
    text: String,
    /// `AWS_ACCESS_KEY_ID`, or `option 'access_key_id'`.
    from: String,
}

/// All settings of a store.
pub(super) struct Settings(HashMap<Key, Value>);

impl Settings {
    /// Those of the environment (`AWS_*`), replaced by presets, these by options. What is empty is not set.
    pub(super) fn new<'a>(
        environment: impl Iterator<Item = (OsString, OsString)>,
        presets: impl Iterator<Item = (&'a str, &'a str)>,
        options: &[(String, String)],
    ) -> Result<Self, Unopened> {
        let mut values = HashMap::new();
        for (name, value) in environment {
            let (Ok(name), Ok(text)) = (name.into_string(), value.into_string()) else { continue };
            if name.starts_with("AWS_")
                && let Ok(key) = name.to_ascii_lowercase().parse::<Key>()
                && !text.trim().is_empty()
            {
                values.insert(key, Value { text, from: name });
            }
        }
        for (name, value) in presets {
            values.insert(parsed(name)?, Value { text: value.to_owned(), from: format!("'{name}'") });
        }
        for (name, value) in options {
            let key = parsed(name)?;
            match value.trim().is_empty() {
                true => values.remove(&key),
                false => values.insert(key, Value { text: value.to_owned(), from: format!("option '{name}'") }),
            };
        }
        Ok(Self(values))
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = (Key, String)> {
        self.0.into_iter().map(|(key, value)| (key, value.text))
    }

    fn has(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    fn is_true(&self, key: Key) -> bool {
        let is_true =
            |value: &Value| ["1", "true", "on", "yes", "y"].contains(&value.text.to_ascii_lowercase().as_str());
        self.0.get(&key).is_some_and(is_true)
    }

    fn from(&self, key: Key) -> &str {
        self.0.get(&key).map_or("", |value| value.from.as_str())
    }
}

/// The settings of a store with the environment variables that they name.
pub(super) fn expanded(options: &Options) -> Result<Vec<(String, String)>, Unopened> {
    let of = |(name, value): (&String, &String)| match expand(value) {
        Ok((text, _)) => Ok((name.clone(), text)),
        Err(Unexpanded::Unclosed) => {
            let problem = format!("option '{name}' has a '${{' without a '}}' behind it");
            Err(Unopened::new(problem, "Write '${NAME}' for an environment variable"))
        }
        Err(Unexpanded::Unset(variables)) => {
            let (are, it) = if variables.len() == 1 { ("is", "it") } else { ("are", "them") };
            let problem = format!("{}, which option '{name}' names, {are} not set", variables.join(", "));
            Err(Unopened::new(problem, format!("Set {it} where the program runs; see {MANUAL}")))
        }
    };
    options.values.iter().map(of).collect()
}

fn parsed(name: &str) -> Result<Key, Unopened> {
    name.parse()
        .map_err(|_| Unopened::new(format!("'{name}' is no setting of an S3 store"), "Correct or remove that option"))
}

/// Whether requests can be signed, or need not be.
///
/// # Errors
/// What is missing or cannot be a key, and where it is to be set.
pub(super) fn check(settings: &Settings) -> Result<(), Unopened> {
    if settings.is_true(Key::SkipSignature) {
        return Ok(());
    }
    for key in [Key::AccessKeyId, Key::SecretAccessKey, Key::Token] {
        if let Some(Value { text, from }) = settings.0.get(&key) {
            is_plausible(text, from)?;
        }
    }
    let missing = |missing: &str, found: &str| {
        let problem = format!("{missing} is not set, and {found} is: a request needs both");
        Err(Unopened::new(problem, format!("Set it in the same place; see {MANUAL}")))
    };
    match (settings.has(Key::AccessKeyId), settings.has(Key::SecretAccessKey)) {
        (true, true) => return Ok(()),
        (true, false) => return missing("AWS_SECRET_ACCESS_KEY", settings.from(Key::AccessKeyId)),
        (false, true) => return missing("AWS_ACCESS_KEY_ID", settings.from(Key::SecretAccessKey)),
        (false, false) => {}
    }
    if settings.has(Key::WebIdentityTokenFile) {
        return match settings.has(Key::RoleArn) {
            true => Ok(()),
            false => missing("AWS_ROLE_ARN", settings.from(Key::WebIdentityTokenFile)),
        };
    }
    if settings.has(Key::ContainerCredentialsRelativeUri) {
        return Ok(());
    }
    if settings.has(Key::ContainerCredentialsFullUri) {
        return match settings.has(Key::ContainerAuthorizationTokenFile) {
            true => Ok(()),
            false => missing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", settings.from(Key::ContainerCredentialsFullUri)),
        };
    }
    if settings.has(Key::MetadataEndpoint) || settings.is_true(Key::ImdsV1Fallback) {
        return Ok(());
    }
    Err(Unopened::new(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
        format!(
            "Set both where the program runs: for a service in /etc/fahrtenbuch.env, by hand with 'export'; other ways are in {MANUAL}"
        ),
    ))
}

/// Whether a text can be a key: what was copied with its quotes or with the end of its line is refused by every store, as a signature
/// that does not match.
fn is_plausible(text: &str, from: &str) -> Result<(), Unopened> {
    let problem = if text.ends_with(['\n', '\r']) {
        "has a line break at its end"
    } else if text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']) {
        "has quotes around it, which are taken for a part of it"
    } else if text.contains(|sign: char| !sign.is_ascii_graphic()) {
        "has a space, a line break or another sign that no key has"
    } else {
        return Ok(());
    };
    Err(Unopened::new(format!("{from} {problem}"), format!("Write it without; see {MANUAL}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(environment: &[(&str, &str)], options: &[(&str, &str)]) -> Option<String> {
        let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let settings = Settings::new(
            environment,
            std::iter::empty(),
            &options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>(),
        );
        let Unopened { problem, remedy } = settings.and_then(|settings| check(&settings)).err()?;
        Some(format!("{problem}. {remedy}"))
    }

    const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIA");
    const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "a/b+c");

    #[test]
    fn what_gives_keys_on_purpose_is_used() {
        for (environment, options) in [
            (&[ID, SECRET][..], &[][..]),
            (&[ID], &[("secret_access_key", "x")]),
            (&[], &[("access_key_id", "x"), ("aws_secret_access_key", "y")]),
            (&[], &[("skip_signature", "true")]),
            (&[("AWS_SKIP_SIGNATURE", "true")], &[]),
            (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:x")], &[]),
            (&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")], &[]),
            (
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"), ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t")],
                &[],
            ),
            (&[("AWS_METADATA_ENDPOINT", "http://169.254.169.254")], &[]),
            (&[], &[("metadata_endpoint", "http://169.254.169.254")]),
            (&[("AWS_IMDSV1_FALLBACK", "true")], &[]),
        ] {
            assert_eq!(told(environment, options), None, "{environment:?} {options:?}");
        }
    }

    #[test]
    fn what_is_missing_or_no_key_is_said_with_its_name() {
        for (environment, options, expected) in [
            (&[][..], &[][..], "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set. Set both where"),
            (&[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", " ")], &[], "are not set. Set both"),
            (&[ID], &[], "AWS_SECRET_ACCESS_KEY is not set, and AWS_ACCESS_KEY_ID is"),
            (&[SECRET], &[], "AWS_ACCESS_KEY_ID is not set, and AWS_SECRET_ACCESS_KEY is"),
            (&[ID, ("AWS_SECRET_ACCESS_KEY", "")], &[], "AWS_SECRET_ACCESS_KEY is not set"),
            (&[], &[("access_key_id", "x")], "AWS_SECRET_ACCESS_KEY is not set, and option 'access_key_id' is"),
            (&[ID, SECRET], &[("secret_access_key", "")], "AWS_SECRET_ACCESS_KEY is not set"),
            (&[ID, SECRET], &[("skip_signatur", "true")], "'skip_signatur' is no setting"),
            (&[ID, ("AWS_SECRET_ACCESS_KEY", "x\n")], &[], "AWS_SECRET_ACCESS_KEY has a line break at its end"),
            (&[("AWS_ACCESS_KEY_ID", "x\r"), SECRET], &[], "AWS_ACCESS_KEY_ID has a line break at its end"),
            (&[ID, ("AWS_SECRET_ACCESS_KEY", "'x'")], &[], "has quotes around it"),
            (&[ID, ("AWS_SECRET_ACCESS_KEY", "a b")], &[], "has a space"),
            (&[ID, SECRET, ("AWS_SESSION_TOKEN", "…")], &[], "AWS_SESSION_TOKEN has a space"),
            (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")], &[], "AWS_ROLE_ARN is not set"),
            (&[("AWS_ROLE_ARN", "arn:x")], &[], "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
            (
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "x")],
                &[],
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not set",
            ),
            (&[("AWS_IMDSV1_FALLBACK", "false")], &[], "are not set"),
            (&[("AWS_SKIP_SIGNATURE", "false")], &[], "are not set"),
        ] {
            let told = told(environment, options).unwrap_or_default();
            assert!(told.contains(expected), "{environment:?} {options:?}: {told}");
        }
    }

    #[test]
    fn a_setting_may_name_a_variable_which_must_be_set() {
        let of = |value: &str| {
            let values = [("access_key_id".to_owned(), value.to_owned())].into();
            expanded(&Options { values, named: None }).map_err(|unopened| unopened.problem)
        };
        assert_eq!(of("${CARGO_PKG_NAME}").unwrap()[0].1, "fahrtenbuch");
        let unset = of("${FAHRTENBUCH_TEST_NEVER_SET}").unwrap_err();
        assert!(
            unset.contains("FAHRTENBUCH_TEST_NEVER_SET, which option 'access_key_id' names, is not set"),
            "{unset}"
        );
        assert!(of("${X").unwrap_err().contains("without a '}'"));
    }

    #[test]
    fn no_secret_is_in_what_is_told() {
        let told = told(&[ID, ("AWS_SECRET_ACCESS_KEY", "geheim\n")], &[]).unwrap();
        assert!(!told.contains("geheim"), "{told}");
        let options = Options { values: [("secret_access_key".to_owned(), "geheim".to_owned())].into(), named: None };
        assert!(!format!("{options:?}").contains("geheim"));
    }
}
