//! The paths as bars: what each adds to a plain listener, with its interval.

use serde_json::Value;

use super::canvas::{Canvas, FAINT, INK, SOFT, short, ticks};
use super::{MARGIN, WIDTH};

const TOLLGATE: &str = "#1f6f8b";
const NATIVE: &str = "#8a93a0";
const OTHER: &str = "#c9a227";

/// Bars that share an axis: title, and for each bar its path, its label and its colour.
type Rows = &'static [(&'static str, &'static str, &'static str)];

const USUAL: (&str, Rows) = (
    "RS256, 2048 bits: µs added to a plain listener",
    &[
        ("empty_wasm", "empty Wasm filter", OTHER),
        ("floor_warm", "a filter with Tollgate's host calls alone", OTHER),
        ("native_cached", "native jwt_authn, token in its cache", NATIVE),
        ("warm", "Tollgate, token seen before", TOLLGATE),
        ("warm_policies", "the same, with policies, rate and quota", TOLLGATE),
        ("native", "native jwt_authn", NATIVE),
        ("native_headers", "native jwt_authn, one claim header", NATIVE),
        ("floor_cold_host_rs256", "the same calls, and the host's crypto", OTHER),
        ("cold_host_rs256", "Tollgate, new token, host's crypto", TOLLGATE),
        ("cold_wasm_rs256", "Tollgate, new token, in Wasm", TOLLGATE),
        ("refused_missing", "Tollgate refuses: no token", TOLLGATE),
        ("refused_signature_rs256", "Tollgate refuses: bad signature", TOLLGATE),
    ],
);

const DEAR: (&str, Rows) = (
    "Other algorithms, and a general library: µs added to a plain listener",
    &[
        ("cold_host_es256", "new token, ES256, host's crypto", TOLLGATE),
        ("cold_host_es384", "new token, ES384, host's crypto", TOLLGATE),
        ("cold_wasm_ps256", "new token, PS256, in Wasm", TOLLGATE),
        ("cold_wasm_eddsa", "new token, EdDSA, in Wasm", TOLLGATE),
        ("cold_wasm_es256", "new token, ES256, in Wasm", TOLLGATE),
        ("cold_wasm_es384", "new token, ES384, in Wasm", TOLLGATE),
        ("refused_signature_ps256", "bad signature, PS256", TOLLGATE),
        ("refused_signature_eddsa", "bad signature, EdDSA", TOLLGATE),
        ("refused_signature_es256", "bad signature, ES256", TOLLGATE),
        ("refused_signature_es384", "bad signature, ES384 (has a budget)", TOLLGATE),
        ("jwt_simple_rs256", "jwt-simple on every request, RS256", OTHER),
    ],
);

const SHARED: (&str, Rows) = (
    "A rate and a quota, token seen before: µs added to a listener without a filter",
    &[
        ("limits_process", "Tollgate, counted in the process", TOLLGATE),
        ("limits_fleet", "Tollgate, counted for a fleet", TOLLGATE),
        ("limits_process_before", "counted in the process, before an upstream", TOLLGATE),
        ("limits_exact", "a call for each request, before an upstream", TOLLGATE),
        ("limits_exact_both", "two calls for each, before an upstream", TOLLGATE),
        ("native_ratelimit", "native ratelimit, a call for each, the same", NATIVE),
        ("native_ratelimit_both", "native ratelimit, two limits a call, the same", NATIVE),
    ],
);

const LABELS: f64 = 290.0;
const ROW: f64 = 24.0;

/// Draws both groups from `y` on; where they end.
pub(super) fn draw(canvas: &mut Canvas, report: &Value, y: f64) -> f64 {
    let y = group(canvas, report, &USUAL, y);
    group(canvas, report, &DEAR, y + 12.0) + 12.0
}

/// Draws the limits that a service counts from `y` on; where they end.
pub(super) fn draw_shared(canvas: &mut Canvas, report: &Value, y: f64) -> f64 {
    group(canvas, report, &SHARED, y) + 12.0
}

fn group(canvas: &mut Canvas, report: &Value, (title, rows): &(&str, Rows), y: f64) -> f64 {
    let added = |path: &str, what: &str| report["added_us"][path][what].as_f64();
    let most = rows
        .iter()
        .filter_map(|(path, ..)| Some(added(path, "high")?.max(added(path, "median")?)))
        .fold(0.0, f64::max);
    let axis = ticks(most);
    let end = axis.last().copied().unwrap_or(1.0);
    let from = MARGIN + LABELS;
    let place = |value: f64| from + value.clamp(0.0, end) / end * (WIDTH - from - 70.0);
    canvas.text(MARGIN, y + 12.0, "start", 14.0, INK, title);
    let top = y + 24.0;
    let bottom = top + ROW * rows.len() as f64;
    for tick in &axis {
        let x = place(*tick);
        canvas.line((x, top), (x, bottom), FAINT, 1.0);
        canvas.text(x, bottom + 14.0, "middle", 11.0, SOFT, &short(*tick));
    }
    for (number, (path, label, fill)) in rows.iter().enumerate() {
        let middle = top + ROW * (number as f64 + 0.5);
        canvas.text(from - 8.0, middle + 4.0, "end", 12.0, INK, label);
        let Some(median) = added(path, "median") else { continue };
        let (low, high) =
            (added(path, "low").unwrap_or(median), added(path, "high").unwrap_or(median));
        canvas.bar(from, middle - 7.0, place(median) - from, 14.0, fill);
        canvas.line((place(low), middle), (place(high), middle), INK, 1.5);
        for end in [low, high] {
            canvas.line((place(end), middle - 4.0), (place(end), middle + 4.0), INK, 1.5);
        }
        let after = place(high.max(median)) + 6.0;
        canvas.text(after, middle + 4.0, "start", 12.0, INK, &short(median));
    }
    bottom + 24.0
}
