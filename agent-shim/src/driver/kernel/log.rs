//! Did the kernel say that something is wrong? Its log since the insert, and what pstore kept of
//! the boot before.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::KernelEvidence;

use crate::core::{Digest, ModuleName};
use crate::driver::{Dumps, LastWords};

/// Words that open a report of trouble.
const TROUBLE: [&str; 9] = [
    "BUG:",
    "Oops",
    "Kernel panic",
    "general protection fault",
    "soft lockup",
    "hard LOCKUP",
    "self-detected stall",
    "detected stalls on CPUs",
    "blocked for more than",
];
/// Longest piece of the log that is kept for one judgement, in bytes.
const KEPT_BYTES: usize = 64 * 1024;
/// Most records that one look reads, so that a flood cannot hold it.
const READS_PER_LOOK: usize = 4_096;

/// The kernel's log from a moment on; by default one that says nothing.
#[derive(Debug, Default)]
pub(super) struct KernelLog {
    file: Option<File>,
    text: String,
    module: Option<ModuleName>,
}

impl KernelLog {
    /// Follows the log from its present end. A log that cannot be opened says nothing; taint is
    /// watched all the same.
    pub(super) fn open(path: &Path) -> Self {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = opened.and_then(|mut file| file.seek(SeekFrom::End(0)).map(|_| file));
        if let Err(error) = &file {
            tracing::warn!(file = %path.display(), %error, "the kernel's log is not followed");
        }
        Self { file: file.ok(), text: String::new(), module: None }
    }

    /// Forgets what was said, and watches for the module's name.
    pub(super) fn start_over(&mut self, module: &ModuleName) {
        self.read_on();
        self.text.clear();
        self.watch(module);
    }

    pub(super) fn watch(&mut self, module: &ModuleName) {
        self.module = Some(module.clone());
    }

    /// The trouble that was spoken of since the start, if any.
    pub(super) fn trouble(&mut self) -> Option<KernelEvidence> {
        self.read_on();
        evidence(&self.text, self.module.as_ref())
    }

    fn read_on(&mut self) {
        let Some(file) = &mut self.file else { return };
        let mut record = [0; 8_192];
        for _ in 0..READS_PER_LOOK {
            match file.read(&mut record) {
                Ok(0) => return,
                Ok(length) => {
                    for line in String::from_utf8_lossy(&record[..length]).lines() {
                        // A record is `priority,sequence,time,flags;words`.
                        self.text.push_str(line.split_once(';').map_or(line, |(_, words)| words));
                        self.text.push('\n');
                    }
                    keep_end(&mut self.text);
                }
                // Records were overwritten before they were read: go on with the next.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => return,
            }
        }
    }
}

/// Keeps the end of the text, unless trouble has begun in it: then its beginning tells more.
fn keep_end(text: &mut String) {
    if text.len() <= KEPT_BYTES {
        return;
    }
    let start = headline(text).map_or(text.len() - KEPT_BYTES / 2, |(at, _)| at);
    let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.drain(..start);
    let end = (0..=KEPT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
}

/// Where the first line of trouble starts, and the line.
fn headline(text: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if TROUBLE.iter().any(|words| line.contains(words)) {
            return Some((at, line.trim()));
        }
        at += line.len();
    }
    None
}

/// What a piece of the kernel's log is evidence of.
fn evidence(text: &str, module: Option<&ModuleName>) -> Option<KernelEvidence> {
    let (at, headline) = headline(text)?;
    let after = &text[at..];
    let place = after
        .lines()
        .find_map(|line| line.split_once("RIP: ").or_else(|| line.split_once("pc : ")))
        .map(|(_, place)| place.split('+').next().unwrap_or(place).trim());
    let mut signature = without_addresses(headline);
    if let Some(place) = place {
        signature.push_str(" RIP: ");
        signature.push_str(place.rsplit(':').next().unwrap_or(place));
    }
    // Each oops lists every loaded module; only a place in the code names one.
    let names_module = module.is_some_and(|module| {
        let tag = format!("[{module}]");
        let own = format!("{module}:");
        after
            .lines()
            .filter(|line| !line.contains("Modules linked in:"))
            .any(|line| line.contains(&tag) || line.contains(&own))
    });
    Some(KernelEvidence { signature, names_module })
}

