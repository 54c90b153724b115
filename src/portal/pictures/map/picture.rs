//! The map as SVG.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::portal::pictures::colour::{Colour, DARK, LIGHT};
use crate::portal::pictures::map::extent::{Extent, WIDTH};
use crate::portal::pictures::map::mesh::{Way, pieces};
use crate::portal::pictures::map::network::{BUDGET, Drawing, Network, NetworkLine};
use crate::portal::pictures::map::simplify::simplified;
use crate::text::{Language, Text, grouped};

/// Bytes of the stops at most.
const STOPS: usize = 20_000;
/// Colours at most; others are drawn in the nearest one.
const COLOURS: usize = 40;
/// Units that a point may be off before the network is looked at as a whole.
const FINE: f64 = 0.6;
/// The finest grain of the network.
const GRAIN: f64 = 2.5;
/// How much coarser the next one is.
const COARSER: f64 = 1.4;

/// Lines without a colour have that of their kind: on light and on dark paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Paint {
    Ferry,
    Bus,
    Rail,
    Tram,
    Subway,
    Own(Colour),
}

impl Paint {
    fn of(line: &NetworkLine) -> Self {
        if let Some(colour) = line.colour.as_deref().and_then(Colour::of) {
            return Self::Own(colour);
        }
        // Types of the reference and extended types; monorails, cable cars and the like run on rails or ropes in a city.
        match line.kind {
            2 | 100..=199 => Self::Rail,
            1 | 400..=404 | 500..=699 => Self::Subway,
            0 | 5 | 6 | 7 | 12 | 405 | 900..=999 | 1300..=1499 => Self::Tram,
            4 | 1000 | 1200 => Self::Ferry,
            _ => Self::Bus,
        }
    }

    fn colours(self) -> [Colour; 2] {
        let [light, dark] = match self {
            Self::Ferry => [[0x00, 0x77, 0x80], [0x4f, 0xc3, 0xcb]],
            Self::Bus => [[0x1d, 0x5f, 0xa8], [0x7d, 0xb4, 0xee]],
            Self::Rail => [[0x4a, 0x4f, 0x57], [0xb9, 0xc0, 0xc9]],
            Self::Tram => [[0xb3, 0x2a, 0x2a], [0xf0, 0x8a, 0x80]],
            Self::Subway => [[0x6a, 0x3d, 0x9a], [0xc0, 0x9a, 0xe8]],
            Self::Own(own) => return [own.on(LIGHT), own.on(DARK)],
        };
        [Colour(light), Colour(dark)]
    }

    /// What the legend calls it: the same words in German and English, or both.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Ferry => Some("Fähre / ferry"),
            Self::Bus => Some("Bus"),
            Self::Rail => Some("Bahn / rail"),
            Self::Tram => Some("Tram"),
            Self::Subway => Some("U-Bahn / metro"),
            Self::Own(_) => None,
        }
    }
}

pub(super) fn draw(network: &Network, extent: &Extent) -> Drawing {
    let ways = Ways::of(network, extent);
    let places: Vec<[f64; 2]> =
        network.stops.iter().filter(|at| extent.has(**at)).map(|at| extent.project(*at)).collect();
    let dots = Dots::of(&places);
    let mut drawing = Drawing {
        svg: String::new(),
        stops: places.len() as u64,
        routes: ways.routes.len() as u64,
        bounds: extent.bounds(),
    };
    let mut grain = GRAIN;
    loop {
        drawing.svg = write(network, extent, &ways, &dots, &drawing, grain);
        // At a grain as wide as the paper there is nothing left to draw.
        if drawing.svg.len() <= BUDGET || grain > WIDTH {
            return drawing;
        }
        grain *= COARSER;
    }
}

/// The ways of all lines, on the paper.
struct Ways {
    ways: Vec<Way>,
    paints: Vec<Paint>,
    /// Lines of the network that are drawn, by place.
    routes: BTreeSet<u32>,
    /// Lines that have ways, of which none is inside.
    outside: u64,
}

