//! Certificates that are not accepted.

/// What is wrong with the certificate of a server, if it is that, and what to do. Trying again does not help.
pub(crate) fn certificate(error: &(dyn std::error::Error + 'static)) -> Option<(String, &'static str)> {
    use rustls::CertificateError as Bad;
    let mut cause = Some(error);
    while let Some(error) = cause {
        let tls = error.downcast_ref::<rustls::Error>();
        if let Some(rustls::Error::InvalidCertificate(bad)) = tls {
            let (problem, remedy) = match bad {
                Bad::Expired | Bad::ExpiredContext { .. } => (
                    "its certificate has expired",
                    "Check the clock of this machine; if it is right, ask whoever runs the source to renew the certificate",
                ),
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    ("its certificate is not valid yet", "Check the clock of this machine")
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
                    "its certificate is that of another host",
                    "Check the address of the source; if it is right, ask whoever runs the source",
                ),
                Bad::UnknownIssuer => (
                    "its certificate is from an issuer that this machine does not know",
                    "Check the address; add the issuer to the system's certificates (or SSL_CERT_FILE) if you trust it, or \
                     ask whoever runs the source to send the whole chain",
                ),
                Bad::Revoked => ("its certificate was revoked", "Ask whoever runs the source"),
                other => {
                    let problem = format!("its certificate is not accepted ({other})");
                    return Some((problem, "Ask whoever runs the source for a proper one"));
                }
            };
            return Some((problem.to_owned(), remedy));
        }
        // An error of a stream has what it was made from inside, and only the source of that as its source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = inner.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    None
}
