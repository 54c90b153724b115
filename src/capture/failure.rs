//! Why a source gave no body: the kinds that records of beats and `evidence gaps` tell apart.

/// What kept a source from giving a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// No connection, no such host, or no access to a file.
    Refused,
    /// No byte, or not all of them, in time.
    TimeOut,
    /// An HTTP status without a body to keep.
    Status(u16),
    /// A certificate that is not accepted.
    Tls,
    /// More bytes than `max_bytes`, as they came or unpacked.
    TooLarge,
    /// The connection ended within the response.
    CutOff,
    /// A redirect that is not followed.
    Redirect,
    /// A body that was kept but is not what the source is to give.
    Unreadable,
    /// The body came, and the disk did not take it.
    NotKept,
    Other,
}

impl FailureKind {
    /// The name in records, without the number of a status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimeOut => "time_out",
            Self::Status(_) => "status",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
            Self::CutOff => "cut_off",
            Self::Redirect => "redirect",
            Self::Unreadable => "unreadable",
            Self::NotKept => "not_kept",
            Self::Other => "other",
        }
    }

    /// The kind of a name; `status` counts where it is one.
    pub(super) fn parse(name: &str, status: Option<u16>) -> Option<Self> {
        Some(match name {
            "refused" => Self::Refused,
            "time_out" => Self::TimeOut,
            "status" => Self::Status(status?),
            "tls" => Self::Tls,
            "too_large" => Self::TooLarge,
            "cut_off" => Self::CutOff,
            "redirect" => Self::Redirect,
            "unreadable" => Self::Unreadable,
            "not_kept" => Self::NotKept,
            "other" => Self::Other,
            _ => return None,
        })
    }
}