impl Ways {
    fn of(network: &Network, extent: &Extent) -> Self {
        let (mut ways, mut routes) = (Vec::new(), BTreeSet::new());
        let (paints, places) = paints(&network.lines);
        let mut outside = 0;
        for (route, (line, colour)) in (0..).zip(network.lines.iter().zip(places)) {
            let mut known: BTreeSet<Vec<[i64; 2]>> = BTreeSet::new();
            for shape in &line.shapes {
                // What lies outside cuts a way in two.
                for run in shape.split(|at| !extent.has(*at)) {
                    let run: Vec<[f64; 2]> = run.iter().map(|at| extent.project(*at)).collect();
                    let points = simplified(&run, FINE);
                    let mut key: Vec<[i64; 2]> = points.iter().map(|at| at.map(|part| part.round() as i64)).collect();
                    key.dedup();
                    if key.len() < 2 {
                        continue;
                    }
                    // There and back on the same way is one.
                    if key.first() > key.last() {
                        key.reverse();
                    }
                    routes.insert(route);
                    if known.insert(key) {
                        ways.push(Way { route, colour, points });
                    }
                }
            }
            outside += u64::from(!routes.contains(&route) && line.shapes.iter().any(|shape| shape.len() > 1));
        }
        Self { ways, paints, routes, outside }
    }
}

/// The paints of a map, and which of them each line has.
fn paints(lines: &[NetworkLine]) -> (Vec<Paint>, Vec<u16>) {
    let own: Vec<Paint> = lines.iter().map(Paint::of).collect();
    let mut counts: BTreeMap<Paint, usize> = BTreeMap::new();
    for paint in &own {
        *counts.entry(*paint).or_default() += 1;
    }
    let mut kept: Vec<(Paint, usize)> = counts.into_iter().collect();
    kept.sort_by_key(|(paint, count)| (std::cmp::Reverse(*count), *paint));
    kept.truncate(COLOURS);
    let kept: Vec<Paint> = kept.into_iter().map(|(paint, _)| paint).collect();
    let nearest = |paint: &Paint| {
        let distance = |other: &Paint| paint.colours()[0].distance(other.colours()[0]);
        let exact = kept.iter().position(|other| other == paint);
        exact.or_else(|| (0..kept.len()).min_by_key(|place| distance(&kept[*place]))).unwrap_or(0)
    };
    // There are at most `COLOURS`.
    let places = own.iter().map(|paint| nearest(paint) as u16).collect();
    (kept, places)
}

/// The circles of the stops.
struct Dots {
    path: String,
    count: usize,
    /// Units across.
    size: f64,
}

impl Dots {
    fn of(places: &[[f64; 2]]) -> Self {
        // The more there are, the smaller they are, and the wider apart, so that the colours of the lines are seen.
        let (mut size, mut apart): (f64, f64) = match places.len() {
            0..300 => (20.0, 20.0),
            300..1000 => (15.0, 18.0),
            _ => (11.0, 20.0),
        };
        loop {
            let dots = Self::spread(places, apart, size);
            if dots.path.len() <= STOPS || apart > WIDTH {
                return dots;
            }
            (apart, size) = (apart * 1.3, 9.0);
        }
    }

    /// One circle for each cell of a grid, at the first stop in it.
    fn spread(places: &[[f64; 2]], apart: f64, size: f64) -> Self {
        let mut cells: BTreeMap<(i64, i64), [i64; 2]> = BTreeMap::new();
        for at in places {
            let cell = at.map(|part| (part / apart).floor() as i64);
            // Every other row the other way, so that the next circle is near.
            let across = if cell[1] % 2 == 0 { cell[0] } else { -cell[0] };
            cells.entry((cell[1], across)).or_insert_with(|| at.map(|part| part.round() as i64));
        }
        let mut path = String::new();
        let mut last = None;
        for at in cells.values() {
            step(&mut path, &mut last, *at, true);
            path.push_str("h0");
        }
        Self { path, count: cells.len(), size }
    }
}

