//! Packages in one tar file.
//!
//! Nothing is unpacked to disk. A header's size is judged before its content is read, and whatever is not a
//! plain file of a known name is refused: links, devices, sparse files, extension headers, paths that lead
//! elsewhere.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use tar::{Archive, Builder, EntryType, Header};

use super::{
    CASES, CASES_MAX, Files, MANIFEST, Package, SIGNATURE, most_bytes, too_large, unknown_entry,
    unreadable,
};
use crate::output::{Exit, Failure};

/// The largest archive, in bytes: the largest component and some.
const ARCHIVE_MAX_BYTES: u64 = 48 << 20;
/// The most entries, folders included.
const ENTRIES_MAX: usize = CASES_MAX + 10;
/// A tar file ends with two empty blocks of this size.
const BLOCK_BYTES: usize = 512;

/// Reads the files of an archive.
pub fn read(path: &Path) -> Result<Files, Failure> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let size = file.metadata().map_err(|e| unreadable(path, &e))?.len();
    if size > ARCHIVE_MAX_BYTES {
        return Err(too_large(&place, "the archive", size, ARCHIVE_MAX_BYTES));
    }
    let mut bytes = Vec::new();
    let read = file.take(ARCHIVE_MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|e| unreadable(path, &e))?;
    unpack(&place, &bytes)
}

fn unpack(place: &str, bytes: &[u8]) -> Result<Files, Failure> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(broken(
            place,
            "it is compressed; a package is a plain tar file",
        ));
    }
    let end = bytes.len().checked_sub(2 * BLOCK_BYTES);
    let is_whole = end.is_some_and(|end| bytes[end..].iter().all(|byte| *byte == 0));
    if !is_whole || !bytes.len().is_multiple_of(BLOCK_BYTES) {
        return Err(broken(place, "it is no tar file, or was cut off"));
    }
    let mut files = Files::new();
    let mut archive = Archive::new(bytes);
    let entries = archive
        .entries()
        .map_err(|e| broken(place, &e.to_string()))?;
    for (count, entry) in entries.raw(true).enumerate() {
        let mut entry = entry.map_err(|e| broken(place, &e.to_string()))?;
        if count >= ENTRIES_MAX {
            let message = format!("{place}: more than {ENTRIES_MAX} entries");
            let failure = Failure::new(Exit::Rejected, "E-PLUGIN-SIZE", message);
            return Err(failure.hint("put cases together"));
        }
        let name = name(place, &entry.path_bytes())?;
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory && (name.is_empty() || name == CASES) {
            continue;
        }
        if kind != EntryType::Regular {
            return Err(odd_kind(place, &name, kind));
        }
        let Some(limit) = most_bytes(&name) else {
            return Err(unknown_entry(place, &name));
        };
        let size = entry.header().entry_size();
        let size = size.map_err(|e| broken(place, &e.to_string()))?;
        if size > limit {
            return Err(too_large(place, &name, size, limit));
        }
        let mut content = Vec::new();
        let read = entry.read_to_end(&mut content);
        if read.is_err() || content.len() as u64 != size {
            return Err(broken(place, &format!("it ends within {name}")));
        }
        if files.insert(name.clone(), content).is_some() {
            let message = format!("{place}: {name} stands twice");
            let failure = Failure::new(Exit::Rejected, "E-PLUGIN-ENTRY", message);
            return Err(
                failure.hint("get the package anew, or pack it with `liucheng plugin pack`")
            );
        }
    }
    Ok(files)
}

