//! What each fuzz target does with its octets.
#![forbid(unsafe_code)]

pub mod control;
mod frames;
mod input;
mod link;
pub mod lookup;
pub mod rules;
mod scene;
mod streams;

use input::Input;
use scene::Scene;

/// Plays the scene that `octets` describe; panics if the stack breaks a promise.
pub fn frame(octets: &[u8]) {
    let mut input = Input::new(octets);
    let mut scene = Scene::new(input.octet());
    while !input.is_empty() {
        scene.act(&mut input);
    }
    scene.settle();
}
