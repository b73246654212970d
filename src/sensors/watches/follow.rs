//! Follows a file line by line over rotation and truncation; knows after each line how to go on from there.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest line; of a longer one the beginning is told.
const LONGEST: usize = 64 * 1024;
/// Read at once.
const READ: usize = 64 * 1024;
/// So many first bytes tell whether a file is still the same.
const HEAD: u64 = 256;
/// Files of a folder that are looked at for one that was renamed.
const NEIGHBOURS: usize = 2000;

/// Up to where a file was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Device and number of the file.
    device: u64,
    inode: u64,
    /// Bytes that were read.
    offset: u64,
    /// How many of the first bytes `head` stands for.
    head_length: u64,
    /// Digest of the first bytes.
    head: String,
}

/// A line, and where reading goes on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Followed {
    pub(super) text: String,
    pub(super) after: Position,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) lines: Vec<Followed>,
    /// There may be more at once.
    pub(super) more: bool,
}

/// Where a file is begun that nobody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Start,
    End,
}

/// Follows one path.
pub(super) struct Follower {
    path: PathBuf,
    begin: Begin,
    stored: Option<Position>,
    open: Option<Open>,
}

struct Open {
    file: File,
    at: Position,
    /// Bytes behind the position without a newline.
    pending: Vec<u8>,
    /// The rest of a line that was too long is left out.
    skipping: bool,
}

impl Follower {
    /// Goes on from `stored`, else at `begin`.
    pub(super) const fn new(path: PathBuf, begin: Begin, stored: Option<Position>) -> Self {
        Self {
            path,
            begin,
            stored,
            open: None,
        }
    }

    /// Up to where everything was told; `None` while the file was never there.
    pub(super) fn position(&self) -> Option<&Position> {
        self.open.as_ref().map(|open| &open.at).or(self.stored.as_ref())
    }

    /// Reads what is new, at most `most` lines or so.
    ///
    /// # Errors
    /// When the file is not there or cannot be read; the next look tries again.
    pub(super) fn look(&mut self, most: usize) -> io::Result<Look> {
        let mut look = Look::default();
        if self.open.is_none() {
            self.open = Some(self.first()?);
            self.stored = None;
        }
        while look.lines.len() < most {
            let Some(open) = &mut self.open else { break };
            if open.is_cut()? {
                open.rewind()?;
            }
            if open.read(&mut look.lines)? {
                continue;
            }
            // At its end: is there another file by now?
            match fs::metadata(&self.path) {
                Ok(now) if !open.is(&now) => {
                    // Somebody may have written between the last read and the look at the path.
                    if open.read(&mut look.lines)? {
                        continue;
                    }
                    open.flush(&mut look.lines);
                    self.open = Some(Open::at_start(&self.path)?);
                }
                // Gone for now: what is open is still the file.
                Ok(_) | Err(_) => return Ok(look),
            }
        }
        look.more = true;
        Ok(look)
    }

    /// Opens the file for the first time.
    fn first(&mut self) -> io::Result<Open> {
        let found = open(&self.path);
        if let Some(stored) = &self.stored {
            if let Ok(file) = &found
                && let Ok(file) = file.try_clone()
                && let Some(open) = Open::again(file, stored)
            {
                return Ok(open);
            }
            if let Some(open) = renamed(&self.path, stored) {
                return Ok(open);
            }
        }
        let file = match found {
            Ok(file) => file,
            Err(error) => {
                // A file that comes later is new from its first line.
                if error.kind() == io::ErrorKind::NotFound {
                    self.begin = Begin::Start;
                }
                return Err(error);
            }
        };
        let mut open = Open::of(file)?;
        if self.stored.is_none() && self.begin == Begin::End {
            open.at.offset = last_line(&mut open.file)?;
            open.file.seek(SeekFrom::Start(open.at.offset))?;
            open.learn_head()?;
        }
        Ok(open)
    }
}

