//! Names of routes that cannot be read on the colour of the route.

use super::prelude::*;

pub static ROUTE_COLOR_CONTRAST: Notice = Notice {
    code: "route_color_contrast",
    severity: Severity::Warning,
    files: &["routes.txt"],
    fields: &["csvRowNumber", "routeColor", "routeId", "routeTextColor"],
    en: Words {
        what: "The colours of the route and of its text are too much alike to be read.",
        mend: "Choose white or black for the text.",
    },
    de: Words {
        what: "Farbe der Linie und Schriftfarbe sind zu ähnlich, um lesbar zu sein.",
        mend: "Weiß oder Schwarz als Schriftfarbe wählen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&ROUTE_COLOR_CONTRAST],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "route_color_contrast",
            1,
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_type,route_color,route_text_color\n\
                 r,1,S1,3,FFFFFF,FFFF00\n",
            )],
        ),
        passes(
            "route_color_contrast",
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_type,route_color,route_text_color\n\
                 r,1,S1,3,FFFFFF,000000\n",
            )],
        ),
    ],
};

/// Differences of brightness below this are told (ITU-R BT.601 luma, 0 to 255).
const LEAST: i32 = 72;

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("routes");
    let (colors, texts) = (table.text("route_color"), table.text("route_text_color"));
    for row in table.good() {
        let (Some(color), Some(text)) = (luma(colors.get(row)), luma(texts.get(row))) else { continue };
        if (color - text).abs() < LEAST {
            let shown = |color: &str| format!("#{}", color.to_uppercase()).into();
            out.add(&ROUTE_COLOR_CONTRAST, || {
                [table.at(row), shown(colors.get(row)), table.text("route_id").value(row), shown(texts.get(row))]
            });
        }
    }
}

fn luma(color: &str) -> Option<i32> {
    let rgb = u32::from_str_radix(color, 16).ok().filter(|_| color.len() == 6)?;
    let part = |shift: u32| f64::from(rgb >> shift & 0xff);
    Some((0.30 * part(16) + 0.59 * part(8) + 0.11 * part(0)) as i32)
}
