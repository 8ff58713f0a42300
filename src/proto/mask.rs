//! Command lines as the log may show them.

/// The line with what follows LOGIN and AUTHENTICATE left out, and literals shown by their place alone.
pub fn mask(line: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let (tag, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let secret = name.eq_ignore_ascii_case("LOGIN") || name.eq_ignore_ascii_case("AUTHENTICATE");
    match secret {
        true => format!("{tag} {name} (masked)"),
        false => line.replace('\0', "{literal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show() {
        assert_eq!(mask("a login joe secret"), "a login (masked)");
        assert_eq!(mask("a AUTHENTICATE PLAIN Zm9v"), "a AUTHENTICATE (masked)");
        assert_eq!(mask("a APPEND x \0"), "a APPEND x {literal}");
    }
}
