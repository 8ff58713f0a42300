//! From octets to frames: one command's line, and its literals beside it.       RFC 9051 2.2.1, 4.3; RFC 7888
//!
//! Octets are pushed in whatever pieces they arrive; `next` says what to do. Each literal leaves a U+0000 in the line,
//! which no client can send, behind `~` if it is a literal8. A line that is refused is swallowed to its end, so that the
//! session can go on; where the end cannot be known it must be closed.

use std::io;

use memchr::memchr;

use super::frame::{Frame, Limits, Literal, LiteralProgress, Refusal, Step, Why};
use super::literal::{Announced, Incoming, Spool};
use crate::log::Seldom;

/// Where the next octets belong.
enum Place {
    Line,
    Literal(Incoming),
    /// The rest of a refused line, literals in it included: octets of the literal still to come.
    Swallow(u64),
}

pub struct Framer {
    limits: Limits,
    spool: Box<dyn Spool>,
    input: Vec<u8>,
    /// Octets of `input` that have been dealt with.
    used: usize,
    /// Octets after `used` that have been searched for a line's end.
    searched: usize,
    line: Vec<u8>,
    literals: Vec<Literal>,
    place: Place,
}

/// A disk that is full, say, is so for every client that tries again.
fn complain(error: &io::Error) {
    static COMPLAINT: Seldom = Seldom::new();
    COMPLAINT.complain(|note| log::error!("spool file: {error}{note}"));
}

