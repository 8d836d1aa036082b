//! Starts of a server, in a process of its own.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use clap::Args;
use liucheng_bench::{
    BenchError,
    start::{self, Report, Start},
};

use super::{super::Global, failure, place::Place, show};
use crate::{
    builtin::PACKAGES,
    compose::{CACHE, DATABASE},
    output::{Exit, Failure},
};

/// How often to start.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Starts of each kind.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    runs: u16,
}

/// What a start finds.
#[derive(Debug, Clone, Copy)]
struct Kind {
    what: &'static str,
    /// All packages, as `serve` has them, or none.
    packages: bool,
    /// A data folder with projects, or a new one each time.
    existing: bool,
    /// Code that an earlier start compiled.
    compiled: bool,
}

/// Compiled code comes into being with the second, so that the third finds it.
const KINDS: [Kind; 5] = [
    Kind {
        what: "no packages, new folder",
        packages: false,
        existing: false,
        compiled: false,
    },
    Kind {
        what: "no packages, existing folder",
        packages: false,
        existing: true,
        compiled: false,
    },
    Kind {
        what: "all packages, new folder, nothing compiled",
        packages: true,
        existing: false,
        compiled: false,
    },
    Kind {
        what: "all packages, new folder, compiled",
        packages: true,
        existing: false,
        compiled: true,
    },
    Kind {
        what: "all packages, existing folder, compiled",
        packages: true,
        existing: true,
        compiled: true,
    },
];

/// Measures starts.
pub async fn measure(global: &Global, args: StartArgs) -> Result<(), Failure> {
    if global.database.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            "E-USAGE",
            "a start is measured on data folders of its own, not on a database",
        )
        .at("--database")
        .hint("leave it out; the working directory's disk is measured"));
    }
    let place = Place::new(global)?;
    let mut reports = Vec::new();
    for kind in KINDS {
        let report = starts(&place.dir, kind, usize::from(args.runs)).await;
        reports.push(report.map_err(failure)?);
    }
    show(global, &reports)
}

async fn starts(dir: &Path, kind: Kind, runs: usize) -> Result<Report, BenchError> {
    let name = if kind.packages { "all" } else { "none" };
    let compiled = dir.join("compiled");
    let provinces: Vec<&str> = match kind.packages {
        true => PACKAGES.iter().map(|package| package.id).collect(),
        false => Vec::new(),
    };
    let new = |n: usize| {
        let folder = dir.join(format!("{name}-{n}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        if kind.compiled {
            copy(&compiled, &folder.join(CACHE))?;
        }
        start(&folder, kind.packages, None)
    };
    let report = if kind.existing {
        // Once before the first that counts, so that there is something.
        let token = start::run(kind.what, 1, &provinces, new).await?.token;
        let folder = dir.join(format!("{name}-0"));
        let again = |_| start(&folder, kind.packages, token.clone());
        start::run(kind.what, runs, &provinces, again).await?
    } else {
        start::run(kind.what, runs, &provinces, new).await?
    };
    if kind.packages && !kind.compiled {
        copy(&dir.join(format!("{name}-0")).join(CACHE), &compiled)?;
    }
    Ok(report)
}

/// `serve` on a data folder; without packages the server that the other benchmarks measure.
fn start(folder: &Path, packages: bool, token: Option<String>) -> Result<Start, BenchError> {
    let mut command = Command::new(std::env::current_exe()?);
    if packages {
        command.args(["serve", "--listen", "127.0.0.1:0"]);
    } else {
        let database = folder.join(DATABASE).display().to_string();
        command.args(["bench", "server", "--database", &database]);
    }
    command.args(["--json", "--data"]).arg(folder);
    command.stderr(Stdio::null());
    Ok(Start { command, token })
}

/// The files of a folder, into a new one that is as private: compiled code is taken from no other.
fn copy(from: &Path, to: &Path) -> Result<(), BenchError> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}
