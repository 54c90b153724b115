//! The licences that GovData knows (<https://www.dcat-ap.de/def/licenses/>), by the ids that a configuration may have.

/// The ids of SPDX, and what else is written in Germany, in small letters; and the name in the list of GovData, which has no slash at
/// its end.
const LICENCES: [(&[&str], &str); 16] = [
    (&["cc-by-4.0"], "cc-by/4.0"),
    (&["cc-by-sa-4.0"], "cc-by-sa/4.0"),
    (&["cc-by-nd-4.0"], "cc-by-nd/4.0"),
    (&["cc-by-nc-4.0"], "cc-by-nc/4.0"),
    (&["cc-by-3.0-de"], "cc-by-de/3.0"),
    (&["cc-by-sa-3.0-de"], "cc-by-sa-de/3.0"),
    (&["cc0-1.0", "cc0", "cc-zero"], "cc-zero"),
    (&["dl-de-by-2.0", "dl-de/by-2-0", "dl-by-de/2.0", "dl-de-by-2-0"], "dl-by-de/2.0"),
    (&["dl-de-zero-2.0", "dl-de/zero-2-0", "dl-zero-de/2.0", "dl-de-zero-2-0"], "dl-zero-de/2.0"),
    (&["odbl-1.0", "odbl"], "odbl"),
    (&["odc-by-1.0", "odc-by"], "odby"),
    (&["pddl-1.0", "pddl"], "odcpddl"),
    (&["apache-2.0"], "apache"),
    (&["gpl-3.0-only", "gpl-3.0-or-later", "gpl-3.0"], "gpl/3.0"),
    (&["mpl-2.0"], "mozilla"),
    (&["gfdl-1.3-only", "gfdl-1.3-or-later", "gfdl-1.3"], "gfdl"),
];

/// The address of a licence in the list of GovData, if it is on it.
pub(super) fn address(id: &str) -> Option<String> {
    let id = id.trim().to_ascii_lowercase();
    let (_, name) = LICENCES.iter().find(|(ids, _)| ids.contains(&id.as_str()))?;
    Some(format!("http://dcat-ap.de/def/licenses/{name}"))
}

/// Whether GovData knows a licence.
pub(crate) fn is_listed(id: &str) -> bool {
    address(id).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_found_by_the_id_of_spdx_and_by_the_german_one() {
        let by = Some("http://dcat-ap.de/def/licenses/dl-by-de/2.0".to_owned());
        assert_eq!((address("DL-DE-BY-2.0"), address("dl-de/by-2-0")), (by.clone(), by));
        assert_eq!(address("CC-BY-4.0").as_deref(), Some("http://dcat-ap.de/def/licenses/cc-by/4.0"));
        assert_eq!(address("our own"), None);
    }
}
