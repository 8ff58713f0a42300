//! Patterns of LIST and LSUB.                       RFC 9051 6.3.9

use std::collections::HashMap;

use super::name::{DELIMITER, MailboxName, fold_inbox};

/// What a longer pattern asks for no name can have: each of its characters, and a wildcard before and behind it.
const CHARS_MAX: usize = 2 * MailboxName::BYTES_MAX + 1;

/// Stands in no name.
const IN_NO_NAME: char = '\0';

/// A set of characters of the pattern, or of places between them, by their numbers.
type Bits = Box<[u64]>;

/// A pattern, the reference already put before it: `*` matches anything, `%` anything within one level.
///
/// A client may send one as long as a line, and has as many names as it likes: all states of a match are moved on
/// together, 64 of them with one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// No two wildcards stand side by side.
    chars: Vec<char>,
    /// Where each character stands that is no wildcard.
    places: HashMap<char, Bits>,
    stars: Bits,
    percents: Bits,
}

impl Pattern {
    pub fn new(reference: &str, pattern: &str) -> Pattern {
        let mut chars: Vec<char> = Vec::new();
        for c in fold_inbox(&format!("{reference}{pattern}")).chars() {
            // Wildcards side by side say no more than the wider of them.
            match chars.last_mut().filter(|last| is_wildcard(**last) && is_wildcard(c)) {
                Some(last) if c == '*' => *last = c,
                Some(_) => {}
                None => chars.push(c),
            }
        }
        if chars.len() > CHARS_MAX {
            chars = vec![IN_NO_NAME];
        }
        let none: Bits = vec![0; words(&chars)].into();
        let (mut places, mut stars, mut percents) = (HashMap::new(), none.clone(), none.clone());
        for (at, &c) in chars.iter().enumerate() {
            let of = match c {
                '*' => &mut stars,
                '%' => &mut percents,
                _ => places.entry(c).or_insert_with(|| none.clone()),
            };
            of[at / 64] |= 1 << (at % 64);
        }
        Pattern { chars, places, stars, percents }
    }

    /// What every name that matches begins with.
    pub fn prefix(&self) -> String {
        self.chars.iter().take_while(|c| !is_wildcard(**c)).collect()
    }

    /// Whether the pattern has no wildcard, so that at most one name matches.
    pub fn is_literal(&self) -> bool {
        !self.chars.iter().copied().any(is_wildcard)
    }

    /// Whether the pattern stops at a level, so that LSUB must show the parents of deeper names. RFC 3501 6.3.9
    pub fn ends_in_level(&self) -> bool {
        self.chars.last() == Some(&'%')
    }

    pub fn matches(&self, name: &str) -> bool {
        // State i: the first i characters of the pattern match what has been read of the name.
        let mut states: Bits = vec![0; words(&self.chars)].into();
        states[0] = 1;
        self.skip_wildcards(&mut states);
        for c in name.chars() {
            self.read(c, &mut states);
            self.skip_wildcards(&mut states);
        }
        let end = self.chars.len();
        states[end / 64] >> (end % 64) & 1 == 1
    }

    fn read(&self, c: char, states: &mut Bits) {
        let (places, mut carried) = (self.places.get(&c), 0);
        for (at, state) in states.iter_mut().enumerate() {
            let stays = self.stars[at] | if c == DELIMITER { 0 } else { self.percents[at] };
            let moves = places.map_or(0, |places| *state & places[at]);
            *state = (*state & stays) | moves << 1 | carried;
            carried = moves >> 63;
        }
    }

    /// A wildcard may match nothing.
    fn skip_wildcards(&self, states: &mut Bits) {
        let mut carried = 0;
        for (at, state) in states.iter_mut().enumerate() {
            let moves = *state & (self.stars[at] | self.percents[at]);
            *state |= moves << 1 | carried;
            carried = moves >> 63;
        }
    }
}

fn is_wildcard(c: char) -> bool {
    matches!(c, '*' | '%')
}

/// There is one state more than there are characters.
fn words(chars: &[char]) -> usize {
    chars.len() / 64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let yes = [
            ("*", "a/b"),
            ("%", "a"),
            ("a/%", "a/b"),
            ("%/b", "a/b"),
            ("inbox", "INBOX"),
            ("*b*", "abc"),
            ("a%c", "abc"),
            ("", ""),
        ];
        let no = [("%", "a/b"), ("a/%", "a"), ("a", "A"), ("%/%", "a"), ("a%c", "a/c"), ("", "a")];
        yes.iter().for_each(|(p, n)| assert!(Pattern::new("", p).matches(n), "{p} {n}"));
        no.iter().for_each(|(p, n)| assert!(!Pattern::new("", p).matches(n), "{p} {n}"));
        assert!(Pattern::new("a/", "%").matches("a/b"));
        let prefix = |pattern| Pattern::new("", pattern).prefix();
        assert_eq!([prefix("*"), prefix("inbox/%"), prefix("a/b")], ["", "INBOX/", "a/b"]);
    }

    /// The plain way: what a pattern means, character by character.
    fn plainly(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, _) => name.is_empty(),
            (Some((p, rest)), name_split) if is_wildcard(*p) => {
                plainly(rest, name)
                    || name_split.is_some_and(|(c, more)| (*p == '*' || *c != DELIMITER) && plainly(pattern, more))
            }
            (Some((p, rest)), Some((c, more))) => p == c && plainly(rest, more),
            (Some(_), None) => false,
        }
    }

    #[test]
    fn as_the_plain_way_has_it() {
        let mut state = 1u64;
        let mut draw = |of: &str, most: u64| -> String {
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                state >> 33
            };
            let length = next() % most;
            (0..length).filter_map(|_| of.chars().nth(next() as usize % of.len())).collect()
        };
        for _ in 0..20_000 {
            let (pattern, name) = (draw("ab/*%", 9), draw("aab/", 9));
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(
                Pattern::new("", &pattern).matches(&name),
                plainly(&chars(&pattern), &chars(&name)),
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn long_ones() {
        let (name, wild) = ("abc/".repeat(249) + "d", "*b%c*".repeat(249) + "d");
        assert!(Pattern::new("", &name).matches(&name) && Pattern::new("", &wild).matches(&name));
        assert!(!Pattern::new("", &format!("{wild}*e")).matches(&name));
        // Wildcards that say nothing make no pattern too long, and more characters than a name can have match none.
        assert!(Pattern::new("", &"*%".repeat(30_000)).matches(&name));
        assert_eq!(Pattern::new("", &"*a".repeat(30_000)).chars.len(), 1);
        assert!(!Pattern::new("", &"*a".repeat(30_000)).matches(&"a".repeat(30_000)));
    }
}
