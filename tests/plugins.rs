//! Packages: each way to be refused has one coded message, and a good one is installed, replaced and taken
//! back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use liucheng_guest_build::write_digest;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::{Said, root, run};

/// The package that fixtures are made of.
const ID: &str = "example-county";
/// What every one of its cases asks for; changing it makes cases fail.
const FLOOR: &str = r#""budget.floor" = { money = "30000.00" }"#;

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A copy of a good package, to be spoilt.
struct Copy {
    folder: TempDir,
}

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = root().join("plugins/examples").join(ID);
        fs::create_dir(folder.path().join("cases")).unwrap();
        for name in ["plugin.toml", "overlay.toml", "cases/floor.toml"] {
            fs::copy(from.join(name), folder.path().join(name)).unwrap();
        }
        let component = root().join(format!("plugins/dist/{ID}.wasm"));
        fs::copy(component, folder.path().join(format!("{ID}.wasm"))).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a text, which has to be there.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} does not say {from:?}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    fn append(&self, name: &str, more: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        fs::write(self.path(name), format!("{text}\n{more}")).unwrap();
    }

    fn component(&self) -> Vec<u8> {
        fs::read(self.path(&format!("{ID}.wasm"))).unwrap()
    }

    /// Another component, with the digest that belongs to it.
    fn set_component(&self, bytes: &[u8]) {
        fs::write(self.path(&format!("{ID}.wasm")), bytes).unwrap();
        write_digest(&self.path("plugin.toml"), &sha256(bytes)).unwrap();
    }

    /// Another component: every `from` in its bytes becomes `to`, which is as long.
    fn patch(&self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len());
        let mut bytes = self.component();
        let mut at = 0;
        let mut count = 0;
        while let Some(next) = bytes[at..]
            .windows(from.len())
            .position(|w| w == from.as_bytes())
        {
            at += next;
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            count += 1;
        }
        assert!(count > 0, "the component does not say {from:?}");
        self.set_component(&bytes);
    }

    /// The same package, one version on.
    fn next_version(&self) {
        self.patch("0.1.0", "0.2.0");
        self.edit("plugin.toml", "version = \"0.1.0\"", "version = \"0.2.0\"");
    }

    fn run(&self, args: &[&str]) -> Said {
        let path = self.folder.path().to_str().unwrap();
        let args: Vec<&str> = args
            .iter()
            .map(|arg| if *arg == "." { path } else { arg })
            .collect();
        run(&args)
    }
}

/// A data folder whose code cache all fixtures share.
struct Data(TempDir);

impl Data {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, args: &[&str]) -> Said {
        run(&[&["--data", self.0.path().to_str().unwrap()], args].concat())
    }

    fn install(&self, path: &Path) -> Said {
        self.run(&["plugin", "install", path.to_str().unwrap(), "--json"])
    }

    fn configure(&self, text: &str) {
        fs::write(self.0.path().join("liucheng.toml"), text).unwrap();
    }
}

/// The code and the message of a refusal: one error, with a hint.
fn refusal(said: &Said) -> (String, String) {
    assert!(
        matches!(said.code, 1..=3),
        "{} {}{}",
        said.code,
        said.out,
        said.err
    );
    let error: serde_json::Value = serde_json::from_str(said.err.trim())
        .unwrap_or_else(|e| panic!("one error is said, {e}: {}", said.err));
    let word = |key: &str| error["error"][key].as_str().unwrap().to_owned();
    assert!(!word("hint").is_empty(), "{error}");
    (
        word("code"),
        format!("{} {}", word("place"), word("message")),
    )
}

type Spoil = fn(&Copy);

