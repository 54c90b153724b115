//! One file: from where it was left, with pauses between tries, until its bytes are right.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use super::error::GetError;
use super::list::Listed;
use super::local::{Places, digested, remove};
use super::origin::{Origin, Trouble};
use crate::digest::Digester;
use crate::durable;

/// Tries in a row of which none brought a byte.
const TRIES: u32 = 5;
/// Tries at all of one file.
const ALL_TRIES: u32 = 100;
/// The pause after the first; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

const REPORT: &str = "It is not kept. Try again later; if it stays so, tell whoever runs the bucket: the file is not the one that was published";

/// Brings the bytes of a file to its partial place, right to the last one. Tells bytes as they come; whether some were there.
pub(super) async fn download(
    origin: &Origin,
    file: &Listed,
    places: &Places,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<bool, GetError> {
    let shown = origin.shown(&file.key);
    let was_begun = fs::metadata(&places.partial).is_ok_and(|metadata| metadata.len() > 0);
    let (mut fruitless, mut restarts, mut tries) = (0, 0, 0);
    loop {
        let before = fs::metadata(&places.partial).map_or(0, |metadata| metadata.len());
        let one = Try { origin, file, places, progress };
        let trouble = match one.run().await {
            Ok(()) => return Ok(was_begun && restarts == 0),
            Err(Failed::Local(error)) => return Err(error),
            Err(Failed::Origin(trouble)) => trouble,
        };
        tries += 1;
        let (problem, wait) = match trouble {
            Trouble::Again { problem, wait } => (problem, wait),
            Trouble::Restart(problem) => {
                remove(&places.partial)?;
                remove(&places.tag)?;
                restarts += 1;
                if restarts > 1 {
                    return Err(GetError::permanent(shown, problem, REPORT));
                }
                continue;
            }
            Trouble::Absent(problem) => {
                let problem = format!("the list names it, and {problem}; it may just have been replaced or withdrawn");
                return Err(GetError::transient(shown, problem));
            }
            Trouble::Permanent { problem, remedy }
            | Trouble::Elsewhere { problem, remedy }
            | Trouble::TooLong { problem, remedy, .. } => return Err(GetError::permanent(shown, problem, remedy)),
        };
        let after = fs::metadata(&places.partial).map_or(0, |metadata| metadata.len());
        fruitless = if after > before { 1 } else { fruitless + 1 };
        if fruitless >= TRIES || tries >= ALL_TRIES {
            return Err(GetError::transient(shown, format!("{problem} (tried {tries} times)")));
        }
        tokio::time::sleep(pause(fruitless, wait)).await;
    }
}

/// The pause after so many tries: the server's, or twice as long as the last one, and not for all clients the same.
pub(super) fn pause(tries: u32, asked: Option<Duration>) -> Duration {
    let pause = PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    asked.unwrap_or_default().max(pause.mul_f64(0.5 + fastrand::f64() / 2.0))
}

enum Failed {
    Origin(Trouble),
    Local(GetError),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Origin(trouble)
    }
}

/// One try.
struct Try<'a> {
    origin: &'a Origin,
    file: &'a Listed,
    places: &'a Places,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Try<'_> {
    async fn run(&self) -> Result<(), Failed> {
        let Self { file, places, .. } = self;
        let (mut digester, mut have) = self.begun().await?;
        if have < file.bytes {
            have = self.fetch(&mut digester, have).await?;
        }
        if have < file.bytes {
            let problem = format!("it ended after {have} of {} bytes", file.bytes);
            return Err(Trouble::Again { problem, wait: None }.into());
        }
        let found = digester.finish();
        if found != file.sha256 {
            let problem = format!("its bytes have the SHA-256 {found} instead of {}", file.sha256);
            return Err(Trouble::Restart(problem).into());
        }
        let partial = durable::open_plain(File::options().append(true), &places.partial);
        partial.and_then(|partial| partial.sync_all()).map_err(|error| self.local(&error))
    }

    /// What is there of it: its digest so far, and its bytes.
    async fn begun(&self) -> Result<(Digester, u64), Failed> {
        let Self { file, places, .. } = self;
        let there = fs::metadata(&places.partial).map_or(0, |metadata| metadata.len());
        if there > file.bytes {
            remove(&places.partial).map_err(Failed::Local)?;
        }
        if there == 0 || there > file.bytes {
            if file.bytes == 0 {
                // An empty file is fetched without a request.
                durable::write_plain(&places.partial, "").map_err(|error| self.local(&error))?;
            }
            return Ok((Digester::default(), 0));
        }
        let partial = places.partial.clone();
        let begun = tokio::task::spawn_blocking(move || digested(&partial)).await;
        begun.unwrap_or_else(|error| Err(error.into())).map_err(|error| self.local(&error))
    }

    /// Appends what comes to the `have` bytes that are there; how many there are then.
    async fn fetch(&self, digester: &mut Digester, mut have: u64) -> Result<u64, Failed> {
        let Self { origin, file, places, progress } = self;
        let tag = durable::read_to_string(&places.tag).ok();
        let mut opened = origin.object(&file.key, have, tag.as_deref()).await?;
        if let Some(size) = opened.size.filter(|size| *size != file.bytes) {
            let problem = format!("it has {size} bytes instead of {}", file.bytes);
            return Err(Trouble::Restart(problem).into());
        }
        if opened.from != have {
            *digester = Digester::default();
            have = 0;
        }
        let mut options = File::options();
        options.write(true).create(true).truncate(have == 0).append(have > 0);
        let mut out = durable::open_plain(&mut options, &places.partial).map_err(|error| self.local(&error))?;
        match &opened.tag {
            Some(tag) => durable::write_plain(&places.tag, tag).map_err(|error| self.local(&error))?,
            None => remove(&places.tag).map_err(Failed::Local)?,
        }
        while let Some(chunk) = opened.chunk().await? {
            if chunk.len() as u64 > file.bytes - have {
                let problem = format!("it has more than {} bytes", file.bytes);
                return Err(Trouble::Restart(problem).into());
            }
            out.write_all(&chunk).map_err(|error| self.local(&error))?;
            digester.update(&chunk);
            have += chunk.len() as u64;
            progress(chunk.len() as u64);
        }
        Ok(have)
    }

    fn local(&self, error: &std::io::Error) -> Failed {
        Failed::Local(GetError::local(&self.places.partial, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded_and_a_server_may_ask_for_longer_ones() {
        for tries in 1..200 {
            assert!(pause(tries, None) <= LONGEST_PAUSE && pause(tries, None) >= PAUSE / 2);
        }
        assert!(pause(5, None) > pause(1, None));
        assert_eq!(pause(1, Some(Duration::from_secs(40))), Duration::from_secs(40));
    }
}
