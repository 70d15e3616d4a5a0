//! How do a withdrawal, and a host on its ledger, look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::{enumeration, time, with};

/// A withdrawal.
pub(super) fn withdrawal(of: &v1::Withdrawal) -> Value {
    let object = json!({
        "actor": of.actor,
        "reason": of.reason,
        "logIndex": of.log_index,
        "epoch": of.epoch,
        "rollout": of.rollout,
        "revertingHosts": of.reverting_hosts,
        "rebootOwedHosts": of.reboot_owed_hosts,
    });
    with(object, [("time", time(of.time.as_ref()))])
}

/// A host on a ledger.
pub(crate) fn ledger_entry(of: &v1::LedgerEntry) -> Value {
    json!({
        "host": of.host,
        "hostname": of.hostname,
        "grantId": of.grant_id,
        "bootId": of.boot_id,
        "leavesBy": enumeration::<v1::LeavesBy>(of.leaves_by),
        "detail": of.detail,
        "kernelRelease": of.kernel_release,
        "zone": of.zone,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_proto::v1;

    #[test]
    fn a_host_on_a_ledger_says_how_it_leaves_and_why() {
        let entry = v1::LedgerEntry {
            host: "hosts/a1".to_owned(),
            hostname: "web-1".to_owned(),
            grant_id: 7,
            boot_id: "b1".to_owned(),
            leaves_by: v1::LeavesBy::Reboot.into(),
            detail: "replaced: by another".to_owned(),
            kernel_release: "5.15.0-107.117".to_owned(),
            zone: "z1".to_owned(),
        };
        let expected = json!({
            "host": "hosts/a1", "hostname": "web-1", "grantId": 7, "bootId": "b1",
            "leavesBy": "REBOOT", "detail": "replaced: by another",
            "kernelRelease": "5.15.0-107.117", "zone": "z1",
        });
        assert_eq!(super::ledger_entry(&entry), expected);
    }
}
