//! `liucheng audit`: proof that nothing was changed afterwards.

mod files;
pub mod keys;
pub mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use liucheng_engine::{
    CommandError,
    audit::{
        bundle, prove,
        seal::Sealer,
        verify::{Report, Verifier, VerifyOptions, verify_store},
    },
    ports::{Clock, Epoch},
};
use serde_json::json;

use super::Global;
use crate::{
    compose::{self, SystemClock},
    output::{Exit, Failure, counted, document, line},
};
use files::{input, output};
use show::Progress;

/// Epochs read at a time.
const PAGE: u32 = 500;

/// Commands on the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that nothing was changed, dropped, inserted or reordered, in the database or in a bundle.
    Verify(VerifyArgs),
    /// Write everything a check needs into one file.
    Export(ExportArgs),
    /// Make the proof of a single record.
    Prove(ProveArgs),
    /// Check such a proof, without any database.
    VerifyProof(VerifyProofArgs),
    /// List the sealed epochs.
    Epochs(EpochsArgs),
    /// Show the last epoch, to be noted elsewhere.
    Head,
    /// Seal what has changed now. The server has to be stopped; it seals by itself.
    Seal(SealArgs),
    /// Make a key that signs epochs.
    Keygen(keys::KeygenArgs),
}

/// What to check, and against what.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A bundle; the database if absent.
    #[arg(value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What was noted elsewhere.
#[derive(Debug, Args)]
struct TrustArgs {
    /// An epoch noted earlier (`audit head --json`, `audit epochs --json`), or an earlier bundle; repeat
    /// for several.
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// The public key of who may sign, in hex; repeat for several. The last epoch has to be signed.
    #[arg(long = "key", value_name = "HEX")]
    keys: Vec<String>,
}

/// Where to write.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The file; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Which record.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The project's code or id.
    project: String,
    /// The record's number.
    seq: u64,
    /// An epoch noted elsewhere, or to be noted: the proof leads up to it; repeat for several.
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
}

/// Which proof.
#[derive(Debug, Args)]
pub struct VerifyProofArgs {
    /// The proof.
    #[arg(value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Which epochs.
#[derive(Debug, Args)]
pub struct EpochsArgs {
    /// Only those after this number.
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

/// What to seal.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// Also what was changed without being marked, as nodes of a version without epochs leave it. Check
    /// first: this takes such changes for right.
    #[arg(long)]
    unmarked: bool,
}

/// Runs a command on the audit trail.
pub async fn run(global: &Global, command: AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify(args) => verify(global, args).await,
        AuditCommand::Export(args) => export(global, &args).await,
        AuditCommand::Prove(args) => prove_record(global, &args).await,
        AuditCommand::VerifyProof(args) => verify_proof(global, &args),
        AuditCommand::Epochs(args) => epochs(global, &args).await,
        AuditCommand::Head => head(global).await,
        AuditCommand::Seal(args) => seal(global, &args).await,
        AuditCommand::Keygen(args) => keys::generate(global, &args),
    }
}

/// Checks the database or a bundle.
pub async fn verify(global: &Global, args: VerifyArgs) -> Result<Exit, Failure> {
    let options = options(&args.trust)?;
    let mut progress = Progress::new(global.json);
    let report = match &args.bundle {
        None => {
            let store = compose::open_read_only(&global.place()).await?;
            verify_store(&*store, options, &mut |check| progress.project(check)).await?
        }
        Some(path) => {
            let mut input = input(path)?;
            let mut tell = |check| progress.project(check);
            let mut verifier = Verifier::new(options, &mut tell);
            bundle::check(&mut input, &mut verifier)
                .map_err(|error| files::of_bundle(path, error))?;
            verifier.finish()
        }
    };
    progress.finish(&report)?;
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    if report.is_good() {
        Exit::Ok
    } else {
        Exit::Rejected
    }
}

fn options(trust: &TrustArgs) -> Result<VerifyOptions, Failure> {
    let mut anchors = Vec::new();
    for path in &trust.anchors {
        anchors.extend(files::anchors(path)?);
    }
    Ok(VerifyOptions {
        now: SystemClock.now(),
        anchors,
        keys: keys::trusted(&trust.keys)?,
        secret: keys::random()?,
        ..VerifyOptions::default()
    })
}

async fn export(global: &Global, args: &ExportArgs) -> Result<Exit, Failure> {
    let store = compose::open_read_only(&global.place()).await?;
    let mut file = output(&args.to)?;
    let counts = bundle::export(&*store, &mut file.writer).await;
    let counts = counts.map_err(|error| files::of_bundle(&args.to, error))?;
    file.keep()?;
    if global.json {
        return document(&json!({"to": args.to, "counts": counts})).map(|()| Exit::Ok);
    }
    line(format!(
        "{}: {}, {}, {}",
        args.to.display(),
        counted(counts.projects, "project", "projects"),
        counted(counts.records, "record", "records"),
        counted(counts.epochs, "epoch", "epochs")
    ))?;
    Ok(Exit::Ok)
}

