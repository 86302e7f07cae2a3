//! The curves, memory and what else there is, as a grid of small charts.

use serde_json::Value;

use super::canvas::{Canvas, FAINT, INK, SOFT, short, ticks};
use super::{MARGIN, WIDTH};

const LINE: &str = "#1f6f8b";
const COLUMNS: usize = 4;
const GAP: f64 = 28.0;
const HEIGHT: f64 = 170.0;

/// What a chart is called, and what its horizontal axis counts.
const CURVES: [(&str, &str, &str); 8] = [
    ("keys", "keys in a set", "new token, µs added"),
    ("providers", "providers", "token seen before, µs added"),
    ("apis", "APIs", "token seen before, µs added"),
    ("policies", "policies", "token seen before, µs added"),
    ("token_bytes", "bytes of a token", "token seen before, µs added"),
    ("live_tokens", "live tokens in turn (EdDSA)", "µs added"),
    ("identities", "limited identities in turn (ES256)", "µs added"),
    ("workers", "workers", "token seen before, µs added"),
];

/// A point with its interval.
struct Point {
    at: f64,
    value: f64,
    low: f64,
    high: f64,
}

/// Draws the grid from `y` on; where it ends.
pub(super) fn draw(canvas: &mut Canvas, report: &Value, y: f64) -> f64 {
    let mut cells = Cells { next: 0, top: y };
    for (name, title, unit) in CURVES {
        let points: Vec<_> =
            report["curves"][name].as_array().into_iter().flatten().filter_map(point).collect();
        if !points.is_empty() {
            chart(canvas, cells.take(), title, unit, &points);
        }
    }
    let memory: Vec<_> =
        report["memory"]["points"].as_array().into_iter().flatten().filter_map(resident).collect();
    if !memory.is_empty() {
        let unit = "resident memory of Envoy, MB";
        chart(canvas, cells.take(), "distinct tokens so far", unit, &memory);
    }
    facts(canvas, cells.take(), report);
    cells.bottom()
}

struct Cells {
    next: usize,
    top: f64,
}

impl Cells {
    /// Left and upper edge of the next cell.
    fn take(&mut self) -> (f64, f64) {
        let (row, column) = (self.next / COLUMNS, self.next % COLUMNS);
        self.next += 1;
        (MARGIN + column as f64 * (width() + GAP), self.top + row as f64 * (HEIGHT + GAP))
    }

    fn bottom(&self) -> f64 {
        self.top + self.next.div_ceil(COLUMNS) as f64 * (HEIGHT + GAP) - GAP
    }
}

fn width() -> f64 {
    let columns = COLUMNS as f64;
    (WIDTH - 2.0 * MARGIN - GAP * (columns - 1.0)) / columns
}

fn point(value: &Value) -> Option<Point> {
    let number = |name: &str| value[name].as_f64();
    let (at, value) = (number("at")?, number("median")?);
    Some(Point { at, value, low: number("low")?, high: number("high")? })
}

fn resident(value: &Value) -> Option<Point> {
    let (at, bytes) = (value["tokens"].as_f64()?, value["resident_bytes"].as_f64()?);
    let value = bytes / 1e6;
    (at > 0.0).then_some(Point { at, value, low: value, high: value })
}

fn chart(canvas: &mut Canvas, (x, y): (f64, f64), title: &str, unit: &str, points: &[Point]) {
    let left = x + 30.0;
    let (top, bottom) = (y + 40.0, y + HEIGHT - 18.0);
    canvas.text(x, y + 12.0, "start", 13.0, INK, title);
    canvas.text(x, y + 27.0, "start", 11.0, SOFT, unit);
    let axis = ticks(points.iter().map(|point| point.high.max(point.value)).fold(0.0, f64::max));
    let end = axis.last().copied().unwrap_or(1.0);
    let height = |value: f64| bottom - value.clamp(0.0, end) / end * (bottom - top);
    for tick in &axis {
        canvas.line((left, height(*tick)), (x + width(), height(*tick)), FAINT, 1.0);
        canvas.text(left - 5.0, height(*tick) + 4.0, "end", 10.0, SOFT, &short(*tick));
    }
    // Every step of a curve is some times the one before.
    let first = points.first().map_or(0.0, |point| point.at.ln());
    let last = points.last().map_or(1.0, |point| point.at.ln());
    let span = (last - first).max(f64::EPSILON);
    let place = |at: f64| left + 8.0 + (at.ln() - first) / span * (x + width() - left - 20.0);
    for pair in points.windows(2) {
        let end = |point: &Point| (place(point.at), height(point.value));
        canvas.line(end(&pair[0]), end(&pair[1]), LINE, 1.5);
    }
    let mut free_from = f64::NEG_INFINITY;
    for point in points {
        let x = place(point.at);
        canvas.line((x, height(point.low)), (x, height(point.high)), INK, 1.0);
        canvas.dot((x, height(point.value)), LINE);
        // Labels that would touch are left out.
        if x >= free_from {
            canvas.text(x, bottom + 14.0, "middle", 10.0, SOFT, &short(point.at));
            free_from = x + 28.0;
        }
    }
}

fn facts(canvas: &mut Canvas, (x, y): (f64, f64), report: &Value) {
    canvas.text(x, y + 12.0, "start", 13.0, INK, "besides");
    let rsa = |by: &str| report["rsa2048_us"][by]["median"].as_f64();
    let records =
        |what: &str| report["memory"]["records"][format!("{what}_bytes_per_10000")].as_f64();
    let facts = [
        rsa("tollgate").map(|us| format!("RSA-2048 in Wasm: {} µs", short(us))),
        rsa("jwt_simple").map(|us| format!("the same by jwt-simple: {} µs", short(us))),
        report["module_bytes"]
            .as_f64()
            .map(|bytes| format!("tollgate.wasm: {} KiB", short((bytes / 1024.0).round()))),
        report["memory"]["growth_bytes"].as_f64().map(|bytes| {
            let tokens = short(report["memory"]["tokens"].as_f64().unwrap_or(f64::NAN));
            format!("10k to {tokens} tokens: {:+.1} MB", bytes / 1e6)
        }),
        records("session").map(|bytes| format!("10k sessions on record: {:.1} MB", bytes / 1e6)),
        records("limit").map(|bytes| format!("10k with rate and quota: {:.1} MB", bytes / 1e6)),
        report["fleet"]["zipf"]["calls_per_request"]
            .as_f64()
            .map(|calls| format!("calls of 3 proxies a request: {calls:.3}")),
    ];
    for (number, fact) in facts.iter().flatten().enumerate() {
        canvas.text(x, y + 36.0 + 20.0 * number as f64, "start", 12.0, INK, fact);
    }
}
