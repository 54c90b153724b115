//! `fahrtenbuch key`: the keys by which the log of releases is signed.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::acting::open_to_withdraw;
use crate::cli::exit::{Exit, usage};
use crate::cli::opened::{clock_is_set, read_outline};
use crate::cli::run::failed;
use crate::cli::terminal::listing;
use crate::ledger::keys::{KEYS, KeyState, PublicKey, PublicKeys};
use crate::ledger::log::note::Verifier as _;
use crate::pipeline::run::{AllAsked, RunError, complete_log, ended_by_log};
use crate::pipeline::signing_keys::{self, InBucket, Register, SigningError};
use crate::publish::bucket::{Bucket, missing_folder};
use crate::time;
use crate::workspace::Workspace;
use crate::workspace::outline::Needs;

#[derive(Args)]
#[command(after_help = "\
With a key, each release is signed: the log in the bucket gets tiles and a checkpoint that others check with the public key alone, and
each version of a table a proof. Give the public key that 'new' prints to those who are to check, on another way than the bucket.

Examples:
  fahrtenbuch key new
  fahrtenbuch key list
  fahrtenbuch key rotate --reason 'every two years'
  fahrtenbuch key revoke 2026-11-27 --reason 'the machine was broken into'

What to do when a key is lost or stolen: docs/keys.md. Secrets are in keys/signing/ of the private store; back them up with
'backup: keys_to'.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key, and print its public part
    New(New),
    /// List the keys with their states
    List(List),
    /// Make a key in the place of the one that signs
    Rotate(Rotate),
    /// Revoke a key: what it signs from now on counts for nothing
    Revoke(Revoke),
}

