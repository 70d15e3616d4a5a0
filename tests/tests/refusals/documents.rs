//! Which policies, patch sets and uploads are wrong, and with which words are they refused?

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::create_rollout_request::Policy;
use tidegate_tests::door::{self, Part};
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::{BAD_FIELD, Row};
use crate::{Fixture, KERNEL, PATCH, Table};

const COMPRESSED: &str = include_str!("../../../policies/presets/compressed.toml");

pub(crate) async fn policies(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let large = format!("{COMPRESSED}{}", "#".repeat(65_536));
    let ladder = COMPRESSED.find("[[ladder]]").unwrap_or(0);
    let no_ladder = format!("ladder = []\n{}", &COMPRESSED[..ladder]);
    let changed = |from: &str, to: &str| COMPRESSED.replacen(from, to, 1);
    let mismatch = (Code::InvalidArgument, "LADDER_MISMATCH");
    let rows: [Row<String>; 8] = [
        (
            "an unknown key",
            changed("coverage", "coverge"),
            BAD_FIELD,
            &["p.toml:34:1", "ladder[canary].coverge", "Did you mean `coverage`?"],
        ),
        (
            "shares that shrink",
            changed("\"50%\"", "\"5%\""),
            BAD_FIELD,
            &["p.toml:42:17", "wave 2 (5%) is smaller than wave 1 (10%)", "write each larger"],
        ),
        (
            "more than everybody",
            changed("budget = \"25%\"", "budget = \"125%\""),
            BAD_FIELD,
            &["p.toml:11:10", "exposure.budget", "125%", "Write"],
        ),
        ("an empty ladder", no_ladder, BAD_FIELD, &["p.toml:1:10", "ladder", "Write"]),
        (
            "a document that is no TOML",
            "[exposure".to_owned(),
            BAD_FIELD,
            &["p.toml:1:10", "unclosed table", "Mend the TOML"],
        ),
        ("a document beyond its limit", large, BAD_FIELD, &["p.toml:1:1", "at most 65536"]),
        (
            "a tier that is not on the ladder",
            changed("tier = \"free\"", "tier = \"gold\""),
            mismatch,
            &["step 2", "`gold`", "is `free`", "from the first on"],
        ),
        (
            "a duration without a unit",
            changed("\"500ms\"", "\"500\""),
            BAD_FIELD,
            &["p.toml:23:8", "timing.beat", "`500` has no unit"],
        ),
    ];
    for (claim, document, refusal, words) in rows {
        let request = pb::CreateRolloutRequest {
            rollout_id: "another".to_owned(),
            policy: Some(Policy::PolicyToml(document)),
            policy_source: "p.toml".to_owned(),
            ..door::create("113.1", "")
        };
        let answer = fixture.door.rollouts().create_rollout(request).await;
        table.row(claim, answer, refusal, words).await?;
    }
    let preset = fixture.door.rollouts().create_rollout(door::create("113.1", "standrad")).await;
    let words = ["`preset` `standrad`", "there are standard, critical"];
    table.row("an unknown preset", preset, BAD_FIELD, &words).await?;
    let none = pb::CreateRolloutRequest { policy: None, ..door::create("113.1", "") };
    let none = fixture.door.rollouts().create_rollout(none).await;
    table.row("no policy", none, BAD_FIELD, &["`policy`", "name a preset"]).await
}

