//! The days of one year: `<dataset>/2025.html`. Nothing in it is of another year, so that the page of a year that is over changes only
//! when its days do.

use maud::{Markup, html};

use super::calendar;
use super::view::View;
use crate::time::ServiceDate;

pub(super) fn content(view: View<'_>, year: i16) -> Markup {
    let whole = ServiceDate::new(year, 1, 1).zip(ServiceDate::new(year, 12, 31));
    let (Some((from, to)), Some((first, newest))) = (whole, view.days.bounds) else { return html! {} };
    let (from, to) = (from.max(ServiceDate(first.0.first_of_month())), to.min(newest));
    let groups = view.days.groups(from, to);
    let of = view.title();
    html! {
        (view.page.crumbs_of(&[(of.clone(), &super::path(view.name()))], &view.year(year)))
        h1 { (of) " " (view.year(year)) }
        (calendar::without_beat(view, from, to))
        (calendar::months(view, from, to, false))
        @if !groups.is_empty() {
            h2 { (view.say("Tage, an denen etwas fehlt", "Days with something missing")) }
            (calendar::list(view, &groups))
        }
        (calendar::small_gaps(view, from, to, usize::MAX))
    }
}