/// What is done to the package, the code, and a word of the message.
const REFUSED: &[(&str, Spoil, &str, &str)] = &[
    (
        "it loosens the thirty days",
        |copy| {
            let tighten = "[[tighten]]\nobligation = \"sign-contract\"\nperiod = \"40 days\"\nrule = \"XX-02\"\n";
            copy.append("overlay.toml", tighten);
        },
        "E-LOOSER-THAN-LAW",
        "46",
    ),
    (
        "a fact does not exist",
        |copy| {
            copy.edit(
                "overlay.toml",
                "[\"contract.signed\"]",
                "[\"contract.sined\"]",
            )
        },
        "E-FACT-UNKNOWN",
        "contract.signed",
    ),
    (
        "the tranches do not add up",
        |copy| {
            let tranche = |no: u32, percent: u32| {
                format!(
                    "[[tranche]]\nno = {no}\npercent = \"{percent}\"\nobligation = \"pay-{no}\"\nrule = \"XX-02\"\n\
                 [[obligation]]\nid = \"pay-{no}\"\nrule = \"XX-02\"\ntitle = {{ zh = \"付\", en = \"pay\" }}\n\
                 force = \"mandatory\"\nanchor = [\"contract.signed\"]\nperiod = \"{no}0 days\"\nmet-by-tranche = {no}\n"
                )
            };
            copy.append("overlay.toml", &(tranche(1, 50) + &tranche(2, 40)));
        },
        "E-TRANCHE-SUM",
        "90",
    ),
    (
        "a clause that nothing acts on",
        |copy| {
            copy.append(
                "overlay.toml",
                "[[clause]]\nid = \"XX-09\"\nforce = \"mandatory\"\ntext = \"每年培训一次\"\n",
            )
        },
        "E-CLAUSE-UNUSED",
        "XX-09",
    ),
    (
        "a rule of the component that nobody wrote down",
        |copy| {
            copy.edit("overlay.toml", "\"XX-01\"", "\"XX-11\"");
        },
        "E-CLAUSE-UNKNOWN",
        "XX-01",
    ),
    (
        "the component sets a fact that people record",
        |copy| copy.edit("overlay.toml", ", computed = true", ""),
        "E-FACT-NOT-COMPUTED",
        "budget.floor",
    ),
    (
        "a golden case fails",
        |copy| {
            copy.edit(
                "cases/floor.toml",
                FLOOR,
                "\"budget.floor\" = { money = \"1.00\" }",
            )
        },
        "E-PLUGIN-CASE",
        "exactly the floor is enough",
    ),
    (
        "no golden cases",
        |copy| fs::remove_file(copy.path("cases/floor.toml")).unwrap(),
        "E-PLUGIN-CASES",
        "no golden cases",
    ),
    (
        "another component than the manifest's",
        |copy| fs::write(copy.path("example-county.wasm"), &copy.component()[1..]).unwrap(),
        "E-PLUGIN-DIGEST",
        "example-county.wasm",
    ),
    (
        "a truncated component",
        |copy| copy.set_component(&copy.component()[..50_000]),
        "E-PLUGIN-WORLD",
        "is not a component",
    ),
    (
        "an oversized component",
        |copy| {
            let file = fs::File::create(copy.path("example-county.wasm")).unwrap();
            file.set_len((32 << 20) + 1).unwrap();
        },
        "E-PLUGIN-SIZE",
        "33554432",
    ),
    (
        "an import of an interface that no host has",
        |copy| copy.patch("liucheng:province/logging@", "liucheng:province/network@"),
        "E-PLUGIN-IMPORT",
        "network",
    ),
    (
        "an import of a function that no host has",
        |copy| copy.patch("\x03log", "\x03net"),
        "E-PLUGIN-WORLD",
        "net",
    ),
    (
        "a manifest for another interface",
        |copy| copy.edit("plugin.toml", "liucheng:province@1", "liucheng:province@2"),
        "E-PLUGIN-VERSION",
        "liucheng:province@2",
    ),
    (
        "a component for another interface",
        |copy| {
            copy.patch(
                "liucheng:province/rules@1.0.0",
                "liucheng:province/rules@2.0.0",
            )
        },
        "E-PLUGIN-VERSION",
        "liucheng:province@2.0.0",
    ),
    (
        "an overlay of another package",
        |copy| {
            copy.edit(
                "overlay.toml",
                "id = \"example-county\"",
                "id = \"another-county\"",
            )
        },
        "E-PLUGIN-ID",
        "another-county",
    ),
    (
        "a component of another package",
        |copy| {
            copy.edit(
                "overlay.toml",
                "id = \"example-county\"",
                "id = \"another-county\"",
            );
            copy.edit(
                "plugin.toml",
                "id = \"example-county\"",
                "id = \"another-county\"",
            );
        },
        "E-PLUGIN-MANIFEST",
        "plugin.toml says another-county",
    ),
    (
        "not built yet",
        |copy| write_digest(&copy.path("plugin.toml"), "").unwrap(),
        "E-PLUGIN-MANIFEST",
        "not built yet",
    ),
    (
        "no overlay",
        |copy| fs::remove_file(copy.path("overlay.toml")).unwrap(),
        "E-PLUGIN-FILE",
        "overlay.toml",
    ),
    (
        "changed after it was signed",
        |copy| {
            sign(copy);
            copy.edit("plugin.toml", "0.1.0", "0.1.1");
        },
        "E-PLUGIN-SIGNATURE",
        "no signature of this plugin.toml",
    ),
    (
        "an overlay that was changed after it was signed",
        |copy| {
            sign(copy);
            copy.edit("overlay.toml", "5 working-days", "6 working-days");
        },
        "E-PLUGIN-DIGEST",
        "overlay.toml",
    ),
    (
        "a case that was added after it was signed",
        |copy| {
            sign(copy);
            fs::copy(copy.path("cases/floor.toml"), copy.path("cases/more.toml")).unwrap();
        },
        "E-PLUGIN-UNCOVERED",
        "cases/more.toml",
    ),
];

