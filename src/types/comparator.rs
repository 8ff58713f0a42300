//! How strings are compared in SEARCH, SORT and THREAD.           RFC 4790; RFC 5255 4

/// Those that can tell equality, order and substrings: SEARCH and SORT need all three. RFC 5255 4.4
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// Without regard to case in any script, nor to how characters are composed. RFC 5051
    #[default]
    UnicodeCasemap,
    /// Without regard to case in ASCII alone. RFC 4790 9.2
    AsciiCasemap,
    /// RFC 4790 9.3
    Octet,
}

impl Comparator {
    pub const ALL: [Comparator; 3] = [Comparator::UnicodeCasemap, Comparator::AsciiCasemap, Comparator::Octet];

    pub const fn name(self) -> &'static str {
        match self {
            Comparator::UnicodeCasemap => "i;unicode-casemap",
            Comparator::AsciiCasemap => "i;ascii-casemap",
            Comparator::Octet => "i;octet",
        }
    }

    /// Its place in `ALL`.
    pub const fn number(self) -> usize {
        self as usize
    }

    /// Those that a client's `collation-order` means: a name, or a pattern in which `*` stands for any octets; `default`
    /// for the server's own. A sign before it asks for the reverse order, which no command has. RFC 4790 3.1, 3.2
    pub fn matching(wanted: &str) -> Vec<Comparator> {
        if wanted.eq_ignore_ascii_case("default") {
            return vec![Comparator::default()];
        }
        let wanted = wanted.strip_prefix('+').unwrap_or(wanted).to_ascii_lowercase();
        Comparator::ALL.into_iter().filter(|comparator| matches(&wanted, comparator.name())).collect()
    }
}

/// `*` is rare, names are short: the pieces between are looked for one after the other.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    for piece in between {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        let names = |wanted| Comparator::matching(wanted).iter().map(|c| c.name()).collect::<Vec<_>>();
        assert_eq!(names("i;octet"), ["i;octet"]);
        assert_eq!(names("I;Unicode-Casemap"), ["i;unicode-casemap"]);
        assert_eq!(names("i;*casemap"), ["i;unicode-casemap", "i;ascii-casemap"]);
        assert_eq!(names("*").len(), 3);
        assert_eq!(names("i;*a*p"), ["i;unicode-casemap", "i;ascii-casemap"]);
        assert_eq!(names("default"), ["i;unicode-casemap"]);
        assert!(names("cz;*").is_empty() && names("").is_empty() && names("i;oct").is_empty());
        assert!(names("i;ascii-numeric").is_empty());
    }
}