/// Goes on to a point, relative to the last one.
fn step(path: &mut String, last: &mut Option<[i64; 2]>, at: [i64; 2], is_move: bool) {
    let from = last.replace(at);
    let [x, y] = from.map_or(at, |from| [at[0] - from[0], at[1] - from[1]]);
    if is_move {
        // The first one is absolute in any case, and what follows it is relative only after this letter.
        path.push('m');
    } else if x >= 0 {
        path.push(' ');
    }
    let _ = write!(path, "{x}");
    if y >= 0 {
        path.push(' ');
    }
    let _ = write!(path, "{y}");
}

/// The path of the pieces of a colour: each goes on from where the last one ended, if one does.
fn path(pieces: &[Vec<[f64; 2]>]) -> String {
    let pieces: Vec<Vec<[i64; 2]>> = pieces
        .iter()
        .map(|piece| {
            let mut points: Vec<[i64; 2]> = piece.iter().map(|at| at.map(|part| part.round() as i64)).collect();
            points.dedup();
            points
        })
        .filter(|points| points.len() > 1)
        .collect();
    let mut by_end: BTreeMap<[i64; 2], Vec<usize>> = BTreeMap::new();
    for (place, points) in pieces.iter().enumerate() {
        for end in [points[0], points[points.len() - 1]] {
            by_end.entry(end).or_default().push(place);
        }
    }
    let mut is_done = vec![false; pieces.len()];
    let (mut path, mut last) = (String::new(), None);
    for first in 0..pieces.len() {
        let mut next = (!is_done[first]).then_some(first);
        let mut is_move = true;
        while let Some(place) = next {
            is_done[place] = true;
            let points = &pieces[place];
            let is_back = !is_move && last != Some(points[0]);
            let ordered: Vec<[i64; 2]> = if is_back { points.iter().rev().copied().collect() } else { points.clone() };
            for at in ordered.into_iter().skip(usize::from(!is_move)) {
                step(&mut path, &mut last, at, is_move);
                is_move = false;
            }
            next = last.and_then(|end| by_end.get(&end)?.iter().copied().find(|other| !is_done[*other]));
        }
    }
    path
}

fn write(network: &Network, extent: &Extent, ways: &Ways, dots: &Dots, drawing: &Drawing, grain: f64) -> String {
    let by_colour = pieces(&ways.ways, grain);
    let size = (WIDTH * 0.027).round();
    let foot = Foot::of(network, extent, ways, dots, drawing);
    let rows = foot.rows(size);
    let strip = size * 1.5 * (rows.len() as f64 + 1.0) + size * 0.6;
    let height = extent.height + strip;
    let [stroke, ring] = [if by_colour.values().map(Vec::len).sum::<usize>() > 600 { 7.0 } else { 10.0 }, dots.size];
    let mut light = String::new();
    let mut dark = String::new();
    let mut lines = String::new();
    for (colour, pieces) in &by_colour {
        let [on_light, on_dark] = ways.paints[usize::from(*colour)].colours().map(Colour::hex);
        let _ = write!(light, ".c{colour}{{stroke:{on_light}}}");
        let _ = write!(dark, ".c{colour}{{stroke:{on_dark}}}");
        let _ = write!(lines, "<path class=\"c{colour}\" d=\"{}\"/>", path(pieces));
    }
    for (class, paint) in foot.legend.iter().enumerate() {
        let [on_light, on_dark] = paint.colours().map(Colour::hex);
        let _ = write!(light, ".k{class}{{stroke:{on_light}}}");
        let _ = write!(dark, ".k{class}{{stroke:{on_dark}}}");
    }
    let (paper, black) = (LIGHT.hex(), DARK.hex());
    let Text { en, de } = foot.description();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">Linien und Haltestellen / lines and stops</title>\n<desc id=\"d\">{de} / {en}</desc>\n\
         <style>path{{fill:none;stroke-linecap:round;stroke-linejoin:round}}.l{{stroke-width:{stroke}}}.p{{fill:{paper}}}\
         .o{{stroke:#1c232b;stroke-width:{ring}}}.i{{stroke:{paper};stroke-width:{}}}.b{{stroke:#1c232b;stroke-width:5}}.g{{stroke-width:12}}\
         text{{font:{size}px system-ui,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;fill:#1c232b}}{light}\
         @media(prefers-color-scheme:dark){{.p{{fill:{black}}}.o,.b{{stroke:#e6eaee}}.i{{stroke:{black}}}text{{fill:#e6eaee}}{dark}}}</style>\n\
         <rect class=\"p\" width=\"{WIDTH}\" height=\"{height}\"/>\n<g class=\"l\">{lines}</g>\n",
        (ring * 0.55).round(),
    );
    if dots.count > 0 {
        let _ = writeln!(svg, "<path class=\"o\" d=\"{}\"/><path class=\"i\" d=\"{}\"/>", dots.path, dots.path);
    }
    foot.write(&mut svg, extent.height + size * 0.4, size, &rows);
    svg.push_str("</svg>\n");
    svg
}

