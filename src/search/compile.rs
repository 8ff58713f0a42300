//! From `SearchKey` to `Test`.                      RFC 9051 6.4.4

use super::fuzzy::FuzzyNeedle;
use super::needle::Needle;
use crate::mime::{Field, single_spaced};
use crate::types::{
    CivilDate, Comparator, EntryMatch, EntryScope, Flag, FlagBits, Flags, Keyword, KeywordId, ModSeq, NumberSet,
    SearchKey, UidSet,
};

/// What a key needs to know of the view that it is asked of.
pub trait Context {
    /// `None` for a keyword that the mailbox does not have.
    fn keyword(&self, keyword: &Keyword) -> Option<Flags>;
    /// The UIDs in the view that a set of sequence numbers names.
    fn seqs(&self, set: &NumberSet) -> UidSet;
    fn uids(&self, set: &NumberSet) -> UidSet;
    /// The time of day, in seconds since 1970.
    fn now_secs(&self) -> i64;
    fn comparator(&self) -> Comparator;
    /// The UIDs of messages that have annotations.
    fn annotated(&self) -> UidSet;
}

/// Which date of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Internal,
    Sent,
    /// When the message came into the mailbox. RFC 8514
    Saved,
}

/// What of a message is read for a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Body,
    /// Header and body.
    Whole,
}

#[derive(Clone, Debug)]
pub enum Test {
    Always,
    Never,
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Flags(FlagBits),
    /// A keyword that has no bit.
    Further(KeywordId),
    Recent,
    Uids(UidSet),
    /// Days, the first included, the last not.
    Date(Bound, i64, i64),
    /// The internal date in seconds, the first included, the last not.
    Moment(i64, i64),
    Larger(u64),
    Smaller(u64),
    ModSeq(ModSeq),
    EmailId(String),
    Field(Field, Needle),
    /// A field that summaries do not hold decoded.
    Header(String, Needle),
    Text(Scope, Needle),
    /// The same of words that are alike. RFC 6203
    FuzzyField(Field, FuzzyNeedle),
    FuzzyHeader(String, FuzzyNeedle),
    FuzzyText(Scope, FuzzyNeedle),
    /// The value of an annotation of the message. RFC 5257 4.8
    Annotation(Annotation),
}

/// Entries of a message, whose, and what is looked for in their values.
#[derive(Clone, Debug)]
pub struct Annotation {
    pub entries: EntryMatch,
    /// Both where there is none.
    pub scope: Option<EntryScope>,
    pub(super) sought: Sought,
}

#[derive(Clone, Debug)]
pub(super) enum Sought {
    /// That there is one.
    Any,
    Text(Needle),
    Fuzzy(FuzzyNeedle),
}

/// How the strings of a key are compared.
#[derive(Clone, Copy, Debug)]
struct Strings {
    comparator: Comparator,
    likeness: Likeness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Exact,
    Fuzzy,
}

impl Strings {
    /// The words, where the key is fuzzy and there are any.
    fn fuzzy(self, text: &str) -> Option<FuzzyNeedle> {
        (self.likeness == Likeness::Fuzzy).then(|| FuzzyNeedle::new(text)).flatten()
    }

    /// A header's fields are looked into single-spaced.
    fn in_header(self, text: &str) -> Needle {
        Needle::new(&single_spaced(text), self.comparator)
    }

    fn field(self, field: Field, text: &str) -> Test {
        match (self.fuzzy(text), self.comparator) {
            (Some(needle), _) => Test::FuzzyField(field, needle),
            (None, Comparator::UnicodeCasemap) => Test::Field(field, self.in_header(text)),
            // Summaries have folded text, which other comparators cannot do with.
            _ => Test::Header(field.name().to_string(), self.in_header(text)),
        }
    }

    fn sought(self, text: &str) -> Sought {
        match self.fuzzy(text) {
            Some(needle) => Sought::Fuzzy(needle),
            None if text.is_empty() => Sought::Any,
            None => Sought::Text(Needle::new(text, self.comparator)),
        }
    }

    fn header(self, name: &str, text: &str) -> Test {
        match self.fuzzy(text) {
            Some(needle) => Test::FuzzyHeader(name.to_string(), needle),
            None => Test::Header(name.to_string(), self.in_header(text)),
        }
    }

    /// Every message has a body that holds the empty string.
    fn text(self, scope: Scope, text: &str) -> Test {
        match self.fuzzy(text) {
            Some(needle) => Test::FuzzyText(scope, needle),
            None if text.is_empty() => Test::Always,
            None => Test::Text(scope, Needle::new(text, self.comparator)),
        }
    }
}

impl Test {
    pub fn compile(key: &SearchKey, context: &dyn Context) -> Test {
        let strings = Strings { comparator: context.comparator(), likeness: Likeness::Exact };
        Test::of(key, context, strings)
    }

