//! Just enough SVG.

use std::fmt::Write as _;

/// For what is to be read.
pub(super) const INK: &str = "#1d2430";
/// For what is to be read second.
pub(super) const SOFT: &str = "#5b6472";
/// For lines behind everything.
pub(super) const FAINT: &str = "#e3e6ea";

/// Shapes, in the order in which they were drawn.
#[derive(Default)]
pub(super) struct Canvas {
    shapes: String,
}

impl Canvas {
    /// Text at a place: `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: &str, size: f64, ink: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.shape(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{ink}">{text}</text>"#
        ));
    }

    /// A filled rectangle.
    pub(super) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.shape(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"/>"#
        ));
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.shape(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{ink}" stroke-width="{width}"/>"#
        ));
    }

    /// A point.
    pub(super) fn dot(&mut self, at: (f64, f64), fill: &str) {
        let (x, y) = at;
        self.shape(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{fill}"/>"#));
    }

    /// The picture, on a light ground.
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" role="img">
<title>{title}</title>
<rect width="100%" height="100%" fill="white"/>
{}</svg>
"#,
            self.shapes
        )
    }

    fn shape(&mut self, shape: std::fmt::Arguments<'_>) {
        writeln!(self.shapes, "{shape}").expect("a string takes everything");
    }
}

/// Round numbers from 0 to just beyond `most`: at least two, at most seven.
pub(super) fn ticks(most: f64) -> Vec<f64> {
    let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
    let power = 10_f64.powf((most / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| most / step <= 5.0).unwrap_or(most);
    let count = (most / step).ceil() as u32;
    (0..=count).map(|tick| f64::from(tick) * step).collect()
}

/// A number as short as it may be: `0.5`, `12.3`, `450`, `1,900`, `100k`, `1M`.
pub(super) fn short(number: f64) -> String {
    let rounded = number.round();
    if number.abs() >= 1e6 {
        format!("{}M", (number / 1e5).round() / 10.0)
    } else if number.abs() >= 10_000.0 {
        format!("{}k", (number / 1000.0).round())
    } else if number.abs() >= 1000.0 {
        format!("{},{:03}", (rounded / 1000.0).floor(), rounded % 1000.0)
    } else if number.abs() >= 100.0 || number.fract() == 0.0 {
        format!("{rounded}")
    } else {
        format!("{number:.1}")
    }
}
