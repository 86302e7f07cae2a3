//! The report as a picture: bars for the paths, a small chart for each curve.

mod bars;
mod canvas;
mod charts;

use serde_json::Value;

use canvas::{Canvas, INK, SOFT};

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;

/// Draws the report as SVG; what it does not hold is left out.
pub(crate) fn draw(report: &Value) -> String {
    let mut canvas = Canvas::default();
    canvas.text(MARGIN, 36.0, "start", 18.0, INK, "What a request costs Envoy, CPU time");
    canvas.text(MARGIN, 56.0, "start", 12.0, SOFT, &conditions(report));
    let mut y = 84.0;
    if report["paths"].is_object() {
        y = bars::draw(&mut canvas, report, y);
    }
    if report["fleet"].is_object() {
        y = bars::draw_shared(&mut canvas, &report["fleet"], y);
    }
    y = charts::draw(&mut canvas, report, y);
    canvas.finish(WIDTH, y + MARGIN, "What a request costs Envoy with Tollgate and with others")
}

fn conditions(report: &Value) -> String {
    let about = &report["about"];
    let text = |name: &str| about[name].as_str().unwrap_or("unknown").to_owned();
    format!(
        "Envoy {}, one worker on one core of {}; median of {} rounds with its 95 % interval{}",
        text("envoy"),
        text("processor"),
        about["rounds"],
        if about["quick"] == true { " (a quick run)" } else { "" }
    )
}
