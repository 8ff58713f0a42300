//! The admin's tool; see gatepostctl(8).

fn main() -> std::process::ExitCode {
    gatepost::admin::ctl_main()
}
