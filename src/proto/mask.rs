//! Command lines as the log may show them.
//!
//! A client that is not well makes of a password what it likes: a command without a tag, with a space too many, a response to
//! AUTHENTICATE that nobody asked for. So it is not the grammar that says what is secret.

use super::command_table::{Stage, row_of};

/// Commands of which nothing more is shown.
const SECRET: [&str; 2] = ["LOGIN", "AUTHENTICATE"];

/// One of them among so many words is meant as the command.
const WORDS: usize = 3;

/// The line with what follows LOGIN and AUTHENTICATE left out, and literals shown by their place alone. Nothing of a line
/// that is no command: before login it may be a password, and of one word alone always.
pub fn mask(line: &str, stage: Stage) -> String {
    let is_secret = |word: &str| SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(word));
    if let Some((_, shown)) = words(line).take(WORDS).find(|(word, _)| is_secret(word)) {
        return format!("{shown} (masked)");
    }
    let is_known = |name: &str| stage == Stage::Authenticated || row_of(&name.to_ascii_uppercase()).is_some();
    match words(line).nth(1) {
        Some((name, _)) if is_known(name) => line.replace('\0', "{literal}"),
        _ => "(masked)".into(),
    }
}

/// The words of a line, each with all up to its end.
fn words(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut end = 0;
    line.split([' ', '"', '\0']).filter_map(move |word| {
        end += word.len();
        let shown = &line[..end];
        // Each separator is of one octet.
        end += 1;
        (!word.is_empty()).then_some((word, shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show() {
        let before = |line| mask(line, Stage::NotAuthenticated);
        assert_eq!(before("a login joe secret"), "a login (masked)");
        assert_eq!(before("a  LOGIN joe secret"), "a  LOGIN (masked)");
        assert_eq!(before("LOGIN joe secret"), "LOGIN (masked)");
        assert_eq!(before("a LOGIN\0\0"), "a LOGIN (masked)");
        assert_eq!(before("a b \"LOGIN\" joe secret"), "a b \"LOGIN (masked)");
        assert_eq!(before("a AUTHENTICATE PLAIN Zm9v"), "a AUTHENTICATE (masked)");
        assert_eq!(before("AUTHENTICATE PLAIN Zm9v"), "AUTHENTICATE (masked)");
        assert_eq!(before("Zm9v"), "(masked)");
        assert_eq!(before("joe secret"), "(masked)");
        assert_eq!(before(""), "(masked)");
        assert_eq!(before("a  noop"), "a  noop");
        let after = |line| mask(line, Stage::Authenticated);
        assert_eq!(after("a login joe secret"), "a login (masked)");
        assert_eq!(after("Zm9v"), "(masked)");
        assert_eq!(after("a XAPPLE x"), "a XAPPLE x");
        assert_eq!(after("a APPEND x \0"), "a APPEND x {literal}");
    }
}
