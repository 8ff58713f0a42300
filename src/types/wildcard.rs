//! Patterns of an administrator's: `*` stands for any text, all else for itself in any case.

/// A pattern, in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard(String);

impl Wildcard {
    pub fn new(pattern: &str) -> Wildcard {
        Wildcard(pattern.to_lowercase())
    }

    /// Takes time in proportion to the product of the two lengths at the worst.
    pub fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        // What is found first leaves most for those behind.
        for piece in pieces {
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("abc", "ABC", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("a*", "A", true),
            ("*c", "abc", true),
            ("a*a", "a", false),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "acb", false),
            ("*ab*", "xxabyy", true),
            ("**", "x", true),
            ("Outlook*", "outlook-iOS", true),
        ] {
            assert_eq!(Wildcard::new(pattern).matches(text), want, "{pattern} {text}");
        }
    }
}
