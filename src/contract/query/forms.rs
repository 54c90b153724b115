//! Which forms of SQL are known: those of which each column that decides is named, and functions that look at one row.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, JoinConstraint, JoinOperator, OrderByKind,
    Query, Select, SelectFlavor, SelectItem, SetExpr,
};

/// Functions that look at one row at a time. Every other function makes a query wait for all rows.
pub(super) const ROW_WISE: &[&str] = &[
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "date_part",
    "degrees",
    "distance_m",
    "distance_to_shape_m",
    "div",
    "ends_with",
    "exp",
    "floor",
    "greatest",
    "if",
    "ifnull",
    "in_service_area",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "log10",
    "lower",
    "ltrim",
    "mod",
    "nullif",
    "pow",
    "power",
    "radians",
    "regexp_like",
    "replace",
    "right",
    "round",
    "rtrim",
    "service_seconds",
    "sign",
    "sin",
    "sqrt",
    "starts_with",
    "strftime",
    "strpos",
    "substr",
    "tan",
    "trim",
    "upper",
];

/// Functions that make one value of many, and those over windows. They name what they look at.
const AGGREGATES: &[&str] = &[
    "avg",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "dense_rank",
    "first",
    "first_value",
    "lag",
    "last",
    "last_value",
    "lead",
    "max",
    "mean",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "rank",
    "row_number",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "stdev",
    "sum",
    "var",
    "var_pop",
    "var_samp",
    "variance",
];

fn is_all(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// Whether a part of a query takes all columns of something.
fn takes_all(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.projection.iter().any(is_all),
        SetExpr::Query(query) => takes_all(&query.body),
        SetExpr::SetOperation { left, right, .. } => takes_all(left) || takes_all(right),
        _ => true,
    }
}

/// How a query decides by columns that it does not name: by `*` in a UNION, by the place of a column.
pub(super) fn unnamed_columns(query: &Query) -> Option<&'static str> {
    let is_known = query.fetch.is_none()
        && query.locks.is_empty()
        && query.for_clause.is_none()
        && query.settings.is_none()
        && query.format_clause.is_none()
        && query.pipe_operators.is_empty();
    if !is_known {
        return Some("a clause that is not known here");
    }
    match query.body.as_ref() {
        SetExpr::Select(_) | SetExpr::Query(_) => {}
        SetExpr::SetOperation { .. } if takes_all(&query.body) => return Some("* in a UNION, INTERSECT or EXCEPT"),
        SetExpr::SetOperation { .. } => {}
        _ => return Some("what is neither a SELECT nor a UNION of them"),
    }
    match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::All(_)) => Some("ORDER BY ALL"),
        Some(OrderByKind::Expressions(by)) if takes_all(&query.body) && by.iter().any(|by| !is_name(&by.expr)) => {
            Some("ORDER BY with something else than names over *")
        }
        _ => None,
    }
}

/// Whether an expression is a name; `ALL` is none.
fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(name) => name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("all"),
        Expr::CompoundIdentifier(_) => true,
        _ => false,
    }
}

/// What in a SELECT is none of the forms of which it is known that each column is named.
pub(super) fn unknown_form(select: &Select) -> Option<&'static str> {
    let has_all = select.projection.iter().any(is_all);
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                let is_bare = options.opt_ilike.is_none()
                    && options.opt_exclude.is_none()
                    && options.opt_except.is_none()
                    && options.opt_replace.is_none()
                    && options.opt_rename.is_none()
                    && options.opt_alias.is_none();
                if !is_bare {
                    return Some("* with EXCLUDE, REPLACE, RENAME or ILIKE");
                }
            }
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => {}
            _ => return Some("several names for one expression"),
        }
    }
    let is_known = select.select_modifiers.is_none()
        && select.top.is_none()
        && select.exclude.is_none()
        && select.into.is_none()
        && select.lateral_views.is_empty()
        && select.prewhere.is_none()
        && select.connect_by.is_empty()
        && select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.value_table_mode.is_none()
        && matches!(select.flavor, SelectFlavor::Standard);
    if !is_known {
        return Some("a clause that is not known here");
    }
    let by_place = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !modifiers.is_empty() || has_all && by.iter().any(|by| !is_name(by)),
    };
    if by_place {
        return Some("GROUP BY with something else than names");
    }
    (select.distinct.is_some() && has_all).then_some("DISTINCT over *")
}

/// An expression that is none of those of which it is known that each column in it is named.
pub(super) fn unknown_expression(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => {
            let name = function.name.to_string();
            let lower = name.to_lowercase();
            if !ROW_WISE.contains(&lower.as_str()) && !AGGREGATES.contains(&lower.as_str()) {
                return Some(format!("the function {name}"));
            }
            let takes_all = match &function.args {
                FunctionArguments::List(list) => list.args.iter().any(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(_)) => false,
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => lower != "count",
                    _ => true,
                }),
                FunctionArguments::None => false,
                FunctionArguments::Subquery(_) => true,
            };
            (takes_all || !matches!(function.parameters, FunctionArguments::None))
                .then(|| format!("{name} over something else than expressions"))
        }
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::BinaryOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::RLike { .. }
        | Expr::Cast { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Interval(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::Tuple(_) => None,
        _ => Some("an expression that is not known here".to_owned()),
    }
}

pub(super) fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator::*;
    match join {
        Join(on) | Inner(on) | Left(on) | LeftOuter(on) | Right(on) | RightOuter(on) | FullOuter(on)
        | CrossJoin(on) => Some(on),
        Semi(on) | LeftSemi(on) | RightSemi(on) | Anti(on) | LeftAnti(on) | RightAnti(on) | StraightJoin(on) => {
            Some(on)
        }
        AsOf { constraint, .. } => Some(constraint),
        _ => None,
    }
}
