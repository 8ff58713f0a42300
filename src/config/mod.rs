//! The configuration: one table of keys, an INI file, typed settings.
//!
//! `table` says of each key its section, name, type, default and meaning; the parser, the error messages, the sample
//! file and the check of the man page all come from it. Errors name file and line and are reported all at once.
//!
//! No other room has a default of its own for what stands in the table. This room opens no file but its own, and of the
//! others imports `types` alone.

mod error;
mod file;
mod level;
mod nearest;
mod reader;
mod settings;
mod table;
mod typed;
mod value;

#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use level::{Level, Levels};
pub use nearest::nearest;
pub use settings::{Config, Domain, Listener, Mask, QuotaLimits, Route, TlsMode, TlsVersion};
pub use table::{Applies, KEYS, Key, sample};
pub use value::{Kind, duration_from, size_from};
