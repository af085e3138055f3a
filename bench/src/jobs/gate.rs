//! What the classifier costs a frame while there are no rules, and with a few: what the stack does for each received frame.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use bench_jobs::Within;
use protocols::classification::classifier::{
    Batch, Classifier, ClassifierRef, Packet, Rulebook, Ruleset, Step, at_start,
};
use protocols::classification::text::parse_rule;

use super::{Findings, Setting};
use crate::report::{Bound, Check, Report};
use crate::series::{Place, Series};

/// The job's name.
pub const NAME: &str = "gate";

const METHOD: &[&str] = &[
    "One thread shows the classifier the headers of a TCP segment again and again, through a reference as the stack's; `checksum` is what the stack does to every IPv4 header besides, for scale.",
    "As in the stack, the classifier is asked at the beginning of each burst what the rules ask for, and for each frame only if they ask for something. Bursts have 32 frames, or one.",
    "A sample is the mean of 100,000 frames; all are measured turn by turn.",
];
const FRAMES: u32 = 100_000;
const BURST: u32 = 32;
const WITHOUT: &str = "no rules";
const SCALE: &str = "checksum of the IPv4 header";

/// A classifier with these rules.
fn classifier(rules: &[&str]) -> Result<ClassifierRef, Box<dyn Error>> {
    let mut set = Ruleset::new();
    for rule in rules {
        set.insert(parse_rule(rule)?)?;
    }
    let mut book = Rulebook::new(at_start(), [1; 16]);
    if !set.is_empty() {
        book.begin(Batch::Replace(set))?;
        while book.step(100) != Step::InForce {}
    }
    Ok(swapper::standalone::<dyn Classifier>(book.object())?)
}

/// Measures.
pub fn run(setting: &Setting) -> Result<Findings, Box<dyn Error>> {
    let rounds = if setting.quick { 3 } else { 31 };
    let mut octets = [0u8; 40];
    octets[..20].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 64, 0, 64, 6, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15]);
    octets[22..24].copy_from_slice(&5201u16.to_be_bytes());
    octets[32..34].copy_from_slice(&[0x50, 0x10]);
    let cases = [
        (WITHOUT, classifier(&[])?, BURST),
        ("no rules, bursts of one frame", classifier(&[])?, 1),
        ("one rule", classifier(&["90 accept"])?, BURST),
        ("connections tracked", classifier(&["10 ct state established accept", "90 accept"])?, BURST),
    ];
    let mut samples = vec![Vec::new(); cases.len() + 1];
    for _ in 0..rounds {
        for ((_, classifier, burst), samples) in cases.iter().zip(&mut samples) {
            let packet = Packet { octets: &octets, length: 1500, interface: 0 };
            samples.push(vec![nanoseconds(*burst, || {
                let duties = black_box(classifier.refresh());
                for _ in 0..*burst {
                    let packet = black_box(&packet);
                    if black_box(duties.incoming) {
                        black_box(classifier.incoming(packet, &|| false, 1_000_000));
                    }
                }
            })]);
        }
        samples[cases.len()].push(vec![nanoseconds(1, || {
            black_box(protocols::frame::checksum::Sum::new().with(black_box(&octets[..20])).is_right());
        })]);
    }
    let names = cases.iter().map(|(name, ..)| *name).chain([SCALE]);
    let series = names.zip(samples).map(|(name, samples)| {
        Series::new((Place::Host, "a received frame", name), "ns", Within::Median, samples, String::new())
    });
    Ok(Findings {
        method: METHOD.iter().map(ToString::to_string).collect(),
        published: Vec::new(),
        series: series.collect(),
    })
}

/// The mean time for a frame of `once`, which is for so many.
fn nanoseconds(frames: u32, mut once: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..FRAMES / frames {
        once();
    }
    began.elapsed().as_nanos() as f64 / f64::from(FRAMES)
}

/// Next to nothing: no more than the checksum of the IPv4 header takes.
pub fn checks(report: &Report) -> Vec<Check> {
    let of = |peer| report.series(Place::Host, "a received frame", peer);
    let Some((ours, scale)) = of(WITHOUT).zip(of(SCALE)) else { return Vec::new() };
    let name = String::from("the classifier without rules, a frame");
    vec![Check::new(Place::Host, name, (ours.ratio(scale), "×"), SCALE, Bound::AtMost, 1.0)]
}