impl Open {
    fn of(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            file,
            at: Position {
                device: metadata.dev(),
                inode: metadata.ino(),
                ..Position::default()
            },
            pending: Vec::new(),
            skipping: false,
        })
    }

    fn at_start(path: &Path) -> io::Result<Self> {
        Self::of(open(path)?)
    }

    /// The file of a stored position, if this is it.
    fn again(file: File, stored: &Position) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        let mut open = Self::of(file).ok()?;
        if !open.is_same(stored) || metadata.len() < stored.offset {
            return None;
        }
        if head(&mut open.file, stored.head_length).ok()? != stored.head {
            return None;
        }
        open.file.seek(SeekFrom::Start(stored.offset)).ok()?;
        open.at = stored.clone();
        Some(open)
    }

    const fn is_same(&self, other: &Position) -> bool {
        self.at.device == other.device && self.at.inode == other.inode
    }

    fn is(&self, other: &Metadata) -> bool {
        self.at.device == other.dev() && self.at.inode == other.ino()
    }

    /// Whether the file is shorter than what was read of it, or begins otherwise.
    fn is_cut(&mut self) -> io::Result<bool> {
        let read = self.at.offset + self.pending.len() as u64;
        let length = self.file.metadata()?.len();
        if length < read {
            return Ok(true);
        }
        if length == read || self.at.head_length == 0 {
            return Ok(false);
        }
        // It grew: or was it emptied and filled again in between?
        let known = head(&mut self.file, self.at.head_length)?;
        self.file.seek(SeekFrom::Start(read))?;
        Ok(known != self.at.head)
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.pending.clear();
        self.skipping = false;
        self.at.offset = 0;
        self.at.head_length = 0;
        self.at.head.clear();
        Ok(())
    }

    /// Reads a piece; false at the end of the file.
    fn read(&mut self, lines: &mut Vec<Followed>) -> io::Result<bool> {
        let before = self.pending.len();
        let read = (&self.file).take(READ as u64).read_to_end(&mut self.pending)?;
        if read == 0 {
            return Ok(false);
        }
        let mut looked = before;
        while let Some(newline) = self.pending[looked..].iter().position(|byte| *byte == b'\n') {
            let end = looked + newline;
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.at.offset += line.len() as u64;
            looked = 0;
            if !std::mem::take(&mut self.skipping) {
                self.tell(&line[..line.len() - 1], lines)?;
            }
        }
        if self.pending.len() > LONGEST || self.skipping {
            let rest = std::mem::take(&mut self.pending);
            self.at.offset += rest.len() as u64;
            if !std::mem::replace(&mut self.skipping, true) {
                self.tell(&rest[..LONGEST], lines)?;
            }
        }
        Ok(true)
    }

    /// What stands behind the last newline of a file that nobody will write any more.
    fn flush(&mut self, lines: &mut Vec<Followed>) {
        let rest = std::mem::take(&mut self.pending);
        self.at.offset += rest.len() as u64;
        if !rest.is_empty() && !self.skipping {
            lines.push(Followed {
                text: text(&rest),
                after: self.at.clone(),
            });
        }
    }

    fn tell(&mut self, line: &[u8], lines: &mut Vec<Followed>) -> io::Result<()> {
        if self.at.head_length < HEAD {
            let here = self.file.stream_position()?;
            self.learn_head()?;
            self.file.seek(SeekFrom::Start(here))?;
        }
        lines.push(Followed {
            text: text(&line[..line.len().min(LONGEST)]),
            after: self.at.clone(),
        });
        Ok(())
    }

    fn learn_head(&mut self) -> io::Result<()> {
        let here = self.file.stream_position()?;
        self.at.head_length = self.at.offset.min(HEAD);
        self.at.head = head(&mut self.file, self.at.head_length)?;
        self.file.seek(SeekFrom::Start(here))?;
        Ok(())
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// Opens a regular file; never waits, whatever lies there.
fn open(path: &Path) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// Digest of the first bytes. Moves within the file.
fn head(file: &mut File, length: u64) -> io::Result<String> {
    let mut first = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(length).read_to_end(&mut first)?;
    Ok(hex::encode(&Sha256::digest(&first)[..8]))
}

/// Where the last line begins that has not ended: the end of the file, mostly.
fn last_line(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    (&*file).take(length - from).read_to_end(&mut tail)?;
    let newline = tail.iter().rposition(|byte| *byte == b'\n');
    Ok(match newline {
        Some(at) => from + at as u64 + 1,
        None if from == 0 => 0,
        None => length,
    })
}

/// The file of a stored position under another name in the same folder: `app.log.1` for `app.log`.
fn renamed(path: &Path, stored: &Position) -> Option<Open> {
    let folder = path.parent()?;
    for entry in fs::read_dir(folder).ok()?.take(NEIGHBOURS).flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.ino() == stored.inode
            && metadata.dev() == stored.device
            && let Ok(file) = open(&entry.path())
            && let Some(open) = Open::again(file, stored)
        {
            return Some(open);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    struct Trial {
        folder: tempfile::TempDir,
    }

    impl Trial {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
            }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("app.log")
        }

        fn write(&self, text: &str) {
            let mut file = File::options()
                .append(true)
                .create(true)
                .open(self.path())
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&self) {
            fs::rename(self.path(), self.folder.path().join("app.log.1")).unwrap();
        }

        fn follower(&self, begin: Begin, stored: Option<Position>) -> Follower {
            Follower::new(self.path(), begin, stored)
        }
    }

    fn lines(follower: &mut Follower) -> Vec<String> {
        let look = follower.look(1000).unwrap();
        assert!(!look.more);
        look.lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn new_lines_are_told_once_and_whole() {
        let trial = Trial::new();
        trial.write("old\n");
        let mut follower = trial.follower(Begin::End, None);
        assert!(lines(&mut follower).is_empty());
        trial.write("one\ntw");
        assert_eq!(lines(&mut follower), ["one"]);
        trial.write("o\r\n\nthree");
        assert_eq!(lines(&mut follower), ["two", ""]);
        trial.write("\n");
        assert_eq!(lines(&mut follower), ["three"]);
        assert!(lines(&mut follower).is_empty());
        assert_eq!(
            lines(&mut trial.follower(Begin::Start, None)),
            ["old", "one", "two", "", "three"]
        );
    }

    #[test]
    fn a_half_written_line_counts_when_it_ends() {
        let trial = Trial::new();
        trial.write("old\nhal");
        let mut follower = trial.follower(Begin::End, None);
        assert!(lines(&mut follower).is_empty());
        trial.write("f\n");
        assert_eq!(lines(&mut follower), ["half"]);
    }

    #[test]
    fn rotation_loses_nothing() {
        let trial = Trial::new();
        trial.write("a\n");
        let mut follower = trial.follower(Begin::Start, None);
        assert_eq!(lines(&mut follower), ["a"]);
        trial.write("b\nend without newline");
        trial.rotate();
        assert_eq!(lines(&mut follower), ["b"]);
        trial.write("c\n");
        assert_eq!(lines(&mut follower), ["end without newline", "c"]);
    }

    #[test]
    fn truncation_begins_anew() {
        let trial = Trial::new();
        trial.write("a long first line\n");
        let mut follower = trial.follower(Begin::Start, None);
        assert_eq!(lines(&mut follower), ["a long first line"]);
        File::create(trial.path()).unwrap();
        trial.write("new\n");
        assert_eq!(lines(&mut follower), ["new"]);
        // Emptied and filled with more than there was.
        File::create(trial.path()).unwrap();
        trial.write("something else that is longer than before\n");
        assert_eq!(
            lines(&mut follower),
            ["something else that is longer than before"]
        );
    }

    #[test]
    fn a_stored_position_goes_on() {
        let trial = Trial::new();
        trial.write("a\nb\n");
        let mut follower = trial.follower(Begin::Start, None);
        let look = follower.look(1000).unwrap();
        let after_a = look.lines[0].after.clone();
        let after_b = look.lines[1].after.clone();
        assert_eq!(
            lines(&mut trial.follower(Begin::End, Some(after_a.clone()))),
            ["b"]
        );
        trial.write("c\n");
        assert_eq!(
            lines(&mut trial.follower(Begin::End, Some(after_b.clone()))),
            ["c"]
        );
        // Rotated while nobody looked.
        trial.rotate();
        trial.write("d\n");
        assert_eq!(
            lines(&mut trial.follower(Begin::End, Some(after_b.clone()))),
            ["c", "d"]
        );
        // The file of the position is gone: everything in the new one is new.
        fs::remove_file(trial.folder.path().join("app.log.1")).unwrap();
        assert_eq!(lines(&mut trial.follower(Begin::End, Some(after_b))), ["d"]);
        let stored = serde_json::to_value(&after_a).unwrap();
        assert_eq!(serde_json::from_value::<Position>(stored).unwrap(), after_a);
    }

    #[test]
    fn a_file_that_comes_later_is_read_from_its_start() {
        let trial = Trial::new();
        let mut follower = trial.follower(Begin::End, None);
        assert!(follower.look(10).is_err());
        trial.write("first\n");
        assert_eq!(lines(&mut follower), ["first"]);
    }

    #[test]
    fn long_lines_are_cut_and_what_is_no_file_is_refused() {
        let trial = Trial::new();
        trial.write(&"x".repeat(3 * LONGEST));
        trial.write("\nshort\n");
        let told = lines(&mut trial.follower(Begin::Start, None));
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].len(), LONGEST);
        assert_eq!(told[1], "short");
        assert!(
            Follower::new(trial.folder.path().to_owned(), Begin::Start, None)
                .look(1)
                .is_err()
        );
    }

    #[test]
    fn much_comes_in_pieces() {
        let trial = Trial::new();
        trial.write(&"line\n".repeat(50_000));
        let mut follower = trial.follower(Begin::Start, None);
        let mut count = 0;
        loop {
            let look = follower.look(100).unwrap();
            count += look.lines.len();
            if !look.more {
                break;
            }
        }
        assert_eq!(count, 50_000);
    }
}
