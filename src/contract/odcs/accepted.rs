//! What describes how a contract's data is offered and by whom, and says nothing of the data: it is accepted as it stands, and
//! means nothing here (ODCS 3.1, "Infrastructure and servers", "Support & communication channels", "Pricing", "Team", "Roles").

use crate::contract::odcs::section::Section;

/// Accepts the sections; `team` is a map with its members, and was a list of them before 3.1.
pub(super) fn accept(root: &Section<'_>) {
    root.accept(&["servers", "support", "price", "team", "roles", "customProperties"]);
}
