//! The sums of a period, its gaps one by one, and the same by cells of equal length.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::explainer::Stretch;
use super::explanation::{Class, Explanation};

/// Gaps that are told one by one. Of more the longest ones are.
const SPANS: usize = 20_000;

/// What became of the beats of a period.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The period: beats that are due from `from` (included) until `until` (not included) count.
    pub from: Timestamp,
    pub until: Timestamp,
    /// All beats of the period: the sum of `by`.
    pub beats: u64,
    pub by: BTreeMap<Explanation, u64>,
    /// Beats one behind the other that gave no good body for one reason, in the order of time.
    pub spans: Vec<Span>,
    /// How many spans there were beside those, each shorter than they are.
    pub spans_left_out: u64,
    /// The period from this instant on, in parts of equal length: the beats of each by class, in the order of [`Class::ALL`].
    pub shown_from: Timestamp,
    pub cells: Vec<[u64; Class::ALL.len()]>,
    /// Beats that gave a good body, the first and the last.
    pub first_good: Option<Timestamp>,
    pub last_good: Option<Timestamp>,
    /// The first beat of the period, and whether the period begins so long before it that there were none.
    pub first_beat: Option<Timestamp>,
    pub begins_before: bool,
}

/// Beats one behind the other with one explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// When the first of them was due.
    pub from: Timestamp,
    /// When the beat behind the last was due.
    pub until: Timestamp,
    pub explanation: Explanation,
    pub beats: u64,
    /// Beats of the period before it: what follows at once continues it.
    index: u64,
}

impl Coverage {
    /// Of a period, shown in so many cells.
    pub fn new(from: Timestamp, until: Timestamp, cells: usize) -> Self {
        Self {
            from,
            until,
            shown_from: from,
            beats: 0,
            by: BTreeMap::new(),
            spans: Vec::new(),
            spans_left_out: 0,
            cells: vec![[0; Class::ALL.len()]; cells],
            first_good: None,
            last_good: None,
            first_beat: None,
            begins_before: false,
        }
    }

    /// The same, with cells that begin later. Before that no beat may be due.
    pub fn shown_from(self, shown_from: Timestamp) -> Self {
        Self { shown_from: shown_from.clamp(self.from, self.until), ..self }
    }

    /// How many beats are of a class.
    pub fn of(&self, class: Class) -> u64 {
        self.by.iter().filter(|(explanation, _)| explanation.class() == class).map(|(_, beats)| beats).sum()
    }

    /// Adds what of a stretch is in the period. Stretches come in the order of their time.
    pub fn add(&mut self, stretch: Stretch) {
        let Some(stretch) = stretch.within(self.from.as_millisecond(), self.until.as_millisecond()) else { return };
        let Stretch { explanation, beats, .. } = stretch;
        if self.first_beat.is_none() {
            self.first_beat = Some(stretch.due(0));
            self.begins_before = stretch.first_ms.saturating_sub(stretch.every_ms) >= self.from.as_millisecond();
        }
        *self.by.entry(explanation).or_default() += beats;
        let (from, last, until) = (stretch.due(0), stretch.due(beats - 1), stretch.due(beats));
        if explanation.is_good() {
            self.first_good = self.first_good.or(Some(from));
            self.last_good = Some(last);
        } else {
            match self.spans.last_mut() {
                Some(span) if span.explanation == explanation && span.index + span.beats == self.beats => {
                    span.until = until;
                    span.beats += beats;
                }
                _ => self.spans.push(Span { from, until, explanation, beats, index: self.beats }),
            }
            if self.spans.len() > 2 * SPANS {
                self.limit_spans();
            }
        }
        self.add_to_cells(stretch);
        self.beats += beats;
    }

    /// Leaves out the shortest spans where there are too many.
    pub fn limit_spans(&mut self) {
        if self.spans.len() <= SPANS {
            return;
        }
        self.spans_left_out += (self.spans.len() - SPANS) as u64;
        let length = |span: &Span| span.until.duration_since(span.from);
        self.spans.sort_by_key(|span| std::cmp::Reverse((span.explanation == Explanation::Unexplained, length(span))));
        self.spans.truncate(SPANS);
        self.spans.sort_by_key(|span| span.index);
    }

    fn add_to_cells(&mut self, stretch: Stretch) {
        let Some(count) = i64::try_from(self.cells.len()).ok().filter(|count| *count > 0) else { return };
        let (from, until) = (self.shown_from.as_millisecond(), self.until.as_millisecond());
        let begin = |cell: i64| {
            let offset = i128::from(until - from) * i128::from(cell) / i128::from(count);
            from + i64::try_from(offset).unwrap_or(0)
        };
        let place = |ms: i64| {
            let cell = i128::from(ms - from) * i128::from(count) / i128::from((until - from).max(1));
            i64::try_from(cell).unwrap_or(0).clamp(0, count - 1)
        };
        let class = stretch.explanation.class() as usize;
        let first = place(stretch.first_ms);
        let last = place(stretch.due(stretch.beats - 1).as_millisecond());
        for cell in (first - 1).max(0)..=(last + 1).min(count - 1) {
            let end = if cell + 1 == count { until } else { begin(cell + 1) };
            if let Some(part) = stretch.within(begin(cell), end)
                && let Some(counts) = usize::try_from(cell).ok().and_then(|cell| self.cells.get_mut(cell))
            {
                counts[class] += part.beats;
            }
        }
    }
}
