//! Mail into `.eml` files, for the demo and for machines without a mail server.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use liucheng_engine::ports::{Clock, Mail, MailError, Mailer};

use super::message::{self, Sender};

/// The longest project code in a file name, in characters: 40 Chinese ones take 120 of 255 bytes.
const CODE_MAX_CHARS: usize = 40;

/// Writes every mail into a file of its own.
pub struct FileMailer {
    dir: PathBuf,
    sender: Sender,
    clock: Arc<dyn Clock>,
}

impl FileMailer {
    /// A mailer for a folder, which is made when the first mail is written.
    #[must_use]
    pub fn new(dir: PathBuf, sender: Sender, clock: Arc<dyn Clock>) -> Self {
        Self { dir, sender, clock }
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message::build(mail, &self.sender, self.clock.now())?;
        let (dir, name) = (self.dir.clone(), file_name(mail));
        let written = tokio::task::spawn_blocking(move || write(&dir, &name, &message.formatted()));
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(MailError::Transient(error.to_string())),
            Err(error) => Err(MailError::Transient(error.to_string())),
        }
    }
}

/// The name depends on the occasion alone, not on the clock: sending twice leaves one file.
fn file_name(mail: &Mail) -> String {
    let reminder = &mail.reminder;
    let id = mail.message_id.split('@').next().unwrap_or_default();
    format!(
        "{}_{}_{}.eml",
        reminder.on,
        plain(&reminder.project_code),
        plain(id.trim_start_matches('<'))
    )
}

fn plain(text: &str) -> String {
    let keep = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    text.chars().map(keep).take(CODE_MAX_CHARS).collect()
}

/// After a crash there is the whole file or none: what has the name `.eml` is complete.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let temporary = dir.join(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join(name))?;
    // The rename itself is durable only with the folder.
    File::open(dir)?.sync_all()
}
