//! How does a line of the block-list look to a person?

use chrono::{DateTime, Utc};
use serde_json::Value;
use tidegate_proto::v1;

use super::Show::{self, Always, Wide};
use super::json;
use super::rows::{Resource, Row};
use super::text::or_dash;
use super::time::ago;
use crate::client::names::id_of;

impl Resource for v1::Block {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::block(self)
    }
}

impl Row for v1::Block {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("WHAT", Always),
        ("PATCH SETS", Always),
        ("HALTED", Always),
        ("BY", Always),
        ("SINCE", Wide),
        ("BECAUSE", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        let ids = |names: &[String]| {
            let ids: Vec<&str> = names.iter().map(|name| id_of(name)).collect();
            or_dash(&ids.join(", "))
        };
        vec![
            id_of(&self.name).to_owned(),
            ids(&self.patch_sets),
            ids(&self.halted_rollouts),
            self.actor.clone(),
            ago(self.create_time.as_ref(), now),
            or_dash(&self.reason),
        ]
    }
}
