//! Content-Type, Content-Disposition and their parameters.        RFC 2045 5, 6.1; RFC 2183; RFC 2231
//!
//! Read with indulgence, as Dovecot reads them: what is broken is passed over up to the next `;`. The pieces of RFC 2231
//! are joined, percent escapes stay: a client asks for `filename*` and decodes it.

use super::lexer::{Broken, Left, Lexer};

/// A parameter's name and value, as written.
pub(super) type Param = (Vec<u8>, Vec<u8>);

/// Parameters of one field: more are noise.
const PARAMS_MAX: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ContentType {
    pub(super) media: Vec<u8>,
    pub(super) subtype: Vec<u8>,
    pub(super) params: Vec<Param>,
}

impl ContentType {
    /// `None` for what says nothing: then the default holds. RFC 2045 5.2
    pub(super) fn parse(body: &[u8]) -> Option<ContentType> {
        let mut lexer = Lexer::new(body);
        lexer.skip_space().ok()?;
        let mut of = ContentType::default();
        let media = lexer.token(&mut of.media);
        if media != Ok(Left::More) || of.media.is_empty() || !lexer.take(b'/') {
            return None;
        }
        let subtype = lexer.skip_space().and_then(|_| lexer.token(&mut of.subtype));
        if subtype.is_ok() {
            of.params = params(&mut lexer);
        }
        (!of.subtype.is_empty()).then_some(of)
    }

    pub(super) fn is(&self, media: &str, subtype: &str) -> bool {
        self.is_media(media) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    pub(super) fn is_media(&self, media: &str) -> bool {
        self.media.eq_ignore_ascii_case(media.as_bytes())
    }

    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        let found = self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) kind: Vec<u8>,
    pub(super) params: Vec<Param>,
}

impl Disposition {
    /// Parameters without a disposition belong to an attachment: what is not understood is one. RFC 2183 2.8
    pub(super) fn parse(body: &[u8]) -> Option<Disposition> {
        let mut lexer = Lexer::new(body);
        lexer.skip_space().ok()?;
        let mut of = Disposition::default();
        lexer.token(&mut of.kind).ok()?;
        of.params = params(&mut lexer);
        if of.kind.is_empty() && !of.params.is_empty() {
            of.kind = b"attachment".to_vec();
        }
        (!of.kind.is_empty()).then_some(of)
    }
}

/// The one token of Content-Transfer-Encoding. RFC 2045 6.1
pub(super) fn encoding(body: &[u8]) -> Option<Vec<u8>> {
    let mut lexer = Lexer::new(body);
    let mut token = Vec::new();
    lexer.skip_space().ok()?;
    (lexer.token(&mut token) == Ok(Left::Nothing) && !token.is_empty()).then_some(token)
}

/// Content-Language. RFC 3282 2
pub(super) fn languages(body: &[u8]) -> Vec<Vec<u8>> {
    let mut lexer = Lexer::new(body);
    let mut out = Vec::new();
    while out.len() < PARAMS_MAX && lexer.skip_space() == Ok(Left::More) {
        let mut language = Vec::new();
        if lexer.atom(&mut language).is_err() {
            break;
        }
        out.push(language);
        if !lexer.take(b',') {
            break;
        }
    }
    out
}

/// A piece of a parameter: `name*index` or, percent-encoded, `name*index*`. RFC 2231 3, 4.1
struct Piece {
    name: Vec<u8>,
    index: u32,
    extended: bool,
    value: Vec<u8>,
}

/// `*(";" parameter)`, the pieces of RFC 2231 behind the others.
fn params(lexer: &mut Lexer<'_>) -> Vec<Param> {
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    while lexer.left() == Left::More && whole.len() + pieces.len() < PARAMS_MAX {
        match param(lexer) {
            Ok((name, value)) => match piece_of(&name) {
                Some((end, index, extended)) => {
                    pieces.push(Piece { name: name[..end].to_vec(), index, extended, value });
                }
                None => whole.push((name, value)),
            },
            Err(Broken) => drop(lexer.octet()),
        }
    }
    pieces.sort_by(|a, b| (&a.name, a.index).cmp(&(&b.name, b.index)));
    for of_one in pieces.chunk_by(|a, b| a.name.eq_ignore_ascii_case(&b.name)) {
        join(of_one, &mut whole);
    }
    whole
}

/// `";" attribute "=" value`
fn param(lexer: &mut Lexer<'_>) -> Result<Param, Broken> {
    let (mut name, mut value) = (Vec::new(), Vec::new());
    if !lexer.take(b';') {
        return Err(Broken);
    }
    let named = lexer.skip_space()? == Left::More && lexer.token(&mut name)? == Left::More;
    if !named || name.is_empty() || !lexer.take(b'=') {
        return Err(Broken);
    }
    if lexer.skip_space()? == Left::More {
        match lexer.peek() {
            Some(b'"') => drop(lexer.quoted(&mut value)?),
            // An encoded word where RFC 2231 should have been used: `name==?utf-8?B?...?=`
            Some(b'=') => {
                value.extend_from_slice(lexer.take_while(|b| !matches!(b, b';' | b' ' | b'\t' | b'\r' | b'\n')))
            }
            _ => drop(lexer.token(&mut value)?),
        }
    }
    Ok((name, value))
}

