//! Does the whole hold? The parts that the tests of the whole project share.

pub mod cluster;
pub mod door;
pub mod lab;
pub mod operator;
pub mod processes;
pub mod sim;
pub mod syscalls;
pub mod trouble;
pub mod view;
