//! Results of a SEARCH or SORT that the server keeps up to date for a client. RFC 5267 4

use super::view::set;

/// What is asked for; both are known by what a new client's view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Flagged messages, in no order.
    Search,
    /// Flagged messages by subject.
    Sort,
}

impl Asked {
    pub fn command(self, returns: &str) -> String {
        match self {
            Asked::Search => format!("UID SEARCH RETURN ({returns}) FLAGGED"),
            Asked::Sort => format!("UID SORT RETURN ({returns}) (SUBJECT) UTF-8 FLAGGED"),
        }
    }
}

#[derive(Debug)]
pub struct Context {
    pub asked: Asked,
    tag: String,
    pub uids: Vec<u32>,
}

/// Of `* ESEARCH (TAG "t5") UID ...`, the tag and what follows.
pub fn result(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.strip_prefix("* ESEARCH (TAG \"")?.split_once("\")")?;
    Some((tag, rest.strip_prefix(" UID").unwrap_or(rest)))
}

impl Context {
    /// With the first result.
    pub fn new(asked: Asked, line: &str) -> Option<Context> {
        let (tag, rest) = result(line)?;
        let uids = rest.split_once("ALL ").map_or_else(Vec::new, |(_, all)| set(all));
        Some(Context { asked, tag: tag.to_string(), uids })
    }

    /// Takes an update, if it is one of this context.
    pub fn take(&mut self, line: &str) -> Result<(), String> {
        let Some((_, rest)) = result(line).filter(|(tag, _)| *tag == self.tag) else { return Ok(()) };
        let mut rest = rest;
        while let Some((word, more)) = rest.trim_start().split_once(" (") {
            let (pairs, more) = more.split_once(')').ok_or("no end of an update")?;
            let words: Vec<&str> = pairs.split(' ').collect();
            for pair in words.chunks(2) {
                let (position, uids) = (pair[0].parse::<usize>().map_err(|e| e.to_string())?, set(pair[1]));
                match word {
                    "ADDTO" => self.add(position, uids)?,
                    "REMOVEFROM" => uids.into_iter().try_for_each(|uid| self.remove(position, uid))?,
                    _ => return Err(format!("neither ADDTO nor REMOVEFROM: {line}")),
                }
            }
            rest = more;
        }
        Ok(())
    }

    /// From the position on, in the order given; 0 where there is no order.
    fn add(&mut self, position: usize, uids: Vec<u32>) -> Result<(), String> {
        if let Some(uid) = uids.iter().find(|uid| self.uids.contains(uid)) {
            return Err(format!("{uid} is added and was there, of {:?}", self.uids));
        }
        let at = position.checked_sub(1).unwrap_or(self.uids.len());
        if at > self.uids.len() {
            return Err(format!("position {position} of {}", self.uids.len()));
        }
        self.uids.splice(at..at, uids);
        Ok(())
    }

    fn remove(&mut self, position: usize, uid: u32) -> Result<(), String> {
        let at = self.uids.iter().position(|there| *there == uid);
        match at {
            Some(at) if position == 0 || position == at + 1 => drop(self.uids.remove(at)),
            _ => return Err(format!("{uid} is removed from {position}, stands at {at:?} of {:?}", self.uids)),
        }
        Ok(())
    }
}
