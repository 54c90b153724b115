//! What the words of a finding are.

/// One of them.
pub struct ProgramFinding {
    pub id: &'static str,
    /// What it means, and what to do, in English and in German.
    pub en: (&'static str, &'static str),
    pub de: (&'static str, &'static str),
}