impl Framer {
    pub fn new(limits: Limits, spool: impl Spool + 'static) -> Framer {
        Framer {
            limits,
            spool: Box::new(spool),
            input: Vec::new(),
            used: 0,
            searched: 0,
            line: Vec::new(),
            literals: Vec::new(),
            place: Place::Line,
        }
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes octets from the client; those of a large literal go straight to its spool file.
    pub fn push(&mut self, octets: &[u8]) {
        // What is left is less than a line: a client that never stops sending makes the buffer no larger.
        self.input.drain(..self.used);
        self.used = 0;
        self.input.extend_from_slice(octets);
    }

    /// Nothing of a command has been read yet.
    pub fn is_idle(&self) -> bool {
        self.used == self.input.len() && self.line.is_empty() && matches!(self.place, Place::Line)
    }

    /// Whether the command that comes next begins so, in however many pieces its first line arrives.
    pub fn opens_with(&self, octets: &[u8]) -> bool {
        self.line.is_empty() && matches!(self.place, Place::Line) && self.input[self.used..].starts_with(octets)
    }

    /// The client is in the middle of a literal: more is to come soon.
    pub fn in_literal(&self) -> bool {
        !matches!(self.place, Place::Line)
    }

    /// The literal that the client is sending, where it is in the middle of one.
    pub fn literal_progress(&self) -> Option<LiteralProgress> {
        let Place::Literal(incoming) = &self.place else { return None };
        let (done, left) = (incoming.literal.len(), incoming.left);
        Some(LiteralProgress { tag: tag_of(&self.line)?, done, goal: done + left })
    }

    /// Forgets all that has been pushed: what a client sent in the clear behind STARTTLS. RFC 9051 11.1
    pub fn discard(&mut self) {
        self.input = Vec::new();
        (self.used, self.searched) = (0, 0);
    }

    /// What the client has sent so far amounts to this.
    pub fn next(&mut self) -> Step {
        loop {
            let step = match &mut self.place {
                Place::Line => self.line_step(),
                Place::Literal(..) => self.literal_step(),
                Place::Swallow(_) => self.swallow_step(),
            };
            match step {
                Some(step) => {
                    self.give_back();
                    return step;
                }
                None => continue,
            }
        }
    }

    /// A line as it is, of a SASL exchange or the end of IDLE; longer ones than a command's are cut, and what is cut off is no
    /// command.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.input[self.used..];
        let end = memchr(b'\n', rest);
        if end.is_none() && rest.len() <= self.limits.line_bytes_max {
            return None;
        }
        if end.is_none() {
            self.place = Place::Swallow(0);
        }
        let end = end.unwrap_or(rest.len() - 1);
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]).to_vec();
        self.used += end + 1;
        self.searched = 0;
        self.give_back();
        Some(line)
    }

    /// An idle session keeps no buffer.
    fn give_back(&mut self) {
        if self.used == self.input.len() {
            self.used = 0;
            match self.input.capacity() > 4096 {
                true => self.input = Vec::new(),
                false => self.input.clear(),
            }
        }
    }

    fn line_step(&mut self) -> Option<Step> {
        let rest = &self.input[self.used..];
        let Some(end) = memchr(b'\n', &rest[self.searched..]).map(|at| at + self.searched) else {
            self.searched = rest.len();
            if self.line.len() + rest.len() > self.limits.line_bytes_max {
                return Some(self.refuse(Why::LineTooLong, Vec::new()));
            }
            return Some(Step::NeedMore);
        };
        self.searched = 0;
        let piece = rest[..end].to_vec();
        self.used += end + 1;
        let Some(piece) = piece.strip_suffix(b"\r") else {
            return Some(self.refuse_ended(Why::BareLineFeed, &piece));
        };
        self.line_ended(piece)
    }

    fn line_ended(&mut self, piece: &[u8]) -> Option<Step> {
        if self.line.len() + piece.len() > self.limits.line_bytes_max {
            return Some(self.refuse_ended(Why::LineTooLong, piece));
        }
        // Horizontal tabs have no place in a command, but TEXT-CHAR lets quoted strings have them.
        if piece.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
            return Some(self.refuse_ended(Why::ControlCharacter, piece));
        }
        match Announced::by(piece) {
            None => {
                self.line.extend_from_slice(piece);
                Some(self.frame())
            }
            Some(announced) => self.literal_announced(piece, announced),
        }
    }

    fn frame(&mut self) -> Step {
        let literals = std::mem::take(&mut self.literals);
        match String::from_utf8(std::mem::take(&mut self.line)) {
            Ok(line) => Step::Frame(Frame { line, literals }),
            Err(error) => Step::Refused(Refusal { tag: tag_of(error.as_bytes()), why: Why::NotUtf8, close: false }),
        }
    }

    fn literal_announced(&mut self, piece: &[u8], announced: Announced) -> Option<Step> {
        let unasked = !announced.synchronising && announced.octets > self.limits.literal_unasked_max;
        let too_big = announced.octets > self.limits.literal_bytes_max;
        if unasked || too_big || self.literals.len() >= self.limits.literals_max {
            let why = match (unasked, too_big) {
                (true, _) => Why::LiteralUnasked,
                (false, true) => Why::LiteralTooBig,
                (false, false) => Why::TooManyLiterals,
            };
            return Some(self.refuse_literal(why, piece, &announced));
        }
        self.line.extend_from_slice(&piece[..announced.at]);
        self.line.push(0);
        let literal = match announced.octets > self.limits.literal_memory_max {
            false => Literal::in_memory(announced.octets),
            true => match self.spool.check_room(announced.octets).and_then(|()| self.spool.file()) {
                Ok(file) => Literal::Spool(file, 0),
                Err(error) => {
                    complain(&error);
                    return Some(self.refuse_literal(Why::NoSpool, piece, &announced));
                }
            },
        };
        self.place = Place::Literal(Incoming { literal, left: announced.octets });
        announced.synchronising.then_some(Step::Continue)
    }

    /// A client that waits for `+` does not send the literal; one that does not sends it all the same.
    fn refuse_literal(&mut self, why: Why, piece: &[u8], announced: &Announced) -> Step {
        let mut refused = self.refuse_ended(why, piece);
        if !announced.synchronising {
            self.place = Place::Swallow(announced.octets);
            // Nobody should pay for reading what will be thrown away, beyond reason.
            if let (Step::Refused(refusal), true) = (&mut refused, announced.octets > self.limits.literal_bytes_max) {
                refusal.close = true;
            }
        }
        refused
    }

    fn literal_step(&mut self) -> Option<Step> {
        let Place::Literal(incoming) = &mut self.place else { return None };
        let (taken, written) = incoming.take(&self.input[self.used..]);
        let left = incoming.left;
        // Others take room meanwhile.
        let written = written.and_then(|()| match incoming.has_grown(taken) {
            true => self.spool.check_room(left),
            false => Ok(()),
        });
        self.used += taken;
        if let Err(error) = written {
            complain(&error);
            let refused = self.refuse_ended(Why::NoSpool, b"");
            self.place = Place::Swallow(left);
            return Some(refused);
        }
        if left > 0 {
            return Some(Step::NeedMore);
        }
        self.literal_done()
    }

    fn literal_done(&mut self) -> Option<Step> {
        if let Place::Literal(incoming) = std::mem::replace(&mut self.place, Place::Line) {
            match incoming.done() {
                Ok(literal) => self.literals.push(literal),
                Err(error) => {
                    complain(&error);
                    return Some(self.refuse(Why::NoSpool, Vec::new()));
                }
            }
        }
        None
    }

    fn swallow_step(&mut self) -> Option<Step> {
        let Place::Swallow(left) = &mut self.place else { return None };
        let rest = &self.input[self.used..];
        let take = (*left).min(rest.len() as u64) as usize;
        self.used += take;
        *left -= take as u64;
        if *left > 0 {
            return Some(Step::NeedMore);
        }
        let rest = &self.input[self.used..];
        match memchr(b'\n', rest) {
            None => {
                // The last octets may be the beginning of `{n+}`: no honest one is longer.
                self.used += rest.len().saturating_sub(32);
                Some(Step::NeedMore)
            }
            Some(end) => {
                let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
                let next = Announced::by(line).filter(|announced| !announced.synchronising);
                self.used += end + 1;
                self.place = next.map_or(Place::Line, |announced| Place::Swallow(announced.octets));
                None
            }
        }
    }

    /// Refuses a line whose end has been read.
    fn refuse_ended(&mut self, why: Why, piece: &[u8]) -> Step {
        let refused = self.refuse(why, piece.to_vec());
        self.place = match Announced::by(piece).filter(|announced| !announced.synchronising) {
            Some(announced) if why != Why::NoSpool => Place::Swallow(announced.octets),
            _ => Place::Line,
        };
        refused
    }

    /// Refuses a line whose end is still to come.
    fn refuse(&mut self, why: Why, piece: Vec<u8>) -> Step {
        let mut line = std::mem::take(&mut self.line);
        self.literals.clear();
        line.extend(piece);
        if line.is_empty() {
            line.extend(self.input[self.used..].iter().take(100));
        }
        self.place = Place::Swallow(0);
        self.searched = 0;
        Step::Refused(Refusal { tag: tag_of(&line), why, close: false })
    }
}

