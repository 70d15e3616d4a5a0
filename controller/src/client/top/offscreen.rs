//! What does the dashboard take until a message is drawn? One without a terminal, to measure that.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tidegate_proto::v1;
use tokio::time::Instant;

use super::app::{App, Paint};
use super::msg::{Moment, Msg};
use super::screen;
use crate::client::clock;

/// A large terminal: columns and lines.
const SIZE: (u16, u16) = (200, 60);

/// A dashboard whose frames nobody sees.
#[derive(Debug)]
pub(crate) struct Offscreen {
    app: App,
    terminal: Terminal<TestBackend>,
    began: Instant,
}

impl Offscreen {
    /// Nothing is shown yet.
    pub(crate) fn new() -> Self {
        let began = Instant::now();
        let app = App::new(Paint::Colours, None, moment(began));
        let Ok(terminal) = Terminal::new(TestBackend::new(SIZE.0, SIZE.1));
        Self { app, terminal, began }
    }

    /// Takes in a message and draws the frame that shows it.
    pub(crate) fn show(&mut self, told: v1::WatchResponse) {
        self.app.update(Msg::Told(Box::new(told)), moment(self.began));
        let Ok(_) = self.terminal.draw(|frame| screen::draw(frame, &self.app));
    }
}

fn moment(began: Instant) -> Moment {
    Moment { wall: clock::now(), since_start: began.elapsed() }
}
