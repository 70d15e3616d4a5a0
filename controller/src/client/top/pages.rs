//! What is behind the board: a rollout's hosts, page by page, and why it is where it is.

use tidegate_proto::v1;

use super::msg::{Effect, Key};

/// Lines that a page key moves.
const PAGE: usize = 10;

/// The hosts of a rollout, as far as they were asked for.
#[derive(Debug)]
pub(crate) struct Hosts {
    pub(crate) rollout: String,
    grants: Vec<v1::Grant>,
    /// Where the next page begins; empty: there is none.
    next: String,
    pub(crate) loading: bool,
    pub(crate) trouble: Option<String>,
    pub(crate) at: usize,
    pub(crate) filter: String,
    filtering: bool,
}

impl Hosts {
    /// None yet.
    pub(crate) fn of(rollout: String) -> Self {
        Self {
            rollout,
            grants: Vec::new(),
            next: String::new(),
            loading: true,
            trouble: None,
            at: 0,
            filter: String::new(),
            filtering: false,
        }
    }

    /// Takes in a page.
    pub(crate) fn take(&mut self, rollout: &str, page: Result<v1::ListGrantsResponse, String>) {
        if rollout != self.rollout {
            return;
        }
        self.loading = false;
        match page {
            Ok(page) => {
                self.grants.extend(page.grants);
                self.next = page.next_page_token;
            }
            Err(why) => self.trouble = Some(why),
        }
    }

    /// Those that the filter lets through.
    pub(crate) fn shown(&self) -> Vec<&v1::Grant> {
        let wanted = self.filter.to_lowercase();
        let fits = |grant: &&v1::Grant| {
            let phase = grant.phase().as_str_name();
            let texts = [&*grant.host, &grant.hostname, &grant.tier, phase, &grant.detail];
            texts.iter().any(|text| text.to_lowercase().contains(&wanted))
        };
        self.grants.iter().filter(fits).collect()
    }

    /// How many were loaded, and whether there are more.
    pub(crate) fn loaded(&self) -> (usize, bool) {
        (self.grants.len(), !self.next.is_empty())
    }

    /// Whether letters go into the filter.
    pub(crate) const fn is_filtering(&self) -> bool {
        self.filtering
    }

    /// Letters go into the filter from now on.
    pub(crate) fn begin_filter(&mut self) {
        self.filtering = true;
        self.filter.clear();
        self.at = 0;
    }

    /// A key for the filter.
    pub(crate) fn type_filter(&mut self, key: Key) {
        match key {
            Key::Enter => self.filtering = false,
            Key::Esc => (self.filtering, self.filter) = (false, String::new()),
            Key::Backspace => drop(self.filter.pop()),
            Key::Char(letter) => self.filter.push(letter),
            Key::Tab
            | Key::BackTab
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Interrupt => (),
        }
        self.at = 0;
    }

    /// Moves; at the end the next page is asked for.
    pub(crate) fn scroll(&mut self, key: Key) -> Option<Effect> {
        let last = self.shown().len().saturating_sub(1);
        let wanted = moved(self.at, key);
        self.at = wanted.min(last);
        if wanted <= last || self.loading || self.next.is_empty() {
            return None;
        }
        self.loading = true;
        Some(Effect::Hosts { rollout: self.rollout.clone(), page_token: self.next.clone() })
    }
}

/// An explanation.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) rollout: String,
    pub(crate) lines: Vec<String>,
    pub(crate) at: usize,
}

impl Explanation {
    /// Not there yet.
    pub(crate) fn of(rollout: String) -> Self {
        Self { rollout, lines: vec!["asking …".to_owned()], at: 0 }
    }

    /// Takes it in.
    pub(crate) fn take(&mut self, rollout: &str, text: Result<String, String>) {
        if rollout == self.rollout {
            let text = text.unwrap_or_else(|why| format!("cannot explain {rollout}: {why}"));
            self.lines = text.lines().map(str::to_owned).collect();
        }
    }

    /// Moves.
    pub(crate) fn scroll(&mut self, key: Key) {
        self.at = moved(self.at, key).min(self.lines.len().saturating_sub(1));
    }
}

fn moved(at: usize, key: Key) -> usize {
    match key {
        Key::Up => at.saturating_sub(1),
        Key::Down => at + 1,
        Key::PageUp => at.saturating_sub(PAGE),
        Key::PageDown => at + PAGE,
        Key::Char(_)
        | Key::Enter
        | Key::Esc
        | Key::Tab
        | Key::BackTab
        | Key::Backspace
        | Key::Interrupt => at,
    }
}
