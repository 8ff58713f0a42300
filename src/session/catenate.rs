//! CATENATE: a message out of literals and of parts of messages that are here already.   RFC 4469; RFC 5550 5
//!
//! All parts are found, and their sizes added up, before anything is put together.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use super::core::Core;
use super::located::Located;
use super::reply::{Failure, Reply, internal};
use crate::mailbox::{Account, MailboxError};
use crate::proto::{AppendData, CatPart, Literal, MessageUrl, ResponseCode, Spool};

/// A message as it is to be put together.
pub(super) enum Plan {
    Ready(Literal),
    Parts(Vec<Piece>),
}

pub(super) enum Piece {
    Literal(Literal),
    Located(Box<Located>),
}

impl Plan {
    pub(super) fn len(&self) -> u64 {
        let piece = |piece: &Piece| match piece {
            Piece::Literal(literal) => literal.len(),
            Piece::Located(located) => located.len(),
        };
        match self {
            Plan::Ready(literal) => literal.len(),
            Plan::Parts(pieces) => pieces.iter().map(piece).fold(0, u64::saturating_add),
        }
    }
}

impl Core {
    /// Finds all that a message is made of. BADURL names the first URL that leads nowhere, TOOBIG is said before
    /// anything is written. RFC 4469 4
    pub(super) fn plan(&self, own: &Arc<Account>, data: AppendData) -> Result<Plan, Failure> {
        let plan = match data {
            AppendData::Message(literal) | AppendData::Utf8(literal) => Plan::Ready(literal),
            AppendData::Catenate(parts) => {
                Plan::Parts(parts.into_iter().map(|part| self.piece(own, part)).collect::<Result<_, _>>()?)
            }
        };
        match plan.len() > self.append_limit().into() {
            true => Err(Reply::no(ResponseCode::TooBig, "The message would be larger than this server takes").into()),
            false => Ok(plan),
        }
    }

    fn piece(&self, own: &Arc<Account>, part: CatPart) -> Result<Piece, Failure> {
        match part {
            CatPart::Text(literal) | CatPart::Utf8(literal) => Ok(Piece::Literal(literal)),
            CatPart::Url(text) => match self.located(own, &text)? {
                Some(located) => Ok(Piece::Located(Box::new(located))),
                None => {
                    let why = "The URL leads to no message or part that can be read here";
                    Err(Reply::no(ResponseCode::BadUrl(text), why).into())
                }
            },
        }
    }

    /// By a URL relative to `imap://user@server/`: an absolute one is of another session, or of another server.
    fn located(&self, own: &Arc<Account>, text: &str) -> Result<Option<Located>, Failure> {
        let Some(url) = MessageUrl::parse(text).filter(|url| url.server.is_none() && url.authorization.is_none())
        else {
            return Ok(None);
        };
        match self.place(own, &url.mailbox) {
            Ok(place) => self.locate(&place, &url),
            Err(Failure::Refused(_)) => Ok(None),
            Err(gone) => Err(gone),
        }
    }

    /// Puts a message together: in memory, or in a spool file where a literal of its size would be in one.
    pub(super) fn assemble(&self, plan: Plan) -> Result<Literal, Failure> {
        let length = plan.len();
        let pieces = match plan {
            Plan::Ready(literal) => return Ok(literal),
            Plan::Parts(pieces) => pieces,
        };
        let settings = self.service.settings();
        if length <= settings.limits.literal_memory_max {
            let mut octets = Vec::with_capacity(length as usize);
            pieces.into_iter().try_for_each(|piece| write(piece, &mut octets))?;
            return Ok(Literal::Memory(octets));
        }
        let mut file = settings.spool.check_room(length).and_then(|()| settings.spool.file()).map_err(unwritable)?;
        pieces.into_iter().try_for_each(|piece| write(piece, &mut file))?;
        file.seek(SeekFrom::Start(0)).map_err(unwritable)?;
        Ok(Literal::Spool(file, length))
    }
}

fn write(piece: Piece, out: &mut impl Write) -> Result<(), Failure> {
    match piece {
        Piece::Literal(Literal::Memory(octets)) => out.write_all(&octets).map_err(unwritable),
        Piece::Literal(Literal::Spool(file, _)) => copy(file, out),
        Piece::Located(located) => {
            let (mut left, mut failed) = (located.len(), None);
            located.source.octets(&located.content, located.range.clone(), &mut |octets| {
                left -= octets.len() as u64;
                failed = out.write_all(octets).err();
                failed.is_none()
            })?;
            match (failed, left) {
                (Some(error), _) => Err(unwritable(error)),
                (None, 0) => Ok(()),
                // What has been counted is not there: it is gone, or the store has lost it.
                (None, _) => Err(MailboxError::Refused(crate::mailbox::Refusal::Expunged).into()),
            }
        }
    }
}

fn copy(mut from: File, out: &mut impl Write) -> Result<(), Failure> {
    std::io::copy(&mut from, out).map(drop).map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Reply::no(ResponseCode::Unavailable, "The server has no room for the message now").into();
    }
    internal(&format!("putting a message together: {error}")).into()
}
