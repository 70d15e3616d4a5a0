//! What did clients ask, what did they hear, and when?

/// One copy of the data, asked one thing at a time.
pub trait Model {
    /// What it remembers of one key.
    type State: Clone + Ord;
    /// What it can be asked.
    type Ask: Clone + std::fmt::Debug;
    /// What it can answer.
    type Heard: Clone + std::fmt::Debug;

    /// What it remembers at first.
    fn start() -> Self::State;

    /// The state after it was asked `ask` in `state` and gave this answer; `None` where it would
    /// never answer so. Without an answer, the state after whatever it would have answered.
    fn step(
        state: &Self::State,
        ask: &Self::Ask,
        heard: Option<&Self::Heard>,
    ) -> Option<Self::State>;
}

/// One question, and its answer where one came.
#[derive(Clone, Debug)]
pub struct Asked<M: Model> {
    /// The question.
    pub ask: M::Ask,
    /// When it was sent first, in milliseconds of the run.
    pub called: u64,
    /// When it was answered, and what; `None`: nobody knows.
    pub answered: Option<(u64, M::Heard)>,
}

/// Everything that was asked about one key, in the order of the calls.
#[derive(Clone, Debug)]
pub struct History<M: Model>(Vec<Asked<M>>);

impl<M: Model> Default for History<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<M: Model> History<M> {
    /// A question is sent at `now`. Its number is for [`History::heard`].
    pub fn called(&mut self, now: u64, ask: M::Ask) -> usize {
        self.0.push(Asked { ask, called: now, answered: None });
        self.0.len() - 1
    }

    /// The question of this number is answered at `now`. Only the first answer counts.
    pub fn heard(&mut self, now: u64, number: usize, heard: M::Heard) {
        if let Some(asked) = self.0.get_mut(number) {
            asked.answered.get_or_insert((now, heard));
        }
    }

    /// Everything that was asked.
    #[must_use]
    pub fn asked(&self) -> &[Asked<M>] {
        &self.0
    }
}
