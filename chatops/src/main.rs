//! The server program: parses, runs, and turns the outcome into an exit code. See [`cli`] for the verbs.

mod cli;
mod compose;
mod config;
mod lifecycle;
mod output;
mod telemetry;
mod tls;
mod trouble;
mod up;

use std::process::ExitCode;

use clap::Parser;

use crate::{output::Output, trouble::Code};

/// Returns memory to the system that glibc would keep: the roles rest at a fraction of their peak.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let output = Output::new();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(cli.run(&output)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has seen enough, as in `| head`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.fail(&error);
            let code: Code = trouble::code_of(&error);
            ExitCode::from(code as u8)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
