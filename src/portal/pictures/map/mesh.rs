//! The streets and tracks of a network, each once, however many lines run on them.
//!
//! Shapes of GTFS lie on each other, but their points do not: points closer to each other than `grain` become one node, and each segment
//! is led through the nodes that it passes at less than that (as snap rounding does). Then a piece of a street is the same pair of nodes
//! for all lines.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::portal::pictures::map::simplify::simplified;

/// A line's way, and its colour among those of the map.
pub(super) struct Way {
    /// Which of the routes has it.
    pub route: u32,
    pub colour: u16,
    pub points: Vec<[f64; 2]>,
}

struct Nodes {
    grain: f64,
    places: Vec<[f64; 2]>,
    cells: FxHashMap<(i32, i32), Vec<u32>>,
}

fn distance2(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

impl Nodes {
    fn cell(&self, at: [f64; 2]) -> (i32, i32) {
        // The paper has some thousand units.
        ((at[0] / self.grain).floor() as i32, (at[1] / self.grain).floor() as i32)
    }

    /// The nodes in a cell and those around it: all that are closer than the grain, and some more.
    fn around(&self, (x, y): (i32, i32)) -> impl Iterator<Item = u32> {
        let cells = (-1..=1).flat_map(move |dx| (-1..=1).map(move |dy| (x + dx, y + dy)));
        cells.filter_map(|cell| self.cells.get(&cell)).flatten().copied()
    }

    fn nearest(&self, at: [f64; 2]) -> Option<u32> {
        let near = self.around(self.cell(at)).map(|node| (distance2(self.places[node as usize], at), node));
        let near = near.filter(|(distance, _)| *distance < self.grain.powi(2));
        near.min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))).map(|(_, node)| node)
    }

    fn add(&mut self, at: [f64; 2]) {
        if self.nearest(at).is_none() {
            // There are no more nodes than fit on the paper.
            let node = self.places.len() as u32;
            self.places.push(at);
            self.cells.entry(self.cell(at)).or_default().push(node);
        }
    }

    /// The nodes by which a segment passes, on its way.
    fn passed(&self, from: [f64; 2], to: [f64; 2], out: &mut Vec<(f64, u32)>) {
        out.clear();
        let length2 = distance2(from, to);
        let steps = (length2.sqrt() / self.grain).ceil().max(1.0) as u32;
        let mut last = None;
        for step in 0..=steps {
            let share = f64::from(step) / f64::from(steps);
            let cell = self.cell([from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share]);
            if last == Some(cell) {
                continue;
            }
            last = Some(cell);
            for node in self.around(cell) {
                let at = self.places[node as usize];
                let along = (at[0] - from[0]) * (to[0] - from[0]) + (at[1] - from[1]) * (to[1] - from[1]);
                let share = if length2 > 0.0 { (along / length2).clamp(0.0, 1.0) } else { 0.0 };
                let foot = [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
                if distance2(foot, at) < self.grain.powi(2) {
                    out.push((share, node));
                }
            }
        }
        out.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        out.dedup_by_key(|passed| passed.1);
    }
}

/// The pieces of a network by colour, simplified: between two places where lines part or end.
///
/// A piece that lines of several colours share has the one that most routes on it have.
pub(super) fn pieces(ways: &[Way], grain: f64) -> BTreeMap<u16, Vec<Vec<[f64; 2]>>> {
    let mut nodes = Nodes { grain, places: Vec::new(), cells: FxHashMap::default() };
    for at in ways.iter().flat_map(|way| &way.points) {
        nodes.add(*at);
    }
    let mut edges: Vec<(u32, u32, u16, u32)> = Vec::new();
    let mut known: FxHashSet<(u32, u32, u16, u32)> = FxHashSet::default();
    let mut passed = Vec::new();
    for way in ways {
        let mut last: Option<u32> = None;
        for pair in way.points.windows(2) {
            let ends = [pair[0], pair[1]].map(|at| nodes.nearest(at));
            nodes.passed(pair[0], pair[1], &mut passed);
            let between = passed.iter().map(|(_, node)| Some(*node)).filter(|node| !ends.contains(node));
            for node in [ends[0]].into_iter().chain(between).chain([ends[1]]).flatten() {
                if let Some(from) = last.replace(node)
                    && from != node
                {
                    let edge = (from.min(node), from.max(node), way.colour, way.route);
                    if known.insert(edge) {
                        edges.push(edge);
                    }
                }
            }
        }
    }
    drop(known);
    edges.sort_unstable();
    let mut chosen: Vec<(u32, u32, u16)> = Vec::new();
    for of_edge in edges.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let by_colour = of_edge.chunk_by(|one, other| one.2 == other.2);
        // Of two that as many routes have, the first.
        if let Some(most) = by_colour.rev().max_by_key(|routes| routes.len()) {
            chosen.push((most[0].0, most[0].1, most[0].2));
        }
    }
    arcs(&nodes.places, &chosen, grain)
}

/// Chains of edges of one colour, cut where not two edges meet, each simplified.
fn arcs(places: &[[f64; 2]], edges: &[(u32, u32, u16)], grain: f64) -> BTreeMap<u16, Vec<Vec<[f64; 2]>>> {
    let mut at_node: Vec<Vec<u32>> = vec![Vec::new(); places.len()];
    for (edge, (from, to, _)) in edges.iter().enumerate() {
        for node in [from, to] {
            // There are no more edges than fit on the paper.
            at_node[*node as usize].push(edge as u32);
        }
    }
    let is_between = |node: u32| {
        let at = &at_node[node as usize];
        at.len() == 2 && edges[at[0] as usize].2 == edges[at[1] as usize].2
    };
    let mut is_done = vec![false; edges.len()];
    let mut pieces: BTreeMap<u16, Vec<Vec<[f64; 2]>>> = BTreeMap::new();
    let mut follow = |first: usize, start: u32| {
        let colour = edges[first].2;
        let (mut chain, mut edge, mut node) = (vec![places[start as usize]], first, start);
        while !is_done[edge] {
            is_done[edge] = true;
            node = if edges[edge].0 == node { edges[edge].1 } else { edges[edge].0 };
            chain.push(places[node as usize]);
            if !is_between(node) {
                break;
            }
            let at = &at_node[node as usize];
            edge = if at[0] as usize == edge { at[1] } else { at[0] } as usize;
        }
        if chain.len() > 1 {
            // A corner counts that stands out by about the grain, over a side of about twice that.
            pieces.entry(colour).or_default().push(simplified(&chain, grain * grain * 0.8));
        }
    };
    for (edge, (from, to, _)) in edges.iter().enumerate() {
        for start in [*from, *to].into_iter().filter(|node| !is_between(*node)) {
            follow(edge, start);
        }
    }
    // What is left are rings.
    for (edge, (from, _, _)) in edges.iter().enumerate() {
        follow(edge, *from);
    }
    pieces
}
