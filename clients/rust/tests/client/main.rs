//! The tests, as one program.

// SPDX-License-Identifier: Apache-2.0

mod common;
mod peers;
mod vectors;