/// Where the name of a piece ends, its index, and whether it is percent-encoded.
fn piece_of(name: &[u8]) -> Option<(usize, u32, bool)> {
    let star = name.iter().position(|b| *b == b'*')?;
    let rest = std::str::from_utf8(&name[star + 1..]).ok()?;
    let extended = rest.ends_with('*');
    let digits = rest.strip_suffix('*').unwrap_or(rest);
    if rest.is_empty() {
        return Some((star, 0, true));
    }
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    Some((star, if digits.is_empty() { 0 } else { digits.parse().ok()? }, extended))
}

/// Joins the pieces of one parameter; as they are, where one is missing.
fn join(pieces: &[Piece], out: &mut Vec<Param>) {
    let complete = pieces.iter().enumerate().all(|(at, piece)| piece.index as usize == at);
    if !complete {
        for piece in pieces {
            let star = if piece.extended { "*" } else { "" };
            let name = [piece.name.as_slice(), format!("*{}{star}", piece.index).as_bytes()].concat();
            out.push((name, piece.value.clone()));
        }
        return;
    }
    let extended = pieces.iter().any(|piece| piece.extended);
    let mut name = pieces.first().map(|piece| piece.name.clone()).unwrap_or_default();
    let mut value = Vec::new();
    if extended {
        name.push(b'*');
        if pieces.first().is_some_and(|piece| !piece.extended) {
            value.extend_from_slice(b"''");
        }
    }
    for piece in pieces {
        match extended && !piece.extended {
            true => piece.value.iter().for_each(|b| match b {
                b'%' => value.extend_from_slice(b"%25"),
                b => value.push(*b),
            }),
            false => value.extend_from_slice(&piece.value),
        }
    }
    out.push((name, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(body: &str) -> String {
        let Some(of) = ContentType::parse(body.as_bytes()) else { return "-".into() };
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let params: Vec<_> = of.params.iter().map(|(n, v)| format!("{}={}", text(n), text(v))).collect();
        format!("{}/{} {}", text(&of.media), text(&of.subtype), params.join("|"))
    }

    /// Each as Dovecot 2.3.19 gives it, but for those without a type or subtype.
    #[test]
    fn types() {
        let cases = [
            (" text/plain; charset=\"a\\\"b;c\" ; x = y (z)", "text/plain charset=a\"b;c|x=y"),
            ("multipart/mixed;boundary=a b", "multipart/mixed boundary=a"),
            ("text/plain;; =x; y; z=\"open", "text/plain "),
            ("text/html charset=x; a=b", "text/html a=b"),
            ("(comment) text/html", "text/html "),
            ("a/b; name=foo/bar.txt; x=y", "a/b name=foo|x=y"),
            ("", "-"),
            ("text", "-"),
            ("text/", "-"),
            ("/plain", "-"),
        ];
        for (body, want) in cases {
            assert_eq!(show(body), want, "{body}");
        }
    }

    #[test]
    fn pieces() {
        let cases = [
            ("a/b; n*=utf-8''%41", "a/b n*=utf-8''%41"),
            ("a/b; n*1=b; n*0=a; x=y", "a/b x=y|n=ab"),
            ("a/b; n*0*=utf-8''a%20; n*1=b%c", "a/b n*=utf-8''a%20b%25c"),
            ("a/b; n*0=a; n*1*=%41", "a/b n*=''a%41"),
            ("a/b; n*0=a; n*2=b", "a/b n*0=a|n*2=b"),
            ("a/b; n*x=a", "a/b n*x=a"),
            ("a/b; n*99999999999=a", "a/b n*99999999999=a"),
        ];
        for (body, want) in cases {
            assert_eq!(show(body), want, "{body}");
        }
    }

    #[test]
    fn other_fields() {
        assert_eq!(encoding(b" Base64 (x)"), Some(b"Base64".to_vec()));
        assert_eq!(encoding(b"a b"), None);
        assert_eq!(encoding(b""), None);
        assert_eq!(languages(b"en, de-CH , fr x"), [b"en".to_vec(), b"de-CH".to_vec(), b"fr".to_vec()]);
        let disposition = |body: &[u8]| Disposition::parse(body).map(|of| (of.kind, of.params.len()));
        assert_eq!(disposition(b"inline; filename=x"), Some((b"inline".to_vec(), 1)));
        assert_eq!(disposition(b"; filename=x"), Some((b"attachment".to_vec(), 1)));
        assert_eq!(disposition(b""), None);
    }
}
