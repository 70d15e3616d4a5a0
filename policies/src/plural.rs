//! How is a number of things said? `1 host`, `2 hosts`.

/// So many things, with the word for one of them.
pub fn count(n: u64, thing: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {thing}{s}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_is_one_and_none_are_many() {
        let said = [0, 1, 2].map(|n| super::count(n, "host"));
        assert_eq!(said, ["0 hosts", "1 host", "2 hosts"]);
    }
}
