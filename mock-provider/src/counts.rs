//! What the judge wants to know of a run: how many arrived, how many were different, how often each.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::arrival::Arrival;

/// How many repeated references a count names.
const NAMED: usize = 100;

/// The counts of a whole log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalCounts {
    /// All arrivals.
    pub total: u64,
    /// Copies per reference, over the arrivals that carried one.
    pub references: CopyCounts,
    /// Copies per recipient and text, over the arrivals that carried no reference.
    pub without_reference: CopyCounts,
    /// Copies per recipient and text, over all arrivals: sees a copy that another vendor delivered without reference.
    pub texts: CopyCounts,
    /// References that arrived more than once, the most frequent first; at most 100.
    pub repeated: Vec<Repeated>,
}

/// How often the different messages of a group arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyCounts {
    /// Arrivals in the group.
    pub arrivals: u64,
    /// Different messages in the group.
    pub distinct: u64,
    /// Number of copies → how many messages arrived that often.
    pub copies: BTreeMap<u64, u64>,
}

/// A reference that arrived more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// The sender's message id.
    pub reference: String,
    /// How often it arrived.
    pub copies: u64,
}

/// What makes two messages without reference the same one.
type Content<'a> = (&'a str, &'a str, Option<&'a str>, &'a [String]);

impl ArrivalCounts {
    pub(crate) fn of(arrivals: &[Arc<Arrival>]) -> Self {
        let references = tally(arrivals.iter().filter_map(|arrival| arrival.reference.as_deref()));
        let unreferenced = arrivals.iter().filter(|arrival| arrival.reference.is_none());
        Self {
            total: arrivals.len() as u64,
            references: CopyCounts::of(&references),
            without_reference: CopyCounts::of(&tally(unreferenced.map(|arrival| content(arrival)))),
            texts: CopyCounts::of(&tally(arrivals.iter().map(|arrival| content(arrival)))),
            repeated: repeated(&references),
        }
    }
}

impl CopyCounts {
    fn of<K>(tally: &HashMap<K, u64>) -> Self {
        let mut counts = Self { distinct: tally.len() as u64, ..Self::default() };
        for copies in tally.values() {
            counts.arrivals += copies;
            *counts.copies.entry(*copies).or_default() += 1;
        }
        counts
    }
}

fn content(arrival: &Arrival) -> Content<'_> {
    (&arrival.to, &arrival.body, arrival.template.as_deref(), &arrival.variables)
}

fn tally<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, u64> {
    let mut tally = HashMap::new();
    for key in keys {
        *tally.entry(key).or_default() += 1;
    }
    tally
}

fn repeated(references: &HashMap<&str, u64>) -> Vec<Repeated> {
    let mut repeated: Vec<Repeated> = references
        .iter()
        .filter(|(_, copies)| **copies > 1)
        .map(|(reference, copies)| Repeated { reference: (*reference).to_owned(), copies: *copies })
        .collect();
    repeated.sort_by(|a, b| b.copies.cmp(&a.copies).then_with(|| a.reference.cmp(&b.reference)));
    repeated.truncate(NAMED);
    repeated
}
