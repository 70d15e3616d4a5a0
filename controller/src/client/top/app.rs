//! What does the dashboard show, and what does a key do? State and [`App::update`]; no clock, terminal or
//! connection.

use std::collections::BTreeMap;

use tidegate_proto::v1;
use tidegate_proto::v1::RolloutState;

use super::model::Model;
use super::msg::{Effect, Key, Moment, Msg, Steer};
use super::pages::{Explanation, Hosts};
use crate::client::commands::promote::stakes;
use crate::client::commands::rollout::resume_stakes;
use crate::client::names::id_of;
use crate::client::output::rollout::explanation;
use crate::client::output::text::plain;

/// Reason of a halt by one key.
const HALTED_HERE: &str = "halted from `tidegate top`";
/// Longest reason that can be typed, in bytes: what the API takes.
const MAX_REASON_BYTES: usize = 512;
/// How often trends are asked for, in seconds.
const TRENDS_EVERY_S: u64 = 15;

/// The dashboard.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) model: Model,
    pub(crate) now: Moment,
    /// The rollout that is shown, `rollouts/{rollout}`.
    selected: Option<String>,
    pub(crate) page: Page,
    pub(crate) ask: Ask,
    /// What became of the last command.
    pub(crate) notice: Option<Result<String, String>>,
    pub(crate) trends: BTreeMap<String, v1::History>,
    trends_asked: Option<(String, u64)>,
    pub(crate) paint: Paint,
}

/// What fills the screen.
#[derive(Debug, Default)]
pub(crate) enum Page {
    /// One rollout at a glance.
    #[default]
    Board,
    /// Its hosts.
    Hosts(Hosts),
    /// Why it is where it is.
    Explain(Explanation),
    /// The keys.
    Help,
}

/// What waits for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nothing.
    #[default]
    Nothing,
    /// A reason to halt with.
    HaltReason {
        /// What is typed so far.
        typed: String,
    },
    /// A reason to lift a halt or a pause with.
    ResumeReason {
        /// What is typed so far.
        typed: String,
    },
    /// A yes.
    YesNo {
        /// What follows.
        stakes: String,
        /// The rollout that it is about.
        rollout: String,
        /// What a yes does.
        how: Steer,
    },
}

/// Whether colours may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// They may.
    Colours,
    /// `NO_COLOR`: bold, dim and reversed alone.
    Plain,
}

impl App {
    /// Nothing is known yet.
    pub(crate) fn new(paint: Paint, rollout: Option<String>, now: Moment) -> Self {
        Self {
            model: Model::default(),
            now,
            selected: rollout,
            page: Page::Board,
            ask: Ask::Nothing,
            notice: None,
            trends: BTreeMap::new(),
            trends_asked: None,
            paint,
        }
    }

    /// The rollout that is shown: the one that was chosen, else the first of the list.
    pub(crate) fn selected(&self) -> Option<&str> {
        let chosen = self.selected.as_deref().filter(|name| self.model.view(name).is_some());
        chosen.or_else(|| self.model.names().first().copied())
    }

    /// The rollout that is shown.
    pub(crate) fn rollout(&self) -> Option<(&v1::Rollout, &v1::RolloutView)> {
        self.model.view(self.selected()?)
    }

    /// Takes in what happened; answers what is to be done.
    pub(crate) fn update(&mut self, msg: Msg, now: Moment) -> Vec<Effect> {
        self.now = now;
        match msg {
            Msg::Key(key) => return self.press(key),
            Msg::Told(told) => self.model.take(*told, now),
            Msg::Lost(why) => self.model.broken = Some(why),
            Msg::Tick => (),
            Msg::Steered(answer) => self.notice = Some(answer),
            Msg::History(history) => drop(self.trends.insert(history.rollout.clone(), history)),
            Msg::Hosts { rollout, page } => {
                if let Page::Hosts(hosts) = &mut self.page {
                    hosts.take(&rollout, page);
                }
            }
            Msg::Explained { rollout, answer } => {
                if let Page::Explain(of) = &mut self.page {
                    let text = answer.map(|answer| explanation(&answer, now.wall));
                    of.take(&rollout, text);
                }
            }
        }
        self.ask_for_trends()
    }

