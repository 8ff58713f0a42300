//! The Router: where a name leads.                  CommuniGate Pro; RFC 2221
//!
//! A table of rows, a pattern and what a name that fits it becomes. The first row that fits is taken, and what comes out
//! is looked up again from the first row on, until none fits or there have been `STEPS_MAX`. What is left is an account of
//! this server, or an address elsewhere.
//!
//! ```text
//! <j.smith> = John@server.example       one name
//! <sales-*> = sales                     all that begin so; an alias
//! <*@old.example> = *@new.example       the text that * stood for
//! @old.example = @new.example           the same, shorter
//! ```

use std::fmt;

use crate::types::AccountName;

/// Rows that one address can go through: more are a circle.
const STEPS_MAX: usize = 20;

/// One side of a row, `*` at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    before: String,
    /// What is behind `*`, where there is one.
    after: Option<String>,
}

impl Side {
    fn new(text: &str) -> Option<Side> {
        let (before, after) = match text.split_once('*') {
            Some((before, after)) => (before, Some(after)),
            None => (text, None),
        };
        let once = after.is_none_or(|after| !after.contains('*'));
        once.then(|| Side { before: before.to_string(), after: after.map(str::to_string) })
    }

    /// What `*` stands for in `text`; nothing where there is none. `None`: it does not fit. A local part fits no name
    /// with a domain.
    fn fit<'a>(&self, text: &'a str) -> Option<&'a str> {
        match &self.after {
            None => (text == self.before).then_some(""),
            Some(after) => {
                let found = text.strip_prefix(self.before.as_str())?.strip_suffix(after.as_str());
                found.filter(|found| !found.contains('@'))
            }
        }
    }

    fn fill(&self, text: &str) -> String {
        match &self.after {
            None => self.before.clone(),
            Some(after) => format!("{}{text}{after}", self.before),
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
struct Row {
    pattern: Side,
    target: Side,
    /// As it stands in the file, and where.
    text: String,
    line: usize,
}

/// An address on another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub user: String,
    pub host: String,
}

/// Where an address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the account of this name, where there is one.
    Local(String),
    Remote(Remote),
    /// In a circle.
    Circle,
}

/// One row that an address went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteStep {
    pub line: usize,
    pub row: String,
    /// What the address is behind it.
    pub address: String,
}

/// The steps, and where they end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub steps: Vec<RouteStep>,
    pub destination: Destination,
}

/// A row that makes no sense: its line, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError {
    pub line: usize,
    pub reason: String,
}

#[derive(Clone, Debug, Default)]
pub struct Router {
    rows: Vec<Row>,
    /// Domains of this server, in small letters.
    domains: Vec<String>,
}

