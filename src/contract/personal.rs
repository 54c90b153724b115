//! Names of columns that say that a column holds what never leaves: drivers, logins, duties, plates, devices.
//!
//! A column is published only if its contract says so; this is for the contract that says so by mistake. Names are taken
//! apart at underscores, hyphens, digits and capitals (`driverID`, `FAHRER_NR`), umlauts written out, so that words count
//! wherever they stand.

/// Where a word stands in a name.
enum At {
    /// A part of the name is the word.
    Part,
    /// A part begins with it: `geraetenummer`.
    Begin,
    /// It stands in a part: `busfahrername`.
    Within,
    /// The name without its separators has it: `license_plate`, `licensePlate`.
    Joined,
}

/// What a name may say, and the words for it, German and English.
const WORDS: &[(&str, At, &[&str])] = &[
    ("a driver", At::Within, &["driver", "fahrer", "chauffeur", "motorman", "busfuehrer", "fahrzeugfuehrer"]),
    ("an employee", At::Begin, &["employee", "mitarbeiter", "personalnr", "personalnum", "personalid", "personalkenn"]),
    ("an employee", At::Joined, &["personalnr", "personalnummer", "personalid", "staffid", "staffnumber", "staffname"]),
    ("an employee", At::Joined, &["operatorid", "operatorname", "operatornr", "operatornumber", "operatorbadge"]),
    ("a login", At::Within, &["login", "logon", "anmeldename", "benutzer", "username", "passwor"]),
    ("a login", At::Joined, &["operatoruser", "operatorpin", "userid", "username", "usercode"]),
    ("a duty", At::Part, &["duty", "duties", "dienst", "dienste", "dienstplan", "dienstnr", "dienstid"]),
    ("a duty", At::Begin, &["dutyid", "dutyno", "dutynr", "dutynum", "dutyname", "dutycode", "dutyroster"]),
    ("a duty", At::Begin, &["dienstnum", "dienstkenn", "dienstkuerzel", "dienstname", "dienstbez", "dienstfolge"]),
    ("a number plate", At::Part, &["plate", "plates", "plateno", "platenumber", "kennzeichen", "nummernschild"]),
    ("a number plate", At::Joined, &["licenseplate", "licenceplate", "numberplate", "plateid", "registrationplate"]),
    ("a number plate", At::Joined, &["kfzkennzeichen", "fahrzeugkennzeichen", "wagenkennzeichen", "buskennzeichen"]),
    ("a number plate", At::Joined, &["amtlicheskennzeichen", "polizeilicheskennzeichen", "amtlkennzeichen", "kfzkz"]),
    ("a number plate", At::Joined, &["registrationnumber", "vehicleregistration", "fahrgestell", "chassisnumber"]),
    ("a device", At::Within, &["device", "geraet", "imei", "imsi", "iccid", "msisdn", "bordrechner"]),
    ("a device", At::Part, &["mac", "macs", "vin", "simcard", "simkarte", "bssid", "udid"]),
    (
        "a device",
        At::Joined,
        &["macaddr", "macadr", "ipaddress", "ipadresse", "serialnumber", "seriennummer", "bluetoothid"],
    ),
    ("a telephone number", At::Within, &["phone", "telefon", "handynummer", "mobilnummer", "rufnummer"]),
    ("an e-mail address", At::Joined, &["email"]),
];

/// Words that have one of those in them and mean something else: Tuesday, driverless, passengers who share a ride.
const HARMLESS: &[&str] =
    &["driverless", "fahrerlos", "mitfahrer", "loginfo", "dienstag", "dienstleister", "megaphone"];

