//! Does the log keep what was synced, whatever is lost of the rest, and refuse what was damaged?

mod crash;
mod damage;
mod memory;
mod rolling;
mod trace;
