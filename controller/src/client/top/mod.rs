//! `tidegate top`: the fleet, its rollouts and the controllers on one screen, and the way to stop always at
//! hand. [`App`] decides what is shown; this file carries keys, streams and commands.

mod app;
mod commands;
mod model;
mod msg;
mod offscreen;
mod pages;
mod screen;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::advice::{Intent, Subject};
use super::clock;
use super::errors::Failure;
use super::exit::Exit;
use super::feed::{Fed, Feed};
use super::names;
use super::output::text::plain;
use super::session::Session;
use super::settings::Globals;
use app::{App, Paint};
use msg::{Effect, Key, Moment, Msg};
pub(crate) use offscreen::Offscreen;

/// How often the age of what is shown is drawn anew.
const TICK: Duration = Duration::from_millis(500);
/// Pause after a stream was refused.
const AGAIN: Duration = Duration::from_secs(1);
/// Most that happens between two frames.
const QUEUE: usize = 1_024;

/// Flags of `top`.
#[derive(Debug, Args)]
pub struct Top {
    /// The rollout to begin with, e.g. `113.1` [default: the one that moves].
    #[arg(value_parser = names::rollout)]
    rollout: Option<String>,
}

/// Runs until the operator quits.
pub(crate) async fn run(globals: Globals, flags: Top) -> Result<Exit, Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let why = "it draws on a terminal, and here is none";
        let next = "tidegate rollout get -w 113.1   # in a pipe: one line a change";
        return Err(Failure::usage("show the dashboard", "NO_TERMINAL", why, next));
    }
    let mut terminal = ratatui::try_init().map_err(|error| draws(&error))?;
    let local = tokio::task::LocalSet::new();
    let ended = local.run_until(drive(&mut terminal, globals, flags)).await;
    ratatui::restore();
    ended
}

async fn drive(
    terminal: &mut ratatui::DefaultTerminal,
    globals: Globals,
    flags: Top,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let moment = || Moment { wall: clock::now(), since_start: began.elapsed() };
    let (sender, mut inbox) = mpsc::channel(QUEUE);
    read_keys(sender.clone());
    tokio::task::spawn_local(feed(globals.clone(), sender.clone()));
    tokio::task::spawn_local(tick(sender.clone()));
    let paint = match std::env::var_os("NO_COLOR").filter(|value| !value.is_empty()) {
        Some(_) => Paint::Plain,
        None => Paint::Colours,
    };
    let mut app = App::new(paint, flags.rollout, moment());
    loop {
        terminal.draw(|frame| screen::draw(frame, &app)).map_err(|error| draws(&error))?;
        let Some(first) = inbox.recv().await else { return Ok(Exit::Done) };
        let mut happened = vec![first];
        while let Ok(more) = inbox.try_recv() {
            happened.push(more);
        }
        for msg in happened {
            for effect in app.update(msg, moment()) {
                if effect == Effect::Quit {
                    return Ok(Exit::Done);
                }
                tokio::task::spawn_local(carry_out(globals.clone(), effect, sender.clone()));
            }
        }
    }
}

/// Each command has a connection of its own: a stream that hangs is not in its way.
async fn carry_out(globals: Globals, effect: Effect, sender: mpsc::Sender<Msg>) {
    if let Some(answer) = commands::carry_out(globals, effect).await {
        // Where the screen is gone, nobody looks.
        drop(sender.send(answer).await);
    }
}

/// Follows the cluster for as long as the screen is there. Whatever a controller has is shown, with its age.
async fn feed(globals: Globals, sender: mpsc::Sender<Msg>) {
    let intent = Intent::read("follow the cluster", Subject::Cluster);
    let mut feed = Feed::new(intent, "");
    let Ok(mut session) = Session::new(globals) else { return };
    session.client.show_what_is_there();
    loop {
        let msg = match feed.next(&mut session.client, None).await {
            Ok(Fed::Told(told)) => Msg::Told(told),
            Ok(Fed::Broken(status)) => Msg::Lost(plain(status.message())),
            Ok(Fed::TimeIsUp) => return,
            Err(failure) => {
                let why = failure.why();
                tokio::time::sleep(AGAIN).await;
                Msg::Lost(why)
            }
        };
        if sender.send(msg).await.is_err() {
            return;
        }
    }
}

async fn tick(sender: mpsc::Sender<Msg>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if sender.send(Msg::Tick).await.is_err() {
            return;
        }
    }
}

/// Keys come on a thread of their own: the process does not wait for it when it ends.
fn read_keys(sender: mpsc::Sender<Msg>) {
    std::thread::spawn(move || {
        while let Ok(event) = crossterm::event::read() {
            let msg = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => key_of(key).map(Msg::Key),
                Event::Resize(..) => Some(Msg::Tick),
                Event::Key(_)
                | Event::FocusGained
                | Event::FocusLost
                | Event::Mouse(_)
                | Event::Paste(_) => None,
            };
            if let Some(msg) = msg
                && sender.blocking_send(msg).is_err()
            {
                return;
            }
        }
    });
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a key without a meaning here has none")]
fn key_of(key: KeyEvent) -> Option<Key> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if control => Key::Interrupt,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}

fn draws(error: &std::io::Error) -> Failure {
    Failure::machine(
        "draw the dashboard",
        error,
        "try another terminal, or `tidegate rollout get -w`",
    )
}