/// A line without what differs from one crash to the next: addresses and counters.
fn without_addresses(line: &str) -> String {
    let words = line.split_whitespace().filter(|word| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let hex = word.strip_prefix("0x").unwrap_or(word);
        !(hex.len() >= 8 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What pstore kept of the boots before. Evidence comes from dumps that are not `known`.
pub(super) fn last_words(
    directory: &Path,
    module: Option<&ModuleName>,
    known: &Dumps,
) -> LastWords {
    let mut files: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| is_dump(&name.to_string_lossy())))
        .collect();
    files.sort();
    // The last part of a dump comes first in time.
    files.reverse();
    let mut text = String::new();
    let mut dumps = Dumps::new();
    for file in files {
        let Ok(bytes) = fs::read(&file) else { continue };
        let digest = Digest(Sha256::digest(&bytes).into());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let dump = format!("{name} {digest}");
        if !known.contains(&dump) {
            for line in String::from_utf8_lossy(&bytes).lines() {
                text.push_str(without_stamp(line));
                text.push('\n');
            }
        }
        dumps.insert(dump);
    }
    LastWords { evidence: evidence(&text, module), dumps }
}

/// A line of a dump is `<priority>[seconds since the boot] words`: its words.
fn without_stamp(line: &str) -> &str {
    let words = || {
        let (priority, rest) = line.strip_prefix('<')?.split_once(">[")?;
        let (time, words) = rest.split_once("] ")?;
        let numbers = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (numbers(priority) && numbers(time.trim_start())).then_some(words)
    };
    words().unwrap_or(line)
}

fn is_dump(name: &str) -> bool {
    name.starts_with("dmesg-") && !name.ends_with(".enc.z")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;

    use super::{KernelLog, evidence, last_words};
    use crate::core::ModuleName;
    use crate::driver::Dumps;

    const OOPS: &str = "6,1,1,-;livepatch: enabling patch 'livepatch_113_1'\n\
        1,2,2,-;BUG: kernel NULL pointer dereference, address: 0000000000000010\n\
        4,3,3,-;Modules linked in: livepatch_other(OEK) e1000\n\
        4,4,4,-;RIP: 0010:livepatch_cmdline_proc_show+0x5/0x20 [livepatch_113_1]\n";

    fn module(name: &str) -> ModuleName {
        name.to_owned().try_into().unwrap()
    }

    #[test]
    fn an_oops_after_the_insert_is_evidence_that_names_the_module_at_its_place() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("kmsg");
        fs::write(&path, "1,0,0,-;BUG: an old one\n").unwrap();
        let mut log = KernelLog::open(&path);
        log.start_over(&module("livepatch_113_1"));
        assert_eq!(log.trouble(), None);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(OOPS.as_bytes()).unwrap();
        let found = log.trouble().unwrap();
        assert_eq!(
            found.signature,
            "BUG: kernel NULL pointer dereference, address: RIP: livepatch_cmdline_proc_show"
        );
        assert!(found.names_module);
        log.start_over(&module("livepatch_113_1"));
        assert_eq!(log.trouble(), None);
    }

    #[test]
    fn a_module_that_is_merely_loaded_is_not_named() {
        let found = evidence(OOPS, Some(&module("livepatch_other"))).unwrap();
        assert!(!found.names_module);
    }

    #[test]
    fn an_insert_alone_is_no_trouble() {
        let said = "livepatch: enabling patch 'livepatch_113_1'\nloading out-of-tree module\n";
        assert_eq!(evidence(said, Some(&module("livepatch_113_1"))), None);
    }

    #[test]
    fn a_panic_is_read_from_pstore() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(last_words(tree.path(), None, &Dumps::new()).evidence, None);
        let dump = "Panic#1 Part1\n<6>[   60.1] livepatch: enabling patch 'a'\n\
            <0>[   63.909803] Kernel panic - not syncing: x\n";
        fs::write(tree.path().join("dmesg-ramoops-0"), dump).unwrap();
        let found = last_words(tree.path(), None, &Dumps::new()).evidence.unwrap();
        assert_eq!(found.signature, "Kernel panic - not syncing: x");
    }

    #[test]
    fn a_panic_that_was_told_is_not_told_again_and_a_new_one_in_its_file_is() {
        let tree = tempfile::tempdir().unwrap();
        let file = tree.path().join("dmesg-ramoops-0");
        fs::write(&file, "<0>[   63.1] Kernel panic - not syncing: x\n").unwrap();
        let first = last_words(tree.path(), None, &Dumps::new());
        assert!(first.evidence.is_some());
        let again = last_words(tree.path(), None, &first.dumps);
        assert_eq!((again.evidence, &again.dumps), (None, &first.dumps));
        fs::write(&file, "<0>[   71.4] Kernel panic - not syncing: y\n").unwrap();
        let new = last_words(tree.path(), None, &first.dumps).evidence.unwrap();
        assert_eq!(new.signature, "Kernel panic - not syncing: y");
    }
}
