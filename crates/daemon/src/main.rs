//! The `sekisho` program: see [`sekisho_daemon::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = sekisho_daemon::cli::main(std::env::args_os().collect());
    ExitCode::from(exit as u8)
}
