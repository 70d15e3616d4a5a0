//! What of the state is in tables, and what is small and hot and written anew for every root?

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::machine::Machine;
use crate::machine::entries::Entries;
use crate::machine::evicted::EvictedHosts;
use crate::machine::grant_book::Grants;
use crate::machine::hosts::Hosts;
use crate::machine::ids::TokenId;
use crate::machine::incidents::Incidents;
use crate::machine::interned::Interned;
use crate::machine::ledger::Ledger;
use crate::machine::outbox::Outbox;
use crate::machine::records::{Chain, Records};
use crate::machine::requests::Requests;
use crate::machine::table::{HEAD, Key, Table, Tree};
use crate::machine::tokens::Token;
use crate::machine::trial::{Subjects, Trial};
use crate::machine::webhooks::Webhooks;

use super::sections::{
    ACKNOWLEDGED, ANSWERED, BLOBS, CORE, DEAD_LETTERS, DRAWN, ENTRIES, EVICTED, GRANTS, HOSTS,
    INCIDENTS, LABEL_NUMBERS, LABELS, LEDGER, LONG, OUTBOX, PATCH_SETS, PROFILE_NUMBERS, PROFILES,
    RECORDS, REQUEST_NUMBERS, ROLLOUTS, SUBJECTS, TRIALS,
};
use super::{Pieces, Section, ThawError};

/// Values that are too large for their chunks, by table and key.
type AllLong = BTreeMap<u8, BTreeMap<u128, Vec<u8>>>;

impl Machine {
    /// The parts of the head.
    pub(super) fn head(&self) -> Vec<Tree> {
        let chain = self.records.chain();
        let core = (
            &self.cluster,
            &self.clock,
            (&self.calendar, &self.proposals, &self.webhooks, &self.blocks, &self.coverage),
            &self.tokens,
            &self.vouches,
            chain,
        );
        let mut long = AllLong::new();
        for tree in self.tables().into_iter().filter(|tree| !tree.long().is_empty()) {
            let values = tree.long().iter().map(|(&key, value)| (key, value.to_vec()));
            long.insert(tree.id(), values.collect());
        }
        vec![
            part(CORE, &core),
            part(PATCH_SETS, &self.patch_sets),
            part(ROLLOUTS, &self.rollouts),
            part(BLOBS, &self.blobs),
            part(TRIALS, &self.trials),
            part(LONG, &long),
        ]
    }

    /// The tables.
    pub(super) fn tables(&self) -> Vec<&Tree> {
        let (profiles, profile_numbers) = self.hosts.profiles.tables();
        let (labels, label_numbers) = self.hosts.labels.tables();
        vec![
            self.hosts.rows.tree(),
            profiles.tree(),
            profile_numbers.tree(),
            labels.tree(),
            label_numbers.tree(),
            self.grants.rows.tree(),
            self.entries.rows.tree(),
            self.entries.drawn.tree(),
            self.entries.acknowledged.tree(),
            self.subjects.rows.tree(),
            self.records.kept.tree(),
            self.incidents.kept.tree(),
            self.requests.answered.tree(),
            self.requests.numbers.tree(),
            self.ledger.rows.tree(),
            self.evicted.rows.tree(),
            self.outbox.rows.tree(),
            self.outbox.dead.tree(),
        ]
    }
}