#[derive(Args)]
struct New {
    /// Its name; the date if none is given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct List {
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Rotate {
    /// The name of the new key; the date if none is given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Why; it is published, so name no person in it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Revoke {
    /// The key, by the name that 'list' tells
    #[arg(value_name = "NAME")]
    name: String,
    /// Why; it is published, so name no person in it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Arguments {
    /// Whether what it prints is what it is for.
    pub(super) fn is_for_its_output(&self) -> bool {
        matches!(self.command, Command::List(_))
    }
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let done = match &arguments.command {
        Command::New(new) => self::new(root, new),
        Command::List(list) => self::list(root, list),
        Command::Rotate(rotate) => self::rotate(root, rotate),
        Command::Revoke(revoke) => self::revoke(root, revoke),
    };
    done.unwrap_or_else(|exit| exit)
}

fn not_done(error: SigningError) -> Exit {
    failed(&RunError::from(error), false, None)
}

/// A workspace of which keys are changed. A mistake elsewhere keeps nobody from revoking one.
fn open(root: &Path) -> Result<(Workspace, InBucket), Exit> {
    clock_is_set()?;
    let workspace = read_outline(root, Needs::Stores)?;
    let there = in_bucket(&workspace);
    Ok((workspace, there))
}

/// What the bucket tells of keys, if there is one.
fn in_bucket(workspace: &Workspace) -> InBucket {
    if missing_folder(&workspace.bucket).is_some() {
        return InBucket::default();
    }
    let told = Bucket::open(&workspace.bucket, &workspace.bucket_options).map_err(RunError::from).and_then(|bucket| {
        let keys = bucket.get(KEYS)?.and_then(|bytes| PublicKeys::parse(&bytes));
        Ok(InBucket { keys, ended: ended_by_log(workspace, &bucket)? })
    });
    told.unwrap_or_else(|error| {
        eprintln!("warning: the keys that the bucket tells of are not known: {error}");
        InBucket::default()
    })
}

/// Writes a change to the log and into the bucket. Where that fails the change holds all the same, and the next run publishes it.
fn publish(workspace: &Workspace) -> Exit {
    if missing_folder(&workspace.bucket).is_some() {
        println!("The bucket is not there yet: the first run publishes the key.");
        return Exit::Done;
    }
    let published = open_to_withdraw(workspace)
        .and_then(|(_lock, bucket)| complete_log(workspace, &bucket).map_err(|error| failed(&error, false, None)));
    match published {
        Ok(()) => Exit::Done,
        Err(exit) => {
            eprintln!("The change holds on this machine; the next run writes it into the bucket.");
            exit
        }
    }
}

fn new(root: &Path, arguments: &New) -> Result<Exit, Exit> {
    let (workspace, there) = open(root)?;
    let made = signing_keys::new_key(&workspace, &there, arguments.name.as_deref(), time::now());
    let key = made.map_err(not_done)?;
    tell(&workspace, &key, arguments.json);
    Ok(publish(&workspace))
}

fn tell(workspace: &Workspace, key: &PublicKey, is_json: bool) {
    if is_json {
        println!("{}", json!(key));
        return;
    }
    println!("{}", key.key);
    println!("This is the public part of the signing key '{}'. Give it to those who are to check the log.", key.name);
    if workspace.backup.as_ref().is_none_or(|backup| backup.keys_to.is_none()) {
        println!(
            "Its secret is in {} and in no backup: set 'backup: keys_to' in fahrtenbuch.yaml, or copy it to a safe place.",
            signing_keys::folder(&workspace.private).display()
        );
    }
}

fn list(root: &Path, arguments: &List) -> Result<Exit, Exit> {
    let workspace = read_outline(root, Needs::Stores)?;
    let register = Register::read(&workspace.private).map_err(not_done)?;
    if arguments.json {
        println!("{}", json!(register.keys));
        return Ok(Exit::Done);
    }
    if register.keys.is_empty() {
        println!("There is no signing key: the log is not signed. 'fahrtenbuch key new' makes one.");
        return Ok(Exit::Done);
    }
    let mut table = listing(["name", "state", "since", "until", "reason"]);
    for PublicKey { name, state, since, until, reason, .. } in &register.keys {
        let until = until.map(|until| until.to_string()).unwrap_or_default();
        let reason = reason.clone().unwrap_or_default();
        table.add_row([name.clone(), state.word().to_owned(), since.to_string(), until, reason]);
    }
    println!("{table}");
    for key in register.keys.iter().filter(|key| key.state == KeyState::Active) {
        if let Some(problem) = signing_keys::secret_problem(&workspace.private, key) {
            eprintln!("warning: the key '{}' is active, and {problem}.", key.name);
        }
    }
    tell_outsiders(&workspace)?;
    // Each on a line of its own, to be copied.
    register.keys.iter().for_each(|key| println!("{}", key.key));
    Ok(Exit::Done)
}

/// Who was asked to confirm the log, and what came of it.
fn tell_outsiders(workspace: &Workspace) -> Result<(), Exit> {
    let signing = &workspace.signing;
    if signing.witnesses.is_empty() && signing.timestamps.is_none() {
        return Ok(());
    }
    let asked = AllAsked::read(workspace).map_err(|error| failed(&error, false, None))?;
    let mut table = listing(["confirmed by", "last", "entries", "since it is not", "why not"]);
    let of_witnesses = signing.witnesses.iter().map(|of| (of.key.name(), asked.of_witness(&of.key)));
    let of_stamps = signing.timestamps.iter().map(|_| ("time stamps", Some(&asked.timestamps)));
    for (name, asked) in of_witnesses.chain(of_stamps) {
        let asked = asked.cloned().unwrap_or_default();
        let at = asked.at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let (since, said) = asked.problem.map(|problem| (problem.since.to_string(), problem.said)).unwrap_or_default();
        table.add_row([name.to_owned(), at, asked.size.to_string(), since, said]);
    }
    println!("{table}");
    Ok(())
}

/// Why a key is changed; who checks the log reads it.
fn of_change<'a>(reason: &'a str, what: &str) -> Result<&'a str, Exit> {
    match reason.trim() {
        "" => Err(usage(&format!("a {what} needs a reason, which is published. Write it after --reason."))),
        reason => Ok(reason),
    }
}

fn rotate(root: &Path, arguments: &Rotate) -> Result<Exit, Exit> {
    let reason = of_change(&arguments.reason, "rotation")?;
    let (workspace, there) = open(root)?;
    let said = (arguments.name.as_deref(), reason);
    let (old, key) = signing_keys::rotate(&workspace, &there, said, time::now()).map_err(not_done)?;
    tell(&workspace, &key, arguments.json);
    if workspace.signing.key.as_ref() == Some(&old.name) {
        return Err(usage(&format!(
            "'signing: key' in fahrtenbuch.yaml names '{}', which signs no more. Write 'key: {}', or take it out.",
            old.name, key.name
        )));
    }
    Ok(publish(&workspace))
}

fn revoke(root: &Path, arguments: &Revoke) -> Result<Exit, Exit> {
    let reason = of_change(&arguments.reason, "revocation")?;
    let (workspace, there) = open(root)?;
    let key = signing_keys::revoke(&workspace, &there, (&arguments.name, reason), time::now());
    let key = key.map_err(not_done)?;
    println!("revoked: {}, {}", key.name, key.key);
    if workspace.signing.key.as_ref() == Some(&key.name) {
        return Err(usage(
            "'signing: key' in fahrtenbuch.yaml names it: take it out, and make a key with 'fahrtenbuch key new'.",
        ));
    }
    if let Ok(None) = signing_keys::signer(&workspace) {
        println!("No key is left that signs. Make one with 'fahrtenbuch key new'.");
    }
    Ok(publish(&workspace))
}
