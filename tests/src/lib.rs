//! Does the whole hold? The parts that the tests of the whole project share.

pub mod lab;
