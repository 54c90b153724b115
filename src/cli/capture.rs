//! `fahrtenbuch capture`

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::{Exit, choose, read_workspace};
use crate::pipeline::run::{Captured, capture};

#[derive(clap::Args)]
#[command(after_help = "\
What is no feed, as an HTML page with status 200, is kept as evidence, too, and said to be one. It is no timetable, and the
next request comes without conditions.

Examples:
  fahrtenbuch capture                                       ask every source once
  fahrtenbuch capture stadtbus-telemetrie --every 15        ask every 15 seconds until stopped
  fahrtenbuch capture stadtbus-telemetrie --every 15 --for 3600")]
pub struct Arguments {
    /// Names of pipelines; all if none is given
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Ask again every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Stop after so many seconds
    #[arg(long = "for", value_name = "SECONDS", requires = "every")]
    duration: Option<u64>,
}

pub fn run(root: &Path, arguments: &Arguments) -> Exit {
    let workspace = match read_workspace(root) {
        Ok(workspace) => workspace,
        Err(exit) => return exit,
    };
    let pipelines = match choose(&workspace, &arguments.pipelines) {
        Ok(pipelines) => pipelines,
        Err(exit) => return exit,
    };
    let begin = Instant::now();
    let every = arguments.every.map(Duration::from_secs);
    let mut round: u32 = 0;
    loop {
        let mut exit = Exit::Done;
        for pipeline in &pipelines {
            match capture(&workspace, pipeline) {
                Ok(done) => {
                    for (source, captured) in done {
                        match captured {
                            Captured::Kept => println!("{source}: kept"),
                            Captured::KeptUnreadable(said) => println!("{source}: kept, but it {said}"),
                            Captured::NothingNew if every.is_none() => println!("{source}: nothing new"),
                            Captured::NothingNew => {}
                        }
                    }
                }
                Err(error) => {
                    eprintln!("error: {}: {error}", pipeline.name);
                    exit = exit.max(if error.is_passing() { Exit::Passing } else { Exit::Final });
                }
            }
        }
        // While polling, one failure is told and the next round asks again.
        let Some(every) = every else { return exit };
        round += 1;
        let next = every.saturating_mul(round);
        if arguments.duration.is_some_and(|most| next > Duration::from_secs(most)) {
            return exit;
        }
        std::thread::sleep(next.saturating_sub(begin.elapsed()));
    }
}