/// What stands below the map: the scale bar, what colours mean, and what is not seen.
struct Foot<'a> {
    /// Metres and units.
    bar: (f64, f64),
    legend: Vec<Paint>,
    notes: Vec<String>,
    drawing: &'a Drawing,
    dots: usize,
    outside: u64,
    lines_outside: u64,
    is_straight: bool,
}

impl<'a> Foot<'a> {
    fn of(network: &Network, extent: &Extent, ways: &Ways, dots: &Dots, drawing: &'a Drawing) -> Self {
        let used: BTreeSet<Paint> = ways.ways.iter().map(|way| ways.paints[usize::from(way.colour)]).collect();
        let legend: Vec<Paint> = used.iter().copied().filter(|paint| paint.word().is_some()).collect();
        // One kind needs no legend, unless others have colours of their own.
        let legend = if used.len() > 1 { legend } else { Vec::new() };
        let outside = network.stops.len() as u64 - drawing.stops;
        let mut notes = Vec::new();
        let is_straight = network.lines.iter().any(|line| line.is_straight);
        if is_straight {
            notes.push("Luftlinien von Halt zu Halt / straight from stop to stop".to_owned());
        }
        if outside > 0 {
            let number = thin(outside);
            notes.push(match outside {
                1 => "1 Haltestelle liegt außerhalb / 1 stop is outside".to_owned(),
                _ => format!("{number} Haltestellen liegen außerhalb / {number} stops are outside"),
            });
        }
        Self {
            bar: bar(extent),
            legend,
            notes,
            drawing,
            dots: dots.count,
            outside,
            lines_outside: ways.outside,
            is_straight,
        }
    }

    fn description(&self) -> Text {
        let count = |number: u64, one: Text, many: Text| {
            let (word, grouped) = (if number == 1 { one } else { many }, grouped(number));
            Text::new(format!("{} {}", grouped.en, word.en), format!("{} {}", grouped.de, word.de))
        };
        let stops = count(self.drawing.stops, Text::new("stop", "Haltestelle"), Text::new("stops", "Haltestellen"));
        let lines = count(self.drawing.routes, Text::new("line", "Linie"), Text::new("lines", "Linien"));
        let metres = grouped(self.bar.0 as u64);
        let mut text = Text::new(
            format!("Map of {} and {}, north is up; the bar is {} m long.", lines.en, stops.en, metres.en),
            format!("Karte von {} und {}, Norden ist oben; der Balken ist {} m lang.", lines.de, stops.de, metres.de),
        );
        let mut add = |en: String, de: String| {
            text.en.push_str(&en);
            text.de.push_str(&de);
        };
        if (self.dots as u64) < self.drawing.stops {
            let circles = grouped(self.dots as u64);
            add(
                format!(" Stops that lie together are one circle: {} of them.", circles.en),
                format!(" Haltestellen, die beieinander liegen, sind ein Kreis: {} Kreise.", circles.de),
            );
        }
        if self.is_straight {
            add(
                " Lines without shapes go straight from stop to stop.".to_owned(),
                " Linien ohne Linienweg verlaufen gerade von Halt zu Halt.".to_owned(),
            );
        }
        if self.outside > 0 {
            let number = grouped(self.outside);
            add(
                format!(" Far outside, or without a usable position: {} stops.", number.en),
                format!(" Weit außerhalb oder ohne brauchbare Position: {} Haltestellen.", number.de),
            );
        }
        if self.lines_outside > 0 {
            let number = grouped(self.lines_outside);
            add(format!(" Lines outside: {}.", number.en), format!(" Linien außerhalb: {}.", number.de));
        }
        text
    }

