#![no_std]

pub mod congestion;
