//! The process document (Verfahrensdokumentation): who is responsible, what is collected from whom, how it is processed, how long it is
//! kept, how it is destroyed, who may decide, and which keys there are.
//!
//! It says what the workspace says and the program does, and nothing else; what the configuration does not say stands there as missing,
//! and `fahrtenbuch check --for audit` names the line for it. Neither the bucket nor the private store is read. Addresses of sources may
//! have secrets and are left out.

mod html;

pub(crate) use self::html::write;
