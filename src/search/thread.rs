//! THREAD: which message answers which.             RFC 5256 3
//!
//! Pure: messages in, trees out. A thread may be as deep as there are messages: nothing here recurses.

use std::collections::HashMap;

use super::forest::Threads;
use super::keyed::Keyed;
use crate::types::ThreadAlgorithm;

/// What threading asks of a message. Identifiers are hashes of Message-IDs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threadable<'a> {
    /// What the response calls the message: sequence number or UID.
    pub number: u32,
    pub date_secs: i64,
    pub id: Option<u128>,
    /// The messages that it answers, the first of all first.
    pub references: &'a [u128],
    /// Stands for the base subject, as they are ordered; 0 for an empty one.
    pub subject: u64,
    pub is_reply: bool,
}

/// The messages come in the order of their numbers.
pub fn threads(messages: &[Threadable<'_>], algorithm: ThreadAlgorithm) -> Threads {
    match algorithm {
        ThreadAlgorithm::OrderedSubject => ordered_subject(messages),
        ThreadAlgorithm::References => Builder::build(messages).finish(messages, true),
        ThreadAlgorithm::Refs => Builder::build(messages).finish(messages, false),
    }
}

/// Messages of one base subject under the earliest of them. RFC 5256 3 (ORDEREDSUBJECT)
fn ordered_subject(messages: &[Threadable<'_>]) -> Threads {
    let mut order: Vec<usize> = (0..messages.len()).collect();
    let key = |at: &usize| (messages[*at].subject, messages[*at].date_secs, messages[*at].number);
    order.sort_by_key(key);
    let numbers = messages.iter().map(|message| Some(message.number)).collect();
    let mut threads = Threads { numbers, children: vec![Vec::new(); messages.len()], roots: Vec::new() };
    for at in order {
        match threads.roots.last() {
            Some(&root) if messages[root].subject == messages[at].subject => threads.children[root].push(at),
            _ => threads.roots.push(at),
        }
    }
    threads.roots.sort_by_key(|root| (messages[*root].date_secs, messages[*root].number));
    threads
}

const NONE: usize = usize::MAX;

/// Steps up the tree that each message may cost on average: what is linked so that it costs more is hostile, and left
/// unlinked.
const STEPS_EACH: usize = 64;

struct Builder {
    /// Of each container: its message, NONE for none.
    message: Vec<usize>,
    parent: Vec<usize>,
    children: Vec<Vec<usize>>,
    by_id: HashMap<u128, usize, Keyed>,
    steps_left: usize,
}

impl Builder {
    /// Step 1: containers, linked by references.
    fn build(messages: &[Threadable<'_>]) -> Builder {
        let mut builder = Builder {
            message: Vec::with_capacity(messages.len()),
            parent: Vec::with_capacity(messages.len()),
            children: Vec::with_capacity(messages.len()),
            by_id: HashMap::with_capacity_and_hasher(messages.len(), Keyed::new()),
            steps_left: messages.len() * STEPS_EACH + 10_000,
        };
        for (at, message) in messages.iter().enumerate() {
            let own = builder.container_of(at, message.id);
            let mut above = NONE;
            for id in message.references {
                let next = builder.container(*id);
                // Links that are there already stay.
                if above != NONE && builder.parent[next] == NONE {
                    builder.link(next, above);
                }
                above = next;
            }
            if above != own && above != NONE {
                builder.unlink(own);
                builder.link(own, above);
            } else if above == NONE {
                builder.unlink(own);
            }
        }
        builder
    }

    fn add(&mut self, message: usize) -> usize {
        self.message.push(message);
        self.parent.push(NONE);
        self.children.push(Vec::new());
        self.message.len() - 1
    }

    fn container(&mut self, id: u128) -> usize {
        if let Some(known) = self.by_id.get(&id) {
            return *known;
        }
        let new = self.add(NONE);
        self.by_id.insert(id, new);
        new
    }

    /// The container of a message; one of two messages with the same Message-ID is as one without.
    fn container_of(&mut self, message: usize, id: Option<u128>) -> usize {
        let known = id.map(|id| self.container(id));
        match known {
            Some(known) if self.message[known] == NONE => {
                self.message[known] = message;
                known
            }
            _ => self.add(message),
        }
    }

    fn unlink(&mut self, child: usize) {
        let parent = std::mem::replace(&mut self.parent[child], NONE);
        if parent != NONE {
            self.children[parent].retain(|known| *known != child);
        }
    }

    /// Unless it would make a loop.
    fn link(&mut self, child: usize, parent: usize) {
        let mut above = parent;
        // What has no children is above nothing.
        while above != NONE && (!self.children[child].is_empty() || above == child) {
            if above == child || self.steps_left == 0 {
                return;
            }
            self.steps_left -= 1;
            above = self.parent[above];
        }
        self.parent[child] = parent;
        self.children[parent].push(child);
    }

    /// Steps 2 to 6.
    fn finish(mut self, messages: &[Threadable<'_>], joins_subjects: bool) -> Threads {
        let mut roots: Vec<usize> = (0..self.message.len()).filter(|at| self.parent[*at] == NONE).collect();
        self.prune(&mut roots);
        let dates = self.dates(messages, &roots);
        let number = |builder: &Builder, at: usize| match builder.message[at] {
            NONE => builder.children[at].first().map_or(0, |child| *child),
            message => message,
        };
        let sort = |builder: &Builder, siblings: &mut Vec<usize>| {
            siblings.sort_by_key(|at| (dates[*at].0, number(builder, *at)));
        };
        sort(&self, &mut roots);
        if joins_subjects {
            roots = self.join(messages, roots);
        }
        for at in 0..self.children.len() {
            let mut siblings = std::mem::take(&mut self.children[at]);
            sort(&self, &mut siblings);
            self.children[at] = siblings;
        }
        match joins_subjects {
            true => {
                let dates = self.dates(messages, &roots);
                roots.sort_by_key(|at| (dates[*at].0, number(&self, *at)));
            }
            false => roots.sort_by_key(|at| (dates[*at].1, number(&self, *at))),
        }
        let numbers = self.message.iter().map(|at| messages.get(*at).map(|message| message.number)).collect();
        Threads { numbers, children: self.children, roots }
    }

    /// All containers below the roots, each after its parent.
    fn downward(&self, roots: &[usize]) -> Vec<usize> {
        let mut order = roots.to_vec();
        let mut at = 0;
        while at < order.len() {
            order.extend(&self.children[order[at]]);
            at += 1;
        }
        order
    }

    /// Step 3: containers without a message go; their children take their place, at the root one child alone.
    fn prune(&mut self, roots: &mut Vec<usize>) {
        let order = self.downward(roots);
        for at in order.into_iter().rev() {
            let children = std::mem::take(&mut self.children[at]);
            let mut kept = Vec::with_capacity(children.len());
            for child in children {
                match self.message[child] == NONE {
                    true => kept.append(&mut self.children[child]),
                    false => kept.push(child),
                }
            }
            self.children[at] = kept;
        }
        let is_empty = |builder: &Builder, at: usize| builder.message[at] == NONE;
        *roots = roots
            .iter()
            .filter_map(|&at| match (is_empty(self, at), self.children[at].as_slice()) {
                (true, []) => None,
                (true, [only]) => Some(*only),
                _ => Some(at),
            })
            .collect();
    }

    /// The date that each container is sorted by, and the newest in it.
    fn dates(&self, messages: &[Threadable<'_>], roots: &[usize]) -> Vec<(i64, i64)> {
        let mut dates = vec![(i64::MAX, i64::MIN); self.message.len()];
        for at in self.downward(roots).into_iter().rev() {
            let below = self.children[at].iter().map(|child| dates[*child]);
            let (first, newest) = below
                .fold((i64::MAX, i64::MIN), |(first, newest), (date, latest)| (first.min(date), newest.max(latest)));
            dates[at] = match messages.get(self.message[at]) {
                Some(message) => (message.date_secs, newest.max(message.date_secs)),
                None => (first, newest),
            };
        }
        dates
    }

    /// Step 5: threads of one subject become one.
    fn join(&mut self, messages: &[Threadable<'_>], roots: Vec<usize>) -> Vec<usize> {
        let subject = |builder: &Builder, at: usize| {
            let of = match builder.message[at] {
                NONE => builder.children[at].first().map_or(NONE, |child| builder.message[*child]),
                message => message,
            };
            messages.get(of).map_or((0, false), |message| (message.subject, message.is_reply))
        };
        let mut table: HashMap<u64, usize, Keyed> = HashMap::with_capacity_and_hasher(roots.len(), Keyed::new());
        for &root in &roots {
            let (base, is_reply) = subject(self, root);
            if base == 0 {
                continue;
            }
            let better = table.get(&base).is_none_or(|&known| {
                let known_empty = self.message[known] == NONE;
                (self.message[root] == NONE && !known_empty) || (!known_empty && subject(self, known).1 && !is_reply)
            });
            if better {
                table.insert(base, root);
            }
        }
        let mut kept = Vec::new();
        // A joint container takes the place of the first of those that it holds.
        let mut joint: HashMap<usize, usize, Keyed> = HashMap::with_hasher(Keyed::new());
        for &root in &roots {
            let (base, is_reply) = subject(self, root);
            let Some(&first) = table.get(&base).filter(|first| **first != root) else {
                kept.push(root);
                continue;
            };
            let (root_empty, first_empty) = (self.message[root] == NONE, self.message[first] == NONE);
            if root_empty && first_empty {
                let mut children = std::mem::take(&mut self.children[root]);
                self.children[first].append(&mut children);
            } else if first_empty || (!subject(self, first).1 && is_reply) {
                self.children[first].push(root);
            } else {
                joint.entry(first).or_insert(NONE);
                self.children[root].shrink_to_fit();
                let holder = match joint.get(&first) {
                    Some(&holder) if holder != NONE => holder,
                    _ => {
                        let holder = self.add(NONE);
                        self.children[holder].push(first);
                        joint.insert(first, holder);
                        holder
                    }
                };
                self.children[holder].push(root);
            }
        }
        kept.into_iter().map(|root| joint.get(&root).copied().unwrap_or(root)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(number: u32, id: u128, references: &'a [u128], subject: &str) -> Threadable<'a> {
        let (base, is_reply) = super::super::base_subject::base_subject(subject);
        Threadable {
            number,
            date_secs: number.into(),
            id: (id != 0).then_some(id),
            references,
            // One letter each.
            subject: base.bytes().next().map_or(0, u64::from),
            is_reply,
        }
    }

    fn shown(messages: &[Threadable<'_>], algorithm: ThreadAlgorithm) -> String {
        let mut out = Vec::new();
        threads(messages, algorithm).write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn by_references() {
        let of = |messages: &[Threadable<'_>]| shown(messages, ThreadAlgorithm::References);
        let plain = [message(1, 1, &[], "a"), message(2, 2, &[1], "re: a"), message(3, 3, &[1, 2], "re: a")];
        assert_eq!(of(&plain), "(1 2 3)");
        let split = [message(1, 1, &[], "a"), message(2, 2, &[1], "re: a"), message(3, 3, &[1], "re: a")];
        assert_eq!(of(&split), "(1 (2)(3))");
        // The parent is not there: two answers to it stand side by side.
        let orphans = [message(1, 1, &[9], "x"), message(2, 2, &[9], "y")];
        assert_eq!(of(&orphans), "((1)(2))");
        assert_eq!(of(&[message(1, 1, &[9], "x")]), "(1)");
        // A loop is broken.
        let looped = [message(1, 1, &[2], "x"), message(2, 2, &[1], "y")];
        assert_eq!(of(&looped), "(2 1)");
        assert_eq!(of(&[message(1, 1, &[1], "x")]), "(1)");
        // Two of one Message-ID.
        let twins = [message(1, 1, &[], "x"), message(2, 1, &[], "y"), message(3, 3, &[1], "z")];
        assert_eq!(of(&twins), "(1 3)(2)");
        // Without references the subject joins.
        let subjects = [message(1, 1, &[], "a"), message(2, 2, &[], "re: a"), message(3, 3, &[], "b")];
        assert_eq!(of(&subjects), "(1 2)(3)");
        assert_eq!(shown(&subjects, ThreadAlgorithm::Refs), "(1)(2)(3)");
        let replies = [message(1, 1, &[], "re: a"), message(2, 2, &[], "re: a")];
        assert_eq!(of(&replies), "((1)(2))");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn by_subject() {
        let messages = [
            message(1, 0, &[], "b"),
            message(2, 0, &[], "a"),
            message(3, 0, &[], "re: b"),
            message(4, 0, &[], "fwd: b"),
        ];
        assert_eq!(shown(&messages, ThreadAlgorithm::OrderedSubject), "(1 (3)(4))(2)");
    }

    #[test]
    fn deep_threads() {
        let chain = |reverse: bool| {
            let ids: Vec<u128> = (1..=100_000).collect();
            let of = |n: usize| message(n as u32 + 1, ids[n], &ids[n.saturating_sub(1)..n], "x");
            let mut messages: Vec<Threadable<'_>> = (0..ids.len()).map(of).collect();
            if reverse {
                messages.reverse();
            }
            shown(&messages, ThreadAlgorithm::References)
        };
        let run = move || {
            for reverse in [false, true] {
                let out = chain(reverse);
                assert!(out.starts_with("(1 2 3 ") && out.ends_with(" 100000)"));
            }
        };
        std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
    }
}
