//! What do the words of a script mean that are about tokens, and about hosts as members of the fleet?
//!
//! ```text
//! token t1 free 2 ttl=10s            also until=5000 arch=amd64,arm64 series=5.15 distro=22.04
//! update t1 max=3                    also ttl= until=, until=never
//! revoke t1 reason=leaked
//! evict h1 reason=gone               also force=
//! move h1 t2                         also reason=
//! ```

use tidegate_policies::time::WallTime;

use crate::machine::command::{
    Action, Evict, EvictHost, Expiry, MoveHost, RevokeToken, UpdateToken,
};
use crate::machine::tokens::Scope;

use super::script::{Words, millis, read};
use super::world::host;

pub(super) fn action(words: &Words<'_>) -> Option<Action> {
    let reason = words.get("reason").unwrap_or_default().to_owned();
    Some(match words.verb() {
        "update" => Action::UpdateToken(UpdateToken {
            token: read(words.at(0)),
            max_hosts: words.read("max"),
            expiry: expiry(words),
        }),
        "revoke" => Action::RevokeToken(RevokeToken { token: read(words.at(0)), reason }),
        "evict" => {
            let how = if words.get("force").is_some() { Evict::Forced } else { Evict::Idle };
            Action::EvictHost(EvictHost { host: host(words.at(0)), reason, how })
        }
        "move" => {
            let (host, token) = (host(words.at(0)), read(words.at(1)));
            Action::MoveHost(MoveHost { host, token, reason })
        }
        _ => return None,
    })
}

/// `ttl=` or `until=`, where it is said.
pub(super) fn expiry(words: &Words<'_>) -> Option<Expiry> {
    let ttl = words.get("ttl").map(|span| Expiry::After(millis(span)));
    ttl.or_else(|| match words.get("until")? {
        "never" => Some(Expiry::Never),
        at => Some(Expiry::At(WallTime(read(at)))),
    })
}

pub(super) fn scope(words: &Words<'_>) -> Scope {
    let set = |key| {
        let values = words.get(key).unwrap_or_default().split(',');
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    };
    Scope {
        architectures: set("arch"),
        kernel_series: set("series"),
        distro_releases: set("distro"),
    }
}
