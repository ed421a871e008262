//! `chatops-bench`, started by `make bench`: see [`chatops_testkit::bench`].

fn main() -> std::process::ExitCode {
    chatops_testkit::bench::main()
}
