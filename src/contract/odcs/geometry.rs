//! The geometry of a table: a property that is made of others when rows are published, and no column before.

use crate::contract::names::Named;
use crate::contract::odcs::refer::{named, places};
use crate::contract::odcs::section::{Section, Told, choose};
use crate::contract::odcs::words;
use crate::contract::{BBOX, Classification, Contract, Geometry, GeometryOf, Kind};

const OF: &str = "geometryOf";

pub(super) fn is_geometry(property: &Section<'_>) -> bool {
    property.custom(OF).is_some()
}

/// Reads the properties that are geometries: one, of columns that are public as it is.
pub(super) fn read(properties: &[Section<'_>], contract: &mut Contract, told: &mut Told) {
    for property in properties {
        let geometry = one(property, contract, told);
        property.end(told);
        let Some(geometry) = geometry else { continue };
        if contract.geometry.is_some() {
            let remedy = "Keep the one that says where a row is.";
            told.fit.add(geometry.line, "a table has one geometry, and here is another", remedy);
            continue;
        }
        contract.geometry = Some(geometry);
    }
}

fn one(property: &Section<'_>, contract: &Contract, told: &mut Told) -> Option<Geometry> {
    property.accept(&["id", "businessName", "authoritativeDefinitions", "tags", "physicalName", "examples"]);
    property.accept(&[
        "logicalType",
        "physicalType",
        "transformSourceObjects",
        "transformLogic",
        "transformDescription",
    ]);
    let name = property.require_text("name", told)?;
    named(Named::Column, &name, property.line_of("name"), told);
    let line = property.line();
    if contract.columns.iter().any(|column| column.name == name) {
        told.form.add(line, format!("column '{name}' stands here twice"), "Remove one of the two.");
    }
    if name == BBOX || contract.columns.iter().any(|column| column.name == BBOX) {
        let message = format!("'{BBOX}' is the column of the geometry's bounds");
        told.fit.add(line, message, "Give the column another name.");
    }
    let classification =
        choose(property.get("classification"), "classification", words::CLASSIFICATIONS, &mut told.fit);
    if classification != Some(Classification::Public) {
        let remedy = "Write 'classification: public', or remove it.";
        told.fit.add(property.line_of("classification"), format!("the geometry '{name}' is not public"), remedy);
    }
    let list = property.custom(OF)?;
    let of = places(list, OF, contract, &mut told.fit);
    let is = |place: usize, kind: Kind| {
        let column = &contract.columns[place];
        column.classification == Classification::Public && column.kind == kind
    };
    let of = match of[..] {
        [latitude, longitude] if is(latitude, Kind::Float) && is(longitude, Kind::Float) => {
            GeometryOf::Point { latitude, longitude }
        }
        [place] if is(place, Kind::Text) => GeometryOf::GeoJson(place),
        _ => {
            let remedy =
                "Name public columns: '[stop_lat, stop_lon]', which are numbers, or '[geometry]', a text of GeoJSON.";
            told.fit.add(list.line, format!("the geometry '{name}' cannot be made of this"), remedy);
            return None;
        }
    };
    let description = property.text("description", told);
    Some(Geometry { name, line, of, description, description_de: property.custom_text("descriptionDe") })
}
