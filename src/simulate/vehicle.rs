//! What vehicles say of themselves.

/// What a vehicle says of itself. The label and the plate are personal data, planted to be found if they ever leak.
pub fn vehicle_id(vehicle: usize) -> String {
    format!("ofg-{}", 101 + vehicle)
}

pub fn vehicle_label(vehicle: usize) -> String {
    format!("Fahrer {}", 4711 + vehicle)
}

pub fn license_plate(vehicle: usize) -> String {
    format!("OG-FB {}", 101 + vehicle)
}
