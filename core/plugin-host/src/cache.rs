//! Compiled components on disk, so that a start does not compile them again.
//!
//! A compiled component is native code. It is only ever read back from a folder that nobody else can write
//! to, and only if its digest is the one written with it.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

const MAGIC: &[u8; 8] = b"LCWASM\0\x01";
const HEAD: usize = MAGIC.len() + 32;

/// A folder of compiled components.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens or makes the folder; `None`, with a line in the log, if others could write to it.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        match prepare(folder) {
            Ok(()) => Some(Self {
                folder: folder.to_owned(),
            }),
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(cache.folder = %folder, %error, "compiled plugins are not cached");
                None
            }
        }
    }

    /// The compiled component, if the cache has it unharmed.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest);
        let bytes = fs::read(&path).ok()?;
        let component = intact(&bytes).and_then(|code| deserialize(engine, code));
        if component.is_none() {
            tracing::warn!(cache.file = %path.display(), "a broken file of compiled code is ignored and made anew");
        }
        component
    }

    /// Keeps a compiled component; a failure only costs the next start some time.
    pub(crate) fn store(&self, engine: &Engine, digest: &str, component: &Component) {
        let path = self.path(engine, digest);
        let written = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| write(&path, &code));
        if let Err(error) = written {
            tracing::warn!(cache.file = %path.display(), %error, "compiled code is not cached");
        }
    }

    /// The name carries the component's digest, and the engine's version and settings.
    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder
            .join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }
}

fn intact(bytes: &[u8]) -> Option<&[u8]> {
    let (head, code) = bytes.split_at_checked(HEAD)?;
    let digest: [u8; 32] = Sha256::digest(code).into();
    (head.starts_with(MAGIC) && head.ends_with(&digest)).then_some(code)
}

#[expect(
    unsafe_code,
    reason = "loading compiled code is unsafe by nature; the conditions are stated here"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` was written by `Cache::store`, from `Component::serialize` of this program: the folder
    // belongs to us and has mode 0700 (`prepare`), and the digest written with the code still fits
    // (`intact`). Packages never bring compiled code. Another version or setting of the engine is refused by
    // wasmtime itself.
    unsafe { Component::deserialize(engine, code) }.ok()
}

fn prepare(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    private(folder)
}

/// Nobody else may be able to put code there.
#[cfg(unix)]
fn private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other("the folder must have mode 0700"));
    }
    // A file of ours tells who we are without asking the system by unsafe calls.
    let probe = temporary(&folder.join("owner"));
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)?;
    let ours = file.metadata()?.uid() == metadata.uid();
    fs::remove_file(&probe)?;
    if ours {
        Ok(())
    } else {
        Err(io::Error::other("the folder belongs to another user"))
    }
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}

fn temporary(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{count}.tmp", std::process::id()))
}

/// Written aside and renamed, so that a reader sees all of it or nothing.
fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    let aside = temporary(path);
    let digest: [u8; 32] = Sha256::digest(code).into();
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(MAGIC)?;
            file.write_all(&digest)?;
            file.write_all(code)
        });
    let moved = written.and_then(|()| fs::rename(&aside, path));
    if moved.is_err() {
        // Nothing more can be done about a file that cannot be removed either.
        let _ = fs::remove_file(&aside);
    }
    moved
}