impl Router {
    /// Of rows with their lines, and the domains that are of this server whatever accounts there are.
    pub fn new<'a>(
        rows: impl Iterator<Item = (usize, &'a str, &'a str)>,
        domains: Vec<String>,
    ) -> Result<Router, Vec<RouteError>> {
        let (mut router, mut errors) = (Router { rows: Vec::new(), domains }, Vec::new());
        for (line, pattern, target) in rows {
            match row(line, pattern, target) {
                Ok(row) => router.rows.push(row),
                Err(reason) => errors.push(RouteError { line, reason }),
            }
        }
        let circle =
            |row: &&Row| row.pattern.after.is_none() && router.walk(&row.pattern.before).1 == Walked::InACircle;
        errors.extend(
            router
                .rows
                .iter()
                .filter(circle)
                .map(|row| RouteError { line: row.line, reason: format!("{} leads in a circle", row.text) }),
        );
        if errors.is_empty() { Ok(router) } else { Err(errors) }
    }

    /// Whether a row fits the name.
    pub fn knows(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.rows.iter().any(|row| row.pattern.fit(&name).is_some())
    }

    /// Where an address leads. An address that no row fits is of this server; one that rows have changed is where its
    /// domain is of this server, which `is_local` may know as well.
    pub fn way(&self, address: &str, is_local: impl Fn(&str) -> bool) -> Way {
        let (steps, walked) = self.walk(address);
        let last = steps.last().map_or(address, |step| step.address.as_str());
        let destination = match (walked, last.rsplit_once('@')) {
            (Walked::InACircle, _) => Destination::Circle,
            (Walked::ToTheEnd, Some((user, host))) if !steps.is_empty() && !self.is_ours(host, &is_local) => {
                Destination::Remote(Remote { user: user.to_string(), host: host.to_string() })
            }
            _ => Destination::Local(last.to_string()),
        };
        Way { steps, destination }
    }

    fn is_ours(&self, host: &str, is_local: impl Fn(&str) -> bool) -> bool {
        let host = host.to_lowercase();
        self.domains.contains(&host) || is_local(&host)
    }

    fn walk(&self, address: &str) -> (Vec<RouteStep>, Walked) {
        let (mut steps, mut address) = (Vec::new(), address.to_string());
        while let Some((row, next)) = self.step(&address) {
            if steps.len() == STEPS_MAX || next.len() > AccountName::BYTES_MAX {
                return (steps, Walked::InACircle);
            }
            let is_there = next.eq_ignore_ascii_case(&address);
            steps.push(RouteStep { line: row.line, row: row.text.clone(), address: next.clone() });
            // A row that leads to itself ends the way: `<joe> = joe` before `<j*> = ...`.
            if is_there {
                break;
            }
            address = next;
        }
        (steps, Walked::ToTheEnd)
    }

    fn step(&self, address: &str) -> Option<(&Row, String)> {
        let small = address.to_lowercase();
        self.rows.iter().find_map(|row| Some((row, row.target.fill(row.pattern.fit(&small)?))))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walked {
    ToTheEnd,
    InACircle,
}

fn row(line: usize, pattern: &str, target: &str) -> Result<Row, String> {
    let text = format!("{pattern} = {target}");
    let named = pattern.strip_prefix('<').and_then(|pattern| pattern.strip_suffix('>'));
    let full = match (named, pattern.strip_prefix('@')) {
        (Some(name), _) => name.trim().to_lowercase(),
        (None, Some(domain)) if !domain.contains('*') => format!("*@{}", domain.to_lowercase()),
        _ => return Err(format!("'{pattern}': expected <name>, <name@domain> or @domain")),
    };
    let side = Side::new(&full).filter(|_| is_address(&full));
    let pattern_side = side.ok_or_else(|| format!("'{pattern}' is no address; * may stand in it once"))?;
    // The local part stays.
    let full_target = match (target.strip_prefix('@'), full.split_once('@')) {
        (None, _) => target.to_string(),
        (Some(_), Some((local, _))) => format!("{local}{target}"),
        (Some(_), None) => format!("{full}{target}"),
    };
    let side = Side::new(&full_target).filter(|side| is_address(&full_target) && is_host_of(side));
    let target_side = side.ok_or_else(|| format!("'{target}' is no address; expected name, name@host or @host"))?;
    if target_side.after.is_some() && pattern_side.after.is_none() {
        return Err(format!("'{target}' has a *, and '{pattern}' has none that it could stand for"));
    }
    Ok(Row { pattern: pattern_side, target: target_side, text, line })
}

/// An account's name, or one with `*` in it.
fn is_address(text: &str) -> bool {
    AccountName::new(&text.replacen('*', "x", 1)).is_some()
}

/// What stands behind `@` is the name of a machine or a domain, or an address in brackets; it may have the `*`.
fn is_host_of(side: &Side) -> bool {
    let whole = side.fill("x");
    let Some((_, host)) = whole.rsplit_once('@') else { return true };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet))
        && !name.starts_with(['.', '-'])
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(rows: &[(&'static str, &'static str)]) -> Result<Router, Vec<RouteError>> {
        let rows = rows.iter().enumerate().map(|(at, (pattern, target))| (at + 1, *pattern, *target));
        Router::new(rows, vec!["here.example".into()])
    }

    #[test]
    fn ways() {
        let rows = [
            ("<j.smith>", "John@server.example"),
            ("<joe>", "joe"),
            ("<j*>", "sales-*"),
            ("<sales-*>", "*@Sales.example"),
            ("@old.example", "@new.example"),
            ("<*@new.example>", "*@here.example"),
            ("<ann@here.example>", "@moved.example"),
            ("<bob-*@here.example>", "bob"),
            ("<gone@here.example>", "x@sub.here.example"),
        ];
        let router = router(&rows).unwrap();
        let remote = |user: &str, host: &str| Destination::Remote(Remote { user: user.into(), host: host.into() });
        let local = |name: &str| Destination::Local(name.into());
        for (address, want, lines) in [
            ("j.smith", remote("John", "server.example"), vec![1]),
            ("J.Smith", remote("John", "server.example"), vec![1]),
            ("joe", local("joe"), vec![2]),
            ("jim", remote("im", "Sales.example"), vec![3, 4]),
            ("ann@old.example", remote("ann", "moved.example"), vec![5, 6, 7]),
            ("bob-x@old.example", local("bob"), vec![5, 6, 8]),
            ("other@elsewhere.example", local("other@elsewhere.example"), vec![]),
            ("gone@here.example", remote("x", "sub.here.example"), vec![9]),
        ] {
            let way = router.way(address, |_| false);
            assert_eq!(way.destination, want, "{address}");
            assert_eq!(way.steps.iter().map(|step| step.line).collect::<Vec<_>>(), lines, "{address}");
        }
        let way = router.way("gone@here.example", |host| host == "sub.here.example");
        assert_eq!(way.destination, local("x@sub.here.example"));
        assert!(router.knows("JIM") && !router.knows("kim"));
    }

    #[test]
    fn circles_end() {
        let errors = router(&[("<a>", "b"), ("<b>", "a"), ("<c>", "a")]).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 2, 3]);
        let growing = router(&[("<x*>", "xx*")]).unwrap();
        assert_eq!(growing.way("xa", |_| false).destination, Destination::Circle);
    }

    #[test]
    fn errors_name_the_line() {
        for (pattern, target, why) in [
            ("joe", "ann", "expected <name>"),
            ("<>", "ann", "no address"),
            ("<a b>", "ann", "no address"),
            ("<a*b*>", "ann", "no address"),
            ("@*", "ann", "expected <name>"),
            ("@", "ann", "no address"),
            ("<joe>", "", "no address"),
            ("<joe>", "a b", "no address"),
            ("<joe>", "x@ho/st", "no address"),
            ("<joe>", "x@h]o;st", "no address"),
            ("<joe>", "@", "no address"),
            ("<joe>", "*@x.org", "none that it could stand for"),
        ] {
            let errors = router(&[("<fine>", "good"), (pattern, target)]).unwrap_err();
            assert_eq!(errors.len(), 1, "{pattern} {target}");
            assert!(errors[0].line == 2 && errors[0].reason.contains(why), "{errors:?}");
        }
    }
}
