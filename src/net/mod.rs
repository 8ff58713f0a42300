//! net
pub const STACK_BYTES: usize = 512 * 1024;
