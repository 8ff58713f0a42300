//! The daemon; see gatepostd(8).

use std::path::PathBuf;
use std::process::ExitCode;

use gatepost::server::{Background, EX_CONFIG, run};
use lexopt::prelude::*;

const USAGE: &str = "usage: gatepostd [-c file] [-f] [-t]";

/// sysexits(3)
const EX_USAGE: u8 = 64;

fn main() -> ExitCode {
    let (mut config, mut background) = (PathBuf::from("/etc/gatepost/gatepost.ini"), Background::Daemon);
    let mut parser = lexopt::Parser::from_env();
    loop {
        match parser.next() {
            Ok(None) => break,
            Ok(Some(Short('c'))) => match parser.value() {
                Ok(path) => config = path.into(),
                Err(error) => return usage(&error.to_string()),
            },
            Ok(Some(Short('f'))) => background = Background::Foreground,
            Ok(Some(Short('t'))) => background = Background::CheckOnly,
            Ok(Some(Short('h') | Long("help"))) => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            Ok(Some(Short('V') | Long("version"))) => {
                println!("gatepostd {}", env!("CARGO_PKG_VERSION"));
                return ExitCode::SUCCESS;
            }
            Ok(Some(other)) => return usage(&other.unexpected().to_string()),
            Err(error) => return usage(&error.to_string()),
        }
    }
    match run(&config, background) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.lines().for_each(|line| eprintln!("gatepostd: {line}"));
            ExitCode::from(EX_CONFIG)
        }
    }
}

fn usage(error: &str) -> ExitCode {
    eprintln!("gatepostd: {error}\n{USAGE}");
    ExitCode::from(EX_USAGE)
}
