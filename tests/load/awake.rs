//! Processors that do not sleep while they have nothing to do.
//!
//! With few clients a server waits most of the time, and so does the client that measures it. How long a processor takes to
//! wake is then a large part of what is measured: a microsecond or two on bare metal, fifty on a virtual machine that halts
//! for it. As long as an `Awake` lives, Linux lets no processor sleep; who runs a server where each microsecond counts has
//! his system do the same.

use std::fs::File;
use std::io::{Error, Write};

/// Linux' door for it, of root alone. Documentation/power/pm_qos_interface.rst
const LATENCY: &str = "/dev/cpu_dma_latency";

pub struct Awake {
    /// The request stands until it is closed.
    _request: File,
}

impl Awake {
    pub fn keep() -> Result<Awake, String> {
        let asked = || {
            let mut file = File::options().write(true).open(LATENCY)?;
            // So many microseconds a processor may take to wake.
            file.write_all(&0_i32.to_ne_bytes())?;
            Ok(Awake { _request: file })
        };
        asked().map_err(|error: Error| format!("{LATENCY}: {error}"))
    }
}
