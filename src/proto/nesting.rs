//! How deep the arguments of a command may be nested, before they are parsed.       RFC 9051 9 (search-key)
//!
//! The parser recurses into brackets, and into the operands of NOT, OR and FUZZY, which nest without them. What stands
//! side by side costs nothing: keys one after another, and the alternatives of `OR a OR b c`, of which a client may have
//! hundreds. Where it is not known at a glance which of the two it is, it counts.

/// Words that take search keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    /// NOT and FUZZY.
    One,
}

impl Operator {
    fn of(word: &str) -> Option<Operator> {
        let is = |known: &str| word.eq_ignore_ascii_case(known);
        match word.len() {
            2 if is("OR") => Some(Operator::Or),
            3 | 5 if is("NOT") || is("FUZZY") => Some(Operator::One),
            _ => None,
        }
    }
}

/// As deep as brackets are.
#[derive(Clone, Copy, Default)]
struct Depth {
    /// With the operators that stand directly before the brackets.
    with_operators: usize,
    /// With an OR that stands directly behind each: the others are counted apart.
    with_or: usize,
}

#[derive(Default)]
struct Nesting {
    /// Before each open bracket.
    outside: Vec<Depth>,
    here: Depth,
    deepest: Depth,
    /// Operators that stand directly one behind the other, up to here.
    run: usize,
    /// Operators that may nest wherever they stand, once there is an OR.
    apart: usize,
    has_or: bool,
    begins_bracket: bool,
}

/// At least the depth to which the parser recurses.
pub(super) fn nesting(args: &str) -> usize {
    let (mut nesting, mut word_at, mut quoted, mut escaped) = (Nesting::default(), 0, false, false);
    for (at, c) in args.char_indices() {
        match (quoted, c) {
            (true, _) if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => quoted = !quoted,
            _ => {}
        }
        if !quoted && c.is_ascii_alphabetic() {
            continue;
        }
        if !quoted {
            nesting.word(&args[word_at..at]);
            nesting.mark(c);
        }
        word_at = at + c.len_utf8();
    }
    match nesting.has_or {
        false => nesting.deepest.with_operators,
        true => nesting.deepest.with_or + nesting.apart + 1,
    }
}

impl Nesting {
    fn word(&mut self, word: &str) {
        match Operator::of(word) {
            None if word.is_empty() => return,
            None => self.run = 0,
            Some(operator) => self.operator(operator),
        }
        self.begins_bracket = false;
    }

    fn operator(&mut self, operator: Operator) {
        self.has_or |= operator == Operator::Or;
        // An OR behind a key that is complete is the next one of a chain, or stands beside it.
        self.apart += usize::from(operator == Operator::One || self.run > 0);
        self.run += 1;
        if self.begins_bracket && operator == Operator::Or {
            self.here.with_or += 1;
        }
        self.note(self.run);
    }

    fn mark(&mut self, c: char) {
        match c {
            ' ' => return,
            '(' => {
                self.outside.push(self.here);
                self.here.with_operators += 1 + self.run;
                self.here.with_or += 1;
                self.note(0);
            }
            ')' => self.here = self.outside.pop().unwrap_or_default(),
            _ => {}
        }
        self.run = 0;
        self.begins_bracket = c == '(';
    }

    fn note(&mut self, run: usize) {
        self.deepest.with_operators = self.deepest.with_operators.max(self.here.with_operators + run);
        self.deepest.with_or = self.deepest.with_or.max(self.here.with_or);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_is_not_deep() {
        let shallow = [
            format!(" {}ALL", "OR FROM a ".repeat(5000)),
            format!(" {}ALL", "NOT SEEN ".repeat(1000)),
            format!(" {}", "(OR a b) ".repeat(1000)),
            format!(" {}", "(NOT (OR a b)) ".repeat(10)),
            " SUBJECT \"NOT NOT NOT NOT (((((((((((((((((((((((((((\"".to_string(),
        ];
        for args in shallow {
            assert!(nesting(&args) < 20, "{} {}", nesting(&args), &args[..20]);
        }
    }

    #[test]
    fn what_nests_counts() {
        let n = 60;
        let deep = [
            format!(" {}ALL", "NOT ".repeat(n)),
            format!(" {}ALL", "FUZZY NOT ".repeat(n / 2)),
            format!(" {}a{}", "OR ".repeat(n), " b".repeat(n)),
            format!(" {}a", "OR a NOT ".repeat(n)),
            format!(" {}a{}", "(".repeat(n), ")".repeat(n)),
            format!(" {}a{}", "(NOT ".repeat(n / 2), ")".repeat(n / 2)),
            format!(" {}a{}", "NOT (".repeat(n / 2), ")".repeat(n / 2)),
            format!(" {}a{}", "(OR a ".repeat(n / 2), ")".repeat(n / 2)),
            format!(" {}a{}", "(OR (".repeat(n / 3), ") b)".repeat(n / 3)),
            format!(" {}a", "OR OR a b FUZZY ".repeat(n / 2)),
        ];
        for args in deep {
            assert!(nesting(&args) >= n, "{} {args}", nesting(&args));
        }
    }
}
