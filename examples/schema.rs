//! Writes the JSON Schema of the configuration:
//! `cargo run --example schema > docs/config.schema.json`.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let schema = format!("{:#}\n", tollgate::config::schema());
    io::stdout().write_all(schema.as_bytes())
}
