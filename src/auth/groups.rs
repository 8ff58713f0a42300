//! The groups file: `group: account, account`, a line each; for access control lists.

use std::collections::HashMap;
use std::path::Path;

use super::passwd::PasswdError;
use crate::types::AccountName;

#[derive(Clone, Debug, Default)]
pub struct Groups(HashMap<AccountName, Vec<String>>);

impl Groups {
    /// `#` begins a comment line.
    pub fn load(path: &Path) -> Result<Groups, PasswdError> {
        let wrong = |line, reason| PasswdError { file: path.to_path_buf(), line, reason };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(0, error.to_string()))?;
        Groups::parse(&text).map_err(|(line, reason)| wrong(line, reason))
    }

    fn parse(text: &str) -> Result<Groups, (usize, String)> {
        let mut groups = Groups::default();
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, members) = line.split_once(':').ok_or((at, "expected group: account, account".to_string()))?;
            let name = AccountName::new(name.trim()).ok_or((at, format!("'{}' is no name", name.trim())))?;
            for member in members.split(',').map(str::trim).filter(|member| !member.is_empty()) {
                let member = AccountName::new(member).ok_or((at, format!("'{member}' is no account name")))?;
                groups.0.entry(member).or_default().push(name.to_string());
            }
        }
        Ok(groups)
    }

    /// Whether anybody is in a group, in small letters.
    pub fn has_members(&self, group: &str) -> bool {
        self.0.values().flatten().any(|known| known == group)
    }

    /// The groups that an account is in, in small letters.
    pub fn of(&self, account: &AccountName) -> Vec<String> {
        self.0.get(account).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file() {
        let groups = Groups::parse("# who\nSales: ann, Bob@example.com\n\nall: ann\nempty:\n").unwrap();
        assert_eq!(groups.of(&AccountName::new("ann").unwrap()), ["sales", "all"]);
        assert_eq!(groups.of(&AccountName::new("bob@example.com").unwrap()), ["sales"]);
        assert!(groups.of(&AccountName::new("eve").unwrap()).is_empty());
        assert!(groups.has_members("all") && !groups.has_members("empty") && !groups.has_members("none"));
        assert_eq!(Groups::parse("a: b\nnothing").unwrap_err().0, 2);
        assert_eq!(Groups::parse("a: b c").unwrap_err().0, 1);
    }
}
