//! Is what is told of a controller right, bounded, and readable by those who ask?

mod bounds;
mod checker;
mod counting;
mod writing;

pub(crate) use checker::{Scrape, read};
