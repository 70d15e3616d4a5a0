//! Does the whole hold? The parts that the tests of the whole project share.

pub mod books;
pub mod clients;
pub mod cluster;
pub mod door;
pub mod image;
pub mod lab;
pub mod network;
pub mod often;
pub mod operator;
pub mod processes;
pub mod receiver;
pub mod screen;
pub mod sim;
pub mod syscalls;
pub mod trouble;
pub mod typed;
pub mod view;
