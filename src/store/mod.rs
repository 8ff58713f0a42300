//! (to come)
mod model;
pub use model::*;
