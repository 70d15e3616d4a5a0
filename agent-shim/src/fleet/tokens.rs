//! Which token does a host of a fleet enrol with?

/// A token's secret and its share of the hosts.
#[derive(Clone)]
pub struct WeightedToken {
    /// `tgt_` and 64 hex digits.
    pub secret: String,
    /// Its share, against the other tokens' weights.
    pub weight: u32,
}

impl std::fmt::Debug for WeightedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WeightedToken").field("weight", &self.weight).finish_non_exhaustive()
    }
}

/// The token of host `index` of `count`, from 0: the hosts are cut into runs by weight, in the
/// tokens' order. `None` where all weights are 0.
pub(super) fn of_host(tokens: &[WeightedToken], index: u64, count: u64) -> Option<&WeightedToken> {
    let total: u64 = tokens.iter().map(|token| u64::from(token.weight)).sum();
    let mut passed = 0;
    tokens.iter().find(|token| {
        passed += u64::from(token.weight);
        index * total < passed * count
    })
}

#[cfg(test)]
mod tests {
    use super::{WeightedToken, of_host};

    fn split(weights: &[u32], count: u64) -> Vec<usize> {
        let tokens: Vec<_> = weights
            .iter()
            .map(|weight| WeightedToken { secret: weight.to_string(), weight: *weight })
            .collect();
        let of = |token: &WeightedToken| {
            let mine = |index: &u64| {
                of_host(&tokens, *index, count).is_some_and(|found| found.secret == token.secret)
            };
            (0..count).filter(mine).count()
        };
        tokens.iter().map(of).collect()
    }

    #[test]
    fn hosts_are_split_by_weight_and_each_has_one_token() {
        assert_eq!(split(&[40, 60], 100), [40, 60]);
        assert_eq!(split(&[1, 2], 10), [4, 6]);
        assert_eq!(split(&[7], 3), [3]);
        assert!(of_host(&[], 0, 1).is_none());
    }
}
