//! The configuration: one table of keys, an INI file, typed settings.
//!
//! `table` says of each key its section, name, type, default and meaning; the parser, the error messages, the sample
//! file and the check of the man page all come from it. Errors name file and line and are reported all at once.
//!
//! No other room has a default of its own for what stands in the table.

mod error;
mod file;
mod settings;
mod table;
mod value;

pub use error::ConfigError;
pub use settings::{Config, Level, Levels, Listener, TlsMode};
pub use table::{KEYS, Key, sample};