    /// Trends are asked for when another rollout is shown, and now and then.
    fn ask_for_trends(&mut self) -> Vec<Effect> {
        let Some(name) = self.selected().map(str::to_owned) else { return Vec::new() };
        let now = (name, self.now.since_start.as_secs() / TRENDS_EVERY_S);
        if self.trends_asked.as_ref() == Some(&now) {
            return Vec::new();
        }
        let asked = Effect::History(now.0.clone());
        self.trends_asked = Some(now);
        vec![asked]
    }

    fn press(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::Interrupt {
            return vec![Effect::Quit];
        }
        match std::mem::take(&mut self.ask) {
            Ask::Nothing => self.press_page(key),
            Ask::HaltReason { typed } => self.type_reason(key, typed, Reason::Halt),
            Ask::ResumeReason { typed } => self.type_reason(key, typed, Reason::Resume),
            Ask::YesNo { rollout, how, .. } => self.answer(key, Effect::Steer { rollout, how }),
        }
    }

    /// Only a yes is one.
    fn answer(&mut self, key: Key, agreed: Effect) -> Vec<Effect> {
        if matches!(key, Key::Char('y' | 'Y')) {
            return vec![agreed];
        }
        // The way to stop is never behind a question.
        if key == Key::Char('h') {
            return self.halt(HALTED_HERE.to_owned());
        }
        self.notice = Some(Ok("nothing was changed".to_owned()));
        Vec::new()
    }

    fn press_page(&mut self, key: Key) -> Vec<Effect> {
        // What is typed into a filter is no command.
        if let Page::Hosts(hosts) = &mut self.page
            && hosts.is_filtering()
        {
            hosts.type_filter(key);
            return Vec::new();
        }
        match key {
            Key::Char('q') => return vec![Effect::Quit],
            Key::Char('h') => return self.halt(HALTED_HERE.to_owned()),
            Key::Char('H') => self.ask = Ask::HaltReason { typed: String::new() },
            Key::Char('p') => return self.pause_or_resume(),
            Key::Char('r') => self.ask_to_resume(),
            Key::Char('m' | 'P') => self.ask_to_promote(),
            Key::Char('?') => {
                self.page = if matches!(self.page, Page::Help) { Page::Board } else { Page::Help };
            }
            Key::Char('e') => return self.explain(),
            Key::Char(_)
            | Key::Enter
            | Key::Esc
            | Key::Tab
            | Key::BackTab
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Backspace
            | Key::Interrupt => return self.move_on_page(key),
        }
        Vec::new()
    }

    fn move_on_page(&mut self, key: Key) -> Vec<Effect> {
        match (&mut self.page, key) {
            (Page::Hosts(hosts), Key::Up | Key::Down | Key::PageUp | Key::PageDown) => {
                return hosts.scroll(key).into_iter().collect();
            }
            (Page::Hosts(hosts), Key::Char('/')) => hosts.begin_filter(),
            (Page::Explain(of), Key::Up | Key::Down | Key::PageUp | Key::PageDown) => {
                of.scroll(key);
            }
            (Page::Hosts(_) | Page::Explain(_) | Page::Help, Key::Esc | Key::Enter) => {
                self.page = Page::Board;
            }
            (Page::Board, Key::Enter) => return self.drill_down(),
            (Page::Board, Key::Tab | Key::Down) => return self.select(1),
            (Page::Board, Key::BackTab | Key::Up) => return self.select(-1),
            (Page::Board, Key::Esc) => self.notice = None,
            (Page::Board | Page::Hosts(_) | Page::Explain(_) | Page::Help, _) => (),
        }
        Vec::new()
    }

    fn type_reason(&mut self, key: Key, mut typed: String, what: Reason) -> Vec<Effect> {
        match key {
            Key::Esc => {
                self.notice = Some(Ok("nothing was changed".to_owned()));
                return Vec::new();
            }
            Key::Enter => match what {
                Reason::Halt if typed.is_empty() => return self.halt(HALTED_HERE.to_owned()),
                Reason::Halt => return self.halt(typed),
                Reason::Resume if !typed.is_empty() => {
                    self.confirm_resume(typed);
                    return Vec::new();
                }
                Reason::Resume => (),
            },
            Key::Char(letter) if typed.len() + letter.len_utf8() <= MAX_REASON_BYTES => {
                typed.push(letter);
            }
            Key::Backspace => drop(typed.pop()),
            Key::Char(_)
            | Key::Tab
            | Key::BackTab
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Interrupt => (),
        }
        self.ask = match what {
            Reason::Halt => Ask::HaltReason { typed },
            Reason::Resume => Ask::ResumeReason { typed },
        };
        Vec::new()
    }

