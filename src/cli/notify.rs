//! `fahrtenbuch notify`

use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::opened::tell;
use crate::notify::cause::KINDS;
use crate::notify::delivery::FailureKind;
use crate::notify::settings::{Channel, Language};
use crate::notify::{Heartbeat, Settings, send, text};
use crate::workspace::{FILE, outline};
use crate::yaml::suggestion;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Send a test message to every channel and a ping to the heartbeat, or to one of them, and tell whether it went
    #[command(after_help = "\
Examples:
  fahrtenbuch notify test
  fahrtenbuch notify test mail
  fahrtenbuch notify test heartbeat       that of 'up'; 'watch' is that of 'fahrtenbuch watch'

The heartbeats get '/log', which the service keeps and which changes nothing there.

The exit code is 1 if a message did not go and may if it is sent again, 42 if it will not, 2 if the
configuration has a mistake or an environment variable is not set.")]
    Test {
        /// The channel, 'heartbeat' or 'watch'; all if none is given
        channel: Option<String>,
    },
    /// List the channels, without their secrets, and of which causes somebody is told
    List,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        matches!(self.command, Command::List)
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let settings = outline::notify(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    });
    let done = settings.and_then(|settings| match &arguments.command {
        Command::Test { channel } => test(&settings, channel.as_deref()),
        Command::List => {
            list(&settings);
            Ok(Exit::Done)
        }
    });
    done.unwrap_or_else(|exit| exit)
}

fn test(settings: &Settings, name: Option<&str>) -> Result<Exit, Exit> {
    let names: Vec<&str> = settings.channels.iter().map(|channel| channel.name.as_str()).collect();
    let heartbeats = heartbeats(settings);
    let has_heartbeat = !heartbeats.is_empty() || !settings.heartbeat_unset().is_empty();
    if names.is_empty() && !has_heartbeat {
        eprintln!("error: {FILE} has no channel. Add 'channels:' below 'notify:'; 'fahrtenbuch init' shows how.");
        return Err(Exit::Usage);
    }
    let known: Vec<&str> = names.iter().copied().chain(heartbeats.iter().map(|(name, _)| *name)).collect();
    if let Some(name) = name.filter(|name| !known.contains(name)) {
        eprintln!("error: there is no channel '{name}'. {}", suggestion(name, &known));
        return Err(Exit::Usage);
    }
    let now = crate::time::now();
    let is_chosen = |known: &str| name.is_none_or(|name| name == known);
    let chosen = names.iter().copied().filter(|known| is_chosen(known));
    let messages: Vec<_> = chosen.map(|name| text::test(name, settings, now)).collect();
    let mut exit = Exit::Done;
    for delivery in send(settings, &messages) {
        let channel = settings.channel(&delivery.channel);
        let kind = channel.map_or("", |channel| channel.kind.as_str());
        match delivery.result {
            Ok(()) => println!("{} ({kind}): sent{}", delivery.channel, channel.map(to).unwrap_or_default()),
            Err(failure) => {
                println!("{} ({kind}): not sent: {failure}", delivery.channel);
                exit = exit.max(exit_of(failure.kind));
            }
        }
    }
    // A channel may have the name, too.
    for (of, heartbeat) in
        heartbeats.into_iter().filter(|(of, _)| is_chosen(of) && (name.is_none() || !names.contains(of)))
    {
        match heartbeat.test("test: 'fahrtenbuch notify test'") {
            Ok(()) => println!("{of} (ping): sent '/log' to {}", heartbeat.shown()),
            Err(failure) => {
                println!("{of} (ping): not sent: {failure}");
                exit = exit.max(exit_of(failure.kind));
            }
        }
    }
    for problem in settings.heartbeat_unset().iter().filter(|_| name.is_none()) {
        println!("heartbeat (ping): not sent: {}. Set it where the program runs.", problem.message);
        exit = exit.max(Exit::Usage);
    }
    Ok(exit)
}

fn exit_of(kind: FailureKind) -> Exit {
    match kind {
        FailureKind::Transient => Exit::Transient,
        FailureKind::Permanent => Exit::Permanent,
        FailureKind::Configuration => Exit::Usage,
    }
}

/// That of 'up' and that of 'watch', by their names here.
fn heartbeats(settings: &Settings) -> Vec<(&'static str, Heartbeat)> {
    let of = [("heartbeat", Heartbeat::of(settings)), ("watch", Heartbeat::of_watch(settings))];
    of.into_iter().filter_map(|(name, heartbeat)| Some((name, heartbeat?))).collect()
}

/// Where a channel leads, without secrets.
fn to(channel: &Channel) -> String {
    channel.target.as_ref().map_or_else(String::new, |target| format!(" to {}", target.shown()))
}

fn list(settings: &Settings) {
    for channel in &settings.channels {
        println!("{} ({}){}", channel.name, channel.kind, to(channel));
        channel.unset.iter().for_each(|problem| println!("  cannot be used: {}", problem.message));
    }
    if settings.channels.is_empty() {
        println!("no channels: nobody is told anything");
    }
    if let Some(heartbeat) = &settings.heartbeat {
        let every = settings.heartbeat_every.as_secs();
        println!("heartbeat: 'up' pings {} every {every} s", heartbeat.shown());
    }
    if let Some(watch) = &settings.watch {
        println!("heartbeat: 'watch' pings {} at each look", watch.shown());
    }
    settings.heartbeat_unset().iter().for_each(|problem| println!("heartbeat cannot be used: {}", problem.message));
    println!("language: {}", if settings.language == Language::German { "de" } else { "en" });
    if let Some(quiet) = &settings.quiet {
        println!("quiet: {}-{}", quiet.from.strftime("%H:%M"), quiet.until.strftime("%H:%M"));
    }
    let names = |is_on: bool| {
        let chosen = KINDS.iter().filter(|(_, kind)| settings.is_on(*kind) == is_on).map(|(name, _)| *name);
        chosen.collect::<Vec<_>>().join(", ")
    };
    println!("on: {}", names(true));
    println!("off: {}", names(false));
}
