//! How deep a query may be. What comes after the parser goes through expressions by recursion, and a query of twenty
//! thousand terms would end the program by using up its stack.

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The most words and signs of a query.
const TOKENS: usize = 20_000;
/// The most words and signs of an expression, those of the expressions around it among them: each may be one level.
const TERM: usize = 1_000;
/// The most queries that UNION and the like put together.
const COMBINED: usize = 50;
/// The most tables of a FROM.
const JOINED: usize = 50;

/// One level of parentheses, or of CASE and END.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Words and signs since the last comma or clause.
    term: usize,
    combined: usize,
    joined: usize,
}

/// Why a query is too deep or too long, and on which of its lines (from 1).
pub(super) fn mistake(tokens: &[TokenWithSpan]) -> Option<(u32, String)> {
    let mut levels = vec![Level::default()];
    let mut depth = 0;
    let mut tokens = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).peekable();
    let mut before = &Token::EOF;
    let mut count = 0;
    while let Some(TokenWithSpan { token, span }) = tokens.next() {
        let line = u32::try_from(span.start.line).unwrap_or(1).max(1);
        let told = |message: String| Some((line, message));
        count += 1;
        if count > TOKENS {
            return told(format!("it has more than {TOKENS} words and signs"));
        }
        let word = keyword(token).filter(|_| *before != Token::Period);
        let is_next = |wanted: &str, next: Option<&&TokenWithSpan>| {
            next.and_then(|next| keyword(&next.token)).is_some_and(|word| word.eq_ignore_ascii_case(wanted))
        };
        let is = |wanted: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        // A clause begins anew. GROUP also ends an aggregate, and FROM also compares (IS DISTINCT FROM).
        let is_clause =
            ["SELECT", "WHERE", "HAVING", "QUALIFY", "WHEN", "THEN", "ELSE", "JOIN", "ON"].into_iter().any(is)
                || (is("GROUP") || is("ORDER")) && is_next("BY", tokens.peek())
                || is("FROM") && !keyword(before).is_some_and(|word| word.eq_ignore_ascii_case("DISTINCT"));
        let level = levels.len() - 1;
        if is_clause || *token == Token::Comma {
            depth -= std::mem::take(&mut levels[level].term);
        }
        levels[level].term += 1;
        depth += 1;
        if ["UNION", "INTERSECT", "EXCEPT"].into_iter().any(is) {
            levels[level].combined += 1;
        }
        if is("JOIN") {
            levels[level].joined += 1;
        }
        if depth > TERM {
            return told(format!("an expression in it has more than {TERM} words and signs, which is too deep"));
        }
        if levels[level].combined > COMBINED {
            return told(format!("it puts more than {COMBINED} queries together"));
        }
        if levels[level].joined > JOINED {
            return told(format!("it joins more than {JOINED} tables"));
        }
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => levels.push(Level::default()),
            Token::RParen | Token::RBracket | Token::RBrace => depth -= leave(&mut levels),
            _ if is("CASE") => levels.push(Level::default()),
            _ if is("END") => depth -= leave(&mut levels),
            _ => {}
        }
        before = token;
    }
    None
}

/// Leaves a level; gives its words and signs.
fn leave(levels: &mut Vec<Level>) -> usize {
    // Of the outermost there is nothing to leave; the parser tells that a bracket is too many.
    if levels.len() > 1 { levels.pop().map_or(0, |level| level.term) } else { 0 }
}

/// A word that may be a keyword, for it has no quotes.
fn keyword(token: &Token) -> Option<&str> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::query::Query;

    #[test]
    fn a_query_that_would_use_up_the_stack_is_told_with_its_line() {
        let many = |what: &str, times: usize| what.repeat(times);
        let deep = [
            format!("1{}", many(" + 1", 20_000)),
            format!("a = 1{}", many("\nOR a = 1", 20_000)),
            format!("{}a", many("NOT ", 20_000)),
            format!("{}a", many("- ", 20_000)),
            format!("{}a{}", many("(", 20_000), many(")", 20_000)),
            format!("a{}", many("::BIGINT", 20_000)),
            format!("a{}", many("[1]", 20_000)),
            format!("a{}", many(" IS DISTINCT FROM 1", 5_000)),
            format!("a{}", many(" + CASE WHEN a > 1 THEN 1 ELSE 2 END", 1_500)),
            format!("SUM(a){}", many(" + SUM(a) WITHIN GROUP (ORDER BY a)", 1_500)),
            format!("t.a{}", many(" + t.from", 5_000)),
            format!("a{}", many(" IN (1)", 5_000)),
            format!("{}1{}", many("ABS(a + ", 5_000), many(")", 5_000)),
            many("a + b, ", 10_000) + "a",
        ];
        for expression in deep {
            for sql in [format!("SELECT {expression} FROM t"), format!("SELECT _index FROM t WHERE {expression} > 1")] {
                let fault = Query::read(&sql, "t").unwrap_err();
                assert!(fault.message.len() < 200, "{}: {}", &sql[..60], fault.message);
            }
        }
        let union = format!("SELECT 1{}", many(" UNION ALL SELECT 1", 5_000));
        assert!(Query::read(&union, "t").unwrap_err().message.contains("more than 50 queries"));
        let joins = format!("SELECT t._index FROM t{}", many(" JOIN t AS u ON u.a = t.a", 500));
        assert!(Query::read(&joins, "t").unwrap_err().message.contains("more than 50 tables"));
        let lines = format!("SELECT _index FROM t WHERE a = 1{}", many("\nOR a = 1", 20_000));
        let fault = Query::read(&lines, "t").unwrap_err();
        assert!(fault.line > 100 && fault.message.contains("more than 1000 words and signs"), "{fault:?}");
    }

    #[test]
    fn long_queries_that_people_write_are_read() {
        let list = vec!["'a'"; 5_000].join(", ");
        let or = vec!["a = 1"; 200].join(" OR ");
        let when = "WHEN a = 1 THEN 'x' ".repeat(500);
        for sql in [
            format!("SELECT _index FROM t WHERE a IN ({list})"),
            format!("SELECT _index FROM t WHERE {or}"),
            format!("SELECT _index FROM t WHERE CASE {when}ELSE 'y' END = 'x'"),
        ] {
            assert!(Query::read(&sql, "t").is_ok(), "{}", &sql[..60]);
        }
    }
}