async fn prove_record(global: &Global, args: &ProveArgs) -> Result<Exit, Failure> {
    let mut until: Option<u64> = None;
    for path in &args.anchors {
        let numbers = files::anchors(path)?.into_iter().map(|epoch| epoch.number);
        until = until.max(numbers.max());
    }
    let store = compose::open_read_only(&global.place()).await?;
    let id = match args.project.parse() {
        Ok(id) => Some(id),
        Err(_) => store
            .find_code(&args.project)
            .await
            .map_err(CommandError::from)?,
    };
    let id = id.ok_or_else(|| CommandError::NotFound(args.project.clone()))?;
    let proof = prove::prove(&*store, id, args.seq, until).await?;
    // A proof is made for a file: it is JSON in any case.
    let json = serde_json::to_value(&proof).map_err(CommandError::from)?;
    document(&json).map(|()| Exit::Ok)
}

fn verify_proof(global: &Global, args: &VerifyProofArgs) -> Result<Exit, Failure> {
    let options = options(&args.trust)?;
    let proof = files::proof(&args.proof)?;
    let epoch = &proof.epoch;
    let refused = |reason: String, hint: &str| {
        Failure::new(Exit::Rejected, "E-AUDIT-PROOF", reason)
            .at(args.proof.display().to_string())
            .hint(hint)
    };
    let record = proof
        .check()
        .map_err(|reason| refused(reason, "the proof was changed"))?;
    // What is true of a later epoch is true of all before it: each names the hash of the one before.
    let is_signed = || {
        proof
            .epochs()
            .any(|epoch| options.keys.contains(&epoch.key))
    };
    if !options.keys.is_empty() && !is_signed() {
        let reason = format!(
            "epoch {} is not signed by the key that was given",
            epoch.number
        );
        return Err(refused(
            reason,
            "the proof is of another database, or the key of another",
        ));
    }
    let noted = |epoch: &Epoch| {
        let anchors = options.anchors.iter();
        anchors
            .filter(|anchor| anchor.number == epoch.number)
            .map(|anchor| &anchor.hash)
            .collect::<Vec<_>>()
    };
    let mut anchored = false;
    for epoch in proof.epochs() {
        let hashes = noted(epoch);
        if hashes.iter().any(|hash| **hash != epoch.hash) {
            let reason = format!(
                "epoch {} is not the one that was noted elsewhere",
                epoch.number
            );
            return Err(refused(
                reason,
                "the proof is of another database, or one of the two was changed",
            ));
        }
        anchored |= !hashes.is_empty();
    }
    if !anchored && !options.anchors.is_empty() {
        let last = proof
            .epochs()
            .last()
            .map_or(epoch.number, |epoch| epoch.number);
        let reason = format!(
            "the proof leads from epoch {} to {last}, and none of these was noted elsewhere",
            epoch.number
        );
        let hint = "make it anew from the database with `audit prove PROJECT SEQ --anchor FILE`, which leads up to \
                    the noted epoch; one that was noted before the record was made says nothing about it";
        return Err(refused(reason, hint));
    }
    if global.json {
        let json = json!({
            "project": proof.project,
            "record": record,
            "epoch": epoch,
            "signed": epoch.is_signed(),
            "anchored": anchored,
        });
        return document(&json).map(|()| Exit::Ok);
    }
    line(format!(
        "ok   project {} record {}",
        proof.project, record.seq
    ))?;
    line(format!(
        "     made {} by {}",
        record.at.rfc3339(),
        record.actor
    ))?;
    show::epoch(epoch)?;
    if !proof.epochs().any(Epoch::is_signed) && !anchored {
        line("     nobody signed the epoch: compare its hash with one that you trust")?;
    }
    Ok(Exit::Ok)
}

async fn epochs(global: &Global, args: &EpochsArgs) -> Result<Exit, Failure> {
    let store = compose::open_read_only(&global.place()).await?;
    let (mut after, mut left) = (args.after, args.limit);
    let mut all = Vec::new();
    while left > 0 {
        let page = store
            .epochs(after, left.min(PAGE))
            .await
            .map_err(CommandError::from)?;
        let Some(last) = page.last() else { break };
        after = last.number;
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        if global.json {
            all.extend(page);
        } else {
            page.iter().try_for_each(show::epoch)?;
        }
    }
    if global.json {
        document(&json!({"epochs": all}))?;
    }
    Ok(Exit::Ok)
}

async fn head(global: &Global) -> Result<Exit, Failure> {
    let store = compose::open_read_only(&global.place()).await?;
    let last = store.last_epoch().await.map_err(CommandError::from)?;
    let last = last.ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            "E-AUDIT-NOT-SEALED",
            "no epoch is sealed yet",
        )
        .hint("a server seals every minute; `liucheng audit seal` does it now")
    })?;
    if global.json {
        let json = serde_json::to_value(&last).map_err(CommandError::from)?;
        document(&json)?;
    } else {
        show::epoch(&last)?;
    }
    Ok(Exit::Ok)
}

async fn seal(global: &Global, args: &SealArgs) -> Result<Exit, Failure> {
    let place = global.place();
    let signer = compose::signer(&place.dir)?;
    let store = compose::open_for_writing(&place).await?;
    let sealer = Sealer {
        store,
        clock: std::sync::Arc::new(SystemClock),
        signer,
    };
    let sealed: Vec<Epoch> = if args.unmarked {
        sealer.seal_unmarked().await?
    } else {
        sealer.seal_all().await?
    };
    sealer.store.close().await;
    if global.json {
        document(&json!({"epochs": sealed}))?;
    } else if sealed.is_empty() {
        line("nothing has changed since the last epoch")?;
    } else {
        sealed.iter().try_for_each(show::epoch)?;
    }
    Ok(Exit::Ok)
}
