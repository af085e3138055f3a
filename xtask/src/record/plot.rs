//! A recorded run as a plot: the window above, the rate below, a line at each swap.

use std::fmt::Write;

use super::window::{LENGTH, LINK, Look, Run};

const SIZE: (f64, f64) = (900.0, 430.0);
const LEFT: f64 = 62.0;
const RIGHT: f64 = 885.0;
const INK: &str = "#222222";
const PALE: &str = "#dddddd";
/// Seconds over which a rate is taken.
const RATE_OVER: f64 = 0.5;

/// One of the two: its pixels from top to bottom, and the value at the top.
struct Panel {
    top: f64,
    bottom: f64,
    most: f64,
    title: &'static str,
}

impl Panel {
    fn at(&self, seconds: f64, value: f64) -> (f64, f64) {
        let x = LEFT + seconds / LENGTH as f64 * (RIGHT - LEFT);
        (x, self.bottom - (value / self.most).clamp(0.0, 1.0) * (self.bottom - self.top))
    }

    fn frame(&self, svg: &mut String) {
        for quarter in 0..=4 {
            let value = self.most * f64::from(quarter) / 4.0;
            let (_, y) = self.at(0.0, value);
            line(svg, (LEFT, y), (RIGHT, y), if quarter == 0 { INK } else { PALE }, "");
            text(svg, (LEFT - 6.0, y + 4.0), "end", 12, &format!("{value:.0}"));
        }
        text(svg, (12.0, self.top - 10.0), "start", 13, self.title);
    }

    fn curve(&self, svg: &mut String, points: &[(f64, f64)], colour: &str) {
        let points: Vec<String> =
            points.iter().map(|&(x, y)| self.at(x, y)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(svg, r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
    }
}

/// The SVG document.
pub fn draw(run: &Run) -> String {
    // The last ones may come while iperf3 exchanges its results.
    let looks = &run.looks[..run.looks.partition_point(|look| look.at <= LENGTH as f64)];
    let kilo = |look: &Look| (look.at, look.cwnd / 1e3);
    let highest = looks.iter().map(|look| look.cwnd / 1e3).fold(0.0, f64::max);
    let window = Panel {
        top: 84.0,
        bottom: 270.0,
        most: (highest / 100.0).ceil().max(1.0) * 100.0,
        title: "congestion window, kB",
    };
    let rate = Panel { top: 316.0, bottom: 386.0, most: 60.0, title: "sent, Mbit/s" };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\">\n\
         <rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
        SIZE.0, SIZE.1
    );
    text(&mut svg, (12.0, 24.0), "start", 16, "One download, its congestion controller swapped twice");
    text(&mut svg, (12.0, 44.0), "start", 12, &format!("link: {LINK}"));
    window.frame(&mut svg);
    rate.frame(&mut svg);
    for second in (0..=LENGTH).step_by(6) {
        let (x, _) = rate.at(second as f64, 0.0);
        text(&mut svg, (x, rate.bottom + 18.0), "middle", 12, &second.to_string());
    }
    text(&mut svg, ((LEFT + RIGHT) / 2.0, rate.bottom + 36.0), "middle", 13, "seconds");
    for part in looks.chunk_by(|one, other| one.controller == other.controller) {
        let colour = colour(&part[0].controller);
        window.curve(&mut svg, &part.iter().map(kilo).collect::<Vec<_>>(), colour);
        rate.curve(&mut svg, &part.iter().filter_map(|look| rate_at(look, looks)).collect::<Vec<_>>(), colour);
        let (x, _) = window.at(part[0].at, 0.0);
        let name = format!(
            r#"<text x="{:.1}" y="{:.1}" font-size="14" fill="{colour}" font-weight="bold">{}</text>"#,
            x + 6.0,
            window.bottom - 8.0,
            part[0].controller
        );
        let _ = writeln!(svg, "{name}");
    }
    for swap in &run.swaps {
        let (x, _) = window.at(swap.at, 0.0);
        line(&mut svg, (x, window.top - 6.0), (x, rate.bottom), INK, r#" stroke-dasharray="5 4""#);
        let (before, after) = swap.cwnd;
        let said = format!("swap in {:.1} ms: {:.0} kB → {:.0} kB", swap.total_ns / 1e6, before / 1e3, after / 1e3);
        text(&mut svg, (x + 4.0, window.top - 10.0), "start", 12, &said);
    }
    svg + "</svg>\n"
}

/// Mbit/s at a look, if there is another one [`RATE_OVER`] before it.
fn rate_at(look: &Look, all: &[Look]) -> Option<(f64, f64)> {
    let earlier = all.iter().rev().find(|earlier| earlier.at <= look.at - RATE_OVER)?;
    Some((look.at, (look.octets - earlier.octets) * 8e-6 / (look.at - earlier.at)))
}

fn colour(controller: &str) -> &'static str {
    if controller == "reno" { "#0b5394" } else { "#e07b00" }
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str, more: &str) {
    let _ = writeln!(svg, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"{more}/>"#);
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, size: u32, said: &str) {
    let _ = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{INK}">{said}</text>"#
    );
}

#[cfg(test)]
mod tests {
    use super::{Look, Run, draw, rate_at};

    fn look(at: f64, controller: &str, octets: f64) -> Look {
        Look { at, controller: controller.into(), cwnd: 2e5, srtt_us: 4e4, octets, retransmits: 0.0 }
    }

    #[test]
    fn a_rate_is_that_of_the_last_half_second() {
        let looks = [look(1.0, "reno", 0.0), look(1.25, "reno", 9e9), look(1.5, "reno", 2.5e6)];
        assert_eq!(rate_at(&looks[2], &looks), Some((1.5, 40.0)));
        assert_eq!(rate_at(&looks[1], &looks), None);
    }

    #[test]
    fn each_controller_has_its_own_curve() {
        let run = Run { looks: vec![look(1.0, "reno", 0.0), look(2.0, "cubic", 1e6)], swaps: Vec::new() };
        let svg = draw(&run);
        assert!(svg.contains(">reno</text>") && svg.contains(">cubic</text>"), "{svg}");
    }
}
