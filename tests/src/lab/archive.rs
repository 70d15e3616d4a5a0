//! How do files become an initramfs, without a program of the host and without being root?
//!
//! The kernel unpacks the "newc" form of cpio: for each file a magic word, 13 eight-digit
//! hexadecimal numbers, the name with a closing zero, and the content; each part padded to four.

use std::collections::BTreeMap;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
const ALIGNMENT: usize = 4;

/// An archive in the making. The parents of a file are made with it. Everything belongs to root,
/// and every file may be executed: the guest has no other users.
#[derive(Debug, Default)]
pub(super) struct Archive {
    entries: BTreeMap<String, (u32, Vec<u8>)>,
}

impl Archive {
    /// Adds a file, or replaces the one that has this path. The path is absolute in the guest.
    pub(super) fn file(&mut self, path: &str, content: Vec<u8>) {
        self.add(path, FILE, content);
    }

    /// Adds a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.add(path, LINK, target.as_bytes().to_vec());
    }

    fn add(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        let path = path.trim_start_matches('/');
        for (end, _) in path.match_indices('/') {
            self.entries
                .entry(String::from(path.get(..end).unwrap_or_default()))
                .or_insert((FOLDER, Vec::new()));
        }
        self.entries.insert(String::from(path), (mode, content));
    }

    /// The archive's bytes, the same for the same files. `None` when a file has 4 GiB or more,
    /// which the format cannot say.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for (inode, (path, (mode, content))) in (1..).zip(&self.entries) {
            write(&mut out, inode, path, *mode, content)?;
        }
        write(&mut out, 0, "TRAILER!!!", 0, &[])?;
        Some(out)
    }
}

fn write(out: &mut Vec<u8>, inode: u32, path: &str, mode: u32, content: &[u8]) -> Option<()> {
    let size = u32::try_from(content.len()).ok()?;
    let name_size = u32::try_from(path.len() + 1).ok()?;
    // inode, mode, owner, group, links, time, size, four device numbers, name size, checksum
    let numbers = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
    out.extend_from_slice(b"070701");
    for number in numbers {
        out.extend_from_slice(format!("{number:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(content);
    pad(out);
    Some(())
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_and_content_starts_on_a_multiple_of_four() {
        let mut archive = Archive::default();
        archive.file("/lab/env", b"KEY='value'\n".to_vec());
        archive.link("/bin/sh", "busybox");
        let bytes = archive.bytes().expect("the files are small");
        assert_eq!(bytes.len() % ALIGNMENT, 0);
        let headers: Vec<usize> =
            (0..bytes.len() - 6).filter(|start| bytes[*start..].starts_with(b"070701")).collect();
        assert_eq!(headers.len(), 5, "two folders, a file, a link and the trailer");
        assert!(headers.iter().all(|start| start % ALIGNMENT == 0));
    }

    #[test]
    fn the_same_files_in_another_order_give_the_same_bytes() {
        let files = [("/a/b", "1"), ("/a/c", "2"), ("/d", "3")];
        let mut forward = Archive::default();
        let mut backward = Archive::default();
        for (path, content) in files {
            forward.file(path, content.into());
        }
        for (path, content) in files.iter().rev() {
            backward.file(path, (*content).into());
        }
        assert_eq!(forward.bytes(), backward.bytes());
    }
}