/// The sections of a root that were not read yet.
pub(super) struct Reader<'a, 'b> {
    pub(super) sections: BTreeMap<u8, Section>,
    pub(super) pieces: &'a mut Pieces<'b>,
    long: AllLong,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) const fn new(sections: BTreeMap<u8, Section>, pieces: &'a mut Pieces<'b>) -> Self {
        Self { sections, pieces, long: AllLong::new() }
    }

    /// The machine that the sections make together.
    pub(super) fn machine(&mut self, applied: u64) -> Result<Machine, ThawError> {
        type Core<C, K, D, T, V> = (C, K, D, T, V, Chain);
        let core: Core<_, _, _, BTreeMap<TokenId, Token>, _> = self.part(CORE)?;
        let (cluster, clock, kept, tokens, vouches, chain) = core;
        let (calendar, proposals, webhooks, blocks, coverage) = kept;
        let secrets = tokens.values().map(|token| (token.secret, token.id.clone())).collect();
        self.long = self.part(LONG)?;
        let rollouts = self.part(ROLLOUTS)?;
        let hosts = Hosts {
            rows: self.table(HOSTS)?,
            profiles: Interned::of_tables(self.table(PROFILES)?, self.table(PROFILE_NUMBERS)?)?,
            labels: Interned::of_tables(self.table(LABELS)?, self.table(LABEL_NUMBERS)?)?,
        };
        hosts.check()?;
        let evicted = EvictedHosts { rows: self.table(EVICTED)? };
        evicted.check(&hosts)?;
        let entries = Entries {
            rows: self.table(ENTRIES)?,
            drawn: self.table(DRAWN)?,
            acknowledged: self.table(ACKNOWLEDGED)?,
        };
        entries.check()?;
        let trials: BTreeMap<u64, Trial> = self.part(TRIALS)?;
        let subjects = Subjects::of_table(self.table(SUBJECTS)?);
        subjects.check(&trials)?;
        let requests =
            Requests { answered: self.table(ANSWERED)?, numbers: self.table(REQUEST_NUMBERS)? };
        requests.check()?;
        let patch_sets = self.part(PATCH_SETS)?;
        let webhooks: Webhooks = webhooks;
        let outbox = Outbox { rows: self.table(OUTBOX)?, dead: self.table(DEAD_LETTERS)? };
        outbox.check(&webhooks.declared)?;
        let ledger = Ledger { rows: self.table(LEDGER)? };
        ledger.check(&patch_sets)?;
        let machine = Machine {
            cluster,
            clock,
            calendar,
            coverage,
            blobs: self.part(BLOBS)?,
            tokens,
            secrets,
            hosts,
            evicted,
            patch_sets,
            grants: Grants::of_table(self.table(GRANTS)?, &rollouts)?,
            rollouts,
            entries,
            trials,
            subjects,
            records: Records::of_table(self.table(RECORDS)?, chain),
            incidents: Incidents { kept: self.table(INCIDENTS)?, news: Vec::new() },
            webhooks,
            outbox,
            ledger,
            requests,
            vouches,
            proposals,
            blocks,
            applied,
        };
        if self.long.is_empty() { Ok(machine) } else { Err(ThawError::BadPart { id: LONG }) }
    }

    fn section(&mut self, id: u8) -> Result<Section, ThawError> {
        self.sections.remove(&id).ok_or(ThawError::NoSection { id })
    }

    fn table<K: Key, V>(&mut self, id: u8) -> Result<Table<K, V>, ThawError>
    where
        V: Serialize + DeserializeOwned,
    {
        let section = self.section(id)?;
        let long = self.long.remove(&id).unwrap_or_default();
        let long = long.into_iter().map(|(key, value)| (key, value.into())).collect();
        Table::thaw(&section, long, self.pieces)
    }

    /// The inverse of [`part`].
    fn part<T: DeserializeOwned>(&mut self, id: u8) -> Result<T, ThawError> {
        let section = self.section(id)?;
        let mut bytes = Vec::new();
        for page in &section.pages {
            for leaf in self.pieces.page(id, page)? {
                let piece = self.pieces.get(&leaf)?;
                bytes.extend_from_slice(piece.get(HEAD..).unwrap_or_default());
            }
        }
        let whole = u64::try_from(bytes.len()) == Ok(section.size);
        match postcard::take_from_bytes(&bytes) {
            Ok((content, [])) if whole => Ok(content),
            Ok(_) | Err(_) => Err(ThawError::BadPart { id }),
        }
    }
}

/// A part of the head as leaves.
#[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
fn part<T: Serialize>(id: u8, content: &T) -> Tree {
    let bytes = postcard::to_stdvec(content).expect("plain data can be written");
    Tree::of_content(id, &bytes)
}
