//! A bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// `of` 0: it is not known how much there is.
pub(super) fn bar(what: &'static str, of: u64) -> ProgressBar {
    let template = match of {
        0 => "{msg} {pos} {elapsed_precise} {spinner}",
        _ => "{msg} {wide_bar} {bytes}/{total_bytes} {eta}",
    };
    let bar = if of == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(of) };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what)
}
