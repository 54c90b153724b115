use proptest::prelude::*;

use super::network::BUDGET;
use super::*;
use crate::portal::pictures::map::extent::WIDTH;

const CITY: [f64; 2] = [48.89, 8.70];

fn line(colour: Option<&str>, shapes: Vec<Vec<[f64; 2]>>) -> NetworkLine {
    NetworkLine { route_id: "1".into(), colour: colour.map(str::to_owned), kind: 3, shapes, is_straight: false }
}

/// Stops and a winding line through a city of some ten kilometres.
fn city() -> Network {
    let at = |place: u32| {
        let t = f64::from(place) / 400.0;
        [CITY[0] + 0.05 * (9.0 * t).sin(), CITY[1] + 0.12 * t]
    };
    let shape: Vec<[f64; 2]> = (0..400).map(at).collect();
    let stops = shape.iter().step_by(10).copied().collect();
    Network { stops, lines: vec![line(Some("1D5FA8"), vec![shape])] }
}

/// Points of the paths of the lines, moves included.
fn points(svg: &str) -> usize {
    let lines = &svg[svg.find("<g class=\"l\">").unwrap()..svg.find("</g>").unwrap()];
    let numbers = |d: &str| d.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count();
    lines.split(" d=\"").skip(1).map(|path| numbers(path.split('"').next().unwrap()) / 2).sum()
}

#[test]
fn nothing_without_a_place_is_no_map_and_one_stop_is_one() {
    assert_eq!(draw(&Network::default()), None);
    assert_eq!(
        draw(&Network { stops: vec![[0.0, 0.0], [f64::NAN, 8.0], [91.0, 8.0]], lines: vec![line(None, vec![])] }),
        None
    );
    let one = draw(&Network { stops: vec![CITY], lines: vec![] }).unwrap();
    assert_eq!((one.stops, one.routes, one.bounds), (1, 0, [CITY[0], CITY[1], CITY[0], CITY[1]]));
    assert!(one.svg.contains("h0") && one.svg.contains("1 stop,") && one.svg.contains("200 m</text>"), "{}", one.svg);
    // Lines alone are a map, too.
    let lines = draw(&Network { stops: vec![], ..city() }).unwrap();
    assert_eq!((lines.stops, lines.routes), (0, 1));
}

#[test]
fn the_size_of_a_map_without_its_notes_follows_from_its_bounds() {
    let high = Network { stops: vec![CITY, [CITY[0] + 0.04, CITY[1]]], lines: vec![] };
    let across = Network { stops: vec![[-17.0, 179.99], [-17.01, -179.99]], lines: vec![] };
    for network in [city(), Network { stops: vec![CITY], lines: vec![] }, high, across] {
        let map = draw(&network).unwrap();
        let [width, height] = size(map.bounds);
        let (_, drawn) = map.svg.split_once(&format!("viewBox=\"0 0 {width} ")).unwrap();
        let drawn: f64 = drawn.split('"').next().unwrap().parse().unwrap();
        // Notes are below.
        assert!((height..height + 0.1 * width).contains(&drawn), "{width} {height}: {drawn}");
    }
}

#[test]
fn a_stop_far_off_does_not_make_the_map_a_dot() {
    let right = draw(&city()).unwrap();
    for wrong in [[0.0, 0.0], [8.7, 48.89], [CITY[0] + 9.0, CITY[1]], [f64::NAN, f64::NAN]] {
        let mut network = city();
        network.stops.push(wrong);
        // Also where the line goes there.
        network.lines[0].shapes[0].push(wrong);
        let map = draw(&network).unwrap();
        assert_eq!((map.stops, map.bounds), (right.stops, right.bounds), "{wrong:?}");
        assert!(map.svg.contains("1 Haltestelle liegt außerhalb / 1 stop is outside"), "{}", map.svg);
    }
    // One in the next town is none.
    let mut network = city();
    network.stops.push([CITY[0] + 0.15, CITY[1]]);
    let map = draw(&network).unwrap();
    assert_eq!(map.stops, right.stops + 1);
    assert!(map.bounds[2] > right.bounds[2]);
}

#[test]
fn a_network_across_the_180th_meridian_stays_together() {
    let stops = vec![[-17.0, 179.9], [-17.1, -179.9], [-17.05, 179.99], [-17.02, -179.95]];
    let map = draw(&Network { stops, lines: vec![] }).unwrap();
    assert_eq!(map.stops, 4);
    assert!((map.bounds[1] - 179.9).abs() < 1e-9 && (map.bounds[3] + 179.9).abs() < 1e-9, "{:?}", map.bounds);
}

