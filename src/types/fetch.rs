//! What FETCH can fetch.                            RFC 9051 6.4.5; RFC 3516; RFC 5257; RFC 8970

use super::AnnotationItem;

/// One item of FETCH; the macros ALL, FAST and FULL are written out by the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    Uid,
    Flags,
    InternalDate,
    /// RFC822.SIZE
    Size,
    Envelope,
    /// BODY without a section: the structure without extension data.
    Body,
    BodyStructure,
    ModSeq,
    /// RFC 8474 5.1
    EmailId,
    /// RFC 8474 5.2
    ThreadId,
    /// RFC 8514 4.1
    SaveDate,
    /// RFC 8970
    Preview(Priority),
    /// Annotations of the message. RFC 5257 4.3
    Annotation(AnnotationItem),
    /// BODY[section]<partial>; with `peek` \Seen stays as it is.
    BodySection {
        section: Section,
        partial: Option<Partial>,
        peek: bool,
    },
    /// BINARY[part]<partial>: the part's body, its transfer encoding undone.
    Binary {
        part: PartPath,
        partial: Option<Partial>,
        peek: bool,
    },
    /// BINARY.SIZE[part]
    BinarySize(PartPath),
    /// The items of RFC 3501 that answer under their own names.
    Rfc822,
    Rfc822Header,
    Rfc822Text,
}

/// Whether the client waits for a preview that has to be made. RFC 8970 4.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    Normal,
    Lazy,
}

/// `<offset.count>`; a count of zero cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    pub offset: u64,
    pub count: u64,
}

/// `1.2.3`: the way to a body part; empty for the whole message. The parser bounds its length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartPath(pub Vec<u32>);

/// What stands between the brackets of BODY[...].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub part: PartPath,
    pub text: SectionText,
}

/// What of the part is meant. Field names are kept as the client wrote them: they are echoed in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// The part's content; for an empty path the whole message.
    Whole,
    Header,
    HeaderFields(Vec<String>),
    HeaderFieldsNot(Vec<String>),
    Text,
    /// The MIME header of a body part; never with an empty path.
    Mime,
}
