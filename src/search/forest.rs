//! What THREAD answers: trees of messages.             RFC 5256 3, 4

/// A tree of containers by index; one without a message stands for a message that is not there.
#[derive(Debug, Default)]
pub struct Threads {
    /// The number of the message.
    pub numbers: Vec<Option<u32>>,
    pub children: Vec<Vec<usize>>,
    pub roots: Vec<usize>,
}

impl Threads {
    /// `(2)(3 6 (4 23)(44 7 96))`. RFC 5256 4 (THREAD)
    pub fn write(&self, out: &mut Vec<u8>) {
        enum Step {
            Open(usize),
            Node(usize),
            Close,
        }
        let mut stack: Vec<Step> = self.roots.iter().rev().map(|root| Step::Open(*root)).collect();
        while let Some(step) = stack.pop() {
            match step {
                Step::Close => out.push(b')'),
                Step::Open(at) => {
                    out.push(b'(');
                    stack.push(Step::Close);
                    stack.push(Step::Node(at));
                }
                Step::Node(at) => {
                    if let Some(number) = self.numbers[at] {
                        out.extend_from_slice(number.to_string().as_bytes());
                    }
                    match self.children[at].as_slice() {
                        [] => {}
                        // An only child follows; without a message before it there is nothing to follow.
                        [only] => {
                            if self.numbers[at].is_some() {
                                out.push(b' ');
                            }
                            stack.push(Step::Node(*only));
                        }
                        several => {
                            if self.numbers[at].is_some() {
                                out.push(b' ');
                            }
                            stack.extend(several.iter().rev().map(|child| Step::Open(*child)));
                        }
                    }
                }
            }
        }
    }
}