    /// Stops the rollout that is shown, however old what is shown is.
    fn halt(&mut self, reason: String) -> Vec<Effect> {
        self.steer(Steer::Halt { reason })
    }

    fn steer(&mut self, how: Steer) -> Vec<Effect> {
        let Some(rollout) = self.named() else {
            self.notice = Some(Err("no rollout is shown".to_owned()));
            return Vec::new();
        };
        self.notice = Some(Ok(format!("{} {} …", how.word(), id_of(&rollout))));
        vec![Effect::Steer { rollout, how }]
    }

    /// The rollout that a key is about: also one that was chosen on the command line and is not seen yet.
    fn named(&self) -> Option<String> {
        self.selected().map(str::to_owned).or_else(|| self.selected.clone())
    }

    fn pause_or_resume(&mut self) -> Vec<Effect> {
        match self.rollout().map(|(rollout, _)| rollout.state()) {
            Some(RolloutState::Paused) => {
                self.confirm_resume(String::new());
                Vec::new()
            }
            Some(
                RolloutState::Unspecified
                | RolloutState::Draft
                | RolloutState::Running
                | RolloutState::AwaitingApproval
                | RolloutState::Halted
                | RolloutState::Completed
                | RolloutState::Superseded
                | RolloutState::RollingBack
                | RolloutState::RolledBack,
            )
            | None => self.steer(Steer::Pause),
        }
    }

    fn ask_to_resume(&mut self) {
        match self.rollout().map(|(rollout, _)| rollout.state()) {
            Some(RolloutState::Paused | RolloutState::Halted) => {
                self.ask = Ask::ResumeReason { typed: String::new() };
            }
            Some(
                RolloutState::Unspecified
                | RolloutState::Draft
                | RolloutState::Running
                | RolloutState::AwaitingApproval
                | RolloutState::Completed
                | RolloutState::Superseded
                | RolloutState::RollingBack
                | RolloutState::RolledBack,
            )
            | None => self.notice = Some(Err("it is neither paused nor halted".to_owned())),
        }
    }

    fn confirm_resume(&mut self, reason: String) {
        let asked =
            self.rollout().map(|(rollout, _)| (rollout.name.clone(), resume_stakes(rollout)));
        if let Some((rollout, stakes)) = asked {
            self.ask = Ask::YesNo { stakes, rollout, how: Steer::Resume { reason } };
        }
    }

    fn ask_to_promote(&mut self) {
        let Some((rollout, _)) = self.rollout() else {
            self.notice = Some(Err("no rollout is shown".to_owned()));
            return;
        };
        let stakes = stakes(rollout, false);
        let how = Steer::Promote { tier: rollout.tier.clone(), wave: rollout.wave };
        self.ask = Ask::YesNo { stakes, rollout: rollout.name.clone(), how };
    }

    fn explain(&mut self) -> Vec<Effect> {
        let Some(name) = self.named() else { return Vec::new() };
        self.page = Page::Explain(Explanation::of(name.clone()));
        vec![Effect::Explain(name)]
    }

    fn drill_down(&mut self) -> Vec<Effect> {
        let Some(rollout) = self.named() else { return Vec::new() };
        self.page = Page::Hosts(Hosts::of(rollout.clone()));
        vec![Effect::Hosts { rollout, page_token: String::new() }]
    }

    fn select(&mut self, by: isize) -> Vec<Effect> {
        let names = self.model.names();
        let at = names.iter().position(|name| Some(*name) == self.selected()).unwrap_or(0);
        let count = names.len().max(1);
        let next = at.checked_add_signed(by).unwrap_or(count - 1) % count;
        self.selected = names.get(next).map(|name| (*name).to_owned());
        self.ask_for_trends()
    }
}

/// What a reason is typed for.
#[derive(Clone, Copy, Debug)]
enum Reason {
    Halt,
    Resume,
}

impl Steer {
    /// What it is called while it is under way.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Halt { .. } => "halting",
            Self::Pause => "pausing",
            Self::Resume { .. } => "resuming",
            Self::Promote { .. } => "promoting",
        }
    }
}

/// Foreign text on a line of the screen.
pub(crate) fn clean(text: &str) -> String {
    plain(text)
}