pub(crate) async fn patch_sets(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let good = || door::publish("114.1", &[KERNEL], PATCH.as_bytes());
    type Change = fn(&mut pb::PatchSet);
    let rows: [Row<Change>; 8] = [
        (
            "an artifact that nobody uploaded",
            |set| set.artifacts[0].sha256 = vec![7; 32],
            (Code::FailedPrecondition, "ARTIFACT_MISSING"),
            &["07070707", KERNEL, "upload it first"],
        ),
        (
            "an artifact of another size",
            |set| set.artifacts[0].size_bytes += 1,
            (Code::InvalidArgument, "ARTIFACT_SIZE"),
            &[KERNEL, "the manifest says"],
        ),
        (
            "an artifact without a size",
            |set| set.artifacts[0].size_bytes = 0,
            BAD_FIELD,
            &["`patch_set.artifacts.size_bytes` `0`", "between 1 and 67108864"],
        ),
        (
            "a digest that is too short",
            |set| set.artifacts[0].sha256 = vec![7; 31],
            BAD_FIELD,
            &["patch_set.artifacts.sha256", "31 bytes", "has 32"],
        ),
        (
            "a module that is a path",
            |set| set.artifacts[0].module = "../evil".to_owned(),
            BAD_FIELD,
            &["patch_set.artifacts.module", "`../evil`", "letters, digits and `_`"],
        ),
        (
            "two artifacts for one kernel",
            |set| set.artifacts.push(set.artifacts[0].clone()),
            BAD_FIELD,
            &["patch_set.artifacts", KERNEL, "stands twice"],
        ),
        (
            "no artifact",
            |set| set.artifacts.clear(),
            (Code::InvalidArgument, "NO_ARTIFACTS"),
            &["`114.1`", "name at least one kernel"],
        ),
        (
            "a version that is published",
            |set| set.name = "patchSets/113.1".to_owned(),
            (Code::AlreadyExists, "PATCH_SET_EXISTS"),
            &["`113.1`", "publish a higher version"],
        ),
    ];
    for (claim, change, refusal, words) in rows {
        let mut request = good();
        if let Some(set) = &mut request.patch_set {
            change(set);
        }
        let answer = fixture.door.patch_sets().publish_patch_set(request).await;
        table.row(claim, answer, refusal, words).await?;
    }
    let none = pb::PublishPatchSetRequest { patch_set: None, ..good() };
    let answer = fixture.door.patch_sets().publish_patch_set(none).await;
    table.row("no patch set", answer, BAD_FIELD, &["`patch_set`", "is missing"]).await
}

pub(crate) async fn uploads(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let header = |size_bytes: u64| {
        Part::Header(pb::UploadHeader {
            sha256: Sha256::digest(b"artifact").to_vec(),
            size_bytes,
            offset_bytes: 0,
        })
    };
    let data = |bytes: &[u8]| Part::Data(bytes.to_vec());
    let refused = |reason: &'static str| (Code::InvalidArgument, reason);
    let rows: [Row<Vec<Part>>; 9] = [
        (
            "other bytes",
            vec![header(8), data(b"artefact")],
            refused("DIGEST_MISMATCH"),
            &["have the SHA-256", "send it again"],
        ),
        (
            "an end that comes early",
            vec![header(8), data(b"arti")],
            refused("UPLOAD_TRUNCATED"),
            &["only 4 of its 8 bytes", "send it again from the beginning"],
        ),
        (
            "bytes behind the end",
            vec![header(8), data(b"artifact"), data(b"s")],
            refused("UPLOAD_OVERSIZED"),
            &["more than the announced 8 bytes", "send it again"],
        ),
        (
            "no header",
            vec![data(b"artifact")],
            refused("HEADER_MISSING"),
            &["begins with its header"],
        ),
        ("nothing", vec![], refused("HEADER_MISSING"), &["begins with its header"]),
        (
            "two headers",
            vec![header(8), header(8)],
            refused("HEADER_TWICE"),
            &["one header, then bytes alone"],
        ),
        (
            "no size",
            vec![header(0)],
            refused("ARTIFACT_SIZE"),
            &["announced as 0 bytes", "1 to 67108864"],
        ),
        (
            "a size beyond the limit",
            vec![header(64 * 1024 * 1024 + 1)],
            refused("ARTIFACT_SIZE"),
            &["announced as 67108865 bytes", "1 to 67108864"],
        ),
        (
            "half a digest",
            vec![Part::Header(pb::UploadHeader {
                sha256: vec![1; 16],
                size_bytes: 8,
                offset_bytes: 0,
            })],
            BAD_FIELD,
            &["header.sha256", "16 bytes", "has 32"],
        ),
    ];
    for (claim, parts, refusal, words) in rows {
        table.row(claim, fixture.door.send(parts).await, refusal, words).await?;
    }
    Ok(())
}
