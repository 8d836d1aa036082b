//! A server on the loopback with a store in a folder of its own, and the smallest of clients.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use chrono::NaiveTime;
use liucheng_engine::{
    Engine,
    library::{Entry, Library, Sources},
    ports::{
        Clock, Instant, Mail, MailError, Mailer, ProvinceRules, RuleCall, RuleFault,
        SimulatedClock, Store, TokenRow,
    },
    record::digest,
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
    verdict::{Answer, Verdict},
};
use liucheng_store::Options;
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    config::ReadyConfig,
    http::{AppState, Node, Roles, serve},
};

/// A token for everything, of "amy".
pub const AMY: &str = "lc_amy";
/// A token of "bob", who is only a contractor.
pub const BOB: &str = "lc_bob";

/// A lifecycle of two steps, with one obligation between them.
const DEFINITION: &str = r#"
schema = 1
id = "tiny"
version = "1"
title = { zh = "小", en = "Tiny" }
calendar = "cn"

[roles]
officer = { title = { zh = "经办", en = "Officer" } }
contractor = { title = { zh = "承接", en = "Contractor" } }

[facts]
"survey.finished" = { type = "date", title = { zh = "完成", en = "Finished" } }
"budget.total" = { type = "money", title = { zh = "经费", en = "Budget" } }
"supplier" = { type = { record = { name = "text" } }, title = { zh = "供应商", en = "Supplier" } }
"plan.approved" = { type = "date", title = { zh = "确定", en = "Approved" } }

[[region]]
id = "lifecycle"
title = { zh = "主流程", en = "Lifecycle" }
initial = "survey"
state = [
    { id = "survey", title = { zh = "调研", en = "Survey" }, open-ended = { zh = "无", en = "none" } },
    { id = "plan", title = { zh = "方案", en = "Plan" }, bounded-by = ["plan"] },
    { id = "done", title = { zh = "完成", en = "Done" }, final = true },
]

[[transition]]
id = "finish-survey"
region = "lifecycle"
from = ["survey"]
to = "plan"
title = { zh = "完成调研", en = "Finish the survey" }
roles = ["officer"]
requires = ["survey.finished"]
records = ["budget.total", "supplier"]

[[transition]]
id = "note"
region = "lifecycle"
from = ["survey", "plan"]
to = "."
title = { zh = "记录", en = "Note" }
roles = ["officer"]
records = ["budget.total"]

[[transition]]
id = "approve-plan"
region = "lifecycle"
from = ["plan"]
to = "done"
title = { zh = "确定方案", en = "Approve" }
roles = ["officer"]
requires = ["plan.approved"]

[[obligation]]
id = "plan"
rule = "T-1"
title = { zh = "确定方案", en = "Approve the plan" }
force = "law"
basis = { source = "某法", article = "7", text = "调研完成后五日内确定方案。" }
anchor = ["survey.finished"]
period = "5 days"
met-by = ["plan.approved"]
responsible = "officer"
"#;

/// A province without an opinion.
struct Silent;

#[async_trait]
impl ProvinceRules for Silent {
    async fn ask(&self, call: RuleCall) -> Result<Verdict, RuleFault> {
        Ok(Verdict {
            hook: call.hook,
            package: call.package,
            input: String::new(),
            fuel: 0,
            answer: Answer::default(),
            arguments: Default::default(),
            next: None,
        })
    }
}

/// Nobody receives anything.
struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        Ok(())
    }
}

/// A running server.
pub struct Server {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    running: JoinHandle<std::io::Result<()>>,
    pub clock: Arc<SimulatedClock>,
    _folder: TempDir,
}

impl Server {
    /// A server whose clock stands on the morning of a day.
    pub async fn on(day: &str) -> Self {
        Self::with(day, |state| state).await
    }

    /// The same, with a change to the state.
    pub async fn with(day: &str, change: fn(AppState) -> AppState) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let store = liucheng_store::open(path.to_str().unwrap(), Options::default())
            .await
            .unwrap();
        for (token, actor, roles) in [(AMY, "amy", "*"), (BOB, "bob", "contractor, evaluator")] {
            let row = TokenRow {
                hash: digest(token),
                actor: actor.to_owned(),
                roles: roles.to_owned(),
                at: Instant(0),
            };
            store.put_token(row).await.unwrap();
        }
        let morning = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        let clock = Arc::new(SimulatedClock::new(Instant::at(
            day.parse().unwrap(),
            morning,
        )));
        let engine = engine(Arc::new(store), clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(serve(
            listener,
            change(AppState::new(engine, node())),
            stopped,
        ));
        Self {
            address,
            stop,
            running,
            clock,
            _folder: folder,
        }
    }

    /// Stops gracefully.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.running.await.unwrap().unwrap();
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request as amy; `head` is `METHOD PATH` with header lines below.
    pub async fn ask(&self, head: &str, body: &str) -> Reply {
        let head = format!("{head}\nAuthorization: Bearer {AMY}\nContent-Type: application/json");
        self.raw(&head, body.as_bytes()).await
    }

    /// Sends a request as it is.
    pub async fn raw(&self, head: &str, body: &[u8]) -> Reply {
        let mut lines = head.lines();
        let mut text = format!(
            "{} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n",
            lines.next().unwrap()
        );
        for line in lines {
            text.push_str(&format!("{}\r\n", line.trim()));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        // A server that refuses early closes while the body is still on its way.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Reply::read(&answer)
    }
}

/// A node whose work is the API alone: there is no worker in these tests.
fn node() -> Node {
    let roles = Roles {
        web: true,
        worker: false,
    };
    Node::new(roles, ReadyConfig::default())
}

fn engine(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Engine {
    let source = Source {
        name: "tiny",
        text: DEFINITION,
    };
    let definition = Definition::load(source, None).unwrap();
    let entry = Entry {
        definition: Arc::new(definition),
        sources: Sources {
            base: DEFINITION.to_owned(),
            overlay: None,
        },
        package: None,
        document: None,
    };
    let calendar = Arc::new(Calendar::national().unwrap().clone());
    Engine {
        store,
        rules: Arc::new(Silent),
        mailer: Arc::new(NoMail),
        clock,
        library: Arc::new(Library::new(
            calendar,
            BTreeMap::from([(String::new(), entry)]),
        )),
        cache: Arc::default(),
        wake: Arc::default(),
        figures: Arc::default(),
        mail_domain: "test.example".into(),
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Reply {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.unwrap_or_default(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The code of a problem, checked for its form.
    pub fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self}"
        );
        let json = self.json();
        let keys: BTreeSet<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let all = [
            "code", "detail", "errors", "hints", "instance", "status", "title", "type",
        ];
        assert_eq!(keys, BTreeSet::from(all));
        assert_eq!(json["status"], self.status);
        json["code"].as_str().unwrap().to_owned()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{:#?}\n{}", self.status, self.headers, self.body)
    }
}
