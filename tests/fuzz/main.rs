//! Mutated input: nothing from outside makes anything panic, overflow a stack or go on for ever.
//!
//! A short run each in the tests, a long one by GATEPOST_FUZZ_SECS. Seeds are real input; mutations are those that find
//! most: flipped, cut, doubled and spliced octets. Each command, each verb of the control socket and each key of the
//! configuration has a seed that is good as it stands.

mod admin;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod mail;
mod sessions;
mod texts;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// With fewer runs a test means nothing, however long they take.
const RUNS_MIN: u64 = 100;

fn fuzz(name: &str, seeds: Vec<Vec<u8>>, target: impl Fn(&[u8]) + Send + 'static) {
    fuzz_with(name, seeds, mutate, target);
}

/// The same, where `make` makes an input of the seeds.
fn fuzz_with(
    name: &str,
    seeds: Vec<Vec<u8>>,
    make: impl Fn(&mut fastrand::Rng, &[Vec<u8>]) -> Vec<u8> + Send + 'static,
    target: impl Fn(&[u8]) + Send + 'static,
) {
    let secs = std::env::var("GATEPOST_FUZZ_SECS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let seed = if secs > 3 { fastrand::u64(..) } else { 42 };
    println!("{name}: {} seeds, random numbers from {seed}", seeds.len());
    let run = move || {
        // As they are, first: what follows may be cut at the first octet.
        seeds.iter().for_each(|seed| target(seed));
        let mut random = fastrand::Rng::with_seed(seed);
        let end = Instant::now() + Duration::from_secs(secs);
        let mut runs = 0u64;
        while runs < RUNS_MIN || Instant::now() < end {
            let input = make(&mut random, &seeds);
            // What is slow twice is slow; once, the machine may have stood still.
            let slow = (0..2).all(|_| {
                let began = Instant::now();
                target(&input);
                began.elapsed() > Duration::from_secs(20)
            });
            assert!(!slow, "slow: {:?}", String::from_utf8_lossy(&input));
            runs += 1;
        }
        runs
    };
    // A worker's stack: what fits here fits there.
    let thread = std::thread::Builder::new().stack_size(gatepost::net::STACK_BYTES);
    let runs = thread.spawn(run).unwrap().join().unwrap();
    println!("{name}: {runs} runs");
}

/// Octets of a seed that is a long one.
const LONG: usize = 1500;

fn mutate(random: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    // Of a long one mostly some lines, so that what is changed weighs more.
    if input.len() > LONG && random.u8(..4) > 0 {
        let from = random.usize(..input.len() - LONG / 2);
        let from = input[from..].iter().position(|octet| *octet == b'\n').map_or(from, |end| from + end + 1);
        input.drain(..from);
        input.truncate(random.usize(1..LONG));
    }
    for _ in 0..random.usize(1..8) {
        if input.is_empty() {
            input.push(random.u8(..));
        }
        let at = random.usize(..input.len());
        match random.u8(..7) {
            0 => input[at] = random.u8(..),
            1 => input[at] ^= 1 << random.u8(..8),
            2 => input.truncate(at),
            3 => input.insert(at, *random.choice(b"\r\n\0\"\\(){}*%=?:;<>@,- \xff").unwrap()),
            4 => {
                let piece = input[at..(at + random.usize(1..40)).min(input.len())].to_vec();
                for _ in 0..random.usize(1..50) {
                    input.splice(at..at, piece.iter().copied());
                }
            }
            5 => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => drop(input.remove(at)),
        }
        input.truncate(200_000);
    }
    input
}

/// Seeds that are written down.
fn owned(seeds: &[&[u8]]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.to_vec()).collect()
}

/// Whether a thread of one of these names, whose panics nobody else would hear of, has panicked since.
fn panicked_in(threads: &'static [&'static str]) -> Arc<AtomicBool> {
    let panicked = Arc::new(AtomicBool::new(false));
    let (heard, before) = (panicked.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        heard.fetch_or(std::thread::current().name().is_some_and(|name| threads.contains(&name)), Ordering::Relaxed);
        before(panic);
    }));
    panicked
}
