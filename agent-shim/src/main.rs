//! The binary `tidegate-agent`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_agent::cli::main()
}