    /// The legend in rows, by place, and the notes: as wide as the paper at most, by the width of a wide letter.
    fn rows(&self, size: f64) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let mut left = f64::MAX;
        for (class, paint) in self.legend.iter().enumerate() {
            let word = paint.word().unwrap_or_default();
            let width = size * (2.6 + 0.62 * word.chars().count() as f64);
            if left + width > WIDTH - size {
                rows.push(Row::Legend(Vec::new()));
                left = size;
            }
            if let Some(Row::Legend(row)) = rows.last_mut() {
                row.push((left, class, word));
            }
            left += width;
        }
        for note in &self.notes {
            // Where both languages do not fit into a row, each has its own.
            let is_wide = size * (1.0 + 0.52 * note.chars().count() as f64) > WIDTH - size;
            match note.split_once(" / ").filter(|_| is_wide) {
                Some((de, en)) => rows.extend([de, en].map(|part| Row::Note(part.to_owned()))),
                None => rows.push(Row::Note(note.clone())),
            }
        }
        rows
    }

    fn write(&self, svg: &mut String, top: f64, size: f64, rows: &[Row]) {
        let (metres, units) = self.bar;
        let label = if metres < 1000.0 { format!("{metres} m") } else { format!("{} km", metres / 1000.0) };
        let (y, tick) = (top + size * 0.55, size * 0.25);
        let _ = write!(
            svg,
            "<path class=\"b\" d=\"M{size} {:.0}v{:.0}h{units:.0}v{:.0}\"/><text x=\"{:.0}\" y=\"{:.0}\">{label}</text>",
            y - tick,
            tick * 2.0,
            -tick * 2.0,
            size * 1.6 + units,
            top + size * 0.9,
        );
        for (place, row) in (1..).zip(rows) {
            let y = top + size * (0.9 + 1.5 * f64::from(place));
            match row {
                Row::Note(text) => {
                    let _ = write!(svg, "<text x=\"{size}\" y=\"{y:.0}\">{text}</text>");
                }
                Row::Legend(words) => {
                    for (x, class, word) in words {
                        let _ = write!(
                            svg,
                            "<path class=\"g k{class}\" d=\"M{x:.0} {:.0}h{:.0}\"/><text x=\"{:.0}\" y=\"{y:.0}\">{word}</text>",
                            y - size * 0.33,
                            size * 1.2,
                            x + size * 1.6,
                        );
                    }
                }
            }
        }
        svg.push('\n');
    }
}

enum Row {
    Note(String),
    /// From the left: where, which class, which word.
    Legend(Vec<(f64, usize, &'static str)>),
}

/// A number as both languages read it: with thin blanks between thousands.
fn thin(number: u64) -> String {
    Language::En.of(&grouped(number)).replace(',', "\u{202f}")
}

/// The longest round length that is at most a quarter of the paper.
fn bar(extent: &Extent) -> (f64, f64) {
    let most = WIDTH / 4.0 / extent.units_per_metre();
    let lengths = (1..=7).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    let metres = lengths.filter(|metres| *metres <= most).fold(10.0, f64::max);
    (metres, metres * extent.units_per_metre())
}
