//! Which hosts does a slice name, by their facts alone?
//!
//! What evidence knows as a number, people and halts know by its facts: `kernel=5.15.0-107.117`. A cut
//! says of every host whether it is inside, whatever becomes of the evidence.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::slices::{Dimension, pair, unpair, value_of};

/// What stands between the two facts of a pair, as a person types them.
const AND_CPU: &str = ",cpu=";

/// A slice by its facts. Two are the same if their dimension and value are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cut {
    /// What it is cut by; never [`Dimension::Whole`].
    pub dimension: Dimension,
    /// Its value on screens.
    pub value: String,
    /// The values that its hosts have: that one, or all that count as `other`.
    pub values: Vec<String>,
}

/// Why a text names no slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCut {
    /// It has no `=`.
    #[error("`{text}` names no slice: write a fact and its value, e.g. `kernel=5.15.0-107.117`")]
    NoFact {
        /// What was written.
        text: String,
    },
    /// Nothing is cut by that fact.
    #[error(
        "no slice is cut by `{fact}`: there are kernel, cpu, arch, flavour, zone, class, and both \
         together as `kernel=…,cpu=…`"
    )]
    UnknownFact {
        /// What was written before the `=`.
        fact: String,
    },
    /// Nothing stands behind the `=`.
    #[error("`{fact}=` has no value: `tidegate host list -o wide` shows those of the fleet")]
    NoValue {
        /// The fact.
        fact: String,
    },
}

impl Cut {
    /// The hosts with this value.
    pub fn one(dimension: Dimension, value: String) -> Self {
        Self { dimension, values: vec![value.clone()], value }
    }

    /// What a person types for it: `kernel=5.15.0-107.117`, `kernel=5.15.0-107.117,cpu=6-143`.
    ///
    /// # Errors
    ///
    /// [`NoCut`].
    pub fn parse(text: &str) -> Result<Self, NoCut> {
        let no_fact = || NoCut::NoFact { text: text.to_owned() };
        let (fact, value) = text.split_once('=').ok_or_else(no_fact)?;
        let single = Dimension::CUTS
            .into_iter()
            .filter(|dimension| *dimension != Dimension::KernelAndCpu)
            .find(|dimension| dimension.word() == fact);
        let dimension = single.ok_or_else(|| NoCut::UnknownFact { fact: fact.to_owned() })?;
        let (dimension, value) = match (dimension, value.split_once(AND_CPU)) {
            (Dimension::Kernel, Some((kernel, cpu))) if !kernel.is_empty() && !cpu.is_empty() => {
                (Dimension::KernelAndCpu, pair(kernel, cpu))
            }
            (dimension, _) => (dimension, value.to_owned()),
        };
        if value.is_empty() || value.starts_with(AND_CPU) || value.ends_with(AND_CPU) {
            return Err(NoCut::NoValue { fact: fact.to_owned() });
        }
        Ok(Self::one(dimension, value))
    }

    /// Whether both name the same slice.
    pub fn is(&self, other: &Self) -> bool {
        (self.dimension, &self.value) == (other.dimension, &other.value)
    }

    /// Whether a host with these single facts is inside.
    pub fn holds(&self, facts: &[(Dimension, &str)]) -> bool {
        let value = || value_of(self.dimension, facts);
        self.dimension == Dimension::Whole || value().is_some_and(|value| self.has(&value))
    }

    /// Whether every host of `other` is inside, too: the same facts, or one fact of a pair.
    pub fn covers(&self, other: &Self) -> bool {
        let part = |value: &str| match (self.dimension, unpair(value)) {
            (Dimension::Kernel, Some((kernel, _))) => self.has(kernel),
            (Dimension::Cpu, Some((_, cpu))) => self.has(cpu),
            (_, _) => false,
        };
        match (self.dimension, other.dimension) {
            (Dimension::Whole, _) => true,
            (mine, others) if mine == others => other.values.iter().all(|value| self.has(value)),
            (_, Dimension::KernelAndCpu) => other.values.iter().all(|value| part(value)),
            (_, _) => false,
        }
    }

    /// Its name on screens, e.g. `kernel 5.15.0-107.117`.
    pub fn name(&self) -> String {
        format!("{} {}", self.dimension.word(), self.value)
    }

    fn has(&self, value: &str) -> bool {
        self.values.iter().any(|of| of == value)
    }
}

impl fmt::Display for Cut {
    /// As a person types it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.dimension, unpair(&self.value)) {
            (Dimension::KernelAndCpu, Some((kernel, cpu))) => {
                write!(f, "kernel={kernel}{AND_CPU}{cpu}")
            }
            (dimension, _) => write!(f, "{}={}", dimension.word(), self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: [(Dimension, &str); 3] =
        [(Dimension::Kernel, "5.15"), (Dimension::Cpu, "intel 6 143"), (Dimension::Zone, "a")];

    fn cut(text: &str) -> Cut {
        Cut::parse(text).unwrap()
    }

    #[test]
    fn what_is_typed_is_what_is_shown() {
        for text in ["kernel=5.15", "cpu=intel 6 143", "zone=a", "kernel=5.15,cpu=intel 6 143"] {
            assert_eq!(cut(text).to_string(), text);
        }
    }

    #[test]
    fn a_slice_without_fact_or_value_is_refused_with_the_way_out() {
        let refused = |text| Cut::parse(text).unwrap_err().to_string();
        assert!(refused("5.15").contains("`kernel=5.15.0-107.117`"));
        assert!(refused("rack=7").contains("there are kernel, cpu"));
        for text in ["zone=", "kernel=,cpu=x", "kernel=5.15,cpu="] {
            assert!(refused(text).contains("has no value"), "{text}");
        }
    }

    #[test]
    fn a_host_is_inside_of_every_slice_of_its_facts_and_of_no_other() {
        for (text, inside) in [
            ("kernel=5.15", true),
            ("kernel=5.1", false),
            ("cpu=intel 6 143", true),
            ("kernel=5.15,cpu=intel 6 143", true),
            ("kernel=6.8,cpu=intel 6 143", false),
            ("zone=b", false),
            ("class=db", false),
        ] {
            assert_eq!(cut(text).holds(&HOST), inside, "{text}");
        }
    }

    #[test]
    fn one_fact_covers_its_pairs_and_a_pair_covers_neither_of_its_facts() {
        let both = cut("kernel=5.15,cpu=x");
        assert!(cut("kernel=5.15").covers(&both) && cut("cpu=x").covers(&both));
        assert!(!cut("kernel=6.8").covers(&both) && !cut("zone=a").covers(&both));
        assert!(!both.covers(&cut("kernel=5.15")) && both.covers(&both));
        assert!(!cut("zone=a").covers(&cut("zone=b")));
    }

    #[test]
    fn the_slice_of_all_that_are_few_names_each_of_them() {
        let other = Cut {
            dimension: Dimension::Kernel,
            value: "other".to_owned(),
            values: vec!["4.4".to_owned(), "5.15".to_owned()],
        };
        assert!(other.holds(&HOST) && other.covers(&cut("kernel=4.4")));
        assert!(!other.is(&cut("kernel=4.4")) && !cut("kernel=4.4").covers(&other));
        assert_eq!(other.to_string(), "kernel=other");
    }
}