/// The tag of a line, if it begins with one. RFC 9051 9: tag = 1*<any ASTRING-CHAR except "+">
pub(super) fn tag_of(line: &[u8]) -> Option<String> {
    let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    let good = |b: &u8| b.is_ascii_graphic() && !br#"(){%*"\+"#.contains(b);
    let tag = &line[..end];
    (!tag.is_empty() && tag.len() <= 100 && tag.iter().all(good)).then(|| String::from_utf8_lossy(tag).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framer() -> Framer {
        let limits = Limits {
            line_bytes_max: 200,
            literal_bytes_max: 1000,
            literal_unasked_max: 900,
            literal_memory_max: 20,
            literals_max: 3,
        };
        Framer::new(limits, tempfile::tempfile)
    }

    /// All steps, as text, NeedMore left out.
    fn steps(pieces: &[&[u8]]) -> Vec<String> {
        let mut framer = framer();
        let mut out = Vec::new();
        for piece in pieces {
            framer.push(piece);
            loop {
                match framer.next() {
                    Step::NeedMore => break,
                    Step::Continue => out.push("+".into()),
                    Step::Frame(frame) => out.push(format!(
                        "{:?} {:?}",
                        frame.line,
                        frame.literals.iter().map(text).collect::<Vec<_>>()
                    )),
                    Step::Refused(refusal) => {
                        out.push(format!("{:?} {:?} {}", refusal.tag, refusal.why, refusal.close))
                    }
                }
            }
        }
        out
    }

    fn text(literal: &Literal) -> String {
        match literal {
            Literal::Memory(octets) => String::from_utf8_lossy(octets).into_owned(),
            Literal::Spool(file, length) => {
                let mut text = String::new();
                std::io::Read::read_to_string(&mut file.try_clone().unwrap(), &mut text).unwrap();
                assert_eq!(text.len() as u64, *length);
                format!("file:{text}")
            }
        }
    }

    #[test]
    fn pieces_do_not_matter() {
        let inputs: [&[u8]; 10] = [
            b"a NOOP\r\nb LOGIN {3}\r\nfoo {3+}\r\nbar\r\nc NOOP\r\n",
            b"a APPEND x {25+}\r\n0123456789012345678901234\r\nb NOOP\r\n",
            b"a APPEND x ~{2}\r\nhi\r\nb NOOP\r\n",
            b"a APPEND x {1001}\r\nb NOOP\r\n",
            b"a APPEND x {1001+}\r\n",
            b"a NOOP\nb NOOP\r\n",
            b"a NO\0OP\r\nb NOOP\r\n",
            b"a X {1+}\r\na{1+}\r\nb{1+}\r\nc{1+}\r\nd\r\nb NOOP\r\n",
            b"a \xff\xff\r\nb NOOP\r\n",
            b"a X {0}\r\n\r\nb NOOP\r\n",
        ];
        for input in inputs {
            let whole = steps(&[input]);
            let single: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(whole, steps(&single), "{}", String::from_utf8_lossy(input));
            assert!(whole.last().is_some_and(|last| last.contains("NOOP") || last.ends_with("true")), "{whole:?}");
        }
    }

    /// Of a command's first line, wherever the network cuts it; not of what stands behind a literal.
    #[test]
    fn what_a_command_opens_with() {
        let opens = |pieces: &[&[u8]]| {
            let mut framer = framer();
            for piece in pieces {
                framer.push(piece);
                while !matches!(framer.next(), Step::NeedMore) {}
            }
            framer.opens_with(b"ab")
        };
        assert!(opens(&[b"abc"]) && opens(&[b"a", b"b"]) && opens(&[b"x NOOP\r\na", b"", b"bc"]));
        assert!(!opens(&[b"a"]) && !opens(&[b"a", b"a", b"b"]) && !opens(&[b"x X {1+}\r\ny", b"ab"]));
        assert!(!opens(&[b"x X {3+}\r\n", b"ab"]) && !opens(&[]));
    }

    #[test]
    fn the_rest_of_a_line_that_is_cut_is_no_command() {
        let mut framer = framer();
        framer.push(&[b'x'; 250]);
        assert!(framer.next_line().is_some_and(|line| line.len() > 200));
        framer.push(b"xxx NOOP\r\na NOOP\r\n");
        assert!(matches!(framer.next(), Step::Frame(frame) if frame.line == "a NOOP"));
    }

    #[test]
    fn what_comes_out() {
        assert_eq!(steps(&[b"a LOGIN {3}\r\nfoo {3+}\r\nbar\r\n"]), ["+", "\"a LOGIN \\0 \\0\" [\"foo\", \"bar\"]"]);
        assert_eq!(
            steps(&[b"a X {25}\r\n0123456789012345678901234\r\n"])[1],
            "\"a X \\0\" [\"file:0123456789012345678901234\"]"
        );
        assert_eq!(steps(&[b"a X {1001}\r\n"]), ["Some(\"a\") LiteralTooBig false"]);
        let long = [b"a ".as_slice(), &[b'x'; 300], b"\r\nb NOOP\r\n"].concat();
        assert_eq!(steps(&[&long]), ["Some(\"a\") LineTooLong false", "\"b NOOP\" []"]);
        assert_eq!(steps(&[&long[..250], &long[250..]]), ["Some(\"a\") LineTooLong false", "\"b NOOP\" []"]);
        let unasked = [b"a X {901+}\r\n".as_slice(), &[b'x'; 901], b"\r\nb NOOP\r\n"].concat();
        assert_eq!(steps(&[&unasked]), ["Some(\"a\") LiteralUnasked false", "\"b NOOP\" []"]);
        assert_eq!(steps(&[b"a N\nb NOOP\r\n"])[0], "Some(\"a\") BareLineFeed false");
    }
}
