//! Starts the command line; everything else lives in the library.

fn main() -> std::process::ExitCode {
    fahrtenbuch::cli::main()
}