/// Signs with a new key; gives its public half.
fn sign(copy: &Copy) -> String {
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("k");
    let key = key.to_str().unwrap();
    let made = run(&["plugin", "keygen", "--to", key, "--json"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let signed = copy.run(&["plugin", "sign", ".", "--key", key]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    made.json()["public"].as_str().unwrap().to_owned()
}

#[test]
fn each_fault_of_a_package_has_one_coded_message() {
    let data = Data::new();
    for (what, spoil, code, word) in REFUSED {
        let copy = Copy::new();
        spoil(&copy);
        let (found, message) = refusal(&data.install(copy.folder.path()));
        assert_eq!(found, *code, "{what}: {message}");
        assert!(message.contains(word), "{what}: {message}");
    }
    // None of it left anything behind.
    let listed = data.run(&["plugin", "list", "--json"]).json();
    let ids = listed["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["id"].as_str());
    assert!(!ids.into_iter().any(|id| id == Some(ID)), "{listed}");
}

/// A header that no honest tool writes.
fn raw_entry(name: &str, kind: u8, size: u64) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000000");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

#[test]
fn archives_are_refused_before_they_are_read() {
    let data = Data::new();
    let copy = Copy::new();
    let good = copy.path("good.tar");
    let packed = copy.run(&["plugin", "pack", ".", "-o", good.to_str().unwrap()]);
    assert_eq!(packed.code, 0, "{}", packed.err);
    let good = fs::read(good).unwrap();
    let with = |entry: Vec<u8>| [entry, good.clone()].concat();
    let largest = 48 << 20;
    for (what, bytes, code) in [
        (
            "a path that escapes",
            with(raw_entry("../../etc/x.toml", b'0', 0)),
            "E-PLUGIN-PATH",
        ),
        (
            "an absolute path",
            with(raw_entry("/etc/x.toml", b'0', 0)),
            "E-PLUGIN-PATH",
        ),
        (
            "a link",
            with(raw_entry("overlay.toml", b'2', 0)),
            "E-PLUGIN-ENTRY",
        ),
        (
            "a device",
            with(raw_entry("overlay.toml", b'3', 0)),
            "E-PLUGIN-ENTRY",
        ),
        (
            "an unknown file",
            with(raw_entry("install.sh", b'0', 0)),
            "E-PLUGIN-ENTRY",
        ),
        (
            "the manifest twice",
            with(raw_entry("plugin.toml", b'0', 0)),
            "E-PLUGIN-ENTRY",
        ),
        (
            "a bomb",
            with(raw_entry("overlay.toml", b'0', 0o7_777_777_777)),
            "E-PLUGIN-SIZE",
        ),
        (
            "a sparse bomb",
            with(raw_entry("overlay.toml", b'S', 0)),
            "E-PLUGIN-ENTRY",
        ),
        (
            "too many entries",
            [raw_entry("./", b'5', 0).repeat(300), good.clone()].concat(),
            "E-PLUGIN-SIZE",
        ),
        ("a large file", vec![0; largest + 512], "E-PLUGIN-SIZE"),
        (
            "half of it",
            good[..good.len() / 2].to_vec(),
            "E-PLUGIN-ARCHIVE",
        ),
        ("nothing", Vec::new(), "E-PLUGIN-ARCHIVE"),
        ("an empty archive", vec![0; 1024], "E-PLUGIN-FILE"),
        (
            "another compression",
            vec![0x1f, 0x8b, 8, 0],
            "E-PLUGIN-ARCHIVE",
        ),
    ] {
        let path = copy.path("bad.tar");
        fs::write(&path, bytes).unwrap();
        let (found, message) = refusal(&data.install(&path));
        assert_eq!(found, code, "{what}: {message}");
    }
    let (code, _) = refusal(&data.install(Path::new("/nowhere.tar")));
    assert_eq!(code, "E-FILE");
    // Nothing was made outside of the data folder, and the good one is still good.
    fs::write(copy.path("good.tar"), good).unwrap();
    let checked = run(&["plugin", "check", copy.path("good.tar").to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[test]
fn signatures_count_as_the_operator_says() {
    let data = Data::new();
    let copy = Copy::new();
    let path = copy.folder.path();
    data.configure("[plugins]\nrequire-signature = true\n");
    assert_eq!(refusal(&data.install(path)).0, "E-PLUGIN-UNSIGNED");
    let key = sign(&copy);
    assert_eq!(refusal(&data.install(path)).0, "E-PLUGIN-UNTRUSTED");
    data.configure(&format!(
        "[plugins]\ntrusted = [\"{key}\"]\nrequire-signature = true\n"
    ));
    let installed = data.install(path);
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    assert_eq!(installed.json()["trusted"], true);
    let shown = data.run(&["plugin", "show", ID, "--json"]).json();
    assert_eq!(shown["current"]["signed_by"].as_str(), Some(key.as_str()));
    // Without a data folder the key is named.
    let verified = copy.run(&["plugin", "verify", ".", "--key", &key]);
    assert_eq!(verified.code, 0, "{}", verified.err);
    let other = "00".repeat(32);
    let verified = copy.run(&["plugin", "verify", ".", "--key", &other]);
    assert!(
        verified.err.contains("E-PLUGIN-UNTRUSTED"),
        "{}",
        verified.err
    );
    data.configure("[plugins]\ntrusted = [\"xyz\"]\n");
    let (code, _) = (data.install(path).code, ());
    assert_eq!(code, 78);
}

/// An obligation with a date that differs between versions.
fn dated(day: &str) -> String {
    format!(
        "[[obligation]]\nid = \"yearly-report\"\nrule = \"XX-02\"\ntitle = {{ zh = \"报告\", en = \"report\" }}\n\
         force = \"mandatory\"\ndate = \"{day}\"\nmet-by = [\"contract.filed\"]\nresponsible = \"officer\"\nladder = \"statutory\"\n"
    )
}

#[test]
fn a_package_is_installed_replaced_and_taken_back() {
    let data = Data::new();
    let first = Copy::new();
    first.append("overlay.toml", &dated("2090-12-31"));
    let tar = first.path("p.tar");
    let packed = first.run(&["plugin", "pack", ".", "-o", tar.to_str().unwrap()]);
    assert_eq!(packed.code, 0, "{}", packed.err);

    // A dry run changes nothing.
    let dry = data.run(&[
        "plugin",
        "install",
        tar.to_str().unwrap(),
        "--dry-run",
        "--json",
    ]);
    assert_eq!(
        (dry.code, &dry.json()["installed"]),
        (0, &false.into()),
        "{}",
        dry.err
    );
    assert_eq!(data.run(&["plugin", "show", ID]).code, 3);
    let installed = data.install(&tar).json();
    assert_eq!(installed["installed"], true);
    assert_eq!(installed["replaces"], serde_json::Value::Null);
    assert_eq!(installed["imports"][0], "logging");

    let create = [
        "project",
        "create",
        "--code",
        "E-1",
        "--name",
        "示例",
        "--province",
        ID,
    ];
    assert_eq!(data.run(&create).code, 0);
    for (event, facts) in [
        ("finish-survey", &["survey.finished=2026-03-02"][..]),
        ("approve-plan", &["plan.approved=2026-03-03"]),
        (
            "confirm-budget",
            &[
                "budget.total=40000",
                "budget.fund_base=1000000",
                "budget.confirmed=2026-03-04",
            ],
        ),
    ] {
        let mut args = vec!["project", "fire", "E-1", event];
        facts.iter().for_each(|fact| args.extend(["--fact", fact]));
        let said = data.run(&args);
        assert_eq!(said.code, 0, "{event}: {}{}", said.out, said.err);
    }
    let replayed = data.run(&["plugin", "replay", "E-1", "--json"]);
    assert_eq!(replayed.code, 0, "{}", replayed.out);
    assert_eq!(replayed.json()["same"], 1);

    // Another content under the same version is another package.
    let sly = Copy::new();
    let (code, message) = refusal(&data.install(sly.folder.path()));
    assert_eq!(code, "E-PLUGIN-VERSION-TAKEN", "{message}");

    let second = Copy::new();
    second.append("overlay.toml", &dated("2090-11-30"));
    second.edit("overlay.toml", "value = \"3\"", "value = \"5\"");
    second.next_version();
    let said = data.install(second.folder.path());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let said = said.json();
    assert_eq!(said["replaces"]["version"], "0.1.0");
    let change = &said["changes"][0];
    assert_eq!(change["project"], "E-1");
    assert_eq!(change["dates"][0]["before"], "2090-12-31");
    assert_eq!(change["dates"][0]["after"], "2090-11-30");
    // 4 % were enough, and are not any more.
    assert_eq!(change["verdicts"][0]["hook"], "cap");

    // The project goes on by its version until somebody says so, and back again.
    let upgrade =
        |more: &[&str]| data.run(&[&["plugin", "upgrade", "E-1", "--json"], more].concat());
    assert_eq!(
        upgrade(&["--dry-run"]).json()["changes"][0]["dates"][0]["after"],
        "2090-11-30"
    );
    let due = || {
        let shown = data.run(&["project", "show", "E-1", "--json"]);
        assert_eq!(shown.code, 0, "{}", shown.err);
        shown.out.contains("2090-12-31")
    };
    assert!(due(), "a dry run changes nothing");
    let upgraded = upgrade(&["--reason", "new notice"]);
    assert_eq!(
        upgraded.json()["projects"][0]["changed"],
        true,
        "{}",
        upgraded.err
    );
    assert!(!due());
    // What was decided before is still reproduced, by the component of that time.
    let replayed = data.run(&["plugin", "replay", "E-1", "--json"]).json();
    assert_eq!(replayed["verdicts"][0]["package"]["version"], "0.1.0");
    assert_eq!(replayed["same"], 1);
    assert_eq!(
        upgrade(&["--back", "--reason", "too early"]).json()["changed"],
        true
    );
    assert!(due());

    let removed = data.run(&["plugin", "remove", ID, "--reason", "over"]);
    assert_eq!(removed.code, 0, "{}", removed.err);
    let create = [
        "project",
        "create",
        "--code",
        "E-2",
        "--name",
        "示例",
        "--province",
        ID,
    ];
    assert_eq!(data.run(&create).code, 3);
    assert!(due(), "those that go by it keep it");
    let shown = data.run(&["plugin", "show", ID, "--json"]).json();
    assert_eq!(shown["current"], serde_json::Value::Null);
    assert_eq!(shown["kept"].as_array().unwrap().len(), 2);
    assert_eq!(shown["acts"].as_array().unwrap().len(), 3);
    assert_eq!(shown["acts"][0]["reason"], "over");
    assert_eq!(data.run(&["verify"]).code, 0);
}

#[test]
fn cases_are_blessed_where_they_differ() {
    let copy = Copy::new();
    copy.edit(
        "cases/floor.toml",
        FLOOR,
        "\"budget.floor\" = { money = \"1.00\" } # as of 2026",
    );
    copy.edit("cases/floor.toml", "# The floor", "# Our floor");
    let failed = copy.run(&["plugin", "test", "."]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.out.contains("largest case:") && failed.out.contains("% of the budget"),
        "{}",
        failed.out
    );
    let blessed = copy.run(&["plugin", "test", ".", "--bless", "--json"]);
    assert_eq!(blessed.code, 0, "{}", blessed.out);
    assert_eq!(blessed.json()["blessed"].as_array().unwrap().len(), 1);
    let text = fs::read_to_string(copy.path("cases/floor.toml")).unwrap();
    assert!(text.starts_with("# Our floor"), "{text}");
    assert_eq!(text.matches(FLOOR).count(), 3, "{text}");
    let again = copy
        .run(&["plugin", "test", ".", "--bless", "--json"])
        .json();
    assert_eq!(
        (&again["failed"], again["blessed"].as_array().unwrap().len()),
        (&0.into(), 0)
    );
    assert_eq!(again["largest"]["passed"], true);
}

#[test]
fn new_packages_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for lang in ["rust", "js"] {
        let name = format!("my-{lang}");
        let new = ["plugin", "new", "--lang", lang, &name, "--dir", dir];
        let said = run(&new);
        assert_eq!(said.code, 0, "{}", said.err);
        let said = run(&new);
        assert!(said.err.contains("E-PLUGIN-EXISTS"), "{}", said.err);
        let path = folder.path().join(&name);
        let said = run(&["plugin", "check", path.to_str().unwrap()]);
        assert!(said.err.contains("not built yet"), "{}", said.err);
    }
    let said = run(&["plugin", "new", "--lang", "rust", "../x", "--dir", dir]);
    assert!(said.err.contains("E-PLUGIN-NAME"), "{}", said.err);
    // Nothing is installed for a package: what is missing is said.
    let js = folder.path().join("my-js");
    let said = run(&["plugin", "build", js.to_str().unwrap()]);
    assert!(said.err.contains("E-PLUGIN-TOOLCHAIN"), "{}", said.err);
    let said = run(&["plugin", "build", dir]);
    assert!(said.err.contains("E-FILE"), "{}", said.err);
}
