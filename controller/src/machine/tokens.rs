//! Who may enrol, where, and how many?

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::ids::{Digest, TierName, TokenId};

/// Entitlement to enrol hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// The tier of its hosts.
    pub tier: TierName,
    /// Most hosts at a time.
    pub max_hosts: u64,
    /// SHA-256 of its secret; the secret itself is never stored.
    pub secret: Digest,
    /// Hosts enrolled with it now.
    pub enrolled: u64,
    /// When it was created.
    pub created: WallTime,
}