/// The name within the package; `tar` may have written `./` before it.
fn name(place: &str, path: &[u8]) -> Result<String, Failure> {
    let escapes = |shown: &str| {
        let message = format!("{place}: the entry {shown:?} leads out of the package");
        Failure::new(Exit::Rejected, "E-PLUGIN-PATH", message)
            .hint("do not use this file; ask whoever made it for one of `liucheng plugin pack`")
    };
    let shown = String::from_utf8_lossy(path);
    let text = std::str::from_utf8(path).map_err(|_| escapes(&shown))?;
    // What breaks a line would break the message about it too.
    if text.contains(char::is_control) {
        return Err(unknown_entry(place, text));
    }
    if text.starts_with(['/', '\\']) || text.contains([':', '\\']) {
        return Err(escapes(text));
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(escapes(text)),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

fn odd_kind(place: &str, name: &str, kind: EntryType) -> Failure {
    let word = match kind {
        EntryType::Symlink | EntryType::Link => "a link",
        EntryType::Char | EntryType::Block | EntryType::Fifo => "a device",
        EntryType::GNUSparse => "a sparse file",
        EntryType::Directory => "a folder",
        _ => "no plain file",
    };
    let message = format!("{place}: {name:?} is {word}");
    Failure::new(Exit::Rejected, "E-PLUGIN-ENTRY", message)
        .hint("a package has plain files only; `liucheng plugin pack` writes it so")
}

fn broken(place: &str, reason: &str) -> Failure {
    let message = format!("{place}: {reason}");
    Failure::new(Exit::Rejected, "E-PLUGIN-ARCHIVE", message)
        .hint("copy the file anew, or pack the package again with `liucheng plugin pack`")
}

/// Writes a package as an archive: the same package gives the same bytes everywhere.
///
/// # Errors
/// What the writer answers.
pub fn write(package: &Package, out: impl Write) -> std::io::Result<()> {
    let mut archive = Builder::new(out);
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, name, bytes)
    };
    add(MANIFEST, package.manifest_text.as_bytes())?;
    if let Some(signature) = &package.signature {
        add(SIGNATURE, signature.as_bytes())?;
    }
    for file in package.covered() {
        add(&file.name, file.text.as_bytes())?;
    }
    add(&package.manifest.file, &package.component)?;
    archive.into_inner()?.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One entry with a header as it is made up.
    fn archive(name: &[u8], kind: EntryType, declared: u64, content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(declared);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(content);
        bytes.resize(
            bytes.len().next_multiple_of(BLOCK_BYTES) + 2 * BLOCK_BYTES,
            0,
        );
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        let failure = unpack("p.tar", bytes).unwrap_err();
        assert!(!failure.hint.is_empty());
        format!("{} {}", failure.code, failure.message)
    }

    fn odd(name: &[u8], kind: EntryType) -> String {
        refusal(&archive(name, kind, 0, b""))
    }

    #[test]
    fn plain_files_are_read() {
        let files = unpack(
            "p.tar",
            &archive(b"./plugin.toml", EntryType::Regular, 2, b"ab"),
        )
        .unwrap();
        assert_eq!(files.get(MANIFEST).map(Vec::as_slice), Some(&b"ab"[..]));
        let folder = archive(b"./cases/", EntryType::Directory, 0, b"");
        assert!(unpack("p.tar", &folder).unwrap().is_empty());
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for name in [
            "../plugin.toml",
            "cases/../../x.toml",
            "/etc/passwd",
            "C:x.toml",
            "cases\\x.toml",
        ] {
            let said = odd(name.as_bytes(), EntryType::Regular);
            assert!(
                said.starts_with("E-PLUGIN-PATH p.tar: the entry"),
                "{name}: {said}"
            );
        }
        assert!(odd(b"\xff.toml", EntryType::Regular).starts_with("E-PLUGIN-PATH"));
    }

    #[test]
    fn only_plain_files_with_known_names_are_taken() {
        for (kind, word) in [
            (EntryType::Symlink, "a link"),
            (EntryType::Link, "a link"),
            (EntryType::Char, "a device"),
            (EntryType::Fifo, "a device"),
            (EntryType::GNUSparse, "a sparse file"),
            (EntryType::GNULongName, "no plain file"),
            (EntryType::XHeader, "no plain file"),
            (EntryType::Directory, "a folder"),
        ] {
            let said = odd(b"overlay.toml", kind);
            assert!(
                said.starts_with("E-PLUGIN-ENTRY") && said.ends_with(word),
                "{said}"
            );
        }
        for name in ["src/lib.rs", ".hidden.toml", "cases/a/b.toml", "readme"] {
            let said = odd(name.as_bytes(), EntryType::Regular);
            assert!(
                said.starts_with("E-PLUGIN-ENTRY") && said.contains(name),
                "{said}"
            );
        }
        let one = archive(b"a.toml", EntryType::Regular, 0, b"");
        let twice = [&one[..BLOCK_BYTES], &one].concat();
        assert_eq!(refusal(&twice), "E-PLUGIN-ENTRY p.tar: a.toml stands twice");
    }

    #[test]
    fn sizes_are_judged_before_anything_is_read() {
        // Eight gigabytes are declared, and one block is there.
        let bomb = archive(
            b"overlay.toml",
            EntryType::Regular,
            (8 << 30) - 1,
            &[1; 512],
        );
        assert_eq!(
            refusal(&bomb),
            "E-PLUGIN-SIZE p.tar: overlay.toml has 8589934591 bytes, the limit is 1000000 bytes"
        );
        // More than eleven octal digits hold: written in base 256.
        let bomb = archive(b"x.wasm", EntryType::Regular, 1 << 60, &[]);
        assert!(refusal(&bomb).starts_with("E-PLUGIN-SIZE p.tar: x.wasm has 1152921504606846976"));
        let one = archive(b"./", EntryType::Directory, 0, b"");
        let mut many = one[..BLOCK_BYTES].repeat(ENTRIES_MAX);
        many.extend(&one);
        assert!(refusal(&many).starts_with("E-PLUGIN-SIZE p.tar: more than"));
    }

    #[test]
    fn what_was_cut_off_is_refused() {
        let whole = archive(b"plugin.toml", EntryType::Regular, 700, &[b'x'; 700]);
        for keep in [0, 1, 511, 512, 1024, whole.len() - 512, whole.len() - 1] {
            let said = refusal(&whole[..keep]);
            assert!(said.starts_with("E-PLUGIN-ARCHIVE"), "{keep}: {said}");
        }
        // The end is there, but a file is longer than what stands before it.
        let short = archive(b"plugin.toml", EntryType::Regular, 9_000, &[b'x'; 700]);
        let said = refusal(&short);
        assert_eq!(said, "E-PLUGIN-ARCHIVE p.tar: it ends within plugin.toml");
        assert!(refusal(&[0x1f, 0x8b, 8, 0]).contains("compressed"));
        let mut wrong = whole.clone();
        wrong[0] = b'q';
        assert!(refusal(&wrong).starts_with("E-PLUGIN-ARCHIVE"));
    }

    /// One change of a good archive: a byte, or its length.
    fn spoilt(good: &[u8], at: usize, byte: u8, keep: usize) -> Vec<u8> {
        let mut bytes = good.to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(keep % (bytes.len() + 1));
        bytes
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_048),
            at in 0_usize..4_096,
            byte in proptest::prelude::any::<u8>(),
            keep in 0_usize..8_192,
        ) {
            let refused = |bytes: &[u8]| match unpack("p.tar", bytes) {
                Ok(files) => files.keys().all(|name| most_bytes(name).is_some()),
                Err(failure) => failure.code.starts_with("E-PLUGIN-"),
            };
            assert!(refused(&bytes));
            // With an end that is whole, so that headers are looked at.
            let ended = [bytes.as_slice(), &[0; 3 * BLOCK_BYTES][bytes.len() % BLOCK_BYTES..]].concat();
            assert!(refused(&ended));
            let two = [
                &archive(b"plugin.toml", EntryType::Regular, 9, b"schema=1\n")[..2 * BLOCK_BYTES],
                &archive(b"cases/a.toml", EntryType::Regular, 3, b"a=1"),
            ]
            .concat();
            assert_eq!(unpack("p.tar", &two).unwrap().len(), 2);
            assert!(refused(&spoilt(&two, at, byte, keep)));
            assert!(refused(&spoilt(&two, at, byte, two.len())));
        }
    }
}
