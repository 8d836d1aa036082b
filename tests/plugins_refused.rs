//! Each fault of a package has one coded message.

use std::{fs, path::Path};

use liucheng_guest_build::write_digest;

use crate::support::{
    package::{Copy, Data, FLOOR, ID, refusal, sign},
    run,
};

type Spoil = fn(&Copy);

/// What the cases bring themselves.
const PARAMETERS: &str =
    "[parameters]\nfloor-percent = { value = { percent = \"3\" }, rule = \"XX-01\" }\n";

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
        "it tightens the thirty days twice",
        |copy| {
            let tighten = |days: u32| {
                format!(
                    "[[tighten]]\nobligation = \"sign-contract\"\nperiod = \"{days} days\"\nrule = \"XX-02\"\n"
                )
            };
            copy.append("overlay.toml", &(tighten(20) + &tighten(25)));
        },
        "E-ID-TWICE",
        "overlay.toml:70:14 \"sign-contract\" is tightened twice",
    ),
    (
        "a period without length",
        |copy| copy.edit("overlay.toml", "5 working-days\"", "0 working-days\""),
        "E-OBLIGATION-SHAPE",
        "overlay.toml:27:11 a period of `0` has no length",
    ),
    (
        "the overlay has another number than the cases",
        |copy| copy.edit("overlay.toml", "value = \"3\"", "value = \"2\""),
        "E-PLUGIN-PARAMETER",
        "cases/floor.toml:4:1 \"floor-percent\" is { percent = \"3\" } of \"XX-01\" here and { percent = \"2\" }",
    ),
    (
        "the overlay lacks a number that the cases have",
        |copy| copy.edit("overlay.toml", "floor-percent", "ceiling-percent"),
        "E-PLUGIN-PARAMETER",
        "which the overlay does not have",
    ),
    (
        "the cases leave the numbers to the overlay, which has another",
        |copy| {
            copy.edit("cases/floor.toml", PARAMETERS, "");
            copy.edit("overlay.toml", "value = \"3\"", "value = \"2\"");
        },
        "E-PLUGIN-CASE",
        "20000.00",
    ),
    (
        "a number that does not go with the question that needs it",
        |copy| {
            copy.edit(
                "overlay.toml",
                "value = \"3\"",
                "value = \"3\", hooks = [\"renewal\"]",
            );
        },
        "E-PLUGIN-CASE",
        "expected:",
    ),
    (
        "a step that the component does not run",
        |copy| {
            copy.append(
                "overlay.toml",
                "[[step]]\nid = \"county-record\"\nrule = \"XX-02\"\nat = \"after-contract\"\n\
                 title = { zh = \"县备案\", en = \"Record\" }\nstate = { zh = \"待县备案\", en = \"To be recorded\" }\n\
                 roles = [\"officer\"]\nopen-ended = { zh = \"未写明\", en = \"not said\" }\nrun = true\n",
            );
        },
        "E-PLUGIN-HOOK",
        "overlay.toml:73:7 the component is to run the step \"county-record\"",
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
        // The whole difference.
        "cases/floor.toml: \"exactly the floor is enough\" the golden case fails: expected:\n[facts.\"budget.floor\"]\nmoney = \"1.00\"\n\n\
         found:\n[facts.\"budget.floor\"]\nmoney = \"30000.00\"",
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

#[test]
fn each_fault_of_a_package_has_one_coded_message() {
    let data = Data::new();
    for (what, spoil, code, word) in REFUSED {
        let copy = Copy::new();
        spoil(&copy);
        let (found, message) = refusal(&data.install(copy.folder.path()));
        assert_eq!(found, *code, "{what}: {message}");
        assert!(message.contains(word), "{what}: {message}");
        // The author hears it as well, with the same code.
        let folder = copy.folder.path().to_str().unwrap();
        let checked = data.run(&["plugin", "check", folder, "--json"]);
        let said = checked.out.clone() + &checked.err;
        assert!(matches!(checked.code, 1 | 2), "{what}: {said}");
        assert!(said.contains(&format!("\"{code}\"")), "{what}: {said}");
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
            "a name of two lines",
            with(raw_entry("cases/a\nb.toml", b'0', 0)),
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
fn nothing_is_packed_that_is_wrongly_signed() {
    let spoils: [(Spoil, &str); 3] = [
        (
            |copy| copy.edit("plugin.toml", "\n[component]", "\n# later\n[component]"),
            "E-PLUGIN-SIGNATURE",
        ),
        (
            |copy| fs::write(copy.path("plugin.sig"), "nonsense").unwrap(),
            "E-PLUGIN-SIGNATURE",
        ),
        (
            |copy| {
                fs::copy(copy.path("cases/floor.toml"), copy.path("cases/more.toml")).unwrap();
            },
            "E-PLUGIN-UNCOVERED",
        ),
    ];
    for (spoil, code) in spoils {
        let copy = Copy::new();
        sign(&copy);
        let out = copy.path("out.tar");
        let pack = || copy.run(&["plugin", "pack", ".", "-o", out.to_str().unwrap(), "--json"]);
        assert_eq!(pack().json()["signed"], true);
        fs::remove_file(&out).unwrap();
        spoil(&copy);
        let said = pack();
        assert_eq!(refusal(&said).0, code);
        assert!(said.err.contains("plugin sign"), "{}", said.err);
        assert!(!out.exists());
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let copy = Copy::new();
    let key = copy.path("k");
    let key = key.to_str().unwrap();
    let made = run(&["plugin", "keygen", "--to", key]);
    assert!(made.code == 0 && made.err.is_empty(), "{}", made.err);
    let sign = || copy.run(&["plugin", "sign", ".", "--key", key]);
    assert_eq!(sign().err, "");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = sign();
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("mode 644") && said.err.contains("chmod 600"),
        "{}",
        said.err
    );
}

/// A data folder that cannot be looked into is not an empty one.
#[test]
fn a_data_folder_has_to_be_one() {
    let copy = Copy::new();
    let file = copy.path("plugin.toml");
    let typo = copy.path("typo");
    let at = |data: &Path, args: &[&str]| {
        copy.run(&[&["--data", data.to_str().unwrap(), "--json"], args].concat())
    };
    for args in [
        &["plugin", "list"][..],
        &["plugin", "show", ID],
        &["plugin", "verify", "."],
        &["plugin", "check", "."],
        &["plugin", "install", ".", "--dry-run"],
        &["project", "list"],
    ] {
        let said = at(&file, args);
        assert!(
            said.err.contains("E-DATA-DIR") && said.err.contains("no folder"),
            "{args:?}: {}{}",
            said.out,
            said.err
        );
        assert_ne!(said.code, 0, "{args:?}");
    }
    // Whom to trust stands in a folder that somebody names, or nowhere.
    let (code, message) = refusal(&at(&typo, &["plugin", "verify", "."]));
    assert_eq!(code, "E-DATA-DIR");
    assert!(message.contains("there is no such folder"), "{message}");
    let listed = at(&typo, &["plugin", "list"]);
    assert_eq!(listed.code, 0);
    assert!(listed.err.contains("there is no folder"), "{}", listed.err);
}

#[cfg(unix)]
#[test]
fn a_data_folder_has_to_be_readable() {
    use std::os::unix::fs::PermissionsExt;
    let data = Data::new();
    assert_eq!(data.run(&["migrate"]).code, 0);
    let mode = |mode| fs::set_permissions(data.0.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    // Whoever may look everywhere, as root does, is not held up by permissions.
    let is_held_up = fs::read_dir(data.0.path()).is_err();
    let copy = Copy::new();
    let path = copy.folder.path().to_str().unwrap();
    let said: Vec<_> = [
        &["plugin", "list"][..],
        &["plugin", "verify", path],
        &["project", "list"],
    ]
    .into_iter()
    .map(|args| data.run(args))
    .collect();
    mode(0o700);
    for said in said {
        match is_held_up {
            true => assert!(
                said.code == 69 && said.err.contains("may not look into it"),
                "{}",
                said.err
            ),
            false => assert_eq!(said.code, 0, "{}", said.err),
        }
    }
}
