//! The byte vectors of `clients/vectors`, for the tests.

// SPDX-License-Identifier: Apache-2.0

use serde_json::Value;
use std::path::Path;

pub struct Vector {
    pub name: String,
    pub way: String,
    pub frames: Vec<Vec<u8>>,
    pub decoded: Value,
}

pub fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let mut vectors = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().map_or(true, |extension| extension != "json") {
            continue;
        }
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        vectors.push(Vector {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            way: file["way"].as_str().unwrap().to_owned(),
            frames: file["frames"].as_array().unwrap().iter().map(bytes).collect(),
            decoded: file["decoded"].clone(),
        });
    }
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(vectors.len() >= 40, "{} vectors", vectors.len());
    vectors
}

pub fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap().as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hex.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