/// Columns of the standards whose names sound personal, and why they are not.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("agency", "agency_phone", "the telephone of a company, made to be published (GTFS)"),
    ("agency", "agency_email", "the address of a company's customer service (GTFS)"),
    ("attributions", "attribution_phone", "the telephone of an organisation (GTFS)"),
    ("attributions", "attribution_email", "the address of an organisation (GTFS)"),
    ("booking_rules", "phone_number", "the telephone that riders call to book (GTFS-Flex)"),
    ("devices", "device_type", "what kind of device it is, not which (TIDES)"),
    ("devices", "device_vendor", "who made the device, not which it is (TIDES)"),
    ("devices", "device_model", "the model of the device, not which it is (TIDES)"),
    ("devices", "device_location", "where in a vehicle the device is, not which it is (TIDES)"),
    ("feed_info", "feed_contact_email", "the address of the publisher for questions about the feed (GTFS)"),
];

/// What a column's name says that it holds and nobody may publish.
pub fn said_by_name(table: &str, column: &str) -> Option<&'static str> {
    if EXCEPTIONS.iter().any(|(of, name, _)| *of == table && *name == column) {
        return None;
    }
    let mut parts = parts(column);
    let joined: String = parts.concat();
    parts.retain(|part| !HARMLESS.iter().any(|word| part.starts_with(word)));
    let says = |at: &At, word: &str| match at {
        At::Part => parts.iter().any(|part| part == word),
        At::Begin => parts.iter().any(|part| part.starts_with(word)),
        At::Within => parts.iter().any(|part| part.contains(word)),
        At::Joined => joined.contains(word),
    };
    WORDS.iter().find(|(_, at, words)| words.iter().any(|word| says(at, word))).map(|(what, ..)| *what)
}

/// The parts of a name in small letters, umlauts written out.
fn parts(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut parts = vec![String::new()];
    for (place, &letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let next_is_small = letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| before.is_lowercase() || before.is_uppercase() && next_is_small);
        if begins || !letter.is_alphabetic() {
            parts.push(String::new());
        }
        if !letter.is_alphabetic() {
            continue;
        }
        let Some(part) = parts.last_mut() else { continue };
        for small in letter.to_lowercase() {
            match small {
                'ä' => part.push_str("ae"),
                'ö' => part.push_str("oe"),
                'ü' => part.push_str("ue"),
                'ß' => part.push_str("ss"),
                // The dots of a letter that is written as two characters.
                '\u{308}' => part.push('e'),
                other => part.push(other),
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_persons_plates_and_devices_are_known_in_any_case_and_both_languages() {
        for name in [
            "driver_id",
            "DriverName",
            "driverID",
            "bus_driver",
            "DRIVER",
            "fahrer",
            "Fahrername",
            "fahrer_nr",
            "FAHRERNUMMER",
            "operator_login",
            "operatorLogin",
            "operator_id",
            "login",
            "dienst",
            "Dienstnr",
            "dienst_nummer",
            "dienst2",
            "duty_id",
            "dutyId",
            "duty",
            "license_plate",
            "licencePlate",
            "LICENSE_PLATE",
            "plate",
            "kennzeichen",
            "kfz_kennzeichen",
            "Kennzeichen",
            "device_id",
            "deviceId",
            "onboard_device",
            "geraet",
            "geraete_id",
            "Gerät",
            "gerätenummer",
            "bordgeraet_id",
            "mac",
            "mac_address",
            "MACAddress",
            "macAdresse",
            "vehicle_mac",
            "imei",
            "IMEI",
            "phone",
            "driver_phone",
            "telefon",
            "personal_nr",
            "PersonalNr",
            "personalnummer",
            "employee_id",
            "e_mail",
        ] {
            assert!(said_by_name("t", name).is_some(), "{name}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in [
            "agency_id",
            "operator",
            "operator_ref",
            "dienstag",
            "service_id",
            "fahrt_id",
            "fahrtnummer",
            "template",
            "vehicle_id",
            "block_id",
            "stop_code",
            "driverless",
            "machine",
            "platform_code",
            "personal_space",
            "duration",
            "plattform",
            "mitfahrer",
            "richtungskennzeichen",
            "trip_id_performed",
        ] {
            assert_eq!(said_by_name("t", name), None, "{name}");
        }
        assert_eq!(said_by_name("agency", "agency_phone"), None);
        assert!(said_by_name("vehicles", "agency_phone").is_some());
    }
}
