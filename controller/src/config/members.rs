//! Who belongs to the cluster, and which of them is this controller?

use std::collections::BTreeMap;

use tidegate_policies::document::{DocumentError, Field, Value};

use super::Arrival;
use super::loopback::Loopback;
use crate::machine::ids::NodeId;

/// Most controllers of a cluster.
const MAX_MEMBERS: usize = 7;

/// The highest node id; an id is used once, so a cluster can replace that many controllers.
const MAX_NODE_ID: u64 = 65_535;

const NODE_ID: Field = Field { key: "node-id", example: "node-id = 1" };
const ADDRESS: Field = Field { key: "address", example: r#"address = "127.0.0.1:7441""# };

/// Reads a node's id.
pub(super) fn read_node_id(value: &Value<'_>) -> Result<NodeId, DocumentError> {
    value.number("as a node id", 1..=MAX_NODE_ID).map(NodeId)
}

/// Reads every `[[member]]`. Those of a controller that joins are contacts: any number of them.
pub(super) fn read_members(
    value: &Value<'_>,
    arrival: Arrival,
) -> Result<BTreeMap<NodeId, Loopback>, DocumentError> {
    let items = value.list("members", MAX_MEMBERS)?;
    let mut members = BTreeMap::new();
    for item in &items {
        let table = item.table(&[NODE_ID, ADDRESS])?;
        let (id_value, address_value) = (table.required(&NODE_ID)?, table.required(&ADDRESS)?);
        let (id, address) = (read_node_id(&id_value)?, read_address(&address_value)?);
        if members.contains_key(&id) {
            return Err(id_value.error(
                format!("two members have the node id {id}"),
                "Give each controller its own; an id is never used again".to_owned(),
            ));
        }
        if let Some((other, _)) = members.iter().find(|(_, known)| **known == address) {
            return Err(address_value.error(
                format!("member {other} has the address {address} too"),
                "Give each controller its own".to_owned(),
            ));
        }
        members.insert(id, address);
    }
    let count = items.len();
    if arrival == Arrival::Founds && count.is_multiple_of(2) {
        return Err(value.error(
            format!(
                "{count} members survive the loss of {}, like {}, and one more of them can fail",
                lost(count),
                count - 1
            ),
            format!("Write {} or {} members", count - 1, count + 1),
        ));
    }
    Ok(members)
}

/// How many members a cluster can lose and still have a majority.
const fn lost(members: usize) -> usize {
    (members - 1) / 2
}

/// Reads `[listen]`, and checks that it is the place where the members look for this node. A
/// controller that joins need not be among them.
pub(super) fn read_listen(
    listen: &Value<'_>,
    node_id: &Value<'_>,
    members: &BTreeMap<NodeId, Loopback>,
    arrival: Arrival,
) -> Result<Loopback, DocumentError> {
    let id = read_node_id(node_id)?;
    let value = listen.table(&[ADDRESS])?.required(&ADDRESS)?;
    let address = read_address(&value)?;
    let Some(known) = members.get(&id) else {
        if arrival == Arrival::Joins {
            return Ok(address);
        }
        let ids: Vec<_> = members.keys().map(NodeId::to_string).collect();
        return Err(node_id.error(
            format!("node {id} is not among the members ({})", ids.join(", ")),
            "Write the id of one of them, add a [[member]], or write `join = true` for a controller \
                that joins a cluster"
                .to_owned(),
        ));
    };
    if *known != address {
        return Err(value.error(
            format!(
                "member {id}, which is this controller, has the address {known}, not {address}"
            ),
            "Write the same address in both places".to_owned(),
        ));
    }
    Ok(address)
}

fn read_address(value: &Value<'_>) -> Result<Loopback, DocumentError> {
    let address: Loopback = value.text()?.parse().map_err(|error: super::NotLoopback| {
        value.error(error.problem(), error.way_out().to_owned())
    })?;
    if address.socket_addr().port() == 0 {
        return Err(value.error(
            "with port 0 the others would not know where to connect".to_owned(),
            format!("Write for example `{}`", ADDRESS.example),
        ));
    }
    Ok(address)
}
