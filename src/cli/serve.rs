//! `fahrtenbuch serve`

use std::io::Write;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::exit::Exit;
use crate::cli::opened::tell;
use crate::cli::terminal::Stdout;
use crate::metrics::ListenAddress;
use crate::publish::bucket::local_folder;
use crate::serve::{AccessLog, Site, serve};
use crate::workspace::{lies_in, stores};

#[derive(clap::Args)]
#[command(after_help = "\
Readers get byte ranges, ETags, CORS, content types and cache headers, so that DuckDB, Polars and browsers read the bucket as they
read one in a cloud. It is plain HTTP: towards the internet put a web server with a certificate before it. Ctrl-C and SIGTERM end
it; answers that have begun may take ten seconds more.

Examples:
  fahrtenbuch serve
  fahrtenbuch serve --listen 0.0.0.0:8000 --log access.log")]
pub(super) struct Arguments {
    /// Where to listen: a port of this machine alone, or an address and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: ListenAddress,
    /// Append a line for each request to this file, in the combined format of web servers
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    serve_bucket(root, arguments).unwrap_or_else(|exit| exit)
}

fn serve_bucket(root: &Path, arguments: &Arguments) -> Result<Exit, Exit> {
    let bucket = stores::public_bucket(root).map_err(|problems| {
        tell(&problems);
        Exit::Usage
    })?;
    // A location that is neither is a mistake of the configuration, which was told.
    let Ok(Some(folder)) = local_folder(&bucket.location) else {
        eprintln!(
            "error: the bucket {} is served by its store. Make it readable for everybody there; 'fahrtenbuch check --bucket' tells \
             what it lacks.",
            bucket.location
        );
        return Err(Exit::Usage);
    };
    if !folder.is_dir() {
        eprintln!("note: there is no folder {} yet; until a run has made it, nothing is found", folder.display());
    }
    let log = match &arguments.log {
        None => AccessLog::default(),
        // It would be served, with what it says of readers.
        Some(path) if lies_in(path, &folder) => {
            eprintln!("error: the log {} is in the bucket. Name a place outside of it.", path.display());
            return Err(Exit::Usage);
        }
        Some(path) => AccessLog::open(path).map_err(|error| {
            eprintln!("error: the log {} cannot be written: {error}. Check its path and permissions.", path.display());
            Exit::Usage
        })?,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        eprintln!("error: no threads to serve with ({error}). Try again.");
        Exit::Transient
    })?;
    let done = runtime.block_on(listen(arguments.listen, Site::new(folder.clone(), log), &folder));
    runtime.shutdown_background();
    done
}

async fn listen(ListenAddress(address): ListenAddress, site: Site, folder: &Path) -> Result<Exit, Exit> {
    let failed = |error: std::io::Error| {
        eprintln!("error: nothing can listen at {address}: {error}. Choose another address with --listen.");
        Exit::Usage
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?);
    println!("{} is served at http://{address}/", folder.display());
    // Whoever waits for the line may be gone.
    let _ = Stdout.flush();
    let mut name = "";
    let stop = async {
        name = tokio::select! {
            _ = interrupt.recv() => "Ctrl-C",
            _ = terminate.recv() => "SIGTERM",
        };
    };
    serve(listener, site, stop).await;
    println!("stopped by {name}");
    Ok(Exit::Done)
}