    fn of(key: &SearchKey, context: &dyn Context, strings: Strings) -> Test {
        let of = |key: &SearchKey| Test::of(key, context, strings);
        match key {
            SearchKey::All => Test::Always,
            SearchKey::And(keys) => Test::all(keys.iter().map(of).collect()),
            SearchKey::Or(a, b) => Test::any(vec![of(a), of(b)]),
            SearchKey::Not(key) => Test::not(of(key)),
            SearchKey::Fuzzy(key) => Test::of(key, context, Strings { likeness: Likeness::Fuzzy, ..strings }),
            SearchKey::Seqs(set) => Test::Uids(context.seqs(set)),
            SearchKey::Uids(set) => Test::Uids(context.uids(set)),
            SearchKey::Flag(flag) => Test::flag(flag, context),
            SearchKey::Recent => Test::Recent,
            SearchKey::Bcc(text) => strings.field(Field::Bcc, text),
            SearchKey::Cc(text) => strings.field(Field::Cc, text),
            SearchKey::From(text) => strings.field(Field::From, text),
            SearchKey::Subject(text) => strings.field(Field::Subject, text),
            SearchKey::To(text) => strings.field(Field::To, text),
            SearchKey::Header(name, text) => match Field::from_name(name.as_bytes()) {
                Some(field) => strings.field(field, text),
                None => strings.header(name, text),
            },
            SearchKey::Body(text) => strings.text(Scope::Body, text),
            SearchKey::Text(text) => strings.text(Scope::Whole, text),
            SearchKey::Before(day) => Test::Date(Bound::Internal, i64::MIN, day_of(day)),
            SearchKey::On(day) => Test::Date(Bound::Internal, day_of(day), day_of(day) + 1),
            SearchKey::Since(day) => Test::Date(Bound::Internal, day_of(day), i64::MAX),
            SearchKey::SentBefore(day) => Test::Date(Bound::Sent, i64::MIN, day_of(day)),
            SearchKey::SentOn(day) => Test::Date(Bound::Sent, day_of(day), day_of(day) + 1),
            SearchKey::SentSince(day) => Test::Date(Bound::Sent, day_of(day), i64::MAX),
            SearchKey::Larger(octets) => Test::Larger(*octets),
            SearchKey::Smaller(octets) => Test::Smaller(*octets),
            SearchKey::ModSeq(mod_seq) => Test::ModSeq(*mod_seq),
            SearchKey::Younger(secs) => Test::Moment(context.now_secs() - i64::from(*secs), i64::MAX),
            SearchKey::Older(secs) => Test::Moment(i64::MIN, context.now_secs() - i64::from(*secs) + 1),
            SearchKey::SavedBefore(day) => Test::Date(Bound::Saved, i64::MIN, day_of(day)),
            SearchKey::SavedOn(day) => Test::Date(Bound::Saved, day_of(day), day_of(day) + 1),
            SearchKey::SavedSince(day) => Test::Date(Bound::Saved, day_of(day), i64::MAX),
            SearchKey::Annotation { entries, scope, value } => {
                let sought = value.as_ref().map_or(Sought::Any, |text| strings.sought(text));
                let test = Test::Annotation(Annotation { entries: entries.clone(), scope: *scope, sought });
                let found = Test::all(vec![Test::Uids(context.annotated()), test]);
                // A message without the value has it NIL.
                if value.is_some() { found } else { Test::not(found) }
            }
            SearchKey::EmailId(id) => Test::EmailId(id.clone()),
            // Filters have been resolved before.
            SearchKey::Filter(_) => Test::Never,
            // No message has one. RFC 8474 5.2
            SearchKey::ThreadId(_) => Test::Never,
        }
    }

    fn flag(flag: &Flag, context: &dyn Context) -> Test {
        let flags = match flag {
            Flag::System(flag) => Some(FlagBits::system(*flag).into()),
            Flag::Keyword(keyword) => context.keyword(keyword),
        };
        match flags {
            None => Test::Never,
            Some(flags) => flags.further().first().map_or(Test::Flags(flags.bits()), |id| Test::Further(*id)),
        }
    }

    fn not(test: Test) -> Test {
        match test {
            Test::Always => Test::Never,
            Test::Never => Test::Always,
            Test::Not(test) => *test,
            test => Test::Not(Box::new(test)),
        }
    }

    /// All of the tests, the cheap ones first.
    fn all(tests: Vec<Test>) -> Test {
        let mut all: Vec<Test> = Vec::new();
        for test in tests {
            match test {
                Test::Always => {}
                Test::Never => return Test::Never,
                Test::And(tests) => all.extend(tests),
                test => all.push(test),
            }
        }
        all.sort_by_key(Test::cost);
        match all.len() {
            0 => Test::Always,
            1 => all.remove(0),
            _ => Test::And(all),
        }
    }

    fn any(tests: Vec<Test>) -> Test {
        let mut any: Vec<Test> = Vec::new();
        for test in tests {
            match test {
                Test::Never => {}
                Test::Always => return Test::Always,
                Test::Or(tests) => any.extend(tests),
                test => any.push(test),
            }
        }
        any.sort_by_key(Test::cost);
        match any.len() {
            0 => Test::Never,
            1 => any.remove(0),
            _ => Test::Or(any),
        }
    }

    /// What must be read: 0 the index in memory, 1 one field of all, 2 the summary, 3 the header, 4 the message.
    fn cost(&self) -> u8 {
        match self {
            Test::And(tests) | Test::Or(tests) => tests.iter().map(Test::cost).max().unwrap_or(0),
            Test::Not(test) => test.cost(),
            Test::Field(..) => 1,
            Test::FuzzyField(..) | Test::Annotation(_) => 2,
            Test::Header(..) | Test::FuzzyHeader(..) => 3,
            Test::Text(..) => 4,
            Test::FuzzyText(..) => 5,
            _ => 0,
        }
    }

    /// The only messages that can pass, where the test names them.
    pub fn among(&self) -> Option<&UidSet> {
        match self {
            Test::Uids(uids) => Some(uids),
            Test::And(tests) => tests.iter().find_map(Test::among),
            _ => None,
        }
    }
}

fn day_of(day: &CivilDate) -> i64 {
    i64::from(day.0)
}