#[test]
fn the_projection_is_true_in_the_middle() {
    let extent = extent::Extent::of(&city()).unwrap();
    let bounds = extent.bounds();
    let middle = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
    let (here, north, east) = (
        extent.project(middle),
        extent.project([middle[0] + 0.01, middle[1]]),
        extent.project([middle[0], middle[1] + 0.01]),
    );
    assert!((here[0] - WIDTH / 2.0).abs() < 1e-6 && north[1] < here[1] && east[0] > here[0]);
    for (at, place) in [(north, [middle[0] + 0.01, middle[1]]), (east, [middle[0], middle[1] + 0.01])] {
        let units = (at[0] - here[0]).hypot(at[1] - here[1]);
        let metres = crate::geo::metres(middle, place);
        assert!((units / metres / extent.units_per_metre() - 1.0).abs() < 1e-3, "{units} {metres}");
    }
}

#[test]
fn what_many_lines_share_is_drawn_once() {
    let one = draw(&city()).unwrap();
    // The same way back, with other points on it, and a part of it.
    let mut network = city();
    let shape = network.lines[0].shapes[0].clone();
    let back: Vec<[f64; 2]> = shape.iter().rev().copied().collect();
    network.lines[0].shapes.extend([back, shape[50..300].to_vec(), shape.clone()]);
    for route in 0..40 {
        network.lines.push(NetworkLine { route_id: route.to_string(), ..network.lines[0].clone() });
    }
    let many = draw(&network).unwrap();
    assert_eq!(many.routes, 41);
    assert!(points(&many.svg) <= points(&one.svg) + 4, "{} {}", points(&many.svg), points(&one.svg));
}

#[test]
fn a_way_that_leaves_the_map_is_cut_and_a_line_outside_is_counted_out() {
    let mut network = city();
    let away = [CITY[0] + 20.0, CITY[1]];
    network.lines[0].shapes[0].insert(200, away);
    network.lines.push(line(None, vec![vec![away, [away[0] + 0.1, away[1]]]]));
    let map = draw(&network).unwrap();
    assert_eq!((map.routes, map.bounds), (1, draw(&city()).unwrap().bounds));
    assert!(map.svg.contains("Linien außerhalb: 1.") && map.svg.contains("Lines outside: 1."), "{}", map.svg);
}

#[test]
fn kinds_without_colours_have_a_legend_and_stay_in_the_picture() {
    let mut network = city();
    network.lines =
        [0, 1, 2, 3, 4].map(|kind| NetworkLine { kind, ..line(None, city().lines[0].shapes.clone()) }).into();
    for (place, line) in network.lines.iter_mut().enumerate() {
        line.shapes[0].iter_mut().for_each(|at| at[0] += 0.01 * place as f64);
    }
    let map = draw(&network).unwrap();
    for word in ["Fähre / ferry", "Bus", "Bahn / rail", "Tram", "U-Bahn / metro"] {
        assert!(map.svg.contains(&format!(">{word}</text>")), "{word}");
    }
    // One kind needs no legend.
    network.lines.truncate(1);
    assert!(!draw(&network).unwrap().svg.contains(">Tram</text>"));
}

#[test]
fn a_great_network_is_within_the_budget() {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut network = Network::default();
    for route in 0..300 {
        let mut at = [CITY[0] + random() - 0.5, CITY[1] + random() - 0.5];
        let mut shape = Vec::new();
        for _ in 0..200 {
            at = [at[0] + (random() - 0.5) * 0.01, at[1] + (random() - 0.5) * 0.01];
            shape.push(at);
        }
        network.stops.extend(shape.iter().step_by(2));
        let colour = format!("{:06x}", (random() * 16_777_216.0) as u32);
        network.lines.push(NetworkLine { route_id: route.to_string(), ..line(Some(&colour), vec![shape]) });
    }
    let map = draw(&network).unwrap();
    assert!(map.svg.len() <= BUDGET, "{}", map.svg.len());
    // What there is room for is used.
    assert!(map.svg.len() > BUDGET / 2, "{}", map.svg.len());
    // How many circles there are is said to who hears the picture alone.
    assert!(
        map.svg.contains("30.000 Haltestellen") && map.svg.contains(" Kreise.") && !map.svg.contains("Kreise /"),
        "{}",
        &map.svg[..600]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_network_is_within_the_budget_and_the_same_each_time(
        stops in prop::collection::vec([-90.0..90.0_f64, -180.0..180.0_f64], 0..200),
        shapes in prop::collection::vec(prop::collection::vec([48.0..49.0_f64, 8.0..9.0_f64], 0..60), 0..20),
        colours in prop::collection::vec("[0-9a-fA-F]{6}|[a-z<&\"]{0,7}", 20),
    ) {
        let lines = shapes.into_iter().zip(&colours).map(|(shape, colour)| line(Some(colour), vec![shape])).collect();
        let network = Network { stops, lines };
        let map = draw(&network);
        prop_assert_eq!(&map, &draw(&network));
        if let Some(map) = map {
            prop_assert!(map.svg.len() <= BUDGET);
            prop_assert!(map.stops <= network.stops.len() as u64 && map.routes <= network.lines.len() as u64);
            // Nothing of the feed is in the file but figures.
            prop_assert!(!map.svg.contains("<&"));
        }
    }
}
