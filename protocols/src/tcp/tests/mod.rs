//! Tests of the engine as a whole. `world` joins two engines by a simulated link; `script` speaks to one engine segment by segment;
//! `oracle` lets it speak with smoltcp's TCP.

mod bulk;
mod imperfect;
mod oracle;
mod pacing;
mod reordering;
mod script;
mod scripts_attack;
mod scripts_close;
mod scripts_controllers;
mod scripts_cookies;
mod scripts_data;
mod scripts_ecn;
mod scripts_frto;
mod scripts_memory;
mod scripts_open;
mod scripts_place;
mod scripts_probe;
mod scripts_rack;
mod scripts_recovery;
mod scripts_swaps;
mod world;
