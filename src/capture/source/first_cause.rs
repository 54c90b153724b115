//! What happened at the bottom of an error.

use std::error::Error;

/// The first cause of an error, as 'connection refused': the errors above it tell what was tried. An error without a cause is its
/// own.
pub(crate) fn first_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut first = error;
    while let Some(cause) = first.source() {
        first = cause;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it was tried")]
    struct Tried(#[source] std::num::ParseIntError);

    #[test]
    fn the_first_cause_is_found_below_the_others_and_an_error_without_one_is_its_own() {
        let cause = "x".parse::<u8>().unwrap_err();
        assert_eq!(first_cause(&Tried(cause.clone())).to_string(), cause.to_string());
        assert_eq!(first_cause(&cause).to_string(), cause.to_string());
    }
}
